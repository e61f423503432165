"""Chunks: what the text encoder reads at a time, 75 tokens between start and end. No torch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sdedge.errors import InvalidRequest
from sdedge.text.names import Names, composed
from sdedge.text.tokenizer import LENGTH, Tokenizer

CHUNK = LENGTH - 2  # tokens between start and end
COMMA_REACH = 20  # tokens a cut may move back to a comma


@dataclass(frozen=True)
class Segment:
    """Text with one weight. `source` says where it was: pairs of (place in `text`, place in the prompt), rising."""

    text: str
    weight: float = 1.0
    source: tuple[tuple[int, int], ...] = field(default=(), compare=False, repr=False)

    @property
    def is_break(self) -> bool:
        """Whether this starts a new chunk. In A1111 any weighted group around a BREAK makes it text."""
        return self.text == "BREAK" and self.weight == -1

    def origin(self, place: int) -> int:
        """Returns where a place of `text` was in the prompt."""
        if not self.source:
            return place
        start, origin = self.source[bisect_right(self.source, place, key=lambda pair: pair[0]) - 1]
        return origin + place - start


@dataclass(frozen=True)
class Chunk:
    """77 token ids with the weight of each; `embeddings` are (position in the 77, name) of learned vectors."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    embeddings: tuple[tuple[int, str], ...] = ()
    used: int = 0
    """How many of the ids are the prompt's own, after the start token."""
    start: int = field(default=0, compare=False)
    """Where in the prompt its first token begins; 0 for an empty chunk."""


class _Place(NamedTuple):  # there may be fifty thousand of them while somebody types
    """One of the 75 places, whose token begins at `start`; `name` is set on the first one of an embedding."""

    id: int
    weight: float
    start: int
    name: str = ""


def prompt_chunks(
    segments: Sequence[Segment], tokenizer: Tokenizer, embeddings: Mapping[str, int] | None = None
) -> tuple[Chunk, ...]:
    """Returns the tokens of the segments in chunks of 77 with start and end, never none.

    A full chunk whose last comma is at most COMMA_REACH tokens back is cut after that comma. `embeddings` maps the
    names of learned vectors to how many they are; a name that stands in the text as a whole word, in any case, becomes
    so many places in one chunk, their ids the end token and their names in `Chunk.embeddings`.

    Raises InvalidRequest for an embedding of more than 75 vectors. Each text is tokenized once.
    """
    counts = _checked(embeddings or {})
    names = Names(counts)
    comma = tokenizer.vocab.get(",</w>")
    done: list[list[_Place]] = []
    row: list[_Place] = []
    last_comma = -1
    for segment in segments:
        if segment.is_break:
            done.append(row)
            row, last_comma = [], -1
            continue
        for group in _groups(segment, tokenizer, names, counts):
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


def _checked(embeddings: Mapping[str, int]) -> Mapping[str, int]:
    for name, count in embeddings.items():
        if not 0 < count <= CHUNK:
            raise InvalidRequest(f"The embedding {name!r} has {count} vectors; a prompt takes from 1 to {CHUNK}.")
    return embeddings


def _groups(segment: Segment, tokenizer: Tokenizer, names: Names, counts: Mapping[str, int]) -> Iterator[list[_Place]]:
    """Yields one group per token or embedding; a group is never cut."""
    text = composed(segment.text) if names else segment.text
    position = 0
    for match in names.find(text) if names else ():
        yield from _word_places(segment, text, position, match.start, tokenizer)
        first = _Place(tokenizer.eos, segment.weight, segment.origin(match.start), match.name)
        others = _Place(tokenizer.eos, segment.weight, first.start)
        yield [first, *[others] * (counts[match.name] - 1)]
        position = match.stop
    yield from _word_places(segment, text, position, len(text), tokenizer)


def _word_places(segment: Segment, text: str, start: int, stop: int, tokenizer: Tokenizer) -> Iterator[list[_Place]]:
    if start >= stop:
        return
    weight, origin = segment.weight, segment.origin
    if len(segment.source) < 2:  # the text is in the prompt as it is
        moved = start + origin(0)
        yield from ([_Place(id, weight, moved + place)] for id, place in tokenizer.located(text[start:stop]))
    else:
        yield from ([_Place(id, weight, origin(start + place))] for id, place in tokenizer.located(text[start:stop]))


def _framed(row: Sequence[_Place], tokenizer: Tokenizer) -> Chunk:
    return Chunk(
        ids=tuple(tokenizer.frame(place.id for place in row)),
        weights=(1.0, *(place.weight for place in row), *[1.0] * (LENGTH - 1 - len(row))),
        embeddings=tuple((i + 1, place.name) for i, place in enumerate(row) if place.name),
        used=len(row),
        start=row[0].start if row else 0,
    )
