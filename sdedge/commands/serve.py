"""`sdedge serve` and `sdedge mcp`: the server of this machine, and the one that an assistant starts for itself."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import secrets
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo, note
from sdedge.commands.values import integer
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.interpreter import how_to_install
from sdedge.places import expanded

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from sdedge.server.job_service import JobService

NEEDED = ("fastapi", "uvicorn", "multipart", "mcp")
PORTS = 65535
_out = click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: sdedge/served of yours]"
)


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen; others need a token."
)
@click.option("--port", type=integer(0, PORTS), default=7860, show_default=True, help="0 takes a free one.")
@click.option(
    "--token", envvar="SDEDGE_TOKEN", help="Ask for it, as Bearer or as the password; made up where one is needed."
)
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name of this server; may be repeated."
)
@click.option(
    "--allow-origin", "origins", multiple=True, metavar="URL", help="A page that may use it, as https://name."
)
@_out
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the address, and a token that was made up.")
@click.option("--json", "as_json", is_flag=True, help="Print address and token as JSON.")
@click.option("--until-eof", is_flag=True, hidden=True)  # whoever started it has ended
def serve(
    host: str,
    port: int,
    token: str | None,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    out: Path | None,
    **how: bool,
) -> None:
    """Serve the demo page and the APIs of A1111, OpenAI and MCP until Ctrl-C.

    Pictures are drawn by the queue, one after another, and are in the gallery. See docs/server.md.
    """
    check_installed()
    from sdedge.server.app import create_app
    from sdedge.server.guard import Rules, host_name, origin_of

    was_asked_for, token = bool(token), token or ("" if is_loopback(host) else secrets.token_urlsafe(24))
    names = _allowed("--allow-host", hosts, host_name, "names such as studio.local")
    pages = _allowed(
        "--allow-origin", origins, origin_of, "addresses such as https://studio.local:8443, without a path"
    )
    rules = Rules(names | {host.lower().strip("[]")}, pages, token)
    service = service_at(out)
    app = create_app(service, rules)
    listening = _bound(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
    if how["as_json"]:
        echo(json.dumps({"address": address, "token": token}))
    else:
        _say(address, token, how["quiet"], made_up=not was_asked_for)
    sys.stdout.flush()
    serve_app(app, service, listening, how["until_eof"])


def _say(address: str, token: str, quiet: bool, made_up: bool) -> None:
    """Prints where the server is, and its token: also quietly where nobody else knows it."""
    echo(address)
    if token and (made_up or not quiet):
        note(f"Every client needs the token {token} as its password.")
    if not quiet:
        note("The page, A1111's API at /sdapi/v1, OpenAI's at /v1 and MCP at /mcp. Ctrl-C ends it.")


def _allowed(option: str, texts: tuple[str, ...], read: Callable[[str], str], what: str) -> frozenset[str]:
    """Returns what an option names. Raises InvalidRequest for the first text that `read` makes nothing of."""
    for text in texts:
        if not read(text):
            raise InvalidRequest(f"{option} takes {what}; {text!r} is none.")
    return frozenset(map(read, texts))


def serve_app(app: ASGIApp, service: JobService, listening: socket.socket, until_eof: bool) -> None:
    """Serves until a signal, or with `until_eof` until standard input ends too. Raises SdedgeError where it cannot start."""
    import uvicorn

    class Server(uvicorn.Server):
        """Answers whoever waits for a picture before it waits for them."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            service.answer_all()
            await super().shutdown(sockets)

    server = Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2,
            limit_concurrency=1000, h11_max_incomplete_event_size=32 << 10, proxy_headers=False, ws="none",
        )
    )  # fmt: skip

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True

    if until_eof:
        threading.Thread(target=wait_for_end, name="standard input", daemon=True).start()
    server.run(sockets=[listening])
    if not server.started:
        raise SdedgeError("The server could not start; the lines above say why.")


@click.command()
@_out
def mcp(out: Path | None) -> None:
    """Speak the Model Context Protocol on standard input and output, for an assistant that starts this command.

    It draws, changes and enlarges pictures, and tells of their settings and of the queue. See docs/server.md.
    """
    check_installed()
    from sdedge.server.mcp_tools import run_stdio

    run_stdio(service_at(out))


def check_installed() -> None:
    """Raises SdedgeError, in one sentence with the remedy, where the extra is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        remedy = how_to_install("sdedge[serve]")
        raise SdedgeError(f"The server needs packages that are not installed ({', '.join(missing)}); {remedy}.")


def service_at(out: Path | None) -> JobService:
    """Returns the job service whose pictures go to a folder, by default one of the person's pictures. Raises OutputError."""
    import platformdirs

    from sdedge.images.output import Output
    from sdedge.server.job_service import JobService

    folder = out or Path(platformdirs.user_pictures_dir()) / "sdedge" / "served"
    output = Output(expanded(folder).absolute())
    output.check()
    return JobService(None, output)


def is_loopback(host: str) -> bool:
    """Returns whether an address can be reached from this machine alone."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bound(host: str, port: int) -> socket.socket:
    """Returns a socket that listens there. Raises InvalidRequest for no address, SdedgeError for one that is taken."""
    from sdedge.server.listening import listening_at

    try:
        return listening_at(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidRequest(f"{host!r} is no address of this machine ({error}); leave out --host.") from None
    except OSError as error:
        raise SdedgeError(
            f"Cannot listen at {host}, port {port}: {error.strerror or error}; choose another with --port."
        ) from None
