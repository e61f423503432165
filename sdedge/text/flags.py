"""Lines of flags, as the A1111 web UI's "Prompts from file" takes them: `--prompt "a cat" --steps 20 --n_iter 2`. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sdedge.errors import InvalidRequest
from sdedge.text.clean import shown

_TEXTS = ("prompt", "negative")
_FLAG = re.compile(r"(?<!\S)--[A-Za-z]")
_TOKEN = re.compile(r'"((?:\\.|[^"\\])*+)"(?!\S)|\'([^\']*+)\'(?!\S)|(\S+)', re.S)


def has_flags(line: str) -> bool:
    """Returns whether a line holds a word that begins with two dashes and a letter."""
    return _FLAG.search(line) is not None


def split(line: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Returns the values by flag, or by its name in `fields`. Text before the first flag is the prompt.

    A prompt reaches to the next flag, with or without quotes; other values are one word or quoted. Raises InvalidRequest
    for a quote that is not closed, a flag without a value, given twice, and a word that belongs to none.
    """
    values: dict[str, list[str]] = {}
    flag, spelt = "prompt", "the prompt"
    for token in _TOKEN.finditer(line):
        word = token[3]
        if word is not None and re.match(r"--[A-Za-z]", word):
            spelt, _, value = word.partition("=")
            name = spelt[2:].lower().replace("-", "_")
            flag = fields.get(name, name)
            if flag in values:
                raise InvalidRequest(f"The flag {shown(spelt)} is given twice; give it once.")
            values[flag] = [value] if value else []
            continue
        if word is not None and word.startswith('"'):
            raise InvalidRequest(f"A quote is not closed at {shown(line[token.start() :])}; close it.")
        if flag not in _TEXTS and values[flag]:
            raise InvalidRequest(
                f"{shown(token[0])} behind {shown(spelt)} belongs to no flag; quote values that hold spaces."
            )
        quoted = re.sub(r'\\(["\\])', r"\1", token[1]) if token[1] is not None else token[2]
        values.setdefault(flag, []).append(word if word is not None else quoted)
    empty = next((flag for flag, texts in values.items() if not texts), None)
    if empty is not None:
        raise InvalidRequest(f"The flag for {shown(empty)} has no value; write one behind it.")
    return {flag: " ".join(texts) for flag, texts in values.items()}
