"""The energy that work takes, where a system tells that to anybody: no rights are asked for. No torch.

Linux has counters of the processor's package (powercap), on many systems for root alone. macOS counts each process's own, of
the processor only; what GPU and Neural Engine take it tells to root (`powermetrics`).
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
PACKAGE, PROCESS = "processor package", "this process, processor only"
_NANOJOULES, _NEURAL_PEAK, _FOOTPRINT_PEAK = (
    40,
    45,
    28,
)  # numbers of struct rusage_info_v6 (sys/resource.h), after 16 bytes
_VERSION = 6


class EnergyMeter:
    """Measures from when it is made."""

    def __init__(self, powercap: Path = POWERCAP, library: Any = None) -> None:
        """`library` stands in for macOS's libproc."""
        self._powercap, self._library = powercap, library
        self._start = self._counters()

    def joules(self) -> tuple[float, str] | None:
        """Returns the joules since then and what they are of; None where the system does not say."""
        now = self._counters()
        if not self._start or set(now) != set(self._start):
            return None
        total = 0
        for name, (count, limit) in now.items():
            spent = count - self._start[name][0]
            total += spent if spent >= 0 else spent + limit  # a counter begins anew at its limit
        return total / 1e9, PROCESS if "process" in now else PACKAGE

    def _counters(self) -> dict[str, tuple[int, int]]:
        """Returns nanojoules and their limit by counter."""
        if usage := process_usage(self._library):
            return {"process": (usage[_NANOJOULES], 1 << 64)} if usage[_NANOJOULES] else {}
        counters = {}
        with suppress(OSError, ValueError):
            for zone in sorted(self._powercap.glob("intel-rapl:*")):
                if zone.name.count(":") == 1:  # of the package; its parts are counted in it
                    count = int((zone / "energy_uj").read_text())
                    limit = int((zone / "max_energy_range_uj").read_text())
                    counters[zone.name] = (1000 * count, 1000 * limit)
        return counters


def process_usage(library: Any = None) -> list[int]:
    """Returns the numbers of macOS's `rusage_info_v6` for this process; none elsewhere. `library` stands in for libproc."""
    if library is None and sys.platform != "darwin":
        return []
    record = (ctypes.c_uint64 * 80)()
    try:
        library = library or ctypes.CDLL("/usr/lib/libproc.dylib")
        failed = library.proc_pid_rusage(os.getpid(), _VERSION, ctypes.byref(record))
    except (OSError, AttributeError):
        return []
    return [] if failed else list(record)[2:]


def memory_peaks(library: Any = None) -> dict[str, int]:
    """Returns the most bytes that this process held: "peak", and on macOS "neural_peak" where the Neural Engine held any."""
    if usage := process_usage(library):
        peaks = {"peak": usage[_FOOTPRINT_PEAK], "neural_peak": usage[_NEURAL_PEAK]}
        return {name: size for name, size in peaks.items() if size}
    try:
        import resource
    except ImportError:
        return {}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak": peak if sys.platform == "darwin" else peak * 1024}
