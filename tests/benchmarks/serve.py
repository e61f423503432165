"""What the server adds to a picture: the same jobs through the queue alone and through A1111's API, by a drawer without a model.

python -m tests.benchmarks.serve [--pictures 100]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
DRAWER = "tests.server.drawer:ServerDrawer"


def main(arguments: list[str] | None = None) -> None:
    """Prints the milliseconds of a picture both ways, and their difference."""
    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--pictures", type=int, default=100)
    options = parser.parse_args(arguments)
    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SDEDGE_HOME"] = str(Path(folder, "home"))
        alone = by_queue(Path(folder, "queue"), options.pictures)
        served = by_server(Path(folder, "server"), options.pictures)
    print(
        f"queue alone {alone:.1f} ms, A1111's API {served:.1f} ms, the server adds {served - alone:.1f} ms a picture (medians)"
    )


def by_queue(folder: Path, count: int) -> float:
    """Returns the median milliseconds from adding a job to its end."""
    from sdedge.images.output import Output
    from sdedge.library.jobs import Queue
    from sdedge.library.store import open_store
    from sdedge.process.supervisor import Limits, Supervisor
    from sdedge.request import Request

    supervisor = Supervisor(folder / "data", drawer=DRAWER, limits=Limits(tick=0.02, beat=0.2), previews=True)
    supervisor.start()
    queue, times = Queue(open_store(folder / "data")), []
    for i in range(count + 1):
        began = time.perf_counter()
        queue.add(
            Request(prompt="a house", model="pocket", seed=i, steps=2, width=64, height=64), Output(folder / "served")
        )
        supervisor.wake()
        supervisor.wait_idle(60)
        times.append(time.perf_counter() - began)
    supervisor.close()
    queue.store.close()
    return 1000 * statistics.median(times[1:])


def by_server(folder: Path, count: int) -> float:
    """Returns the median milliseconds of a call of txt2img."""
    import requests

    from tests.server.live import live_server

    times, session = [], requests.Session()
    with live_server(folder, DRAWER) as live:
        for i in range(count + 1):
            body = {"prompt": "a house", "seed": i, "steps": 2, "width": 64, "height": 64}
            began = time.perf_counter()
            assert session.post(f"{live.url}/sdapi/v1/txt2img", json=body).status_code == 200
            times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times[1:])


if __name__ == "__main__":
    main()
