"""`sdedge serve` as a command: its address, its token, and what is said without the extra."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sdedge.commands import serve as commands
from sdedge.commands.serve import is_loopback, mcp, serve
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.server.listening import listening_at


def test_without_the_extra_one_sentence_says_what_to_run(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for command in (serve, mcp):
        result = CliRunner().invoke(command, [])
        assert isinstance(result.exception, SdedgeError)
        assert "fastapi" in str(result.exception) and "sdedge[serve]" in str(result.exception)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False), ("192.168.1.2", False),
     ("studio.local", False), ("::", False)],
)  # fmt: skip
def test_everything_but_the_loopback_needs_a_token(host, expected):
    assert is_loopback(host) is expected


def test_a_taken_port_and_no_address_are_sentences(tmp_path):
    import socket

    pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(serve, ["--port", str(taken.getsockname()[1]), "-o", str(tmp_path)])
    assert isinstance(result.exception, SdedgeError) and "choose another with --port" in str(result.exception)
    result = CliRunner().invoke(serve, ["--host", "999.1.1.1", "-o", str(tmp_path)])
    assert isinstance(result.exception, InvalidRequest)


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Runs the command, which serves nothing, and returns its result and the rules that it would serve by."""
    pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")
    from sdedge.server import app

    rules = []
    monkeypatch.setattr(app, "create_app", lambda service, wanted: rules.append(wanted))
    monkeypatch.setattr(commands, "serve_app", lambda *arguments: None)
    monkeypatch.delenv("SDEDGE_TOKEN", raising=False)

    def start(*arguments):
        result = CliRunner().invoke(serve, ["--port", "0", "-o", str(tmp_path), *arguments])
        return result, rules[-1] if rules else None

    return start


@pytest.mark.parametrize(
    ("option", "text"),
    [("--allow-host", "a/b"), ("--allow-host", "*"), ("--allow-origin", "*"), ("--allow-origin", "studio.local"),
     ("--allow-origin", "https://studio.local/app"), ("--allow-origin", "https://")],
)  # fmt: skip
def test_what_would_let_nobody_in_is_refused(started, option, text):
    result, _ = started(option, "good.example" if option == "--allow-host" else "https://good.example", option, text)
    assert isinstance(result.exception, InvalidRequest) and repr(text) in str(result.exception)


def test_names_and_pages_are_taken_as_browsers_send_them(started):
    names = ("--allow-host", "Studio.local", "--allow-host", "studio.local:7860")
    pages = ("https://Studio.local:443/", "http://studio.local:8080", "chrome-extension://abc")
    result, rules = started(*names, *(part for page in pages for part in ("--allow-origin", page)))
    assert result.exit_code == 0, result.exception
    assert rules.hosts == {"studio.local", "127.0.0.1"}
    assert rules.origins == {"https://studio.local", "http://studio.local:8080", "chrome-extension://abc"}


def test_a_token_that_was_made_up_is_told_also_quietly(started):
    result, rules = started("--host", "0.0.0.0", "--quiet")
    assert rules.token and rules.token in result.output
    result, rules = started("--host", "0.0.0.0", "--quiet", "--token", "mine-alone")
    assert rules.token == "mine-alone" and "mine-alone" not in result.output


def test_an_answer_is_sent_at_once_and_waits_for_no_acknowledgement_of_its_head():
    """asyncio looks at the protocol, and elsewhere the option itself counts."""
    import socket

    with listening_at("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()) as client:
        connection, _ = listening.accept()
        with connection:
            assert connection.proto == socket.IPPROTO_TCP
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert client.recv(1) == b""


def test_nothing_but_the_server_imports_fastapi():
    modules = "sys, sdedge, sdedge.cli, sdedge.commands.serve, gui"
    code = f"import {modules}; print('fastapi' in sys.modules or 'starlette' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert commands.NEEDED[0] == "fastapi"
