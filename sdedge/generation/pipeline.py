"""From a request to pictures: text, noise, sampling, decoding, files."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import sdedge
from sdedge import catalog
from sdedge.engines.protocol import STAGES, Capability, Engine, ModelFacts
from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.events import Event, Finished, ImageDone, Loading, Notice, Step
from sdedge.generation import img2img, out_of_memory, speed
from sdedge.generation.prompts import Worded, adapt, batches, choose_words, encode_prompts
from sdedge.images.card import filtered_card
from sdedge.images.convert import to_pixels
from sdedge.images.output import Output, output_at
from sdedge.images.preview import data_uri, preview
from sdedge.images.watermark import TEXT, check_size, embed
from sdedge.request import Request, Resolved
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.presets import Plan, plan
from sdedge.sampling.samplers import Denoise

LoadEngine = Callable[[str, str | None], Engine]


@dataclass(frozen=True)
class Picture:
    """A finished picture: uint8 (H, W, 3) pixels, the resolved request that made it, and facts for its metadata."""

    pixels: np.ndarray
    request: Resolved
    index: int
    facts: dict[str, Any] = field(default_factory=dict)
    filtered: bool = False
    """The pixels are a card that says so, in place of what the safety checker flagged."""

    @property
    def seed(self) -> int:
        """The seed that draws it again."""
        return self.request.seed

    @property
    def image(self) -> Image.Image:
        """The pixels as Pillow's image."""
        return Image.fromarray(self.pixels)

    def save(self, path: str | os.PathLike[str], metadata: bool = True) -> Path:
        """Writes the picture and how it was made to a .png, .jpg or .webp file, which is replaced; complete or not at all.

        Raises InvalidRequest for another suffix, and OutputError.
        """
        target = Path(path)
        output = output_at(target, private=not metadata)
        if not output.file:
            raise InvalidRequest(f"{target} names no picture; end it in .png, .jpg or .webp.")
        output.write_to(target, self.pixels, self.request, self.facts)
        return target


