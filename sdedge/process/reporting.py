"""From sections to a report: each trial that it has no result of is carried out, and its result written. No torch."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import OutputError
from sdedge.files import make_private_folder
from sdedge.places import cache_folder
from sdedge.process.report_sections import SECTIONS, Section, Subjects, machine
from sdedge.process.trial_report import TrialReport
from sdedge.process.trials import Finding, Outcome, Trial, run

END = Finding("end", "complete")
_FORGOTTEN = 7 * 86_400.0  # seconds after which the work of a report that nobody went on with goes
_DIGITS = 4


def carry_out(
    report: TrialReport, subjects: Subjects, sections: Sequence[Section] = SECTIONS
) -> Iterator[Trial | dict[str, Any]]:
    """Yields each trial as it begins and then its result as it was written. Raises OutputError."""
    for section in sections:
        try:
            for item in section.trials(subjects):
                yield from _carried_out(report, item)
        except OutputError:
            raise
        except Exception as error:  # a section that cannot list its trials leaves the others theirs
            said = {"outcome": Outcome.FAILED, "said": f"{type(error).__name__}: {error}"}
            yield report.add(Finding(section.name, "the list of trials"), said)
    report.add(END, {"outcome": Outcome.DONE})


def _carried_out(report: TrialReport, item: Trial | Finding) -> Iterator[Trial | dict[str, Any]]:
    needed = report.needs(item)
    if isinstance(item, Finding):
        if needed:
            yield report.add(item, {"outcome": Outcome.DONE, **item.values})
    elif needed:
        yield item
        report.begin(item)
        yield report.add(item, run(item))
    elif item.makes and not Path(item.makes).exists() and _was_done(report, item):
        run(item)  # of a report that goes on after the system has cleared its caches


def _was_done(report: TrialReport, trial: Trial) -> bool:
    result = report.result(trial.section, trial.name)
    return result is not None and result.get("outcome") == Outcome.DONE


def is_complete(report: TrialReport) -> bool:
    """Returns whether everything was tried."""
    return not report.needs(END)


def header(models: Mapping[str, str]) -> dict[str, object]:
    """Returns what a report is of: the machine, and of the models that a person named so much that other ones are noticed."""
    named = [model for label, model in models.items() if label.startswith("model ")]
    return {**machine(), "models": [hashlib.sha256(model.encode()).hexdigest()[:_DIGITS] for model in named]}


def work_folder(report: Path) -> Path:
    """Makes the folder of what a report's trials make for each other, and removes those that nobody went on with."""
    folder = cache_folder() / "doctor"
    work = folder / hashlib.sha256(str(report.resolve()).encode()).hexdigest()[:12]
    make_private_folder(work)
    for other_work in folder.iterdir():
        with suppress(OSError):
            if other_work != work and time.time() - other_work.stat().st_mtime > _FORGOTTEN:
                shutil.rmtree(other_work, ignore_errors=True)
    return work
