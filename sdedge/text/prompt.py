"""The prompt language of the A1111 web UI: weights, BREAK, chunks, scheduling, alternation, AND, LoRA tags. No torch.

A prompt passes through these functions in this order; each is useful alone:

    wildcards.resolve   {a|b}, __file__            -> text without wildcards (what gets recorded)
    parse               <lora:name:0.8>, a AND b:2 -> Prompt of weighted parts and LoRA tags
    prompt_schedule     [a:b:0.5], [a|b]           -> the text of each step
    weighted_segments   (a:1.2), [a], BREAK        -> segments of text with one weight each
    prompt_chunks       75 tokens at a time        -> what the text encoder reads

Reference: modules/prompt_parser.py and modules/sd_hijack_clip.py of its version 1.9; docs/prompts.md lists where this
differs. No function here raises on any text, except `parse` on a LoRA tag that is not one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby

from sdedge.text.chunks import Chunk, Segment, prompt_chunks
from sdedge.text.scheduling import prompt_schedule
from sdedge.text.tags import Lora, extract_loras
from sdedge.text.tokenizer import Tokenizer

STRONGER, WEAKER = 1.1, 1 / 1.1
HEAVIEST = 1e6  # keeps products of many weights finite


@dataclass(frozen=True)
class Part:
    """One side of an AND, with its weight."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A prompt taken apart: what is drawn together, and with which LoRAs."""

    parts: tuple[Part, ...]
    loras: tuple[Lora, ...] = ()


# AND

_AND = re.compile(r"\bAND\b")
_AND_WEIGHT = re.compile(r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+))\s*", re.A)


def parse(text: str, negative: bool = False) -> Prompt:
    """Takes LoRA tags out and splits the rest at AND. A negative prompt has no AND; there the word is text.

    Raises InvalidRequest as `extract_loras` does.
    """
    rest, loras = extract_loras(text)
    texts = [rest] if negative else _AND.split(rest)
    return Prompt(tuple(map(_part, texts)) if len(texts) > 1 else (Part(rest),), loras)


def _part(side: str) -> Part:
    text, colon, number = side.rpartition(":")
    if colon and (match := _AND_WEIGHT.fullmatch(number)):
        return Part(text.strip(), _bounded(float(match[1])))
    return Part(side.strip())


# Attention

_ATTENTION = re.compile(r"\\[][()\\]|\\|\(|\[|:\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)|\)|]|[^\\()\[\]:]+|:", re.A)
_BREAK = re.compile(r"\bBREAK\b")


def weighted_segments(text: str) -> tuple[Segment, ...]:
    """Segments of equal weight, never none.

    `(a)` is ×1.1, `[a]` ÷1.1, `(a:1.3)` ×1.3; they multiply when nested, and a backslash makes a bracket plain text.
    A bracket that is never closed reaches to the end; one that was never opened is text, and so is a weight that is
    not a decimal number: `(a:1e3)`, `(a:1.2.3)`.
    """
    matches = list(_ATTENTION.finditer(text))
    tokens = [(match[0], match[1]) for match in matches]
    factors, closers = _factors(tokens)
    product = {"(": [1.0], "[": [1.0]}
    segments: list[Segment] = []
    for i, (token, _) in enumerate(tokens):
        if i in factors:
            product[token].append(_bounded(product[token][-1] * factors[i]))
        elif i in closers:
            product[closers[i]].pop()
        else:
            segments += _segments(token, matches[i].start(), _bounded(product["("][-1] * product["["][-1]))
    return tuple(segment for segment in _merged(segments) if segment.text) or (Segment(""),)


def _factors(tokens: Sequence[tuple[str, str | None]]) -> tuple[dict[int, float], dict[int, str]]:
    """Returns the factor of each opening bracket by index, and for each closing one which kind it closes. Kinds pair apart."""
    opened: dict[str, list[int]] = {"(": [], "[": []}
    factors: dict[int, float] = {}
    closers: dict[int, str] = {}
    for i, (token, number) in enumerate(tokens):
        kind = "" if token.startswith("\\") else {")": "(", "]": "["}.get(token[-1], "")
        if token in opened:
            opened[token].append(i)
            factors[i] = STRONGER if token == "(" else WEAKER
        elif kind and opened[kind]:
            closers[i] = kind
            start = opened[kind].pop()
            factors[start] = factors[start] if number is None else _bounded(float(number))
    return factors, closers


def _bounded(weight: float) -> float:
    return min(max(weight, -HEAVIEST), HEAVIEST)


