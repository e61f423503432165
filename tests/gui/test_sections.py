"""Where pictures are in a grid with headings: every row has one place, and each way to ask for it agrees."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gui.gallery.sections import HEADING, Sections

DAYS = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def made(counts: list[int], width: int, titled: bool) -> Sections:
    return Sections([str(day) for day, count in enumerate(counts) for _ in range(count)], width, 50, titled)


@settings(max_examples=20, deadline=None)
@given(DAYS, st.integers(1, 330), st.booleans(), st.data())
def test_places_and_points_agree(counts, width, titled, data):
    sections = made(counts, width, titled)
    places = [sections.place(row) for row in range(sections.count)]
    assert len(set(places)) == sum(counts) == sections.count
    for row, (x, y) in enumerate(places):
        assert sections.row_at(x, y) == sections.row_at(x + 49, y + 49) == row and y + 50 <= sections.height
        assert sections.heading_at(y) is None
    top = data.draw(st.integers(-20, sections.height))
    bottom = top + data.draw(st.integers(1, 400))
    left = data.draw(st.integers(0, 300))
    right = left + data.draw(st.integers(0, 200))
    seen = [row for row, (x, y) in enumerate(places) if y < bottom and y + 50 > top]
    assert [*sections.rows_between(top, bottom)] == seen
    touched = [
        row for row, (x, y) in enumerate(places) if y <= bottom and y + 50 > top and x <= right and x + 50 > left
    ]
    assert [row for rows in sections.rows_inside(left, top, right, bottom) for row in rows] == touched


@settings(max_examples=20, deadline=None)
@given(DAYS, st.integers(50, 330), st.data())
def test_down_and_up_visit_lines_in_their_order(counts, width, data):
    sections = made(counts, width, True)
    row = data.draw(st.integers(0, sections.count - 1))
    x, y = sections.place(row)
    down, up = sections.beside(row, 1), sections.beside(row, -1)
    below, above = sections.place(down), sections.place(up)
    lines = sorted({sections.place(each)[1] for each in range(sections.count)})
    line = lines.index(y)
    assert lines.index(below[1]) == min(line + 1, len(lines) - 1) or below == (x, y)
    assert lines.index(above[1]) == max(line - 1, 0) and above[0] <= x and below[0] <= max(x, below[0])
    assert sections.beside(row, -len(lines)) in range(sections.columns)


def test_headings_take_their_room_and_none_where_there_are_none():
    titled, plain = made([3, 1], 100, True), made([3, 1], 100, False)
    assert [(block.heading, block.first, block.top) for block in titled.blocks] == [
        ("0", 0, 0),
        ("1", 3, HEADING + 100),
    ]
    assert titled.heading_at(HEADING - 1).rows == range(3) and titled.height == 2 * HEADING + 150
    assert plain.height == 100 and len(plain.blocks) == 1
    assert Sections([], 100, 50, True).height == 0 and Sections([], 100, 50, True).row_at(0, 0) is None
