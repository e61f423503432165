"""What is offered while a prompt is typed: LoRAs, embeddings, wildcards, and tags of the person's own list. No Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gui.form.tag_list import Tag, TagList

LONGEST = 120  # characters, of the longest name that is completed
MOST = 20  # candidates
LONGEST_TAG = 5  # words of one that is typed with spaces
_LORA = re.compile(r"<(?:lora|lyco):([^<>:]*)$", re.I)
_WILDCARD = re.compile(r"(?<![\w\\])__([\w/-]*)$")
_WORD = re.compile(r"[\w.-]{2,}$")
_PHRASE = re.compile(r"[^,\n|:<>{}\[\]]*$")


@dataclass(frozen=True)
class Candidate:
    """`label` is read, `text` takes the place of what was typed."""

    label: str
    text: str


@dataclass(frozen=True)
class Completion:
    """What of the text before the caret is replaced, and by which."""

    typed: str = ""
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Offered:
    """Names that can be completed."""

    loras: Sequence[str] = ()
    embeddings: Sequence[str] = ()
    wildcards: Sequence[str] = ()
    tags: TagList | None = None


def complete(before: str, offered: Offered) -> Completion:
    """Returns what the text before the caret may become; nothing where it is one of the names already."""
    if match := _LORA.search(before):
        return _of_names(match[1], offered.loras, lambda name: f"{name}:1>")
    if (match := _WILDCARD.search(before)) and offered.wildcards:
        return _of_names(match[1], offered.wildcards, lambda name: f"{name}__")
    word = match[0] if (match := _WORD.search(before)) else ""
    names = _of_names(word, offered.embeddings, str) if word else Completion()
    if word in offered.embeddings or offered.tags is None:
        return names
    typed, tags = _of_tags(before, word, offered.tags)
    if names.candidates and typed != word:
        return (
            names if not tags else Completion(word, (*names.candidates, *_of_tags(word, word, offered.tags)[1])[:MOST])
        )
    return Completion(typed, (*names.candidates, *tags)[:MOST])


def _of_names(typed: str, names: Sequence[str], text: Callable[[str], str]) -> Completion:
    if not names or typed in names:
        return Completion()
    wanted = typed.casefold()
    matching = sorted(
        (name for name in names if wanted in name.casefold()), key=lambda n: not n.casefold().startswith(wanted)
    )
    return Completion(typed, tuple(Candidate(name, text(name)) for name in matching[:MOST]))


def _of_tags(before: str, word: str, tags: TagList) -> tuple[str, tuple[Candidate, ...]]:
    """Returns what a tag would replace, and the tags: of the last words since the comma as many as some tag begins with."""
    match = _PHRASE.search(before)
    phrase = match[0].lstrip(" (") if match else ""
    ends = [phrase[at:] for at in _beginnings(phrase)]
    for typed in dict.fromkeys((*ends, word)):
        if len(typed.strip()) < 2 or typed != typed.rstrip():
            continue
        if rows := tags.matches(typed.replace("\\", ""), MOST):
            if any(tag.in_prompt.casefold() == typed.casefold() for tag, _ in rows):
                return typed, ()
            return typed, tuple(_candidate(tag, alias) for tag, alias in rows)
    return word, ()


def _beginnings(phrase: str) -> list[int]:
    """Returns where the last words of a phrase begin, the most of them first."""
    return [match.start() for match in re.finditer(r"(?<!\S)\S", phrase)][-LONGEST_TAG:]


def _candidate(tag: Tag, alias: str) -> Candidate:
    name = f"{alias} → {tag.name}" if alias else tag.name
    return Candidate(f"{name}   {tag.spoken_count}".rstrip(), f"{tag.in_prompt}, ")
