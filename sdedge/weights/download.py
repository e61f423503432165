"""Downloading a file so that nothing is fetched twice: a cut connection, a kill or another day goes on where it stopped.

A partial file lies under a name of its own in a staging folder, with what is known of it beside it. It is continued by a Range
request that holds only for the same content (If-Range), checked whole, and moved to its place.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from sdedge.errors import ModelError, OutputError, Remedy
from sdedge.files import make_private_folder

_PIECE = 1 << 20
_SILENCE = 30.0  # seconds without a byte after which a connection counts as lost
_ATTEMPTS = 4  # in a row that bring nothing new
_PAUSE = 0.5  # seconds before the second of them, twice as long before each further one


@dataclass(frozen=True)
class Remote:
    """A file elsewhere: where, how many bytes, and the hash that names its content: SHA-256, or Git's of a blob, in hex."""

    url: str
    size: int
    content: str
    name: str

    @property
    def partial(self) -> str:
        """The name of its partial file: the same in every call."""
        return f"{self.content if re.fullmatch('[0-9A-Za-z_-]{1,128}', self.content) else _short(self.content)}.part"


def missing(remote: Remote, target: Path, staging: Path) -> int:
    """Returns how many bytes are still to come."""
    if target.is_file():
        return 0
    partial = staging / remote.partial
    return max(0, remote.size - (partial.stat().st_size if partial.is_file() else 0))


def check_space(folder: Path, size: int, what: str) -> None:
    """Raises OutputError when `folder`'s disk has no room for so many bytes."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if size > free:
        raise OutputError(
            f"{what} needs {size / 1e9:.1f} GB more and {folder} has {free / 1e9:.1f} GB free; free some space."
        )


def download(
    remote: Remote,
    target: Path,
    staging: Path,
    headers: Mapping[str, str],
    progress: Callable[[int], None] = lambda count: None,
) -> None:
    """Brings a file to `target`, going on from what `staging` holds of it. `headers` go to the host of its URL alone.

    Raises ModelError when the connection stays lost or what came is not what was announced, OutputError for a disk that is full
    or takes no such file.
    """
    partial = staging / remote.partial
    try:
        make_private_folder(staging)
        _bring_all(remote, partial, headers, progress)
        _check(remote, partial)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(partial, target)
        except OSError:  # another disk
            shutil.move(partial, target)
        _notes(partial).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"Cannot write {partial}: {error.strerror or error}; free some space or use another disk, what came is kept."
        ) from error


class _Lost(Exception):
    """The connection broke, or was none; the same may be asked for again."""


def _bring_all(remote: Remote, partial: Path, headers: Mapping[str, str], progress: Callable[[int], None]) -> None:
    """Asks for what is missing until all of it is there. Raises ModelError, and OSError for a file that cannot be written."""
    attempts = 0
    while (before := _length(partial)) < remote.size or not partial.is_file():
        try:
            _fetch(remote, partial, headers, progress)
        except _Lost as error:
            attempts = 0 if _length(partial) > before else attempts + 1
            if attempts >= _ATTEMPTS:
                raise ModelError(
                    f"The connection was lost while {remote.name} was fetched ({error}); try again, it goes on from there."
                ) from error
            time.sleep(_PAUSE * 2**attempts)


def _length(partial: Path) -> int:
    return partial.stat().st_size if partial.is_file() else 0


def _fetch(remote: Remote, partial: Path, headers: Mapping[str, str], progress: Callable[[int], None]) -> None:
    """Sends one request: appends to the partial file, or begins it anew where the content may be another."""
    have = _length(partial)
    tag = _tag_of(partial) if have <= remote.size else None
    request = urllib.request.Request(remote.url, headers={**headers, "Accept-Encoding": "identity"})
    if have and tag:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag)
    try:
        with _connected():
            response = opener(remote.url).open(request, timeout=_SILENCE)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink(missing_ok=True)
            raise _Lost("the server has no such part") from error
        raise _refusal(error, remote) from error
    with response:
        start = _start_of(response, remote, have if have and tag else 0)
        if start == 0:
            _remember_tag(partial, response.headers.get("ETag"))
        with open(partial, "r+b" if start else "wb") as file:
            file.seek(start)
            _copy(response, file, remote, start, progress)


@contextmanager
def _connected() -> Iterator[None]:
    """Within it what fails is the connection, and not the disk. Raises _Lost, and HTTPError for what a server refuses."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _Lost(str(error)) from error


