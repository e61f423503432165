"""Which device and which number format a model runs in: the table for narrow networks, what was measured for full-size ones."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from sdedge.errors import InvalidRequest, OutputError
from sdedge.machine import findings
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.picture_memory import NARROW, NARROW_FORMATS
from sdedge.machine.probe import DTYPES, probe
from sdedge.machine.quiet import is_quiet

LEAST_CONFIDENCE = 0.75
"""The confidence of a finding from which it is kept."""
_unkept: dict[tuple[Path, str], DeviceFinding] = {}
looked_into: set[tuple[Path, str]] = set()
"""What doubts were looked into by this process."""
SHORT_NAMES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def dtype_name(dtype: torch.dtype) -> str:
    """Returns "float16" of torch.float16."""
    return str(dtype).removeprefix("torch.")


def choose_device(name: str = "auto") -> torch.device:
    """Returns the device of a name ("auto", "cpu", "cuda", "cuda:1", "mps"); of several GPUs the one with most free memory.

    "auto" is what SDEDGE_DEVICE names, where that is one of these. Raises InvalidRequest for a device that is not there,
    naming those that are.
    """
    if name == "auto" and os.environ.get("SDEDGE_DEVICE", "").partition(":")[0] in ("cpu", "cuda", "mps"):
        name = os.environ["SDEDGE_DEVICE"]
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    present = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    present += ["mps"] if torch.backends.mps.is_available() else []
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    known = device is not None and (str(device) in present or f"{device}:0" in present)
    if device is not None and device.type == "xpu":
        raise InvalidRequest(f"Intel's GPUs draw by OpenVINO, not as {name!r}; choose openvino:gpu.")
    if device is None or not known:
        raise InvalidRequest(f"The device {name!r} is not here; choose auto or one of {', '.join(present)}.")
    if name == "cuda":
        free = [torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())]
        return torch.device("cuda", free.index(max(free)))
    return device


def choose_dtype(device: torch.device, name: str | None = None, width: int = NARROW) -> torch.dtype:
    """Returns the named format, or the one that suits the device and a UNet of `width` channels.

    Raises InvalidRequest for an unknown name.
    """
    if name is not None:
        if (full := SHORT_NAMES.get(name, name)) not in DTYPES:
            raise InvalidRequest(f"Unknown dtype {name!r}; choose one of {', '.join(DTYPES)}, int8.")
        return DTYPES[full]
    return DTYPES[NARROW_FORMATS[device.type] if width < NARROW else measured(device).dtype]


def measured(device: torch.device) -> DeviceFinding:
    """Returns what the probe found of this device. It runs now if it never did, or if what it found is doubted and the machine is
    quiet; once in a process, whose networks must agree."""
    place = findings.findings_file(), str(device)
    finding = _unkept.get(place) or findings.findings().get(str(device))
    if finding is not None and (not finding.is_doubted or place in looked_into):
        return finding
    if finding is None or is_quiet():
        finding = measure(device)
    looked_into.add(place)
    return finding


def measure(device: torch.device) -> DeviceFinding:
    """Measures a device now, and keeps what it finds as `keep` does."""
    before = findings.findings().get(str(device))
    finding = probe(device)
    if before is not None and before.is_doubted:
        repeats = before.repeats + 1
        finding = replace(finding, repeats=repeats, is_doubted=finding.is_doubted and repeats < findings.REPEATS)
    keep(finding)
    return finding


def keep(finding: DeviceFinding) -> None:
    """Keeps a finding that agrees with itself; another one holds for this process alone, and so does any where the data folder
    cannot be written, which costs a few seconds at every start and not the picture."""
    place = findings.findings_file(), finding.device
    _unkept.pop(place, None)
    if finding.confidence >= LEAST_CONFIDENCE:
        with suppress(OutputError):
            findings.keep(finding)
            return
    _unkept[place] = finding
