"""The queue in a process of its own, for `soak` to break: it obeys single words and tells its events as JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from sdedge.events import Event, to_json
from sdedge.locks import ProcessLock
from sdedge.process.spawn import LOCK
from sdedge.process.supervisor import Limits, Supervisor

JOURNALING = "tests.fake_drawer:JournalingDrawer"
LIMITS = Limits(tick=0.02, beat=0.2, silence=1.5, lock=0.2, stall=20)
PATIENCE = 45.0  # seconds until something that does not happen counts as hung


def is_running(pid: int) -> bool:
    """Whether a process exists and has not ended; one that waits for its parent's attention has."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def app(folder: Path) -> None:
    """Run the queue, tell events as JSON lines, and obey single words: wake, close, garbage, unknown, quit."""

    def tell(job: int | None, event: Event) -> None:
        print(json.dumps({"job": job, **json.loads(to_json(event))}), flush=True)

    supervisor = Supervisor(folder, tell, drawer=JOURNALING, limits=LIMITS)
    supervisor.start()
    supervisor.wake()
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        worker = supervisor.worker
        match line.strip():
            case "wake":
                supervisor.wake()
            case "close" if worker:
                worker.close_orders()
            case "garbage" if worker and worker.channel.writing is not None:
                os.write(worker.channel.writing, b"\xff\xff\xff\xffgarbage")
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
        command = [sys.executable, "-m", "tests.benchmarks.support.broken_app", str(self.folder)]
        # The journals' folder, and where the engine process finds its drawer.
        place = {**os.environ, "SDEDGE_HOME": str(self.folder), "PYTHONPATH": str(Path(__file__).parents[3])}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=place)
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

    def quit(self, patience: float = PATIENCE) -> bool:
        """Whether it ended in time."""
        self.say("quit")
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.reap()
        return True

    def announced(self) -> list[dict]:
        return [event for event in self.events if event["event"] == "ImageDone"]


if __name__ == "__main__":
    app(Path(sys.argv[1]))
