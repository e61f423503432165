"""`sdedge queue …`: the persistent queue from the command line."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.generate import asked, generate, interruptible
from sdedge.commands.headings import HeadedCommand, option
from sdedge.commands.terminal import echo, note
from sdedge.commands.values import NameType, integer
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.field_rows import Group
from sdedge.field_types import PathOrName
from sdedge.library.control_models import settled_controls
from sdedge.library.job_states import ENDED, OPEN, JobState
from sdedge.library.jobs import Job, Queue
from sdedge.library.pass_models import settled_passes, with_models
from sdedge.locks import ProcessLock
from sdedge.places import expanded
from sdedge.request_fields import FIELDS

if TYPE_CHECKING:
    from sdedge.events import Event
    from sdedge.request import Request

# Options of `generate` that are about running now, not about the pictures: SDEDGE_DEVICE, SDEDGE_DTYPE and SDEDGE_MEMORY
# say it to the engine of the queue.
NOW = {
    "prompt", "device", "dtype", "memory", "ema", "dry_run", "as_json", "quiet", "grid", "columns", "grid_only",
    "resume", "keep_journal",
}  # fmt: skip
ENGINE_VARIABLES = {"--device": "SDEDGE_DEVICE", "--dtype": "SDEDGE_DTYPE", "--memory": "SDEDGE_MEMORY"}
_ENDED = "sdedge ended while it was drawn"
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def queue() -> None:
    """Line pictures up and draw them one after another; the queue survives crashes and restarts."""


@contextlib.contextmanager
def _queue() -> Iterator[Queue]:
    from sdedge.library.store import open_store

    with open_store() as store:
        for said in store.notes:
            note(said)
        yield Queue(store)


class Add(HeadedCommand):
    """`queue add`, which says of options about the engine where they are said instead."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if (variable := ENGINE_VARIABLES.get(error.option_name)) is None:
                raise
            raise InvalidRequest(
                f"{error.option_name} is for the engine that draws, which is the queue's own; set {variable} for "
                "`sdedge queue run` instead."
            ) from None


@queue.command(cls=Add, params=[option for option in generate.params if option.name not in NOW])
@click.argument("prompt", required=False)
@option(
    Group.RUN, "-p", "--priority", type=integer(), default=0, show_default=True, help="Higher ones are drawn first."
)
@as_json
def add(prompt: str | None, priority: int, as_json: bool, **options: Any) -> None:
    """Append a job with the options of `generate`, one per prompt of --from-file."""
    requests, series = asked(prompt, options)
    requests = series.to_draw(requests)
    outputs = [series.output_of(request) for request in requests]
    for request in requests:
        check_files(request)
    requests = [settled_passes(settled_controls(_absolute(request))) for request in requests]
    if len(requests) > 1 and series.output.file:
        raise InvalidRequest(
            f"{options['out']} is the name of one file, and there are {len(requests)} jobs; name a folder with --out."
        )
    with _queue() as queue:
        for request, output in zip(requests, outputs, strict=True):
            job = queue.add(request, output, series.count, series.batch, priority)
            echo(json.dumps(record(job)) if as_json else f"Job {job.id}: {_line(job)}")
    series.tell_damaged()


@queue.command("list")
@click.option("--all", "every", is_flag=True, help="Ended jobs too.")
@as_json
def list_jobs(every: bool, as_json: bool) -> None:
    """Show the jobs in the order they will be drawn, and why the queue is paused."""
    with _queue() as queue:
        jobs = _settled(queue, queue.jobs(OPEN + ENDED if every else (*OPEN, JobState.FAILED, JobState.INTERRUPTED)))
        if as_json:
            states = {"paused": queue.paused, "resting": queue.resting}
            echo(json.dumps({**states, "jobs": [record(job) for job in jobs]}))
            return
        if queue.paused is not None:
            echo(f"Paused: {queue.paused}")
        if queue.resting is not None:
            echo(f"Resting: {queue.resting}")
        for job in jobs:
            echo(f"{job.id:5}  {job.state:<11}  {job.saved}/{job.count}  {_line(job)}")
            if job.reason:
                echo(f"       {job.reason}")
        if not jobs:
            echo("The queue is empty.")


def _settled(queue: Queue, jobs: list[Job]) -> list[Job]:
    """Returns the jobs as the next run will find them: what nobody draws any more was interrupted."""
    from sdedge.process.supervisor import RUNNER_LOCK

    running = [job for job in jobs if job.state == JobState.RUNNING]
    if not running or ProcessLock(queue.store.folder / RUNNER_LOCK).holder() is not None:
        return jobs
    return [_interrupted(queue, job) if job in running else job for job in jobs]


