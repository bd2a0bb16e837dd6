"""Receive a backup file from a browser: streamed to disk within limits, then checked and listed.

The order matters, since the check of the CSRF token reads the whole form. The view checks the
rights first: a guest must not fill the disk. Then the announced length and the free space are
checked. Only then is the body read, with the gate released: a slow upload must not delay a restore.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, NoReturn, ParamSpec, TypeVar, cast

from flask import Flask, Request, abort, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from launcher.background.uploads import IncomingFile, sweep
from launcher.backup.errors import UploadRejectedError
from launcher.backup.reasons import Reason
from launcher.backup.records.text import clean_note
from launcher.current import current_backups, current_config
from launcher.db.session import reads_form_itself, release, resume
from launcher.extensions import csrf
from launcher.http.incoming import Received, drain, drained, require_room
from launcher.http.places import place_to_transfer
from launcher.i18n.formats import size
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.web.errors import show_refusal

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import FileStorage

    from launcher.config import Config

P = ParamSpec("P")
R = TypeVar("R")

# The form around the file: its token, a note, the headers of each part.
_FORM_BYTES = 1 << 16
_MAX_PARTS = 20
_NAME_CHARACTERS = 200

_NO_FILE = (
    _("No file arrived"),
    _("Choose a backup file first. If you did, the upload was interrupted. Upload the file again."),
)


class ReceivingRequest(Request):
    """A request whose view decides where the file in its form is written."""

    file_maker: Callable[[str], IO[bytes]] | None = None

    def make_form_data_parser(self) -> FormDataParser:
        """Return the parser; where a file is received, a form that is no form is an error."""
        parser = super().make_form_data_parser()
        parser.silent = self.file_maker is None
        return parser

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.file_maker is not None:
            return self.file_maker(filename or "")
        return super()._get_file_stream(
            total_content_length, content_type, filename, content_length
        )


def init_app(app: Flask) -> None:
    """Let requests receive files, and remove incomplete ones from before the start."""
    app.request_class = ReceivingRequest
    sweep(current_config(app).incoming_dir)


def receives_file(view: Callable[P, R]) -> Callable[P, R]:
    """Let a view call `received_file`: nothing has read the form of its request before."""
    reads_form_itself(view)
    # Only from the check before every view, which would read the whole form of a guest.
    csrf.exempt(view)
    return view


@contextmanager
def received_file() -> Iterator[Received]:
    """Receive the one file in the field `file` of this request's form.

    The caller is marked by `receives_file` and has checked the rights without reading the form.
    In the block the gate is released and the CSRF token is checked. The file is deleted after it,
    unless an operation has taken it over. Refusals end the request with their page.

    Raises:
        CSRFError: the form has no valid token.
        TooManyTransfersError, InsufficientSpaceError, StoreUnavailableError
    """
    with place_to_transfer(), _received_file(current_config()) as received:
        yield received


@contextmanager
def _received_file(config: Config) -> Iterator[Received]:
    release()
    if (request.content_length or 0) > config.upload_limit_bytes + _FORM_BYTES:
        _refuse_size(config.upload_limit_bytes)
    sweep(config.incoming_dir)
    with drained(2 * config.upload_limit_bytes), ExitStack() as stack:
        require_room()
        yield _read_form(config, stack)


def _read_form(config: Config, stack: ExitStack) -> Received:
    made: list[IncomingFile] = []

    def make(filename: str) -> IO[bytes]:
        if not filename or made:
            return _Discarded()  # an empty field, or one file too many
        file = IncomingFile(config.incoming_dir, limit_bytes=config.upload_limit_bytes)
        made.append(stack.enter_context(file))
        return cast("IO[bytes]", file)

    incoming = cast("ReceivingRequest", request)
    incoming.max_content_length = config.upload_limit_bytes + _FORM_BYTES
    incoming.max_form_parts = _MAX_PARTS
    incoming.file_maker = make
    try:
        csrf.protect()
    except RequestEntityTooLarge:
        _refuse_size(config.upload_limit_bytes)
    except UploadRejectedError as error:
        if error.reason is not Reason.TOO_LARGE:
            raise
        _refuse_size(int(error.facts["limit_bytes"]))
    except ValueError as error:
        # What draws the page may ask for the form again.
        incoming.file_maker = None
        _refuse_form(error, config)
    name = _only_name(made)
    return Received(made[0].path, name)


def _only_name(made: list[IncomingFile]) -> str:
    """Return the name of the file that was sent, or refuse a form without exactly one."""
    sent: list[FileStorage] = [
        each for name in request.files for each in request.files.getlist(name) if each.filename
    ]
    if len(sent) > 1:
        _refuse(_("Several files selected"), _("Nothing was uploaded. Upload one file at a time."))
    if not sent or sent[0].name != "file":
        _refuse(*_NO_FILE)
    if made[0].size_bytes == 0:
        _refuse(
            _("This file is empty"),
            _("Nothing was uploaded. The file is empty (0 bytes)."),
        )
    name = (sent[0].filename or "").replace("\\", "/").rpartition("/")[2]
    return clean_note(name.replace("\n", " "))[:_NAME_CHARACTERS] or "upload"


def _refuse(title: LazyString, text: LazyString) -> NoReturn:
    resume(writes=False)
    abort(show_refusal(422, title, str(text)))


def _refuse_form(error: ValueError, config: Config) -> NoReturn:
    drain(config.upload_limit_bytes)
    if isinstance(error, UnicodeDecodeError):
        _refuse(
            _("The name of this file cannot be read"),
            _("Nothing was stored. The name is not in UTF-8. Rename the file and send it again."),
        )
    _refuse(*_NO_FILE)


def _refuse_size(limit_bytes: int) -> NoReturn:
    drain(2 * limit_bytes)
    resume(writes=False)
    text = gettext(
        "Nothing was uploaded. Copy the file to the backup folder on the server"
        " instead: %(path)s. It will appear in the list automatically.",
        path=current_backups().store_path,
    )
    title = _("This file is larger than %(limit)s", limit=size(limit_bytes))
    abort(show_refusal(413, title, text))


class _Discarded(io.BytesIO):
    """A file whose content is dropped."""

    def write(self, data: object) -> int:
        return len(cast("bytes", data))
