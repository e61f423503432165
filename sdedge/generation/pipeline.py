"""Leads from a request to events and pictures: text, noise, sampling, decoding.

`Pipeline.images` is the frame of a job: batches, retries with less memory, notices. `sample` is the path of one batch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

import sdedge
from sdedge import catalog
from sdedge.engines.protocol import Capability, Component, Engine, ModelFacts
from sdedge.errors import InvalidRequest, Remedy
from sdedge.events import Event, Loading, Notice
from sdedge.generation import control_predictor, img2img, out_of_memory, speed
from sdedge.generation.guidance import branch_count, image_guidance
from sdedge.generation.journals import Journals
from sdedge.generation.notices import known_before
from sdedge.generation.passes import (
    Drawing,
    check_loras,
    check_passes,
    largest,
    pixels_of,
    resolve_passes,
    run_passes,
    settled,
)
from sdedge.generation.price import control_prices, memory_price, remember_step
from sdedge.generation.prompts import PreparedRequest, adapt, batches, journaled_batches, new_notices, resolve_wildcards
from sdedge.generation.proving import Prover, proved
from sdedge.generation.regions import check_regions
from sdedge.generation.requirements import INSTRUCT_CHANNELS, refuse_unsupported
from sdedge.generation.sample import make_plan, sample
from sdedge.generation.save import Picture, save_job
from sdedge.generation.start import begin
from sdedge.generation.tiling import tiling
from sdedge.images.card import filtered_card
from sdedge.images.output import Output
from sdedge.images.watermark import TEXT, check_size, embed
from sdedge.library.recorded_files import recorded_files
from sdedge.request import Request, Resolved
from sdedge.request_fields import fields_without_effect

LoadEngine = Callable[[str, str | None], Engine]


class Pipeline:
    """Draws requests with engines that `load(model, vae)` provides; the last engine is kept for the next request."""

    def __init__(self, load: LoadEngine, journals: Journals | None = None, prover: Prover | None = None) -> None:
        """With `journals` a picture that was begun before goes on where it ended, and each one can; with a `prover` engines are
        asked whether they compute as they should, beside the first picture."""
        self._load, self._journals, self._prover = load, journals, prover
        self._loaded: tuple[str, str | None] | None = None
        self._engine: Engine | None = None

    def engine(self, request: Request) -> Engine:
        """Returns the engine of the request's model. The previous one is let go first, so that two never share memory."""
        wanted = (request.model, request.vae)
        if self._engine is None or self._loaded != wanted:
            self._engine = None
            self._engine = self._load(*wanted)
            self._loaded = wanted
            if self._prover is not None:
                self._prover.begin(self._engine.description)
        return self._engine

    def resolve(self, request: Request) -> Resolved:
        """Returns the request with every open choice made: size, guidance, schedule, noise source, seed, number of steps.

        Raises InvalidRequest when the model cannot draw it.
        """
        engine = self.engine(request)
        facts = engine.facts
        width, height = img2img.settled_size(request, engine)
        steps = make_plan(request, facts)
        chosen = request.sigmas is not None or request.timesteps is not None
        open_choices = {
            "width": width,
            "height": height,
            "guidance": facts.guidance if request.guidance is None else request.guidance,
            "image_guidance": image_guidance(request, facts),
            "schedule": None if chosen else steps.schedule,
            "steps": steps.steps if chosen else request.steps,
            "noise": request.noise or catalog.PRESETS[request.preset].noise_source,
            "seed": secrets.randbelow(2**32) if request.seed is None else request.seed,
            "passes": resolve_passes(request, facts),
            "windows": request.windows and request.windows.settled((facts.width, facts.height)),
        }
        resolved = Resolved(**{**vars(request), **open_choices})
        engine.check_size(resolved.width, resolved.height)
        if resolved.windows is not None:
            engine.check_size(*resolved.windows.part_of(resolved.width, resolved.height))
        refuse_unsupported(engine, resolved)
        # From a picture it is not known yet how large what the passes find is.
        if resolved.passes and resolved.image is None:
            check_passes(engine, resolve_wildcards(resolved, 0).request, (resolved.width, resolved.height))
        check_regions(resolved, facts.downscale)
        wants_safety(resolved, facts)
        return resolved

    def notices(
        self, request: Request, resolved: Resolved, count: int = 1, batch: int = 1, last: bool = False
    ) -> Iterator[str]:
        """Yields what `images` says of a request before its first step, in sentences; no network is loaded for that.

        `resolved` is what `resolve` made of it. Raises as `images` does.
        """
        yield from fields_without_effect(request)
        engine, source = self.engine(resolved), img2img.open_source(resolved)
        yield from known_before(engine, request, resolved, source)
        prepared = [resolve_wildcards(resolved.numbered(i), i) for i in range(count)]
        events = _plan_memory(engine, _earliest(prepared, resolved), source, min(batch, count), last and count <= batch)
        yield from (event.message for event in events if isinstance(event, Notice))
        for group in batches(engine, prepared, batch):
            yield from adapt(engine, [member.request for member in group], is_drawn=False)

    def prices(self, request: Resolved) -> Iterator[str]:
        """Yields what each control of a request adds to its steps and its memory, and what a picture takes of that in all, in
        sentences; nothing is loaded for that."""
        engine = self.engine(request)
        yield from control_prices(engine, request)
        width, height, _ = largest(request, finished_size(request, img2img.open_source(request)), 1)
        yield from memory_price(engine, request, (width, height), wants_safety(request, engine.facts))

    def check_controls(self, request: Request) -> tuple[str, ...]:
        """Returns what is to be said of the hints of a request's controls. Raises SdedgeError for controls that its model cannot
        draw with, and for hints that cannot be used."""
        if not request.controls:
            return ()
        resolved = self.resolve(request)
        source, engine = img2img.open_source(resolved), self.engine(resolved)
        notices = control_predictor.attach(engine, resolved, source)
        strength = None if source is None or engine.facts.in_channels == INSTRUCT_CHANNELS else resolved.strength
        if strength != 0:
            control_predictor.check_spans(resolved, len(make_plan(resolved, engine.facts, strength).sigmas) - 1)
        return notices

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False, last: bool = False
    ) -> Iterator[Event | Picture]:
        """Draws `count` pictures with seeds seed, seed + 1 …, `batch` at a time, yielding events and pictures.

        `last` says that no request comes after this one, so that the UNet goes before its last pictures are decoded.
        Stop iterating to cancel: no further network is run.
        """
        if self._prover is None:
            return self._drawn(request, count, batch, previews, last)
        if request.seed is None:  # the same for what is drawn again
            request = request.replace(seed=secrets.randbelow(2**32))
        draw = partial(self._drawn, request, count, batch, previews, last)
        return proved(draw, self._prover, self._let_go)

    def _let_go(self) -> None:
        """Forgets the engine: the next picture loads another, or the same anew."""
        self._engine = None

    def _drawn(
        self, request: Request, count: int, batch: int, previews: bool, last: bool, first: int = 0
    ) -> Generator[Event | Picture]:
        """Draws as `images` says, all but the `first` ones."""
        yield from map(Notice, fields_without_effect(request))
        yield Loading("model")
        resolved = self.resolve(request)
        engine = self.engine(resolved)
        source, reported = img2img.open_source(resolved), set(engine.facts.report)
        yield from map(Notice, known_before(engine, request, resolved, source))
        prepared = [resolve_wildcards(resolved.numbered(i), i) for i in range(first, count)]
        earliest = _earliest(prepared, resolved)
        yield from _plan_memory(engine, earliest, source, min(batch, count), last and count <= batch)
        yield from _prepare(engine, resolved, source, earliest)
        yield Loading("text")
        noticed: set[str] = set()
        size = finished_size(resolved, source)
        with tiling(engine, resolved.tiling):
            for group in journaled_batches(batches(engine, prepared, batch), self._journals):
                for member in group:
                    check_loras(member.request)
                adapted = yield from _adapt(engine, [member.request for member in group], source)
                yield from new_notices(adapted, noticed)
                for attempt in out_of_memory.attempts(engine):
                    yield from attempt.notices
                    with attempt:
                        start = begin(engine, [member.request for member in group], source)
                        latents = yield from sample(engine, group, start, source, previews)
                        remember_step(engine)
                # Networks are loaded on their first call, which may bring notices of its own (weights that are NaN).
                yield from new_notices(engine.facts.report, reported)
                final = group[-1] if last and group[-1] is prepared[-1] else None
                if final is not None and not resolved.passes:
                    engine.release(Component.UNET)
                for latent, member in zip(latents.split(1), group, strict=True):
                    drawing = Drawing(latent)
                    if resolved.passes:
                        drawing = yield from _placed(engine, member, drawing, source)
                        drawing = yield from run_passes(engine, member, drawing, size, previews, noticed)
                        if member is final:
                            engine.release(Component.UNET)
                    pixels = yield from _decoded(engine, member, drawing)
                    yield from _finish(engine, member, pixels, None if resolved.passes else source)
        if self._journals is not None:
            yield from map(Notice, self._journals.say())

    def generate(
        self,
        request: Request,
        output: Output,
        count: int = 1,
        batch: int = 1,
        previews: bool = False,
        last: bool = False,
    ) -> Iterator[Event]:
        """Draws pictures as `images` does and saves them as `save_job` does. Each is complete on disk before its ImageDone.

        Raises SdedgeError for what the user can act on; pictures saved before stay.
        """
        return save_job(self.images(request, count, batch, previews, last), output)

    def release(self) -> None:
        """Gives back the memory of all networks; the next request loads them again."""
        if self._engine is not None:
            for component in (*Component, *self._engine.added):
                self._engine.release(component)


