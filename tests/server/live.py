"""A server that really listens, in this process, for clients that open connections of their own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sdedge.images.output import Output
from sdedge.process.attempt import Limits
from sdedge.server.app import create_app
from sdedge.server.guard import Rules
from sdedge.server.job_service import JobService
from sdedge.server.listening import listening_at
from sdedge.server.progress import Bounds


@dataclass(frozen=True)
class LiveServer:
    """Where it listens, and what it serves."""

    port: int
    service: JobService
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def live_server(folder: Path, drawer: str | None = None, bounds: Bounds | None = None) -> Iterator[LiveServer]:
    """Serves from `folder`, by the real engine unless `drawer` stands in for it, until the block ends."""
    import uvicorn

    limits = Limits(tick=0.02, beat=0.2)
    service = JobService(folder / "data", Output(folder / "served"), drawer=drawer, limits=limits, bounds=bounds)
    listening = listening_at("127.0.0.1", 0)
    app = create_app(service, Rules(rate=1e9, burst=10**9))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield LiveServer(listening.getsockname()[1], service, folder)
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()
