"""`sdedge doctor`: the devices of this machine, what was measured on them, and what follows."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import click

import sdedge
from sdedge.commands import engine_checks
from sdedge.commands.terminal import echo
from sdedge.errors import InvalidRequest
from sdedge.text.clean import shown

if TYPE_CHECKING:
    from rich.console import Console

    from sdedge.machine.findings import DeviceFinding


@click.command()
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--again", is_flag=True, help="Measure anew, on a machine that is doing nothing else.")
@click.option("--check", is_flag=True, help="Ask the device's engines anew whether they compute as they should.")
@click.option("--trust", metavar="ENGINE", help='Use an engine whatever its check finds, such as "mps float16".')
@click.option("--no-trust", metavar="ENGINE", help="Heed the check of an engine again.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Try every engine, each in a process of its own, and write one file to attach to an issue; goes on with one "
    "that was interrupted.",
)  # fmt: skip
@click.option(
    "-m", "--model", "models", multiple=True, metavar="NAME",
    help="For the report: also try this model or bundle, beside the embedded one; may be repeated.",
)  # fmt: skip
def doctor(
    device: str, again: bool, check: bool, trust: str | None, no_trust: str | None, as_json: bool, report: Path | None,
    models: tuple[str, ...],
) -> None:  # fmt: skip
    """Show which device, number format and memory layout full-size models run in here, and why; and which engines were found
    to compute as they should."""
    if report is not None:
        others = {
            "--device": device != "auto",
            "--json": as_json,
            "--check": check,
            "--trust": trust,
            "--no-trust": no_trust,
        }
        if named := [name for name, is_named in others.items() if is_named]:
            raise InvalidRequest(
                f"--report tries every device and engine and is JSON: leave out {' and '.join(named)}."
            )
        from sdedge.commands.doctor_report import write_report

        write_report(report, models, again)
        return
    if models:
        raise InvalidRequest("--model names what a report tries as well: give --report FILE too.")
    if trust is None and no_trust is None:
        _measured(device, again, check, as_json)
        return
    others = {"--device": device != "auto", "--again": again, "--check": check, "--json": as_json}
    if named := [name for name, is_named in others.items() if is_named]:
        raise InvalidRequest(
            f"--trust and --no-trust say what is used and show nothing: leave out {' and '.join(named)}."
        )
    _set_trust(trust, no_trust)


def _set_trust(trust: str | None, no_trust: str | None) -> None:
    """Uses an engine whatever its check found, heeds another's again, and says so. Raises InvalidRequest."""
    if trust == no_trust:
        raise InvalidRequest(f"--trust and --no-trust both name {shown(trust)}; leave one of them out.")
    for name, is_trusted in ((trust, True), (no_trust, False)):
        if name is not None:
            echo(engine_checks.set_trust(name, is_trusted).sentence)


def _measured(device: str, again: bool, check: bool, as_json: bool) -> None:
    """Shows what was measured and checked on a device, measuring and checking as asked."""
    from rich.console import Console

    from sdedge.engines.openvino.timing import with_openvino
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.machine import formats

    place = formats.choose_device(device)
    finding = with_openvino(formats.measure(place) if again else formats.measured(place))
    engines = engine_checks.engines_of(finding)
    if check:
        engine_checks.check(engines)
    if as_json:
        packed = asdict(packed_cache.choice()) | {"bytes": sum(entry.size for entry in packed_cache.entries())}
        echo(json.dumps({**asdict(finding), "engines": engine_checks.records(), "packed_weights": packed}, indent=1))
    else:
        console = Console(highlight=False)
        _show(finding, console)
        engine_checks.show(engines, console)


def _versions() -> str:
    """The system and what draws on it, for a report: nothing personal."""
    system = (
        f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else f"{platform.system()} {platform.release()}"
    )
    parts = [f"sdedge {sdedge.__version__}", f"{system} {platform.machine()}", f"Python {platform.python_version()}"]
    for package in ("torch", "coremltools", "openvino"):
        with suppress(PackageNotFoundError):
            parts.append(f"{package} {version(package)}")
    return ", ".join(parts)


def _show(finding: DeviceFinding, console: Console) -> None:
    from rich.table import Table

    from sdedge.machine.probe import OWN

    console.print(_versions())
    console.print(f"{finding.device}: {finding.name}", style="bold")
    console.print(f"Full-size models run in {finding.dtype}, {finding.layout.replace('_', ' ')}. {finding.reason}")
    for sentence in _remarks(finding):
        console.print(sentence)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("operation", "format", "variant"):
        table.add_column(column)
    table.add_column("ms", justify="right")
    for timing in finding.timings:
        spent = "refused" if timing.seconds is None else f"{timing.seconds * 1000:.2f}"
        variant = "own kernel" if timing.layout == OWN else timing.layout.replace("_", " ")
        table.add_row(timing.kernel, timing.dtype, variant, spent)
    console.print(table)


def _remarks(finding: DeviceFinding) -> Iterator[str]:
    """Yields what there is to say of a CPU's threads and of how sure the measurement is."""
    if finding.device == "cpu":
        from sdedge.engines.torch.cpu import packed_cache

        yield _threads(finding)
        yield packed_cache.state_in_words()
        yield _memory(finding)
    if finding.confidence < 1:
        from sdedge.machine.formats import LEAST_CONFIDENCE

        sequel = "" if finding.confidence >= LEAST_CONFIDENCE else " It is not kept, and the next start measures again."
        yield f"{finding.confidence:.0%} of the rounds of timing agree with that.{sequel}"
    if finding.is_doubted:
        yield "Other programs were in the way, or steps disagree; it is measured again at the next start on a quiet machine."


def _memory(finding: DeviceFinding) -> str:
    """Returns what a picture of a v1 model takes of a CPU's memory, what may be mapped told apart."""
    from sdedge.engines.torch.cpu import packed_cache
    from sdedge.machine.memory_plan import MemoryRequest, Sizes, predict, spoken_size
    from sdedge.machine.picture_memory import ITEMSIZES

    itemsize, sizes = ITEMSIZES.get(finding.dtype, 4), Sizes()
    peak = predict("fast", MemoryRequest(512, 512, itemsize=itemsize), sizes)
    mapped = (sizes.unet + sizes.vae) * itemsize
    takes = f"A picture of 512x512 by a v1 model takes about {spoken_size(peak)} of memory"
    if not packed_cache.choice().keep:
        return f"{takes}, all of it the process's own."
    return (
        f"{takes}; {spoken_size(mapped)} of that are mapped from the cache once a model was loaded before, and the system "
        "drops them where others need the memory."
    )


def _threads(finding: DeviceFinding) -> str:
    from sdedge.machine.cores import cores

    where = f"on {finding.cores or cores()}"
    if not finding.threads:
        return f"As many threads compute as OMP_NUM_THREADS or MKL_NUM_THREADS says, {where}."
    faster = f", {finding.gain:.1f} times as fast as one" if finding.threads > 1 else ""
    return f"{finding.threads} {'thread computes' if finding.threads == 1 else 'threads compute'} {where}{faster}."
