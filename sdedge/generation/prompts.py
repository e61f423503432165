"""What the words of requests ask for: wildcards, LoRAs, embeddings, contexts, and which pictures may share a batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from sdedge import catalog
from sdedge.engines.protocol import Engine, LoraUse
from sdedge.errors import ModelError
from sdedge.library.adapters import find_embeddings, find_lora, look_up_lora, wildcards_chosen
from sdedge.request import Resolved
from sdedge.text.chunks import CHUNK
from sdedge.text.conditioning import Conditioning, chunk_counts, condition
from sdedge.text.names import Names, composed
from sdedge.text.prompt import read_texts
from sdedge.text.tags import extract_loras, left_out
from sdedge.weights.lora import open_lora
from sdedge.weights.textual_inversion import Embedding, bundled


@dataclass(frozen=True)
class Worded:
    """Picture `index` of a job with its wildcards resolved, and what its file should say about that."""

    request: Resolved
    index: int
    facts: dict[str, Any] = field(default_factory=dict)


def choose_words(request: Resolved, index: int) -> Worded:
    """Resolve wildcards by the picture's seed; the file then records the words and the template."""
    prompt = wildcards_chosen(request.prompt, request.seed)
    negative = wildcards_chosen(request.negative, request.seed, "negative")
    if not (prompt.choices or negative.choices):
        return Worded(request.replace(prompt=prompt.text, negative=negative.text), index)
    chosen = [[choice.wildcard, choice.chosen] for choice in (*prompt.choices, *negative.choices)]
    facts = {"template": request.prompt, "negative_template": request.negative, "choices": chosen}
    return Worded(request.replace(prompt=prompt.text, negative=negative.text), index, facts)


def adapt(engine: Engine, requests: Sequence[Resolved]) -> tuple[str, ...]:
    """Apply the LoRAs that the prompts, which name the same ones, name, and no others.

    Returns what is to be said of the words: LoRAs found by another name, names in their files that match nothing,
    embeddings that do not fit, tags left out. Raises InvalidRequest for an unknown LoRA.
    """
    tags = extract_loras(requests[0].prompt)[1]
    loras = [look_up_lora(tag.name) for tag in tags]
    uses = [
        LoraUse(lora.path, tag.text_weight, tag.unet_weight, tag.blocks) for lora, tag in zip(loras, tags, strict=True)
    ]
    notes = [lora.note for lora in loras if lora.note]
    notes += [note for request in requests for note in left_out(request.prompt, request.negative)]
    notes += engine.adapt(uses)
    notes += [note for request in requests for note in word_vectors(engine, request).notes]
    return tuple(dict.fromkeys(notes))


@dataclass(frozen=True, eq=False)
class Vectors:
    """Learned vectors (n, D) by the names that stand for them in a request, and what is to be said of others."""

    by_name: dict[str, Tensor]
    notes: tuple[str, ...] = ()


def word_vectors(engine: Engine, request: Resolved) -> Vectors:
    """The embeddings whose names a request's prompts hold, installed or bundled with its LoRAs; the installed ones win."""
    texts = [*read_texts(request.prompt, request.steps), *read_texts(request.negative, request.steps, negative=True)]
    embeddings, notes = embeddings_in(request.prompt, texts)
    vectors: dict[str, Tensor] = {}
    for embedding in embeddings:
        try:
            embedding.check_width(engine.facts.context_width)
            if len(embedding.vectors) > CHUNK:
                raise ModelError(f"It has {len(embedding.vectors)} vectors and a prompt takes {CHUNK}; choose another one.")
            vectors[embedding.name] = embedding.vectors
        except ModelError as error:
            notes.append(f"The embedding {embedding.name} is not used: {error}")
    return Vectors(vectors, tuple(notes))


def embeddings_in(prompt: str, texts: Sequence[str]) -> tuple[list[Embedding], list[str]]:
    """The embeddings whose names stand in the texts, installed or bundled with a prompt's LoRAs, and what is to be said."""
    installed, notes = find_embeddings(texts)
    names = {composed(embedding.name).lower() for embedding in installed}
    inside, more = _bundled(prompt, texts)
    others = [embedding for embedding in inside if composed(embedding.name).lower() not in names]
    return [*installed, *others], [*notes, *more]


def _bundled(prompt: str, texts: Sequence[str]) -> tuple[list[Embedding], list[str]]:
    """Embeddings in the files of a prompt's LoRAs, where their names stand in the texts."""
    inside: list[Embedding] = []
    notes: list[str] = []
    for tag in extract_loras(prompt)[1]:
        tensors = open_lora(find_lora(tag.name)).embeddings
        names = Names(tensors)
        for name in dict.fromkeys(one.name for text in texts for one in names.find(composed(text))) if names else ():
            try:
                inside.append(bundled(name, tensors[name]))
            except ModelError as error:
                notes.append(f"The embedding {name} of the LoRA {tag.name} is not used: {error}")
    return inside, notes


def encode_prompts(engine: Engine, requests: Sequence[Resolved], steps: int) -> Conditioning:
    """Contexts of a batch of pictures that share everything but seed and words."""
    guided = requests[0].guidance != 1 and not engine.facts.guidance_channels
    vectors = {name: rows for request in requests for name, rows in word_vectors(engine, request).by_name.items()}
    return condition(
        engine,
        [request.prompt for request in requests],
        [request.negative for request in requests] if guided else None,
        steps,
        requests[0].clip_skip,
        vectors,
    )


def batches(engine: Engine, pictures: Sequence[Worded], batch: int) -> Iterator[list[Worded]]:
    """Groups of at most `batch` in order, none of which mixes LoRAs, or prompts whose padding would change a picture."""

    def shape(worded: Worded) -> object:
        request = worded.request
        loras = extract_loras(request.prompt)[1]
        vectors = {name: len(rows) for name, rows in word_vectors(engine, request).by_name.items()}
        return loras, chunk_counts(engine.tokenizer, request.prompt, request.negative, request.steps, vectors)

    for _, equal in itertools.groupby(pictures, key=shape):
        group = list(equal)
        size = 1 if catalog.SAMPLERS[group[0].request.sampler].one_image else batch
        for start in range(0, len(group), size):
            yield group[start : start + size]
