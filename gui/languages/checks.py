"""What is wrong with a language's files, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QTranslator

from gui.languages.language import ENGLISH
from gui.languages.linguist import Message, Source, read
from gui.languages.sources import Sources
from gui.languages.texts import context_of

_PLACE = re.compile(r"\{\w*(?::[^{}]*)?\}|%L?n|<[\w/]+(?::[^>]*)?>")
_KEY = re.compile(r"&(?=\w)")


COMPLETE = (ENGLISH, "de")
"""Languages of which no text may be left open."""


def wanted(code: str, sources: Sources) -> Sources:
    """Returns what is to be translated: all, but for English, where only what depends on a number has forms."""
    return {source: files for source, files in sources.items() if code != ENGLISH or source.counted}


def faults(file: Path, sources: Sources) -> Iterator[str]:
    """Yields what is wrong with a .ts file, of which the folder is the language, and with its .qm."""
    known, code = read(file), file.parent.name
    if not known and not wanted(code, sources):
        return
    here = {source for source, message in known.items() if not message.vanished}
    there = {*wanted(code, sources)}
    if missing := sorted(there - here):
        yield f"{file}: {len(missing)} texts of the code are missing, such as {missing[0].text!r}; run update."
    if spare := sorted(here - there):
        yield f"{file}: {len(spare)} texts are not in the code any more, such as {spare[0].text!r}; run update."
    for message in known.values():
        if not message.vanished and (code in COMPLETE or not message.unfinished):
            yield from (f"{file}: {message.source.text!r} {fault}" for fault in message_faults(message))
    yield from compiled_faults(file, known)


def message_faults(message: Message) -> Iterator[str]:
    """Yields what is wrong with one translation."""
    if message.unfinished or not message.forms or not all(message.forms):
        yield "is unfinished."
        return
    source = message.source.text
    for form in message.forms:
        had, has = sorted(_PLACE.findall(source)), sorted(_PLACE.findall(form))
        may_say_one = message.source.counted and form is not message.forms[-1]
        if had != has and not (may_say_one and had in (sorted([*has, "%n"]), sorted([*has, "%Ln"]))):
            yield f"has the places {had}, and its translation {has}."
        if len(_KEY.findall(source)) != len(_KEY.findall(form)):
            yield f"has {len(_KEY.findall(source))} underlined letters, and {form!r} has not."
        for mark in ("…", ":"):
            if source.endswith(mark) != form.endswith(mark):
                yield f"ends in {mark}, or {form!r} does, and the other does not."
        if form != form.strip() and source == source.strip():
            yield f"has spaces at the ends of {form!r}."


def compiled_faults(file: Path, known: dict[Source, Message]) -> Iterator[str]:
    """Yields where the .qm says something else than the .ts."""
    translator = QTranslator()
    if not translator.load(str(file.with_suffix(".qm"))):
        yield f"{file}: its .qm is missing; run release."
        return
    room = file.stem
    for source, message in known.items():
        if not message.forms or message.vanished or message.unfinished:
            continue
        number = 2 if source.counted else -1
        context, about = context_of(room, source.about), source.about or None
        said = translator.translate(context, source.text, about, number)
        meant = message.forms[-1 if len(message.forms) == 2 else 0]
        if said != meant and len(message.forms) < 3:
            yield f"{file}: its .qm has {said!r} for {source.text!r}; run release."
