"""What there is to translate: found in the code of each room, and in the tables of sdedge that the app shows."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from gui.languages.linguist import Source

TABLES = "tables"
"""The room of what sdedge's tables say; every other one is a package of the app."""
_TEXT_FIRST = {"tr", "mark"}
_TEXT_SECOND = {"translate", "QT_TRANSLATE_NOOP"}
Sources = dict[Source, tuple[str, ...]]


class NotTranslatable(Exception):
    """A text that is put together before it is translated."""


def rooms(tree: Path) -> list[str]:
    """Returns the rooms that texts are found in, by their names."""
    return [
        *sorted(p.parent.name for p in (tree / "gui").glob("*/__init__.py") if p.parent.name != "languages"),
        TABLES,
    ]


def texts_of(tree: Path, room: str) -> Sources:
    """Returns a room's texts with the files that they are in. Raises NotTranslatable."""
    places: defaultdict[Source, set[str]] = defaultdict(set)
    if room == TABLES:
        for text, place in tables():
            places[Source(text)].add(place)
    else:
        for file in sorted((tree / "gui" / room).glob("*.py")):
            name = file.relative_to(tree).as_posix()
            for source in in_code(file.read_text("utf-8"), name):
                places[source].add(name)
    return {source: tuple(sorted(files)) for source, files in places.items() if source.text}


def in_code(code: str, name: str) -> Iterator[Source]:
    """Yields the texts of one file. Raises NotTranslatable."""
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        arguments = node.args[1:] if called in _TEXT_SECOND else node.args
        if called in _TEXT_FIRST | _TEXT_SECOND and arguments:
            about = [*arguments[1:2], *(word.value for word in node.keywords if word.arg == "about")]
            for text in _texts(arguments[0], f"{name}:{node.lineno}"):
                yield Source(
                    text, next((a.value for a in about if isinstance(a, ast.Constant) and isinstance(a.value, str)), "")
                )


def _texts(node: ast.expr, place: str) -> Iterator[str]:
    """A name stands for a text that was marked elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, place)
        yield from _texts(node.orelse, place)
    elif isinstance(node, ast.JoinedStr | ast.BinOp):
        raise NotTranslatable(
            f"{place} puts a text together before it is translated; use .format() on the translation."
        )


def tables() -> Iterable[tuple[str, str]]:
    """Yields each text of sdedge's tables that the app shows, with the file it is in. Names of samplers and the like are none."""
    from sdedge import catalog
    from sdedge.field_rows import FormEntry
    from sdedge.guides import GUIDES
    from sdedge.library.hub_entries import ENTRIES
    from sdedge.preprocessors import PREPROCESSORS
    from sdedge.request_fields import FIELDS

    names = {row.label for table in (catalog.SAMPLERS, catalog.SCHEDULES, catalog.PRESETS) for row in table.values()}
    for entry in (row.form for row in FIELDS.values() if isinstance(row.form, FormEntry)):
        yield from ((text, "sdedge/request_fields.py") for text in (entry.label, entry.tip))
        pairs = ((text, "sdedge/catalog.py") for row in entry.choices.values() for text in row)
        yield from ((text, place) for text, place in pairs if text not in names)
    for sampler in catalog.SAMPLERS.values():
        yield from ((option.text, "sdedge/catalog.py") for option in sampler.options.values())
    for guide in GUIDES.values():
        yield guide.text, "sdedge/guides.py"
        yield from ((number.help, "sdedge/guides.py") for number in guide.numbers)
    for way in PREPROCESSORS.values():
        yield way.help.split(". ")[0], "sdedge/preprocessors.py"
    for got in ENTRIES:
        yield got.text, "sdedge/library/hub_entries.py"
