"""Grids that the queue draws, a job for each cell: what their labelled sheets need, kept until those are made. No torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdedge.errors import InvalidRequest
from sdedge.images.output import Output
from sdedge.json_values import read_json
from sdedge.library.database import transaction
from sdedge.library.job_states import OPEN, JobState
from sdedge.library.jobs import Queue, output_json, output_of
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.batch import Grid


@dataclass(frozen=True)
class DrawnGrid:
    """A grid of which nothing further is drawn: its first cell's request, its labels, and each cell's file in reading order.

    A cell that was not drawn, or whose picture was moved away since, has None.
    """

    id: int
    request: Request
    output: Output
    across: tuple[str, ...]
    down: tuple[str, ...]
    paths: tuple[str | None, ...]


class GridQueue:
    """The grids of a queue. One thread uses it; every change is one transaction."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._database = queue.database

    def add(self, grid: Grid, output: Output) -> list[int]:
        """Appends a job for each cell, and keeps what their sheet needs; returns the jobs. Raises InvalidRequest."""
        labels = json.dumps(dict(zip(("across", "down"), grid.labels, strict=True)))
        values = (grid.requests[0].to_json(), output_json(output), labels)
        with transaction(self._database):
            jobs = [self._queue.add(request, output).id for request in grid.requests]
            query = "INSERT INTO grids (request, output, labels) VALUES (?, ?, ?)"
            id = self._database.execute(query, values).lastrowid
            rows = [(id, number, job) for number, job in enumerate(jobs)]
            self._database.executemany("INSERT INTO grid_cells (grid, number, job) VALUES (?, ?, ?)", rows)
        return jobs

    def drawn(self) -> list[DrawnGrid]:
        """Returns the grids whose jobs are over, however they ended; an interrupted one is not over, since it is resumed.

        One of which no picture is left, or whose row cannot be read, is forgotten.
        """
        states = [*OPEN, JobState.INTERRUPTED]
        query = f"""SELECT * FROM grids WHERE id NOT IN (SELECT grid FROM grid_cells JOIN jobs ON jobs.id = job
            WHERE state IN ({", ".join("?" * len(states))})) ORDER BY id"""
        drawn = []
        for row in self._database.execute(query, states).fetchall():
            paths = self._paths(row["id"])
            try:
                if not any(paths):
                    raise InvalidRequest("None of its pictures is left.")
                across, down = _labels(row["labels"])
                request, output = Request.from_json(row["request"]), output_of(row["output"])
                drawn.append(DrawnGrid(row["id"], request, output, across, down, paths))
            except InvalidRequest:
                self.forget(row["id"])
        return drawn

    def forget(self, id: int) -> None:
        """Keeps nothing more of a grid; its jobs and pictures stay."""
        self._database.execute("DELETE FROM grids WHERE id = ?", (id,))

    def _paths(self, id: int) -> tuple[str | None, ...]:
        query = """SELECT path FROM grid_cells LEFT JOIN images ON images.job = grid_cells.job AND images.number = 0
            AND state = 'here' WHERE grid = ? ORDER BY grid_cells.number"""
        return tuple(row["path"] for row in self._database.execute(query, (id,)))


def _labels(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the labels above the columns and beside the rows. Raises InvalidRequest for a damaged row."""
    record = read_json(text, "What a grid compares", error=InvalidRequest)
    labels: Sequence[object] = [record.get(name) for name in ("across", "down")] if isinstance(record, dict) else ()
    lists = [tuple(str(label) for label in side) for side in labels if isinstance(side, list)]
    if len(lists) != 2 or not lists[0]:
        raise InvalidRequest("The labels of a grid are damaged; draw it again.")
    return lists[0], lists[1]
