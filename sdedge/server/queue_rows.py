"""What the job service reads and writes of the queue's database: whose a job is, whose turn it is, and how jobs have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sdedge.images.output import Output
from sdedge.library.database import transaction
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.job_states import ENDED, OPEN, PausedBy
from sdedge.library.jobs import Job, Queue
from sdedge.request import Request
from sdedge.server.answers import QueuePaused
from sdedge.server.fairness import place

MAX_REMEMBERED = 10_000
"""Jobs of which this server knows whose they were."""
_CALLER = "caller of job "
"""Begins the settings by which a server that starts again knows whose the jobs of before are."""
_ORDER = """SELECT id FROM jobs WHERE state IN ('running', 'waiting', 'paused')
ORDER BY state != 'running', priority DESC, position, id"""


@dataclass(frozen=True)
class States:
    """How jobs stand: their states, those that have ended with their pictures, and why the queue is paused, if it is.

    A job that is not in `states` has been cleared.
    """

    states: dict[int, str]
    ended: dict[int, tuple[Job, tuple[GalleryEntry, ...]]] = field(default_factory=dict)
    paused: str | None = None
    paused_by: str | None = None


def remembered(queue: Queue) -> tuple[dict[int, str], list[Job]]:
    """Returns the callers of the latest jobs, and those of the jobs that are still open; older ones are forgotten."""
    query = "SELECT key, value FROM settings WHERE substr(key, 1, ?) = ?"
    rows = queue.database.execute(query, (len(_CALLER), _CALLER)).fetchall()
    callers = {int(row["key"][len(_CALLER) :]): str(row["value"]) for row in rows}
    there = sorted(row["id"] for row in queue.database.execute("SELECT id FROM jobs") if row["id"] in callers)
    latest = dict.fromkeys(there[-MAX_REMEMBERED:])
    for job in callers.keys() - latest.keys():
        queue.store.set(f"{_CALLER}{job}", None)
    return {job: callers[job] for job in latest}, [job for job in queue.jobs(OPEN) if job.id in latest]


def append(
    queue: Queue, caller: str, requests: Sequence[Request], output: Output, counts: tuple[int, int],
    owners: dict[int, str | None],
) -> list[int]:  # fmt: skip
    """Adds a job for each request where its caller's turn is, and lets a queue that a failure paused go on. Returns the ids.

    `counts` are pictures of a job and how many at a time, `owners` whose the open jobs are. What a job is takes one
    transaction, so that it is drawn by nobody before its turn. Raises QueuePaused where a person paused the queue.
    """
    if queue.paused is not None:
        if queue.paused_by == PausedBy.PERSON:
            raise QueuePaused(f"The queue is paused: {queue.paused} Let it go on, then ask again.")
        queue.resume()
    jobs = []
    for request in requests:
        with transaction(queue.database):
            job = queue.add(request, output, *counts).id
            _take_turn(queue, job, caller, owners)
            queue.store.set(f"{_CALLER}{job}", caller)
        owners[job] = caller
        jobs.append(job)
    return jobs


def _take_turn(queue: Queue, job: int, caller: str, owners: dict[int, str | None]) -> None:
    """Moves a job of a caller that was just added to where its turn is; nobody else writes meanwhile."""
    rows = queue.database.execute(_ORDER).fetchall()
    target = place([(row["id"], owners.get(row["id"])) for row in rows if row["id"] != job], caller)
    if target is not None:
        queue.move(job, before=target)


def states_of(queue: Queue, gallery: Gallery, jobs: Sequence[int]) -> States:
    """Returns how jobs stand."""
    states: dict[int, str] = {}
    for start in range(0, len(jobs), 500):
        some_jobs = jobs[start : start + 500]
        query = f"SELECT id, state FROM jobs WHERE id IN ({', '.join('?' * len(some_jobs))})"
        states |= {row["id"]: str(row["state"]) for row in queue.database.execute(query, some_jobs)}
    ended = {job: (queue.get(job), pictures_of(gallery, job)) for job, state in states.items() if state in ENDED}
    return States(states, ended, queue.paused, queue.paused_by)


def pictures_of(gallery: Gallery, job: int) -> tuple[GalleryEntry, ...]:
    """Returns the pictures of a job that are there, in their order."""
    query = "SELECT id FROM images WHERE job = ? AND state = 'here' ORDER BY number"
    ids = [row["id"] for row in gallery.database.execute(query, (job,))]
    return tuple(sorted(gallery.entries(ids[:500]), key=lambda entry: entry.number or 0))
