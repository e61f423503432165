"""The prompt language of the A1111 web UI: weights, BREAK, chunks, scheduling, alternation, AND, LoRA tags. No torch.

A prompt passes through these functions in this order; each is useful alone:

    wildcards.resolve   {a|b}, __file__            -> text without wildcards (what gets recorded)
    parse               <lora:name:0.8>, a AND b:2 -> Prompt of weighted parts and LoRA tags
    scheduling.schedule [a:b:0.5], [a|b]           -> the text of each step
    attention           (a:1.2), [a], BREAK        -> segments of text with one weight each
    chunked             75 tokens at a time        -> what the text encoder reads

Reference: modules/prompt_parser.py and modules/sd_hijack_clip.py of its version 1.9; docs/prompts.md lists where this
differs. No function here raises on any text, except `parse` on a LoRA tag that is not one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from sdedge.errors import InvalidRequest
from sdedge.text.scheduling import schedule
from sdedge.text.tags import Lora, extract_loras
from sdedge.text.tokenizer import LENGTH, Tokenizer

CHUNK = LENGTH - 2  # tokens between start and end
COMMA_REACH = 20  # tokens a cut may move back to a comma
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


@dataclass(frozen=True)
class Segment:
    """Text with one weight."""

    text: str
    weight: float = 1.0

    @property
    def is_break(self) -> bool:
        """Whether this starts a new chunk. In A1111 any weighted group around a BREAK makes it text."""
        return self.text == "BREAK" and self.weight == -1


@dataclass(frozen=True)
class Chunk:
    """77 token ids with the weight of each; `embeddings` are (position in the 77, name) of learned vectors."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    embeddings: tuple[tuple[int, str], ...] = ()
    used: int = 0
    """How many of the ids are the prompt's own, after the start token."""


# AND

_AND = re.compile(r"\bAND\b")
_AND_WEIGHT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+))\s*", re.A)


def parse(text: str, negative: bool = False) -> Prompt:
    """LoRA tags taken out, the rest split at AND. A negative prompt has no AND; there the word is text.

    Raises InvalidRequest as `extract_loras` does.
    """
    rest, loras = extract_loras(text)
    sides = [rest] if negative else _AND.split(rest)
    return Prompt(tuple(map(_part, sides)) if len(sides) > 1 else (Part(rest),), loras)


def _part(side: str) -> Part:
    text, colon, number = side.rpartition(":")
    if colon and (match := _AND_WEIGHT.fullmatch(number)):
        return Part(text.strip(), _bounded(float(match[1])))
    return Part(side.strip())


# Attention

_ATTENTION = re.compile(r"\\[][()\\]|\\|\(|\[|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)|\)|]|[^\\()\[\]:]+|:", re.A)
_BREAK = re.compile(r"\s*\bBREAK\b\s*")


def attention(text: str) -> tuple[Segment, ...]:
    """Segments of equal weight, never none.

    `(a)` is ×1.1, `[a]` ÷1.1, `(a:1.3)` ×1.3; they multiply when nested, and a backslash makes a bracket plain text.
    A bracket that is never closed reaches to the end; one that was never opened is text, and so is a weight that is
    not a decimal number: `(a:1e3)`, `(a:1.2.3)`.
    """
    tokens = [(match[0], match[1]) for match in _ATTENTION.finditer(text)]
    factors, closers = _factors(tokens)
    product = {"(": [1.0], "[": [1.0]}
    segments: list[Segment] = []
    for i, (token, _) in enumerate(tokens):
        if i in factors:
            product[token].append(_bounded(product[token][-1] * factors[i]))
        elif i in closers:
            product[closers[i]].pop()
        else:
            segments += _segments(token, _bounded(product["("][-1] * product["["][-1]))
    return tuple(segment for segment in _merged(segments) if segment.text) or (Segment(""),)


def _factors(tokens: Sequence[tuple[str, str | None]]) -> tuple[dict[int, float], dict[int, str]]:
    """Factor of each opening bracket by index, and for each closing one which kind it closes. Kinds pair apart."""
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


def _segments(token: str, weight: float) -> list[Segment]:
    if token.startswith("\\"):
        return [Segment(token[1:], weight)]
    first, *others = (Segment(text, weight) for text in _BREAK.split(token))
    return [first, *(segment for other in others for segment in (Segment("BREAK", -weight), other))]


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    return [Segment("".join(s.text for s in run), weight) for weight, run in groupby(segments, lambda s: s.weight)]


def written(segments: Sequence[Segment]) -> str:
    """The inverse of `attention`: text that it reads as these segments."""
    return "".join(map(_written, segments))


def _written(segment: Segment) -> str:
    if segment.is_break:
        return " BREAK "
    text = re.sub(r"[][()\\]", r"\\\g<0>", segment.text)
    text = re.sub(r"\bBREAK\b", r"BRE\\AK", text)  # a lone backslash is dropped, and the word is not one
    return text if segment.weight == 1 else f"({text}:{Decimal(repr(segment.weight)):f})"


# Chunks


