"""`sdedge doctor --report FILE`: everything that can be tried on this machine, in one file to attach to an issue."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdedge.commands.terminal import echo
from sdedge.engines.open import locate, locate_installed
from sdedge.library.manifest import is_bundle
from sdedge.library.models import EMBEDDED
from sdedge.process.impersonal import Impersonal
from sdedge.process.report_sections import Subjects
from sdedge.process.reporting import carry_out, header, is_complete, work_folder
from sdedge.process.trial_report import TrialReport
from sdedge.process.trials import Outcome, Trial


def write_report(path: Path, models: Sequence[str], again: bool) -> None:
    """Tries everything and tells each result as it comes; goes on where an earlier run ended. Raises OutputError, ModelError."""
    paths = {f"model {i}": locate(model) for i, model in enumerate(models, 1)}
    subjects = {EMBEDDED: str(locate_installed(EMBEDDED))} | {label: str(folder) for label, folder in paths.items()}
    named = {label: folder for label, folder in paths.items() if is_bundle(folder) or folder.is_dir()}
    impersonal = Impersonal({**named, **{label: folder for label, folder in paths.items() if label not in named}})
    with TrialReport(path, header(subjects), impersonal, anew=again) as report:
        if is_complete(report):
            echo(f"{path} is complete; --again tries everything anew.")
            return
        if report.resumed:
            echo(f"{path} has {report.resumed} results; going on there.")
        work = work_folder(path)
        for result in carry_out(report, Subjects(subjects, work)):
            if isinstance(result, Trial):
                echo(f"{result.section}: {result.name} …", err=True)
            else:
                echo(_line(result))
        shutil.rmtree(work, ignore_errors=True)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in _counts(report.results()).items())
        echo(f"Wrote {path} ({counts}); attach it to an issue. It holds no names, paths or prompts.")


def _counts(results: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    outcomes = [str(result.get("outcome")) for result in results]
    return {outcome: outcomes.count(outcome) for outcome in Outcome if outcome in outcomes}


def _line(result: Mapping[str, Any]) -> str:
    """A result in one line."""
    return f"{result['section']:9} {result['trial']:60} {_outcome_in_words(result)}"


def _outcome_in_words(result: Mapping[str, Any]) -> str:
    match result.get("outcome"):
        case Outcome.DONE:
            return ", ".join(_figures(result)) or "done"
        case Outcome.SIGNAL:
            return f"ENDED BY {result.get('signal', 'a signal')}{_while(result)}"
        case Outcome.HANG:
            return f"HANGS{_while(result)}: no end after {result.get('seconds', 0):.0f} s"
        case Outcome.ABSENT:
            return f"not here: {result.get('said', '')}"
        case Outcome.INTERRUPTED:
            return "NOT TRIED AGAIN: twice the doctor or the machine ended in the middle of it"
    return f"FAILED{_while(result)}: {result.get('said') or str(result.get('stderr', '')).rpartition(chr(10))[2]}"


def _while(result: Mapping[str, Any]) -> str:
    return f" ({result['phase']})" if result.get("phase") else ""


def _figures(result: Mapping[str, Any]) -> list[str]:
    if "state" in result:
        return [": ".join(filter(None, (str(result["state"]), str(result.get("reason", "")))))]
    figures = [f"{result['run_seconds']:.4f} s a run"] if "run_seconds" in result else []
    outputs = [output for output in result.get("outputs", {}).values() if isinstance(output, dict)]
    if any("psnr" not in output for output in outputs):
        figures.append("VALUES THAT ARE NO NUMBERS")
    elif outputs:
        worst = min((output["psnr"] for output in outputs), key=float)
        figures.append("equal" if float(worst) == float("inf") else f"{float(worst):.1f} dB")
    if "run_joules" in result:
        figures.append(f"{result['run_joules']:.3g} J a run")
    if "peak_bytes" in result:
        figures.append(f"{result['peak_bytes'] / 1e6:.0f} MB")
    return figures