def _placed(
    engine: Engine, member: PreparedRequest, drawing: Drawing, source: img2img.SourceImage | None
) -> Generator[Event, None, Drawing]:
    """Returns what the first pass left, put back into the picture that it is a part of: further passes see all of it."""
    if source is None or source.alpha is None:
        return drawing
    return Drawing(pixels=source.finish((yield from _decoded(engine, member, drawing))))


def _decoded(engine: Engine, member: PreparedRequest, drawing: Drawing) -> Generator[Event, None, np.ndarray]:
    """Returns the pixels of a drawing, uint8 (H, W, 3)."""
    for attempt in out_of_memory.attempts(engine):
        yield from attempt.notices
        with attempt:
            pixels = yield from pixels_of(engine, member.request, drawing)
    return pixels


def _earliest(prepared: Sequence[PreparedRequest], resolved: Resolved) -> Resolved:
    """Returns the request of the first picture of a job, its wildcards chosen; that of the job where there is no picture."""
    return next((each.request for each in prepared), resolved)


def _plan_memory(
    engine: Engine, request: Resolved, source: img2img.SourceImage | None, batch: int, is_last: bool
) -> Iterator[Event]:
    """Chooses how memory is used, says so, and refuses what is known to fail. `is_last` says that nothing comes after the first
    batch."""
    size = finished_size(request, source)
    check_passes(engine, request, size)
    later = list(settled(request, size))
    if request.watermark:
        check_size(*(later[-1].size if later else size))
    *widest, together = largest(request, size, batch)
    yield from out_of_memory.choose(
        engine, (widest[0], widest[1]), together, wants_safety(request, engine.facts), branch_count(request, engine.facts),
        is_last and source is None and not later,
        request.windows.part_of(widest[0], widest[1]) if request.windows else None,
    )  # fmt: skip


