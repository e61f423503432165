"""The size that the convert view offers is the chosen model's own, until a person types one."""

from __future__ import annotations

from dataclasses import replace


def test_a_models_size_is_offered_again_when_it_is_chosen_again(open_window, qtbot):
    view = open_window(start=False).show_view("convert")
    qtbot.waitUntil(lambda: "on disk" in view.estimate.text())
    view.items.append(replace(view.chosen(), name="other"))
    view.weights["other"], view.native_sides["other"] = view.weights["pocket"], 768
    view.model.addItem("other")
    own = view.sizes.text()
    view.model.setCurrentText("other")
    assert view.sizes.text() == "768"
    view.model.setCurrentText("pocket")
    assert view.sizes.text() == own != "768"
    view.sizes.clear()
    qtbot.keyClicks(view.sizes, "640")
    view.model.setCurrentText("other")
    assert view.sizes.text() == "640"
