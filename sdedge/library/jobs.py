"""The queue: jobs, their order and their states, on disk. One job is a request and how many pictures of it. No torch.

A job is drawn under an id of its own per attempt (`Job.run`), so that what is said to one attempt never reaches another.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.images.output import Output
from sdedge.json_values import read_json
from sdedge.library.database import transaction
from sdedge.library.job_outputs import output_json, output_of
from sdedge.library.job_states import ENDED, OPEN, JobState, PausedBy, Wish, state_wished
from sdedge.library.store import Store
from sdedge.request import Request


@dataclass(frozen=True)
class Job:
    """One entry of the queue. Times are Unix seconds; `reason` says in words why it is in its state."""

    id: int
    state: str
    """A JobState, or what another version wrote."""
    reason: str
    priority: int
    position: int
    request: Request
    count: int
    batch: int
    output: Output
    saved: int
    """Pictures on disk."""
    attempt: int
    wish: str
    added: float
    started: float | None
    ended: float | None

    @property
    def run(self) -> str:
        """The name of this attempt in messages."""
        return f"{self.id}.{self.attempt}"

    def request_from(self, number: int) -> Request:
        """Returns the request of picture `number`, which counts from 0, and of those behind it."""
        return self.request.numbered(number) if number else self.request


class Queue:
    """The jobs of a store. One thread uses it; every change is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database

    # Looking

    def get(self, id: int) -> Job:
        """Raises InvalidRequest when there is none."""
        row = self.database.execute("SELECT * FROM jobs WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise InvalidRequest(f"The queue has no job {id}; {Remedy.SEE_QUEUE}.", remedy=Remedy.SEE_QUEUE)
        return _job(row)

    def jobs(self, states: Sequence[str] = OPEN + ENDED, limit: int | None = None) -> list[Job]:
        """Returns running jobs, then waiting ones in the order they will be drawn, then ended ones, the latest first; at
        most `limit`.
        """
        marks = ", ".join("?" * len(states))
        rows = self.database.execute(
            f"""SELECT * FROM jobs WHERE state IN ({marks}) ORDER BY ended IS NOT NULL, state != 'running',
            CASE WHEN ended IS NULL THEN -priority END, CASE WHEN ended IS NULL THEN position END, ended DESC, id DESC LIMIT ?""",
            [*states, -1 if limit is None else limit],
        )
        return [_job(row) for row in rows]

    def history(self, id: int) -> list[tuple[str, float, str]]:
        """Returns every (state, time, reason) a job has been in."""
        query = "SELECT state, at, reason FROM job_states WHERE job = ? ORDER BY rowid"
        return [(str(row["state"]), row["at"], str(row["reason"])) for row in self.database.execute(query, (id,))]

    @property
    def paused(self) -> str | None:
        """Why the queue is paused, or None when it is not."""
        return self.store.setting("paused")

    @property
    def paused_by(self) -> str | None:
        """A PausedBy; None when it is not paused."""
        return None if self.paused is None else self.store.setting("paused by") or PausedBy.INTERRUPTION

    @property
    def resting(self) -> str | None:
        """Why pictures are drawn slowly or not at all for now, though the queue is not paused: a battery, heat; or None."""
        return self.store.setting("resting")

    # Arranging

    def add(self, request: Request, output: Output, count: int = 1, batch: int = 1, priority: int = 0) -> Job:
        """Appends a job. Raises InvalidRequest."""
        if count < 1 or batch < 1:
            raise InvalidRequest(
                f"A job of {count} pictures, {batch} at a time, draws nothing; give 1 or more of both."
            )
        values = {
            "state": JobState.WAITING, "priority": priority, "request": request.to_json(), "count": count, "batch": batch,
            "output": output_json(output), "added": time.time(),
        }  # fmt: skip
        with transaction(self.database):
            values["position"] = self._next_position()
            marks = ", ".join("?" * len(values))
            query = f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})"
            id = self.database.execute(query, [*values.values()]).lastrowid
            self._log(id, JobState.WAITING, "")
        return self.get(id)  # type: ignore[arg-type]

    def duplicate(self, id: int) -> Job:
        """Appends a job that asks for the same."""
        job = self.get(id)
        return self.add(job.request, job.output, job.count, job.batch, job.priority)

    def move(self, id: int, before: int | None = None) -> None:
        """Draws a waiting job just before another, with its priority; last of all when `before` is None."""
        with transaction(self.database):
            order = [job for job in self.jobs((JobState.WAITING, JobState.PAUSED)) if job.id != id]
            moved = self._expect(id, JobState.WAITING, JobState.PAUSED)
            target = next((i for i, job in enumerate(order) if job.id == before), len(order))
            if before is not None and target == len(order):
                raise SdedgeError(f"Job {before} is not waiting; name a waiting job to go before.")
            neighbour = order[min(target, len(order) - 1)] if order else moved
            self.database.execute("UPDATE jobs SET priority = ? WHERE id = ?", (neighbour.priority, id))
            order.insert(target, moved)
            pairs = [(position, job.id) for position, job in enumerate(order, 1)]
            self.database.executemany("UPDATE jobs SET position = ? WHERE id = ?", pairs)

    def set_priority(self, id: int, priority: int) -> None:
        """Higher ones are drawn first."""
        with transaction(self.database):
            self._expect(id, *OPEN)
            self.database.execute("UPDATE jobs SET priority = ? WHERE id = ?", (priority, id))

    def pause(self, id: int | None = None, reason: str = "You paused it.", by: str = PausedBy.PERSON) -> None:
        """Without a job: draw no next one. With one: put it off; a running one stops after its current picture."""
        if id is None:
            with transaction(self.database):
                self._pause(reason, by)
            return
        with transaction(self.database):
            if self._expect(id, *OPEN).state == JobState.RUNNING:
                self._wish(id, Wish.PAUSE)
            else:
                self._set(id, JobState.PAUSED, reason)

    def resume(self, id: int | None = None, in_place: bool = False) -> None:
        """Without a job: go on with the queue, first with what an unexpected end interrupted. With one: let it wait again, last
        or where it stood before; it draws the pictures it still lacks."""
        if id is None:
            with transaction(self.database):
                self._pause(None, None)
                for job in self.jobs((JobState.INTERRUPTED,)):
                    self._set(job.id, JobState.WAITING, "", ended=None)
            return
        with transaction(self.database):
            job = self._expect(id, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)
            if job.saved >= job.count:
                raise SdedgeError(f"All {job.count} pictures of job {id} are saved; duplicate it to draw more.")
            position = job.position if in_place or job.state == JobState.PAUSED else self._next_position()
            self._set(id, JobState.WAITING, "", ended=None, position=position)

    def resume_after_failure(self) -> None:
        """Goes on with the queue where a failure paused it; what a person paused, or an unexpected end, stays so."""
        if self.paused_by == PausedBy.FAILURE:
            self.resume()

    def cancel(self, id: int, level: str = Wish.NOW) -> None:
        """Ends a job: after this "picture", after this step ("now"), or by ending its process ("kill").

        One that waits ends at once; one that has ended is left alone. Raises SdedgeError.
        """
        with transaction(self.database):
            job = self.get(id)
            if job.state == JobState.RUNNING:
                self._wish(id, level)
            elif job.state in (*OPEN, JobState.INTERRUPTED):
                self._set(id, JobState.CANCELLED, "You cancelled it.", ended=time.time())

    def clear(self, states: Sequence[str] = ENDED) -> int:
        """Forgets jobs; pictures stay. A running job is never forgotten. Returns how many were."""
        cleared = [state for state in states if state != JobState.RUNNING]
        marks = ", ".join("?" * len(cleared))
        with transaction(self.database):
            query = f"DELETE FROM job_states WHERE job IN (SELECT id FROM jobs WHERE state IN ({marks}))"
            self.database.execute(query, cleared)
            return self.database.execute(f"DELETE FROM jobs WHERE state IN ({marks})", cleared).rowcount

    def forget(self, id: int) -> None:
        """Takes one job that has ended out of the list; its pictures stay. Raises SdedgeError."""
        with transaction(self.database):
            self._expect(id, *ENDED)
            self.database.execute("DELETE FROM job_states WHERE job = ?", (id,))
            self.database.execute("DELETE FROM jobs WHERE id = ?", (id,))

    # Drawing: for the supervisor alone

    def claim(self) -> Job | None:
        """Returns the next job, now running, with its seed chosen so that a later attempt continues the same pictures."""
        with transaction(self.database):
            if self.paused is not None:
                return None
            query = "SELECT * FROM jobs WHERE state = 'waiting' ORDER BY priority DESC, position, id LIMIT 1"
            row = self.database.execute(query).fetchone()
            if row is None:
                return None
            if fault := _fault_of(row):
                self._set(row["id"], JobState.FAILED, fault, ended=time.time())
                return None
            record = json.loads(row["request"])
            if record.get("seed") is None:
                record["seed"] = secrets.randbelow(2**32)
            self._set(
                row["id"], JobState.RUNNING, "", request=json.dumps(record, ensure_ascii=False), attempt=row["attempt"] + 1,
                started=time.time(), ended=None, wish="",
            )  # fmt: skip
            return self.get(row["id"])

    def wish(self, id: int) -> str:
        """Returns what was asked of the running job."""
        row = self.database.execute("SELECT wish FROM jobs WHERE id = ?", (id,)).fetchone()
        return str(row["wish"]) if row else Wish.KILL

    def finish(self, id: int, state: str, reason: str = "", pause: str | None = None) -> Job:
        """The attempt has ended: count its pictures, set the state, and pause the queue if `pause` says why.

        A job whose pictures are all saved is done, however its process ended; that it is, the next start tells from them.
        """
        with transaction(self.database, durable=state != JobState.DONE or pause is not None):
            saved = self._count_saved(id)
            if saved >= self.get(id).count:
                state, reason = JobState.DONE, ""
            ended = None if state in OPEN else time.time()
            self._set(id, state, reason, saved=saved, ended=ended, wish="")
            if pause is not None:
                self._pause(pause, PausedBy.FAILURE)
            return self.get(id)

    def note_saved(self, id: int) -> None:
        """Brings a running job's count of pictures up to date."""
        with transaction(self.database):
            self.database.execute("UPDATE jobs SET saved = ? WHERE id = ?", (self._count_saved(id), id))

    def open_session(self, goes_on: Callable[[Job], bool] = lambda job: False) -> str | None:
        """Called when the supervision starts and the gallery is settled. After an unclean end: mark what was
        interrupted, pause the queue, and return what happened in words. A job that `goes_on` by itself waits instead, and one
        that a person had cancelled or paused is that."""
        with transaction(self.database):
            running = [replace(job, saved=self._count_saved(job.id)) for job in self.jobs((JobState.RUNNING,))]
            continued = [job for job in running if job.saved < job.count and goes_on(job)]
            unclean = self.store.setting("session") is not None and not continued
            for job in continued:
                self._set(job.id, JobState.WAITING, "sdedge ended unexpectedly; it goes on from here.", saved=job.saved)
            ended = [job for job in running if job not in continued]
            lines = [self._interrupt(job) for job in ended]
            self.store.set("session", str(time.time()))
            self.store.set("resting", None)
            if not (
                any(state_wished(job.wish) is None for job in ended) or (unclean and self.jobs((JobState.WAITING,)))
            ):
                return None
            what = " ".join(lines) or "No picture was being drawn."
            reason = f"sdedge ended unexpectedly. {what} Resume the queue to go on."
            self._pause(reason, PausedBy.INTERRUPTION)
            return reason

    def close_session(self) -> None:
        """The supervision ends as it should."""
        self.store.set("session", None)
        self.store.set("resting", None)

    def rest(self, reason: str | None) -> None:
        """Says why pictures are drawn slowly or not at all for now; None that they are drawn as usual."""
        self.store.set("resting", reason)

    def _pause(self, reason: str | None, by: str | None) -> None:
        if reason is not None and self.paused_by == PausedBy.PERSON:
            by = PausedBy.PERSON  # who alone lets it go on
        self.store.set("paused", reason)
        self.store.set("paused by", by)

    def _interrupt(self, job: Job) -> str:
        saved, state = self._count_saved(job.id), state_wished(job.wish) or JobState.INTERRUPTED
        sentence = f"Job {job.id} was {state} with {saved} of {job.count} pictures saved."
        reason = sentence if state == JobState.INTERRUPTED else f"You {state} it."
        if saved >= job.count:
            state, reason = JobState.DONE, ""
        self._set(job.id, state, reason, saved=saved, ended=None if state in OPEN else time.time(), wish="")
        return sentence

    def _count_saved(self, id: int) -> int:
        """Returns how far the pictures go, counting ones that were moved to the trash since."""
        query = "SELECT max(number) + 1 AS n FROM images WHERE job = ? AND state != 'writing'"
        row = self.database.execute(query, (id,)).fetchone()
        return max(row["n"] or 0, self.get(id).saved)

    def _wish(self, id: int, level: str) -> None:
        if level not in _WISHES:
            raise SdedgeError(f"Unknown way to cancel {str(level)!r}; choose one of {', '.join(_WISHES[1:])}.")
        if _WISHES.index(level) >= _rank(self.wish(id)):  # a stronger one is not taken back
            self.database.execute("UPDATE jobs SET wish = ? WHERE id = ?", (level, id))

    def _expect(self, id: int, *states: str) -> Job:
        job = self.get(id)
        if job.state not in states:
            raise SdedgeError(f"Job {id} is {job.state}; this works for a job that is {' or '.join(states)}.")
        return job

    def _set(self, id: int, state: str, reason: str, **values: Any) -> None:
        values = {"state": state, "reason": reason, **values}
        pairs = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE jobs SET {pairs} WHERE id = ?", [*values.values(), id])
        self._log(id, state, reason)

    def _log(self, id: int | None, state: str, reason: str) -> None:
        self.database.execute("INSERT INTO job_states VALUES (?, ?, ?, ?)", (id, state, time.time(), reason))

    def _next_position(self) -> int:
        return self.database.execute("SELECT coalesce(max(position), 0) + 1 AS n FROM jobs").fetchone()["n"]


