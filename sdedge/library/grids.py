"""Grids that the queue draws, a job for each cell: what their labelled sheets need, kept until those are made. No torch."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest
from sdedge.images.output import Output
from sdedge.json_values import read_json
from sdedge.library.database import transaction
from sdedge.library.job_outputs import output_json, output_of
from sdedge.library.job_states import OPEN, JobState
from sdedge.library.jobs import Queue
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.batch import Grid


NO_JOB = 0
"""In place of a cell's job where nothing will ever be drawn."""


@dataclass(frozen=True)
class WaitingGrid:
    """A grid whose sheet is not made yet: its first cell's request, its labels, and each cell's job and file in reading order.

    A cell that is not drawn, or whose picture was moved away since, has None for its file.
    """

    id: int
    request: Request
    output: Output
    across: tuple[str, ...]
    down: tuple[str, ...]
    jobs: tuple[int, ...]
    paths: tuple[str | None, ...]


class GridQueue:
    """The grids of a queue. One thread uses it; every change is one transaction."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._database = queue.database

    def add(self, grid: Grid, output: Output) -> list[int]:
        """Appends a job for each cell, and keeps what their sheet needs; returns the jobs. Raises InvalidRequest."""
        with transaction(self._database):
            jobs = [self._queue.add(request, output).id for request in grid.requests]
            self.keep(grid.requests[0], output, grid.labels, jobs)
        return jobs

    def keep(
        self, request: Request, output: Output, labels: tuple[Sequence[str], Sequence[str]], jobs: Sequence[int]
    ) -> None:
        """Keeps what the sheet of these jobs needs: `labels` above the columns and beside the rows, and a job, or NO_JOB, for
        each cell in reading order."""
        text = json.dumps(dict(zip(("across", "down"), labels, strict=True)))
        values = (request.to_json(), output_json(output), text)
        with transaction(self._database):
            query = "INSERT INTO grids (request, output, labels) VALUES (?, ?, ?)"
            id = self._database.execute(query, values).lastrowid
            rows = [(id, number, job) for number, job in enumerate(jobs)]
            self._database.executemany("INSERT INTO grid_cells (grid, number, job) VALUES (?, ?, ?)", rows)

    def waiting(self) -> list[WaitingGrid]:
        """Returns all grids whose sheets are not made yet; one whose row cannot be read is passed over."""
        grids = []
        for row in self._database.execute("SELECT * FROM grids ORDER BY id").fetchall():
            with suppress(InvalidRequest):
                grids.append(self._grid(row))
        return grids

    def drawn(self) -> list[WaitingGrid]:
        """Returns the grids whose jobs are over, however they ended; an interrupted one is not over, since it is resumed.

        One of which no picture is left, or whose row cannot be read, is forgotten.
        """
        states = [*OPEN, JobState.INTERRUPTED]
        query = f"""SELECT * FROM grids WHERE id NOT IN (SELECT grid FROM grid_cells JOIN jobs ON jobs.id = job
            WHERE state IN ({", ".join("?" * len(states))})) ORDER BY id"""
        drawn = []
        for row in self._database.execute(query, states).fetchall():
            try:
                grid = self._grid(row)
                if not any(grid.paths):
                    raise InvalidRequest("None of its pictures is left.")
                drawn.append(grid)
            except InvalidRequest:
                self.forget(row["id"])
        return drawn

    def forget(self, id: int) -> None:
        """Keeps nothing more of a grid; its jobs and pictures stay."""
        self._database.execute("DELETE FROM grids WHERE id = ?", (id,))

    def _grid(self, row: sqlite3.Row) -> WaitingGrid:
        """Raises InvalidRequest for a damaged row."""
        across, down = read_labels(read_json(row["labels"], "What a grid compares", error=InvalidRequest))
        request, output = Request.from_json(row["request"]), output_of(row["output"])
        query = """SELECT grid_cells.job AS job, path FROM grid_cells LEFT JOIN images
            ON images.job = grid_cells.job AND images.number = 0 AND state = 'here' WHERE grid = ? ORDER BY grid_cells.number"""
        cells = self._database.execute(query, (row["id"],)).fetchall()
        jobs, paths = tuple(cell["job"] for cell in cells), tuple(cell["path"] for cell in cells)
        return WaitingGrid(row["id"], request, output, across, down, jobs, paths)


def read_labels(record: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the labels above the columns and beside the rows. Raises InvalidRequest for a damaged record."""
    labels: Sequence[object] = [record.get(name) for name in ("across", "down")] if isinstance(record, Mapping) else ()
    lists = [tuple(str(label) for label in side) for side in labels if isinstance(side, list)]
    if len(lists) != 2 or not lists[0]:
        raise InvalidRequest("The labels of a grid are damaged; draw it again.")
    return lists[0], lists[1]
