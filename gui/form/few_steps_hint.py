"""Whether the model or a LoRA of the prompt draws in few steps, and a button for the settings that suit it."""

from __future__ import annotations

from typing import Any

from gui.form.fields import label_of, watch
from gui.form.hint import FormHint, rest_timer
from gui.form.model import SHOWN
from gui.languages.texts import mark, tr
from gui.look.readable import shortest
from gui.shell.background import LatestRun
from gui.shell.studio import Studio

LABELS = (
    mark("an LCM-LoRA"), mark("made for TCD"), mark("a latent consistency model"), mark("a TCD model"), mark("a TCD LoRA"),
    mark("SDXS, which draws in one step"), mark("Hyper-SD's LoRA for 1 to 8 steps"),
)  # fmt: skip
"""What `sdedge.library.few_steps` says that a file is."""
LOOKED_AT = ("model", "prompt", "steps", "guidance", "sampler", "schedule", "options", "preset")


class FewStepsHint(FormHint):
    """Hidden unless a few-step file is chosen and the form has other settings than suit it; otherwise says which those are."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(self.use)
        self._studio = studio
        self._reading = LatestRun(studio.bridge.background, self)
        self.changes: dict[str, Any] = {}
        self._rest = rest_timer(self, self.look)
        for name in LOOKED_AT:
            watch(self, studio.form, self._rest.start, name)

    def look(self) -> None:
        """Looks at the form's model and LoRAs now, in the background."""
        request = self._studio.form.draft()
        if request is None:
            self._take(("", "", {}))
            return

        def work() -> tuple[str, str, dict[str, Any]]:
            from sdedge.library.few_steps import few_steps_of, suitable

            match = few_steps_of(request)
            if match is None:
                return "", "", {}
            name, settings = match
            wanted = {field: value for field, value in suitable(request, settings) if getattr(request, field) != value}
            if settings.low <= request.steps <= settings.high:
                wanted.pop("steps", None)
            return name, settings.label, wanted

        self._reading.run(work, self._take, lambda error: self._take(("", "", {})))

    def _take(self, result: tuple[str, str, dict[str, Any]]) -> None:
        name, label, self.changes = result
        said = ", ".join(
            f"{label_of(field) if field in SHOWN else field} {shortest(value) if isinstance(value, int | float) else value}"
            for field, value in self.changes.items()
        )
        text = self.tr("{0} is {1}. These suit it: {2}.").format(name, tr(label), said) if said else ""
        self.say(text, "caption", self.tr("Use what suits it"))

    def use(self) -> None:
        """Puts the settings that suit the file into the form."""
        form, changes = self._studio.form, dict(self.changes)
        if "eta" in changes:
            changes["options"] = {**form.options, "eta": changes.pop("eta")}
        form.put(**changes)
