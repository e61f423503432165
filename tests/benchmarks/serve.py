"""What the server adds to a picture: the same one drawn and saved alone, through the queue and through A1111's API, in turn.

The drawer has no model and draws at once. Beside the time, which a busy machine stretches, stands the processor time of all
processes; the client's is in the API's.

python -m tests.benchmarks.serve [--pictures 100]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdedge.request import Request

ROOT = Path(__file__).parents[2]
DRAWER = "tests.server.drawer:ServerDrawer"


@dataclass
class Way:
    """One way to draw a picture, and what each took: milliseconds, and those of processors."""

    name: str
    draw: Callable[[int], None]
    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def measure(self, seed: int, processes: list[int]) -> None:
        """Draws one picture."""
        before, began = processor_seconds(processes), time.perf_counter()
        self.draw(seed)
        self.times.append(1000 * (time.perf_counter() - began))
        self.processor.append(1000 * (processor_seconds(processes) - before))


def main(arguments: list[str] | None = None) -> None:
    """Prints the medians of each way, and what the last two add to the first."""
    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--pictures", type=int, default=100)
    options = parser.parse_args(arguments)
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        os.environ["SDEDGE_HOME"] = str(Path(folder, "home"))
        queue, queue_process = stack.enter_context(by_queue(Path(folder, "queue")))
        server, server_process = stack.enter_context(by_server(Path(folder, "server")))
        ways = [Way("alone", alone(Path(folder, "alone"))), Way("queue", queue), Way("A1111's API", server)]
        for seed in range(options.pictures + 3):
            for way in ways:
                way.measure(seed, [os.getpid(), queue_process(), server_process()])
    report(ways)


def report(ways: list[Way]) -> None:
    """Prints a table; the first pictures, of processes that are just starting, are left out."""
    alone_time, alone_work = (statistics.median(values[3:]) for values in (ways[0].times, ways[0].processor))
    print(f"{'':12} {'time':>8} {'adds':>8} {'processors':>12} {'add':>8}   ms a picture, medians")
    for way in ways:
        taken, work = statistics.median(way.times[3:]), statistics.median(way.processor[3:])
        print(f"{way.name:12} {taken:8.1f} {taken - alone_time:8.1f} {work:12.1f} {work - alone_work:8.1f}")


def alone(folder: Path) -> Callable[[int], None]:
    """Returns a function that draws and saves a picture in this process."""
    from sdedge.generation.save import save_job
    from sdedge.images.output import Output
    from tests.server.drawer import ServerDrawer

    drawer, output = ServerDrawer(), Output(folder)

    def draw(seed: int) -> None:
        for _ in save_job(drawer.images(asked(seed), previews=True), output):
            pass

    return draw


@contextmanager
def by_queue(folder: Path) -> Iterator[tuple[Callable[[int], None], Callable[[], int]]]:
    """Yields a function that draws a picture through a queue, from adding its job to its end, and one for the worker's id."""
    from sdedge.images.output import Output
    from sdedge.library.jobs import Queue
    from sdedge.library.store import open_store
    from sdedge.process.attempt import Limits
    from sdedge.process.supervisor import Supervisor

    supervisor = Supervisor(folder / "data", drawer=DRAWER, limits=Limits(tick=0.02, beat=0.2), previews=True)
    supervisor.start()
    queue = Queue(open_store(folder / "data"))

    def draw(seed: int) -> None:
        queue.add(asked(seed), Output(folder / "served"))
        supervisor.wake()
        supervisor.wait_idle(60)

    try:
        yield draw, lambda: supervisor.worker_pid or os.getpid()
    finally:
        supervisor.close()
        queue.store.close()


@contextmanager
def by_server(folder: Path) -> Iterator[tuple[Callable[[int], None], Callable[[], int]]]:
    """Yields a function that calls txt2img, and one for the worker's id."""
    import requests

    from tests.server.live import live_server

    session = requests.Session()
    with live_server(folder, DRAWER) as live:

        def draw(seed: int) -> None:
            body: dict[str, Any] = {"prompt": "a house", "seed": seed, "steps": 2, "width": 64, "height": 64}
            assert session.post(f"{live.url}/sdapi/v1/txt2img", json=body).status_code == 200

        yield draw, lambda: live.service.worker_pid or os.getpid()


def asked(seed: int) -> Request:
    """Returns what is drawn."""
    return Request(prompt="a house", model="pocket", seed=seed, steps=2, width=64, height=64)


def processor_seconds(processes: list[int]) -> float:
    """Returns the time that processors have spent on processes, as Linux tells it of each thread; elsewhere on this one."""
    total = 0
    try:
        for process in set(processes):
            for thread in Path(f"/proc/{process}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return time.process_time()
    return total / 1e9


if __name__ == "__main__":
    main()
