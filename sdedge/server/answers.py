"""Errors as clients read them: a status, and one sentence in the form of the API that was asked."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, ModelError, OutOfMemory, SdedgeError
from sdedge.library.models import Library
from sdedge.places import cache_folder, data_folder, expanded, hub_cache, scratch_folder

OPENAI, A1111 = ("/v1/",), ("/sdapi/", "/controlnet/")
DRAWING_STATUS = {"request": 422, "model": 422, "memory": 422, "crash": 500, "hung": 500, "bug": 500}
"""By the kind of `events.Failed`; others are 500."""


class ServerError(SdedgeError):
    """Something refused or failed here, with the HTTP status that says so."""

    status = 500


class PictureTooLarge(ServerError):
    """A picture, or all of a body, of more bytes or pixels than are taken."""

    status = 413


class TooManyJobs(ServerError):
    """More jobs than the queue of this server takes at a time."""

    status = 429


class UnknownJob(ServerError):
    """A job or picture that is not there, or not the caller's."""

    status = 404


class QueuePaused(ServerError):
    """The queue is paused, so the picture waits in it."""

    status = 503


class DrawingFailed(ServerError):
    """A job that ended without its pictures."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.status = DRAWING_STATUS.get(kind, 500)


def status_of(error: SdedgeError) -> int:
    """Returns the HTTP status of an error: 4xx where the caller can do something about it."""
    if isinstance(error, ServerError):
        return error.status
    return 422 if isinstance(error, InvalidRequest | ModelError | OutOfMemory) else 500


def settled_status(path: str, status: int) -> int:
    """Returns the status in an API's own habit: OpenAI's says 400 where others say 422."""
    return 400 if status == 422 and path.startswith(OPENAI) else status


_PATH = re.compile(r"""(?:(?<![\w.:/<])/|\b[A-Za-z]:[\\/])(?:[^\s'"<>|,;()]+[\\/])+([^\s'"<>|,;()]*)""")

_ABSOLUTE = re.compile(r"(?<!\w)/\w|\b[A-Za-z]:[\\/]|\\\\")
_hidden: set[str] = set()


def hide_folder(folder: Path) -> None:
    """Lets no answer name this folder from now on, whatever signs are in its name."""
    _hidden.update({str(folder), str(expanded(folder).resolve())})


def _hide_model_folders() -> None:
    """Hides the folders of whatever is in the library now, also of what was added while the server runs."""
    with suppress(SdedgeError, sqlite3.Error):  # those that are known stay hidden
        library = Library()
        try:
            for model in library.models():
                hide_folder(model.path.parent)
        finally:
            library.close()


def public_text(text: str) -> str:
    """Returns a sentence for a client: where it names a file of this machine, only the last part of its path."""
    if _ABSOLUTE.search(text):
        _hide_model_folders()
    own = (data_folder(), cache_folder(), scratch_folder(), hub_cache(), Path.home())
    for root in sorted({*map(str, own), *_hidden}, key=len, reverse=True):
        parts = [re.escape(part) for part in re.split(r"[\\/]", root.rstrip("\\/"))]
        pattern = r"(?<!\w)" + r"[\\/]{1,2}".join(parts)
        if any(parts):
            text = re.sub(pattern + r"(?![\w\\/])", "sdedge's folder", re.sub(pattern + r"[\\/]+", "/sdedge/", text))
    return _PATH.sub(r"\1", text)


def error_body(path: str, status: int, message: str, field: str = "") -> dict[str, Any]:
    """Returns the JSON of an error, in the form of the API that `path` belongs to."""
    message = public_text(message)
    if path.startswith(OPENAI):
        kind = "invalid_request_error" if status < 500 else "server_error"
        return {"error": {"message": message, "type": kind, "param": field or None, "code": None}}
    if path.startswith(A1111):
        name = "InvalidRequest" if status < 500 else "ServerError"
        return {"error": name, "detail": message, "body": "", "errors": message, "field": field}
    return {"error": message, "field": field}
