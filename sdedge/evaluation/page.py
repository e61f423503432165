"""An evaluation as one page of HTML: nothing is loaded from elsewhere, and it follows the reader's light or dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sdedge.evaluation import page_parts as parts
from sdedge.evaluation.drawing import GEOMETRIC, LEARNED
from sdedge.evaluation.figures import ALL, MEAN, Figures, Rows
from sdedge.evaluation.gallery import failures, first_pictures
from sdedge.evaluation.measure import Report
from sdedge.evaluation.page_style import STYLE
from sdedge.files import atomic_write

PAGE = "report.html"
LABELS = {MEAN: "mean of all facts", ALL: "every fact at once"}


def write_page(report: Report) -> Path:
    """Writes the page to the run's folder and returns it."""
    path = report.drawn.run.folder / PAGE
    with atomic_write(path) as file:
        file.write(page(report).encode())
    return path


def page(report: Report) -> str:
    """Returns the page as HTML."""
    settings, figures = report.drawn.run.settings, report.figures
    title = f"Evaluation of {settings['name']}"
    sections = [
        first_pictures(report), _facts(figures), _combinations(figures), _values(figures), _ceiling(figures), _features(figures),
        _reference(report), failures(report), _settings(report),
    ]  # fmt: skip
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{parts.text(title)}</title>'
    )
    body = f"<header><h1>{parts.text(title)}</h1><p>{parts.text(_summary(report))}</p></header>{_cards(figures)}"
    main = "".join(section for section in sections if section)
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}{main}</body></html>\n'


def _summary(report: Report) -> str:
    settings, figures = report.drawn.run.settings, report.figures
    request = settings["request"]
    seeds = f" with {figures.seeds} seeds each" if figures.seeds > 1 else ""
    return (
        f"{settings['engine']}, {request.get('sampler', '')} in {request.get('steps', '')} steps, guidance "
        f"{request['guidance']:g}, {request['width']} × {request['height']}. {figures.pictures} pictures of "
        f"{figures.prompts} held-out prompts{seeds}, {figures.seconds:.2g} s each."
    )


def _cards(figures: Figures) -> str:
    """What decides, in a row: the lower of the two judges stands for a figure."""
    cards = [parts.card("Facts obeyed", *_worst(figures.facts, MEAN))]
    cards.append(parts.card("Every fact at once", *_worst(figures.facts, ALL)))
    if figures.unseen:
        cards.append(parts.card("Unseen combinations", *_worst(figures.unseen, MEAN)))
    if (agreement := figures.facts[MEAN].agreement) is not None:
        cards.append(parts.card("The judges agree", f"{100 * agreement:.1f}%", "on every fact of every picture"))
    if figures.features is not None and figures.features.frechet is not None:
        floor = f"{figures.features.floor:.2f} between two sets of renders"
        cards.append(parts.card("Fréchet distance", f"{figures.features.frechet:.2f}", floor))
    if figures.features is not None and figures.features.diversity is not None:
        cards.append(parts.card("Diversity", f"{100 * figures.features.diversity:.0f}%", "of that of true renders"))
    if figures.nearness is not None:
        nearness = figures.nearness
        cards.append(parts.card("PSNR to the reference", parts.decibels(nearness.psnr), f"SSIM {nearness.ssim:.3f}"))
    return f'<section class="cards">{"".join(cards)}</section>'


def _worst(rows: Rows, name: str) -> tuple[str, str]:
    judge, interval = min(rows[name].obeyed.items(), key=lambda pair: pair[1].value)
    others = [f"{name} {100 * i.value:.1f}%" for name, i in rows[name].obeyed.items() if name != judge]
    bounds = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}, {judge}"
    return f"{100 * interval.value:.1f}%", ", ".join([bounds, *others])


def _facts(figures: Figures) -> str:
    legend = "".join(f'<span class="key {name}">{name}</span>' for name in figures.facts[MEAN].obeyed)
    text = "Percent of the pictures that show what the prompt says, with 95% confidence intervals."
    columns = [("all prompts", figures.facts)]
    if figures.reference:
        columns.append(("reference", figures.reference))
    return parts.section("Facts obeyed", text, f'<p class="legend">{legend}</p>' + parts.chart(columns, LABELS))