def _interrupted(queue: Queue, job: Job) -> Job:
    """Returns a job that nobody draws any more, with the command that goes on with it."""
    from sdedge.process.records import goes_on

    if goes_on(queue.store.folder, job):
        return replace(job, state=JobState.WAITING, reason=f"{_ENDED}; `sdedge queue run` goes on within the picture.")
    return replace(job, state=JobState.INTERRUPTED, reason=f"{_ENDED}; `sdedge queue run --resume` goes on with it.")


@queue.command()
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but the paths.")
@click.option("--resume", is_flag=True, help="Go on even if the queue is paused.")
@click.option(
    "--battery",
    type=integer(0, 100),
    default=20,
    show_default=True,
    help="On battery, rest below so many per cent; 0 never does.",
)
@click.option(
    "--heat",
    type=NameType(["off", "critical", "slow"]),
    default="critical",
    show_default=True,
    help="Rest before the computer switches itself off for heat; slow: also draw at half the pace when it is hot.",
)
def run(as_json: bool, quiet: bool, resume: bool, battery: int, heat: str) -> None:
    """Draw what is waiting and print the paths.

    Ctrl-C stops after the current step; the job keeps its pictures and goes on at the next run. Exit status 1 where a job failed
    or the queue is paused.
    """
    from sdedge.process.power import HeatLimit, PowerPolicy
    from sdedge.process.supervisor import Supervisor

    with _queue() as queue:
        printer = _Printer(_teller(as_json, quiet))
        supervisor = Supervisor(listener=printer)
        supervisor.power_policy = PowerPolicy(battery / 100, HeatLimit(heat))
        with interruptible() as interrupted:
            supervisor.start()
            try:
                if resume:
                    queue.resume()
                supervisor.wake()
                while not (supervisor.wait_idle(0.1) or interrupted() or printer.lost):
                    pass
            finally:
                supervisor.close()
        if printer.lost:
            raise printer.lost
        if interrupted():
            raise KeyboardInterrupt
        _check_end(queue, printer.failed)


def _check_end(queue: Queue, failed: int) -> None:
    """Raises SdedgeError where the queue is paused or so many jobs failed, which a script has to know."""
    if queue.paused is not None:
        raise SdedgeError(f"The queue is paused: {queue.paused} Go on with `sdedge queue run --resume`.")
    if failed:
        many = "A job" if failed == 1 else f"{failed} jobs"
        raise SdedgeError(
            f"{many} failed, as said above; mend what is wrong and let `sdedge queue resume JOB` draw again."
        )


@queue.command()
@click.argument("job", type=integer(), required=False)
def pause(job: int | None) -> None:
    """Put JOB off, or without one, start no further job."""
    with _queue() as queue:
        queue.pause(job)


@queue.command()
@click.argument("job", type=integer(), required=False)
def resume(job: int | None) -> None:
    """Let JOB, also one that failed or was cancelled, wait again for its missing pictures; or go on with the queue, and with
    what was interrupted."""
    with _queue() as queue:
        queue.resume(job)


@queue.command()
@click.argument("job", type=integer())
@click.option("--after-picture", "level", flag_value="picture", help="Finish the current picture first.")
@click.option("--now", "level", flag_value="now", default=True, help="Stop after the current step (the default).")
@click.option("--kill", "level", flag_value="kill", help="End the engine process at once.")
def cancel(job: int, level: str) -> None:
    """End JOB; its finished pictures stay."""
    with _queue() as queue:
        if queue.get(job).state in ENDED and queue.get(job).state != JobState.INTERRUPTED:
            raise SdedgeError(f"Job {job} is {queue.get(job).state} already.")
        queue.cancel(job, level)


@queue.command()
@click.argument("job", type=integer())
@click.option("--before", type=integer(), metavar="JOB", help="Draw it before this one.  [default: last]")
@click.option("-p", "--priority", type=integer(), help="Change the priority instead.")
def move(job: int, before: int | None, priority: int | None) -> None:
    """Change when JOB is drawn."""
    if before is not None and priority is not None:
        raise InvalidRequest(
            f"--before {before} and --priority {priority} are two places for a job; leave one of them out."
        )
    with _queue() as queue:
        if priority is not None:
            queue.set_priority(job, priority)
        else:
            queue.move(job, before)


