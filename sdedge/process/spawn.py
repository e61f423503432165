"""Starting the engine process on private pipes, hearing it, ending it, and saying in words how it ended. No torch."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from sdedge.errors import SdedgeError
from sdedge.files import make_private_file, make_private_folder, tighten
from sdedge.interpreter import python_command, python_environment
from sdedge.locks import ProcessLock
from sdedge.process.framing import BadFrame, Channel

LOG = "worker.log"
LOCK = "worker.lock"
LOG_LIMIT = 4 * 2**20  # bytes, then the log of before is kept as worker.log.1 and a new one begins

Inbox = queue.SimpleQueue[tuple[Any, dict[str, Any] | None]]
"""(process, message); the message None means that its pipe has closed."""


class WorkerProcess:
    """One engine process. Its messages arrive in `inbox` from a thread of their own.

    Start it from a thread that outlives it: on Linux the kernel ends the process together with that thread.
    """

    def __init__(self, folder: Path, inbox: Inbox, drawer: str | None = None, beat: float = 1.0) -> None:
        self.log = folder / LOG
        self.started = time.monotonic()
        self.heard = self.started
        """When the last message came (monotonic seconds)."""
        self.ready = False
        self.memory = 0
        self._kills = _kills_for_memory()
        order_read, order_write = os.pipe()
        answer_read, answer_write = os.pipe()
        try:
            self.process = _start(folder, order_read, answer_write, drawer, beat)
        except OSError as error:
            for descriptor in (order_write, answer_read):
                os.close(descriptor)
            reason = error.strerror or error
            raise SdedgeError(f"Cannot start the engine process: {reason}; close other programs.") from error
        finally:
            for descriptor in (order_read, answer_write):
                os.close(descriptor)
        self.channel = Channel(answer_read, order_write)
        self._listener = threading.Thread(target=self._listen, args=(inbox,), name="worker-messages", daemon=True)
        self._listener.start()

    def send(self, **message: Any) -> None:
        """Orders something; a process that is gone is noticed by its closed pipe, not here."""
        with contextlib.suppress(OSError):
            self.channel.send(message)

    def kill(self) -> None:
        """Ends it at once, even when it is stopped or hangs. Safe from any thread, and more than once."""
        self.process.kill()

    def join(self, patience: float = 0) -> int:
        """Waits `patience` seconds for it to leave by itself, then ends it; returns its exit status. Closes the pipes."""
        try:
            code = self.process.wait(patience) if patience else self.process.poll()
        except subprocess.TimeoutExpired:
            code = None
        if code is None:
            self.kill()
            code = self.process.wait()
        self._listener.join()  # the pipe has no other writer, so its end is certain
        self.channel.close()
        return code

    def leave(self, patience: float) -> int:
        """Asks it to leave by closing its pipe."""
        self.close_orders()
        return self.join(patience)

    def close_orders(self) -> None:
        """Closes the pipe of orders, so that the process ends as if this one were gone."""
        self.channel.close_writing()

    def reason(self, code: int, phase: str) -> str:
        """Returns why it ended with `code` during `phase`, in words."""
        return describe_exit(code, phase, _kills_for_memory() > self._kills, self.log)

    def _listen(self, inbox: Inbox) -> None:
        try:
            while (message := self.channel.receive()) is not None:
                inbox.put((self, message))
        except (BadFrame, OSError):
            pass  # treated as the end
        inbox.put((self, None))


def describe_exit(code: int, phase: str, for_memory: bool, log: Path) -> str:
    """Returns a sentence for people from a process's exit status (negative: the signal that ended it)."""
    during = f" while {phase}" if phase else ""
    if code == -getattr(signal, "SIGKILL", 9):
        if for_memory:
            return f"The memory ran out{during} and the system ended the engine; draw smaller or close other programs."
        return f"The engine was killed from outside{during}."
    if code in (-getattr(signal, "SIGSEGV", 11), -getattr(signal, "SIGBUS", 7), 0xC0000005, 0xC0000006):
        if "model" in phase:
            return f"The engine crashed{during}: the model is damaged, or its drive is gone; verify it."
        return f"The engine crashed{during}; {log} says where."
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"The engine was ended{during} by {name}; {log} may say why."
    if code == 0:
        return f"The engine lost its connection{during} and left."
    return f"The engine ended{during} with an error (status {code}); {log} says which."


def end_leftover(lock: ProcessLock, patience: float = 5.0) -> bool:
    """Ends a worker that outlived its supervisor: it holds `lock`. Returns whether there was one. Raises SdedgeError."""
    pid = lock.holder()
    deadline = time.monotonic() + patience
    alive = pid is not None
    # One whose pipe has closed is about to leave; one that is stopped or hangs needs help.
    gentle = time.monotonic() + patience / 2
    while pid is not None:
        if time.monotonic() > gentle and pid != os.getpid():
            with contextlib.suppress(OSError):
                os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        if time.monotonic() > deadline:
            raise SdedgeError(f"An engine process of before ({pid}) cannot be ended; end it or restart the computer.")
        time.sleep(0.05)
        pid = lock.holder()
    return alive


def _start(folder: Path, read: int, write: int, drawer: str | None, beat: float) -> subprocess.Popen[bytes]:
    make_private_folder(folder)
    log = folder / LOG
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        os.replace(log, log.with_name(f"{LOG}.1"))
    make_private_file(log)  # it may hold prompts
    with contextlib.suppress(FileNotFoundError):
        tighten(log.with_name(f"{LOG}.1"))
    platform: dict[str, Any]
    if os.name == "nt":
        import msvcrt

        handles = [msvcrt.get_osfhandle(descriptor) for descriptor in (read, write)]  # type: ignore[attr-defined]
        for handle in handles:
            os.set_handle_inheritable(handle, True)  # type: ignore[attr-defined]
        info = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})  # type: ignore[attr-defined]
        platform = {"startupinfo": info, "creationflags": 0x08000000}  # CREATE_NO_WINDOW
        read, write = handles
    else:
        platform = {"pass_fds": (read, write), "start_new_session": True}  # Ctrl-C is ours to handle
    command = python_command("sdedge.process.worker", "--read", str(read), "--write", str(write))
    command += ["--folder", str(folder), "--beat", str(beat), "--parent", str(os.getpid())]
    command += ["--drawer", drawer] if drawer else []
    with open(log, "ab") as file:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
        return subprocess.Popen(command, env=python_environment(), **streams, **platform)


def _kills_for_memory() -> int:
    """Returns how many processes the kernel has ended for want of memory since it started; 0 where it does not say."""
    total = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    return total
