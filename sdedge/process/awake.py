"""Keep the computer awake while something long runs; the display may sleep. No torch."""

from __future__ import annotations

import logging
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sdedge.process.cocoa import no_nap

log = logging.getLogger(__name__)

# Each runs for as long as its input is open: it ends with us, however we end. Desktop inhibitors come first, because
# they stop only the automatic suspend; systemd's also stops the one a person asks for.
_LINUX = (
    ("gnome-session-inhibit", "--app-id", "sdedge", "--reason", "{why}", "--inhibit", "suspend", "cat"),
    ("kde-inhibit", "--power", "cat"),
    ("systemd-inhibit", "--what=sleep", "--who=sdedge", "--why={why}", "--mode=block", "cat"),
)
_MACOS = (("caffeinate", "-i", "cat"),)  # -i is idle sleep of the system; -d, not given, would be the display's
_CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001  # SetThreadExecutionState, winbase.h
_SETTLE = 0.3  # seconds after which a command that still runs has been accepted
_LINGER = 10.0  # seconds after the last picture for which the next one finds the computer kept awake


@contextmanager
def awake(why: str = "drawing pictures") -> Iterator[str]:
    """While inside, the system does not fall asleep by itself, nor slow this process down. Yields which way was
    found, "" for none.

    Never raises: without a way the reason goes to the log. On Windows enter and leave on the same thread.
    """
    if sys.platform == "win32":
        way = _windows(_CONTINUOUS | _SYSTEM_REQUIRED)
        try:
            yield way
        finally:
            _windows(_CONTINUOUS)
        return
    process = _first(_MACOS if sys.platform == "darwin" else _LINUX, why)
    try:
        with no_nap(why):
            yield str(process.args[0]) if process else ""  # type: ignore[index]
    finally:
        if process:
            _end(process)


class StayAwake:
    """Holds `awake` over several calls, for one whose pictures begin and end in different functions.

    A thread of its own does it, so that no picture waits for the system's command to start. The computer may sleep again some
    seconds after `release`, so that picture after picture costs one such command.
    """

    def __init__(self, linger: float = _LINGER) -> None:
        self._linger = linger
        self._wishes: queue.SimpleQueue[bool | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._wanted = False

    def hold(self) -> None:
        """Keeps the computer awake from now on, if it is not kept so already."""
        if self._wanted:
            return
        self._wanted = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="awake", daemon=True)
            self._thread.start()
        self._wishes.put(True)

    def release(self) -> None:
        """Lets the computer sleep again in a while, if nothing is held until then."""
        if self._wanted:
            self._wanted = False
            self._wishes.put(False)

    def close(self) -> None:
        """Lets the computer sleep again now."""
        if self._thread is not None:
            self._wishes.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        """Enters and leaves `awake` on this one thread, as Windows asks."""
        while (wish := self._wishes.get()) is not None:
            if wish:
                with awake():
                    if self._last_wish() is None:
                        return

    def _last_wish(self) -> bool | None:
        """Waits until nothing has been held for a while (False) or this is closed (None)."""
        wish = self._wishes.get()
        while wish is not None:
            try:
                wish = self._wishes.get(timeout=None if wish else self._linger)
            except queue.Empty:
                return False
        return None


def _first(commands: tuple[tuple[str, ...], ...], why: str) -> subprocess.Popen[bytes] | None:
    """Starts the first command that this system has and that it accepts."""
    reasons = []
    for command in commands:
        if shutil.which(command[0]) is None:
            reasons.append(f"{command[0]} is not installed")
            continue
        arguments = [part.replace("{why}", why) for part in command]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            process = subprocess.Popen(arguments, stdin=subprocess.PIPE, **quiet)  # type: ignore[call-overload]
            code = process.wait(_SETTLE)
        except subprocess.TimeoutExpired:
            return process
        except OSError as error:
            reasons.append(f"{command[0]} cannot be started ({error.strerror})")
        else:
            process.stdin.close()
            reasons.append(f"{command[0]} ended with code {code}")
    log.info("The computer may fall asleep while drawing: %s.", ", ".join(reasons))
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        process.stdin.close()  # type: ignore[union-attr]
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _windows(flags: int) -> str:
    import ctypes

    try:
        accepted = ctypes.windll.kernel32.SetThreadExecutionState(flags)  # type: ignore[attr-defined]
    except (AttributeError, OSError) as error:
        log.info("The computer may fall asleep while drawing: SetThreadExecutionState failed (%s).", error)
        return ""
    return "SetThreadExecutionState" if accepted else ""
