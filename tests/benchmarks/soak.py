"""What the queue and the gallery promise, measured: `python -m tests.benchmarks.soak [faults|cancel|memory|search]`.

`faults` runs the queue in a process of its own and breaks it at random, 200 times by default, then compares every
picture that was announced with the disk and the database.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
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

from sdedge.events import Cancelled, Event, Finished, ImageDone, Step, to_json
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery, Search
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, open_store
from sdedge.process.locks import ProcessLock
from sdedge.process.spawn import LOCK
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.request import Request
from tests.fake_drawer import picture

FAKE = "tests.fake_drawer:FakeDrawer"
LIMITS = Limits(tick=0.02, beat=0.2, silence=1.5, lock=0.2, stall=20)
PATIENCE = 45.0  # seconds until something that does not happen counts as hung
FAULTS = (
    "kill worker", "stop worker", "close pipe", "bad message", "unknown message", "lock database", "remove model",
    "kill both", "kill app", "stop worker, kill app", "vanish folder", "fill disk",
)  # fmt: skip


def is_running(pid: int) -> bool:
    """Whether a process exists and has not ended; one that waits for its parent's attention has."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


# The process that is broken


def app(folder: Path) -> None:
    """Run the queue, tell events as JSON lines, and obey single words: wake, close, garbage, unknown, quit."""

    def tell(job: int | None, event: Event) -> None:
        print(json.dumps({"job": job, **json.loads(to_json(event))}), flush=True)

    supervisor = Supervisor(folder, tell, drawer=FAKE, limits=LIMITS)
    supervisor.start()
    supervisor.wake()
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        worker = supervisor._worker
        match line.strip():
            case "wake":
                supervisor.wake()
            case "close" if worker:
                worker._channel.close_writing()
            case "garbage" if worker and worker._channel._write is not None:
                os.write(worker._channel._write, b"\xff\xff\xff\xffgarbage")
            case "unknown" if worker:
                worker.send(do="dance")
                worker.send(nothing=[])
            case "quit":
                break
    supervisor.close()


