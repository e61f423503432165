"""What each control of a request costs, before a network is loaded: time of a step and of a picture, and memory.

Operations are arithmetic (`models.operations`). Seconds are those of a step of this model as it was last drawn on this machine,
or else follow from the kernels that the probe timed, and are told as planned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sdedge import catalog
from sdedge.engines.protocol import Capability, Engine
from sdedge.errors import OutputError
from sdedge.generation import speed
from sdedge.generation.control_predictor import FittedControl, fitted_controls
from sdedge.generation.control_weights import is_conditional_only
from sdedge.generation.guidance import branch_count
from sdedge.generation.image_prompts import ImagePrompt
from sdedge.generation.requirements import INSTRUCT_CHANNELS
from sdedge.images.source import Size
from sdedge.library.bundle_controls import ConvertedControl
from sdedge.machine.findings import doubt, findings
from sdedge.machine.memory_plan import spoken_size
from sdedge.machine.picture_memory import ITEMSIZES, NARROW
from sdedge.machine.probe import planned_seconds
from sdedge.machine.quiet import is_quiet
from sdedge.machine.step_times import StepTime, is_apart, keep_step, step_times
from sdedge.machine.threads import user_chose_threads
from sdedge.models.config import T2IAdapterConfig, UNetConfig
from sdedge.models.operations import (
    LatentSize,
    adapter_operations,
    controlnet_operations,
    hint_operations,
    tokens_operations,
    unet_operations,
)
from sdedge.models.unet_walk import attention_channels
from sdedge.request import Resolved
from sdedge.weights.control import ControlModel


@dataclass(frozen=True)
class Pace:
    """Seconds of an operation of an engine's UNet; `is_measured` where a picture was drawn with it, and else planned."""

    seconds: float
    is_measured: bool


@dataclass(frozen=True)
class Price:
    """What a control adds.

    name    of its model
    step    of a step's operations, as a fraction; `span` is the fraction of the steps in which it acts, `every` how many of
            those share one run
    once    operations of what runs once a picture
    memory  bytes while it works; `encoder` bytes of a network that reads its picture and then goes
    """

    name: str
    step: float
    span: float
    every: int
    once: int
    memory: int
    encoder: int = 0

    def seconds(self, pace: Pace, step: float, steps: int) -> float:
        """Returns the seconds that it adds to a picture of so many steps, of `step` seconds each."""
        return self.once * pace.seconds + self.step * step * steps * self.span / self.every


def control_prices(engine: Engine, request: Resolved) -> Iterator[str]:
    """Yields a sentence for each control of a request: what it adds to a step, or to a picture, and to the memory; and one on
    where the seconds come from. Raises as `fitted_controls`."""
    fitted = fitted_controls(engine, request)
    if not fitted:
        return
    if Capability.ADDED_COMPONENTS not in engine.can:
        yield "What the controls of a converted model add is known when they have run once; nothing is left to download."
        return
    size, (base, _) = _latent(engine, request), engine.unet_source()
    calls = catalog.SAMPLERS[request.sampler].calls_per_step
    operations = unet_operations(base, size) * branch_count(request, engine.facts) * calls
    pace = pace_of(engine, base)
    step = None if pace is None else pace.seconds * operations
    for each in fitted:
        price = price_of(engine, request, each, size)
        yield f"{_sentence(price, pace, step, _steps(engine, request))}{_unknown(each)}"
    yield f"{_source_of(pace, step, base.block_out_channels[0] < NARROW)} Nothing is left to download."


def memory_price(engine: Engine, request: Resolved, size: Size, safety: bool) -> Iterator[str]:
    """Yields what a picture of a request takes of a CPU's memory, what is mapped from the cache told apart from what is the
    process's own; nothing for narrow models, and for other devices.

    `size` is the width and height in pixels of the pass that takes most, `safety` whether the checker runs.
    """
    if Capability.MEMORY_MODES not in engine.can or engine.device != "cpu":
        return
    if engine.unet_source()[0].block_out_channels[0] < NARROW:
        return
    window = request.windows.part_of(*size) if request.windows else None
    plan = engine.choose_memory(*size, 1, safety, branches=branch_count(request, engine.facts), window=window)
    takes = f"A picture takes about {spoken_size(plan.peak)} of memory in the mode {plan.mode}"
    if plan.mapped:
        yield f"{takes}; {spoken_size(plan.mapped)} of that are mapped from the cache, which the system can drop."
    else:
        yield f"{takes}, none of it mapped from the cache."


def _sentence(price: Price, pace: Pace | None, step: float | None, steps: int) -> str:
    adds = list(_runs(price))
    if pace is not None and step is not None:
        seconds = [f"{spoken_seconds(price.step * step)} a step"] * bool(price.step)
        seconds.append(f"{spoken_seconds(price.seconds(pace, step, steps))} a picture")
        adds[-1] += f" ({', '.join(seconds)})"
    adds.append(f"{spoken_size(price.memory)} of memory")
    return f"The control {price.name} adds {', '.join(adds[:-1])} and {adds[-1]}."


def _runs(price: Price) -> Iterator[str]:
    """Yields what a control runs: once a picture, and in its steps."""
    if price.encoder:
        yield f"one pass a picture of an image encoder of {spoken_size(price.encoder)}, which then goes"
    elif price.once and not price.step:
        yield "one pass a picture"
    if price.step:
        when = "every step" if price.span == 1 else f"{price.span:.0%} of the steps"
        shared = "" if price.every == 1 else f", once in {price.every}"
        yield f"{f'{price.step:.1%}' if price.step < 0.1 else f'{price.step:.0%}'} to {when}{shared}"


