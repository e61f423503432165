"""What this machine was found to be best at, kept in the data folder and read without torch."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sdedge.engines.torch.cpu import compiled
from sdedge.errors import ModelError
from sdedge.files import atomic_write
from sdedge.json_values import read_json_file
from sdedge.machine.cores import cores
from sdedge.machine.instruction_sets import cap_in_words
from sdedge.places import data_folder

GAIN = 1.15
"""How many times faster than what is usual something must be to be chosen."""
_PROBE = 3  # which times were taken by; other probes' are measured again
FORMATS, LAYOUTS = ("float32", "float16", "bfloat16"), ("channels_last", "contiguous")
"""What a finding may name."""
REPEATS = 2
"""How often what was found is measured again for being doubted."""


@dataclass(frozen=True)
class Timing:
    """One kernel of v1's widths in one number format. `seconds` are a GPU's, or processor time of one thread of a CPU; None where
    the device refused it."""

    kernel: str
    dtype: str
    layout: str
    seconds: float | None


@dataclass(frozen=True)
class DeviceFinding:
    """What full-size networks run in on one device, and why.

    device   as torch names it; `name` in words
    dtype    "float32", "bfloat16" or "float16"
    layout   "channels_last" or "contiguous"
    threads  for a CPU, which engines compute on; 0 elsewhere, and where the user chose
    reason   one sentence for people
    attention  whose kernel: on a CPU that for bfloat16, "torch" or "own"; on MPS "torch" (in pieces) or "fused"
    attention_float32  likewise on a CPU
    openvino  how long it takes for a small UNet, of torch's time; 0 where it was not timed
    confidence  the fraction of the rounds of timing that by themselves led to the same choices
    gain     how many times faster a CPU's threads are than one of them, by which it was timed
    cores    of a CPU, in words
    is_doubted  whether it is measured again when the machine is quiet: steps disagreed with it, or threads could not be timed
    repeats  how many times it was measured again for that
    """

    device: str
    name: str
    dtype: str
    layout: str
    threads: int
    reason: str
    timings: tuple[Timing, ...] = ()
    attention: str = "torch"
    openvino: float = 0.0
    confidence: float = 1.0
    gain: float = 1.0
    cores: str = ""
    is_doubted: bool = False
    repeats: int = 0
    attention_float32: str = "torch"

    @property
    def choices(self) -> tuple[str, ...]:
        """What pictures depend on to the last bit: what was chosen, and not how long it took."""
        return self.device, self.dtype, self.layout, self.attention, self.attention_float32

    def attention_in(self, dtype: str) -> str:
        """Returns whose attention was found faster in a format."""
        return self.attention_float32 if dtype == "float32" else self.attention


def findings() -> dict[str, DeviceFinding]:
    """Finding by device of this machine and torch; those of another are not counted, nor a damaged file."""
    try:
        record = read_json_file(findings_file())
        if record["machine"] != this_machine():
            return {}
        return {device: _finding(entry) for device, entry in record["findings"].items()}
    except (ModelError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def keep(finding: DeviceFinding) -> None:
    """Puts a finding beside those of other devices. Raises OutputError."""
    known = {**findings(), finding.device: finding}
    record = {"machine": this_machine(), "findings": {device: asdict(measured) for device, measured in known.items()}}
    with atomic_write(findings_file()) as file:
        file.write(json.dumps(record, indent=1).encode())


def doubt(device: str) -> None:
    """Marks what was found of a device as to be measured again at a quiet moment; what was so twice already stays. Raises
    OutputError."""
    finding = findings().get(device)
    if finding is not None and not finding.is_doubted and finding.repeats < REPEATS:
        keep(replace(finding, is_doubted=True))


def processor() -> str:
    """Returns the processor by name; the chip's on a Mac."""
    if sys.platform == "darwin" and (chip := sysctl("machdep.cpu.brand_string")):
        return chip
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    return named[0] if named else platform.processor() or platform.machine()


def sysctl(key: str) -> str:
    """Returns a fact of macOS; "" where it does not say."""
    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def package_version(name: str) -> str:
    """Returns the version of an installed package; "" where it is not."""
    from importlib.metadata import (
        PackageNotFoundError,
        version,
    )  # a twentieth of the window's start, which asks for none

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def openvino_version() -> str:
    """ "" where it is not installed."""
    return package_version("openvino")


def this_machine() -> dict[str, str | int]:
    """Returns what a measured time depends on: processor, caps on its instructions, system, cores, and the versions of what
    computes."""
    return {
        "probe": _PROBE, "processor": processor(), "caps": cap_in_words(), "system": platform.system(),
        "cores": cores().most, "torch": package_version("torch"), "kernels": compiled.level(),
        "float_kernels": compiled.float_level(), "openvino": openvino_version(),
    }  # fmt: skip


def findings_file() -> Path:
    return data_folder() / "machine.json"


def _finding(record: Mapping[str, object]) -> DeviceFinding:
    timings = tuple(Timing(**timing) for timing in record["timings"])  # type: ignore[attr-defined]
    finding = DeviceFinding(**{**record, "timings": timings})  # type: ignore[arg-type]
    known = finding.dtype in FORMATS and finding.layout in LAYOUTS and type(finding.threads) is int
    if not known:
        raise ValueError(f"{findings_file()} has a value that sdedge never wrote.")
    return finding
