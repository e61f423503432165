"""Whether another process still runs, by its id, on every system. No torch."""

from __future__ import annotations

import ctypes
import os
from typing import Any

# winnt.h, winbase.h, winerror.h
_QUERY_LIMITED, _SYNCHRONIZE = 0x1000, 0x100000
_WAIT_OBJECT = 0x0  # it has ended
_INVALID_PARAMETER = 87  # there is no such process
_LARGEST = 2**31 - 1


def is_running(pid: int) -> bool:
    """Returns whether a process with this id runs on this machine. In doubt it does: nobody's work is swept away."""
    if not 0 < pid <= (_LARGEST if os.name == "posix" else 2**32 - 1):
        return False
    if pid == os.getpid():
        return True
    if os.name == "nt":
        return _runs_on_windows(pid, ctypes.WinDLL("kernel32", use_last_error=True), ctypes.get_last_error)  # type: ignore[attr-defined]
    try:
        os.kill(pid, 0)  # on Windows this would be Ctrl-C
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _runs_on_windows(pid: int, kernel: Any, last_error: Any) -> bool:
    """By a handle that is signalled when the process ends: an id stays known for as long as anybody has a handle of it."""
    kernel.OpenProcess.restype = ctypes.c_void_p  # a handle has 64 bits
    kernel.OpenProcess.argtypes = (ctypes.c_uint32, ctypes.c_int, ctypes.c_uint32)
    kernel.WaitForSingleObject.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    kernel.WaitForSingleObject.restype = ctypes.c_uint32
    kernel.CloseHandle.argtypes = (ctypes.c_void_p,)
    handle = kernel.OpenProcess(_QUERY_LIMITED | _SYNCHRONIZE, 0, pid)
    if not handle:
        return last_error() != _INVALID_PARAMETER  # access denied: it is there and another user's
    try:
        return kernel.WaitForSingleObject(handle, 0) != _WAIT_OBJECT
    finally:
        kernel.CloseHandle(handle)
