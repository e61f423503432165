"""Which device and which number format a model runs in: the table for narrow networks, what was measured for full-size ones."""

from __future__ import annotations

import os
from contextlib import suppress

import torch

from sdedge.errors import InvalidRequest, OutputError
from sdedge.machine import findings
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.picture_memory import NARROW, NARROW_FORMATS
from sdedge.machine.probe import DTYPES, probe

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
    """Returns what the probe found of this device, which runs now if it never did."""
    finding = findings.findings().get(str(device))
    if finding is None:
        finding = probe(device)
        # A data folder that cannot be written costs a second at every start, not the picture.
        with suppress(OutputError):
            findings.keep(finding)
    return finding
