"""Keep the computer awake while something long runs; the display may sleep. No torch."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

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
    """Holds `awake` over several calls, for one whose pictures begin and end in different functions."""

    def __init__(self) -> None:
        self._held: ExitStack | None = None

    def hold(self) -> None:
        """Keeps the computer awake from now on, if it is not kept so already."""
        if self._held is None:
            self._held = ExitStack()
            self._held.enter_context(awake())

    def release(self) -> None:
        """Lets the computer sleep again. On Windows it is called on the thread that called `hold`."""
        if self._held is not None:
            self._held.close()
            self._held = None


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
