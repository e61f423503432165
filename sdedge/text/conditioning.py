"""From prompts to contexts: what the UNet reads at every step, for a batch of pictures.

Weights act as in the A1111 web UI's "Original" emphasis, chunks are encoded apart and joined along the tokens, and a
text is encoded once however many steps, pictures or sides of an AND share it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sdedge.text.chunks import Chunk, prompt_chunks
from sdedge.text.prompt import parse, weighted_segments
from sdedge.text.scheduling import prompt_schedule
from sdedge.text.tokenizer import LENGTH, Tokenizer

ROWS = 16  # chunks encoded in one call

Replacement = tuple[int, int, Tensor]
"""(row, position, vectors (n, D)): learned vectors that stand in for token embeddings."""


class TextEngine(Protocol):
    """The part of an engine that is used here. `replacements` is given only where there are any."""

    @property
    def tokenizer(self) -> Tokenizer: ...

    def encode_text(self, ids: Tensor, skip: int = 0) -> Tensor: ...


@dataclass(frozen=True, eq=False)  # compared by identity: tensors have no truth value
class Context:
    """The contexts of B pictures: `cond` (K B, T, D), part 0 of all pictures first; `uncond` (B, T, D).

    K is the largest number of parts that any picture's prompt joins by AND, and `weights` (K, B) are theirs, 0 where a
    picture has fewer; None says K = 1 and weight 1. `regions` (B, T, D) each are those of areas of the pictures.
    """

    cond: Tensor
    uncond: Tensor | None = None
    weights: Tensor | None = None
    regions: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Conditioning:
    """A Context per step; steps that share one share the object."""

    steps: tuple[Context, ...]

    @property
    def cond(self) -> Tensor:
        """That of the first step; all there is where nothing is scheduled."""
        return self.steps[0].cond

    @property
    def uncond(self) -> Tensor | None:
        """That of the first step."""
        return self.steps[0].uncond

    @property
    def changes(self) -> bool:
        """Whether any step reads another context than the first."""
        return any(context is not self.steps[0] for context in self.steps)

    def along(self, sigmas: Sequence[float]) -> Callable[[float], Context]:
        """Returns a function sigma -> context, for a run over these falling levels: a step's own holds down to the next level.

        Where a sampler looks ahead to the next level, it meets the next step's context. `sigmas` may be the tail that
        image to image uses: its steps are then the last ones.
        """
        rising = [-float(sigma) for sigma in sigmas[:-1]]
        skipped = len(self.steps) - len(rising)

        def context(sigma: float) -> Context:
            # How many levels are not below sigma, with slack for one that was rounded.
            reached = bisect_right(rising, -float(sigma) * (1 - 1e-6))
            return self.steps[min(max(reached - 1 + skipped, 0), len(self.steps) - 1)]

        return context


def condition(
    engine: TextEngine,
    prompts: Sequence[str],
    negatives: Sequence[str] | None,
    steps: int = 1,
    clip_skip: int = 1,
    embeddings: Mapping[str, Tensor] | None = None,
    cache: dict[Chunk, Tensor] | None = None,
) -> Conditioning:
    """Contexts of a batch: one prompt and one negative prompt per picture, without wildcards; LoRA tags are skipped.

    `negatives` None leaves the unconditional half out, unless AND needs it, when empty ones are used. `clip_skip` 1
    is the last layer. `embeddings` are learned vectors (n, D) by name. `cache` keeps encoded chunks between calls; it
    belongs to one engine in one state (LoRAs) and one clip_skip.

    All contexts have one length T = 77 n. The steps of one side are brought to the same number of chunks with empty
    ones, and a shorter side or half repeats its last vector, as in A1111; use `chunk_counts` to batch pictures of
    equal length where a picture must not depend on its batch.
    """
    texts = [[prompt_schedule(part.text, steps) for part in parse(prompt).parts] for prompt in prompts]
    parts = max(map(len, texts))
    if negatives is None and parts > 1:
        negatives = [""] * len(prompts)
    un_texts = [prompt_schedule(parse(negative, negative=True).parts[0].text, steps) for negative in negatives or ()]

    counts = {name: vectors.shape[0] for name, vectors in (embeddings or {}).items()}
    chunks: dict[tuple[str, ...], dict[str, tuple[Chunk, ...]]] = {}
    for run in [*(run for picture in texts for run in picture), *un_texts]:
        chunks.setdefault(run, _run_chunks(run, engine.tokenizer, counts))
    every = {chunk: None for by_text in chunks.values() for row in by_text.values() for chunk in row}
    encoded = {} if cache is None else cache
    encoded |= _encode(engine, [chunk for chunk in every if chunk not in encoded], clip_skip - 1, embeddings or {})
    longest = max(len(row) for by_text in chunks.values() for row in by_text.values())

    def context(run: tuple[str, ...], step: int) -> Tensor:
        z = torch.cat([encoded[chunk] for chunk in chunks[run][run[step]]])  # (77 n, D)
        missing = longest * LENGTH - z.shape[0]
        return torch.cat([z, z[-1:].expand(missing, -1)]) if missing else z

    weights = _part_weights(prompts, parts)
    made: dict[tuple[str, ...], Context] = {}
    table = []
    for step in range(steps):
        key = tuple(run[step] for run in [*(run for picture in texts for run in picture), *un_texts])
        if key not in made:
            # A picture with fewer sides repeats its first one with weight 0.
            rows = [picture[k if k < len(picture) else 0] for k in range(parts) for picture in texts]
            cond = torch.stack([context(run, step) for run in rows])  # (K B, T, D)
            uncond = torch.stack([context(run, step) for run in un_texts]) if un_texts else None
            made[key] = Context(cond, uncond, weights)
        table.append(made[key])
    return Conditioning(tuple(table))


def with_regions(prompt: Conditioning, regions: Sequence[Conditioning], same_length: bool) -> Conditioning:
    """Returns the contexts of a prompt with those of regions, step by step.

    With `same_length`, for regions that become rows of one call, shorter ones repeat their last vector, as halves of guidance do.
    """
    if not regions:
        return prompt
    steps = list(zip(prompt.steps, *(region.steps for region in regions), strict=True))
    joined: dict[tuple[Context, ...], Context] = {}
    for own, *areas in steps:
        if (own, *areas) not in joined:
            contexts = [own.cond, *([] if own.uncond is None else [own.uncond]), *(area.cond for area in areas)]
            longest = max(context.shape[1] for context in contexts) if same_length else 0
            cond, *uncond = (_lengthened(context, longest) for context in contexts[: -len(areas)])
            areas_contexts = tuple(_lengthened(area.cond, longest) for area in areas)
            joined[own, *areas] = Context(cond, uncond[0] if uncond else None, own.weights, areas_contexts)
    return Conditioning(tuple(joined[step] for step in steps))


def _lengthened(context: Tensor, length: int) -> Tensor:
    missing = length - context.shape[1]
    return context if missing <= 0 else torch.cat([context, context[:, -1:].expand(-1, missing, -1)], dim=1)


def chunk_counts(
    tokenizer: Tokenizer, prompt: str, negative: str, steps: int, embeddings: Mapping[str, int] | None = None
) -> int:
    """Returns the length in chunks of 77 that a picture's contexts have when it is drawn alone."""
    runs = [prompt_schedule(part.text, steps) for part in parse(prompt).parts]
    runs.append(prompt_schedule(parse(negative, negative=True).parts[0].text, steps))
    return max(len(row) for run in runs for row in _run_chunks(run, tokenizer, embeddings or {}).values())


