"""More: batch size, VAE, what is rarely set, and what a restored picture had that has no control here."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.form.fields import Choice, NumberField, Option, controls, label_of, watch
from gui.form.model import FormModel
from gui.form.names import Names
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, set_kind
from sdedge.field_rows import Section
from sdedge.request_fields import FIELDS


class MoreSection(QWidget):
    """What is carried along from a picture is shown while there is any."""

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self.vae = Choice(form, "vae", label_of("vae"))
        set_tooltip(self.vae, self.tr("What turns latents into pixels; another one changes colours and fine detail."))
        self.carried = PlainLabel()
        self.carried.setWordWrap(True)
        set_kind(self.carried, "caption")
        self.forget = QPushButton(self.tr("Forget these"))
        self.forget.clicked.connect(lambda: form.put(carried={}))
        batch = NumberField(form, "batch", self.tr("Batch size"), 1, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for row in (batch, self.vae, *controls(form, Section.MORE, placed=("vae",)), self.carried, self.forget):
            column.addWidget(row)
        watch(self, form, self._show_carried, "carried")

    def offer(self, names: Names) -> None:
        """Offers the VAEs that are installed."""
        self.vae.offer([Option(None, self.tr("The model's own")), *(Option(name, name) for name in names.vaes)])

    def _show_carried(self) -> None:
        carried = self._form.carried
        text = ", ".join(f"{name.replace('_', ' ')} {_in_words(name, value)}" for name, value in carried.items())
        self.carried.setText(self.tr("Also, from a picture: {0}").format(text))
        for widget in (self.carried, self.forget):
            widget.setVisible(bool(carried))


def _in_words(name: str, value: object) -> str:
    return FIELDS[name].type.in_words(value) if value is not None else ""
