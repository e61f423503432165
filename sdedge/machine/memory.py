"""What this machine can spare: memory that is free, and what this process holds. No torch."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from sdedge.machine.control_groups import GROUPS, group_folders, own_groups, text_of

_IN_GROUP = {
    1: (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    2: (("memory.max", "memory.high"), "memory.current", "inactive_file"),
}
"""By the version of control groups: files of a group's limits and of its use, and the line of its idle file pages. Above
memory.high (systemd's MemoryHigh) the kernel ends nobody, but takes pages back all the time, so that hardly anything gets on."""

log = logging.getLogger(__name__)

PLENTY = 1 << 50  # bytes; a limit that there is not
UNTOLD = 8 << 30  # bytes that a machine counts as having which does not say how many
FREE_FRACTION = 0.5  # of a machine's memory counts as free where it does not say how much is


def available_memory() -> tuple[int, int]:
    """Bytes that can be had without swapping, and bytes in all. What is not known is assumed with caution: half of it is free."""
    try:
        if sys.platform == "linux":
            with open("/proc/meminfo") as file:
                table = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file if " kB" in line}
            free, total = container_memory(GROUPS, own_groups())
            return min(table["MemAvailable"], free), min(table["MemTotal"], total)
        if sys.platform == "darwin":
            return _macos_memory()
        if sys.platform == "win32":
            return _windows_memory()
    except (OSError, KeyError, ValueError, IndexError, AttributeError, subprocess.SubprocessError) as error:
        log.warning("The free memory is not known (%s); half of it counts as free.", error)
    total = total_memory()
    return int(total * FREE_FRACTION), total


def total_memory() -> int:
    """Bytes in all, as the system's configuration has them; a small machine's where it does not say."""
    with suppress(OSError, ValueError, AttributeError):
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        if pages > 0 and size > 0:
            return pages * size
    return UNTOLD


def container_memory(groups: Path, own: str) -> tuple[int, int]:
    """Bytes free and in all of the tightest control group above a process; plenty where none has a limit.

    `own` is what `own_groups` returns. File pages that are not in use count as free: the kernel drops them first.
    """
    free, total = [PLENTY], [PLENTY]
    for version, folder in group_folders(groups, own, "memory"):
        limits, usage, line_of_idle = _IN_GROUP[version]
        texts = [text_of(folder / name).strip() for name in limits]
        limit = min((int(text) for text in texts if text.isdecimal()), default=None)
        if limit is None:
            continue
        free.append(limit)
        total.append(limit)
        with suppress(OSError, ValueError, StopIteration):
            used = int((folder / usage).read_text())
            lines = (folder / "memory.stat").read_text().splitlines()
            idle = next(int(line.split()[1]) for line in lines if line.startswith(f"{line_of_idle} "))
            free.append(max(limit - used + idle, 0))
    return min(free), min(total)


def _macos_memory() -> tuple[int, int]:
    text = subprocess.run(["vm_stat"], capture_output=True, text=True, timeout=5, check=True).stdout
    page = int(text.split("page size of ")[1].split()[0])
    lines = dict(line.split(":") for line in text.splitlines()[1:] if ":" in line)
    kinds = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")
    free = sum(int(lines[kind].strip(" .")) for kind in kinds)
    return free * page, total_memory()


def _windows_memory() -> tuple[int, int]:
    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status()
    status.length = ctypes.sizeof(status)
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        raise OSError("GlobalMemoryStatusEx failed")
    return status.free, status.total