def _run_chunks(
    run: tuple[str, ...], tokenizer: Tokenizer, embeddings: Mapping[str, int]
) -> dict[str, tuple[Chunk, ...]]:
    """Chunks of each distinct text of a run of steps, all equally many."""
    rows = {text: prompt_chunks(weighted_segments(text), tokenizer, embeddings) for text in dict.fromkeys(run)}
    longest = max(map(len, rows.values()))
    (empty,) = prompt_chunks((), tokenizer)
    return {text: row + (empty,) * (longest - len(row)) for text, row in rows.items()}


def _encode(
    engine: TextEngine, chunks: Sequence[Chunk], skip: int, embeddings: Mapping[str, Tensor]
) -> dict[Chunk, Tensor]:
    encoded: dict[Chunk, Tensor] = {}
    for start in range(0, len(chunks), ROWS):
        rows = chunks[start : start + ROWS]
        ids = torch.tensor([chunk.ids for chunk in rows])  # (N, 77)
        replacements: list[Replacement] = [
            (row, position, embeddings[name]) for row, chunk in enumerate(rows) for position, name in chunk.embeddings
        ]
        options = {"replacements": replacements} if replacements else {}
        z = engine.encode_text(ids, skip, **options)  # (N, 77, D)
        encoded |= {chunk: emphasized(row, chunk.weights) for chunk, row in zip(rows, z)}
    return encoded


def emphasized(z: Tensor, weights: Sequence[float]) -> Tensor:
    """Returns each vector of z (T, D) times its weight, then all brought back to the mean they had (A1111's "Original")."""
    if all(weight == 1 for weight in weights):
        return z
    heavy = z * torch.tensor(weights, dtype=z.dtype, device=z.device)[:, None]
    ratio = float(z.mean() / heavy.mean())
    return heavy * ratio if math.isfinite(ratio) else heavy


def _part_weights(prompts: Sequence[str], parts: int) -> Tensor | None:
    """Returns (K, B), or None where every picture is one side of weight 1."""
    if parts == 1:
        return None
    rows = [[part.weight for part in parse(prompt).parts] for prompt in prompts]
    return torch.tensor([row + [0.0] * (parts - len(row)) for row in rows]).T.contiguous()
