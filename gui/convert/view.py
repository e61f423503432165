"""Converting a model for Apple devices: what to make of it, what that takes, how it goes, and what came out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.commands.panel import TaskPanel
from gui.commands.tasks import DONE, FAILED, Task, Tasks
from gui.convert.plan import ANE, COMPRESSIONS, GPU, INT8, TARGETS, Estimate, Plan, count_weights, estimate, parse_sizes
from gui.convert.results import ConvertResults, Result, read_results
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, HALF, PAD, set_kind
from gui.look.wording import size_in_words
from gui.models.card import read_card
from gui.models.items import Item, read_items
from gui.queue.progress import spoken
from gui.shell.background import in_words
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.empty import Empty
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import InvalidRequest
from sdedge.library.manifest import is_bundle

_WIDTH, _LABEL = 360, 88  # pixels
_SIZED = (TARGETS.index(ANE), TARGETS.index(GPU))
"""The targets that are made for sizes; the others draw any."""
NATIVE = 512  # pixels, of v1


class ConvertView(QWidget):
    """The plan at the left; runs and results at the right."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._items: list[Item] = []
        self._weights: dict[str, dict[str, int]] = {}
        self._followed: dict[int, Plan] = {}
        self.tasks = Tasks(self)
        self.results = ConvertResults()
        self._build_plan()
        self._lay_out()
        self.tasks.finished.connect(self._task_ended)
        self.results.asked.connect(self._do)
        studio.library_changed.connect(self.read)
        self.read()

    # What there is

    def read(self) -> None:
        """Look at the library again."""

        def look() -> tuple[list[Item], list[Result]]:
            items = read_items()
            return items, read_results(items)

        self._studio.bridge.background.run(look, self._take, self._failed, self)

    def _take(self, found: tuple[list[Item], list[Result]]) -> None:
        items, results = found
        self._items = [item for item in items if item.role == "model" and item.here and not is_bundle(item.path)]
        chosen = self.model.currentText() or self._studio.form.model
        self.model.blockSignals(True)
        self.model.clear()
        self.model.addItems([item.name for item in self._items])
        self.model.setCurrentIndex(max(0, self.model.findText(chosen)))
        self.model.blockSignals(False)
        self.results.show_items(results)
        self._empty.setVisible(not results and not self.tasks.all)
        self._model_chosen()

    def _model_chosen(self) -> None:
        item = self.chosen()
        if item is None:
            return
        if item.name in self._weights:
            self._show_estimate()
            return

        def look() -> tuple[dict[str, int], int]:
            return count_weights(item.path), read_card(item.name).side if item.accepted else NATIVE

        def take(found: tuple[dict[str, int], int]) -> None:
            self._weights[item.name], side = found
            if not self.sizes.isModified():
                self.sizes.setText(str(side))
            self._show_estimate()

        self._studio.bridge.background.run(look, take, self._say_fault, self)

    def chosen(self) -> Item | None:
        """The model to convert."""
        row = self.model.currentIndex()
        return self._items[row] if 0 <= row < len(self._items) else None

    # The plan

    def plan(self) -> Plan:
        """What is asked for. Raises InvalidRequest with what is missing."""
        item = self.chosen()
        if item is None:
            raise InvalidRequest("There is no model to convert yet; add one in Models.")
        if not item.accepted:
            raise InvalidRequest(f"The licence of {item.name} was not accepted yet; do it in Models.")
        target = TARGETS[self.targets.checkedId()]
        if self.targets.checkedId() not in _SIZED:
            return Plan(item, target)
        return Plan(item, target, parse_sizes(self.sizes.text()), self.compression.currentData())

    def _show_estimate(self) -> None:
        sized = self.targets.checkedId() in _SIZED
        for widget in (self.sizes, self.compression):
            widget.setEnabled(sized)
        self._any_size.setVisible(not sized)
        self.verify.setEnabled(TARGETS[self.targets.checkedId()] != INT8)
        try:
            plan = self.plan()
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            self.estimate.setText("")
            return
        self.fault.say("")
        weights = self._weights.get(plan.model.name)
        self.estimate.setText(self._in_words(estimate(plan, weights)) if weights else self.tr("Reading the model"))

    def _in_words(self, needs: Estimate) -> str:
        return self.tr("About {0} on disk, {1} of memory and {2}, on two processor cores.").format(
            size_in_words(round(needs.disk)), size_in_words(round(needs.memory)), spoken(needs.seconds)
        )

    # Running

    def convert(self) -> None:
        """Start what the plan says. What is wrong with it is said above the button."""
        try:
            plan = self.plan()
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            return
        task = self.tasks.add(self.tr("Converting to {0}").format(plan.name), plan.convert())
        self._followed[task.id] = plan
        self._empty.hide()

    def _task_ended(self, task: Task) -> None:
        plan = self._followed.pop(task.id, None)
        if plan is None:
            return
        did, check = list(task.arguments), plan.verify()
        made, compared = did == plan.convert(), did == check
        if made and task.state == DONE and check is not None and self.verify.isChecked():
            self._follow(plan, self.tr("Comparing {0} with the model").format(plan.name), check)
        elif (made and task.state == DONE) or (compared and task.state in (DONE, FAILED)):
            # One that fails the comparison is listed too: its card says so.
            self._follow(plan, self.tr("Adding {0}").format(plan.name), plan.install())
        elif task.state == DONE:
            self._studio.library_changed.emit()
        if task.state == DONE:
            self.tasks.dismiss(task)

    def _follow(self, plan: Plan, title: str, arguments: Sequence[str]) -> None:
        self._followed[self.tasks.add(title, arguments).id] = plan

    def _do(self, what: str, item: Item) -> None:
        if what == "use":
            self._studio.form.put(model=item.name)
            self._studio.show_view("create")
        else:
            reveal(item.path)

    def _failed(self, error: Exception) -> None:
        self._studio.say(in_words(error), "bad")

    def _say_fault(self, error: Exception) -> None:
        self.fault.say(in_words(error))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.tasks.close()
        super().closeEvent(event)

    # Building

    def _build_plan(self) -> None:
        self.model = QComboBox()
        self.model.setAccessibleName(self.tr("Model to convert"))
        self.model.currentIndexChanged.connect(self._model_chosen)
        self.targets = QButtonGroup(self)
        self.sizes = QLineEdit(str(NATIVE))
        self.sizes.setAccessibleName(self.tr("Sizes in pixels"))
        self.sizes.setPlaceholderText("512, 512x768")
        self.sizes.textChanged.connect(self._show_estimate)
        self.compression = QComboBox()
        self.compression.setAccessibleName(self.tr("Compression"))
        labels = {
            "none": self.tr("None: 16 bits"), "8bit": self.tr("8 bits: half the size"),
            "6bit": self.tr("6 bits: changes pictures a little"), "4bit": self.tr("4 bits: changes pictures visibly"),
        }  # fmt: skip
        for name in COMPRESSIONS:
            self.compression.addItem(labels[name], name)
        self.compression.currentIndexChanged.connect(self._show_estimate)
        for choice in (self.model, self.compression):
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(8)
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.verify = QCheckBox(self.tr("Compare the result with the model"))
        self.verify.setChecked(True)
        self.estimate, self._any_size, self.fault = PlainLabel(), PlainLabel(), FaultLabel()
        self._any_size.setText(self.tr("The result draws every size that the model draws, a graph from 256 to 1024."))
        self.button = QPushButton(self.tr("Convert"))
        set_kind(self.button, "accent")
        self.button.clicked.connect(self.convert)
        for label in (self.estimate, self._any_size):
            label.setWordWrap(True)
            set_kind(label, "caption")

    def _targets(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(HALF)
        for number, (title, text) in enumerate(
            (
                (
                    self.tr("Core ML for the Neural Engine"),
                    self.tr("iPhone, iPad and Macs with little memory; least power"),
                ),
                (
                    self.tr("Core ML for the GPU"),
                    self.tr("Macs with a strong GPU; also for other apps that take Core ML"),
                ),
                (self.tr("MPS graph"), self.tr("sdedge on a Mac, at any size; half precision, checked operators")),
                (self.tr("int8 for the processor"), self.tr("x86 processors; lossy, measured on a dozen pictures")),
            )
        ):
            radio, note = QRadioButton(title), PlainLabel(text)
            set_kind(note, "caption")
            note.setWordWrap(True)
            note.setContentsMargins(PAD + GAP + HALF, 0, 0, HALF)
            radio.setAccessibleDescription(text)
            self.targets.addButton(radio, number)
            column.addWidget(radio)
            column.addWidget(note)
        self.targets.button(0).setChecked(True)
        self.targets.idClicked.connect(lambda id: self._show_estimate())
        return column

    def _lay_out(self) -> None:
        set_kind(self, "window")
        form = _form((self.tr("Model"), self.model))
        more = _form((self.tr("Sizes"), self.sizes), (self.tr("Compression"), self.compression))
        plan = QFrame()
        set_kind(plan, "panel")
        plan.setFixedWidth(_WIDTH)
        column = QVBoxLayout(plan)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(PAD)
        title = PlainLabel(self.tr("Convert a model"))
        set_kind(title, "title")
        column.addWidget(title)
        column.addLayout(form)
        column.addLayout(self._targets())
        column.addLayout(more)
        column.addWidget(self._any_size)
        column.addWidget(self.verify)
        column.addStretch(1)
        column.addWidget(self.estimate)
        column.addWidget(self.fault)
        column.addWidget(self.button)
        self._empty = Empty(self._studio.theme, "convert")
        self._empty.say(
            self.tr("No converted models yet"),
            self.tr(
                "Converting works on any computer, in the background. The result is for Apple devices and runs here too."
            ),
        )
        inside = QWidget()
        right = QVBoxLayout(inside)
        right.setContentsMargins(PAD, PAD, PAD, PAD)
        right.setSpacing(PAD)
        right.addWidget(TaskPanel(self.tasks, self._studio.theme))
        right.addWidget(self.results)
        right.addWidget(self._empty, 8)
        right.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(plan)
        row.addWidget(scroll, 1)


def _form(*rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(PAD)
    form.setVerticalSpacing(GAP)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    for text, widget in rows:
        label = PlainLabel(text)
        label.setFixedWidth(_LABEL)
        form.addRow(label, widget)
    return form
