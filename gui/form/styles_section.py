"""Styles and wildcards: chosen from the person's own lists, and what the prompt becomes with them."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout, QWidget

from gui.form.becoming import Becomes, becomes, cut, read_styles, styled
from gui.form.fields import watch
from gui.form.hint import rest_timer
from gui.form.names import Names
from gui.form.prompt_editor import PromptEditor
from gui.look.plain import PlainLabel, menu_text, set_tooltip
from gui.look.theme import GAP, plain_button, set_kind
from gui.shell.background import LatestRun, in_words
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import InvalidRequest
from sdedge.text.styles import Style


class StylesSection(QWidget):
    """`editor` is the prompt's, which takes a wildcard at its caret."""

    def __init__(self, studio: Studio, editor: PromptEditor) -> None:
        super().__init__()
        self._studio, self._form, self._editor = studio, studio.form, editor
        self._reading = LatestRun(studio.bridge.background, self)
        self._choosing = LatestRun(studio.bridge.background, self)
        self._another = 0
        self.styles = self._menu_button(
            self.tr("Apply a style…"), self.tr("Of styles.csv: it is laid around both prompts")
        )
        self.wildcards = self._menu_button(
            self.tr("Insert a wildcard…"), self.tr("A line of a list, chosen by the seed")
        )
        self.becomes, self.fault, self.note = PlainLabel(), FaultLabel(), PlainLabel()
        self.another = plain_button(self.tr("Show another choice"), self._show_another)
        set_tooltip(self.another, self.tr("What another seed would choose; the picture's own seed decides"))
        self._rest = rest_timer(self, self.look)
        self._lay_out()
        watch(self, studio.form, self._begin_anew, "prompt", "seed")

    def offer(self, names: Names) -> None:
        """Offers the wildcards there are, and reads the styles again."""
        menu = self.wildcards.menu()
        menu.clear()
        for name in names.wildcards:
            menu.addAction(menu_text(name), partial(self._editor.insert, f"__{name}__"))
        self.wildcards.setEnabled(bool(names.wildcards))
        self._has_wildcards = bool(names.wildcards)
        self._reading.run(read_styles, self._take_styles)

    _has_wildcards = False

    def _take_styles(self, result: tuple[dict[str, Style], str]) -> None:
        known, fault = result
        menu = self.styles.menu()
        menu.clear()
        for style in known.values():
            menu.addAction(menu_text(style.name), partial(self._apply, style))
        self.styles.setEnabled(bool(known))
        self.fault.say(fault)
        lists = [] if known else [self.tr("styles.csv has none yet")]
        lists += [] if self._has_wildcards else [self.tr("the folder wildcards has no lists yet")]
        self.note.setText(self.tr("In the data folder: {0}.").format(", ".join(lists)))
        self.note.setVisible(bool(lists))

    def _apply(self, style: Style) -> None:
        form = self._form
        before = {"prompt": form.prompt, "negative": form.negative}
        try:
            prompt, negative = styled(form.prompt, form.negative, style)
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            return
        form.put(prompt=prompt, negative=negative)
        text = self.tr("The style {0} is applied.").format(style.name)
        self._studio.offer_undo(text, lambda: form.put(**before))

    # What it becomes

    def _begin_anew(self) -> None:
        self._another = 0
        self._rest.start()

    def _show_another(self) -> None:
        self._another += 1
        self.look()

    def look(self) -> None:
        """Shows what the prompt becomes with the seed that is shown, or with one after it."""
        prompt, seed = self._form.drawn_prompt, (self._form.seed or 0) + self._another
        self._choosing.run(lambda: becomes(prompt, seed), self._show)

    def _show(self, result: Becomes) -> None:
        shown = bool(result.choices)
        self.becomes.setText(self.tr("Becomes, for example: {0}").format(cut(result.text)) if shown else "")
        for widget in (self.becomes, self.another):
            widget.setVisible(shown)

    # Building

    def _menu_button(self, label: str, tip: str) -> QPushButton:
        button = QPushButton(label)
        button.setMenu(QMenu(button))
        button.setEnabled(False)
        set_tooltip(button, tip)
        return button

    def _lay_out(self) -> None:
        for label in (self.becomes, self.note):
            label.setWordWrap(True)
            set_kind(label, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (self.styles, self.wildcards, self.note, self.fault, self.becomes, self.another):
            column.addWidget(widget)
        self._show(Becomes())