def _refusal(error: urllib.error.HTTPError, remote: Remote) -> Exception:
    """Returns what to raise for a refusal: _Lost where the same may be asked for again, ModelError elsewhere."""
    if error.code >= 500 or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
        return _Lost(str(error))
    if error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return ModelError(
            f"The server gives {remote.name} to nobody without permission ({error.code}); {Remedy.GIVE_TOKEN}.",
            remedy=Remedy.GIVE_TOKEN,
        )
    said = " ".join(str(error.reason).split())[:200].rstrip(".")
    return ModelError(f"The server does not give {remote.name} ({error.code}: {said}); try again later.")


def _start_of(response: Any, remote: Remote, asked: int) -> int:
    """Returns where in the file the answer begins. Raises ModelError when it is of another size."""
    total: int | None = None
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        match = re.fullmatch(
            r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", response.headers.get("Content-Range", "").strip()
        )
        if match is None or int(match[1]) != asked:
            raise _Lost("the server sent another part than was asked for")
        total = int(match[3])
    elif (length := response.headers.get("Content-Length", "")).isdecimal():
        asked, total = 0, int(length[:18])
    else:
        asked = 0
    if total is not None and total != remote.size:
        raise ModelError(
            f"{remote.name} was announced with {remote.size} bytes and comes with {total}; try again later."
        )
    return asked


def _copy(response: Any, file: IO[bytes], remote: Remote, at: int, progress: Callable[[int], None]) -> None:
    while at < remote.size:
        with _connected():
            piece = response.read(min(_PIECE, remote.size - at))
        if not piece:
            raise _Lost(str(http.client.IncompleteRead(b"", remote.size - at)))
        file.write(piece)
        at += len(piece)
        progress(len(piece))
    file.truncate(at)
    file.flush()
    os.fsync(file.fileno())


def _check(remote: Remote, partial: Path) -> None:
    """Raises ModelError, and forgets the file, when it is not what its hash says."""
    size = partial.stat().st_size
    digest: Any = None
    if re.fullmatch("[0-9a-f]{64}", remote.content):
        digest = hashlib.sha256()
    elif re.fullmatch("[0-9a-f]{40}", remote.content):
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)  # as Git names it
    with open(partial, "rb") as file:
        while digest and (piece := file.read(_PIECE)):
            digest.update(piece)
    if size != remote.size or (digest and digest.hexdigest() != remote.content):
        partial.unlink()
        _notes(partial).unlink(missing_ok=True)
        raise ModelError(f"{remote.name} did not arrive as it was announced: its hash differs; fetch it again.")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, never from https to http, and gives a token to the first host alone."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError as error:  # brackets that are none, a host's name that is too long
            raise ModelError("The server sends to an address that is none; try again later.") from error

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https") or (old.scheme == "https" and new.scheme == "http"):
            raise ModelError(
                f"The server sends to {new.scheme}://{new.netloc[:80]}, which is not followed; try again later."
            )
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None and (new.scheme, new.netloc) != (old.scheme, old.netloc):
            for name in [name for name in made.headers if name.lower() in ("authorization", "cookie")]:
                made.remove_header(name)
        return made


def opener(url: str) -> urllib.request.OpenerDirector:
    """Returns what opens an address of the web and nothing else. Raises ModelError for one of another kind."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ModelError(f"{url[:100]} is no address of the web; check HF_ENDPOINT.")
    opener = urllib.request.OpenerDirector()  # no files, no FTP, no data: URLs
    handlers: tuple[Any, ...] = (
        urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler, _Redirects,
    )  # fmt: skip
    for handler in handlers:
        opener.add_handler(handler())
    return opener


def _notes(partial: Path) -> Path:
    return partial.with_suffix(".json")


def _tag_of(partial: Path) -> str | None:
    """Returns the server's name for the content that the partial file is of; None when it did not give one that holds."""
    with suppress(OSError, ValueError, RecursionError):
        tag = json.loads(_notes(partial).read_text("utf-8"))["etag"]
        if isinstance(tag, str) and re.fullmatch(r'"[\x21\x23-\x7e]{1,200}"', tag):  # a weak one is not for ranges
            return tag
    return None


def _remember_tag(partial: Path, tag: str | None) -> None:
    """Before the first byte: a partial file is never of another content than its note says."""
    partial.unlink(missing_ok=True)
    _notes(partial).write_text(json.dumps({"etag": tag}), "utf-8")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
