"""A hub on the loopback that answers as the Hugging Face Hub does, and as no hub should: cut, slow, gated, full of nonsense."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"


@dataclass
class Repository:
    """What is served under one name. `gated` files want TOKEN; `nonsense` names what is answered in place of them."""

    files: dict[str, bytes]
    licence: str = "creativeml-openrail-m"
    gated: bool = False
    commit: str = "c" * 40
    nonsense: str = ""
    """"html", "circle", "length", "content", "endless" or "short" for files; "api-html", "api-endless", "api-circle", "api-json",
    "api-shape" and "api-link" for the list of them."""


@dataclass
class Answers:
    """How the hub answers, and what it was asked: (method, path, Range, Authorization)."""

    repositories: dict[str, Repository]
    cut: int = 0
    """Bytes after which every answer with a large file breaks off; 0 for never."""
    ranges: bool = True
    page: int = 1000
    """Files on a page of the list."""
    stall: threading.Event | None = None
    """Large files come up to `cut`, and the rest when this is set."""
    seen: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)

    def ranges_of(self, name: str) -> list[str | None]:
        return [wanted for _, path, wanted, _ in self.seen if "/resolve/" in path and path.endswith(name)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer()

    def answer(self, body=True):
        answers, path = self.server.answers, unquote(urlsplit(self.path).path)
        answers.seen.append((self.command, path, self.headers.get("Range"), self.headers.get("Authorization")))
        is_api = path.startswith("/api/models/")
        name = "/".join(path.removeprefix("/api/models/").strip("/").split("/")[:2])
        repository = answers.repositories.get(name)
        credentials = self.headers.get("Authorization")
        if credentials not in (None, f"Bearer {TOKEN}"):
            return self.say(401, {"X-Error-Message": "Invalid credentials in Authorization header"}, b"{}")
        if repository is None:
            return self.say(401 if credentials is None else 404, {"X-Error-Code": "RepoNotFound"}, b"{}")
        if is_api:
            return self.list_files(repository, name, path)
        if repository.gated and credentials is None:
            return self.say(403, {"X-Error-Code": "GatedRepo"}, b"{}")
        return self.file(repository, path.split("/resolve/", 1)[1].partition("/")[2], body)

    def list_files(self, repository, name, path):
        kind = repository.nonsense.removeprefix("api-") if repository.nonsense.startswith("api-") else ""
        if kind == "html":
            return self.say(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html>Sign in</html>")
        if kind == "circle":
            return self.say(302, {"Location": self.path}, b"")
        if kind == "endless":
            return self.endless({"Content-Type": "application/json"})
        if kind in ("json", "shape"):
            return self.say(200, {}, b"{{{" if kind == "json" else b'{"sha": 5}')
        if "/revision/" in path:
            gated = "auto" if repository.gated else False
            about = {"id": name, "sha": repository.commit, "gated": gated, "cardData": {"license": repository.licence}}
            return self.say(200, {}, json.dumps(about).encode())
        entries = [entry(path, data) for path, data in repository.files.items()]
        start = int(dict(pair.split("=") for pair in urlsplit(self.path).query.split("&")).get("cursor", 0))
        more = start + self.server.answers.page
        host = f"http://{self.headers['Host']}"
        headers = {"Link": f'<{host}{path}?recursive=true&cursor={more}>; rel="next"'} if more < len(entries) else {}
        headers = {"Link": '<http://[x>; rel="next"'} if kind == "link" else headers
        return self.say(
            200, headers, json.dumps([{"type": "directory", "path": "unet"}, *entries[start:more]]).encode()
        )

    def file(self, repository, path, body):
        data = repository.files.get(path)
        if data is None:
            return self.say(404, {"X-Error-Code": "EntryNotFound"}, b"")
        etag, kind = f'"{content(data)}"', repository.nonsense
        if kind == "circle":
            return self.say(302, {"Location": self.path}, b"")
        if kind == "html":
            return self.say(200, {"Content-Type": "text/html"}, b"<html>Please sign in</html>")
        if kind == "endless":
            return self.endless({"ETag": etag})
        if kind == "content":
            data = bytes([data[0] ^ 1]) + data[1:]
        if kind == "length":
            data = data + b"more"
        answers, start, wanted = self.server.answers, 0, self.headers.get("Range")
        if wanted and answers.ranges and self.headers.get("If-Range") in (None, etag):
            first, last = wanted.removeprefix("bytes=").split("-")
            start, end = int(first), min(int(last or len(data)), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
            data = data[start : end + 1]
        else:
            self.send_response(200)
        for header, value in (("ETag", etag), ("X-Repo-Commit", repository.commit), ("Content-Length", len(data))):
            self.send_header(header, str(value))
        self.end_headers()
        if not body:
            return None
        cut = answers.cut if len(data) > answers.cut > 0 else len(data)
        self.wfile.write(data[:cut] if kind != "short" else data[: len(data) // 2])
        if answers.stall is not None and cut < len(data):
            self.wfile.flush()
            answers.stall.wait(30)
            self.wfile.write(data[cut:])
        return None

    def endless(self, headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            while not self.server.over.is_set():
                self.wfile.write(b" " * 65536)

    def say(self, status, headers, data):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(data)


def content(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if len(data) > 1000 else git_hash(data)


def git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def entry(path: str, data: bytes) -> dict:
    """A row of the hub's list: of a large file with its SHA-256, as those in Git LFS have it."""
    row = {"type": "file", "path": path, "size": len(data), "oid": git_hash(data)}
    large = {"lfs": {"oid": content(data), "size": len(data), "pointerSize": 134}} if len(data) > 1000 else {}
    return {**row, **large}


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # of a client that left


@contextmanager
def serving(**repositories: Repository):
    """Yields the Answers of a hub that serves these repositories, `owner__name` for `owner/name`, and its `url`."""
    server = Server(("127.0.0.1", 0), Handler)
    answers = server.answers = Answers({name.replace("__", "/"): each for name, each in repositories.items()})
    answers.url = f"http://127.0.0.1:{server.server_port}"
    server.over = threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        server.over.set()
        if answers.stall is not None:
            answers.stall.set()
        server.shutdown()
        server.server_close()
        thread.join()
