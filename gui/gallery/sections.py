"""Where the pictures of a grid are: in blocks, each under a heading. No Qt."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

HEADING = 36  # pixels above a block for its heading


@dataclass(frozen=True)
class Block:
    """Pictures under one heading: rows `first` to `first + count - 1` of the model. `top` is the heading's upper edge, `body`
    that of the first line of pictures, in pixels."""

    heading: str
    first: int
    count: int
    top: int
    body: int

    @property
    def rows(self) -> range:
        return range(self.first, self.first + self.count)


class Sections:
    """Squares of `cell` pixels, as many in a line as fit into `width`, and the headings between them.

    A place is (x, y) of a picture's upper left corner, from the upper left corner of the whole.
    """

    def __init__(self, headings: Sequence[str], width: int, cell: int, titled: bool) -> None:
        """`headings` has one for each row; without `titled` all are one block and no heading takes room."""
        self.cell = max(1, cell)
        self.columns = max(1, width // self.cell)
        self.count = len(headings)
        self.blocks: list[Block] = []
        runs = [(key, sum(1 for _ in run)) for key, run in groupby(headings)] if titled else [("", self.count)]
        first = top = 0
        for heading, count in runs if self.count else ():
            body = top + HEADING if titled else top
            self.blocks.append(Block(heading, first, count, top, body))
            first, top = first + count, body + -(-count // self.columns) * self.cell
        self.height = top
        self._firsts = [block.first for block in self.blocks]
        self._tops = [block.top for block in self.blocks]

    def block_of(self, row: int) -> Block:
        """Returns the block that a row is in."""
        return self.blocks[bisect_right(self._firsts, row) - 1]

    def place(self, row: int) -> tuple[int, int]:
        block = self.block_of(row)
        line, column = divmod(row - block.first, self.columns)
        return column * self.cell, block.body + line * self.cell

    def row_at(self, x: int, y: int) -> int | None:
        """Returns the row of the picture at a point."""
        block = self._block_at(y)
        column = x // self.cell
        if block is None or y < block.body or not 0 <= column < self.columns:
            return None
        row = block.first + (y - block.body) // self.cell * self.columns + column
        return row if row in block.rows else None

    def heading_at(self, y: int) -> Block | None:
        """Returns the block whose heading is at this height."""
        block = self._block_at(y)
        return block if block is not None and block.top <= y < block.body else None

    def rows_between(self, top: int, bottom: int) -> range:
        """Returns the rows of which at least a part is between two heights."""
        begin = end = None
        for block in self.blocks_between(top, bottom):
            inside = self._lines_between(block, top, bottom)
            if inside:
                begin, end = inside.start if begin is None else begin, inside.stop
        return range(begin or 0, end or 0)

    def blocks_between(self, top: int, bottom: int) -> Iterator[Block]:
        """Yields the blocks of which at least a part is between two heights."""
        for number in range(max(0, bisect_right(self._tops, top) - 1), len(self.blocks)):
            if self.blocks[number].top >= bottom:
                return
            yield self.blocks[number]

    def rows_inside(self, left: int, top: int, right: int, bottom: int) -> list[range]:
        """Returns the rows that a rectangle touches, as one range for each line of pictures."""
        columns = range(max(0, left // self.cell), min(self.columns - 1, right // self.cell) + 1)
        ranges = []
        for block in self.blocks_between(top, bottom + 1) if columns else ():
            rows = self._lines_between(block, top, bottom + 1)
            for line in range(rows.start, rows.stop, self.columns):
                ranges.append(range(line + columns.start, min(line + columns.stop, block.rows.stop)))
        return [each for each in ranges if each]

    def beside(self, row: int, lines: int) -> int:
        """Returns the row so many lines below another, or above for less than 0, in the column nearest to its own."""
        column = (row - self.block_of(row).first) % self.columns
        for _ in range(abs(lines)):
            row = self._below(row, column) if lines > 0 else self._above(row, column)
        return row

    def _below(self, row: int, column: int) -> int:
        block = self.block_of(row)
        last = block.rows[-1]
        line_end = row - (row - block.first) % self.columns + self.columns  # the first of the next line
        if line_end <= last:
            return min(line_end + column, last)
        if last == self.count - 1:
            return row if row == last or (last - block.first) % self.columns < column else last
        following = self.block_of(last + 1)
        return min(following.first + column, following.rows[-1])

    def _above(self, row: int, column: int) -> int:
        block = self.block_of(row)
        line = row - (row - block.first) % self.columns
        if line > block.first:
            return line - self.columns + column
        if not block.first:
            return row
        before = self.block_of(block.first - 1)
        last_line = before.first + (before.count - 1) // self.columns * self.columns
        return min(last_line + column, before.rows[-1])

    def _block_at(self, y: int) -> Block | None:
        number = bisect_right(self._tops, y) - 1
        return self.blocks[number] if number >= 0 and y < self.height else None

    def _lines_between(self, block: Block, top: int, bottom: int) -> range:
        lines = -(-block.count // self.columns)
        begin = min(lines, max(0, (top - block.body) // self.cell))
        end = min(lines, max(0, -((block.body - bottom) // self.cell)))
        first = block.first + begin * self.columns
        return range(first, max(first, min(block.first + end * self.columns, block.rows.stop)))
