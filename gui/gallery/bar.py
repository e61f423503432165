"""The row above the pictures: how many there are, what can be done with the chosen ones, their order and their size."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton, QWidget

from gui.languages.texts import mark, tr
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, PAD, set_kind, spaced_font
from gui.shell.actions import name_button
from gui.shell.studio import Studio
from gui.widgets.calm import CalmSlider, WideCombo
from sdedge.library.gallery_order import Order

SMALLEST, LARGEST, STEP = 96, 320, 16  # pixels of a picture's place
HEIGHT = 40
NARROW = 640  # pixels: of less the slider gives way
BULK = ("favourite", "board", "compare", "enlarge", "export", "trash")

ORDERS = {
    Order.NEWEST: mark("Newest first"),
    Order.OLDEST: mark("Oldest first"),
    Order.FAVOURITES: mark("Favourites first"),
    Order.MODEL: mark("By model"),
    Order.SEED: mark("By seed"),
    Order.SIZE: mark("Largest first"),
    Order.PROMPT: mark("By prompt"),
}


class GalleryBar(QFrame):
    """`sorted_by` and `sized` tell what is wanted; both are remembered in the settings."""

    sorted_by = Signal(object)
    """An Order."""
    sized = Signal(int)
    """Pixels of a picture's place."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        set_kind(self, "toolbar")
        self.setFixedHeight(HEIGHT)
        self.count = PlainLabel()
        set_kind(self.count, "muted")
        self.count.setFont(spaced_font(self.count.font()))
        self.bulk = {id: studio.actions.button(id) for id in BULK}
        for button in self.bulk.values():
            button.setIconSize(QSize(18, 18))
        self.order = self._orders()
        self.size_slider = self._slider()
        self.more = QToolButton()
        self.more.setIcon(studio.theme.icon("more"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        set_kind(self.more, "quiet")
        name_button(self.more, self.tr("All shown, folders, missing files and checks"))
        self._total, self._chosen = 0, 0
        self._lay_out()
        self.show_counts(0, 0)

    def show_counts(self, total: int, chosen: int) -> None:
        """Says how many pictures there are, or how many of them are chosen."""
        self._total, self._chosen = total, chosen
        if chosen > 1:
            text = self.tr("%Ln of {0} chosen", "", chosen).format(self.locale().toString(total))
        else:
            text = self.tr("%Ln pictures", "", total)
        self.count.setText(text)
        for button in self.bulk.values():
            button.setVisible(chosen > 1)
        self._make_room()
        about = self.tr("Compare the two pictures") if chosen == 2 else self.tr("Choose two pictures to compare them")
        name_button(self.bulk["compare"], about, self._studio.actions["compare"].shortcut())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """In a small window what can be done with the chosen ones takes the slider's place."""
        self.size_slider.setVisible(self._chosen < 2 or self.width() >= NARROW)

    def step_size(self, steps: int) -> None:
        """Makes the pictures larger or smaller by so many steps."""
        self.size_slider.setValue(self.size_slider.value() + steps * STEP)

    def _orders(self) -> WideCombo:
        choice = WideCombo()
        choice.setAccessibleName(self.tr("Order of the pictures"))
        set_tooltip(choice, self.tr("Order of the pictures"))
        for order, text in ORDERS.items():
            choice.addItem(tr(text), order)
        choice.setCurrentIndex(max(0, choice.findData(Order(self._studio.settings.order))))
        choice.currentIndexChanged.connect(self._sort)
        return choice

    def _sort(self) -> None:
        order = Order(self.order.currentData())
        self._studio.settings.order = str(order)
        self.sorted_by.emit(order)

    def _slider(self) -> CalmSlider:
        slider = CalmSlider()
        slider.setRange(SMALLEST, LARGEST)
        slider.setSingleStep(STEP)
        slider.setPageStep(3 * STEP)
        slider.setFixedWidth(96)
        slider.setAccessibleName(self.tr("Size of the thumbnails"))
        set_tooltip(slider, self.tr("Size of the thumbnails (Ctrl and the wheel)"))
        slider.setValue(self._studio.settings.thumbnail)
        slider.valueChanged.connect(self._size)
        return slider

    def _size(self, pixels: int) -> None:
        self._studio.settings.thumbnail = pixels
        self.sized.emit(pixels)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(PAD, 0, GAP, 0)
        row.setSpacing(HALF)
        row.addWidget(self.count)
        row.addSpacing(GAP)
        widgets: list[QWidget] = [*self.bulk.values()]
        for widget in widgets:
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.order)
        row.addSpacing(GAP)
        row.addWidget(self.size_slider)
        row.addWidget(self.more)
