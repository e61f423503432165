"""Prepares the prompts of requests: wildcards, adapters (LoRAs and embeddings), contexts, and who may share a batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from sdedge import catalog
from sdedge.engines.protocol import Capability, Engine, LoraUse
from sdedge.errors import ModelError
from sdedge.events import Notice
from sdedge.generation.journals import BatchJournals, Journals
from sdedge.library.adapters import find_embeddings, find_lora, look_up_lora, wildcards_chosen
from sdedge.passes import Changes, Pass
from sdedge.regions import RegionMethod
from sdedge.request import Resolved
from sdedge.text.chunks import CHUNK
from sdedge.text.conditioning import Conditioning, chunk_counts, condition, with_regions
from sdedge.text.names import Names, composed
from sdedge.text.prompt import read_texts
from sdedge.text.tags import extract_loras, left_out
from sdedge.text.wildcards import Choice
from sdedge.weights.lora import open_lora
from sdedge.weights.textual_inversion import Embedding, bundled


@dataclass(frozen=True)
class PreparedRequest:
    """The request of picture `index` of a job with its wildcards resolved, and what its file records about that.

    It is drawn in several `passes`, of which `pass_number` is the present one. `journals` are those of its batch, where they are
    kept.
    """

    request: Resolved
    index: int
    facts: dict[str, Any] = field(default_factory=dict)
    pass_number: int = 1
    passes: int = 1
    journals: BatchJournals | None = field(default=None, compare=False)


def resolve_wildcards(request: Resolved, index: int) -> PreparedRequest:
    """Chooses among the wildcards by the picture's seed; the file then records the choices and the template."""
    prompt = wildcards_chosen(request.prompt, request.seed)
    negative = wildcards_chosen(request.negative, request.seed, "negative")
    later = [_chosen_in(each, request.seed) for each in request.passes]
    areas = [wildcards_chosen(each.prompt, request.seed, f"region {i}") for i, each in enumerate(request.regions)]
    resolved = request.replace(
        prompt=prompt.text,
        negative=negative.text,
        regions=tuple(replace(each, prompt=area.text) for each, area in zip(request.regions, areas, strict=True)),
        passes=tuple(each for each, _ in later),
    )
    choices = [choice for text in (prompt, negative, *areas) for choice in text.choices]
    choices += [choice for _, choices in later for choice in choices]
    facts: dict[str, Any] = {}
    if choices:
        chosen = [[choice.wildcard, choice.chosen] for choice in choices]
        facts = {"template": request.prompt, "negative_template": request.negative, "choices": chosen}
    return PreparedRequest(resolved, index, facts, passes=1 + len(later))


def _chosen_in(each: Pass, seed: int) -> tuple[Pass, list[Choice]]:
    """Returns a pass with the wildcards of its own prompts resolved, and what was chosen."""
    texts = {
        name: wildcards_chosen(str(each.changes[name]), seed, *role)
        for name, role in (("prompt", ()), ("negative", ("negative",)))
        if name in each.changes
    }
    if not texts:
        return each, []
    changes = Changes({**each.changes, **{name: chosen.text for name, chosen in texts.items()}})
    return replace(each, changes=changes), [choice for chosen in texts.values() for choice in chosen.choices]


def adapt(engine: Engine, requests: Sequence[Resolved], is_drawn: bool = True) -> tuple[str, ...]:
    """Applies the LoRAs that the prompts name, and no others. All of the prompts name the same ones.

    Where nothing `is_drawn`, an engine that would write files for that does not. Returns notices: LoRAs found by another name,
    names in their files that match nothing, embeddings that do not fit, tags left out. Raises InvalidRequest for an unknown LoRA.
    """
    tags = extract_loras(requests[0].prompt)[1]
    loras = [look_up_lora(tag.name) for tag in tags]
    uses = [
        LoraUse(lora.path, tag.text_weight, tag.unet_weight, tag.blocks) for lora, tag in zip(loras, tags, strict=True)
    ]
    notices = [lora.note for lora in loras if lora.note]
    notices += [notice for request in requests for notice in left_out(request.prompt, request.negative)]
    notices += engine.adapt(uses) if is_drawn or Capability.FIRST_LOAD not in engine.can else ()
    notices += [notice for request in requests for notice in embedding_vectors(engine, request).notices]
    return tuple(dict.fromkeys(notices))


def new_notices(lines: Iterable[str], noticed: set[str]) -> Iterator[Notice]:
    """Yields a Notice of each line that is not among those `noticed`, and adds the lines to them."""
    new = [line for line in dict.fromkeys(lines) if line not in noticed]
    yield from map(Notice, new)
    noticed.update(new)


@dataclass(frozen=True, eq=False)
class EmbeddingVectors:
    """Learned vectors (n, D) by the names that stand for them in a request, and notices of those that cannot be used."""

    by_name: dict[str, Tensor]
    notices: tuple[str, ...] = ()


