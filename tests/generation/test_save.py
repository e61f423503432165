"""The one loop that saves pictures: it numbers, writes and announces them, and lets every other event through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdedge.errors import InvalidRequest, OutputError
from sdedge.events import Finished, ImageDone, Loading, Notice, Step
from sdedge.generation.save import Picture, save_job, save_pictures, save_sheet
from sdedge.images.output import Output
from sdedge.request import Resolved

PIXELS = np.full((8, 8, 3), 90, np.uint8)


def _events(count: int):
    yield Loading("model")
    for index in range(count):
        yield Step(1, 1, index)
        yield Picture(PIXELS, Resolved("a boat", seed=5 + index), index, filtered=index == 1)


def test_steps_pictures_and_files_are_numbered_from_the_first_one_of_the_job(tmp_path):
    events = list(save_pictures(_events(2), Output(tmp_path, template="{number}"), first=3))
    assert [(e.seed, e.index, e.filtered) for e in events if isinstance(e, ImageDone)] == [(5, 3, False), (6, 4, True)]
    assert [e.first for e in events if isinstance(e, Step)] == [3, 4]
    assert events[0] == Loading("model") and not any(isinstance(e, Picture | Finished) for e in events)
    assert [int(path.stem) for path in sorted(tmp_path.iterdir())] == [4, 5]


def test_each_picture_is_complete_on_disk_before_the_next_one_is_drawn(tmp_path):
    announced = 0
    for event in save_pictures(_events(3), Output(tmp_path)):
        announced += isinstance(event, ImageDone)
        assert len(list(tmp_path.glob("*.png"))) == announced
    assert announced == 3


def test_a_job_checks_the_folder_before_any_work_and_ends_with_its_count(tmp_path):
    drawn = []
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="choose another folder"):
        list(save_job((drawn.append(event) or event for event in _events(1)), Output(tmp_path / "file")))
    assert not drawn
    *_, last = save_job(_events(2), Output(tmp_path / "out"), first=1)
    assert isinstance(last, Finished) and last.count == 2


@pytest.mark.parametrize(("template", "file"), [("{number}", ""), ("{number}", "wide.webp")])
def test_a_picture_that_its_format_does_not_hold_is_saved_as_png_and_said(tmp_path, template, file):
    wide = Picture(np.zeros((1, 16_384, 3), np.uint8), Resolved("a boat", seed=5), 0)
    said, done = save_pictures([wide], Output(tmp_path, "webp", template, file=file))
    assert said == Notice("The picture has 16384x1 pixels and a webp file holds 16383 a side; it is saved as PNG.")
    assert [path.name for path in tmp_path.iterdir()] == ["wide.png" if file else Path(done.path).name]
    with Image.open(done.path) as image:
        assert (image.format, image.size) == ("PNG", (16_384, 1))
    assert save_sheet(wide.pixels, Output(tmp_path, "webp"), wide.request).path.endswith(".png")
    with pytest.raises(InvalidRequest, match="more than a webp file holds, 16383 pixels a side"):
        wide.save(tmp_path / "other.webp")
    assert not (tmp_path / "other.webp").exists()


def test_a_sheet_is_announced_after_the_pictures(tmp_path):
    event = save_sheet(PIXELS, Output(tmp_path), Resolved("a boat", seed=5), index=4)
    assert (event.seed, event.index) == (5, 4) and tmp_path.joinpath(event.path).stat().st_size
