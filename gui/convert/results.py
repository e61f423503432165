"""Converted models as cards: what they are, how close they are to the model they came from, and a button to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui.convert.orphans import INT8
from gui.languages.texts import mark, tr
from gui.look.plain import PlainLabel
from gui.look.readable import size_in_words
from gui.look.theme import GAP, HALF, PAD, Theme, set_kind, spaced_font
from gui.models.items import Item
from gui.models.kinds import format_text, note_texts
from gui.widgets.flow import FlowLayout
from gui.widgets.fold import Fold
from sdedge.errors import ModelError
from sdedge.json_values import read_json_file
from sdedge.library.manifest import Manifest, is_bundle

Result = tuple[Item, Mapping[str, Any]]
"""A converted model, and the figures of its manifest."""

CLOSE = 25.0  # dB of a picture, from which on one has to look for the differences
NETWORKS = {
    "text_encoder": mark("text encoder"), "unet": mark("UNet"), "controlled_unet": mark("UNet with controls"),
    "vae_decoder": mark("VAE decoder"), "vae_encoder": mark("VAE encoder"), "safety_checker": mark("safety checker"),
    "token_embedding": mark("token embedding"), "picture": mark("picture"),
}  # fmt: skip
"""By component of a bundle; ControlNets have names of their own."""
_KINDS = {"passed": "good", "lossy": "caution", "failed": "fault"}


class ConvertResults(QWidget):
    """One card per converted model, and one per conversion that was interrupted."""

    asked = Signal(str, object)
    """("use", "compare", "reveal" or "remove", the Item); of an unfinished one "reveal" or "remove" and its folder."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP)
        self.cards: list[ResultCard] = []
        self.unfinished: list[UnfinishedCard] = []

    def show_items(self, results: Sequence[Result], unfinished: Sequence[Path] = ()) -> None:
        """Shows these, in this order; folders of `unfinished` conversions come after the models."""
        for old in (*self.cards, *self.unfinished):
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.cards = [ResultCard(item, figures, self._theme) for item, figures in results]
        self.unfinished = [UnfinishedCard(folder) for folder in unfinished]
        cards: list[ResultCard | UnfinishedCard] = [*self.cards, *self.unfinished]
        for card in cards:
            card.asked.connect(self.asked)
            self._column.addWidget(card)


