"""What the queue promises: `python -m tests.benchmarks.soak [--faults N] [--seed N]`.

The queue runs in a process of its own and is broken at random, 200 times by default; then every picture that was announced is
compared with the disk and the database. Ctrl-C or SIGTERM ends it after the fault at hand, and what there is is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.request import Request
from tests.benchmarks.support.broken_app import PATIENCE, App, is_running
from tests.fake_drawer import picture

FAULTS = (
    "kill worker", "stop worker", "close pipe", "bad message", "unknown message", "lock database", "remove model",
    "kill both", "kill app", "stop worker, kill app", "vanish folder", "damage journal", "kill worker, damage journal",
    "lose journals", "fill disk",
)  # fmt: skip


class Soak:
    """One long session in which something breaks again and again."""

    def __init__(self, folder: Path, seed: int, small_disk: bool, patience: float = PATIENCE) -> None:
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"
        self.chance = random.Random(seed)
        self.kinds = [kind for kind in FAULTS if small_disk or kind != "fill disk"]
        store = open_store(self.data, timeout=30)
        self.queue, self.gallery = Queue(store), Gallery(store)
        self.model = folder / "model.safetensors"
        self.model.write_bytes(b"weights")
        self.report = {
            "faults": Counter(), "outcomes": Counter(), "pictures": 0, "lost": 0, "corrupt": 0, "duplicates": 0,
            "hung": 0, "unexplained": 0, "leftovers": 0, "continued": 0, "journals left": 0,
        }  # fmt: skip
        self.kind = "nothing"
        self.complaints: list[str] = []
        self.jobs: dict[int, tuple[int, int]] = {}
        self.patience = patience
        self.app = App(self.data)

    def round(self, number: int) -> None:
        """One job, one fault, and back to order."""
        kind = self.kinds[number % len(self.kinds)] if number < len(self.kinds) else self.chance.choice(self.kinds)
        self.kind = kind
        count, seed = self.chance.randint(2, 4), 1000 * (number + 1)
        steps, write = self.chance.randint(3, 9), self.chance.choice((0, 0.02))
        timing = f"steps={steps} step={self.chance.uniform(0.001, 0.03):.3f} load=0.05 write={write}"
        request = Request(prompt=f"round {number} {timing}", seed=seed, model=str(self.model))
        heard = len(self.app.events)
        job = self.queue.add(request, Output(self.out), count, self.chance.randint(1, 2)).id
        self.jobs[job] = (seed, count)
        self.app.say("wake")
        self.await_phase(heard)
        time.sleep(self.chance.uniform(0, 0.04))
        self.report["faults"][kind] += 1
        self.app.worker()
        getattr(self, "do_" + kind.replace(", ", "_").replace(" ", "_"))()
        self.recover(job)

    def await_phase(self, heard: int) -> None:
        """Wait for a moment of the job that chance picks; faults strike loading, steps, decoding, saving and after."""
        wanted = self.chance.choice(("nothing", "Loading", "Step", "Step", "decoding", "ImageDone", "Finished"))
        deadline = time.monotonic() + 6
        while wanted != "nothing" and time.monotonic() < deadline:
            for event in self.app.events[heard:]:
                if wanted in (event["event"], event.get("phase")):
                    return
            time.sleep(0.002)

    def recover(self, job: int) -> None:
        """Bring the job to its end as a person would, and see that everything that stops is explained."""
        deadline = time.monotonic() + self.patience
        explained = None
        while (state := self.queue.get(job)).state != "done":
            if self.app.process.poll() is not None:
                self.app.reap()
                self.app.start()
            if state.state in ("failed", "interrupted", "cancelled", "paused"):
                explained = state.reason
                if not explained or state.state == "cancelled":  # nobody did
                    self.complain("unexplained", f"job {job} is {state.state} with the reason {state.reason!r}")
                self.queue.resume(job)
            elif self.queue.paused is not None and state.state == "waiting":
                explained = explained or self.queue.paused
                self.queue.resume()
            self.app.say("wake")
            if time.monotonic() > deadline:
                self.complain("hung", f"job {job} is {state.state} ({state.reason!r}, queue {self.queue.paused!r})")
                self.app.kill()
                deadline = time.monotonic() + self.patience
            time.sleep(0.02)
        self.report["outcomes"][_shorten(explained) if explained else "nobody noticed"] += 1

    def complain(self, what: str, sentence: str) -> None:
        self.report[what] += 1
        self.complaints.append(f"{what} after {self.kind}: {sentence}")
        print(self.complaints[-1], file=sys.stderr, flush=True)

    def signal_worker(self, number: int) -> None:
        if (pid := self.app.worker()) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def do_kill_worker(self) -> None:
        self.signal_worker(signal.SIGKILL)

    def do_stop_worker(self) -> None:
        self.signal_worker(signal.SIGSTOP)

    def do_close_pipe(self) -> None:
        self.app.say("close")

    def do_bad_message(self) -> None:
        self.app.say("garbage")

    def do_unknown_message(self) -> None:
        self.app.say("unknown")

    def do_lock_database(self) -> None:
        second = sqlite3.connect(self.data / DATABASE, isolation_level=None, timeout=10)
        second.execute("BEGIN IMMEDIATE")
        time.sleep(self.chance.uniform(0.3, 2.0))
        if self.chance.random() < 0.3:
            self.signal_worker(signal.SIGKILL)  # while its pictures have no rows
        second.execute("ROLLBACK")
        second.close()

    def do_remove_model(self) -> None:
        self.model.unlink()
        time.sleep(self.chance.uniform(0.05, 0.5))
        self.model.write_bytes(b"weights")

    def do_kill_both(self) -> None:
        self.signal_worker(signal.SIGKILL)
        self.app.kill()

    def do_kill_app(self) -> None:
        self.app.kill()

    def do_stop_worker_kill_app(self) -> None:
        self.signal_worker(signal.SIGSTOP)
        self.app.kill()

    def do_vanish_folder(self) -> None:
        """The drive is pulled out and comes back; pictures saved meanwhile lie where it is mounted."""
        aside = self.folder / "unplugged"
        if self.out.is_dir():
            self.out.rename(aside)
            self.out.write_bytes(b"")
            time.sleep(self.chance.uniform(0.05, 0.5))
            self.out.unlink()
            aside.rename(self.out)

    def do_damage_journal(self) -> None:
        """Bits flip and ends are torn off, as of a drive that fails; also while it is written."""
        for path in [*(self.data / "journals").glob("*.journal")]:
            with suppress(OSError), open(path, "r+b") as file:
                size = os.fstat(file.fileno()).st_size
                if self.chance.random() < 0.5:
                    file.truncate(self.chance.randrange(size + 1))
                else:
                    file.seek(self.chance.randrange(max(size, 1)))
                    file.write(self.chance.randbytes(self.chance.choice((1, 8, 300))))

    def do_kill_worker_damage_journal(self) -> None:
        self.signal_worker(signal.SIGKILL)
        self.do_damage_journal()

    def do_lose_journals(self) -> None:
        for path in [*(self.data / "journals").glob("*")]:
            with suppress(OSError):
                path.unlink()

    def do_fill_disk(self) -> None:
        filler = self.folder / "filler"
        with suppress(OSError), open(filler, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
        time.sleep(self.chance.uniform(0.2, 1.0))
        filler.unlink()

    def finish(self) -> dict:
        """Close everything and compare what was announced with the disk and the database."""
        if not self.app.quit(self.patience):
            self.complain("hung", "the app did not end")
        for pid in self.app.workers:
            if is_running(pid):
                self.complain("hung", f"worker {pid}")
                os.kill(pid, signal.SIGKILL)
        entries = {str(entry.path): entry for entry in self.gallery.search(limit=10**6)}
        for event in self.app.announced():
            if event["path"] not in entries or not Path(event["path"]).is_file():
                self.complain("lost", event["path"])
        files = {str(path) for path in self.out.iterdir() if path.suffix == ".png"}
        for path in files ^ set(entries):
            self.complain("lost", f"{path} is only {'on disk' if path in files else 'in the gallery'}")
        for path in [path for path in self.out.iterdir() if path.suffix != ".png"]:
            self.report["leftovers"] += 1  # half a picture under a hidden name, when its folder vanished under it
            hidden = path.name.startswith(".") and (path.suffix == ".part" or path.name.startswith(".sdedge-check-"))
            if not hidden:
                self.complain("corrupt", f"{path} is no picture")
        for entry in entries.values():
            self.check(entry)
        drawn = Counter((entry.job, entry.seed) for entry in entries.values())
        for key, times in drawn.items():
            if times > 1:
                self.complain("duplicates", f"job {key[0]} seed {key[1]}: {times}")
        wanted = {(job, seed + i) for job, (seed, count) in self.jobs.items() for i in range(count)}
        for key in wanted ^ set(drawn):
            self.complain(
                "lost", f"job {key[0]} seed {key[1]} was {'never drawn' if key in wanted else 'not asked for'}"
            )
        self.report["pictures"] = len(entries)
        self.report["continued"] = sum(event["event"] == "Continued" for event in self.app.events)
        self.report["journals left"] = len([*(self.data / "journals").glob("*.journal")])
        self.queue.store.close()
        return self.report | {"complaints": self.complaints}

    def check(self, entry) -> None:
        try:
            with Image.open(entry.path) as image:
                is_complete = (np.asarray(image) == picture(entry.seed)).all()
        except Exception:
            is_complete = False
        if not is_complete:
            self.complain("corrupt", str(entry.path))


def _shorten(reason: str) -> str:
    """A reason without its numbers and paths, to count by."""
    plain = [word for word in reason.split() if "/" not in word and not any(c.isdigit() for c in word)]
    return " ".join(plain)[:90]


def soak(
    folder: Path, faults: int, seed: int, small_disk: bool = False, tell: bool = False, patience: float = PATIENCE
) -> dict:
    """Break the queue `faults` times; returns counts of what was found wrong, which should all be 0."""
    session, stop = Soak(folder, seed, small_disk, patience), threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM) if tell else ():
        signal.signal(each, lambda number, frame: stop.set())
    for number in range(faults):
        if stop.is_set():
            break
        session.round(number)
        if tell and number % 10 == 9:
            print(f"{number + 1} faults, {len(session.complaints)} complaints", flush=True)
    return session.finish()


def _with_small_disk(folder: Path, faults: int, seed: int, patience: float) -> dict:
    """On a tmpfs of its own where that may be mounted, so that it can be filled."""
    size = 48 + faults // 8  # MB: each fault leaves a few pictures
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        print("no small disk could be mounted; run as root on Linux to include the fault 'fill disk'")
    try:
        return soak(folder, faults, seed, small_disk=mounted, tell=True, patience=patience)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds; more on a busy machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sdedge-soak-") as folder:
        print(json.dumps(_with_small_disk(Path(folder), options.faults, options.seed, options.patience), indent=2))


if __name__ == "__main__":
    main()
