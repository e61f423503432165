"""Which language the app speaks: chosen once at the start, from what folders there are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from gui.languages.texts import context_of
from sdedge.places import data_folder

SYSTEM, ENGLISH = "system", "en"
VARIABLE = "SDEDGE_LANGUAGE"
"""Of the environment; it counts more than the setting."""


def own_folder() -> Path:
    """Returns the folder of the languages that come with the app."""
    return Path(str(files("sdedge.resources"))) / "languages"


def folders(code: str) -> list[Path]:
    """Returns where a language's files are: with the app, and in the data folder, which counts more."""
    return [place for base in (own_folder(), data_folder() / "languages") if (place := base / code).is_dir()]


def codes() -> list[str]:
    """Returns the languages that there are files for, such as "de" or "pt_BR", English first."""
    there = {
        place.parent.name
        for base in (own_folder(), data_folder() / "languages")
        for place in base.glob("*/*.qm")
        if QLocale(place.parent.name).language() != QLocale.Language.C
    }
    return [ENGLISH, *sorted(there - {ENGLISH})]


def own_name(code: str) -> str:
    """Returns a language's name in itself."""
    locale = QLocale(code)
    name = "English" if code == ENGLISH else locale.nativeLanguageName()
    where = f" ({locale.nativeTerritoryName()})" if "_" in code else ""
    return f"{name[:1].upper()}{name[1:]}{where}"


def chosen(setting: str) -> str:
    """Returns the language to speak, of those that there are: the setting's, or else the first of the system's."""
    known = codes()
    wanted = os.environ.get(VARIABLE) or setting
    asked = QLocale.system().uiLanguages() if wanted == SYSTEM else [wanted]
    for name in (name.replace("-", "_") for name in asked):
        parts = name.split("_")
        for code in ("_".join(parts[:n]) for n in range(len(parts), 0, -1)):
            if code in known:
                return code
    return ENGLISH


class Texts(QTranslator):
    """The texts of one language, whatever class asks for them: a room's file has one context, named as the room."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self._known: dict[tuple[str, str | None, int], str | None] = {}

    @cached_property
    def _rooms(self) -> list[tuple[str, QTranslator]]:
        rooms = []
        for folder in reversed(folders(self.code)):
            for file in sorted(folder.glob("*.qm")):
                translator = QTranslator()
                if translator.load(str(file)):
                    rooms.append((file.stem, translator))
        return rooms

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        """Returns the text; None, which the signature of Qt does not name, leaves it to the next translator."""
        if context[:1] == "Q" and context[1:2].isupper():
            return None  # type: ignore[return-value]  # Qt's own
        key = source, disambiguation or None, n
        if key not in self._known:
            meanings = [disambiguation, None] if disambiguation else [None]
            said = (
                texts.translate(context_of(room, about), source, about, n)
                for about in meanings
                for room, texts in self._rooms
            )
            self._known[key] = next((text for text in said if text), None)
        return self._known[key]  # type: ignore[return-value]

    def isEmpty(self) -> bool:
        return not self._rooms


class Language:
    """One language in force in an application, until it is withdrawn."""

    def __init__(self, app: QApplication, code: str) -> None:
        """Its texts, Qt's own, the way numbers and dates are written, and the direction of reading."""
        self._app, self.code = app, code
        own, system = QLocale(code), QLocale.system()
        self._locale = system if system.language() == own.language() else own
        self._translators: Sequence[QTranslator] = self._with_qt()
        for translator in self._translators:
            app.installTranslator(translator)
        self.apply()

    def apply(self) -> None:
        """Sets what Qt has one of: how numbers and dates are written, and the direction."""
        QLocale.setDefault(self._locale)
        self._app.setLayoutDirection(self._locale.textDirection())

    def withdraw(self) -> None:
        """Leaves the application as before, but for locale and direction."""
        for translator in self._translators:
            self._app.removeTranslator(translator)

    def _with_qt(self) -> list[QTranslator]:
        dialogs = QTranslator()
        place = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        loads = self.code != ENGLISH and dialogs.load(self._locale, "qtbase", "_", place)
        return [*([dialogs] if loads else []), Texts(self.code)]
