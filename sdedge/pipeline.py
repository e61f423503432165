"""From a request to pictures: text, noise, sampling, decoding, files."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import sdedge
from sdedge import catalog
from sdedge.backends.engine import STAGES, Engine, ModelFacts
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.events import Event, Finished, ImageDone, Loading, Notice, Step
from sdedge.images.convert import to_pixels
from sdedge.images.output import Output
from sdedge.images.preview import data_uri, preview
from sdedge.request import Request
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.noise import initial
from sdedge.sampling.presets import Plan, plan

LoadEngine = Callable[[str, str | None], Engine]


@dataclass(frozen=True)
class Picture:
    """A finished picture: uint8 (H, W, 3) pixels, the resolved request that made it, and facts for its metadata."""

    pixels: np.ndarray
    request: Request
    index: int
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Conditioning:
    """Context of a batch: `cond` and `uncond` are (B, T, D)."""

    cond: Tensor
    uncond: Tensor | None

    def repeat(self, size: int) -> Conditioning:
        """The same for a batch of `size` pictures."""
        return Conditioning(*(c if c is None else c.expand(size, -1, -1) for c in (self.cond, self.uncond)))


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

    def resolve(self, request: Request) -> Request:
        """The request with every open choice made: size, guidance, schedule, noise source and seed.

        Raises InvalidRequest when the model cannot draw it.
        """
        engine = self.engine(request)
        facts = engine.facts
        resolved = request.replace(
            width=request.width or facts.width,
            height=request.height or facts.height,
            guidance=facts.guidance if request.guidance is None else request.guidance,
            schedule=None if request.sigmas else make_plan(request, facts).schedule,
            noise=request.noise or catalog.PRESETS[request.preset].noise_source,
            seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        )
        engine.check_size(resolved.width, resolved.height)
        return resolved

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[Event | Picture]:
        """Draw `count` pictures with seeds seed, seed + 1 …, `batch` at a time, yielding events and pictures.

        Stop iterating to cancel: no further network is run.
        """
        yield Loading("model")
        request = self.resolve(request)
        engine = self.engine(request)
        yield from (Notice(line) for line in engine.facts.report)
        yield Loading("text")
        context = encode_prompts(engine, request)
        for first in range(0, count, batch):
            requests = [request.replace(seed=request.seed + i) for i in range(first, min(first + batch, count))]
            latents = None
            for step, latents in self._sample(engine, requests, context, first, previews):
                if step is not None:
                    yield step
            yield Loading("decoding")
            rounding = catalog.PRESETS[request.preset].rounding
            for i, one in enumerate(requests):
                pixels = to_pixels(decode(engine, latents[i : i + 1]), rounding)[0]
                yield Picture(pixels, one, first + i, self._facts(engine))

    def _sample(
        self, engine: Engine, requests: Sequence[Request], context: Conditioning, first: int, previews: bool
    ) -> Iterator[tuple[Step | None, Tensor]]:
        request, size = requests[0], len(requests)
        facts = engine.facts
        steps = make_plan(request, facts)
        seeds = [one.seed for one in requests]
        shape = (facts.latent_channels, request.height // facts.downscale, request.width // facts.downscale)
        denoise = Denoiser(
            engine.predict,
            steps,
            context.repeat(size),
            guidance=request.guidance,
            guidance_rescale=request.guidance_rescale,
            guidance_interval=request.guidance_interval,
        )
        x = steps.start(initial(seeds, shape, request.noise).to(engine.device))
        noise = steps.step_noise(seeds, shape, request.noise, engine.device, x.dtype)
        for i, (x, x0) in enumerate(steps.run(denoise, x, noise)):
            picture = data_uri(preview(x0[:1], facts.preview)[0]) if previews else None
            yield Step(i + 1, max(steps.yields or 0, i + 1), first, size, picture), x
        x = steps.finish(x)
        yield None, x
        if not torch.isfinite(x).all():
            raise SdedgeError(
                f"The {engine.description} UNet gave values that are not numbers at {request.width}x{request.height}; "
                "try --dtype float32."
            )

    def generate(
        self, request: Request, output: Output, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[Event]:
        """Draw and save pictures. Each is complete on disk before its ImageDone.

        Raises SdedgeError for what the user can act on; pictures saved before stay.
        """
        start = time.monotonic()
        output.check()
        for event in self.images(request, count, batch, previews):
            if isinstance(event, Picture):
                path = output.write(event.pixels, event.request, event.facts, event.index + 1)
                yield ImageDone(str(path), event.request.seed, event.index)
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


def make_plan(request: Request, facts: ModelFacts) -> Plan:
    """The levels and options of a resolved request. Raises InvalidRequest for pairs that do not go together."""
    return plan(
        request.sampler,
        request.schedule,
        request.steps,
        preset=request.preset,
        noise_schedule=facts.schedule,
        sigmas=request.sigmas,
        options=None if request.eta is None else {"eta": request.eta},
    )


def encode_prompts(engine: Engine, request: Request) -> Conditioning:
    """Context of one request, (1, T, D) each."""
    tokenizer = engine.tokenizer
    skip = request.clip_skip - 1

    def encode(text: str) -> Tensor:
        return engine.encode_text(torch.tensor([tokenizer.frame(tokenizer.ids(text))]), skip)

    return Conditioning(encode(request.prompt), None if request.guidance == 1 else encode(request.negative))


def decode(engine: Engine, latents: Tensor) -> Tensor:
    """Decode and insist on numbers: a black picture is never saved silently."""
    images = engine.decode(latents)
    if not torch.isfinite(images).all():
        raise SdedgeError(
            f"The {engine.description} VAE gave values that are not numbers; try --dtype float32 or another VAE."
        )
    return images

