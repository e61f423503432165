"""What the canary found of each engine on this machine, kept in the data folder and read without torch.

An engine is named as pictures record it: "cpu float32", "mps float16", "openvino bfloat16", "coreml all". What was found holds
for one key (`machine_key`): after an update of the system or of what computes, every engine is asked again.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import sdedge
from sdedge.errors import ModelError, OutputError, Remedy
from sdedge.events import Checking
from sdedge.files import atomic_write
from sdedge.json_values import read_json_file
from sdedge.machine.findings import package_version, sysctl, this_machine
from sdedge.places import data_folder

SETTING = "SDEDGE_CANARY"
""" "off" in the environment starts none and heeds none."""


class State(StrEnum):
    """What is known of an engine."""

    PROVED = "proved"
    FAILED = "failed"
    UNKNOWN = "not proved"
    """It was never asked, or the canary itself could not run."""


@dataclass(frozen=True)
class Verdict:
    """What the canary found of one engine.

    engine    by its name
    reason    of a failure the figure; why the canary could not run
    errors    decibels of the error by result, where there are any
    seconds   that it took beside its imports
    time      when, in seconds since 1970
    trusted   whether the user wants the engine whatever was found
    """

    engine: str
    state: State
    reason: str = ""
    errors: Mapping[str, float] | None = None
    seconds: float = 0.0
    time: float = 0.0
    trusted: bool = False

    @property
    def is_switched_off(self) -> bool:
        return self.state is State.FAILED and not self.trusted

    @property
    def sentence(self) -> str:
        """Returns what is to be said of it, in one line."""
        match self.state:
            case State.PROVED:
                return f"{self.engine} computes as it should on this machine."
            case State.UNKNOWN if self.trusted:
                return f"{self.engine} is used because you trust it, whatever its check finds."
            case State.FAILED if self.trusted:
                return f"{self.engine} is used because you trust it, though its check found {self.reason}."
            case State.FAILED:
                return (
                    f"{self.engine} is switched off on this machine, as its check found {self.reason}, twice. It is checked "
                    f"again after the next update; {Remedy.TRUST_ENGINE}."
                )
        return f"{self.engine} is not checked on this machine yet{f': {self.reason}' if self.reason else ''}."


def is_heeded() -> bool:
    """Returns whether the user has not turned the canary off."""
    return os.environ.get(SETTING, "").lower() not in ("off", "0", "no", "false")


def machine_key() -> dict[str, str]:
    """Returns what a verdict depends on: the system's build, the chip, the driver, and the versions of what computes.

    Of sdedge's own version the patch is left out.
    """
    known = this_machine()
    measured = {
        name: str(known[name]) for name in ("processor", "caps", "torch", "kernels", "float_kernels", "openvino")
    }
    packages = {name: package_version(name) for name in ("mlx", "coremltools")}
    own = ".".join(sdedge.__version__.split(".")[:2])
    return {**measured, "system": _system_build(), "driver": _driver(), **packages, "sdedge": own}


def _system_build() -> str:
    if sys.platform == "darwin" and (build := sysctl("kern.osversion")):
        return f"macOS {platform.mac_ver()[0]} {build}"
    return f"{platform.system()} {platform.release()} {platform.version()}"


def _driver() -> str:
    """Returns the version of NVIDIA's driver, "" where there is none; on a Mac the system's build is its version too."""
    try:
        return Path("/proc/driver/nvidia/version").read_text("utf-8").splitlines()[0]
    except (OSError, ValueError, IndexError):
        return ""


def asked_engine(description: str) -> str:
    """Returns the engine whose canary speaks for one: int8 has no reference of its own, and bundles that torch runs on a CPU are
    as good as torch is there."""
    device, _, dtype = description.removeprefix("graph cpu").rpartition(" ")
    if device == "mil":
        return "cpu float32"
    device = device or "cpu"
    return f"{device} {'float32' if dtype == 'int8' else dtype}"


def verdict(engine: str) -> Verdict:
    """Returns what was found of an engine under today's key; one that was never asked is `State.UNKNOWN`."""
    asked = asked_engine(engine)
    known = _read(verdict_file(asked), machine_key()) if verdict_file(asked).is_file() else None
    return known or Verdict(asked, State.UNKNOWN)


def verdicts() -> tuple[Verdict, ...]:
    """Returns what was found under today's key, by the engines' names."""
    files = sorted(_folder().glob("*.json")) if _folder().is_dir() else []
    key = machine_key() if files else {}
    return tuple(known for file in files if (known := _read(file, key)) is not None)


def is_usable(engine: str) -> bool:
    """Returns whether an engine is not switched off."""
    return not (is_heeded() and verdict(engine).is_switched_off)


def keep(known: Verdict) -> None:
    """Writes a verdict under today's key. Raises OutputError."""
    path = verdict_file(known.engine)
    with suppress(OSError):  # which writing tells
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps({"key": machine_key(), **asdict(known)}, indent=1).encode())


def keep_progress(check: Checking) -> None:
    """Writes how far the check of an engine is, for whoever waits for it; a disk that takes none costs nobody the check."""
    with suppress(OSError, OutputError):
        _progress_file(check.engine).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(_progress_file(check.engine)) as file:
            file.write(json.dumps(asdict(check)).encode())


def progress(engine: str) -> Checking | None:
    """Returns how far the check of an engine is that runs now, in whatever process; None where nothing is known of one."""
    try:
        check = Checking(**dict(read_json_file(_progress_file(engine))))
    except (ModelError, OSError, ValueError, TypeError):
        return None
    numbers = (check.done, check.total)
    return check if all(type(number) is int for number in numbers) and 0 <= check.done <= check.total else None


def end_progress(engine: str) -> None:
    """Drops what was kept of an engine's check that is done."""
    with suppress(OSError):
        _progress_file(engine).unlink()


def _progress_file(engine: str) -> Path:
    return verdict_file(engine).with_suffix(".progress")


def forget(engines: Iterable[str]) -> None:
    """Drops what was found of engines, so that they are asked anew."""
    for engine in engines:
        with suppress(OSError):
            verdict_file(asked_engine(engine)).unlink()


def trust(engine: str, trusted: bool = True) -> Verdict:
    """Uses an engine whatever was found of it under today's key, or no longer does. Raises OutputError."""
    known = replace(verdict(engine), trusted=trusted)
    keep(known)
    return known


def verdict_file(engine: str) -> Path:
    """Returns where the verdict of an engine lies."""
    return _folder() / f"{re.sub(r'[^a-z0-9]+', '-', engine.lower()).strip('-')}.json"


def _folder() -> Path:
    return data_folder() / "canary"


def _read(file: Path, key: Mapping[str, str]) -> Verdict | None:
    """Returns the verdict that a file holds; None for another key's, a damaged one, or none."""
    try:
        record: dict[str, Any] = dict(read_json_file(file))
        if record.pop("key") != key:
            return None
        known = Verdict(**{**record, "state": State(record["state"])})
        return known if isinstance(known.engine, str) and isinstance(known.reason, str) else None
    except (ModelError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
