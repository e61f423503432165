"""`sdedge convert doctor`: how a bundle fares on this Mac, in one file to attach to an issue."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sdedge.commands.terminal import echo

REPORT = Path("sdedge-coreml-report.md")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), default=REPORT, show_default=True, help="The report.")
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True, help="Timed runs of each.")
def doctor(bundle: Path, out: Path, runs: int) -> None:
    """Compile BUNDLE, load it on each compute unit, time it, and compare it with the portable runner.

    Needs a Mac. Elsewhere it says so and checks what can be checked without one.
    """
    from converters.doctor import check, report, trials
    from sdedge.files import atomic_write

    if sys.platform != "darwin":
        echo("Core ML runs on a Mac only; nothing was compiled, loaded or timed here. Checked instead:")
        for line in check(bundle):
            echo(f"  {line}")
        echo("`sdedge convert verify` compares the numbers with torch on any system.")
        return
    tried = []
    for trial in trials(bundle, runs=runs):
        tried.append(trial)
        echo(f"{trial.component} on {trial.units}: {trial.error or f'{trial.predicted:.4f} s, {trial.psnr:.1f} dB'}")
    with atomic_write(out) as file:
        file.write(report(bundle, tried).encode())
    echo(f"Wrote {out}; attach it to an issue.")
