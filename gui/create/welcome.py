"""The first start: what this is, and three pictures that the embedded model draws; a click fills the form with one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, PAD, WIDE, set_kind
from gui.shell.studio import Studio

EXAMPLES = ("house", "lighthouse", "rocket")
_SIDE = 128
_WIDTH = 3 * (_SIDE + 2 * GAP) + 2 * PAD


class Welcome(QWidget):
    """For the middle of the window while no picture was drawn yet."""

    chosen = Signal(object)
    """The Request of an example, which the form has taken over."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        title = PlainLabel(self.tr("Say what you want to see"))
        set_kind(title, "title")
        text = PlainLabel(
            self.tr(
                "The model “pocket” is ready. It is small and draws two dozen kinds of things, from houses and boats to cats "
                "and rockets, by day and at night, in snow and rain. Nothing you type or draw leaves this computer. Try one "
                "of these, then press Generate."
            )
        )
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        text.setFixedWidth(_WIDTH)
        text.setMinimumHeight(text.heightForWidth(_WIDTH))  # a centred label is not asked how high it is
        set_kind(text, "muted")
        row = QHBoxLayout()
        row.setSpacing(PAD)
        self.examples = [self._example(name) for name in EXAMPLES]
        row.addStretch(1)
        for example in self.examples:
            row.addWidget(example)
        row.addStretch(1)
        links = QHBoxLayout()
        links.setSpacing(PAD)
        links.addStretch(1)
        for label, view in (
            (self.tr("Get a Stable Diffusion v1 model"), "get"), (self.tr("Add one of your own"), "models")
        ):  # fmt: skip
            link = QPushButton(label)
            set_kind(link, "link")
            link.clicked.connect(lambda checked=False, view=view: studio.show_view(view))
            links.addWidget(link)
        links.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        column.addStretch(1)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(PAD)
        column.addLayout(row)
        column.addSpacing(WIDE)
        column.addLayout(links)
        column.addStretch(1)

    def _example(self, name: str) -> QToolButton:
        path = example_path(name)
        button = QToolButton()
        button.setIcon(QIcon(QPixmap(str(path))))
        button.setIconSize(QSize(_SIDE, _SIDE))
        button.setFixedSize(_SIDE + 2 * GAP, _SIDE + 2 * GAP)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(button, "quiet")
        titles = {
            "house": self.tr("A blue house at night"), "lighthouse": self.tr("A white lighthouse at sunset"),
            "rocket": self.tr("A red rocket over the desert"),
        }  # fmt: skip
        button.setAccessibleName(titles[name])
        set_tooltip(button, titles[name])
        button.clicked.connect(lambda: self._choose(path))
        return button

    def _choose(self, path: Path) -> None:
        """Fills the form from what the picture's own file says."""
        from sdedge.images import metadata

        request = metadata.to_request(metadata.read(path))
        if self._studio.form.prompt.strip():
            self._studio.use_request(request)
        else:
            self._studio.form.restore(request)
        self._studio.form.seed_locked = False  # what is pressed next is a picture of one's own, and others after it
        self.chosen.emit(request)


def example_path(name: str) -> Path:
    """Returns a picture that the embedded model drew, with its settings inside."""
    return Path(str(files("sdedge.resources"))) / "examples" / f"{name}.png"
