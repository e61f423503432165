"""Labels of a sheet can be read where it is seen: fitted into the place that a window has for it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdedge.images.metadata import read
from sdedge.images.output import SHEET, Output
from sdedge.images.sheet import sheet
from sdedge.request import Request

ROOM = 1100, 700  # pixels of a canvas
RED = (200, 30, 30)  # of the cells, which neither ink nor paper is


def ink_heights(paper: np.ndarray) -> list[int]:
    """Returns the pixels of each line of ink that is above the pictures."""
    first = int(np.argmax((paper == RED).all(-1).any(1)))
    return lines_of(paper[:first])


def lines_of(paper: np.ndarray) -> list[int]:
    rows = (paper < 90).all(-1).any(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], rows.astype(int), [0]])))
    return [int(end - start) for start, end in edges.reshape(-1, 2)]


@pytest.mark.parametrize(("columns", "rows"), [(2, 1), (3, 1), (5, 2), (8, 3), (2, 6)])
@pytest.mark.parametrize(("width", "height"), [(512, 512), (512, 768), (256, 256), (1024, 1024)])
def test_letters_can_be_read_where_the_sheet_fits_a_window(width, height, columns, rows):
    cells = [np.full((height, width, 3), RED, np.uint8)] * (columns * rows)
    paper = sheet(cells, [f"H {i}" for i in range(columns)], [f"H {i}" for i in range(rows)] if rows > 1 else ())
    scale = min(ROOM[0] / paper.shape[1], ROOM[1] / paper.shape[0])
    heights = ink_heights(paper)
    assert len(heights) == 1 and heights[0] * scale >= 9  # pixels of a capital letter
    assert heights[0] <= min(width, height) / 4  # and no louder than what it names


def test_labels_beside_the_rows_do_not_touch_the_pictures():
    cells = [np.full((512, 512, 3), RED, np.uint8)] * 4
    paper = sheet(cells, ["a", "b"], ["guidance 7.5", "guidance 12"])
    left = int(np.argmax((paper == RED).all(-1).any(0)))
    ink = np.flatnonzero((paper[:, :left] < 90).all(-1).any(0))
    assert ink.min() >= 4 and left - 1 - ink.max() >= 4
    assert len(lines_of(paper[:, :left])) == 2  # neither is broken


@pytest.mark.parametrize("format", ["png", "webp"])
def test_the_record_of_a_sheet_says_that_it_is_one(tmp_path, format):
    output = Output(tmp_path, format)
    cell = np.full((64, 64, 3), RED, np.uint8)
    request = Request("a house", seed=5)
    path = output.write_sheet(sheet([cell, cell], ["1", "2"]), request)
    assert read(path).details[SHEET] is True and Image.open(path).width > 128
    assert SHEET not in read(output.write(cell, request, {}, 1)).details
