"""The table of everything a user can choose: its rows are requests that can be made, and its plots are pictures."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from sdedge import catalog
from sdedge.evaluation import figures
from sdedge.evaluation.figures import Features, Figures, Nearness, Verdict
from sdedge.evaluation.intervals import Interval
from sdedge.request import Request
from tests.benchmarks.evaluation import END, GROUPS, PAGE, START, row
from tests.benchmarks.support.plots import plot


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_is_a_request(group):
    ways = list(GROUPS[group]())
    assert len({way.name for way in ways}) == len(ways) > 2
    for way in ways:
        Request(prompt="a scene", **way.settings)


def test_every_sampler_and_lossy_speed_is_in_it():
    samplers = {way.settings["sampler"] for way in GROUPS["samplers"]()}
    assert samplers == set(catalog.SAMPLERS) - {"lcm", "tcd"}
    speeds = {way.settings.get("speed") for way in GROUPS["speeds"]()}
    assert {name for name, info in catalog.SPEEDS.items() if info.lossy} <= speeds


def test_a_row_has_a_cell_for_every_column():
    verdicts = [Verdict(0, {"geometric": {"kind": True}, "learned": {"kind": False}})]
    rows = figures.rows(verdicts)
    plain = Figures(1, 1, 1, 0.5, rows, {}, {}, {})
    full = Figures(
        1, 1, 1, 0.5, rows, rows, {}, {}, features=Features("l", 2.0, 1.0), nearness=Nearness(1, 30, 20, 0.9, 0.8, 0)
    )
    assert row("a", plain).count("|") == row("b", full).count("|") == 10
    equal = replace(full, nearness=Nearness(1, float("inf"), 20, 1.0, 0.8, 1))
    assert "| 2.00 | equal | 1.000 |" in row("c", equal)
    assert "| 2.00 | 30.0 | 0.900 | 0.5 |" in row("b", full) and "| 0.0 |" in row("b", full)


def test_a_plot_is_an_svg_with_its_lines_inside():
    line = [(x, Interval(0.7 + x / 100, 0.62, 0.8 + x / 100, 50)) for x in (1, 4, 12)]
    root = ElementTree.fromstring(plot({"geometric": line, "learned": line}, "guidance", "facts", (1, 4, 12)))
    width, height = (float(n) for n in root.attrib["viewBox"].split()[2:])
    points = [p.split(",") for each in root.iter() if "points" in each.attrib for p in each.attrib["points"].split()]
    assert len(points) == 2 * (3 + 6) and all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)
    assert {"geometric", "learned", "guidance", "facts"} <= {each.text for each in root.iter()}


def test_the_page_has_a_place_for_the_table():
    text = PAGE.read_text("utf-8")
    assert text.count(START) == text.count(END) == 1 and text.index(START) < text.index(END)
