"""Plots as SVG, drawn by code: fractions with the band of their confidence interval over one setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdedge.evaluation.intervals import Interval

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 380, 56, 36, 150, 52
COLOURS = ("#3b5bdb", "#b0601a", "#1e7b3a", "#7c3aed")
Line = Sequence[tuple[float, Interval]]


def plot(lines: Mapping[str, Line], across: str, title: str, ticks: Sequence[float]) -> str:
    """Returns an SVG of fractions in percent over a setting, a line for each name, with its interval as a band."""
    xs = [x for line in lines.values() for x, _ in line]
    low = min(0.9, int(10 * min(interval.low for line in lines.values() for _, interval in line)) / 10)
    least, most = min(xs), max(xs)

    def at(x: float, value: float) -> tuple[float, float]:
        return (
            LEFT + (x - least) / max(most - least, 1e-9) * (WIDTH - LEFT - RIGHT),
            TOP + (1 - value) / (1 - low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    ]
    for tenth in range(round(10 * low), 11):
        y = at(least, tenth / 10)[1]
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10 * tenth}%</text>')
    bottom = HEIGHT - BOTTOM + 18
    parts += [f'<text x="{at(x, 1)[0]:.1f}" y="{bottom}" text-anchor="middle">{x:g}</text>' for x in ticks]
    for colour, (name, line) in zip(COLOURS, lines.items()):
        parts += _drawn(colour, name, [(at(x, i.value), at(x, i.low), at(x, i.high)) for x, i in line])
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 16}">{title}</text></svg>')
    return "\n".join(parts) + "\n"


def _drawn(colour: str, name: str, places: Sequence[tuple[tuple[float, float], ...]]) -> list[str]:
    """Returns a line with its band, and its name at its right end."""
    band = [low for _, low, _ in places] + [high for *_, high in reversed(places)]
    middle = " ".join(f"{x:.1f},{y:.1f}" for (x, y), *_ in places)
    around = " ".join(f"{x:.1f},{y:.1f}" for x, y in band)
    x, y = places[-1][0]
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for (x, y), *_ in places]
    return [
        f'<polygon points="{around}" fill="{colour}" opacity="0.13"/>',
        f'<polyline points="{middle}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" fill="{colour}">{name}</text>',
    ]
