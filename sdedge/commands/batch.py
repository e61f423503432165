"""`sdedge batch`: every picture of a file of requests, here or on many machines, each exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.generate import generate, interruptible
from sdedge.commands.headings import HeadedCommand, option
from sdedge.commands.progress import show
from sdedge.commands.requested import requests_of
from sdedge.commands.terminal import echo, note
from sdedge.commands.values import integer, number
from sdedge.engines.open import locate
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.events import Cancelled, Event, ImageDone, Notice, Step
from sdedge.field_rows import Group
from sdedge.images.output import Output, output_at
from sdedge.request import Resolved

if TYPE_CHECKING:
    from sdedge.process.batch_record import BatchRecord
    from sdedge.process.batch_tasks import PictureTask
    from sdedge.process.batch_worker import Drawn, WorkerSettings
    from sdedge.process.dispatch import Cluster, Outcome
    from sdedge.process.worker import RecordedOutput

# Options of `generate` that are other ones here, or none: a picture is drawn alone, so that it is the same anywhere.
OTHERWISE = {
    "prompt", "from_file", "images", "batch", "grid", "columns", "grid_only", "resume", "keep_journal", "dry_run",
}  # fmt: skip


@click.command(cls=HeadedCommand, params=[option for option in generate.params if option.name not in OTHERWISE])
@click.argument("requests", type=click.Path(path_type=Path))
@option(
    Group.MODEL,
    "--ray",
    "address",
    metavar="auto|ADDRESS",
    help="Draw on this machine's devices, or on those of a Ray cluster.",
)
@option(Group.MODEL, "--workers", type=integer(1, 256), help="On each machine.  [default: one for each device]")
@option(
    Group.MODEL, "--patience", type=number(1), metavar="SECONDS",
    help="For one picture, before its worker is replaced.  [default: 1800]",
)  # fmt: skip
@option(Group.RUN, "--dry-run", is_flag=True, help="List the pictures as JSON, with the files of those that are there.")
def batch(
    requests: Path, address: str | None, workers: int | None, patience: float | None, dry_run: bool, **options: Any
) -> None:
    """Draw every picture of the file REQUESTS, a prompt per line, CSV or JSON lines, and print their paths.

    Each is drawn once: run again, it draws what is missing. With --ray many devices draw, and the pictures are the same. See
    docs/many-machines.md.
    """
    from sdedge.process.batch_record import BatchRecord, open_record
    from sdedge.process.batch_tasks import tasks_of

    if workers is not None and address is None:
        raise InvalidRequest("--workers is for many devices; add --ray auto.")
    if patience is not None and address is None:
        raise InvalidRequest("--patience is for workers, of which there are none without --ray; add --ray auto.")
    if address is not None:
        from sdedge.process.ray_cluster import check_ray

        check_ray()
    asked = requests_of(None, {**options, "from_file": requests})
    total = len(asked) * options["count"]
    output = output_at(options["out"], options["file_format"], options["template"], options["no_metadata"], total > 1)
    tasks = tasks_of(asked, options["count"], output)
    if dry_run:
        _list(tasks, BatchRecord(output.folder))
        return
    if address is None:  # elsewhere the workers look for their own
        for model in dict.fromkeys(task.request.model for task in tasks):
            locate(model)
    output.check()
    with open_record(output.folder) as record, show(len(tasks), options["as_json"], options["quiet"]) as tell:
        left = [task for task in tasks if record.file_of(task) is None]
        if len(tasks) < total:
            tell(
                Notice(
                    f"{total - len(tasks)} of {total} pictures are the same as others in everything and are drawn once."
                )
            )
        if len(left) < len(tasks):
            tell(
                Notice(f"{len(tasks) - len(left)} of {len(tasks)} pictures are there already and are not drawn again.")
            )
        with _recorded(output) as recorded:
            keeper = _Keeper(recorded, record, tell)
            try:
                if left:
                    _draw(left, keeper, tell, _settings(options), address, workers, patience)
            except KeyboardInterrupt:
                tell(Cancelled(keeper.done))
                raise
            finally:
                record.merge(tasks)
                keeper.sum_up()
    if keeper.failed:
        raise SdedgeError(f"{keeper.failed} of {len(tasks)} pictures were not drawn; the notes above say why.")


def _settings(options: dict[str, Any]) -> WorkerSettings:
    from sdedge.process.batch_worker import WorkerSettings

    chosen = {name: options[name] for name in ("device", "dtype", "memory") if options[name] != "auto"}
    return WorkerSettings.here(ema=options["ema"], **chosen)


def _list(tasks: list[PictureTask], record: BatchRecord) -> None:
    for task in tasks:
        file = record.file_of(task)
        line = {"number": task.number, "hash": task.hash, "file": file and str(file)}
        echo(json.dumps({**line, "request": json.loads(task.request.to_json())}))


def _draw(
    left: list[PictureTask], keep: Callable[[Outcome], None], tell: Callable[[Event], None], settings: WorkerSettings,
    address: str | None, workers: int | None, patience: float | None,
) -> None:  # fmt: skip
    """Lets workers draw what is left. Raises KeyboardInterrupt after Ctrl-C, with what is finished kept."""
    from sdedge.process.dispatch import Dispatcher, DispatchLimits

    with interruptible() as interrupted, _cluster(address, settings, workers, interrupted) as cluster:
        limits = DispatchLimits() if patience is None else DispatchLimits(patience)
        dispatcher = Dispatcher(cluster, left, lambda text: tell(Notice(text)), limits, is_cancelled=interrupted)
        for outcome in dispatcher.outcomes():
            keep(outcome)
        if interrupted():
            raise KeyboardInterrupt


@contextmanager
def _cluster(
    address: str | None, settings: WorkerSettings, workers: int | None, is_cancelled: Callable[[], bool]
) -> Iterator[Cluster]:
    """Yields the workers that draw: this process, or those of Ray."""
    if address is None:
        from sdedge.process.local_cluster import LocalCluster

        yield LocalCluster(settings, is_cancelled)
        return
    from sdedge.process.ray_cluster import RayCluster

    with closing(RayCluster(address, settings, workers)) as cluster:
        yield cluster


@contextmanager
def _recorded(output: Output) -> Iterator[RecordedOutput]:
    """Yields an output by which the gallery knows of every picture."""
    from sdedge.library.gallery import Gallery
    from sdedge.library.store import open_store
    from sdedge.process.worker import RecordedOutput

    with open_store() as store:
        for said in store.notes:
            note(said)
        yield RecordedOutput(**vars(output), gallery=Gallery(store))


@dataclass
class _Keeper:
    """Saves what comes, in the folder, its record and the gallery, and says so."""

    output: RecordedOutput
    record: BatchRecord
    tell: Callable[[Event], None]
    done: int = 0
    failed: int = 0
    noticed: set[str] = field(default_factory=set)
    reasons: dict[str, list[int]] = field(default_factory=dict)
    """Why pictures were not drawn, with their numbers."""

    def __call__(self, outcome: Outcome) -> None:
        from sdedge.process.batch_worker import Drawn

        task, answer = outcome.task, outcome.answer
        if isinstance(answer, Drawn):
            for text in answer.notices:
                if text not in self.noticed:
                    self.tell(Notice(text))
            self.noticed.update(answer.notices)
            self._save(task, answer, outcome.device)
        elif answer.kind != "cancelled":
            self.failed += 1
            self.reasons.setdefault(answer.message, []).append(task.number + 1)
            if len(self.reasons[answer.message]) == 1:
                self.tell(Notice(f"Picture {task.number + 1} was not drawn: {answer.message}"))

    def sum_up(self) -> None:
        """Says which other pictures were not drawn for a reason that was said of one."""
        for reason, (_, *others) in self.reasons.items():
            if others:
                numbers = ", ".join(map(str, sorted(others)[:20])) + (", …" if len(others) > 20 else "")
                self.tell(Notice(f"{len(others)} more were not drawn for this reason (picture {numbers}): {reason}"))

    def _save(self, task: PictureTask, drawn: Drawn, device: str) -> None:
        request = Resolved.from_json(drawn.request)
        path = self.output.keep(
            drawn.data, request, json.loads(drawn.facts), task.number + 1,
            lambda path: self.record.announce(task, drawn, path, device),
        )  # fmt: skip
        self.done += 1
        self.tell(Step(1, 1, self.done - 1))
        self.tell(ImageDone(str(path), request.seed, task.number, drawn.filtered))
