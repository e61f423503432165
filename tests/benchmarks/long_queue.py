"""1,000 pictures in one queue: resident memory of its two processes after the 50th and after the last.

`python -m tests.benchmarks.long_queue [--pictures N] [--jobs N] [--real]`; `--real` draws with the embedded model, one step
each.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from sdedge.engines.open import EMBEDDED
from sdedge.events import Event, Failed, ImageDone
from sdedge.images.output import Output
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.process.power import PowerState
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.process.worker import resident_memory
from sdedge.request import Request

JOURNALING = "tests.fake_drawer:JournalingDrawer"
ROOT = Path(__file__).parents[2]
WARM = 50
"""Pictures after which everything is in memory that stays there."""


def measure(folder: Path, pictures: int = 1000, jobs: int = 100, real: bool = False) -> dict[str, float | int]:
    """Lines `pictures` up in so many jobs and draws them; returns megabytes of both processes, and what became of them."""
    os.environ["PYTHONPATH"], os.environ["SDEDGE_HOME"] = str(ROOT), str(folder)
    prompt, model = ("a red house", EMBEDDED) if real else ("steps=2", "fake")
    store = open_store(folder)
    queue, each = Queue(store), pictures // jobs
    for job in range(jobs):
        request = Request(prompt, model=model, steps=1, seed=job * each)
        queue.add(request, Output(folder / "out"), each)
    memory: dict[int, tuple[int, int]] = {}
    failures: list[Failed] = []

    def listen(job: int | None, event: Event) -> None:
        nonlocal done
        failures.extend([event] if isinstance(event, Failed) else [])
        if isinstance(event, ImageDone):
            done += 1
            if done in (WARM, jobs * each):
                memory[done] = supervisor.worker_memory, resident_memory()

    done, began = 0, time.monotonic()
    supervisor = Supervisor(
        folder, listen, drawer=None if real else JOURNALING, limits=Limits(tick=0.02, beat=0.2), power=PowerState
    )
    supervisor.start()
    supervisor.wake()
    supervisor.wait_idle()
    supervisor.close()
    saved = len([*(folder / "out").glob("*.png")])
    store.close()
    first, last = memory.get(WARM, (0, 0)), memory.get(jobs * each, (0, 0))
    return {
        "pictures": saved, "failed jobs": len(failures), "minutes": round((time.monotonic() - began) / 60, 1),
        "engine after 50, MB": round(first[0] / 1e6, 1), "engine after the last, MB": round(last[0] / 1e6, 1),
        "queue after 50, MB": round(first[1] / 1e6, 1), "queue after the last, MB": round(last[1] / 1e6, 1),
        "engine's change": last[0] / max(first[0], 1) - 1, "queue's change": last[1] / max(first[1], 1) - 1,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sdedge-long-") as folder:
        print(json.dumps(measure(Path(folder), options.pictures, options.jobs, options.real), indent=2))


if __name__ == "__main__":
    main()
