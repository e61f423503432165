"""The pieces of a report's page: text that is safe in HTML, cards, tables with intervals drawn in them."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from sdedge.evaluation.figures import Rows
from sdedge.evaluation.intervals import Interval
from sdedge.text.clean import clean

THUMBNAIL = 160  # pixels of the longer side, at most


def text(value: object) -> str:
    """Returns a text for HTML, without control characters."""
    return html.escape(clean(str(value)))


def section(title: str, introduction: str, inner: str) -> str:
    """Returns a section of the page."""
    return f"<section><h2>{text(title)}</h2><p>{text(introduction)}</p>{inner}</section>"


def card(title: str, value: str, below: str) -> str:
    """Returns one figure in large letters."""
    return f'<div class="card"><h3>{text(title)}</h3><strong>{text(value)}</strong><small>{text(below)}</small></div>'


def decibels(value: float) -> str:
    """Returns dB as text; infinite ones are of equal pictures."""
    return "equal" if math.isinf(value) else f"{value:.1f} dB"


def facts_list(rows: Sequence[tuple[str, str]]) -> str:
    """Returns names with their values."""
    lines = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows)
    return f'<table class="plain">{lines}</table>'


def chart(columns: Sequence[tuple[str, Rows]], labels: Mapping[str, str]) -> str:
    """Returns a table of fractions with their intervals drawn beside them.

    The first column's rows are drawn; those of further ones stand beside it as numbers.
    """
    rows = columns[0][1]
    judges = list(next(iter(rows.values())).obeyed)
    start = _start([i for row in rows.values() for i in row.obeyed.values()])
    heads = "".join(f"<th>{text(judge)}</th>" for judge in judges)
    heads += "<th>agree</th>" if len(judges) > 1 else ""
    heads += "".join(f"<th>{text(name)}, {text(judge)}</th>" for name, _ in columns[1:] for judge in judges)
    lines = []
    for name, row in rows.items():
        marks = "".join(_mark(judge, row.obeyed[judge], start) for judge in judges)
        cells = "".join(_cell(row.obeyed[judge]) for judge in judges)
        if row.agreement is not None:
            cells += f"<td>{100 * row.agreement:.1f}</td>"
        for _, further in columns[1:]:
            cells += "".join(_cell(further[name].obeyed[judge]) if name in further else "<td></td>" for judge in judges)
        kind = ' class="total"' if name in labels else ""
        drawn = f'<td class="drawn"><div class="track">{marks}</div></td>'
        lines.append(f"<tr{kind}><th>{text(labels.get(name, name))}</th>{drawn}{cells}</tr>")
    axis = f'<div class="axis"><span>{100 * start:.0f}</span><span>100%</span></div>'
    return (
        f'<div class="wide"><table><tr><th></th><th class="drawn">{axis}</th>{heads}</tr>{"".join(lines)}</table></div>'
    )


def _start(intervals: Sequence[Interval]) -> float:
    """Returns where the axis begins: the lowest bound, rounded down to tenths, and at most 90%."""
    return min(0.9, math.floor(10 * min(i.low for i in intervals)) / 10)


def _cell(interval: Interval) -> str:
    bounds = f"{100 * interval.low:.1f}–{100 * interval.high:.1f}"
    title = f"{bounds} of {interval.pictures} pictures"
    return f'<td title="{title}">{100 * interval.value:.1f} <small>{bounds}</small></td>'


def _mark(judge: str, interval: Interval, start: float) -> str:
    low, value, high = (100 * (x - start) / (1 - start) for x in (interval.low, interval.value, interval.high))
    line = f'<i class="{text(judge)}" style="left:{low:.2f}%;width:{max(high - low, 0.4):.2f}%"></i>'
    return f'{line}<b class="{text(judge)}" style="left:{value:.2f}%"></b>'


def picture(pixels: np.ndarray, alternative: str) -> str:
    """Returns a picture, uint8 (H, W, 3), as an image inside of the page."""
    image = Image.fromarray(pixels)
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=90)
    data = base64.b64encode(stream.getvalue()).decode()
    W, H = image.size
    return f'<img width="{W}" height="{H}" alt="{text(alternative)}" src="data:image/webp;base64,{data}">'
