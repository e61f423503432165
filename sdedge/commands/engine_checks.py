"""The part of `sdedge doctor` that is about the canary: what it found of each engine, asking it now, and overruling it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sdedge.commands.progress import counting
from sdedge.commands.terminal import note
from sdedge.errors import InvalidRequest
from sdedge.machine import canary
from sdedge.machine.canary import State, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from sdedge.machine.findings import DeviceFinding

DEVICES = ("cpu", "cuda", "mps", "openvino", "coreml", "graph")
"""What an engine's name begins with."""


def engines_of(finding: DeviceFinding) -> list[str]:
    """Returns the engines that draw on a device: in its measured format, that of narrow models, and float32."""
    from sdedge.machine.findings import openvino_version
    from sdedge.machine.picture_memory import NARROW_FORMATS

    kind = finding.device.partition(":")[0]
    names = [f"{finding.device} {dtype}" for dtype in (finding.dtype, NARROW_FORMATS[kind], "float32")]
    if kind == "cpu" and openvino_version() and finding.dtype != "float16":
        names.append(f"openvino {finding.dtype}")
    if sys.platform == "darwin" and kind == "mps":
        names.append("coreml all")
    return list(dict.fromkeys(names))


def check(engines: list[str]) -> None:
    """Asks engines anew, one after another, and keeps what is found. Raises OutputError where that cannot be written."""
    for engine in engines:
        trusted = canary.verdict(engine).trusted
        canary.forget([engine])
        if trusted:
            canary.trust(engine)
        _settle(engine)


def _settle(engine: str) -> None:
    """Asks an engine, and shows how far that is."""
    from sdedge.process.canary import run_engine, settle

    said = f"Checking {engine}"
    if not sys.stderr.isatty():
        note(f"{said} …")
    with counting(said) as show_progress:
        tell = show_progress or (lambda done, total: None)
        settle(engine, lambda name: run_engine(name, tell=lambda trial: tell(trial.done, trial.total)))


def set_trust(name: str, is_trusted: bool) -> Verdict:
    """Overrules what was found of an engine, or no longer does. Raises InvalidRequest for what names none."""
    parts = name.lower().split()
    if len(parts) < 2 or parts[0].partition(":")[0] not in DEVICES:
        known = ", ".join(each.engine for each in canary.verdicts()) or "cpu float32, mps float16"
        raise InvalidRequest(f"{name!r} names no engine; write its device and format, such as one of {known}.")
    return canary.trust(" ".join(parts), is_trusted)


def records() -> list[dict[str, Any]]:
    """Returns every verdict of today's key, for JSON."""
    return [{**asdict(each), "switched_off": each.is_switched_off} for each in canary.verdicts()]


def show(engines: list[str], console: Console) -> None:
    """Prints a row for each engine that was asked, or that draws here."""
    from rich.markup import escape
    from rich.table import Table

    known = {each.engine: each for each in canary.verdicts()}
    rows = [known.pop(name, Verdict(name, State.UNKNOWN)) for name in engines]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("engine", "check", "lowest dB", "s", "on", "remark"):
        table.add_column(column, justify="right" if column in ("lowest dB", "s") else "left")
    for each in (*rows, *known.values()):
        lowest = f"{min(each.errors.values()):.0f}" if each.errors else ""
        day = f"{datetime.fromtimestamp(each.time):%Y-%m-%d}" if each.time else ""
        seconds = f"{each.seconds:.1f}" if each.seconds else ""
        table.add_row(*map(escape, (each.engine, _state(each), lowest, seconds, day, _reason(each))))
    console.print()
    console.print(table)
    if not canary.is_heeded():
        console.print(f"The check is turned off by {canary.SETTING}.")


def _state(each: Verdict) -> str:
    if each.state is State.FAILED:
        return "failed, but trusted" if each.trusted else "switched off"
    said = "passed" if each.state is State.PROVED else "not yet"
    return f"{said}{', but trusted' if each.trusted else ''}"


def _reason(each: Verdict) -> str:
    if each.reason:
        return each.reason
    return "checked beside its first picture, once" if each.state is State.UNKNOWN and not each.time else ""