def _unknown(fitted: FittedControl | ImagePrompt) -> str:
    if isinstance(fitted, ImagePrompt) or fitted.model.use:
        return ""
    return " What its hint has to be is unknown: neither its file nor its name says it."


def _source_of(pace: Pace | None, step: float | None, is_narrow: bool) -> str:
    """Says where the seconds come from."""
    if pace is None and is_narrow:
        return "These are planned figures, by arithmetic; of a model as narrow as this one seconds are not foretold."
    if pace is None or step is None:
        return "These are planned figures, by arithmetic; seconds are told once this model has drawn a picture here."
    took = f"a step without controls takes about {spoken_seconds(step)}"
    if pace.is_measured:
        return f"Here {took}, as measured when this model last drew."
    return f"These seconds are planned from this machine's kernels: {took}; once this model has drawn here, they are measured."


def spoken_seconds(seconds: float) -> str:
    """Returns a time as people say it."""
    if seconds < 0.1:
        return "under 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def price_of(engine: Engine, request: Resolved, fitted: FittedControl | ImagePrompt, size: LatentSize) -> Price:
    """Returns what a control costs in pictures whose latents have a size (h, w)."""
    base, _ = engine.unet_source()
    start, end = fitted.control.span
    if isinstance(fitted, ImagePrompt):
        return _picture_price(engine, fitted, size)
    assert isinstance(fitted.model, ControlModel) and not isinstance(fitted.config, ConvertedControl)
    name, memory = fitted.model.name, fitted.model.numel * _itemsize(engine)
    if isinstance(fitted.config, T2IAdapterConfig):
        return Price(name, 0.0, end - start, 1, adapter_operations(fitted.config, size), memory)
    fraction = controlnet_operations(fitted.config, size) / unet_operations(base, size)
    if is_conditional_only(fitted.control, fitted.is_pooled):
        fraction /= branch_count(request, engine.facts)
    every = speed.supported(engine, request).reuse
    return Price(name, fraction, end - start, every, hint_operations(fitted.config, size), memory)


def _picture_price(engine: Engine, prompt: ImagePrompt, size: LatentSize) -> Price:
    """Returns what an IP-Adapter costs: its encoder's one pass, during which it is in memory, and attention to its tokens."""
    base, _ = engine.unet_source()
    (start, end), encoder, itemsize = prompt.control.span, prompt.encoder, _itemsize(engine)
    tokens = prompt.config.tokens or encoder.tokens
    fraction = tokens_operations(base, tokens, size) / unet_operations(base, size)
    pictures = 1 if prompt.config.reads_pooled else 2  # what reads tokens encodes zeros for no picture
    memory = 2 * 2 * tokens * sum(attention_channels(base)) * itemsize  # keys and values, with the picture and without
    return Price(
        prompt.name, fraction, end - start, 1, pictures * encoder.operations, memory, encoder.numel * itemsize
    )  # fmt: skip


def pace_of(engine: Engine, base: UNetConfig) -> Pace | None:
    """Returns how fast an engine's UNet is here; None for a narrow one, and where nothing was timed."""
    measured = step_times().get(network_name(engine))
    if measured is not None:
        operations = unet_operations(base, (measured.height, measured.width)) * measured.rows
        return Pace(measured.seconds / operations, True)
    finding = findings().get(engine.device)
    if base.block_out_channels[0] < NARROW or finding is None:
        return None
    planned = planned_seconds(finding, engine.description.split()[-1])
    return None if planned is None else Pace(planned, False)


def remember_step(engine: Engine) -> None:
    """Keeps how long the latest step of an engine took, so that later prices are measured. Narrow networks spend their time
    between kernels, and their steps say nothing."""
    if Capability.ADDED_COMPONENTS not in engine.can or engine.step_time is None:
        return
    base, _ = engine.unet_source()
    if base.block_out_channels[0] >= NARROW:
        with suppress(OutputError):  # a data folder that cannot be written costs the price its seconds, not the picture
            keep_step(network_name(engine), engine.step_time)
            _compare(engine, base, engine.step_time)


def _compare(engine: Engine, base: UNetConfig, step: StepTime) -> None:
    """Doubts what the probe found of a CPU where a step disagrees with it: at once where it took less than planned, and where it
    took far more if nothing else keeps the machine busy. Raises OutputError."""
    finding = findings().get(engine.device)
    if engine.device != "cpu" or finding is None or user_chose_threads():
        return
    planned = planned_seconds(finding, engine.description.split()[-1])
    if planned is None:
        return
    planned *= unet_operations(base, (step.height, step.width)) * step.rows
    if is_apart(planned, step.seconds) and (step.seconds < planned or is_quiet()):
        doubt(engine.device)


def network_name(engine: Engine) -> str:
    """Returns by what the times of an engine's UNet are known: where it runs, in which format and how large it is."""
    _, tensors = engine.unet_source()
    return f"{engine.description}, {sum(tensor.numel for tensor in tensors.values())} parameters"


def _steps(engine: Engine, request: Resolved) -> int:
    """Returns how many steps are drawn: from a picture the last part of them."""
    from_noise = request.image is None or engine.facts.in_channels == INSTRUCT_CHANNELS
    return request.steps if from_noise else max(1, round(request.steps * request.strength))


def _latent(engine: Engine, request: Resolved) -> LatentSize:
    return request.height // engine.facts.downscale, request.width // engine.facts.downscale


def _itemsize(engine: Engine) -> int:
    return ITEMSIZES.get(engine.description.split()[-1], 4)
