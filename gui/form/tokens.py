"""How long a prompt is in tokens, where its chunks begin, and what in it cannot be read. No Qt, no torch."""

from __future__ import annotations

import enum
import re
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gui.languages.texts import tr
from gui.shell.advice import for_the_window
from sdedge.errors import InvalidRequest
from sdedge.text.chunks import CHUNK
from sdedge.text.clean import clean
from sdedge.text.tokenizer import Tokenizer

_SEEDS_TRIED = 32
_MARKED = 20_000  # characters; beyond, a request is refused anyhow


class AdapterKind(enum.StrEnum):
    LORA = "lora"
    EMBEDDING = "embedding"


@dataclass(frozen=True)
class Count:
    """`used` of `limit` tokens; `starts` are the characters at which the second chunk and those after it begin."""

    used: int = 0
    limit: int = CHUNK
    starts: tuple[int, ...] = ()
    fault: str = ""


def count(
    text: str, tokenizer: Tokenizer, embeddings: Mapping[str, int] | None = None, negative: bool = False, seed: int = 0,
    longest: int | None = None, fixed: Collection[AdapterKind] = (),
) -> Count:  # fmt: skip
    """Counts the longest of what is encoded at any step, with the wildcards of one seed, chosen as the engine chooses them.
    What cannot be read is a fault in words, never an error, and so are a prompt of more than `longest` chunks and adapters
    of the `fixed` kinds, which a converted model takes none of."""
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
        if fixed and (fault := _fixed_adapter(text, resolved, negative, fixed)):
            return Count(fault=fault)
        stages = [stage.chunks for stage in chunk_prompt(prompt, tokenizer, embeddings=embeddings)]
    except InvalidRequest as error:
        return Count(fault=for_the_window(str(error)))
    chunks = max(stages, key=lambda rows: (len(rows), sum(row.used for row in rows)))
    if longest is not None and len(chunks) > longest:
        fault = tr("The prompt fills {0} parts of {1} tokens, and this converted model takes {2}; shorten it.")
        return Count(fault=fault.format(len(chunks), CHUNK, longest))
    starts: tuple[int, ...] = ()
    if len(stages) == 1 and len(chunks) > 1 and resolved == text and not prompt.loras:
        starts = _word_starts(text, tuple(row.start for row in chunks[1:]))
    return Count(sum(row.used for row in chunks), CHUNK * len(chunks), starts)


def _fixed_adapter(text: str, resolved: str, negative: bool, fixed: Collection[AdapterKind]) -> str:
    """Returns what is wrong where a prompt brings what its converted model takes none of. A LoRA that is written in it is the
    form's to say; one that a wildcard may bring is looked for with the choices of some seeds."""
    from sdedge.library.adapters import embedding_names, wildcards_chosen
    from sdedge.text.prompt import read_texts
    from sdedge.text.tags import extract_loras

    if AdapterKind.EMBEDDING in fixed and (names := embedding_names(read_texts(resolved, 1, negative=negative))):
        text = tr("This converted model takes no embeddings; leave out {0}, or use the model it was made from.")
        return text.format(names[0])
    if AdapterKind.LORA in fixed and not negative and not extract_loras(text)[1]:
        for seed in range(_SEEDS_TRIED):
            chosen = wildcards_chosen(text, seed)
            if loras := extract_loras(chosen.text)[1]:
                text = tr(
                    "A wildcard may bring the LoRA {0}, and this converted model takes none; choose another wildcard, or "
                    "use the model it was made from."
                )
                return text.format(loras[0].name)
            if not chosen.choices:
                break
    return ""


def _word_starts(text: str, starts: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the words in which these places are, by their first characters."""
    places = [match.start() for match in re.finditer(r"[^\s,]+|,", text)]
    return tuple(places[max(bisect_right(places, start) - 1, 0)] for start in starts)
