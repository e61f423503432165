"""What the Hugging Face Hub says of a repository: its files, their sizes and hashes, its licence, whether it is gated.

The answers are read here rather than by huggingface_hub because they are foreign: each is bounded in bytes and in time, and an
answer that is none of the hub's is told as that. The addresses, fields and error codes are those that huggingface_hub 2.4 uses.
"""

from __future__ import annotations

import http
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.json_values import read_json
from sdedge.text.clean import clean
from sdedge.weights.download import Remote, opener

DEFAULT_ENDPOINT = "https://huggingface.co"
_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")
_LONGEST_ANSWER = 4 << 20  # bytes of one answer of the API
_SILENCE, _PATIENCE = 20.0, 60.0  # seconds without a byte, and for one answer
_MOST_PAGES, _MOST_FILES = 20, 20_000
_LARGEST = 1 << 40  # bytes of one file
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")  # no dot in an owner: that is another host
_REVISION = re.compile(r"[\w][\w./-]{0,99}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,400}")
_NEXT = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="next"')
_VIEWS = ("blob", "resolve", "raw", "tree")  # parts of the addresses that a browser shows
_NO_OWNERS = ("datasets", "spaces", "api", "docs", "settings")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class HubAddress:
    """A repository `owner/name` of the hub, and perhaps one file of it."""

    repository: str
    file: str = ""
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repository}/{self.file}" if self.file else self.repository


@dataclass(frozen=True)
class HubFile:
    """One file: `size` in bytes, `content` its SHA-256 (of a large file) or Git's hash of it, in hex."""

    path: str
    size: int
    content: str


@dataclass(frozen=True)
class HubRepository:
    """One revision of a repository. `licence` is the name that its card gives, as the hub spells it; `gated` says that its
    owner gives it to those who asked for it."""

    name: str
    commit: str
    licence: str
    gated: bool
    files: tuple[HubFile, ...]

    def remote(self, file: HubFile) -> Remote:
        """Returns where that file of that revision is."""
        url = f"{endpoint()}/{self.name}/resolve/{self.commit}/{quote(file.path)}"
        return Remote(url, file.size, file.content, file.path)


