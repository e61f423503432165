"""Grids in a backup, whose sheets are not made yet: what they compare, and of each cell the job that waits or the picture that
is drawn. No torch."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.images.output import Output
from sdedge.library.database import transaction
from sdedge.library.gallery import Gallery
from sdedge.library.grids import NO_JOB, GridQueue, read_labels
from sdedge.library.job_states import JobState
from sdedge.library.jobs import Queue
from sdedge.request import Request

CELLS = 10_000  # of one grid


def grid_records(queue: Queue, gallery: Gallery, jobs: Container[int]) -> Iterator[dict[str, Any]]:
    """Yields a record for each grid. A cell is the id of its job, if it is one of the `jobs` of the backup, or the SHA-256 of
    its picture, or empty."""
    for grid in GridQueue(queue).waiting():
        cells: list[int | str | None] = []
        for job, path in zip(grid.jobs, grid.paths, strict=True):
            entry = gallery.find(path) if path else None
            cells.append(entry.content if entry else job if job in jobs else None)
        yield {"request": grid.request.to_json(), "across": grid.across, "down": grid.down,
               "private": grid.output.private, "cells": cells}  # fmt: skip


def add_grids(
    gallery: Gallery, records: Iterable[Mapping[str, Any]], output: Output, jobs: Mapping[int, int], came: set[str]
) -> None:
    """Keeps what the sheets of a backup's grids need, which are written to `output`'s folder.

    `jobs` says which job one of the backup became, `came` the contents of the pictures that were not here before: a grid
    with neither is here already. A record that cannot be read is passed over.
    """
    for record in records:
        cells = record.get("cells")
        if not isinstance(cells, list) or len(cells) > CELLS or not any(_is_new(cell, jobs, came) for cell in cells):
            continue
        with suppress(InvalidRequest), transaction(gallery.database):
            request = Request.from_json(str(record.get("request")))
            own = Output(output.folder, private=record.get("private") is True)
            numbers = [_job_of(gallery, cell, request, own, jobs) for cell in cells]
            GridQueue(Queue(gallery.store)).keep(request, own, read_labels(record), numbers)


def _is_new(cell: object, jobs: Mapping[int, int], came: set[str]) -> bool:
    return cell in came if isinstance(cell, str) else isinstance(cell, int) and cell in jobs


def _job_of(gallery: Gallery, cell: object, request: Request, output: Output, jobs: Mapping[int, int]) -> int:
    """Returns the job of a cell; a picture without one is said to be the first of a job that is over and forgotten."""
    if not isinstance(cell, str):
        return jobs.get(cell, NO_JOB) if isinstance(cell, int) else NO_JOB
    query = "SELECT id, job, number FROM images WHERE content = ? AND state = 'here'"
    row = gallery.database.execute(query, (cell,)).fetchone()
    if row is None:
        return NO_JOB
    if row["job"] is not None and row["number"] == 0:
        return int(row["job"])
    queue = Queue(gallery.store)
    job = queue.add(request, output).id
    gallery.update(row["id"], {"job": job, "number": 0})
    queue.finish(job, JobState.DONE)
    queue.forget(job)
    return job
