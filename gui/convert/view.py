"""Converting a model for Apple devices: what to make of it, what that takes, how it goes, and what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.commands.panel import TaskPanel
from gui.commands.tasks import DONE, FAILED, Task, Tasks
from gui.convert.orphans import Orphans, adoption, find_orphans, remove_result, remove_unfinished
from gui.convert.package_options import PackageOptions
from gui.convert.plan import (
    ANE,
    GPU,
    INT8,
    TARGETS,
    ConversionPlan,
    Estimate,
    count_weights,
    estimate,
    graph_range,
    parse_sizes,
)
from gui.convert.recommended import OptimiseCard
from gui.convert.results import ConvertResults, Result, read_results
from gui.convert.targets import TargetChoice
from gui.look.plain import PlainLabel, message_box
from gui.look.readable import size_in_words
from gui.look.theme import PAD, set_kind
from gui.models.card import read_card
from gui.models.items import Item, read_items
from gui.queue.progress import spoken
from gui.shell.background import LatestRun, in_words
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.calm import WideCombo
from gui.widgets.cards import labelled, scrolled
from gui.widgets.empty import Empty
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import Fold, stack
from gui.widgets.wrapping_check import WrappingCheck
from sdedge.errors import InvalidRequest
from sdedge.library.manifest import is_bundle
from sdedge.weights.control import ControlKind

_WIDTH, _LABEL = 360, 88  # pixels
_SIZED = (TARGETS.index(ANE), TARGETS.index(GPU))
"""The targets that are made for sizes; the others draw any."""
NATIVE = 512  # pixels, of v1


class ConvertView(QWidget):
    """The plan at the left; runs and results at the right."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._reading = LatestRun(studio.bridge.background, self)
        self.items: list[Item] = []
        self.weights: dict[str, dict[str, int]] = {}
        self.native_sides: dict[str, int] = {}
        self._sized_for = ""
        """The model whose own size was offered last."""
        self._followed: dict[int, ConversionPlan] = {}
        self._comparing: set[int] = set()
        self._adopted: set[int] = set()
        self.question: QMessageBox | None = None
        self.tasks = Tasks(self)
        self.results = ConvertResults(studio.theme)
        self._build_plan()
        self._lay_out()
        for heard in (self._task_ended, self._comparison_ended, self._adoption_ended):
            self.tasks.finished.connect(heard)
        self.results.asked.connect(self._do)
        studio.library_changed.connect(self.read)
        self.read()

    # What there is

    def read(self) -> None:
        """Looks at the library again."""

        def look() -> tuple[list[Item], list[Result], Orphans]:
            items = read_items()
            return items, read_results(items), find_orphans(items)

        self._reading.run(look, self._take, self._failed)

    def _take(self, contents: tuple[list[Item], list[Result], Orphans]) -> None:
        items, results, orphans = contents
        self.items = [item for item in items if item.role == "model" and item.here and not is_bundle(item.path)]
        chosen = self.model.currentText() or self._studio.form.model
        self.model.blockSignals(True)
        self.model.clear()
        self.model.addItems([item.name for item in self.items])
        self.model.setCurrentIndex(max(0, self.model.findText(chosen)))
        self.model.blockSignals(False)
        self.controls.offer([item.name for item in items if item.kind == ControlKind.CONTROLNET and item.usable])
        used = self._folders_in_use()
        unfinished = [folder for folder in orphans.unfinished if str(folder) not in used]
        self.results.show_items(results, unfinished)
        self._empty.setVisible(not (results or unfinished or self.tasks.all))
        self._model_chosen()
        self._adopt([folder for folder in orphans.finished if str(folder) not in used])

    def _folders_in_use(self) -> set[str]:
        """Returns what running and waiting commands read or write."""
        return {path for task in self.tasks.all if not task.over for path in task.arguments}

    def _model_chosen(self) -> None:
        item = self.chosen()
        if item is None:
            return
        if item.name in self.weights:
            self._offer_size(item.name)
            self._show_estimate()
            return

        def look() -> tuple[dict[str, int], int]:
            return count_weights(item.path), read_card(item.name).side if item.accepted else NATIVE

        def take(facts: tuple[dict[str, int], int]) -> None:
            self.weights[item.name], self.native_sides[item.name] = facts
            if item != self.chosen():  # another was chosen while this one was read
                return
            self._offer_size(item.name)
            self._show_estimate()

        self._studio.bridge.background.run(look, take, self._say_fault, self)

    def _offer_size(self, model: str) -> None:
        """Where another model was chosen, its own size takes the place of one that nobody typed."""
        if model != self._sized_for and not self.sizes.isModified():
            self._sized_for = model
            self.sizes.setText(str(self.native_sides[model]))

    def chosen(self) -> Item | None:
        """Returns the model to convert."""
        row = self.model.currentIndex()
        return self.items[row] if 0 <= row < len(self.items) else None

    # The plan

    def plan(self) -> ConversionPlan:
        """Returns what is asked for. Raises InvalidRequest with what is missing."""
        item = self.chosen()
        if item is None:
            raise InvalidRequest(self.tr("There is no model to convert yet; add one in Models."))
        if not item.accepted:
            text = self.tr("The licence of {0} was not accepted yet; do it in Models.")
            raise InvalidRequest(text.format(item.name))
        target = TARGETS[self.targets.checkedId()]
        if self.targets.checkedId() not in _SIZED:
            return ConversionPlan(
                item, target, compare=self.verify.isChecked(), side=self.native_sides.get(item.name, NATIVE)
            )
        return ConversionPlan(
            item, target, parse_sizes(self.sizes.text()), self.compression.currentData(), self.verify.isChecked(),
            controls=self.controls.chosen(),
        )  # fmt: skip

    def _show_estimate(self) -> None:
        sized = self.targets.checkedId() in _SIZED
        for widget in (self.sizes, self.compression, self.controls):
            widget.setEnabled(sized)
        self._any_size.setVisible(not sized)
        least, most = graph_range(self.native_sides.get(self.model.currentText(), NATIVE))
        text = self.tr("The result draws every size that the model draws, a graph from {0} to {1}.")
        self._any_size.setText(text.format(least, most))
        self.verify.setEnabled(TARGETS[self.targets.checkedId()] != INT8)
        try:
            plan = self.plan()
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            self.estimate.setText("")
            return
        self.fault.say("")
        weights = self.weights.get(plan.model.name)
        self.estimate.setText(self._in_words(estimate(plan, weights)) if weights else self.tr("Reading the model"))

    def _in_words(self, needs: Estimate) -> str:
        numbers = size_in_words(round(needs.disk)), size_in_words(round(needs.memory)), spoken(needs.seconds)
        unbroken = (number.replace(" ", "\u00a0") for number in numbers)
        return self.tr("About {0} on disk, {1} of memory and {2}, on two processor cores.").format(*unbroken)

    def _show_details(self, opened: bool) -> None:
        """What belongs to them is at the foot, within reach."""
        for widget in (self.estimate, self.button):
            widget.setVisible(opened)

    # Running

    def _optimise(self) -> None:
        """Converts for this machine, with what suits it."""
        if self.optimise.target is not None:
            self.targets.button(TARGETS.index(self.optimise.target)).setChecked(True)
            self.sizes.setText(str(self.native_sides.get(self.model.currentText(), NATIVE)))
            self.compression.setCurrentIndex(0)
            self.controls.clear()
            self._show_estimate()
            self.convert()

    def convert(self) -> None:
        """Starts what the plan says. What is wrong with it is said above the button."""
        try:
            plan = self.plan()
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            return
        task = self.tasks.add(self.tr("Converting to {0}").format(plan.name), plan.convert())
        self._followed[task.id] = plan
        self._empty.hide()
        self.read()  # what it goes on with is unfinished no longer

    def _task_ended(self, task: Task) -> None:
        plan = self._followed.pop(task.id, None)
        if plan is None:
            return
        did, check = list(task.arguments), plan.verify()
        if did == plan.convert() and task.state == DONE:  # at once: whatever ends the comparison costs no result
            self._follow(plan, self.tr("Adding {0}").format(plan.name), plan.install())
        elif did == plan.install() and task.state == DONE and check is not None and plan.compare:
            self._compare(plan.name, check)
        if task.state in (DONE, FAILED):
            self._studio.library_changed.emit()
        if task.state == DONE:
            self.tasks.dismiss(task)

    def _follow(self, plan: ConversionPlan, title: str, arguments: Sequence[str]) -> None:
        self._followed[self.tasks.add(title, arguments, first=True).id] = plan

    def _compare(self, name: str, arguments: Sequence[str]) -> None:
        task = self.tasks.add(self.tr("Comparing {0} with the model").format(name), arguments)
        self._comparing.add(task.id)

    def _comparison_ended(self, task: Task) -> None:
        if task.id in self._comparing:
            self._comparing.discard(task.id)
            if task.state == DONE:
                self.tasks.dismiss(task)
            self._studio.library_changed.emit()  # one that fails is told by its card too

    @property
    def unfinished(self) -> str:
        """What would be lost if the window closed now, in words; a comparison can be made again from its card."""
        lost = [task for task in self.tasks.all if not task.over and task.id in self._followed]
        return self.tr("{0} is not finished.").format(lost[0].title) if lost else ""

    def _adopt(self, orphans: Sequence[Path]) -> None:
        """Adds conversions to the library that were finished while nobody could; one that was refused is not tried again."""
        tried = {path for task in self.tasks.all for path in task.arguments}
        for folder in orphans:
            if str(folder) not in tried:
                title = self.tr("Adding {0}, which was converted before").format(folder.name)
                self._adopted.add(self.tasks.add(title, adoption(folder, self.items)).id)

    def _adoption_ended(self, task: Task) -> None:
        if task.id in self._adopted:
            self._adopted.discard(task.id)
            if task.state == DONE:
                self.tasks.dismiss(task)
                self._studio.library_changed.emit()

    def _do(self, what: str, item: Item | Path) -> None:
        path = item if isinstance(item, Path) else item.path
        if what == "remove":
            work = partial(remove_unfinished, item) if isinstance(item, Path) else partial(remove_result, item)
            self._ask_to_remove(item.name, path, work)
        elif what == "use":
            self._studio.form.put(model=item.name)
            self._studio.show_view("create")
        elif what == "compare":
            self._compare(item.name, ["convert", "verify", str(path), "--steps", "5", "--json"])
        else:
            reveal(path)

    def _ask_to_remove(self, name: str, folder: Path, remove: Callable[[], None]) -> None:
        question = self.question = message_box(
            self,
            self.tr("Remove {0}?").format(name),
            self.tr("Its files in {0} are deleted for good. The model it was made from stays.").format(folder),
        )
        button = question.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))
        button.clicked.connect(lambda: self._remove(remove))
        question.open()

    def _remove(self, remove: Callable[[], None]) -> None:
        work = self._studio.bridge.background
        work.run(remove, lambda _: self._studio.library_changed.emit(), self._failed, self, lasting=True)

    def _failed(self, error: Exception) -> None:
        self._studio.say(in_words(error), "bad")

    def _say_fault(self, error: Exception) -> None:
        self.fault.say(in_words(error))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.model.setFocus()
        self.read()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.tasks.close()
        super().closeEvent(event)

    # Building

    def _build_plan(self) -> None:
        self.model = WideCombo()
        self.model.setAccessibleName(self.tr("Model to convert"))
        self.model.currentIndexChanged.connect(self._model_chosen)
        self.optimise = OptimiseCard(self._studio)
        self.optimise.wanted.connect(self._optimise)
        self._target_choice = TargetChoice()
        self.targets = self._target_choice.group
        self.targets.idClicked.connect(lambda id: self._show_estimate())
        self.packages = PackageOptions(str(NATIVE), _LABEL)
        self.packages.changed.connect(self._show_estimate)
        self.sizes, self.compression, self.controls = (
            self.packages.sizes, self.packages.compression, self.packages.controls
        )  # fmt: skip
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(8)
        self.model.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.verify = WrappingCheck(self.tr("Compare the result with the model"))
        self.verify.setChecked(True)
        self.verify.toggled.connect(lambda on: self._show_estimate())
        self.estimate, self._any_size, self.fault = PlainLabel(), PlainLabel(), FaultLabel()
        self.button = QPushButton(self.tr("Convert"))
        set_kind(self.button, "large")
        self.button.clicked.connect(self.convert)
        for label in (self.estimate, self._any_size):
            label.setWordWrap(True)
            set_kind(label, "caption")

    def _lay_out(self) -> None:
        set_kind(self, "window")
        form = labelled((self.tr("Model"), self.model), width=_LABEL)
        plan, choices = QFrame(), QWidget()
        set_kind(plan, "panel")
        plan.setFixedWidth(_WIDTH)
        column, outside = QVBoxLayout(choices), QVBoxLayout(plan)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(PAD)
        title = PlainLabel(self.tr("Convert a model"))
        set_kind(title, "title")
        column.addWidget(title)
        column.addLayout(form)
        column.addWidget(self.optimise)
        details = stack(self._target_choice, self.packages, self._any_size, self.verify, gap=PAD)
        self.details = Fold(self._studio.theme, self.tr("Details"), details)
        self.details.toggled.connect(self._show_details)
        column.addWidget(self.details)
        column.addStretch(1)
        outside.setContentsMargins(0, 0, 0, PAD)
        outside.addWidget(scrolled(choices, title.text()), 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(PAD, 0, PAD, 0)
        outside.addLayout(foot)
        for widget in (self.estimate, self.fault, self.button):
            foot.addWidget(widget)
        self._show_details(False)
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
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(plan)
        row.addWidget(scrolled(inside, self.tr("Converted models")), 1)
