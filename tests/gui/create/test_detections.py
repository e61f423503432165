"""What a detector finds is shown over the picture before anything is drawn again."""

from __future__ import annotations

import pytest

from gui.commands.command import Command
from gui.create.boxes import Box
from gui.form.detecting import Detection, Detections, detect_arguments
from gui.shell.picture_actions import Subject
from sdedge.boxes import Boxes
from tests.gui.create.conftest import filled

LEFT, RIGHT = Detection((8, 8, 24, 40), 0.9, "face"), Detection((40, 8, 60, 20), 0.5, "hand")


def test_boxes_are_those_that_a_pass_draws_again():
    detections = Detections((LEFT, RIGHT), 1.0)
    assert [box for box, _ in detections.wanted(Boxes("x", dilate=0), (64, 64))] == [(8, 8, 24, 40), (40, 8, 60, 20)]
    assert detections.wanted(Boxes("x", most=1, dilate=0, right=2), (64, 64)) == [((10, 8, 26, 40), "face 0.90")]
    assert detections.wanted(Boxes("x", only=("hand",), dilate=-400), (64, 64)) == []
    arguments = detect_arguments(Boxes("-x", confidence=0.25), "picture.png")
    assert arguments == ["detect", "--json", "--confidence=0.25", "--", "-x", "picture.png"]


@pytest.mark.slow
def test_they_are_shown_as_long_as_they_are_true(view, monkeypatch, tmp_path):
    started: list[Command] = []
    monkeypatch.setattr(Command, "start", lambda command: started.append(command))
    form, section, shown = view.window().studio.form, view.form.enlarge, view.detections.overlay
    form.set_value("detail:model", "face")
    form.type("detail:dilate", "0")
    section.look.click()
    assert "no picture" in section.detection_note.text() and not section.look.isChecked() and not started
    filled("red", 128, 64).save(str(tmp_path / "a.png"))
    view.panel.canvas.show_picture(filled("red", 64, 32))  # a large one is shown smaller
    view.window().studio.pictures.show("create", Subject(path=tmp_path / "a.png"))
    section.look.click()
    view.form.prompt.editor.setFocus()
    for each in (LEFT, RIGHT):
        started[-1].said.emit({"box": list(each.box), "score": each.score, "name": each.name})
    started[-1].said.emit({"box": "none"})
    started[-1].ended.emit("")
    assert view.form.prompt.editor.hasFocus(), "what is shown later interrupts nobody who types"
    assert section.look.isChecked() and "again: 2, found in" in section.detection_note.text() and not shown.isHidden()
    assert shown.boxes == [Box(4, 4, 12, 20), Box(20, 4, 30, 10)] and shown.labels == ["face 0.90", "hand 0.50"]
    form.type("detail:most", "1")
    assert shown.boxes == [Box(4, 4, 12, 20)] and len(started) == 1
    form.type("detail:confidence", "0.4")
    assert shown.isHidden() and not section.look.isChecked() and not section.detection_note.text()
    section.look.click()
    started[-1].ended.emit("There is no detector face; add its file under Models.")
    assert "no detector" in section.detection_note.text() and shown.isHidden()
    section.look.click()
    started[-1].ended.emit("")
    assert "again: 0, found in" in section.detection_note.text() and not section.look.isHidden()
    view.panel.canvas.show_picture(filled("blue", 64, 32))
    assert shown.isHidden() and not section.look.isChecked()
