"""The name of an app, from what its page says or from its host name.

A few rules that hold for most apps. A person reads each proposal and changes what is wrong.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

MAX_NAME_LENGTH = 60

_BETWEEN = re.compile(r"\s+[-\u2010-\u2015|·•:»«/—]+\s+|\s*[|·•»«]\s*|:\s+")
_SIGN_IN = (
    r"sign[ -]?in|log[ -]?in|log[ -]?on|authentication|anmelden|anmeldung|einloggen|вход|войти"
    r"|авторизация|connexion|iniciar sesión"
)
_IN_FRONT = re.compile(rf"(?i)^(?:(?:please )?(?:{_SIGN_IN}) (?:to|in|bei|в) |welcome to )")
_AT_THE_END = re.compile(rf"(?i)[ :]+(?:{_SIGN_IN})(?: page)?$")
_SAYS_NOTHING = re.compile(
    rf"(?i)^(?:(?:please )?(?:{_SIGN_IN})|home|homepage|start|startseite|главная|index|dashboard"
    r"|overview|übersicht|обзор|welcome|loading|redirecting|just a moment|untitled|document"
    r"|react app|vite app|index of /.*|[45]\d\d .*|error|your account)[ .!…]*$"
)


def name_of(names: list[str], title: str, host: str) -> str:
    """Return the name to propose, "" when there is none.

    `names` are what the page calls its app, the best first.
    """
    of_host = name_of_host(host)
    for name in names:
        if _is_good(name):
            return name
    pieces = [piece for piece in _pieces(title) if _is_good(piece)]
    for piece in pieces:
        if of_host and _letters(piece).startswith(_letters(of_host)):
            return piece
    if pieces and re.search(r":\s", title) and len(_pieces(title)) > 1:
        return pieces[0]  # "Forgejo: Beyond coding"
    return pieces[-1] if pieces else of_host


def name_of_host(host: str) -> str:
    """Return the first part of a host name as a name, "" for an address."""
    if _is_address(host):
        return ""
    labels = [label for label in host.lower().split(".") if label]
    if len(labels) > 1 and labels[0] == "www":
        labels = labels[1:]
    if not labels or labels == ["localhost"]:
        return ""
    try:
        label = labels[0].encode("ascii").decode("idna")
    except UnicodeError:
        label = labels[0]
    words = [word for word in re.split(r"[-_]+", label) if word]
    return " ".join(word[:1].upper() + word[1:] for word in words)


def is_sign_in(title: str) -> bool:
    """Whether a title is that of a page to sign in."""
    return bool(title) and re.search(rf"(?i)(?<!\w)(?:{_SIGN_IN})(?!\w)", title) is not None


def _pieces(title: str) -> list[str]:
    pieces = (_IN_FRONT.sub("", piece.strip()) for piece in _BETWEEN.split(title))
    return [stripped for piece in pieces if (stripped := _AT_THE_END.sub("", piece).strip())]


def _is_good(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and _SAYS_NOTHING.match(name) is None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        # The other forms of an address end with a number, which no name does.
        return re.fullmatch(r"\d+|0[xX][0-9a-fA-F]*", host.rpartition(".")[2]) is not None
    return True
