"""How long a step of a full-size UNet took on this machine, kept in the data folder from picture to picture. No torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.files import atomic_write
from sdedge.json_values import read_json_file
from sdedge.machine.findings import this_machine
from sdedge.places import data_folder

CHANGED = 0.1
"""A step is written down again where it takes this much more or less than the one before it, as a fraction."""
LEAST, MOST = 0.5, 4.0
"""Of the time that is planned by the probe's kernels, between which a step on a quiet machine is."""


@dataclass(frozen=True)
class StepTime:
    """One whole call of a UNet: its rows (branches of guidance times pictures), the latents' height and width, its seconds."""

    rows: int
    height: int
    width: int
    seconds: float

    def __post_init__(self) -> None:
        counts = self.rows, self.height, self.width
        if not all(type(count) is int and 0 < count < 1 << 20 for count in counts) or not 0 < self.seconds < 1e6:
            raise ValueError(f"{self} is the time of no step")


def step_times() -> dict[str, StepTime]:
    """Returns the latest step of each network that was measured on this machine, by what `keep_step` was told of it; those of
    another machine or torch are not counted, nor a damaged file."""
    try:
        record = read_json_file(times_file())
        if record["machine"] != this_machine():
            return {}
        return {str(network): StepTime(**entry) for network, entry in record["steps"].items()}
    except (ModelError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def keep_step(network: str, time: StepTime) -> None:
    """Puts the time of a step of a network ("cpu float32, 859520964 parameters") beside those of others. Raises OutputError."""
    known = step_times()
    before = known.get(network)
    alike = before is not None and replace(time, seconds=before.seconds) == before
    if before is not None and alike and abs(time.seconds - before.seconds) <= CHANGED * before.seconds:
        return
    steps = {name: asdict(entry) for name, entry in {**known, network: time}.items()}
    with atomic_write(times_file()) as file:
        file.write(json.dumps({"machine": this_machine(), "steps": steps}, indent=1).encode())


def is_apart(planned: float, took: float) -> bool:
    """Returns whether a step disagrees with what the probe's kernels let expect of it: no step takes less than its kernels, and
    none on a quiet machine several times as long."""
    return took < LEAST * planned or took > MOST * planned


def times_file() -> Path:
    return data_folder() / "steps.json"
