"""A LoRA that draws in few steps is met with what suits it, in one line and one press."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from gui.form.few_steps_hint import FewStepsHint
from sdedge.library.adapters import lora_folder


def test_what_suits_a_few_step_lora_is_offered_and_used(open_window, qtbot):
    lora_folder().mkdir(parents=True, exist_ok=True)
    save_file(
        {"x": torch.zeros(1)}, lora_folder() / "speedy.safetensors", metadata={"modelspec.title": "LCM LoRA for SD 1.5"}
    )
    window = open_window(start=False)
    form, hint = window.studio.form, window.show_view("create").findChild(FewStepsHint)
    assert not hint.isVisible()
    form.put(prompt="a house <lora:speedy:1>")
    qtbot.waitUntil(hint.isVisible)
    assert hint.text.text() == "speedy is an LCM-LoRA. These suit it: Steps 4, Sampler lcm, Guidance 1."
    hint.button.click()
    assert (form.steps, form.sampler, form.guidance) == (4, "lcm", 1)
    qtbot.waitUntil(lambda: not hint.isVisible())
    form.put(steps=6)  # which will do as well
    hint.look()
    form.put(steps=40)
    qtbot.waitUntil(hint.isVisible)
    assert "Steps 4." in hint.text.text()
    save_file({"x": torch.zeros(1)}, lora_folder() / "Hyper-SD15-1step-lora.safetensors")  # whose sampler has a setting
    form.put(prompt="a house <lora:Hyper-SD15-1step-lora:1>")
    qtbot.waitUntil(lambda: "eta 1" in hint.text.text())
    hint.button.click()
    assert form.sampler == "tcd" and form.options["eta"] == 1
    qtbot.waitUntil(lambda: not hint.isVisible())
    form.put(prompt="a house", steps=40)
    hint.look()
    qtbot.waitUntil(lambda: not hint.isVisible())
