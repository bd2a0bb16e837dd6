"""What is refused about accounts, and the limits that the errors name."""

from __future__ import annotations

from typing import ClassVar

PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 1000
DISPLAY_NAME_MAX_LENGTH = 60
GROUP_NAME_MAX_LENGTH = 60
TOKEN_NAME_MAX_LENGTH = 60
TOKEN_MAX_YEARS = 10


class AccountError(Exception):
    """A change of an account, or a sign-in, was refused.

    Attributes:
        code: stable name of the reason, the key of translations.
        sentence: what is wrong, in English without a full stop; a format for its facts.
        message: the sentence with its facts put in.
    """

    code: ClassVar[str] = "account"
    sentence: ClassVar[str]

    def __init__(self, username: str = "", **facts: int) -> None:
        self.message = self.sentence.format(username=username, **facts)
        super().__init__(self.message)


class UsernameInvalidError(AccountError):
    """A user name with characters that are not allowed, or too long."""

    code = "username_invalid"
    sentence = "a user name has 1 to 64 letters a-z, digits, and . _ @ - after the first"


class UsernameTakenError(AccountError):
    """Another user has this name, perhaps in other capitals."""

    code = "username_taken"
    sentence = "there is a user {username!r} already"


class DisplayNameUnfitError(AccountError):
    """A display name that is too long, or is not one printable line."""

    code = "display_name_unfit"
    sentence = f"a display name is one line of at most {DISPLAY_NAME_MAX_LENGTH} characters"


class PasswordUnfitError(AccountError):
    """A password that is too short; other reasons are subclasses."""

    code = "password_unfit"
    sentence = f"a password has at least {PASSWORD_MIN_LENGTH} characters"


class PasswordTooLongError(PasswordUnfitError):
    """A password that is longer than anyone types, which would only take time to hash."""

    code = "password_too_long"
    sentence = f"a password has at most {PASSWORD_MAX_LENGTH:,} characters"


class PasswordGuessableError(PasswordUnfitError):
    """A common password, or one that follows a simple pattern."""

    code = "password_guessable"
    sentence = "this password is common or follows a simple pattern"


class PasswordPersonalError(PasswordUnfitError):
    """A password that is hardly more than what is public about its account."""

    code = "password_personal"
    sentence = "this password is too close to the name of the user or of the site"


class UserNotFoundError(AccountError):
    """No user has this name."""

    code = "user_not_found"
    sentence = "there is no user {username!r}"


class LastAdminError(AccountError):
    """The change would leave no active admin."""

    code = "last_admin"
    sentence = "{username} is the last active admin"


class AccountChangedError(AccountError):
    """Another admin changed the account after the page was shown."""

    code = "account_changed"
    sentence = "someone else changed the account {username!r} in the meantime"


class GroupNameUnfitError(AccountError):
    """A name of a group that is empty, too long, or is not one printable line."""

    code = "group_name_unfit"
    sentence = f"the name of a group is one line of 1 to {GROUP_NAME_MAX_LENGTH} characters"


class GroupNameTakenError(AccountError):
    """Another group has this name, perhaps in other capitals."""

    code = "group_name_taken"
    sentence = "there is a group {username!r} already"


class TokenNameUnfitError(AccountError):
    """A name of a token that is empty, too long, or is not one printable line."""

    code = "token_name_unfit"
    sentence = f"the name of a token is one line of 1 to {TOKEN_NAME_MAX_LENGTH} characters"


class TokenScopesMissingError(AccountError):
    """A token that could do nothing."""

    code = "token_scopes_missing"
    sentence = "a token has at least one scope"


class TokenExpiryUnfitError(AccountError):
    """An expiry that is not in the future, or too far away."""

    code = "token_expiry_unfit"
    sentence = f"a token expires in the future, in {TOKEN_MAX_YEARS} years at most, or never"


class TokenOwnerUnfitError(AccountError):
    """Every scope needs an active admin as the owner of the token."""

    code = "token_owner_unfit"
    sentence = "{username!r} is no active admin, and only such a user can have a token"


class TokenNotRevokedError(AccountError):
    """That a token is revoked could not be written: the disk is full or refuses."""

    code = "token_not_revoked"
    sentence = "the token was not revoked, because the data directory cannot be written"


class TokenInvalidError(AccountError):
    """No valid token is this text."""

    code = "token_invalid"
    sentence = "the token is not valid"


class TokenRevokedError(TokenInvalidError):
    """The token was valid once; who sends it knows it, so it may be named."""

    code = "token_revoked"
    sentence = "the token was revoked"


class TokenUserInactiveError(TokenInvalidError):
    """The token is in force, but its user is deactivated."""

    code = "token_user_inactive"
    sentence = "the user of the token is deactivated"


class TokenExpiredError(AccountError):
    """The token is no longer valid."""

    code = "token_expired"
    sentence = "the token has expired"


class TokenThrottledError(AccountError):
    """Too many invalid tokens came from this address.

    Attributes:
        wait_s: how long to wait before the next attempt.
    """

    code = "token_throttled"
    sentence = "too many invalid tokens from this address"

    def __init__(self, wait_s: int) -> None:
        super().__init__()
        self.wait_s = wait_s


class SetupRefusedError(AccountError):
    """The setup link is wrong, or was used."""

    code = "setup_refused"
    sentence = "this setup link is not valid, or was used"


class SignInRefusedError(AccountError):
    """Wrong name, wrong password, or deactivated: it does not say which."""

    code = "sign_in_refused"
    sentence = "user name and password do not match"


class SignInThrottledError(AccountError):
    """Too many failures for this name or from this address; the password was not checked.

    Attributes:
        retry_after_s: seconds until the next attempt, at least 1.
    """

    code = "sign_in_throttled"
    sentence = "too many failed attempts; try again in {retry_after_s} seconds"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s
