"""What another program's picture says of its making, and which of it could not be taken over, each with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.theme import GAP, HALF, set_kind
from gui.shell.background import LatestRun
from gui.shell.studio import Studio
from gui.widgets.fold import Fold
from sdedge.errors import SdedgeError
from sdedge.library.gallery import GalleryEntry

OURS = "sdedge"
SHOWN = 40  # settings that were not taken over; the rest is counted
_LONGEST = 20_000  # characters of the text as it stands in the file
_VALUE = 120  # characters of a setting's value
_HEIGHT = 140  # pixels of the text


@dataclass(frozen=True)
class Origin:
    """What a file says: the program, its text, (setting, value, reason) of what was not taken, or sentences."""

    program: str
    text: str
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str, str], ...] = ()


def read_origin(path: Path) -> Origin | None:
    """Returns what the file of another program says; None where it says nothing, or is gone."""
    from sdedge.images.metadata import read

    try:
        recorded = read(path)
    except (SdedgeError, OSError):
        return None
    if not recorded.source or recorded.source == OURS:
        return None
    left_out = tuple((each.field, each.value, each.reason) for each in recorded.unhonoured)
    notes = () if left_out else recorded.notes  # they sum up the same
    return Origin(recorded.source, recorded.text, notes, left_out)


class OriginPanel(QWidget):
    """Hidden for our own pictures and for those that say nothing."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._reading = LatestRun(studio.bridge.background, self)
        self._path: Path | None = None
        self.program, self.left_out = PlainLabel(), PlainLabel()
        set_kind(self.program, "strong")
        set_kind(self.left_out, "caption")
        self.left_out.setWordWrap(True)
        self.left_out.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFixedHeight(_HEIGHT)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(self.tr("Settings as the file has them"))
        self.left_fold = Fold(studio.theme, self.tr("Not taken over"), self.left_out, opened=True)
        self.text_fold = Fold(studio.theme, self.tr("As the file has it"), self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GAP, 0, 0)
        column.setSpacing(HALF)
        for widget in (self.program, self.left_fold, self.text_fold):
            column.addWidget(widget)
        self.hide()

    def show_entry(self, entry: GalleryEntry | None) -> None:
        """Shows what the picture's file says, when it is read."""
        foreign = entry is not None and entry.source not in ("", OURS)
        path = entry.path if entry is not None and foreign else None
        if path == self._path:
            return
        self._path = path
        self.hide()
        self._reading.forget()
        if path is not None:
            self._reading.run(lambda: read_origin(path), self._show)

    def _show(self, origin: Origin | None) -> None:
        if origin is None:
            return
        self.program.setText(self.tr("Made with {0}").format(origin.program))
        lines = [*origin.notes, *(_line(*each) for each in origin.left_out[:SHOWN])]
        if len(origin.left_out) > SHOWN:
            lines.append(self.tr("And %Ln more.", "", len(origin.left_out) - SHOWN))
        self.left_out.setText("\n".join(lines))
        self.left_fold.setVisible(bool(lines))
        self.text.setPlainText(origin.text[:_LONGEST])
        self.text_fold.setVisible(bool(origin.text))
        self.show()


def _line(setting: str, value: str, reason: str) -> str:
    """Returns a setting, its value where there is one, and why it was not taken, in one line."""
    short = value if len(value) <= _VALUE else f"{value[:_VALUE]}…"
    return f"{setting}: {short} – {reason}" if short else f"{setting} – {reason}"