def _prepare(engine: Engine, request: Resolved, source: img2img.SourceImage | None, first: Resolved) -> Iterator[Event]:
    """Loads what the work begins with; `first` is the request of its first picture."""
    if Capability.FIRST_LOAD in engine.can:
        yield from _adapt(engine, [first], source)
    if wants_safety(request, engine.facts):
        yield Loading("safety checker")
        engine.check_safety(np.empty((0, 8, 8, 3), np.uint8))  # a damaged one is refused now, not after


def _adapt(
    engine: Engine, requests: list[Resolved], source: img2img.SourceImage | None
) -> Generator[Event, None, tuple[str, ...]]:
    """Applies the LoRAs of a batch and returns notices; they decide which networks an engine loads first."""
    notices = adapt(engine, requests)
    if Capability.FIRST_LOAD in engine.can:
        request, encode = requests[0], source is not None
        safety, controls = wants_safety(request, engine.facts), [control.model for control in request.controls]
        yield from engine.first_load(request.width, request.height, encode, safety, controls)
    return notices


def wants_safety(request: Request, facts: ModelFacts) -> bool:
    """Returns whether the safety checker runs. Raises InvalidRequest when it is asked for and the model ships none."""
    if request.safety and not facts.has_safety_checker:
        raise InvalidRequest(
            f"The model {facts.name} ships no safety checker; {Remedy.SAFETY_OPEN}, or choose a model folder that has one.",
            remedy=Remedy.SAFETY_OPEN,
        )
    return facts.has_safety_checker if request.safety is None else request.safety


def finished_size(request: Resolved, source: img2img.SourceImage | None) -> tuple[int, int]:
    """Returns width and height in pixels of the file; not what is drawn, where that is put back into a picture."""
    if source is None or source.alpha is None:
        return request.width, request.height
    H, W, _ = source.canvas.shape
    return W, H


def _finish(
    engine: Engine, prepared: PreparedRequest, pixels: np.ndarray, source: img2img.SourceImage | None
) -> Iterator[Notice | Picture]:
    """Yields the Picture that becomes of drawn pixels: filtered, or put back into the source's canvas and watermarked."""
    request = prepared.request
    facts: dict[str, Any] = {
        "engine": engine.description,
        "version": sdedge.__version__,
        "model_name": engine.facts.name,
        **recorded_files(request),
        **prepared.facts,
    }
    if losses := speed.losses(engine, request):
        facts["losses"] = losses
    checked = wants_safety(request, engine.facts)
    filtered = checked and engine.check_safety(pixels[None])[0]
    if engine.facts.has_safety_checker:
        facts["safety_checker"] = "filtered" if filtered else "passed" if checked else "off"
    if filtered:
        yield Notice(f"The safety checker filtered the picture of seed {request.seed}; {Remedy.UNCHECKED}.")
        H, W, _ = pixels.shape if source is None or source.alpha is None else source.canvas.shape
        pixels = filtered_card(W, H)
    else:
        pixels = pixels if source is None else source.finish(pixels)
        if request.watermark:
            pixels, facts["watermark"] = embed(pixels), TEXT
    yield Picture(pixels, request, prepared.index, facts, filtered)