class App:
    """The process of `app`, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[dict] = []
        self.workers: set[int] = set()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.soak", "app", "--folder", str(self.folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            with suppress(ValueError):
                self.events.append(json.loads(line))

    def worker(self) -> int | None:
        """The engine process, if there is one."""
        pid = ProcessLock(self.folder / LOCK).holder()
        if pid is not None:
            self.workers.add(pid)
        return pid

    def say(self, word: str) -> None:
        with suppress(OSError, ValueError):  # it has ended
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.reap()

    def reap(self) -> None:
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()

    def quit(self) -> bool:
        """Whether it ended in time."""
        self.say("quit")
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.reap()
        return True

    def announced(self) -> list[dict]:
        return [event for event in self.events if event["event"] == "ImageDone"]


# The faults


class Soak:
    """One long session in which something breaks again and again."""

    def __init__(self, folder: Path, seed: int, small_disk: bool) -> None:
        self.folder, self.data, self.out = folder, folder / "data", folder / "out"
        self.chance = random.Random(seed)
        self.kinds = [kind for kind in FAULTS if small_disk or kind != "fill disk"]
        store = open_store(self.data, timeout=30)
        self.queue, self.gallery = Queue(store), Gallery(store)
        self.model = folder / "model.safetensors"
        self.model.write_bytes(b"weights")
        self.report = {
            "faults": Counter(), "outcomes": Counter(), "pictures": 0, "lost": 0, "corrupt": 0, "duplicates": 0,
            "hung": 0, "unexplained": 0, "leftovers": 0,
        }  # fmt: skip
        self.complaints: list[str] = []
        self.jobs: dict[int, tuple[int, int]] = {}
        self.app = App(self.data)

    def round(self, number: int) -> None:
        """One job, one fault, and back to order."""
        kind = self.kinds[number % len(self.kinds)] if number < len(self.kinds) else self.chance.choice(self.kinds)
        count, seed = self.chance.randint(2, 4), 1000 * (number + 1)
        timing = f"steps=3 step={self.chance.uniform(0.001, 0.03):.3f} load=0.05 write={self.chance.choice((0, 0.02))}"
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
        deadline = time.monotonic() + PATIENCE
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
                deadline = time.monotonic() + PATIENCE
            time.sleep(0.02)
        self.report["outcomes"][_shorten(explained) if explained else "nobody noticed"] += 1

    def complain(self, what: str, words: str) -> None:
        self.report[what] += 1
        self.complaints.append(f"{what}: {words}")

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
        other = sqlite3.connect(self.data / DATABASE, isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(self.chance.uniform(0.3, 2.0))
        if self.chance.random() < 0.3:
            self.signal_worker(signal.SIGKILL)  # while its pictures have no rows
        other.execute("ROLLBACK")
        other.close()

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
        if not self.app.quit():
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
            hidden = path.name.startswith(".") and path.suffix == ".part"
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
        self.queue.store.close()
        return self.report | {"complaints": self.complaints}

    def check(self, entry) -> None:
        try:
            with Image.open(entry.path) as image:
                whole = (np.asarray(image) == picture(entry.seed)).all()
        except Exception:
            whole = False
        if not whole:
            self.complain("corrupt", str(entry.path))


def _shorten(reason: str) -> str:
    """A reason without its numbers and paths, to count by."""
    words = [word for word in reason.split() if "/" not in word and not any(c.isdigit() for c in word)]
    return " ".join(words)[:90]


def soak(folder: Path, faults: int, seed: int, small_disk: bool = False, tell: bool = False) -> dict:
    """Break the queue `faults` times; returns counts of what was found wrong, which should all be 0."""
    session = Soak(folder, seed, small_disk)
    for number in range(faults):
        session.round(number)
        if tell and number % 10 == 9:
            print(f"{number + 1} faults, {len(session.complaints)} complaints", flush=True)
    return session.finish()


# The other measures


def measure_cancel(folder: Path, times: int = 10) -> dict:
    """Seconds from asking to the answer, for a step of 0.3 s: after this step, and at once from an engine that hangs."""
    answers: dict[str, list[float]] = {"now": [], "kill": []}
    steps: list[int] = []
    heard: list[tuple[float, int | None, Event]] = []
    supervisor = Supervisor(folder, lambda job, event: heard.append((time.monotonic(), job, event)), drawer=FAKE)
    store = open_store(folder)
    queue = Queue(store)
    supervisor.start()
    for i in range(2 * times):
        level = "now" if i % 2 == 0 else "kill"
        prompt = "steps=50 step=0.3" if level == "now" else ("fail=hang@2" if i % 4 == 1 else "fail=stall@2")
        job = queue.add(Request(prompt=prompt, model="fake"), Output(folder / "out")).id
        supervisor.wake()
        while not any(number == job and isinstance(event, Step) for _, number, event in list(heard)):
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.3))
        asked = time.monotonic()
        queue.cancel(job, level)
        if level == "kill":
            supervisor.hard_cancel(job)
        supervisor.wake()
        while not (done := [at for at, number, event in list(heard) if number == job and isinstance(event, Cancelled)]):
            time.sleep(0.001)
        answers[level].append(done[0] - asked)
        if level == "now":
            steps.append(sum(n == job and isinstance(e, Step) and at > asked for at, n, e in heard))
    supervisor.close()
    store.close()
    return {
        "step": 0.3, "now, seconds": _spread(answers["now"]), "now, steps begun or ended after it": max(steps),
        "kill, seconds": _spread(answers["kill"]),
    }  # fmt: skip


def measure_memory(folder: Path, switches: int = 30, models: int = 4) -> dict:
    """Resident bytes of the real worker after switching between random models of some 50 MB."""
    import torch

    from sdedge.training.recipe import QUICK, export, networks

    places = []
    for i in range(models):
        from dataclasses import replace

        unet = replace(QUICK.unet, block_out_channels=(64, 96, 128, 128), sample_size=8)
        vae = replace(QUICK.vae, block_out_channels=(16, 16, 32, 32), layers_per_block=1)
        recipe = replace(QUICK, unet=unet, vae=vae)
        torch.manual_seed(i)
        places.append(folder / f"model-{i}")
        export(recipe, networks(recipe, "cpu"), places[-1])
    size = sum(file.stat().st_size for file in places[0].rglob("*") if file.is_file())
    ended: list[Event] = []

    def listen(job: int | None, event: Event) -> None:
        if job is not None and not isinstance(event, (Step, ImageDone)) and hasattr(event, "count"):
            ended.append(event)

    supervisor = Supervisor(folder / "data", listen, limits=Limits(beat=0.2))
    store = open_store(folder / "data")
    queue = Queue(store)
    supervisor.start()
    memory = []
    for i in range(switches + 1):
        queue.add(Request(prompt="a red house", model=str(places[i % models]), steps=2), Output(folder / "out"))
        supervisor.wake()
        deadline = time.monotonic() + 120
        while len(ended) <= i and time.monotonic() < deadline and queue.paused is None:
            time.sleep(0.02)
        assert len(ended) == i + 1 and isinstance(ended[-1], Finished), (queue.paused, queue.jobs()[0])
        time.sleep(0.5)  # the next heartbeat
        memory.append(supervisor.worker_memory)
    supervisor.close()
    store.close()
    return {
        "model, MB": round(size / 1e6), "after 2 switches, MB": round(memory[2] / 1e6),
        f"after {switches} switches, MB": round(memory[-1] / 1e6), "greatest, MB": round(max(memory) / 1e6),
        "change": f"{memory[-1] / memory[2] - 1:+.1%}",
    }  # fmt: skip


def measure_search(folder: Path, rows: int = 100_000, times: int = 20) -> dict:
    """Milliseconds (median, greatest) of searches with their first page of 60, over rows with prompts of 12 words."""
    chance = random.Random(1)
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    words = ["".join(chance.choice(consonants) + chance.choice(vowels) for _ in range(3)) for _ in range(5000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    words[0], words[1], words[-1] = "house", "red", "unicorn"
    store = open_store(folder)
    gallery = Gallery(store)
    store.database.execute("BEGIN")
    for i in range(rows):
        prompt = " ".join(chance.choices(words, weights, k=12))
        request = Request(prompt=prompt, seed=i, sampler=chance.choice(("euler", "heun", "dpmpp_2m")))
        gallery.insert({
            "path": f"/pictures/{i}.png", "state": "here", "created": 1.7e9 + i * 37 % 1e7, "width": 512, "height": 512,
            "content": f"{i:064x}", "model": f"model {i % 7}", "sampler": request.sampler, "seed": str(i),
            "prompt": prompt, "request": request.to_json(), "favourite": int(i % 5000 == 0),
        })  # fmt: skip
    store.database.execute("COMMIT")
    searches = {
        "everything": Search(),
        "a word in most": Search("house"),
        "a word in few": Search("unicorn"),
        "the beginning of a word": Search("ho"),
        "two words": Search("red house"),
        "a phrase": Search('"red house"'),
        "a word not there": Search("house -red"),
        "no result": Search("xylophone"),
        "a word, model and sampler": Search("house", model="model 3", sampler="heun"),
        "favourites": Search(favourite=True),
        "a model that is not there": Search(model="none"),
        "old dates": Search(until=1.7001e9),
    }
    result = {}
    for name, search in searches.items():
        taken, busy = [], []
        for _ in range(times):
            start, ticks = time.perf_counter(), time.process_time()
            found = gallery.search(search)
            taken.append(1000 * (time.perf_counter() - start))
            busy.append(1000 * (time.process_time() - ticks))
        result[name] = f"{len(found)} shown, {_spread(taken, 1)} ms; of the processor {_spread(busy, 1)} ms"
    first = gallery.search()
    start = time.perf_counter()
    gallery.search(after=first[-1])
    result["the second page"] = f"{1000 * (time.perf_counter() - start):.1f} ms"
    store.close()
    return result


def _spread(values: list[float], digits: int = 3) -> str:
    return f"median {statistics.median(values):.{digits}f}, greatest {max(values):.{digits}f}"


def _with_small_disk(folder: Path, faults: int, seed: int) -> dict:
    """On a tmpfs of its own where that may be mounted, so that it can be filled."""
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        print("no small disk could be mounted; run as root on Linux to include the fault 'fill disk'")
    try:
        return soak(folder, faults, seed, small_disk=mounted, tell=True)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["faults", "cancel", "memory", "search"])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.what == ["app"]:
        app(options.folder)
        return
    measures = {
        "faults": lambda folder: _with_small_disk(folder, options.faults, options.seed),
        "cancel": measure_cancel, "memory": measure_memory, "search": measure_search,
    }  # fmt: skip
    for what in options.what:
        with tempfile.TemporaryDirectory(prefix="sdedge-soak-") as folder:
            start = time.monotonic()
            result = measures[what](Path(folder))
            print(f"{what} ({time.monotonic() - start:.0f} s)")
            print(json.dumps(result, indent=2), flush=True)


if __name__ == "__main__":
    main()