def embedding_vectors(engine: Engine, request: Resolved) -> EmbeddingVectors:
    """Finds the embeddings whose names a request's prompts hold, installed or bundled with its LoRAs; installed ones win."""
    texts = [*read_texts(request.prompt, request.steps), *read_texts(request.negative, request.steps, negative=True)]
    texts += [text for region in request.regions for text in read_texts(region.prompt, request.steps)]
    embeddings, notices = embeddings_in(request.prompt, texts)
    vectors: dict[str, Tensor] = {}
    for embedding in embeddings:
        try:
            embedding.check_width(engine.facts.context_width)
            if len(embedding.vectors) > CHUNK:
                raise ModelError(
                    f"It has {len(embedding.vectors)} vectors and a prompt takes {CHUNK}; choose another one."
                )
            vectors[embedding.name] = embedding.vectors
        except ModelError as error:
            notices.append(f"The embedding {embedding.name} is not used: {error}")
    return EmbeddingVectors(vectors, tuple(notices))


def embeddings_in(prompt: str, texts: Sequence[str]) -> tuple[list[Embedding], list[str]]:
    """Returns the embeddings whose names stand in the texts, installed or bundled with a prompt's LoRAs, and notices."""
    installed, notices = find_embeddings(texts)
    names = {composed(embedding.name).lower() for embedding in installed}
    in_loras, more_notices = _bundled(prompt, texts)
    only_bundled = [embedding for embedding in in_loras if composed(embedding.name).lower() not in names]
    return [*installed, *only_bundled], [*notices, *more_notices]


def _bundled(prompt: str, texts: Sequence[str]) -> tuple[list[Embedding], list[str]]:
    """Returns the embeddings in the files of a prompt's LoRAs whose names stand in the texts, and notices of others."""
    embeddings: list[Embedding] = []
    notices: list[str] = []
    for tag in extract_loras(prompt)[1]:
        tensors = open_lora(find_lora(tag.name)).embeddings
        names = Names(tensors)
        matches = (match.name for text in texts for match in names.find(composed(text))) if names else ()
        for name in dict.fromkeys(matches):
            try:
                embeddings.append(bundled(name, tensors[name]))
            except ModelError as error:
                notices.append(f"The embedding {name} of the LoRA {tag.name} is not used: {error}")
    return embeddings, notices


def encode_prompts(engine: Engine, requests: Sequence[Resolved], steps: int) -> Conditioning:
    """Encodes the contexts of a batch of pictures that share everything but seed and prompt."""
    guided = requests[0].guidance != 1 and not engine.facts.guidance_channels
    vectors = {name: rows for request in requests for name, rows in embedding_vectors(engine, request).by_name.items()}

    def encoded(prompts: list[str], negatives: list[str] | None = None) -> Conditioning:
        return condition(engine, prompts, negatives, steps, requests[0].clip_skip, vectors)

    prompt = encoded(
        [request.prompt for request in requests], [request.negative for request in requests] if guided else None
    )
    regions = [encoded([request.regions[i].prompt for request in requests]) for i in range(len(requests[0].regions))]
    are_rows = any(region.by is not RegionMethod.ATTENTION for region in requests[0].regions)
    return with_regions(prompt, regions, are_rows)


def journaled_batches(
    groups: Iterable[list[PreparedRequest]], journals: Journals | None
) -> Iterator[list[PreparedRequest]]:
    """Yields each group with its journals, which go when the next one is asked for and stay when none is."""
    if journals is None:
        yield from groups
        return
    for group in groups:
        with journals.batch([member.request for member in group], group[0].index) as own:
            yield [replace(member, journals=own) for member in group]


def batches(engine: Engine, requests: Sequence[PreparedRequest], batch: int) -> Iterator[list[PreparedRequest]]:
    """Yields groups of at most `batch` in order; none mixes LoRAs, or prompts whose padding would change a picture."""

    def shape(prepared: PreparedRequest) -> object:
        request = prepared.request
        loras = extract_loras(request.prompt)[1]
        lengths = {name: len(rows) for name, rows in embedding_vectors(engine, request).by_name.items()}
        texts = [(request.prompt, request.negative), *((region.prompt, "") for region in request.regions)]
        return loras, [chunk_counts(engine.tokenizer, *pair, request.steps, lengths) for pair in texts]

    for _, alike in itertools.groupby(requests, key=shape):
        group = list(alike)
        size = 1 if _is_alone(group[0].request) else batch
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _is_alone(request: Resolved) -> bool:
    """Returns whether each picture is drawn alone: by a sampler of one, or in windows that lie where its own seed says."""
    moves = request.windows is not None and request.windows.jitter
    return moves or catalog.SAMPLERS[request.sampler].one_image
