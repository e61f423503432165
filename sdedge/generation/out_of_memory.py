"""The memory of a job: a mode chosen before it starts, and a smaller one when an allocation fails all the same."""

from __future__ import annotations

from collections.abc import Iterator

from sdedge.engines.protocol import Capability, Engine
from sdedge.errors import OutOfMemory, Remedy, SdedgeError, is_out_of_memory
from sdedge.events import Event, Loading, Notice
from sdedge.images.source import Size
from sdedge.machine.memory_plan import MemoryPlan, spoken_size

_GONE = ("device is lost", "device has been lost", "fallen off the bus", "no cuda-capable device", "device removed",
         "device not available", "unspecified launch failure", "devices unavailable", "driver shutting down")  # fmt: skip


def choose(
    engine: Engine, size: Size, batch: int, safety: bool, branches: int = 2, is_single: bool = False,
    window: Size | None = None,
) -> Iterator[Event]:  # fmt: skip
    """Lets an engine that can choose its memory mode do so, the `safety` checker counted where it runs, and says which.

    size      width and height in pixels of the pass that takes most
    branches  rows of a step for each picture, and `is_single` and `window` as `Engine.choose_memory` has them

    Raises OutOfMemory, naming what is needed and free, when not even the smallest mode fits.
    """
    if Capability.MEMORY_MODES not in engine.can:
        return
    plan = engine.choose_memory(*size, batch, safety, branches=branches, is_single=is_single, window=window)
    if not plan.fits:
        raise OutOfMemory(_too_little(plan, size, batch))
    yield Loading(f"memory: {plan.mode}")
    if plan.mode != "fast":
        yield Notice(f"Memory mode {plan}: the same picture, more slowly.")


def _too_little(plan: MemoryPlan, size: Size, batch: int) -> str:
    many = f", {batch} at a time," if batch > 1 else ""
    advice = "close other programs"
    if plan.nearest is not None and (plan.nearest.width, plan.nearest.height, plan.nearest.batch) == (*size, batch):
        advice = Remedy.OTHER_MEMORY
    elif plan.nearest is not None:
        alone = " one at a time" if batch > 1 else ""
        advice += f" or draw {plan.nearest.width}x{plan.nearest.height}{alone}"
    return (
        f"There is too little memory for {size[0]}x{size[1]}{many} in the mode {plan.mode}: it needs about "
        f"{spoken_size(plan.peak)} and {spoken_size(plan.free)} is free; {advice}."
    )


class Attempt:
    """One try of some work: errors of Python, torch and drivers that happen within become sentences for the user.

    notices  what is to be said before it
    """

    def __init__(self, engine: Engine, notices: tuple[Notice, ...] = (), last: bool = False) -> None:
        self.notices = notices
        self.failure = ""
        """How the memory ran out, where another attempt may follow."""
        self._engine, self._last = engine, last

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        explained = _explained(self._engine, error)
        if explained is None:
            return False
        if self._last or not isinstance(explained, OutOfMemory):
            raise explained from error
        self.failure = str(explained)
        return True


def attempts(engine: Engine) -> Iterator[Attempt]:
    """Yields an attempt, and a second one in the next smaller mode when the memory ran out in the first.

    Raises OutOfMemory when there is no smaller mode. Work is done within each in turn, which raises OutOfMemory when the
    memory runs out again, and SdedgeError when the device has gone.
    """
    first = Attempt(engine)
    yield first
    if not first.failure:
        return
    # The failure's traceback, which held the tensors, is gone.
    less = engine.use_less_memory() if Capability.MEMORY_MODES in engine.can else None
    if less is None:
        raise OutOfMemory(first.failure)
    yield Attempt(engine, (Notice(f"The memory ran out; drawing again in the mode {less}."),), last=True)


def _explained(engine: Engine, error: BaseException | None) -> SdedgeError | None:
    """Returns the sentence for the user that an error stands for; None for one that is none of memory or device."""
    if not isinstance(error, Exception):
        return None
    if is_out_of_memory(error):
        return OutOfMemory(
            "The memory ran out while drawing; draw smaller or fewer at a time, or close other programs. Pictures that "
            "were finished are kept."
        )
    if isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _GONE):
        first = str(error).splitlines()[0][:120]
        return SdedgeError(
            f"The device {engine.device} stopped answering ({first}); check that it is attached and start again, or "
            f"{Remedy.CPU}. Pictures that were finished are kept.",
            remedy=Remedy.CPU,
        )
    return None
