"""Files of Qt Linguist: read into values, merged with what the sources say now, and written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import PySide6

from gui.languages.texts import context_of
from sdedge.files import atomic_write


@dataclass(frozen=True, order=True)
class Source:
    """A text as the code says it; `about` tells it apart from the same English of another meaning."""

    text: str
    about: str = ""

    @property
    def counted(self) -> bool:
        """Returns whether it has a form for one and others for more; "%Ln" is the number as the language writes it."""
        return "%n" in self.text or "%Ln" in self.text


@dataclass(frozen=True)
class Message:
    """A text and what it is in the language: one form, or as many as a number asks for; none while it is unfinished."""

    source: Source
    forms: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Where it stands, in the tree."""
    unfinished: bool = True
    vanished: bool = False
    note: str = ""
    """Of the translators, for each other."""


def read(file: Path) -> dict[Source, Message]:
    """Returns what a .ts file has; nothing where there is none."""
    if not file.exists():
        return {}
    messages = (_message(node) for node in ElementTree.parse(file).iter("message"))
    return {message.source: message for message in messages}


def _message(node: ElementTree.Element) -> Message:
    translation = node.find("translation")
    assert translation is not None
    numbered = [form.text or "" for form in translation.findall("numerusform")]
    forms = numbered or [translation.text or ""]
    kind = translation.get("type", "")
    return Message(
        Source(node.findtext("source") or "", node.findtext("comment") or ""),
        tuple(forms) if any(forms) else (),
        tuple(place.get("filename", "").rpartition("../")[2] for place in node.findall("location")),
        kind == "unfinished",
        kind in ("vanished", "obsolete"),
        node.findtext("translatorcomment") or "",
    )


def merged(
    known: dict[Source, Message], sources: dict[Source, tuple[str, ...]], others: dict[Source, Message]
) -> dict[Source, Message]:
    """Returns the messages of the `sources`, with the translations that are known or that `others` of the
    language have; what is not found any more and was translated is kept as vanished."""
    result = {}
    for source, places in sources.items():
        message = known.get(source) or others.get(source) or Message(source)
        unfinished = message.unfinished or not message.forms
        result[source] = replace(message, files=places, unfinished=unfinished, vanished=False)
    gone = {
        source: replace(m, vanished=True, files=()) for source, m in known.items() if m.forms and source not in sources
    }
    return result | gone


def write_file(file: Path, code: str, room: str, messages: Iterable[Message], base: str) -> None:
    """Writes a .ts file; `base` leads from it to the tree."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE TS>",
        f'<TS version="2.1" language="{code}" sourcelanguage="en">',
    ]  # fmt: skip
    ordered = sorted(messages, key=lambda m: (m.source.about, m.vanished, m.source))
    for about, group in groupby(ordered, key=lambda m: m.source.about):
        lines += ["<context>", f"    <name>{escape(context_of(room, about))}</name>"]
        lines += [line for message in group for line in _lines(message, base)] + ["</context>"]
    with atomic_write(file) as written:
        written.write("\n".join([*lines, "</TS>", ""]).encode())


def compile_file(file: Path) -> None:
    """Writes the .qm of a .ts file beside it, by PySide6's own lrelease. Raises FileNotFoundError where that is missing."""
    tool = Path(PySide6.__file__).parent / ("lrelease.exe" if sys.platform == "win32" else "lrelease")
    subprocess.run([tool, "-silent", "-nounfinished", file, "-qm", file.with_suffix(".qm")], check=True)


def _lines(message: Message, base: str) -> list[str]:
    source, counted = message.source, message.source.counted
    lines = ['    <message numerus="yes">' if counted else "    <message>"]
    lines += [f'        <location filename="{base}{place}"/>' for place in message.files]
    lines += [f"        <source>{escape(source.text)}</source>"]
    lines += [f"        <comment>{escape(source.about)}</comment>"] * bool(source.about)
    lines += [f"        <translatorcomment>{escape(message.note)}</translatorcomment>"] * bool(message.note)
    kind = ' type="vanished"' if message.vanished else ' type="unfinished"' if message.unfinished else ""
    inside = escape("".join(message.forms[:1]))
    if counted:
        forms = "".join(
            f"\n            <numerusform>{escape(form)}</numerusform>" for form in message.forms or ("", "")
        )
        inside = f"{forms}\n        "
    return [*lines, f"        <translation{kind}>{inside}</translation>", "    </message>"]
