"""What the words of requests ask for: wildcards, LoRAs, embeddings, contexts, and which pictures may share a batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from sdedge import catalog
from sdedge.backends.engine import Engine, LoraUse
from sdedge.extras import find_embeddings, find_lora
from sdedge.request import Resolved
from sdedge.text import wildcards
from sdedge.text.conditioning import Conditioning, chunk_counts, condition
from sdedge.text.prompt import extract_loras


@dataclass(frozen=True)
class Worded:
    """Picture `index` of a job with its wildcards resolved, and what its file should say about that."""

    request: Resolved
    index: int
    facts: dict[str, Any] = field(default_factory=dict)


def choose_words(request: Resolved, index: int) -> Worded:
    """Resolve wildcards by the picture's seed; the file then records the words and the template."""
    prompt = wildcards.resolve(request.prompt, request.seed)
    negative = wildcards.resolve(request.negative, request.seed, None, "negative")
    if not (prompt.choices or negative.choices):
        return Worded(request, index)
    chosen = [[choice.wildcard, choice.chosen] for choice in (*prompt.choices, *negative.choices)]
    facts = {"template": request.prompt, "negative_template": request.negative, "choices": chosen}
    return Worded(request.replace(prompt=prompt.text, negative=negative.text), index, facts)


def adapt(engine: Engine, request: Resolved) -> None:
    """Apply the LoRAs that the prompt names, and no others. Raises InvalidRequest for an unknown one."""
    tags = extract_loras(request.prompt)[1]
    engine.adapt([LoraUse(find_lora(tag.name), tag.text_weight, tag.unet_weight) for tag in tags])


def word_vectors(engine: Engine, requests: Sequence[Resolved]) -> dict[str, Tensor]:
    """Learned vectors by the names that may stand for them. Raises ModelError for one of another width."""
    vectors: dict[str, Tensor] = {}
    for embedding in find_embeddings(text for request in requests for text in (request.prompt, request.negative)):
        embedding.check_width(engine.facts.context_width)
        vectors[embedding.name] = embedding.vectors
    return vectors


def encode_prompts(engine: Engine, requests: Sequence[Resolved], steps: int) -> Conditioning:
    """Contexts of a batch of pictures that share everything but seed and words."""
    guided = requests[0].guidance != 1 and not engine.facts.guidance_channels
    return condition(
        engine,
        [request.prompt for request in requests],
        [request.negative for request in requests] if guided else None,
        steps,
        requests[0].clip_skip,
        word_vectors(engine, requests),
    )


def batches(engine: Engine, pictures: Sequence[Worded], batch: int) -> Iterator[list[Worded]]:
    """Groups of at most `batch` in order, none of which mixes LoRAs, or prompts whose padding would change a picture."""
    words = {name: len(rows) for name, rows in word_vectors(engine, [one.request for one in pictures]).items()}

    def shape(one: Worded) -> object:
        request = one.request
        loras = extract_loras(request.prompt)[1]
        return loras, chunk_counts(engine.tokenizer, request.prompt, request.negative, request.steps, words)

    for _, equal in itertools.groupby(pictures, key=shape):
        group = list(equal)
        size = 1 if catalog.SAMPLERS[group[0].request.sampler].one_image else batch
        for start in range(0, len(group), size):
            yield group[start : start + size]
