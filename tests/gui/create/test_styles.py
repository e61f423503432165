"""Styles and wildcards of the person's own lists: chosen in the form, and what the prompt becomes is shown."""

from __future__ import annotations

import pytest

from gui.form.becoming import LONGEST, becomes, cut, read_styles
from sdedge.library.adapters import wildcard_folder
from sdedge.places import data_folder
from tests.gui.conftest import wait


@pytest.mark.slow
def test_a_style_is_applied_a_wildcard_inserted_and_what_it_becomes_shown(open_window, qtbot):
    wildcard_folder().mkdir(parents=True)
    (wildcard_folder() / "colour.txt").write_text("red\nblue\ngreen\n")
    (data_folder() / "styles.csv").write_text(
        'name,prompt,negative_prompt\nfilm,"film photo of {prompt}, grain",drawing\n'
    )
    view = open_window(start=False).show_view("create")
    form, section = view.window().studio.form, view.form.styles
    wait(qtbot, lambda: section.styles.isEnabled() and section.wildcards.isEnabled())
    form.put(prompt="a house", seed=3)
    section.wildcards.menu().actions()[0].trigger()
    assert form.prompt.split() == ["__colour__", "a", "house"] or form.prompt.split() == ["a", "house", "__colour__"]
    wait(qtbot, lambda: section.becomes.text())
    assert not section.another.isHidden()
    seen = {section.becomes.text()}
    for _ in range(6):
        section.another.click()
        wait(qtbot, lambda: section.becomes.text())
        qtbot.wait(30)
        seen.add(section.becomes.text())
    assert len(seen) > 1 and all("__" not in text for text in seen)
    section.styles.menu().actions()[0].trigger()
    assert form.prompt.startswith("film photo of") and form.negative == "drawing"
    view.window().studio.undoing.take_back()
    assert form.negative == "" and not form.prompt.startswith("film")


def test_what_cannot_be_read_is_said_and_nothing_is_lost():
    assert read_styles() == ({}, "") and becomes("a {house", 1).text == "a {house"
    data_folder().mkdir(parents=True, exist_ok=True)
    (data_folder() / "styles.csv").write_bytes(b"\xff\xfe")
    known, fault = read_styles()
    assert not known and "UTF-8" in fault
    assert "__nothing__" in becomes("a __nothing__", 1).fault
    assert becomes("a {red|red} house", 1).choices == 1 and len(cut("x" * 9999)) == LONGEST
