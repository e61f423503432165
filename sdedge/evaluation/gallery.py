"""The pictures of a report: those that fail, with what was asked and what the judges read, and the first ones as they come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdedge.evaluation.figures import Verdict
from sdedge.evaluation.measure import Report
from sdedge.evaluation.page_parts import picture, section, text
from sdedge.evaluation.runs import Result
from sdedge.files import atomic_write
from sdedge.images.metadata import write

MOST_FAILURES, FIRST = 60, 24
SHEET = "failures.png"


def failed(report: Report) -> list[tuple[Result, Verdict]]:
    """Returns the pictures in which a judge misses a fact, those first that miss most."""
    pairs = [
        (result, verdict)
        for result, verdict in zip(report.drawn.results, report.drawn.verdicts, strict=True)
        if any(verdict.disobeyed(judge) for judge in verdict.obeyed)
    ]
    return sorted(pairs, key=lambda pair: -sum(len(pair[1].disobeyed(judge)) for judge in pair[1].obeyed))


def failures(report: Report) -> str:
    """Returns the section of the pictures that fail."""
    pairs = failed(report)
    if not pairs:
        return section("Failures", "There is none: every picture shows every fact.", "")
    shown = pairs[:MOST_FAILURES]
    count = f"{len(pairs)} of {report.figures.pictures} pictures miss a fact by a judge"
    more = f"; the {len(shown)} that miss most are shown" if len(pairs) > len(shown) else ""
    figures = "".join(_figure(report, result, _reasons(report, result, verdict)) for result, verdict in shown)
    return section("Failures", f"{count}{more}.", f'<div class="gallery">{figures}</div>')


def first_pictures(report: Report) -> str:
    """Returns the section of the first pictures, a prompt each, which nobody chose."""
    by_seed = sorted(report.drawn.results, key=lambda result: (result.seed, result.index))[:FIRST]
    figures = "".join(_figure(report, result, "") for result in by_seed)
    return section(
        "As they come", "The first prompts, which nobody chose.", f'<div class="gallery small">{figures}</div>'
    )


def _figure(report: Report, result: Result, below: str) -> str:
    image = picture(report.drawn.run.pixels(result), result.prompt)
    return f"<figure>{image}<figcaption>{text(result.prompt)} <small>{result.seed}</small>{below}</figcaption></figure>"


def _reasons(report: Report, result: Result, verdict: Verdict) -> str:
    """Returns a line for each fact that a judge misses: what it reads, in red where every judge misses it."""
    names = {name.partition(" ")[0]: name for name in report.judges}
    lines = []
    for fact, stated in report.drawn.cases[result.index].facts.items():
        missing = [judge for judge in verdict.obeyed if not verdict.obeyed[judge][fact]]
        if missing:
            read = ", ".join(f"{judge}: {_said(result.answers[names[judge]].get(fact))}" for judge in missing)
            kind = "wrong" if len(missing) == len(verdict.obeyed) else "doubt"
            lines.append(f'<span class="{kind}">{text(fact)} {text(_said(stated))}, {text(read)}</span>')
    return "".join(lines)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "cannot tell" if value is None else str(value)


def write_sheet(report: Report, columns: int = 10, most: int = 100) -> Path | None:
    """Writes the pictures that fail onto one sheet in the run's folder, and returns the file; None where there is none."""
    from PIL import Image, ImageDraw, ImageFont

    pairs = failed(report)[:most]
    if not pairs:
        return None
    pictures = [report.drawn.run.pixels(result) for result, _ in pairs]
    H, W = (max(pixels.shape[axis] for pixels in pictures) for axis in (0, 1))
    font, gap = ImageFont.load_default(10), 8
    cell = H + 58
    sheet = Image.new(
        "RGB", (min(columns, len(pairs)) * (W + gap) + gap, -(-len(pairs) // columns) * cell + gap), "white"
    )
    pen = ImageDraw.Draw(sheet)
    for i, ((result, verdict), pixels) in enumerate(zip(pairs, pictures, strict=True)):
        x, y = gap + i % columns * (W + gap), gap + i // columns * cell
        sheet.paste(Image.fromarray(pixels), (x, y))
        missing = dict.fromkeys(name for judge in verdict.obeyed for name in verdict.disobeyed(judge))
        lines = [*_wrapped(result.prompt, font, W)[:3], *_wrapped("missing: " + ", ".join(missing), font, W)[:1]]
        for line, content in enumerate(lines):
            pen.text((x, y + H + 2 + 12 * line), content, "#b3261e" if line == len(lines) - 1 else "#1b1b1f", font)
    path = report.drawn.run.folder / SHEET
    with atomic_write(path) as file:
        write(file, np.asarray(sheet), "png", None, {})
    return path


def _wrapped(line: str, font: object, width: int) -> Sequence[str]:
    lines = [""]
    for word in line.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:  # type: ignore[attr-defined]
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
