"""What a grid's sheet needs, kept with the queue until the sheet is made."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge import batch
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.grids import GridQueue
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.request import Request


@pytest.fixture
def queue(tmp_path):
    with open_store(tmp_path / "data") as store:
        yield Queue(store)


def add(queue, *axes: str) -> list[int]:
    grid = batch.grid(Request(prompt="a red house", seed=1), *map(batch.axis, axes))
    return GridQueue(queue).add(grid, Output(queue.store.folder.parent / "out", private=True))


def draw(queue) -> None:
    """Draws the next job, which makes a picture."""
    job, gallery = queue.claim(), Gallery(queue.store)
    path = job.output.folder / f"{job.id}.png"
    pixels = np.full((8, 8, 3), job.id, np.uint8)
    row = gallery.begin(path, job.request, {}, job.id, 0)
    job.output.write_to(path, pixels, job.request, {})
    gallery.complete(row)
    queue.finish(job.id, "done")


def test_a_grid_is_drawn_when_its_last_job_is_over_and_not_before(queue):
    jobs = add(queue, "steps=1,2", "guidance=2,4")
    seeds = add(queue, "seed=5-6")
    for job in jobs[:3]:
        assert not GridQueue(queue).drawn()
        draw(queue)
        assert queue.get(job).state == "done"
    queue.cancel(jobs[3])
    (drawn,) = GridQueue(queue).drawn()
    assert (drawn.across, drawn.down) == (("steps: 1", "steps: 2"), ("guidance: 2", "guidance: 4"))
    assert [path and path.rpartition("/")[2] for path in drawn.paths] == [*(f"{job}.png" for job in jobs[:3]), None]
    assert drawn.request.steps == 1 and drawn.output.private
    queue.clear()  # the list is tidied before the sheet is made
    assert GridQueue(queue).drawn() == [drawn]
    GridQueue(queue).forget(drawn.id)
    assert not GridQueue(queue).drawn()
    draw(queue)
    queue.claim()
    queue.finish(seeds[1], "interrupted")  # which is resumed
    assert not GridQueue(queue).drawn()


def test_what_cannot_become_a_sheet_is_forgotten(queue):
    for job in add(queue, "steps=1,2"):
        queue.cancel(job)
    add(queue, "steps=3")
    draw(queue)
    queue.database.execute("UPDATE grids SET labels = '{\"across\": 3}' WHERE id = 2")
    assert not GridQueue(queue).drawn()
    assert not queue.database.execute("SELECT count(*) FROM grid_cells").fetchone()[0]