def _segments(token: str, origin: int, weight: float) -> list[Segment]:
    if token.startswith("\\"):
        return [Segment(token[1:], weight, ((0, origin + 1),))]
    breaks = [(match.start(), match.end()) for match in _BREAK.finditer(token)]
    segments: list[Segment] = []
    starts, stops = [0, *(stop for _, stop in breaks)], [*(start for start, _ in breaks), len(token)]
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        # Spaces around a BREAK go; were they in its pattern, every run of spaces would be tried from each of its places.
        text = token[start:stop].rstrip() if i < len(breaks) else token[start:stop]
        text, length = text.lstrip() if i else text, len(text)
        segments.append(Segment(text, weight, ((0, origin + start + length - len(text)),)))
        segments += [Segment("BREAK", -weight)] * (i < len(breaks))
    return segments


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    merged = []
    for weight, run in groupby(segments, lambda s: s.weight):
        texts: list[str] = []
        source: list[tuple[int, int]] = []
        length = 0
        for segment in run:
            source += [(length, origin) for _, origin in segment.source]
            texts.append(segment.text)
            length += len(segment.text)
        merged.append(Segment("".join(texts), weight, tuple(source)))
    return merged


def written(segments: Sequence[Segment]) -> str:
    """Returns the inverse of `weighted_segments`: text that it reads as these segments."""
    return "".join(map(_written, segments))


def _written(segment: Segment) -> str:
    if segment.is_break:
        return " BREAK "
    text = re.sub(r"[][()\\]", r"\\\g<0>", segment.text)
    text = re.sub(r"\bBREAK\b", r"BRE\\AK", text)  # a lone backslash is dropped, and the word is not one
    return text if segment.weight == 1 else f"({text}:{Decimal(repr(segment.weight)):f})"


# What `sdedge tokens` shows


@dataclass(frozen=True)
class Token:
    """A token as the vocabulary spells it, or an embedding's name with `id` None."""

    text: str
    id: int | None
    weight: float


@dataclass(frozen=True)
class PromptStage:
    """What is encoded from step `first` to step `last`, counted from 1, for one side of an AND."""

    text: str
    part: int
    part_weight: float
    first: int
    last: int
    chunks: tuple[tuple[Token, ...], ...]
    starts: tuple[int, ...] = ()
    """Where in `text` each chunk begins."""


@dataclass(frozen=True)
class Description:
    """All that the prompt language makes of a text without wildcards."""

    stages: tuple[PromptStage, ...]
    loras: tuple[Lora, ...]


def read_texts(text: str, steps: int, negative: bool = False) -> list[str]:
    """Returns what a prompt's brackets hold at any step, without them. Raises InvalidRequest as `parse` does."""
    stages = {stage for part in parse(text, negative).parts for stage in prompt_schedule(part.text, steps)}
    return [segment.text for stage in stages for segment in weighted_segments(stage)]


@dataclass(frozen=True)
class StageChunks:
    """What is encoded from step `first` to step `last`, counted from 1, for side `part` of an AND, as token ids."""

    text: str
    part: int
    part_weight: float
    first: int
    last: int
    chunks: tuple[Chunk, ...]


def chunk_prompt(
    prompt: Prompt, tokenizer: Tokenizer, steps: int = 20, embeddings: Mapping[str, int] | None = None
) -> Iterator[StageChunks]:
    """Yields the chunks of a prompt that `parse` took apart, stage by stage; each text is read once."""

    @cache
    def rows_of(stage: str) -> tuple[Chunk, ...]:
        return prompt_chunks(weighted_segments(stage), tokenizer, embeddings)

    for number, part in enumerate(prompt.parts):
        last = 0
        for stage, run in groupby(prompt_schedule(part.text, steps)):
            first, last = last + 1, last + len(list(run))
            yield StageChunks(stage, number, part.weight, first, last, rows_of(stage))


def describe_prompt(
    text: str,
    tokenizer: Tokenizer,
    steps: int = 20,
    embeddings: Mapping[str, int] | None = None,
    negative: bool = False,
) -> Description:
    """Returns tokens, chunks and weights of a prompt, stage by stage. Raises InvalidRequest as `parse` does."""
    prompt = parse(text, negative)
    stages = []
    for stage in chunk_prompt(prompt, tokenizer, steps, embeddings):
        chunks = tuple(_tokens(row, tokenizer.spellings) for row in stage.chunks)
        starts = tuple(row.start for row in stage.chunks)
        stages.append(PromptStage(stage.text, stage.part, stage.part_weight, stage.first, stage.last, chunks, starts))
    return Description(tuple(stages), prompt.loras)


def _tokens(chunk: Chunk, spelling: Mapping[int, str]) -> tuple[Token, ...]:
    names = dict(chunk.embeddings)
    rows = [(names.get(i), chunk.ids[i], chunk.weights[i]) for i in range(1, chunk.used + 1)]
    return tuple(
        Token(name, None, weight) if name else Token(spelling.get(id, "?"), id, weight) for name, id, weight in rows
    )
