"""The fields of each kind of destination, as data: the form, its errors and its tests read them.

A field of an option is named after its group, one of a secret begins with `secret`, so that no page
carries it on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _
from launcher.offsite.records import Service

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

OTHER = "other"
MAX_TEXT = 1000
MAX_SECRET = 20_000
_CA_LABEL = _("File of a certificate authority")
_CA_HINT = _("A path on this server, for a service with a certificate of your own authority.")
_SFTP, _WEBDAV, _SMB, _B2, _DRIVE = "sftp", "webdav", "smb", "b2", "drive"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        group: the service, or the type of rclone, that has it.
        option: its name in `Destination.options`, or in `Destination.secrets`.
        shape: "text", "number", "password", or "area" for several lines.
        choices: the values of a list to choose from, with their words.
    """

    group: str
    option: str
    label: LazyString | str
    hint: LazyString | str = ""
    shape: str = "text"
    is_secret: bool = False
    is_required: bool = False
    choices: Mapping[str, LazyString | str] | None = None

    @property
    def name(self) -> str:
        """The name of its control."""
        prefix = "secret_" if self.is_secret else ""
        return f"{prefix}{self.group}_{self.option}"


TYPES: Mapping[str, LazyString | str] = {
    _SFTP: "SFTP",
    _WEBDAV: "WebDAV",
    _SMB: "SMB",
    _B2: "Backblaze B2",
    _DRIVE: "Google Drive",
    OTHER: _("Another type"),
}
"""The types of rclone that have fields of their own, and the one for all others."""

FOLDER_FIELDS: Sequence[Field] = (
    Field(
        "folder", "path", _("Path"), _("For example /mnt/nas/launcher. Mount it first."),
        is_required=True,
    ),
)  # fmt: skip

S3_FIELDS: Sequence[Field] = (
    Field("s3", "endpoint", _("Endpoint"), _("The URL of the service. Empty for AWS.")),
    Field("s3", "bucket", _("Bucket"), _("Create it at the service first."), is_required=True),
    Field("s3", "folder", _("Folder in it"), _("Optional.")),
)

S3_ACCESS: Sequence[Field] = (
    Field("s3", "key_id", _("Key ID"), is_secret=True, is_required=True),
    Field("s3", "secret", _("Secret"), shape="password", is_secret=True, is_required=True),
)

S3_MORE: Sequence[Field] = (
    Field("s3", "region", _("Region"), _("Only where the endpoint does not name it.")),
    Field(
        "s3", "path_style", _("Bucket in the address"),
        choices={"": _("Automatic"), "on": _("In the path"), "off": _("In the host name")},
    ),
    Field("s3", "ca_file", _CA_LABEL, _CA_HINT),
)  # fmt: skip

RCLONE_FIELDS: Sequence[Field] = (
    Field(_SFTP, "host", _("Host"), is_required=True),
    Field(_SFTP, "port", _("Port"), _("Empty for 22."), shape="number"),
    Field(_SFTP, "user", _("User"), is_required=True),
    Field(_SFTP, "pass", _("Password"), shape="password", is_secret=True),
    Field(
        _SFTP, "key_pem", _("Or a private key"), _("The full text of the key file."),
        shape="area", is_secret=True,
    ),
    Field(
        _SFTP, "known_hosts", _("Host key of the server"),
        _("Empty: the test finds it. Clear it if the server was replaced."), shape="area",
    ),
    Field(_WEBDAV, "url", _("URL"), _("With the folder of the user."), is_required=True),
    Field(
        _WEBDAV, "vendor", _("Software"),
        choices={
            "other": _("Other"), "nextcloud": "Nextcloud", "owncloud": "ownCloud",
            "fastmail": "Fastmail", "sharepoint": "SharePoint",
        },
    ),
    Field(_WEBDAV, "user", _("User")),
    Field(_WEBDAV, "pass", _("Password"), shape="password", is_secret=True),
    Field(_WEBDAV, "ca_file", _CA_LABEL, _CA_HINT),
    Field(_SMB, "host", _("Host"), is_required=True),
    Field(_SMB, "port", _("Port"), _("Empty for 445."), shape="number"),
    Field(_SMB, "user", _("User")),
    Field(_SMB, "domain", _("Domain"), _("Optional.")),
    Field(_SMB, "pass", _("Password"), shape="password", is_secret=True),
    Field(_B2, "account", _("Key ID"), is_secret=True, is_required=True),
    Field(_B2, "key", _("Secret"), shape="password", is_secret=True, is_required=True),
    Field(_DRIVE, "root_folder_id", _("ID of the folder"), _("Optional.")),
    Field(
        _DRIVE, "token", _("Token"),
        _("What “rclone authorize drive” prints on a computer with a browser."),
        shape="password", is_secret=True, is_required=True,
    ),
    Field(OTHER, "type", _("Type"), _("As rclone names it, for example ftp."), is_required=True),
    Field(
        OTHER, "lines", _("Options"),
        _("One a line, as name=value, by the names of rclone."), shape="area",
    ),
    Field(
        OTHER, "lines", _("Secret options"),
        _("Passwords and tokens, also as name=value."), shape="area", is_secret=True,
    ),
)  # fmt: skip

RCLONE_FOLDER = Field(
    "rclone", "folder", _("Folder there"),
    _("For SMB the share comes first, for Backblaze B2 the bucket."),
)  # fmt: skip

ALL: Sequence[Field] = (
    *FOLDER_FIELDS, *S3_FIELDS, *S3_ACCESS, *S3_MORE, *RCLONE_FIELDS, RCLONE_FOLDER,
)  # fmt: skip


def fields_of(service: Service, type_: str) -> Sequence[Field]:
    """Return the fields that count for a kind of destination."""
    groups = {service.value, type_} if service is Service.RCLONE else {service.value}
    return [each for each in ALL if each.group in groups]