_COLUMNS: dict[str, Any] = {
    "state": str, "reason": str, "priority": int, "position": int, "request": str, "count": int, "batch": int, "output": str,
    "saved": int, "attempt": int, "wish": str, "added": (int, float), "started": (int, float, type(None)),
    "ended": (int, float, type(None)),
}  # fmt: skip
_WISHES = [str(wish) for wish in Wish]
_BROKEN = "Its row in the database is damaged; add it again."


def _fault_of(row: sqlite3.Row) -> str | None:
    """Why a row cannot be drawn, in words: damaged, or written by another version."""
    if not all(isinstance(row[name], kind) for name, kind in _COLUMNS.items()):
        return _BROKEN
    if row["count"] < 1 or row["batch"] < 1 or row["state"] not in OPEN + ENDED:
        return _BROKEN
    try:
        Request.from_json(row["request"])
        output_of(row["output"])
    except InvalidRequest as error:
        return str(error)
    return None


def _job(row: sqlite3.Row) -> Job:
    """Returns a row as a job. Of one that another version wrote, or damage has changed, at least what is whole, so that the
    list can be shown and the job be cleared."""
    values: dict[str, Any] = {}
    for column, kind in _COLUMNS.items():
        values[column] = row[column] if isinstance(row[column], kind) else _EMPTY.get(column)
    try:
        output = output_of(values["output"])
    except InvalidRequest:
        output = Output(Path())
    return Job(**{**values, "id": row["id"], "request": _request(values["request"]), "output": output})


_EMPTY: dict[str, Any] = {"state": JobState.FAILED, "reason": _BROKEN, "priority": 0, "position": 0, "request": "{}", "count": 1,
                          "batch": 1, "output": "", "saved": 0, "attempt": 0, "wish": "", "added": 0.0}  # fmt: skip


def _rank(wish: str) -> int:
    return _WISHES.index(wish) if wish in _WISHES else 0


def _request(text: str) -> Request:
    try:
        return Request.from_json(text)
    except InvalidRequest:
        pass
    try:
        value = read_json(text, "The job", error=InvalidRequest)
        return Request(prompt=str(value.get("prompt", "")) if isinstance(value, dict) else "")
    except InvalidRequest:
        return Request()
