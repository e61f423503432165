"""How long a prompt is in tokens, where its chunks begin, and what in it cannot be read. No Qt, no torch."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from gui.shell.advice import for_the_window
from sdedge.errors import InvalidRequest
from sdedge.text.chunks import CHUNK
from sdedge.text.clean import clean
from sdedge.text.tokenizer import Tokenizer

_MARKED = 20_000  # characters; beyond, a request is refused anyhow


@dataclass(frozen=True)
class Count:
    """`used` of `limit` tokens; `starts` are the characters at which the second chunk and those after it begin."""

    used: int = 0
    limit: int = CHUNK
    starts: tuple[int, ...] = ()
    fault: str = ""


def count(
    text: str, tokenizer: Tokenizer, embeddings: Mapping[str, int] | None = None, negative: bool = False, seed: int = 0,
    longest: int | None = None,
) -> Count:  # fmt: skip
    """Count the longest of what is encoded at any step, with the wildcards of one seed, chosen as the engine chooses them.
    What cannot be read is a fault in words, never an error, and so is a prompt of more than `longest` chunks."""
    from sdedge.library.adapters import find_lora, names_with, wildcard_lines, with_plain_names
    from sdedge.text import wildcards
    from sdedge.text.prompt import chunk_prompt, parse

    text = text[:_MARKED]
    try:
        stream, keep = "negative" if negative else "", names_with("__", "{")
        resolved = with_plain_names(wildcards.resolve(clean(text), seed, wildcard_lines(), stream, keep).text)
        prompt = parse(resolved, negative)
        for lora in prompt.loras if not negative else ():
            find_lora(lora.name)
        stages = [stage.chunks for stage in chunk_prompt(prompt, tokenizer, embeddings=embeddings)]
    except InvalidRequest as error:
        return Count(fault=for_the_window(str(error)))
    chunks = max(stages, key=lambda rows: (len(rows), sum(row.used for row in rows)))
    if longest is not None and len(chunks) > longest:
        fault = "The prompt fills {0} parts of {1} tokens, and this converted model takes {2}; shorten it."
        return Count(fault=fault.format(len(chunks), CHUNK, longest))
    starts: tuple[int, ...] = ()
    if len(stages) == 1 and len(chunks) > 1 and resolved == text and not prompt.loras:
        starts = _word_starts(text, tuple(row.start for row in chunks[1:]))
    return Count(sum(row.used for row in chunks), CHUNK * len(chunks), starts)


def _word_starts(text: str, starts: tuple[int, ...]) -> tuple[int, ...]:
    """The words in which these places are, by their first characters."""
    places = [match.start() for match in re.finditer(r"[^\s,]+|,", text)]
    return tuple(places[max(bisect_right(places, start) - 1, 0)] for start in starts)
