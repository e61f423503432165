"""The memory of a job: a mode chosen before it starts, and a smaller one when an allocation fails all the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from sdedge.engines.protocol import Capability, Engine
from sdedge.errors import OutOfMemory, Remedy, SdedgeError, is_out_of_memory
from sdedge.events import Event, Loading, Notice
from sdedge.machine.memory_plan import MemoryPlan, in_gb
from sdedge.request import Resolved

T = TypeVar("T")
Work = Generator[Event, None, T]

_GONE = ("device is lost", "device has been lost", "fallen off the bus", "no cuda-capable device", "device removed",
         "device not available", "unspecified launch failure", "devices unavailable", "driver shutting down")  # fmt: skip


def choose(engine: Engine, request: Resolved, batch: int, safety: bool) -> Iterator[Event]:
    """Let an engine that can choose its memory mode do so, the `safety` checker counted where it runs, and say which.

    Raises OutOfMemory, naming what is needed and free, when not even the smallest mode fits.
    """
    if Capability.MEMORY_MODES not in engine.can:
        return
    plan = engine.choose_memory(request.width, request.height, batch, safety)
    if not plan.fits:
        raise OutOfMemory(_too_little(plan, request, batch))
    yield Loading(f"memory: {plan.mode}")
    if plan.mode != "fast":
        yield Notice(f"Memory mode {plan}: the same picture, more slowly.")


def _too_little(plan: MemoryPlan, request: Resolved, batch: int) -> str:
    many = f", {batch} at a time," if batch > 1 else ""
    advice = "close other programs"
    if plan.nearest is not None:
        alone = " one at a time" if batch > 1 else ""
        advice += f" or draw {plan.nearest.width}x{plan.nearest.height}{alone}"
    return (
        f"There is too little memory for {request.width}x{request.height}{many} in the mode {plan.mode}: it needs about "
        f"{in_gb(plan.peak)} and {in_gb(plan.free)} is free; {advice}."
    )


def retried(engine: Engine, work: Callable[[], Work[T]]) -> Work[T]:
    """Do the work; once more in the next smaller mode when the memory runs out.

    Raises OutOfMemory when it runs out again or there is no smaller mode, SdedgeError when the device has gone.
    """
    try:
        return (yield from _explained(engine, work))
    except OutOfMemory as error:
        failure = str(error)
    # Outside the handler: the traceback, which held the tensors of the failure, is gone.
    less = engine.use_less_memory() if Capability.MEMORY_MODES in engine.can else None
    if less is None:
        raise OutOfMemory(failure)
    yield Notice(f"The memory ran out; drawing again in the mode {less}.")
    return (yield from _explained(engine, work))


def _explained(engine: Engine, work: Callable[[], Work[T]]) -> Work[T]:
    """Does the work; errors of Python, torch and drivers become sentences for the user."""
    try:
        return (yield from work())
    except Exception as error:
        first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        if is_out_of_memory(error):
            raise OutOfMemory(
                "The memory ran out while drawing; draw smaller or fewer at a time, or close other programs. Pictures that "
                "were finished are kept."
            ) from error
        if isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _GONE):
            raise SdedgeError(
                f"The device {engine.device} stopped answering ({first}); check that it is attached and start again, or "
                f"{Remedy.CPU}. Pictures that were finished are kept.",
                remedy=Remedy.CPU,
            ) from error
        raise
