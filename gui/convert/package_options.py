"""What Core ML packages are made for: sizes, compression, and the ControlNets that go along."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QListWidget, QListWidgetItem, QSizePolicy, QVBoxLayout, QWidget

from gui.convert.plan import COMPRESSIONS
from gui.look.plain import PlainLabel, plain_tooltip
from gui.look.theme import HALF, set_kind
from gui.widgets.calm import WideCombo
from gui.widgets.cards import labelled

_ROWS = 5  # of ControlNets in sight; the rest is scrolled to
_ROW = 26  # pixels: a check box is seen whole
_FRAME = 6  # pixels around them


class PackageOptions(QWidget):
    """`changed` tells that anything was chosen or typed."""

    changed = Signal()

    def __init__(self, sizes: str, label_width: int) -> None:
        """`sizes` are those to begin with, as they are typed."""
        super().__init__()
        self.sizes, self.compression = QLineEdit(sizes), WideCombo()
        self.sizes.setAccessibleName(self.tr("Sizes in pixels"))
        self.sizes.setPlaceholderText("512, 512x768")
        self.compression.setAccessibleName(self.tr("Compression"))
        labels = {
            "none": self.tr("None: 16 bits"), "8bit": self.tr("8 bits: half the size"),
            "6bit": self.tr("6 bits: changes pictures a little"), "4bit": self.tr("4 bits: changes pictures visibly"),
        }  # fmt: skip
        for name in COMPRESSIONS:
            self.compression.addItem(labels[name], name)
        self.compression.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.compression.setMinimumContentsLength(8)
        self.compression.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.controls = ControlChoice()
        form = labelled((self.tr("Sizes"), self.sizes), (self.tr("Compression"), self.compression), width=label_width)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.controls)
        self.setLayout(form)
        self.sizes.textChanged.connect(lambda _: self.changed.emit())
        self.compression.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.controls.changed.connect(self.changed)


class ControlChoice(QWidget):
    """The installed ControlNets, each with a check box; hidden where there are none."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.list = QListWidget()
        set_kind(self.list, "checks")
        self.list.setAccessibleName(self.tr("ControlNets that go along"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.itemChanged.connect(lambda _: self.changed.emit())
        self.list.itemActivated.connect(_turn)
        title = PlainLabel(self.tr("ControlNets that go along"))
        about = PlainLabel(self.tr("They come with a second UNet, which takes the room of the first once more."))
        about.setWordWrap(True)
        set_kind(about, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        for widget in (title, self.list, about):
            column.addWidget(widget)
        self.hide()

    def offer(self, names: Sequence[str]) -> None:
        """Offers these; what was chosen and is still there stays chosen."""
        chosen, blocker = self.chosen(), QSignalBlocker(self.list)
        self.list.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.ToolTipRole, plain_tooltip(name))
            item.setSizeHint(QSize(0, _ROW))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if name in chosen else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        del blocker
        self.list.setFixedHeight(min(len(names), _ROWS) * _ROW + 2 * _FRAME)
        self.setVisible(bool(names))
        if self.chosen() != chosen:  # one is not there any more
            self.changed.emit()

    def clear(self) -> None:
        """Chooses none."""
        for row in range(self.list.count()):
            self.list.item(row).setCheckState(Qt.CheckState.Unchecked)

    def chosen(self) -> tuple[str, ...]:
        """Returns the names of those that are checked, in the order of the list."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return tuple(item.text() for item in items if item.checkState() == Qt.CheckState.Checked)


def _turn(item: QListWidgetItem) -> None:
    """Return checks and unchecks, as the space bar does."""
    on = item.checkState() == Qt.CheckState.Checked
    item.setCheckState(Qt.CheckState.Unchecked if on else Qt.CheckState.Checked)