def _combinations(figures: Figures) -> str:
    if not figures.unseen:
        return ""
    text = (
        "Prompts that join what no training scene joins: the facts of such prompts, and how often both facts of a combination "
        "are right."
    )
    columns = [("unseen", figures.unseen), ("combination", figures.combinations)]
    return parts.section(
        "Unseen combinations", text, "".join(parts.chart([column], LABELS) for column in columns if column[1])
    )


def _values(figures: Figures) -> str:
    tables = "".join(
        f"<div><h3>{parts.text(name)}</h3>{parts.chart([(name, rows)], {})}</div>"
        for name, rows in figures.by_value.items()
    )
    inner = f'<details><summary>Show all {len(figures.by_value)} kinds</summary><div class="columns">{tables}</div></details>'
    return parts.section("By what the prompt says", "Each kind of fact apart for every value.", inner)


def _ceiling(figures: Figures) -> str:
    if not figures.renders:
        return ""
    text = (
        "What the judges read in true renders, and in what the model's autoencoder makes of them. No figure above can be better "
        "than these."
    )
    columns = [("renders", figures.renders), ("reconstructions", figures.reconstructions)]
    tables = "".join(
        f"<div><h3>{name}</h3>{parts.chart([(name, rows)], LABELS)}</div>" for name, rows in columns if rows
    )
    return parts.section("The ceiling", text, f'<div class="columns">{tables}</div>')


def _features(figures: Figures) -> str:
    features = figures.features
    if features is None:
        return ""
    rows = [("network", f"the judge of scenes, {features.network}")]
    if features.frechet is not None and features.floor is not None:
        rows.append(("Fréchet distance to renders of the same prompts", f"{features.frechet:.3f}"))
        rows.append(("the same between two sets of renders", f"{features.floor:.3f}"))
    if features.spread is not None and features.spread_of_renders is not None:
        rows.append(("distance of two pictures of one prompt", f"{features.spread:.2f}"))
        rows.append(("distance of two renders of one prompt", f"{features.spread_of_renders:.2f}"))
    text = (
        "Distances in the features of a small network trained on these scenes. They are no FID and compare with none."
    )
    return parts.section("Features", text, parts.facts_list(rows))


def _reference(report: Report) -> str:
    nearness = report.figures.nearness
    if report.reference is None:
        return ""
    settings = report.reference.run.settings
    rows = [("reference", f"{settings['name']}, {settings['engine']}")]
    rows += [("differs in", line) for line in report.differences]
    if nearness is None:
        rows.append(("pictures", report.uncompared))
    else:
        rows.append(
            ("PSNR, median", f"{parts.decibels(nearness.psnr)}; worst tenth {parts.decibels(nearness.psnr_low)}")
        )
        rows.append(("SSIM, median", f"{nearness.ssim:.4f}; worst tenth {nearness.ssim_low:.4f}"))
        rows.append(("equal in every pixel", f"{100 * nearness.identical:.1f}% of {nearness.pictures}"))
    text = "The same prompts and seeds, drawn by the reference."
    return parts.section("Beside the reference", text, parts.facts_list(rows))


def _settings(report: Report) -> str:
    settings = report.drawn.run.settings
    rows = [(name, str(value)) for name, value in _flat(settings)]
    rows += [("judge", name) for name in report.judges]
    note = (
        "Intervals are Wilson's for 95%; several pictures of one prompt count for less than as many prompts (Kish's design "
        f"effect). The {GEOMETRIC} judge compares shapes and colours with the renderer's; the {LEARNED} one is a small "
        "network that was trained on renders by seeds of its own and is never seen by training. Diversity is the mean "
        "distance of two pictures of one prompt, beside that of two renders."
    )
    return parts.section("How it was measured", note, parts.facts_list(rows))


def _flat(record: Mapping[str, object]) -> Sequence[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in record.items():
        if isinstance(value, Mapping):
            rows += [(str(inner), v) for inner, v in value.items()]
        elif name == "loras" and isinstance(value, Sequence):  # pairs of hash and weight
            rows += [(f"LoRA {digest}", weight) for digest, weight in value]
        else:
            rows.append((name, value))
    return rows