def endpoint() -> str:
    """Returns the address of the hub: HF_ENDPOINT, as huggingface_hub reads it, or that of the public one."""
    return (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def host() -> str:
    """Returns the hub's host and port, "" for an endpoint that is no address."""
    try:
        return urlsplit(endpoint()).netloc
    except ValueError:  # brackets that are none
        return ""


def page(repository: str) -> str:
    """Returns the address of a repository's page."""
    return f"{endpoint()}/{repository}"


def is_offline() -> bool:
    """Returns whether HF_HUB_OFFLINE forbids every download."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")


def parse_address(text: str) -> HubAddress:
    """Reads `owner/name`, `owner/name/FILE`, or the address of a repository or file as a browser shows it.

    Raises InvalidRequest for anything else.
    """
    path, hosts, revision = text.strip(), (*_HOSTS, host()), "main"
    if "://" in path or path.lower().startswith(tuple(f"{each}/" for each in hosts if each)):
        parts = _split(path if "://" in path else f"https://{path}")
        if parts.netloc.lower() not in hosts or parts.scheme not in ("http", "https"):
            raise InvalidRequest(
                f"{text.strip()[:100]!r} is no address of the Hugging Face Hub; get it by a browser and {Remedy.ADD_CONTROL}.",
                field="address",
                remedy=Remedy.ADD_CONTROL,
            )
        path = parts.path
    names = [unquote(part) for part in path.split("/") if part]
    owner, name, *rest = [*names, "", ""] if len(names) < 2 else names
    if len(rest) > 1 and rest[0] in _VIEWS:
        revision, rest = rest[1], [] if rest[0] == "tree" else rest[2:]
    address = HubAddress(f"{owner}/{name}", "/".join(rest), revision)
    if (
        not _REPOSITORY.fullmatch(address.repository)
        or owner in _NO_OWNERS
        or ".." in rest
        or not clean(address.file).isprintable()
        or not _REVISION.fullmatch(revision)
    ):
        raise InvalidRequest(
            f"{text.strip()[:100]!r} is not an address; write it as CompVis/stable-diffusion-v1-4, or as the browser shows it.",
            field="address",
        )
    return address


def look_up(repository: str, revision: str = "main", token: str | None = None) -> HubRepository:
    """Asks the hub what a repository holds.

    Raises ModelError when the hub cannot be reached, knows no such repository, wants a token, or answers nonsense.
    """
    if is_offline():
        raise ModelError(f"Cannot get {repository}: HF_HUB_OFFLINE is set, so nothing may be downloaded; unset it.")
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./-]*)?", endpoint()) or not host():
        raise ModelError(f"HF_ENDPOINT is {endpoint()[:100]!r}, which is no address of a hub; correct or unset it.")
    api = f"{endpoint()}/api/models/{repository}"
    about, _ = _ask(f"{api}/revision/{quote(revision, safe='')}", repository, token)
    commit = about.get("sha") if isinstance(about, dict) else None
    if not isinstance(commit, str) or not re.fullmatch("[0-9a-f]{40}", commit):
        raise _nonsense(repository, "no revision")
    files = tuple(_tree(f"{api}/tree/{commit}?recursive=true&expand=false", repository, token))
    return HubRepository(repository, commit, _licence(about), bool(about.get("gated")), files)


def request_headers(url: str, token: str | None) -> dict[str, str]:
    """Returns the headers of a request: the token where it is safe, which is nowhere without TLS but on this machine."""
    headers = {"User-Agent": "sdedge", "Accept-Encoding": "identity"}
    parts = urlsplit(url)
    if token and (parts.scheme == "https" or parts.hostname in _LOOPBACK):
        headers["Authorization"] = f"Bearer {checked_token(token)}"
    return headers


def checked_token(token: str) -> str:
    """Returns a token without the blanks around it. Raises InvalidRequest for what cannot be one."""
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise InvalidRequest("That is not an access token; it is one word without blanks, such as hf_…", field="token")
    return token


def check_permission(repository: HubRepository, token: str | None) -> None:
    """Asks for the smallest file of a gated repository. Raises ModelError when whoever has this token may not have it."""
    files = sorted((file for file in repository.files if file.size), key=lambda file: file.size)
    if not repository.gated or not files:
        return
    url = repository.remote(files[0]).url
    try:
        with opener(url).open(urllib.request.Request(url, headers=request_headers(url, token)), timeout=_SILENCE):
            pass
    except urllib.error.HTTPError as error:
        raise _refused(error, repository.name, token) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, repository.name, error) from error


def read_beginning(remote: Remote, count: int, token: str | None) -> bytes:
    """Returns at most so many of a file's first bytes; none where the server gives no part of it. Raises nothing."""
    request = urllib.request.Request(remote.url, headers=request_headers(remote.url, token))
    request.add_header("Range", f"bytes=0-{count - 1}")
    with (
        suppress(OSError, http.client.HTTPException, ModelError),
        opener(remote.url).open(request, timeout=_SILENCE) as answer,
    ):
        return answer.read(count)
    return b""


def _tree(url: str | None, repository: str, token: str | None) -> Iterator[HubFile]:
    """Yields the files, page by page."""
    count = 0
    for _ in range(_MOST_PAGES):
        entries, url = _ask(str(url), repository, token)
        if not isinstance(entries, list):
            raise _nonsense(repository, "no list of files")
        for entry in entries:
            if (file := _file(entry)) is not None:
                yield file
                count += 1
        if count > _MOST_FILES:
            raise ModelError(f"{repository} has over {_MOST_FILES} files; name one of them, as OWNER/NAME/FILE.")
        if url is None:
            return
    raise _nonsense(repository, "a list of files without an end")


def _file(entry: Any) -> HubFile | None:
    """Returns what an entry of the list says of a file; None for a folder, or for one that says too little to be fetched."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    lfs = entry.get("lfs")
    large: dict[str, Any] = lfs if isinstance(lfs, dict) else {}
    path, size = entry.get("path"), large.get("size", entry.get("size"))
    content, digits = (large["oid"], 64) if "oid" in large else (entry.get("oid"), 40)
    if not isinstance(path, str) or not isinstance(size, int) or not isinstance(content, str):
        return None
    if not 0 <= size < _LARGEST or not re.fullmatch(f"[0-9a-f]{{{digits}}}", content) or len(path) > 500:
        return None
    return None if clean(path) != path or "\\" in path else HubFile(path, size, content)


def _licence(about: dict[str, Any]) -> str:
    card = about.get("cardData")
    card = card if isinstance(card, dict) else {}
    named = card.get("license_name") if card.get("license") in (None, "other", "unknown") else card.get("license")
    tags = about.get("tags")
    if not isinstance(named, str) and isinstance(tags, list):
        tagged = [tag for tag in tags if isinstance(tag, str) and tag.startswith("license:")]
        named = tagged[0].removeprefix("license:") if tagged else ""
    return clean(named)[:100] if isinstance(named, str) else ""


def _ask(url: str, repository: str, token: str | None) -> tuple[Any, str | None]:
    """Returns the JSON at an address of the API, and the address of its next page."""
    request = urllib.request.Request(url, headers={**request_headers(url, token), "Accept": "application/json"})
    try:
        with opener(url).open(request, timeout=_SILENCE) as response:
            data = _read(response, repository)
            link = _NEXT.search(response.headers.get("Link") or "")
            kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    except urllib.error.HTTPError as error:
        raise _refused(error, repository, token) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(url, repository, error) from error
    if kind.endswith("html"):
        raise _nonsense(repository, "a web page")
    try:
        answer = read_json(data, "The hub's answer", _LONGEST_ANSWER)
    except ModelError as error:
        raise _nonsense(repository, "no JSON") from error
    following = link[1] if link else None
    if following and _split(following).netloc != urlsplit(url).netloc:
        raise _nonsense(repository, "a list of files that goes on elsewhere")
    return answer, following


def _read(response: Any, repository: str) -> bytes:
    """Returns the body. Raises ModelError for one that does not end."""
    began, data = time.monotonic(), b""
    while piece := response.read1(1 << 16):
        data += piece
        if len(data) > _LONGEST_ANSWER or time.monotonic() - began > _PATIENCE:
            raise _nonsense(repository, "without an end")
    return data


def _refused(error: urllib.error.HTTPError, repository: str, token: str | None) -> ModelError:
    """Returns a sentence for what the hub refused, by its code and not by its words."""
    with error:
        code, message = error.headers.get("X-Error-Code"), error.headers.get("X-Error-Message")
    if code == "GatedRepo" or error.code == http.HTTPStatus.FORBIDDEN:
        return gated_error(repository)
    if code == "RevisionNotFound":
        return ModelError(f"{repository} has no such revision; see {page(repository)}/tree/main.")
    if token and error.code == http.HTTPStatus.UNAUTHORIZED and message and code != "RepoNotFound":
        return ModelError(f"The hub does not know this token; {Remedy.GIVE_TOKEN}.", remedy=Remedy.GIVE_TOKEN)
    if code == "RepoNotFound" or error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.NOT_FOUND):
        return ModelError(
            f"There is no repository {repository}, or it is private; check the name, or {Remedy.GIVE_TOKEN}.",
            remedy=Remedy.GIVE_TOKEN,
        )
    if 300 <= error.code < 400:
        return _nonsense(repository, "a redirect in circles")
    return ModelError(f"The hub does not answer for {repository} ({error.code}); try again later.")


def gated_error(repository: str) -> ModelError:
    """Returns the sentence for a repository that its owner gives to those who asked."""
    return ModelError(
        f"{repository} is gated: sign in at {page(repository)}, accept its conditions, then {Remedy.TOKEN}.",
        remedy=Remedy.TOKEN,
    )


def _unreachable(url: str, repository: str, error: BaseException) -> ModelError:
    return ModelError(
        f"Cannot reach the hub at {urlsplit(url).netloc} to ask for {repository} ({_reason(error)}); check the network."
    )


def _nonsense(repository: str, what: str) -> ModelError:
    return ModelError(f"{host()} answers {what} for {repository}, which is no answer of a hub; try again later.")


def _split(address: str) -> SplitResult:
    """Returns the parts of an address; empty ones for what is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    text = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return " ".join(str(text).split())[:120]
