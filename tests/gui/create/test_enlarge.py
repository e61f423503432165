"""Hires fix, upscaling, details and guidance variants in the form: the same fields as at the command line."""

from __future__ import annotations

import math

import pytest

from gui.form.enlarging import NONE, Enlarging, detailed, enlarged, enlarging, further_passes, size_in_words
from gui.form.in_use import FIELDS_OF
from gui.form.windows_field import WindowsUse
from sdedge.guides import guide_choice
from sdedge.pass_parts import read_parts
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region
from sdedge.request import Request
from sdedge.request_fields import default
from sdedge.windows import Windows


def test_what_is_chosen_is_what_the_command_line_asks_for(view):
    form, section = view.window().studio.form, view.form.enlarge
    section.how.combo.setCurrentIndex(1)
    section.how.combo.activated.emit(1)
    section.scale.slider.setValue(6)
    for name, text in {"by": "", "strength": "0.5", "steps": "12", "guidance": "4", "prompt": "a red tower"}.items():
        if text:
            form.type(f"hires:{name}", text)
    form.set_value("hires:by", "lanczos")
    form.set_value("detail:model", "face_yolov8n")
    form.type("detail:confidence", "0.6")
    form.type("windows:text", "512:128")
    texts = {"hires": "1.5", "hires_strength": "0.5", "hires_steps": "12", "hires_guidance": "4", "hires_upscaler": "lanczos",
             "hires_prompt": "a red tower", "detail": "face_yolov8n", "detail_confidence": "0.6"}  # fmt: skip
    request = Request(passes=read_parts(texts).over(()))
    assert form.passes == request.passes and form.windows.size == (512, 512)
    assert form.wanted().request.passes == request.passes
    assert not section.redrawn.isHidden() and not section.detailed.isHidden()
    form.type("hires:strength", "0")  # the beginning of 0.2
    assert "0.01 to 1" in form.problems()["hires:strength"] and enlarging(form.passes) == Enlarging.REDRAWN
    form.type("hires:strength", "0.5")
    form.type("hires:scale", "99")
    assert "99 is out of range" in form.problems()["hires:scale"] and form.passes == request.passes
    view.form.focus_problem()
    assert view.form.enlarge_fold.button.isChecked()
    form.set_value("hires:how", Enlarging.OFF)
    form.set_value("detail:model", NONE)
    form.set_value("windows:how", WindowsUse.OFF)
    assert form.passes == () and form.windows is None and section.redrawn.isHidden()


def test_windows_are_chosen_and_their_sizes_are_typed_only_where_they_are_ones_own(view):
    form, field = view.window().studio.form, view.form.enlarge.windows
    field.how.combo.activated.emit(1)
    assert form.windows == Windows() and field.text.isHidden()
    field.how.combo.activated.emit(2)
    assert form.windows == Windows((512, 512), 128) and not field.text.isHidden()
    assert field.text.edit.text() == "512x512:128:mixture"
    form.type("windows:text", "")  # on the way to another number
    assert form.problems()["windows:text"] and not field.text.isHidden()
    form.type("windows:text", "256x128:32")
    assert form.windows == Windows((256, 128), 32) and field.how.combo.currentIndex() == 2
    field.how.combo.activated.emit(0)
    assert form.windows is None and field.text.isHidden()


@pytest.mark.slow
def test_guides_and_the_levels_they_act_in(view):
    form = view.window().studio.form
    view.form.guidance_fold.open()
    form.set_value("guides:freeu", True)
    form.set_value("guides:pag", True)
    form.type("guides:pag:scale", "2.5")
    form.type("guidance_interval:highest", "9")
    assert form.guides == (guide_choice("pag", scale=2.5), guide_choice("freeu"))
    assert form.wanted().request.guidance_interval == (0, 9)
    form.type("guidance_interval:highest", "")
    assert form.guidance_interval is None
    form.type("guidance_interval:lowest", "0.5")
    assert form.guidance_interval == (0.5, math.inf)
    form.type("guides:pag:scale", "1000")
    assert "guides:pag:scale" in form.problems()


def test_passes_that_the_form_does_not_show_stay():
    further = Pass(Changes(prompt="once more"))
    passes = enlarged((further,), Enlarging.REDRAWN)
    assert further_passes(passes) == (further,) and enlarging(passes) == Enlarging.REDRAWN
    only = enlarged(passes, Enlarging.ONLY, "a-network")
    assert only == (Pass(Changes(strength=0.0), Enlargement("a-network")), further)
    assert enlarged(enlarged(only, Enlarging.REDRAWN), Enlarging.OFF) == detailed((further,), NONE) == (further,)
    assert detailed(passes, "face")[-1].boxes.model == "face"


@pytest.mark.parametrize("passes, size, said", [
    ((Pass(enlarge=Enlargement(scale=1.5)),), (512, 768), "512 × 768 → 768 × 1152"),
    ((Pass(enlarge=Enlargement(size=(1024, 0))),), (512, 768), "512 × 768 → 1024 × 1536"),
    ((Pass(enlarge=Enlargement(scale=16)),), (4096, 4096), ""),  # beyond what can be drawn
    ((), (512, 512), ""), ((Pass(enlarge=Enlargement()),), None, ""),
])  # fmt: skip
def test_what_it_becomes_is_said(passes, size, said):
    assert size_in_words(passes, size) == said


def test_a_folded_section_says_that_it_is_in_use(view):
    form, folds = view.window().studio.form, view.form
    named = {name: getattr(folds, f"{name}_fold") for name in FIELDS_OF}
    before = {name: fold.button.text() for name, fold in named.items()}
    assert not [text for text in before.values() if "•" in text]
    changes = {
        "negative": {"negative": "fog"}, "enlarge": {"windows": Windows()}, "guidance": {"guidance_rescale": 0.7},
        "more": {"tiling": True}, "regions": {"regions": (Region("a boat", (0, 0, 0.5, 1)),)},
    }  # fmt: skip
    for name, values in changes.items():
        form.put(**values)
        assert {each for each, fold in named.items() if "•" in fold.button.text()} == {name}
        button = named[name].button
        assert button.accessibleName() == before[name] and button.accessibleDescription() == "closed, in use"
        form.put(**{field: default(field) for field in values})
        assert button.text() == before[name]
