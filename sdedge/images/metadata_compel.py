"""InvokeAI's prompt language (the library compel) into the web UI's, weight for weight. No torch.

    word+  word--  (some words)1.4  (some words)++      (word:1.1)  (word:0.81)  (some words:1.4)  (some words:1.21)
    (some words)                                        some words: a group without a weight is none
    ("one", "two").and()                                one BREAK two: encoded apart and joined, in both

`+` is ×1.1, `-` ×0.9, and weights of nested groups multiply, in both languages. Blends and swaps have no counterpart.
Each function looks at each character a fixed number of times.
"""

from __future__ import annotations

import re
from decimal import Decimal

from sdedge.text.wildcards import escape

MAX_DEPTH = 50
_NUMBER = r"[+-]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?![\w.]\w)"
_TOKEN = re.compile(rf"\\.|\(|\)({_NUMBER}|\++|-+)?|([^\s()\\]++)|\s+|\\", re.S)
_CALL = re.compile(r"\)\s{0,20}\.\s{0,20}(?:and|blend|swap)\s{0,20}\(|\w\.swap\s{0,20}\(")
_AND = re.compile(r'\(\s*("(?:\\.|[^"\\])*+"(?:\s*,\s*"(?:\\.|[^"\\])*+")*+)\s*\)\s*\.\s*and\s*\(\s*\)', re.S)
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*+)"', re.S)
_OURS = re.compile(r"\b(?:AND|BREAK)\b|<(?=(?:lora|lyco|hypernet):)", re.I)


def translate(text: str) -> tuple[str, tuple[str, ...]]:
    """Returns the prompt in the web UI's language, and sentences on what it cannot say; then the text stands as it is."""
    if joined := _AND.fullmatch(text.strip()):
        parts = [translate(re.sub(r'\\(["\\])', r"\1", part)) for part in _QUOTED.findall(joined[1])]
        return " BREAK ".join(part for part, _ in parts), tuple(
            dict.fromkeys(note for _, notes in parts for note in notes)
        )
    if _CALL.search(text):
        note = "The prompt's blend, swap or and has no counterpart here; it stands as plain text, so write it anew."
        return plain(text), (note,)
    try:
        weighted, below = _weighted(text)
    except ValueError:
        return plain(text), (
            "The prompt's groups are not closed or nest too deep; its weights are left out as plain text.",
        )
    note = "Weights below 1 are applied to the words alone here; InvokeAI also mixes in the prompt without them."
    return weighted, (note,) if below else ()


def plain(text: str) -> str:
    """Returns the text without any language, as the web UI's: brackets, wildcards and words of ours escaped."""
    return unlike_ours(escape(re.sub(r"[][()\\]", r"\\\g<0>", text)))


def _weighted(text: str) -> tuple[str, bool]:
    """Returns the translation, and whether any weight is below 1. Raises ValueError for brackets that do not pair."""
    groups: list[list[str]] = [[]]
    below = False
    for token in _TOKEN.finditer(text):
        if token[0] == "(":
            groups.append([])
            if len(groups) > MAX_DEPTH:
                raise ValueError("nested too deep")
        elif token[0].startswith(")"):
            inner = "".join(groups.pop())
            if not groups:
                raise ValueError("closed before it was opened")
            apart = " " if not token[1] and groups[-1] and groups[-1][-1][-1:].isalnum() and inner[:1].isalnum() else ""
            groups[-1].append(apart + _group(inner, token[1]))
            below |= _factor(token[1]) < 1
        elif token[2]:
            word, weight, rest = _signed(token[2])
            groups[-1].append(_group(_literal(word), weight) + rest)
            below |= _factor(weight) < 1
        else:
            groups[-1].append(token[0] if token[0] in (r"\(", r"\)") else _literal(token[0]))
    if len(groups) > 1:
        raise ValueError("not closed")
    return unlike_ours(escape("".join(groups[0]))), below


def _signed(word: str) -> tuple[str, str, str]:
    """Returns a word, the run of + or - behind it, and its punctuation."""
    core = word.rstrip(",.;:!?")
    stem = core.rstrip(core[-1]) if core.endswith(("+", "-")) else core
    if not stem or stem.endswith(("+", "-")):
        return word, "", ""
    return stem, core[len(stem) :], word[len(core) :]


def _group(inner: str, weight: str | None) -> str:
    factor = _factor(weight)
    return inner if factor == 1 else f"({inner}:{factor.normalize():f})"


def _factor(weight: str | None) -> Decimal:
    if not weight:
        return Decimal(1)
    if set(weight) == {"+"}:
        return round(Decimal("1.1") ** min(len(weight), 60), 6)
    if set(weight) == {"-"}:
        return round(Decimal("0.9") ** min(len(weight), 60), 6)
    return Decimal(weight)


def _literal(text: str) -> str:
    """Returns words in which no bracket and no backslash means anything to the web UI."""
    return re.sub(r"[][\\()]", r"\\\g<0>", text)


def unlike_ours(text: str) -> str:
    """Keeps AND, BREAK and tags, which are words there, apart from ours by a backslash inside, which is dropped when read."""
    return _OURS.sub(lambda match: match[0] if match[0].lower() in ("and", "break") and not match[0].isupper() else
                     f"{match[0][0]}\\{match[0][1:]}", text)  # fmt: skip
