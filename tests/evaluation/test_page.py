"""The report's page: it says what was measured, loads nothing from elsewhere, and takes no foreign text for markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sdedge.commands.evaluate import table
from sdedge.evaluation import figures
from sdedge.evaluation.figures import Features, Figures, Nearness, Verdict
from sdedge.evaluation.gallery import write_sheet
from sdedge.evaluation.measure import DrawnRun, Report
from sdedge.evaluation.page import page, write_page
from sdedge.evaluation.runs import Result, Run
from sdedge.evaluation.world import Case, World

JUDGES = {"geometric": "geometric 1", "learned": "learned 2"}
STATED = {"kind": "house", "mountains": True}
READ = ({"kind": "house", "mountains": True}, {"kind": None, "mountains": True}, {"kind": "boat", "mountains": False})


def drawn_run(folder, name: str = "pocket", steps: int = 8, width: int = 64) -> DrawnRun:
    """Three pictures of one prompt: right, half wrong, wrong by the geometric judge; the learned one likes them all."""
    request = {"width": width, "height": 64, "guidance": 4.0, "steps": steps, "sampler": "euler"}
    run = Run(folder, "m", {"name": name, "engine": "cpu float32", "request": request})
    cases = {0: Case(0, "a <b>house</b>", STATED, {"kind house": ("kind",)})}
    results = [
        Result(0, i, cases[0].prompt, 1.5, dict(zip(JUDGES.values(), (read, STATED)))) for i, read in enumerate(READ)
    ]
    for result in results:
        run.picture_path(*result.key).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((64, 64, 3), 60 * result.seed, np.uint8)).save(run.picture_path(*result.key))
    judges = SimpleNamespace(world=World(), names=JUDGES)
    verdicts = tuple(figures.verdict(0, cases[0].facts, result.answers, judges) for result in results)
    return DrawnRun(run, cases, tuple(results), verdicts)


def report_of(drawn: DrawnRun, beside: DrawnRun | None = None, **changes) -> Report:
    rows = figures.rows(drawn.verdicts)
    combinations = figures.combinations(drawn.cases, drawn.verdicts)
    made = Figures(1, 3, 3, 1.5, rows, rows, combinations, {"kind": {"house": rows["kind"]}}, **changes)
    return Report(made, drawn, beside, tuple(JUDGES.values()))


@pytest.fixture
def report(tmp_path) -> Report:
    drawn, reference = drawn_run(tmp_path), drawn_run(tmp_path, steps=20)
    rows = figures.rows(drawn.verdicts)
    measured = {"renders": rows, "reconstructions": rows, "reference": rows}
    return report_of(drawn, reference, features=Features("learned 2", 3.25, 0.5, 2.0, 4.0),
                     nearness=Nearness(3, float("inf"), 21.5, 0.987, 0.9, 0.4), **measured)  # fmt: skip


class Checker(HTMLParser):
    """Every tag that is opened is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_says_what_was_measured(report):
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page(report))
    for part in ("Evaluation of pocket", "euler in 8 steps", "3.25", "50%", "equal", "21.5 dB", "0.987", "steps is 8, not 20",
                 "cannot tell", "Unseen combinations", "kind house", "2 of 3 pictures miss a fact"):  # fmt: skip
        assert part in text, part


def test_the_page_is_well_formed_and_whole(report):
    parser = Checker()
    parser.feed(page(report))
    assert not parser.open
    sources = [attrs.get("src", "data:") for _, attrs in parser.seen] + [
        attrs.get("href", "data:") for _, attrs in parser.seen
    ]
    assert all(source.startswith("data:") for source in sources)
    assert "url(" not in page(report) and "@import" not in page(report) and "<script" not in page(report)
    assert "prefers-color-scheme: dark" in page(report)


@pytest.mark.parametrize(("changes", "said"), [({"width": 128}, "of another size"), ({}, "none in common")])
def test_it_says_why_nothing_is_compared(tmp_path, changes, said):
    text = page(report_of(drawn_run(tmp_path), drawn_run(tmp_path, **changes)))
    assert [reason in text for reason in ("of another size", "none in common")].count(True) == 1 and said in text


def test_the_terminal_says_the_same_of_equal_pictures_and_of_none_that_are_compared(report, tmp_path):
    assert "PSNR to the reference equal, worst tenth 21.5 dB; SSIM" in table(report)
    beside = report_of(drawn_run(tmp_path / "a"), drawn_run(tmp_path / "b", width=128))
    assert "of another size" in table(beside) and "of another size" not in table(report)


def test_every_lora_has_its_line(tmp_path):
    drawn = drawn_run(tmp_path)
    drawn.run.settings["loras"] = [["1a2b", 0.5], ["1a2b", 0.75]]
    text = page(report_of(drawn))
    assert text.count("LoRA 1a2b") == 2 and "0.75" in text


def test_names_are_no_markup(tmp_path):
    text = page(report_of(drawn_run(tmp_path, '<img src=x onerror="a()">')))
    assert "<img src=x" not in text and "<b>house</b>" not in text


def test_a_page_of_one_judge_and_no_failure(tmp_path):
    drawn = drawn_run(tmp_path)
    only = [Verdict(0, {"geometric": {"kind": True}})]
    alone = DrawnRun(drawn.run, drawn.cases, drawn.results[:1], tuple(only))
    rows = figures.rows(only)
    report = Report(Figures(1, 1, 1, 1.0, rows, {}, {}, {}), alone, None, ("geometric 1",))
    assert "every picture shows every fact" in page(report) and write_sheet(report) is None


def test_page_and_sheet_are_written_beside_the_run(report):
    assert write_page(report).parent == report.drawn.run.folder
    sheet = np.asarray(Image.open(write_sheet(report)))
    assert (sheet.reshape(-1, 3) == 120).all(1).sum() >= 64 * 64  # the picture that misses most is on it
    assert not (sheet.reshape(-1, 3) == 0).all(1).sum() >= 64 * 64  # and the one that is right is not
