"""What a request can ask for and the form cannot: every such field, and every part of one, has a reason here."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gui.form.enlarging import DETAIL_PART, HIRES_PART
from sdedge.controls import Control
from sdedge.field_rows import Without
from sdedge.guides import GUIDES
from sdedge.pass_parts import DETAIL, PARTS
from sdedge.regions import Region
from sdedge.request_fields import FIELDS
from sdedge.windows import WindowsType
from tests.gui.conftest import with_every_section

ELSEWHERE = {"eta": "options", "safety": "settings"}
"""Fields without a place of their own in the form, by a word of where they are."""
SHOWN_AS = {
    "span": {"start", "end"}, "preprocess": {"preprocess", "settings"}, "area": {"left", "top", "right", "bottom"},
    "hint": set(), "mask": set(),
}  # fmt: skip
"""Parts of controls and regions under other names; pictures are chosen in menus."""


def test_every_setting_of_a_request_is_in_the_form_or_has_a_reason(view):
    missing = {name: row.form.reason for name, row in FIELDS.items() if isinstance(row.form, Without)}
    assert missing.keys() == ELSEWHERE.keys() and all(ELSEWHERE[name] in reason for name, reason in missing.items())
    form = with_every_section(view).window().studio.form
    form.put(controls=(Control("canny", "a.png"),), regions=(Region("a house"),))
    control, region = view.form.control.rows[0], view.form.regions.rows[0]
    wanted = {"windows:text", f"{DETAIL_PART}model", f"{HIRES_PART}how"}
    wanted |= {f"guides:{guide}:{number.name}" for guide, row in GUIDES.items() for number in row.numbers}
    for name, part in PARTS.items():
        if name != "detail":
            wanted.add(f"{DETAIL_PART if part.role is DETAIL else HIRES_PART}{part.field}")
    for prefix, kind in (("control:0:", Control), ("region:0:", Region)):
        for each in fields(kind):
            wanted |= {prefix + name for name in SHOWN_AS.get(each.name, {each.name})}
    assert not wanted - form.parts.keys()
    for row, name in ((control, "control"), (region, "region")):
        row.where.button.menu().aboutToShow.emit()
        assert len(row.where.button.menu().actions()) == 2, name
    assert WindowsType().parse("windows", "512:128:multidiffusion:jitter").jitter  # all of it can be typed


@pytest.mark.slow
def test_a_mask_of_a_control_and_of_a_region_is_chosen_and_missed(view, tmp_path):
    form, mask = view.window().studio.form, tmp_path / "mask.png"
    mask.write_bytes(b"")
    form.put(controls=(Control("canny", str(mask)),), regions=(Region("a house"),), image=str(mask), mask=str(mask))
    for row, field in ((view.form.control.rows[0], "controls"), (view.form.regions.rows[0], "regions")):
        menu = row.where.button.menu()
        menu.aboutToShow.emit()
        menu.actions()[2].trigger()
        assert getattr(form, field)[0].mask == str(mask) and row.where.button.text() == "mask.png"
    mask.rename(tmp_path / "elsewhere.png")
    assert "no mask" in form.problems()["controls"] and "no mask" in form.problems()["regions"]
    for row, field in ((view.form.control.rows[0], "controls"), (view.form.regions.rows[0], "regions")):
        menu = row.where.button.menu()
        menu.aboutToShow.emit()
        menu.actions()[0].trigger()
        assert getattr(form, field)[0].mask is None


@pytest.mark.slow
def test_settings_that_few_need_open_by_themselves_where_they_are_in_force(view):
    form, section = view.window().studio.form, view.form.enlarge
    form.set_value("hires:how", "redrawn")
    form.set_value("detail:model", "face")
    assert not section.hires_further.fold.button.isChecked() and not section.detail_further.fold.button.isChecked()
    form.type("hires:size", "1024x0")
    form.type("detail:only", "face, hand")
    form.set_value("detail:sampler", "euler_a")
    form.type("timesteps", "999, 500, 1")
    hires, detail = form.passes
    assert hires.enlarge.size == (1024, 0) and form.text("hires:size") == "1024x0"
    assert detail.boxes.only == ("face", "hand") and detail.changes["sampler"] == "euler_a"
    assert form.draft().timesteps == (999, 500, 1)
    assert section.hires_further.fold.button.isChecked() and section.detail_further.fold.button.isChecked()
    form.type("hires:size", "")
    form.set_value("detail:sampler", None)
    assert form.passes[0].enlarge.size is None and "sampler" not in form.passes[1].changes
