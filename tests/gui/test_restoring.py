"""Settings out of pictures: nothing that they name is opened, looked at or used as a path before a person chose it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
from PySide6.QtCore import QMimeData, QUrl

from gui.shell.restoring import from_entry, from_metadata
from sdedge.images.metadata import read
from sdedge.images.metadata_fields import Metadata
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from tests.gui.conftest import PATIENCE
from tests.gui.page import banner_button
from tests.gui.pictures import save_pictures

_WATCHED: list[tuple[str, set[str]]] = []


def _audit(event: str, arguments: tuple) -> None:
    if (
        _WATCHED
        and event in ("open", "os.listdir", "os.scandir")
        and isinstance(arguments[0], (str, bytes, os.PathLike))
    ):
        mark, seen = _WATCHED[0]
        if mark in os.fsdecode(arguments[0]):
            seen.add(event)


@pytest.fixture(scope="session")
def _hook():
    sys.addaudithook(_audit)  # stays for the process, so it is asked for once


@pytest.fixture
def touched(_hook, tmp_path, monkeypatch):
    """What was done to any path with "lure" in its name; a stat, which Python does not audit, is counted too."""
    seen: set[str] = set()
    stat = os.stat

    def counted(path, *args, **kwargs):
        if isinstance(path, (str, bytes, os.PathLike)) and "lure" in os.fsdecode(path):
            seen.add("stat")
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", counted)
    _WATCHED.append(("lure", seen))
    yield seen
    _WATCHED.clear()


def lure(tmp_path, name: str) -> str:
    """A FIFO, which stops whoever opens it."""
    path = tmp_path / f"lure-{name}"
    with suppress(FileExistsError, AttributeError):
        os.mkfifo(path)
    return str(path)


def settings(tmp_path) -> dict:
    return {
        "prompt": f"a red house<lora:{lure(tmp_path, 'lora')}:1>", "steps": 7, "model": lure(tmp_path, "model"),
        "vae": lure(tmp_path, "vae"), "image": lure(tmp_path, "image"), "mask": lure(tmp_path, "mask"), "seed": 3,
    }  # fmt: skip


def hostile_picture(tmp_path):
    fields = settings(tmp_path)
    return save_pictures(tmp_path / "out", [fields.pop("prompt")], first_seed=fields.pop("seed"), **fields)[0]


def test_a_hostile_picture_is_restored_without_a_path(tmp_path, touched):
    restored = from_metadata(Metadata(fields=settings(tmp_path), source="x"))
    assert restored.request.image is None and restored.request.mask is None and restored.request.vae is None
    assert restored.keep == ("model",) and restored.model and restored.vae and restored.loras and restored.pictures
    assert restored.request.prompt == "a red house<lora:lure-lora:1>" and restored.request.steps == 7
    assert not touched


def test_dropping_a_hostile_picture_says_what_is_left_out_and_opens_none_of_it(view, qtbot, tmp_path, touched):
    path = hostile_picture(tmp_path)
    assert read(path).source
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    view.window().studio.drops.take(data)
    banner, form = view.window().banner, view.window().studio.form
    qtbot.waitUntil(lambda: "says how it was made" in banner.text, timeout=PATIENCE)
    banner_button(view.window()).click()
    assert (form.model, form.image, form.mask, form.steps) == ("fake", None, None, 7) and form.vae is None
    assert "another picture" in banner.text and "yours stays chosen" in banner.text and "--" not in banner.text
    assert banner_button(view.window()).text() == "Choose the picture…"
    qtbot.wait(400)  # the counter, the model's card and the memory have looked
    assert not touched


def test_pasted_settings_are_no_safer(view, qtbot, tmp_path, touched):
    data = QMimeData()
    data.setText(
        f"a house\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128, Model: {lure(tmp_path, 'model')}"
    )
    view.window().studio.drops.paste(data)
    assert (view.window().studio.form.model, view.window().studio.form.steps) == ("fake", 7)
    qtbot.wait(200)
    assert not touched


def test_a_picture_found_in_a_folder_is_distrusted_and_one_of_our_jobs_is_not(tmp_path, touched):
    fields = {name: value for name, value in settings(tmp_path).items() if name in ("image", "mask")}
    save_pictures(tmp_path / "out", ["a house"], **fields)
    with open_store() as store:
        (entry,) = Gallery(store).search()
        assert from_entry(entry).request.image is None and from_entry(entry).pictures
        assert from_entry(replace(entry, job=1)).request.image == fields["image"]
    assert not touched
