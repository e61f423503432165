"""Which number format each device computes in."""

from __future__ import annotations

import torch

from sdedge.errors import InvalidRequest

# A CPU flag says nothing about speed: half precision without hardware support is hundreds of times slower there.
DEFAULTS = {"cpu": torch.float32, "cuda": torch.float16, "mps": torch.float16}
NAMES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHORT = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


def choose_device(name: str = "auto") -> torch.device:
    """"auto", "cpu", "cuda", "cuda:1" or "mps" -> a device that is there. Raises InvalidRequest otherwise."""
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
    return device


def choose_dtype(device: torch.device, name: str | None = None) -> torch.dtype:
    """The named format, or what suits the device. Raises InvalidRequest for an unknown name."""
    if name is None:
        return DEFAULTS[device.type]
    if (full := SHORT.get(name, name)) not in NAMES:
        raise InvalidRequest(f"Unknown dtype {name!r}; choose one of {', '.join(NAMES)}.")
    return NAMES[full]
