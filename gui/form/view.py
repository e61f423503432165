"""The form: everything that determines the next picture, in the order in which one thinks of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from gui.form.few_steps_hint import FewStepsHint
from gui.form.fields import Choice, NumberField, Option, control, controls, label_of, watch
from gui.form.generate_buttons import GenerateButtons
from gui.form.in_use import FIELDS_OF, is_in_use
from gui.form.memory_hint import MemoryHint
from gui.form.model import OPTION, SHOWN
from gui.form.names import Names, find_names
from gui.form.prompt_field import PromptField
from gui.form.seed_size import SeedField, SizeField
from gui.form.start_chip import StartChip
from gui.look.plain import set_tooltip
from gui.look.theme import GAP, HALF, PAD, set_kind
from gui.shell.background import LatestRun
from gui.shell.studio import Studio
from gui.shell.views import load
from gui.widgets.cards import scrolled
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import Fold, Later, stack
from gui.widgets.steady import steady_above
from sdedge.field_rows import Section

if TYPE_CHECKING:
    from gui.form.adapters_section import AdaptersSection
    from gui.form.control_section import ControlSection
    from gui.form.enlarge_section import EnlargeSection
    from gui.form.grid_section import GridSection
    from gui.form.image_section import ImageSection
    from gui.form.regions_section import RegionsSection
    from gui.form.sampler_options import SamplerOptions
    from gui.form.styles_section import StylesSection
    from gui.models.card import ModelCard

WIDTH = 320  # pixels


class FormView(QFrame):
    """`generate` is pressed here; what keeps it from being drawn is said above the button and at its field."""

    generate = Signal()
    section_made = Signal(str)
    """The section under the heading of this name is made, as it was first opened or asked for."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._reading = LatestRun(studio.bridge.background, self)
        set_kind(self, "panel")
        self.setMinimumWidth(WIDTH)
        self.prompt = PromptField(studio, "prompt", label_of("prompt"), 5)
        self.negative = PromptField(studio, "negative", label_of("negative"), 3)
        self._sections: dict[str, Later] = {}
        self._names: Names | None = None
        self.buttons = GenerateButtons(studio)
        self.button = self.buttons.button
        self.problem = FaultLabel()
        self.chip = StartChip(studio)
        self._lay_out()
        self.buttons.generate.connect(self.generate)
        self.chip.pressed.connect(self._open_image)
        studio.form.watch(lambda: self._open_image() if studio.form.image else None, "image")
        watch(self, studio.form, self._show_problem)  # any field may be one that the chosen model refuses

    # Building

    def _lay_out(self) -> None:
        studio, editors = self._studio, (self.prompt.editor, self.negative.editor)
        rows = [self.prompt, self._fold("negative", self.tr("Negative prompt"), self.negative), *self._basics()]
        rows += [
            self._section("sampler", self.tr("Sampler and schedule"), self._samplers),
            self._section("image", label_of("image"), partial(_section, "image_section:ImageSection", studio)),
            self._section("adapters", self.tr("LoRA and embeddings"),
                          partial(_section, "adapters_section:AdaptersSection", studio, editors)),
            self._section("styles", self.tr("Styles and wildcards"),
                          partial(_section, "styles_section:StylesSection", studio, self.prompt.editor)),
            self._section("regions", label_of("regions"), partial(_section, "regions_section:RegionsSection", studio)),
            self._section("controls", label_of("controls"), partial(_section, "control_section:ControlSection", studio)),
            self._section("enlarge", label_of("passes"), partial(_section, "enlarge_section:EnlargeSection", studio)),
            self._section("guidance", label_of("guides"),
                          partial(_section, "guidance_section:GuidanceSection", studio.form)),
            self._section("grid", self.tr("Compare in a grid"),
                          partial(_section, "grid_section:GridSection", studio.form)),
            self._section("more", self.tr("More"), partial(_section, "more_section:MoreSection", studio.form)),
        ]  # fmt: skip
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inside = stack()
        scroll = scrolled(inside)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column.addWidget(scroll, 1)
        for row in rows:
            inside.layout().addWidget(row)  # type: ignore[union-attr]
        inside.layout().setContentsMargins(PAD, PAD, PAD, PAD)  # type: ignore[union-attr]
        inside.layout().addStretch(1)  # type: ignore[union-attr]
        inside.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # as wide as the panel, no more
        hints = FewStepsHint(self._studio), MemoryHint(self._studio)
        foot = stack(self.chip, *hints, self.problem, self.buttons, gap=HALF)
        foot.layout().setContentsMargins(PAD, GAP, PAD, PAD)  # type: ignore[union-attr]
        column.addWidget(foot)

    def _basics(self) -> list[QWidget]:
        form = self._studio.form
        self.model = Choice(form, "model", label_of("model"))
        watch(
            self.model, form, lambda: set_tooltip(self.model.combo, form.model), "model"
        )  # it may be too long for the box
        self.model_fault = FaultLabel()
        self.speed = control(form, "speed")
        self.steps = control(form, "steps")
        self.guidance = control(form, "guidance", resting=lambda: form.card.guidance if form.card else 7.5)
        self.size_field = SizeField(self._studio)
        self.seed = SeedField(self._studio)
        self.count = NumberField(form, "count", self.tr("Count"), 1, 16)
        placed = ("model", "speed", "steps", "guidance", "width", "height", "seed")
        return [
            stack(self.model, self.model_fault, gap=2), self.size_field, self.steps, self.guidance, self.seed, self.count,
            *controls(form, Section.BASICS, placed), self.speed,
        ]  # fmt: skip

    def _section(self, name: str, title: str, make: Callable[[], QWidget]) -> Fold:
        """A heading over what is made, and its module imported, when it is first opened or asked for."""
        later = self._sections[name] = Later(make)
        later.made.connect(self._offer)
        later.made.connect(lambda section: self.section_made.emit(name))
        return self._fold(name, title, later)

    def _samplers(self) -> QWidget:
        from gui.form.sampler_options import SamplerOptions

        form = self._studio.form
        self._options = options = SamplerOptions(form)
        advanced = self._fold("options", label_of("options"), options)
        box = stack(*controls(form, Section.SAMPLER, placed=("options",)), advanced)
        watch(box, form, lambda: advanced.setVisible(options.any), "sampler")
        return box

    def _fold(self, name: str, title: str, content: QWidget) -> Fold:
        settings = self._studio.settings
        fold = Fold(self._studio.theme, title, content, name in settings.texts("open_sections"))
        setattr(self, f"{name}_fold", fold)
        if name in FIELDS_OF:
            form = self._studio.form
            watch(fold, form, lambda: fold.mark(is_in_use(form, name)), *FIELDS_OF[name])

        def keep(opened: bool) -> None:
            names = [section for section in settings.texts("open_sections") if section != name]
            settings.set_texts("open_sections", [*names, name] if opened else names)

        fold.toggled.connect(keep)
        return fold

    # Sections, each made when it is first opened or asked for

    @property
    def image(self) -> ImageSection:
        return cast("ImageSection", self._sections["image"].make())

    @property
    def adapters(self) -> AdaptersSection:
        return cast("AdaptersSection", self._sections["adapters"].make())

    @property
    def styles(self) -> StylesSection:
        return cast("StylesSection", self._sections["styles"].make())

    @property
    def regions(self) -> RegionsSection:
        return cast("RegionsSection", self._sections["regions"].make())

    @property
    def control(self) -> ControlSection:
        return cast("ControlSection", self._sections["controls"].make())

    @property
    def enlarge(self) -> EnlargeSection:
        return cast("EnlargeSection", self._sections["enlarge"].make())

    @property
    def grid(self) -> GridSection:
        return cast("GridSection", self._sections["grid"].make())

    @property
    def options(self) -> SamplerOptions:
        self._sections["sampler"].make()
        return self._options

    # Writing and emptying

    def weigh(self, direction: int) -> None:
        """Gives the word at the caret more weight (1) or less (-1)."""
        (self.negative if self.negative.editor.hasFocus() else self.prompt).editor.weigh(direction)

    def empty(self) -> None:
        """Makes everything as it is before anything is set, which can be undone; then the prompt is to be written."""
        form, axes = self._studio.form, self._axes
        before = form.snapshot()
        form.begin_anew(self._studio.settings.default_model)
        self._show_axes()
        if (before, axes) != (form.snapshot(), self._axes):
            for field in (self.prompt, self.negative):
                field.editor.document().clearUndoRedoStacks()  # Undo is about all of the form, not its text alone

            def bring_back() -> None:
                form.revert(before)
                self._show_axes(*axes)

            self._studio.offer_undo(self.tr("The form is empty, and all settings are as at first."), bring_back)
        self.focus_prompt()

    def focus_prompt(self) -> None:
        """Has the prompt written next, in sight."""
        self.prompt.editor.setFocus()
        if (column := steady_above(self.prompt)) is not None:
            column.ensureWidgetVisible(self.prompt, 0, PAD)

    @property
    def _axes(self) -> tuple[tuple[str, str], ...]:
        """What is compared in a grid."""
        return self.grid.axes if self._sections["grid"].widget is not None else ()

    def _show_axes(self, *axes: tuple[str, str]) -> None:
        if self._sections["grid"].widget is not None:
            self.grid.show_axes(*([axes] if axes else []))

    # Showing

    def look_around(self) -> None:
        """Reads again what models, LoRAs and embeddings there are."""
        self._reading.run(find_names, self._take_names)

    def show_card(self, card: ModelCard | None, fault: str = "") -> None:
        """Shows what is known of the chosen model, or why it cannot be used."""
        self._studio.form.card = card
        self.model_fault.say(fault or (card.fault if card else ""), "fault" if fault else "caution")

    def _open_image(self) -> None:
        """What is in force is not hidden."""
        self._sections["image"].make()  # which reads the picture
        self.image_fold.open()  # type: ignore[attr-defined]

    def focus_problem(self) -> None:
        """Opens what hides the first problem."""
        form = self._studio.form
        problems = form.problems()
        sections = {SHOWN[name].section for name in problems if name in SHOWN}
        if sections & {Section.IMAGE, Section.MASK}:
            self.image_fold.open()  # type: ignore[attr-defined]
        for fold in {form.parts[name].fold for name in problems if name in form.parts}:
            getattr(self, f"{fold}_fold").open()
        if Section.MORE in sections or "batch" in problems:
            self.more_fold.open()  # type: ignore[attr-defined]
        for section, fold in (
            (Section.REGIONS, "regions"),
            (Section.CONTROL, "controls"),
            (Section.ENLARGE, "enlarge"),
            (Section.GUIDANCE, "guidance"),
        ):
            if section in sections:
                getattr(self, f"{fold}_fold").open()
        if Section.SAMPLER in sections or any(name.startswith(OPTION) for name in problems):
            self.sampler_fold.open()  # type: ignore[attr-defined]
            self._sections["sampler"].make()
            self.options_fold.open()  # type: ignore[attr-defined]

    def _take_names(self, names: Names) -> None:
        self._follow_default(names.default)
        self.model.offer([Option(name, name) for name in names.models])
        self._sections["adapters"].make()  # which has the prompts complete them
        self._names = names
        for section in self._sections.values():
            if section.widget is not None:
                self._offer(section.widget)

    def _offer(self, section: QWidget) -> None:
        """Offers what is installed, to a section that has a choice of it."""
        if self._names is not None and hasattr(section, "offer"):
            section.offer(self._names)

    def close_processes(self) -> None:
        """Ends what makes hints and asks for prices."""
        if self._sections["controls"].widget is not None:
            self.control.close_processes()

    def _follow_default(self, default: str) -> None:
        """A form that stands on the library's default model goes along when that is another one; a chosen model stays."""
        settings, form = self._studio.settings, self._studio.form
        before, settings.default_model = settings.default_model, default
        if form.model == before != default:
            form.put(model=default)

    def _show_problem(self) -> None:
        """Says what keeps the form from being drawn, unless its field says so."""
        form = self._studio.form
        hidden = [fault for name, fault in form.problems().items() if name not in {*form.faults, "width", "height"}]
        self.problem.say(hidden[0] if hidden else "")


def _section(place: str, *arguments: Any) -> QWidget:
    """Makes a section, "module:Class" of this package, whose module need not be there before."""
    return cast(QWidget, load(f"gui.form.{place}")(*arguments))
