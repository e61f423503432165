"""Whether the next picture fits into memory: planned while the form is filled, said beside it before it is asked for."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from gui.form.fields import watch
from gui.form.hint import FormHint, rest_timer
from gui.shell.background import LatestRun
from gui.shell.studio import Studio
from sdedge.errors import InvalidRequest
from sdedge.machine.memory_plan import MemoryPlan, MemoryRequest, Sizes, spoken_size
from sdedge.passes import Pass, drawn_sizes


class PictureMemory(QObject):
    """Plans the picture that the form asks for, a moment after each change."""

    planned = Signal(object)
    """A MemoryPlan; None where nothing can be planned, as for a converted model."""

    def __init__(self, studio: Studio, parent: QObject) -> None:
        super().__init__(parent)
        self._studio = studio
        self._planning = LatestRun(studio.bridge.background, self)
        self._models: dict[str, tuple[Sizes | None, bool]] = {}
        """Sizes of models that were looked at since the library changed, and whether they run in int8."""
        self.plan: MemoryPlan | None = None
        self._rest = rest_timer(self, self.look)
        for name in ("width", "height", "batch", "card", "passes"):
            watch(self, studio.form, self._rest.start, name)
        studio.settings.changed.connect(lambda name: self._rest.start() if name == "safety" else None)
        studio.library_changed.connect(self._forget_models)

    def look(self) -> None:
        """Plans it now."""
        form, mine = self._studio.form, self._studio.bridge.worker_memory
        size, model, batch, safety = form.size, form.model, form.batch, self._studio.settings.safety
        if size is None or form.card is None or form.card.bundle is not None:
            self._planning.forget()
            self._take(None)
            return
        models = self._models
        jobs = [(*size, batch), *((*each, 1) for each in _later_sizes(form.passes, size))]
        widest = max(jobs, key=lambda job: job[0] * job[1] * job[2])

        def work() -> MemoryPlan | None:
            from gui.shell.device import UNKNOWN, is_quantized, plan_picture, probe_device, read_sizes
            from sdedge.engines.open import locate

            if model not in models:
                models[model] = read_sizes(locate(model)), is_quantized(locate(model))
            device, (sizes, quantized) = probe_device(mine), models[model]
            if sizes is None or device.total > UNKNOWN:
                return None
            plan = plan_picture(device, sizes, *widest, safety, quantized)
            if plan is None or plan.nearest is None:
                return plan
            nearest = plan.nearest
            is_same = (
                nearest.width,
                nearest.height,
                nearest.batch,
            ) == widest  # in another memory mode than the named one
            return replace(plan, nearest=None) if is_same or widest != jobs[0] else plan  # whose size is a later pass's

        self._planning.run(work, self._take, lambda error: self._take(None))

    def _forget_models(self) -> None:
        """Another model may have the name of one that was looked at."""
        self._models = {}
        self._rest.start()

    def _take(self, plan: MemoryPlan | None) -> None:
        self.plan = plan
        self.planned.emit(plan)


def _later_sizes(passes: tuple[Pass, ...], size: tuple[int, int]) -> list[tuple[int, int]]:
    try:
        return list(drawn_sizes(passes, size))
    except InvalidRequest:  # which drawing it says
        return []


class MemoryHint(FormHint):
    """Hidden while everything fits; otherwise says what is missing, with a button for the nearest that fits."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(self._use_nearest)
        self._studio = studio
        self.memory = PictureMemory(studio, self)
        self.memory.planned.connect(self._show)

    def _show(self, plan: MemoryPlan | None) -> None:
        if plan is None or plan.fits:
            self.say("", "caution")
            return
        text = self.tr("This needs about {0} of memory, and {1} are free.").format(
            spoken_size(plan.peak), spoken_size(plan.free)
        )
        self.say(text, "caution", "" if plan.nearest is None else self._offer(plan.nearest))

    def _offer(self, nearest: MemoryRequest) -> str:
        """Returns the button's words, all of them as short as the panel is narrow."""
        text = self.tr("Use {0} × {1}, which fits")
        if nearest.batch < self._studio.form.batch:
            same = (nearest.width, nearest.height) == self._studio.form.size
            text = self.tr("Draw one at a time, which fits") if same else self.tr("Use {0} × {1}, one at a time")
        return text.format(nearest.width, nearest.height)

    def _use_nearest(self) -> None:
        if self.memory.plan is not None and (nearest := self.memory.plan.nearest) is not None:
            self._studio.form.put(width=nearest.width, height=nearest.height, batch=nearest.batch)