def chunked(
    segments: Sequence[Segment], tokenizer: Tokenizer, embeddings: Mapping[str, int] | None = None
) -> tuple[Chunk, ...]:
    """Tokens of the segments in chunks of 77 with start and end, never none.

    A full chunk whose last comma is at most COMMA_REACH tokens back is cut after that comma. `embeddings` maps the
    names of learned vectors to how many they are; a name in the text, in any case, becomes so many places in one
    chunk, their ids the end token and their names in `Chunk.embeddings`.

    Raises InvalidRequest for an embedding of more than 75 vectors.
    """
    names = _names(tokenizer, embeddings or {})
    comma = tokenizer.vocab.get(",</w>")
    done: list[list[_Place]] = []
    row: list[_Place] = []
    last_comma = -1
    for segment in segments:
        if segment.is_break:
            done.append(row)
            row, last_comma = [], -1
            continue
        for group in _places(tokenizer.ids(segment.text), segment.weight, names, tokenizer.eos):
            if group[0].id == comma and not group[0].name:
                last_comma = len(row)
            elif len(row) == CHUNK and last_comma >= 0 and CHUNK - last_comma <= COMMA_REACH:
                done.append(row[: last_comma + 1])
                row, last_comma = row[last_comma + 1 :], -1
            if len(row) + len(group) > CHUNK:
                done.append(row)
                row, last_comma = [], -1
            row += group
    if row or not done:
        done.append(row)
    return tuple(_framed(row, tokenizer) for row in done)


@dataclass(frozen=True)
class _Place:
    """One of the 75 places; `name` is set on the first one of an embedding."""

    id: int
    weight: float
    name: str = ""


def _names(tokenizer: Tokenizer, embeddings: Mapping[str, int]) -> dict[int, list[tuple[list[int], str, int]]]:
    """By first token: (all tokens, name, vectors), longest first."""
    names: dict[int, list[tuple[list[int], str, int]]] = {}
    for name, count in embeddings.items():
        if not 0 < count <= CHUNK:
            raise InvalidRequest(f"The embedding {name!r} has {count} vectors; a prompt takes from 1 to {CHUNK}.")
        if ids := tokenizer.ids(name):
            names.setdefault(ids[0], []).append((ids, name, count))
    return {first: sorted(rows, key=lambda row: -len(row[0])) for first, rows in names.items()}


def _places(
    ids: list[int], weight: float, names: Mapping[int, list[tuple[list[int], str, int]]], filler: int
) -> list[list[_Place]]:
    """One group per token or embedding; a group is never cut."""
    groups, i = [], 0
    while i < len(ids):
        for tokens, name, count in names.get(ids[i], ()):
            if ids[i : i + len(tokens)] == tokens:
                groups.append([_Place(filler, weight, name), *[_Place(filler, weight)] * (count - 1)])
                i += len(tokens)
                break
        else:
            groups.append([_Place(ids[i], weight)])
            i += 1
    return groups


def _framed(row: Sequence[_Place], tokenizer: Tokenizer) -> Chunk:
    return Chunk(
        ids=tuple(tokenizer.frame(place.id for place in row)),
        weights=(1.0, *(place.weight for place in row), *[1.0] * (LENGTH - 1 - len(row))),
        embeddings=tuple((i + 1, place.name) for i, place in enumerate(row) if place.name),
        used=len(row),
    )


# What `sdedge tokens` shows


@dataclass(frozen=True)
class Token:
    """A token as the vocabulary spells it, or an embedding's name with `id` None."""

    text: str
    id: int | None
    weight: float


@dataclass(frozen=True)
class Stage:
    """What is encoded from step `first` to step `last`, counted from 1, for one side of an AND."""

    text: str
    part: int
    part_weight: float
    first: int
    last: int
    chunks: tuple[tuple[Token, ...], ...]


@dataclass(frozen=True)
class Description:
    """All that the prompt language makes of a text without wildcards."""

    stages: tuple[Stage, ...]
    loras: tuple[Lora, ...]


def describe(
    text: str,
    tokenizer: Tokenizer,
    steps: int = 20,
    embeddings: Mapping[str, int] | None = None,
    negative: bool = False,
) -> Description:
    """Tokens, chunks and weights of a prompt, stage by stage. Raises InvalidRequest as `parse` does."""
    prompt = parse(text, negative)
    spelling = {id: token for token, id in tokenizer.vocab.items()}
    stages = []
    for number, part in enumerate(prompt.parts):
        last = 0
        for stage, run in groupby(schedule(part.text, steps)):
            first, last = last + 1, last + len(list(run))
            chunks = tuple(_tokens(chunk, spelling) for chunk in chunked(attention(stage), tokenizer, embeddings))
            stages.append(Stage(stage, number, part.weight, first, last, chunks))
    return Description(tuple(stages), prompt.loras)


def _tokens(chunk: Chunk, spelling: Mapping[int, str]) -> tuple[Token, ...]:
    names = dict(chunk.embeddings)
    rows = [(names.get(i), chunk.ids[i], chunk.weights[i]) for i in range(1, chunk.used + 1)]
    return tuple(Token(name, None, weight) if name else Token(spelling[id], id, weight) for name, id, weight in rows)