class Pipeline:
    """Draws requests with engines that `load(model, vae)` provides; the last engine is kept for the next request."""

    def __init__(self, load: LoadEngine) -> None:
        self._load = load
        self._loaded: tuple[str, str | None] | None = None
        self._engine: Engine | None = None

    def engine(self, request: Request) -> Engine:
        """The engine of the request's model. The previous one is let go first, so that two never share memory."""
        wanted = (request.model, request.vae)
        if self._engine is None or self._loaded != wanted:
            self._engine = None
            self._engine = self._load(*wanted)
            self._loaded = wanted
        return self._engine

    def resolve(self, request: Request) -> Resolved:
        """The request with every open choice made: size, guidance, schedule, noise source and seed; steps as many as levels.

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
            "schedule": None if chosen else steps.schedule,
            "steps": steps.steps if chosen else request.steps,
            "noise": request.noise or catalog.PRESETS[request.preset].noise_source,
            "seed": secrets.randbelow(2**32) if request.seed is None else request.seed,
        }
        resolved = Resolved(**{**vars(request), **open_choices})
        engine.check_size(resolved.width, resolved.height)
        wants_safety(resolved, facts)
        return resolved

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False, last: bool = False
    ) -> Iterator[Event | Picture]:
        """Draw `count` pictures with seeds seed, seed + 1 …, `batch` at a time, yielding events and pictures.

        `last` says that no request comes after this one, so that the UNet goes before its last pictures are decoded.
        Stop iterating to cancel: no further network is run.
        """
        yield Loading("model")
        resolved = self.resolve(request)
        engine = self.engine(resolved)
        source, reported = img2img.open_source(resolved), engine.facts.report
        yield from _prepare(engine, resolved, source, min(batch, count))
        yield Loading("text")
        shown: set[str] = set()
        pictures = [choose_words(resolved.numbered(i), i) for i in range(count)]
        with img2img.tiling(engine, resolved.tiling), speed.merging(engine, resolved):
            for group in batches(engine, pictures, batch):
                notices = adapt(engine, [worded.request for worded in group])
                yield from (Notice(note) for note in notices if note not in shown)
                shown.update(notices)
                latents = yield from out_of_memory.retried(engine, partial(self._sample, engine, group, source, previews))
                # Networks are loaded on their first call, which may bring remarks of its own (weights that are NaN).
                yield from (Notice(line) for line in engine.facts.report if line not in reported)
                reported = engine.facts.report
                if last and group[-1] is pictures[-1]:
                    engine.release("unet")
                for latent, worded in zip(latents.split(1), group, strict=True):
                    drawn = yield from out_of_memory.retried(engine, partial(_develop, engine, worded.request, latent))
                    yield from self._finish(engine, worded, drawn, source)

    def _sample(
        self, engine: Engine, group: Sequence[Worded], source: img2img.Source | None, previews: bool
    ) -> Generator[Event, None, Tensor]:
        """Denoise one batch step by step; returns scaled latents (B, 4, h, w)."""
        request, facts = group[0].request, engine.facts
        seeds = [worded.request.seed for worded in group]
        start = img2img.begin(engine, [worded.request for worded in group], source)
        if start.strength == 0 and start.latent is not None:
            return start.latent
        whole = make_plan(request, facts)
        steps = whole if start.strength is None else make_plan(request, facts, start.strength)
        denoise: Denoise = Denoiser(
            speed.predictor(engine, request, steps),
            steps,
            encode_prompts(engine, [worded.request for worded in group], whole.steps).along(steps.sigmas),
            guidance=set_guidance(engine, request),
            guidance_rescale=request.guidance_rescale,
            guidance_interval=speed.guidance_interval(request),
            extra=start.extra,
        )
        x = steps.start(start.noise, None if start.strength is None else start.latent)
        noise = start.step_noise(steps, seeds, request.noise)
        denoise = start.hold(denoise, noise, steps.mask_style)
        for i, (latest, x0) in enumerate(steps.run(denoise, x, noise)):
            picture = data_uri(preview(x0[:1], facts.preview)[0]) if previews else None
            yield Step(i + 1, max(steps.yields or 0, i + 1), group[0].index, len(group), picture)
            x = latest
        x = start.keep(steps.finish(x))
        if not torch.isfinite(x).all():
            raise SdedgeError(
                f"The {engine.description} UNet gave values that are not numbers at {request.width}x{request.height}; "
                f"{Remedy.FLOAT32}.",
                remedy=Remedy.FLOAT32,
            )
        return x

    def _finish(
        self, engine: Engine, worded: Worded, drawn: np.ndarray, source: img2img.Source | None
    ) -> Iterator[Notice | Picture]:
        """What becomes of a drawing: filtered, or put back into its picture and watermarked."""
        request, facts = worded.request, {**self._facts(engine), **worded.facts}
        if losses := speed.losses(engine, request):
            facts["losses"] = losses
        checked = wants_safety(request, engine.facts)
        filtered = checked and engine.check_safety(drawn[None])[0]
        if engine.facts.has_safety_checker:
            facts["safety_checker"] = "filtered" if filtered else "passed" if checked else "off"
        if filtered:
            yield Notice(f"The safety checker filtered the picture of seed {request.seed}; {Remedy.UNCHECKED}.")
            pixels = filtered_card(*finished_size(request, source))
        else:
            pixels = drawn if source is None else source.finish(drawn)
            if request.watermark:
                pixels, facts["watermark"] = embed(pixels), TEXT
        yield Picture(pixels, request, worded.index, facts, filtered)

    def generate(
        self, request: Request, output: Output, count: int = 1, batch: int = 1, previews: bool = False, last: bool = False
    ) -> Iterator[Event]:
        """Draw and save pictures, as `images` does. Each is complete on disk before its ImageDone.

        Raises SdedgeError for what the user can act on; pictures saved before stay.
        """
        start = time.monotonic()
        output.check()
        for event in self.images(request, count, batch, previews, last):
            if isinstance(event, Picture):
                path = output.write(event.pixels, event.request, event.facts, event.index + 1)
                yield ImageDone(str(path), event.request.seed, event.index, event.filtered)
            else:
                yield event
        yield Finished(count, time.monotonic() - start)

    def release(self) -> None:
        """Give back the memory of all networks; the next request loads them again."""
        if self._engine is not None:
            for stage in STAGES:
                self._engine.release(stage)

    @staticmethod
    def _facts(engine: Engine) -> dict[str, Any]:
        return {"engine": engine.description, "version": sdedge.__version__, "model_name": engine.facts.name}


def _prepare(engine: Engine, request: Resolved, source: img2img.Source | None, batch: int) -> Iterator[Event]:
    """What can be told or refused before the work."""
    yield from (Notice(line) for line in (*engine.facts.report, *(source.notes if source else ())))
    if request.watermark:
        check_size(*finished_size(request, source))
    yield from out_of_memory.choose(engine, request, batch, wants_safety(request, engine.facts))
    if wants_safety(request, engine.facts):
        yield Loading("safety checker")
        engine.check_safety(np.empty((0, 8, 8, 3), np.uint8))  # a damaged one is told now, not after
    if note := speed.unsupported(engine, request):
        yield Notice(note)
    if engine.facts.guidance_channels and request.negative:
        yield Notice(f"The model {engine.facts.name} reads the guidance scale itself and no negative prompt; it is left out.")


def wants_safety(request: Request, facts: ModelFacts) -> bool:
    """Whether the safety checker runs. Raises InvalidRequest when it is asked for and the model ships none."""
    if request.safety and not facts.has_safety_checker:
        raise InvalidRequest(
            f"The model {facts.name} ships no safety checker; {Remedy.SAFETY_OPEN}, or choose a model folder that has one.",
            remedy=Remedy.SAFETY_OPEN,
        )
    return facts.has_safety_checker if request.safety is None else request.safety


def set_guidance(engine: Engine, request: Resolved) -> float:
    """Returns the scale of classifier-free guidance: 1 where the UNet reads the scale itself, which is set here.

    Raises InvalidRequest for an engine that cannot pass it to the UNet.
    """
    if not engine.facts.guidance_channels:
        return request.guidance
    if Capability.GUIDANCE_EMBEDDING not in engine.can:
        raise InvalidRequest(
            f"The engine {engine.description} cannot tell the guidance scale to the model {engine.facts.name}, which reads it; "
            f"{Remedy.OTHER_ENGINE}.",
            remedy=Remedy.OTHER_ENGINE,
        )
    engine.set_guidance(request.guidance)
    return 1.0


def finished_size(request: Resolved, source: img2img.Source | None) -> tuple[int, int]:
    """Width and height in pixels of the file, which differs from the drawing where that is put back into a picture."""
    if source is None or source.alpha is None:
        return request.width, request.height
    H, W, _ = source.canvas.shape
    return W, H


def make_plan(request: Request, facts: ModelFacts, strength: float | None = None) -> Plan:
    """The levels and options of a resolved request, from noise or with a strength from a picture.

    Raises InvalidRequest for pairs that do not go together.
    """
    return plan(
        request.sampler,
        request.schedule,
        request.steps,
        preset=request.preset,
        noise_schedule=facts.schedule,
        strength=strength,
        sigmas=request.sigmas,
        timesteps=request.timesteps,
        options={**request.options, **({} if request.eta is None else {"eta": request.eta})},
    )


def _develop(engine: Engine, request: Resolved, latent: Tensor) -> Generator[Event, None, np.ndarray]:
    """One scaled latent (1, 4, h, w) as pixels (H, W, 3)."""
    yield Loading("decoding")
    return to_pixels(decode(engine, latent), catalog.PRESETS[request.preset].rounding)[0]


def decode(engine: Engine, latents: Tensor) -> Tensor:
    """Decode and insist on numbers: a black picture is never saved silently."""
    images = engine.decode(latents)
    if not torch.isfinite(images).all():
        raise SdedgeError(
            f"The {engine.description} VAE gave values that are not numbers; {Remedy.FLOAT32} or another VAE.",
            remedy=Remedy.FLOAT32,
        )
    return images
