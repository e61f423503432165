"""What is dropped on the view or pasted into it is used, or it is said why not."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QUrl

from gui.shell import drops
from gui.shell.drops import sort_out
from tests.gui.conftest import wait
from tests.gui.page import banner_button


def drop(view, *paths, text: str = "") -> None:
    data = QMimeData()
    if paths:
        data.setUrls([QUrl(path) if "://" in str(path) else QUrl.fromLocalFile(str(path)) for path in paths])
    elif text:
        data.setText(text)
    view.window().studio.drops.take(data)


def test_paths_are_sorted_by_what_can_be_done_with_them(tmp_path):
    for name in ("a.png", "b.safetensors", "c.gguf", "model/model_index.json", "folder/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    paths = [str(tmp_path / name) for name in ("a.png", "b.safetensors", "c.gguf", "model", "folder", "gone.png")]
    kinds = sort_out(paths)
    assert (kinds.pictures, kinds.models, kinds.folders, kinds.missing) == (
        (paths[0],), (paths[1], paths[2], paths[3]), (paths[4],), (paths[5],),
    )  # fmt: skip


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "good.png")
    png = (folder / "good.png").read_bytes()
    (folder / "cut.png").write_bytes(png[:200])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.jpg").touch()
    (folder / "folder").mkdir()
    Image.new("1", (30_000, 3_000)).save(folder / "huge.png")
    return folder


def test_what_cannot_be_used_is_said_once_and_the_form_stays(view, qtbot, odd_files):
    view.window().studio.form.put(prompt="mine", image=None)
    view.window().studio.form.type("steps", "many")
    before = view.window().studio.form.snapshot()
    for name, message in (
        ("cut.png", "damaged"), ("text.png", "not a picture"), ("empty.jpg", "not a picture"),
        ("huge.png", "megapixels"), ("folder", "without a model"), ("gone.png", "no file"),
        ("https://example.org/a.png", "no network addresses"),
    ):  # fmt: skip
        view.window().banner.clear()
        drop(view, name if "://" in name else odd_files / name)
        wait(qtbot, lambda message=message: message in view.window().banner.text)
        assert view.window().studio.form.snapshot() == before


def test_of_a_hundred_pictures_the_first_is_used_and_that_is_said(view, qtbot, odd_files):
    drop(view, *[odd_files / "good.png"] * 100)
    wait(qtbot, lambda: view.window().banner.text == "Only the first of 100 pictures is used.")
    assert view.window().studio.form.image == str(odd_files / "good.png")


def test_copied_settings_are_taken_and_other_text_is_not(view, qtbot):
    drop(view, text="a house\nNegative prompt: fog\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128")
    form = view.window().studio.form
    assert (form.prompt, form.negative, form.steps, form.sampler, form.seed) == ("a house", "fog", 7, "euler_a", 9)
    drop(view, text="some words")
    assert "into the prompt" in view.window().banner.text and form.prompt == "a house"


def test_a_picture_from_another_program_offers_its_settings_and_keeps_a_model_that_is_here(view, qtbot, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 9, Sampler: Euler, CFG scale: 6, Seed: 4, Size: 64x64, Model: v1-5")
    Image.new("RGB", (64, 64)).save(tmp_path / "a1111.png", pnginfo=info)
    view.window().studio.form.put(model="pocket")
    drop(view, tmp_path / "a1111.png")
    wait(qtbot, lambda: "says how it was made" in view.window().banner.text)
    banner_button(view.window()).click()
    form = view.window().studio.form
    assert (form.prompt, form.steps, form.guidance, form.seed, form.model) == ("a cat", 9, 6.0, 4, "pocket")
    assert "v1-5 is not installed" in view.window().banner.text


def test_models_are_handed_to_their_view(view, tmp_path):
    models = []
    view.window().studio.models_wanted.connect(models.append)
    (tmp_path / "x.safetensors").touch()
    drop(view, tmp_path / "x.safetensors")
    assert models == [[str(tmp_path / "x.safetensors")]] and view.window().current_view == "models"


@pytest.mark.parametrize("first", ["good.png", "cut.png"])
def test_of_two_drops_the_last_counts_though_the_first_takes_longer_to_read(
    view, qtbot, odd_files, tmp_path, monkeypatch, first
):
    studio, go_on, read = view.window().studio, threading.Event(), drops.look_at_picture
    second = tmp_path / "second.png"
    second.write_bytes((odd_files / "good.png").read_bytes())

    def slowly(path):
        if path != str(second):
            go_on.wait(60)
        return read(path)

    monkeypatch.setattr(drops, "look_at_picture", slowly)
    drop(view, odd_files / first)
    drop(view, second)
    wait(qtbot, lambda: studio.form.image == str(second))
    view.window().banner.clear()
    go_on.set()
    studio.bridge.background.run(lambda: None)
    qtbot.wait(300)
    assert studio.form.image == str(second) and not view.window().banner.text
