"""The app's languages: their files are up to date, whole, and say the same with the same places filled in."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from gui.languages.checks import COMPLETE, faults, message_faults
from gui.languages.language import ENGLISH, Language, chosen, codes
from gui.languages.linguist import Message, Source, compile_file, merged, read, write_file
from gui.languages.sources import NotTranslatable, in_code, rooms, texts_of
from gui.languages.texts import tr
from gui.look.readable import size_in_words
from gui.shell.actions import ACTIONS, MENUS
from gui.widgets.cards import beginning

TREE = Path(__file__).parents[2]
LANGUAGES = TREE / "resources" / "languages"


@pytest.mark.parametrize("room", rooms(TREE))
def test_files_say_what_the_code_says(room):
    texts = texts_of(TREE, room)
    said = [fault for code in COMPLETE for fault in faults(LANGUAGES / code / f"{room}.ts", texts)]
    assert not said, "\n".join(said[:20])


def test_a_text_is_the_same_in_every_room():
    """Whatever class asks for it, the first room that has it answers; `about` tells apart what is not the same."""
    for folder in LANGUAGES.iterdir():
        known: dict[Source, tuple[str, str]] = {}
        for file in sorted(folder.glob("*.ts")):
            for source, message in read(file).items():
                if message.forms and not message.vanished:
                    room, form = known.setdefault(source, (file.stem, message.forms[0]))
                    assert form == message.forms[0], f"{folder.name}: {source} differs in {room} and {file.stem}"


def test_keys_of_a_menu_are_unique_in_every_language(speaking):
    for code in COMPLETE:
        speaking(code)
        for name in MENUS:
            keys = [key.lower() for spec in ACTIONS if spec.menu == name for key in re.findall("&(.)", tr(spec.text))]
            assert len(keys) == len({*keys}), f"{code}: {name} has {sorted(keys)}"


def test_texts_are_found_in_code():
    code = """
self.tr("one" if x else "two"); tr("a" "b", about="verb"); mark("of a table"); self.tr(a_name)
QCoreApplication.translate("where", "three"); self.tr("%n pictures", "", n)
"""
    texts = {*in_code(code, "a.py")}
    wanted = {Source(t) for t in ("one", "two", "of a table", "three", "%n pictures")} | {Source("ab", "verb")}
    assert texts == wanted
    with pytest.raises(NotTranslatable, match=r"a\.py:1"):
        list(in_code('self.tr(f"{n} of them")', "a.py"))


def again_the_same(file: Path) -> bool:
    """Whether what is read is written as it was, places and all."""
    before = file.read_bytes()
    write_file(file, "de", "x", read(file).values(), "../")
    return file.read_bytes() == before


def test_translations_are_kept_and_vanished_ones_marked(tmp_path):
    old = {
        Source(t): Message(Source(t), (t.upper(),), ("gui/a.py",), unfinished=False)
        for t in ("stays", "goes", "<{0}> & 1")
    }
    write_file(tmp_path / "de" / "x.ts", "de", "x", old.values(), "../")
    known = read(tmp_path / "de" / "x.ts")
    assert known == old
    assert again_the_same(tmp_path / "de" / "x.ts")
    new = merged(known, {Source("stays"): ("a.py",), Source("<{0}> & 1"): ("a.py",), Source("%n new"): ("b.py",)}, {})
    write_file(tmp_path / "de" / "x.ts", "de", "x", new.values(), "../")
    again = read(tmp_path / "de" / "x.ts")
    assert again[Source("stays")].forms == ("STAYS",) and again[Source("goes")].vanished
    assert again[Source("%n new")].unfinished and not again[Source("stays")].unfinished


@pytest.mark.parametrize(
    ("source", "forms", "wrong"),
    [
        ("{0} of {all}", ("{0} von {alle}",), "places"), ("&Open…", ("Öffnen…",), "underlined"), ("Open…", ("Öffnen",), "ends"),
        ("%n pictures", ("Ein Bild", "Bilder"), "places"), ("Open", ("",), "unfinished"), ("Open", ("Öffnen ",), "spaces"),
        ("%n pictures", ("Ein Bild", "%n Bilder"), ""), ("&Open {0}…", ("{0} ö&ffnen…",), ""),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_translation_is_said(source, forms, wrong):
    said = " ".join(message_faults(Message(Source(source), forms, unfinished=False)))
    assert wrong in said if wrong else not said


def test_a_language_is_chosen_of_those_there_are(monkeypatch):
    assert codes()[0] == ENGLISH and "de" in codes()
    assert chosen("system") == ENGLISH and chosen("de") == "de" and chosen("tlh") == ENGLISH
    monkeypatch.setenv("SDEDGE_LANGUAGE", "de_AT")
    assert chosen("system") == chosen("en") == "de"


@pytest.fixture
def speaking(qapp, english):
    """A function that lets the app speak a language, and English again after the test."""
    spoken = []

    def speak(code: str) -> Language:
        spoken.append(Language(qapp, code))
        return spoken[-1]

    yield speak
    for language in spoken:
        language.withdraw()
    english.apply()


def test_languages_of_the_data_folder_count_more_and_read_from_the_right(speaking, qapp, tmp_path):
    place = Path(os.environ["SDEDGE_HOME"]) / "languages" / "he"
    place.mkdir(parents=True)
    shutil.copy(LANGUAGES / "de" / "shell.qm", place)
    assert "he" in codes()
    speaking("he")
    assert qapp.layoutDirection() == Qt.LayoutDirection.RightToLeft
    assert beginning(QWidget(), 80) == (0, 0, 80, 0)
    assert size_in_words(22e6) == "\u206622 MB\u2069"


def test_numbers_are_written_as_the_language_does(speaking):
    assert size_in_words(4.3e9) == "4.3 GB"
    speaking("de")
    assert size_in_words(4.3e9) == "4,3 GB"


def test_numbers_have_their_forms_and_what_is_not_translated_is_english(speaking):
    speaking("de")
    assert tr("No such text {0}") == "No such text {0}" and Asking().tr("No such text") == "No such text"
    assert tr("") == ""
    assert tr("%n pictures moved to the trash.", count=1) == "Ein Bild in den Papierkorb gelegt."
    assert tr("%n pictures moved to the trash.", count=2) == "2 Bilder in den Papierkorb gelegt."


class Asking(QObject):
    """A class of the app, as those of Qt ask for Qt's own texts."""


def test_english_has_its_forms_too():
    assert Asking().tr("%n pictures moved to the trash.", "", 1) == "1 picture moved to the trash."
    assert tr("%n pictures moved to the trash.", count=2) == "2 pictures moved to the trash."


def test_a_text_of_two_meanings_has_that_of_its_own_room(speaking, tmp_path, monkeypatch):
    """Of one English text in two rooms, another translation where the code says what it means there."""
    place = tmp_path / "languages"
    monkeypatch.setattr("gui.languages.language.own_folder", lambda: place)
    for room, source, german in (("a", Source("Base"), "Grund"), ("b", Source("Base", "model"), "Basis")):
        file = place / "de" / f"{room}.ts"
        write_file(file, "de", room, [Message(source, (german,), unfinished=False)], "")
        compile_file(file)
        assert read(file)[source].forms == (german,) and not [*faults(file, {source: ()})]
    speaking("de")
    asked = type("Asking", (QObject,), {})()
    assert (tr("Base"), tr("Base", "model"), asked.tr("Base", "model")) == ("Grund", "Basis", "Basis")
