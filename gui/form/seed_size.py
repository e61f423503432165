"""The two settings that have buttons of their own: the picture's size, and its seed."""

from __future__ import annotations

import secrets
from functools import partial

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from gui.form.aspect_chips import AspectChips
from gui.form.fields import LABEL, TypedEdit, label_of, row_label, watch
from gui.look.plain import PlainLabel
from gui.look.theme import HALF, set_kind
from gui.shell.actions import name_button
from gui.shell.studio import Studio
from gui.widgets.cards import beginning
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import stack
from sdedge import catalog


class SizeField(QWidget):
    """Width, height, swap, and a menu of sizes; an empty side is the model's own."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._form = studio.form
        self.width_edit = TypedEdit(self._form, "width", label_of("width"))
        self.height_edit = TypedEdit(self._form, "height", label_of("height"))
        self.note = FaultLabel()
        swap = studio.actions.button("swap-size")
        self.presets = QToolButton()
        self.presets.setIcon(studio.theme.icon("chevron-down", "muted"))
        self.presets.setIconSize(QSize(14, 14))  # as in the headings of sections; the two sides need the room
        self.presets.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        set_kind(self.presets, "quiet")
        name_button(self.presets, self.tr("Sizes to choose from"))
        menu = QMenu(self.presets)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        self.presets.setMenu(menu)
        times = PlainLabel("×")
        set_kind(times, "muted")
        row = _row(self.tr("Size"), self.width_edit, times, self.height_edit, swap, self.presets)
        self.aspects = AspectChips(self._form, studio.theme)
        stack_into(self, row, self.aspects, self.note)
        for edit in (self.width_edit, self.height_edit):
            edit.fault_changed.connect(lambda fault: self._say())
        studio.actions.bind("swap-size", self._swap)
        watch(self, self._form, self._show_own, "card", "image", "width", "height")

    def _say(self) -> None:
        """Says what was typed and is no size, or is none that the model draws."""
        problems = self._form.problems()
        self.note.say(problems.get("width") or problems.get("height") or "")

    def _show_own(self) -> None:
        form = self._form
        own = "" if form.image else str(form.card.side) if form.card else ""
        for edit in (self.width_edit, self.height_edit):
            edit.setPlaceholderText(own or self.tr("auto"))
        self._say()

    def _swap(self) -> None:
        size = self._form.size
        if size is not None:
            self._form.put(width=size[1], height=size[0])

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        card = self._form.card
        own = self.tr("The picture's own") if self._form.image else self.tr("The model's own")
        if card is not None and not self._form.image:
            own += f" ({card.side} × {card.side})"
        menu.addAction(own, lambda: self._form.put(width=None, height=None))
        menu.addSeparator()
        for width, height in card.sizes if card else catalog.SIZES:
            menu.addAction(f"{width} × {height}", partial(self._form.put, width=width, height=height))


class SeedField(QWidget):
    """The seed, a lock that keeps it, and a die. Empty, or -1, is chance; so is a seed that is not kept."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        form, actions = studio.form, studio.actions
        self.edit = TypedEdit(form, "seed", label_of("seed"))
        self.edit.setPlaceholderText(self.tr("by chance"))
        self.note = FaultLabel()
        self.edit.fault_changed.connect(self.note.say)
        self.lock, die = actions.button("lock-seed"), actions.button("random-seed")
        stack_into(self, _row(label_of("seed"), self.edit, self.lock, die), self.note)
        actions.follow("lock-seed", self._keep)
        actions.bind("random-seed", lambda: form.put(seed=secrets.randbelow(2**32)))
        watch(self, form, self._show_lock, "seed_locked")

    def _keep(self, on: bool) -> None:
        form = self._studio.form
        if on and form.seed is None:
            form.put(seed=secrets.randbelow(2**32))
        form.seed_locked = on

    def _show_lock(self) -> None:
        locked, action = self._studio.form.seed_locked, self._studio.actions["lock-seed"]
        action.setChecked(locked)
        action.setIcon(self._studio.theme.icon("lock" if locked else "unlock", "accent" if locked else "muted"))


def _row(label: str, *widgets: QWidget) -> QWidget:
    box, row = QWidget(), QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(HALF)
    title = row_label(label, LABEL + HALF)
    title.setBuddy(widgets[0])
    row.addWidget(title)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, TypedEdit) else 0)
    box.setLayout(row)
    return box


def stack_into(host: QWidget, *rows: QWidget) -> None:
    """Stacks rows below one another as all of a widget; notes are in line with the controls."""
    for row in rows:
        if isinstance(row, FaultLabel | AspectChips):
            row.setContentsMargins(*beginning(host, LABEL + 2 * HALF))
    box = QHBoxLayout(host)
    box.setContentsMargins(0, 0, 0, 0)
    box.addWidget(stack(*rows, gap=2))
