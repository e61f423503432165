"""A denoiser whose answers are recorded as they come, and replayed where an earlier attempt ended.

The sampler runs again from the seed with the journal in place of the network until that is exhausted: exact for every sampler,
adaptive and stochastic ones included, with no change to any. It stands inside of the mask, whose fresh noise is drawn again on
replay, and outside of guidance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sdedge.engines.protocol import Engine
from sdedge.events import Continued, Event, Loading, Notice, Step
from sdedge.generation.journal_key import key_of
from sdedge.generation.journals import Journal
from sdedge.generation.predictors import block_finder
from sdedge.generation.prompts import PreparedRequest
from sdedge.sampling.guidance import Guide, RememberingGuide, remembering
from sdedge.sampling.presets import SamplingPlan
from sdedge.sampling.samplers import Denoise

Block = Callable[[float], int]
"""Which block of steps a sigma belongs to: within one, calls depend on the block's first."""


class RecordedRun:
    """One run of the sampler: what the denoiser answers is recorded, and its steps are told unless they are replayed.

    Without a journal, which `begin` does not give where none is kept or one step is all there is, nothing is changed.
    """

    def __init__(
        self, journal: Journal | None, engine: Engine, block: Block | None = None, guide: object | None = None
    ) -> None:
        """With a `block` only whole blocks are replayed. What the `guide` remembers goes on as well."""
        self._journal, self._engine, self._block = journal, engine, block
        self._guide = None if guide is None else remembering(guide)
        self._notices: list[str] = []
        self._is_said = False

    @classmethod
    def begin(cls, engine: Engine, group: Sequence[PreparedRequest], plan: SamplingPlan, guide: Guide) -> RecordedRun:
        """Finds what an earlier attempt left of a batch in its present pass, and begins to record."""
        journals, requests = group[0].journals, [member.request for member in group]
        if journals is None or plan.yields == 1:
            return cls(None, engine)
        journal = journals.next_run(str(group[0].pass_number), key_of(engine, requests))
        run = cls(journal, engine, block_finder(engine, requests[0], plan), guide)
        run._notices = [*journals.say()]
        return run

    def opening(self) -> Iterator[Event]:
        """Yields what is to be said of the journal, and that the steps begin."""
        yield from map(Notice, self._notices)
        yield Loading("denoising")

    def wrap(self, denoise: Denoise) -> Denoise:
        """Returns `denoise` with the journal around it."""
        if self._journal is None:
            return denoise
        return journaled(denoise, self._journal, self._engine, self._block, self._guide)

    def events_of(self, step: Step) -> Iterator[Event]:
        """Yields a step that has just ended, unless it was replayed, and once where the run goes on: with the next step, or in
        the midst of this one."""
        journal = self._journal
        if journal is not None and journal.is_replaying:
            return
        if journal is not None and journal.replayed and not self._is_said:
            self._is_said = True
            index = step.index if journal.drawn else min(step.index + 1, step.total)
            yield Continued(index, step.total, step.first, step.size, step.pass_number, step.passes)
        if journal is None or journal.drawn:
            yield step


def journaled(
    denoise: Denoise,
    journal: Journal,
    engine: Engine,
    block: Block | None = None,
    guide: RememberingGuide | None = None,
) -> Denoise:
    """Wraps `denoise` so that a journal answers as far as it goes, and what the network answers is recorded in it.

    When the engine falls back to another number format, the journal ends there. One result serves one run.
    """
    numerics = engine.numerics
    last: int | None = None

    def answer(x: Tensor, sigma: float) -> Tensor:
        nonlocal last
        if journal.is_replaying:
            recorded = journal.replay(sigma, x.cpu().numpy())
            if recorded is not None:
                x0 = torch.from_numpy(recorded).to(x)
                if guide is not None:
                    guide.remember(None if journal.memory is None else torch.from_numpy(journal.memory), x0)
                return x0
        journal.begin(x.shape)
        current = None if block is None else block(sigma)
        if current != last:
            journal.end_block()
        last = current
        x0 = denoise(x, sigma)
        if engine.numerics != numerics or x0.dtype != torch.float32:
            journal.finish()
        memory = None if guide is None or (now := guide.remembered()) is None else _held(now)
        journal.add(sigma, _held(x), _held(x0), block is None, memory)
        return x0

    return answer


def _held(tensor: Tensor) -> Any:
    """Returns what a tensor holds now. A copy on its own device waits for nothing; the journal's thread fetches it."""
    copy = tensor.detach().clone()
    return copy.numpy() if copy.device.type == "cpu" else copy