@queue.command()
@click.argument("job", type=integer())
def duplicate(job: int) -> None:
    """Append a job that asks for the same as JOB."""
    with _queue() as queue:
        echo(f"Job {queue.duplicate(job).id}")


@queue.command()
@click.option("--waiting", is_flag=True, help="Jobs that wait or are paused, instead of ended ones.")
@as_json
def clear(waiting: bool, as_json: bool) -> None:
    """Forget ended jobs; their pictures stay."""
    with _queue() as queue:
        count = queue.clear((JobState.WAITING, JobState.PAUSED) if waiting else ENDED)
        echo(json.dumps({"cleared": count}) if as_json else f"{count} cleared")


def record(job: Job) -> dict[str, Any]:
    """Returns a job as JSON for scripts; times in ISO 8601, UTC."""
    times = {name: _iso(getattr(job, name)) for name in ("added", "started", "ended")}
    plain = {name: getattr(job, name) for name in ("id", "state", "reason", "priority", "count", "batch", "saved")}
    return {**plain, **times, "folder": str(job.output.folder), "request": json.loads(job.request.to_json())}


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")


def _line(job: Job) -> str:
    prompt = " ".join(job.request.prompt.split())
    return prompt if len(prompt) <= 70 else prompt[:69] + "…"


def check_files(request: Request) -> None:
    """Raises ModelError and InvalidRequest for what a request names and is not there now: model, VAE, LoRAs, pictures.

    Controls, upscalers and detectors are looked up where they are settled. Of a prompt with wildcards the LoRAs are known only
    when it is drawn.
    """
    from sdedge.engines.open import locate
    from sdedge.images.opening import opened
    from sdedge.library.adapters import look_up_lora
    from sdedge.text.tags import extract_loras

    for name in ("model", "vae"):
        if (value := getattr(request, name)) is not None:
            locate(value)
    for prompt in (request.prompt, request.negative, *(region.prompt for region in request.regions)):
        for tag in () if "{" in prompt or "__" in prompt else extract_loras(prompt)[1]:
            look_up_lora(tag.name)
    for name in ("image", "mask"):
        if (value := getattr(request, name)) is not None:
            with opened(expanded(value)):
                pass


def _absolute(request: Request) -> Request:
    """Paths still right when the queue is run from another folder."""
    paths = {}
    for name in (row.name for row in FIELDS.values() if isinstance(row.type, PathOrName)):
        value = getattr(request, name)
        if value and expanded(value).exists():
            paths[name] = str(expanded(value).absolute())
    controls = tuple(replace(control, model=_absolute_path(control.model)) for control in request.controls)
    regions = tuple(replace(region, mask=region.mask and _absolute_path(region.mask)) for region in request.regions)
    passes = tuple(with_models(each, _absolute_path, _absolute_path) for each in request.passes)
    return request.replace(**paths, controls=controls, regions=regions, passes=passes)


def _absolute_path(text: str) -> str:
    path = expanded(text)
    return str(path.absolute()) if path.exists() else text


class _Printer:
    """A listener that prints on the supervisor's thread, counts jobs that fail, and remembers when nobody takes what it prints
    any more."""

    def __init__(self, tell: Callable[[int | None, Event], None]) -> None:
        self._tell = tell
        self.lost: OSError | None = None
        self.failed = 0

    def __call__(self, job: int | None, event: Event) -> None:
        from sdedge.events import Failed

        self.failed += isinstance(event, Failed)
        if self.lost is None:
            try:
                self._tell(job, event)
            except OSError as error:
                self.lost = error


def _teller(as_json: bool, quiet: bool) -> Callable[[int | None, Event], None]:
    """Returns a listener that prints: JSON lines with the job's number, or paths and remarks."""
    from sdedge.commands.progress import where_it_goes_on
    from sdedge.events import Cancelled, Continued, Failed, ImageDone, Notice, to_json

    def tell(job: int | None, event: Event) -> None:
        if as_json:
            echo(json.dumps({"job": job, **json.loads(to_json(event))}))
        elif isinstance(event, ImageDone):
            echo(event.path)
        elif isinstance(event, Failed):
            echo(f"Job {job} failed: {event.message} {event.hint}".rstrip(), err=True)
        elif isinstance(event, Cancelled) and not quiet:
            echo(f"Job {job} was stopped after {event.count} pictures.", err=True)
        elif isinstance(event, Notice) and not quiet:
            note(event.message)
        elif isinstance(event, Continued) and not quiet:
            note(f"Job {job}: {where_it_goes_on(event)}")

    return tell
