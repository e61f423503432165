"""Downloads against a stand-in server that cuts, changes, lies and redirects."""

from __future__ import annotations

import errno
import hashlib
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdedge.errors import ModelError, OutputError
from sdedge.locks import ProcessLock
from sdedge.weights import download as module
from sdedge.weights import fetch
from sdedge.weights.download import Remote, check_space, download

ROOT = Path(__file__).parents[2]
DATA = random.Random(1).randbytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.data` under its `etag`; `server.cuts` are the lengths after which answers break off, in turn."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
            return
        data, start = server.data, 0
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range") == server.etag and server.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = data[start:]
        self.send_header("ETag", server.etag)
        self.send_header("Content-Length", str(server.claims if server.claims is not None else len(body)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(body[:cut])
        if server.stall and cut is not None:
            server.stall.wait(30)
        self.close_connection = True


@contextmanager
def serving(handler=Handler, **answers):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    fields = {"data": DATA, "etag": '"one"', "cuts": [], "redirects": {}, "ranges": True, "claims": None, "stall": None}
    for name, value in {"seen": [], **fields, **answers}.items():
        setattr(server, name, value)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        if server.stall:
            server.stall.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    monkeypatch.setattr(module, "_PIECE", 10_000)
    monkeypatch.setenv("NO_PROXY", "*")


def bring(server, tmp_path, **changed):
    remote = Remote(
        **{"url": f"{server.url}/f", "size": len(DATA), "content": SHA, "name": "unet/x.safetensors", **changed}
    )
    download(remote, tmp_path / "blobs" / "f", tmp_path / "staging", {"Authorization": "Bearer secret"})
    assert not list((tmp_path / "staging").iterdir())
    return (tmp_path / "blobs" / "f").read_bytes()


def ranges(server):
    return [wanted for _, wanted, _ in server.seen]


def test_a_connection_cut_at_several_places_is_continued_from_each(tmp_path):
    with serving(cuts=[0, 1, 99_999, 150_000]) as server:
        assert bring(server, tmp_path) == DATA
    assert ranges(server) == [None, None, "bytes=1-", "bytes=100000-", "bytes=250000-"]


def test_another_call_goes_on_where_the_last_one_stopped(tmp_path):
    with serving(cuts=[120_000, *[0] * 4]) as server:
        with pytest.raises(ModelError, match="it goes on from there"):
            bring(server, tmp_path)
        assert sorted(path.name for path in (tmp_path / "staging").iterdir()) == [f"{SHA}.json", f"{SHA}.part"]
        server.seen.clear()
        assert bring(server, tmp_path) == DATA
    assert ranges(server) == ["bytes=120000-"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.slow
def test_a_killed_process_leaves_what_it_had_to_the_next(tmp_path):
    with serving(cuts=[200_000], stall=threading.Event()) as server:
        code = (
            "import sys; from pathlib import Path; from sdedge.weights.download import *\n"
            f"t = Path(sys.argv[1]); r = Remote({server.url + '/f'!r}, {len(DATA)}, {SHA!r}, 'x')\n"
            "n = 0\ndef told(count):\n    global n; n += count; print(n, flush=True)\n"
            "import sdedge.weights.download as d; d._PIECE = 50_000\n"
            "download(r, t / 'blobs' / 'f', t / 'staging', {}, told)"
        )
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        while process.stdout.readline().strip() != "200000":
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        server.seen.clear()
        assert bring(server, tmp_path) == DATA
    ((wanted),) = ranges(server)
    assert wanted and 100_000 <= int(wanted[6:-1]) <= 200_000


@pytest.mark.parametrize("change", [{"etag": '"two"'}, {"ranges": False}, {"etag": 'W/"weak"'}])
def test_other_content_or_a_server_without_ranges_begins_anew(tmp_path, change):
    with serving(
        cuts=[50_000, *[0] * 4], etag=change.get("etag", '"one"') if "W/" in str(change) else '"one"'
    ) as server:
        with pytest.raises(ModelError):
            bring(server, tmp_path)
        for name, value in change.items():
            setattr(server, name, value)
        assert bring(server, tmp_path) == DATA


def test_what_did_not_arrive_as_announced_is_not_kept(tmp_path):
    with serving(data=DATA[:-1] + b"\0") as server, pytest.raises(ModelError, match="its hash differs"):
        bring(server, tmp_path)
    assert not list((tmp_path / "staging").iterdir()) and not (tmp_path / "blobs").exists()
    with serving(data=DATA + b"more") as server, pytest.raises(ModelError, match="comes with 300004"):
        bring(server, tmp_path)
    with serving(data=DATA * 3, claims="x") as server, pytest.raises(ModelError, match="hash differs"):
        bring(server, tmp_path, content="0" * 64)  # never more than announced is written
    git = hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()
    with serving() as server:
        assert bring(server, tmp_path, content=git) == DATA


def test_a_token_stays_with_its_host_and_redirects_with_the_web(tmp_path):
    with serving() as elsewhere, serving() as hub:
        hub.redirects = {
            "/f": f"{elsewhere.url}/g",
            "/h": "file:///etc/hostname",
            "/i": "ftp://127.0.0.1/x",
            "/j": "/k",
        }
        assert bring(hub, tmp_path) == DATA
        assert hub.seen[0][2] == "Bearer secret" and [seen[2] for seen in elsewhere.seen] == [None]
        hub.seen.clear()
        (tmp_path / "blobs" / "f").unlink()
        assert bring(hub, tmp_path, url=f"{hub.url}/j") == DATA and hub.seen[1][2] == "Bearer secret"
        for path in ("/h", "/i"):
            with pytest.raises(ModelError, match=r"not (followed|allowed)"):
                bring(hub, tmp_path, url=hub.url + path)
        with pytest.raises(ModelError, match="not followed"):
            module._Redirects().redirect_request(
                type("R", (), {"full_url": "https://a/"}), None, 302, "", {}, "http://a/"
            )
    with pytest.raises(ModelError, match="no address of the web"):
        bring(hub, tmp_path, url="file:///etc/hostname")


@pytest.mark.parametrize("address", ["http://[x/y", f"http://{'a' * 70}.example/y", "http://x..y/z"])
def test_a_redirect_to_what_is_no_address_is_told(tmp_path, address):
    with serving(redirects={"/f": address}) as server, pytest.raises(ModelError, match=r"an address that is none"):
        bring(server, tmp_path)


@pytest.mark.parametrize("code", [errno.EFBIG, errno.ENOSPC, errno.EIO])
def test_a_disk_that_takes_no_more_is_not_called_a_lost_connection(tmp_path, monkeypatch, code):
    room = [True]

    class Limited:
        """A file on a disk that takes its first bytes, as FAT takes four gigabytes of one."""

        def __init__(self, file):
            self.file = file

        def write(self, piece):
            if room and self.file.tell() >= 100_000:
                raise OSError(code, os.strerror(code))
            return self.file.write(piece)

        def __getattr__(self, name):
            return getattr(self.file, name)

    @contextmanager
    def limited(path, mode):
        with open(path, mode) as file:
            yield Limited(file)

    monkeypatch.setattr(module, "open", limited, raising=False)
    with serving() as server:
        with pytest.raises(OutputError, match=f"{os.strerror(code)}; free some space or use another disk"):
            bring(server, tmp_path)
        assert ranges(server) == [None]  # it is not asked for again
        room.clear()
        assert bring(server, tmp_path) == DATA
    assert ranges(server) == [None, "bytes=100000-"]


def test_room_is_looked_for_first_and_two_do_not_fetch_one_thing(tmp_path, monkeypatch):
    with pytest.raises(OutputError, match="free some space"):
        check_space(tmp_path / "a" / "b", 10**18, "x/y")
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    lock = ProcessLock(tmp_path / "downloads" / "x--y.lock")
    assert lock.acquire()
    with pytest.raises(ModelError, match=f"process {os.getpid()}"):
        fetch.bring("x/y", "main", [])
    lock.release()


class Hub(Handler):
    """Enough of the Hugging Face Hub for a model of a few small files."""

    FILES = {"model_index.json": b"{}", "LICENSE": b"free"} | {
        f"{part}/{name}": part.encode() * 100_000
        for part, name in (("unet", "diffusion_pytorch_model.safetensors"), ("vae", "diffusion_pytorch_model.safetensors"),
                           ("text_encoder", "model.safetensors"))
    }  # fmt: skip

    def do_HEAD(self):
        self.do_GET(head=True)

    def do_GET(self, head=False):
        path = self.path.partition("?")[0]
        self.server.seen.append((path, self.headers.get("Range"), self.command))
        if "/resolve/" in path:
            data = self.FILES[path.split("/", 5)[5]]
            etag = '"' + hashlib.sha256(data).hexdigest() + '"'
            start = (
                int(wanted[6:-1])
                if (wanted := self.headers.get("Range")) and self.headers.get("If-Range") == etag
                else 0
            )
            self.send_response(206 if start else 200)
            for name, value in (
                ("ETag", etag),
                ("X-Repo-Commit", "c" * 40),
                ("Content-Length", str(len(data) - start)),
            ):
                self.send_header(name, value)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if not head:
                cut = self.server.cuts.pop(0) if self.server.cuts and "unet" in path else None
                self.wfile.write(data[start:][:cut])
            self.close_connection = True
            return
        siblings = [{"rfilename": name} for name in self.FILES]
        tree = [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in self.FILES.items()]
        if "/tree/" in path or "/revision/" in path:
            body = json.dumps(
                tree if "/tree/" in path else {"id": "x/y", "sha": "c" * 40, "siblings": siblings}
            ).encode()
        else:
            body = b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if head else body)


@pytest.mark.slow
def test_fetching_from_a_hub_goes_on_in_the_next_call(tmp_path):
    code = "import sys; from sdedge.weights.fetch import fetch; print(fetch('x/y'))"
    with serving(Hub, cuts=[150_000, *[0] * 4]) as server:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"),
                       "SDEDGE_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}  # fmt: skip
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            environment.pop(name, None)
        command = [sys.executable, "-c", code]
        first = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "it goes on from there" in first.stderr, first.stderr
        server.seen.clear()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        folder = Path(done.stdout.strip())
        assert {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        } == Hub.FILES
        got = [
            (path, wanted)
            for path, wanted, how in server.seen
            if how == "GET" and "/resolve/" in path and "unet" in path
        ]
        assert [wanted for _, wanted in got] == ["bytes=150000-"]
        assert not (tmp_path / "home" / "downloads" / "x--y").exists()
        server.seen.clear()
        assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0
        assert not [path for path, _, how in server.seen if how == "GET" and "/resolve/" in path]