class _Card(QFrame):
    """A title, rows that a subclass says, and buttons that ask for something with the card's `subject`."""

    asked = Signal(str, object)

    def __init__(self, title: str, subject: object) -> None:
        super().__init__()
        self._subject = subject
        set_kind(self, "card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(PAD, PAD, PAD, PAD)
        self._column.setSpacing(HALF)
        self._add_text(title, "strong")

    def _add_text(self, text: str, kind: str) -> PlainLabel:
        label = PlainLabel(text)
        set_kind(label, kind)
        label.setWordWrap(True)
        self._column.addWidget(label)
        return label

    def _add_buttons(self, **buttons: QPushButton) -> None:
        row = FlowLayout()
        for name, button in buttons.items():
            button.clicked.connect(lambda checked=False, name=name: self.asked.emit(name, self._subject))
            row.addWidget(button)
        self._column.addSpacing(HALF)
        self._column.addLayout(row)


class UnfinishedCard(_Card):
    """Says what an interrupted conversion left on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.name, folder)
        self.folder = folder
        self.setObjectName("unfinished-conversion")
        self._add_text(
            self.tr("Interrupted before it was finished. Converting the same again goes on with what is there."),
            "caution",
        )
        self.remove = QPushButton(self.tr("Remove…"))
        self._add_buttons(reveal=QPushButton(self.tr("Show in Folder")), remove=self.remove)


class ResultCard(_Card):
    """Says what a converted model is and how close it is to the model it came from."""

    def __init__(self, item: Item, figures: Mapping[str, Any], theme: Theme) -> None:
        super().__init__(item.name, item)
        self.item = item
        self._add_text(
            " · ".join(part for part in (format_text(item), size_in_words(item.size), *note_texts(item)) if part),
            "caption",
        )
        self.verdict = self._add_text(self._verdict(figures), _KINDS.get(figures.get("outcome", ""), "caption"))
        self.figures = Fold(theme, self.tr("Details"), self._details(figures))
        self.figures.setVisible(bool(figures.get("psnr") or figures.get("pictures")))
        self._column.addWidget(self.figures)
        self.use = QPushButton(self.tr("Use the Result"))
        self.use.setEnabled(item.usable)
        self.compare = QPushButton(self.tr("Compare Now"))
        self.remove = QPushButton(self.tr("Remove…"))
        self._add_buttons(
            use=self.use, compare=self.compare, reveal=QPushButton(self.tr("Show in Folder")), remove=self.remove
        )
        self.compare.setVisible("pictures" not in figures)  # an int8 copy was compared as it was made

    def _verdict(self, figures: Mapping[str, Any]) -> str:
        if "pictures" in figures:
            worst = min(figures["pictures"], default=0.0)
            return (
                self.tr("Its pictures are close to the model's.")
                if worst >= CLOSE
                else self.tr("Its pictures differ from the model's.")
            )
        outcome = figures.get("outcome")
        verdicts = {
            "passed": self.tr("Verified: every network computes what the model's does."),
            "lossy": self.tr("Verified: close to the model, with weights of {0} bits."),
            "failed": self.tr("Not as close to the model as it must be; convert with other options."),
        }
        if outcome in verdicts:
            return verdicts[outcome].format(figures.get("weight_bits", "?"))
        return self.tr("Not compared with the model.")

    def _details(self, figures: Mapping[str, Any]) -> QWidget:
        """Returns the figures, for those who know decibels."""
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        if "pictures" in figures:
            worst = min(figures["pictures"], default=0.0)
            column.addWidget(
                _cell(self.tr("At least {0:.0f} dB against the model's pictures").format(worst), "caption")
            )
        column.addLayout(self._table(figures))
        return box

    def _table(self, figures: Mapping[str, Any]) -> QGridLayout:
        """Lays out the PSNR in dB by network and precision."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(PAD)
        grid.setVerticalSpacing(2)
        psnr = figures.get("psnr", {})
        if psnr:
            for column, text in enumerate(
                (self.tr("Against the model"), self.tr("half precision"), self.tr("single precision"))
            ):
                grid.addWidget(_cell(text, "caption"), 0, column)
        for row, (network, by) in enumerate(psnr.items(), 1):
            grid.addWidget(_cell(tr(NETWORKS.get(network, network.replace("_", " ")))), row, 0)
            for column, precision in enumerate(("float16", "float32"), 1):
                value = by.get(precision)
                grid.addWidget(
                    _cell(self.tr("{0:.0f} dB").format(value) if value is not None else self.tr("exact")), row, column
                )
        grid.setColumnStretch(3, 1)
        return grid


def read_results(items: Sequence[Item]) -> list[Result]:
    """Returns the converted models among these, with what their manifests say was measured; the latest first."""
    results: list[Result] = []
    for item in items:
        if item.role == "model" and (item.path / INT8).is_file():
            results.append((item, _int8_figures(item.path / INT8)))
        elif item.role == "model" and is_bundle(item.path):
            try:
                results.append((item, dict(Manifest.read(item.path).figures)))
            except ModelError:  # the library's view says what is wrong with it
                continue
    return sorted(results, key=lambda result: result[0].added, reverse=True)


def _int8_figures(path: Path) -> Mapping[str, Any]:
    try:
        return {"outcome": "lossy", "pictures": read_json_file(path)["figures"]["psnr"]}
    except (ModelError, KeyError, TypeError):
        return {}


def _cell(text: str, kind: str = "") -> QLabel:
    label = PlainLabel(text)
    label.setFont(spaced_font(label.font()))
    if kind:
        set_kind(label, kind)
    return label
