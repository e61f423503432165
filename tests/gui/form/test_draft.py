"""The form on disk: whatever state it is in, and only what was written counts as written."""

from __future__ import annotations

import json

import pytest

from gui.form.draft import FILE, FormDraft
from gui.form.model import FormModel
from gui.form.regioning import free_place, with_region
from gui.shell.background import Background
from sdedge.places import data_folder
from sdedge.regions import Region


@pytest.fixture
def make(qtbot):
    """Makes a form, and the draft that keeps it."""
    background, drafts = Background("test", 2), []

    def made() -> tuple[FormModel, FormDraft]:
        form = FormModel()
        drafts.append(FormDraft(form, background, background))
        return form, drafts[-1]

    yield made
    for draft in drafts:
        draft.close()
    background.close()


def test_a_region_that_has_no_prompt_yet_keeps_nothing_from_being_kept(make):
    form, draft = make()
    form.put(prompt="a red house", steps=7, regions=(Region("a boat", area=(0.0, 0.0, 0.5, 1.0)),))
    form.put(regions=with_region(form.regions, free_place(form.regions)))
    assert form.regions[1].prompt == ""
    draft.close()
    again, draft = make()
    draft.restore()
    assert (again.prompt, again.steps, again.regions) == ("a red house", 7, form.regions)


def test_damaged_regions_are_left_out(make):
    form, draft = make()
    form.put(prompt="a red house", regions=with_region((), free_place(())))
    draft.close()
    for damage in ([{"prompt": 7}], [3], {"a": 1}, [{"nonsense": 1}], None):
        saved = json.loads((data_folder() / FILE).read_text())
        (data_folder() / FILE).write_text(json.dumps({**saved, "regions": damage}))
        again, draft = make()
        draft.restore()
        assert again.prompt == "a red house" and again.regions == ()


def test_what_was_not_written_yet_is_written_at_the_end(make, qtbot, monkeypatch):
    form, draft = make()
    form.put(prompt="first")
    monkeypatch.setattr(Background, "run", lambda self, *work, **more: None)  # as when all threads are busy
    draft.save()
    draft.close()
    assert "first" in (data_folder() / FILE).read_text()
