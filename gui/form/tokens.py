"""How long a prompt is in tokens, where its chunks begin, and what in it cannot be read. No Qt, no torch."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from gui.shell.advice import for_the_window
from sdedge.errors import InvalidRequest
from sdedge.library.adapters import find_lora, names_with, wildcard_lines, with_plain_names
from sdedge.text import wildcards
from sdedge.text.chunks import CHUNK
from sdedge.text.clean import clean
from sdedge.text.prompt import describe_prompt
from sdedge.text.tags import extract_loras
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
    text: str, tokenizer: Tokenizer, embeddings: Mapping[str, int] | None = None, negative: bool = False, seed: int = 0
) -> Count:
    """Count the longest of what is encoded at any step, with the wildcards of one seed, chosen as the engine chooses them.
    What cannot be read is a fault in words, never an error."""
    text = text[:_MARKED]
    try:
        stream, keep = "negative" if negative else "", names_with("__", "{")
        resolved = with_plain_names(wildcards.resolve(clean(text), seed, wildcard_lines(), stream, keep).text)
        loras = () if negative else extract_loras(resolved)[1]
        for lora in loras:
            find_lora(lora.name)
        stages = describe_prompt(resolved, tokenizer, embeddings=embeddings, negative=negative).stages
    except InvalidRequest as error:
        return Count(fault=for_the_window(str(error)))
    chunks = max((stage.chunks for stage in stages), key=lambda rows: (len(rows), sum(map(len, rows))))
    used = sum(map(len, chunks[:-1])) + len(chunks[-1])
    starts: tuple[int, ...] = ()
    if len(stages) == 1 and len(chunks) > 1 and resolved == text and not loras:
        starts = _words(text, stages[0].starts[1:])
    return Count(used, CHUNK * len(chunks), starts)


def _words(text: str, starts: tuple[int, ...]) -> tuple[int, ...]:
    """The words in which these places are, by their first characters."""
    words = [match.start() for match in re.finditer(r"[^\s,]+|,", text)]
    return tuple(words[max(bisect_right(words, start) - 1, 0)] for start in starts)
