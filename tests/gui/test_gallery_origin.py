"""Pictures of other programs in the gallery: shown with what their files say, used, and what cannot be taken told beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gui.gallery.origin import read_origin
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import rescan
from sdedge.library.store import open_store

A1111 = (
    "a cat\nNegative prompt: ugly\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64, Model: elsewhere,"
    " Version: v1.10.1, Odd script: 3"
)
INVOKEAI = {
    "app_version": "6.1.0", "generation_mode": "txt2img", "positive_prompt": "a dog", "seed": 7, "rand_device": "cpu",
    "steps": 30, "scheduler": "euler", "model": {"name": "d", "hash": "blake3:aa"}, "odd_new_setting": 5,
}  # fmt: skip
COMFYUI = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fish", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["1", 1]}},
    "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "5": {"class_type": "FreeU", "inputs": {"b1": 1.3, "model": ["1", 0]}},
    "6": {"class_type": "KSampler", "inputs": {
        "seed": 9, "steps": 12, "cfg": 6, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
        "model": ["5", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0]}},
    "7": {"class_type": "VAEDecode", "inputs": {"samples": ["6", 0], "vae": ["1", 2]}},
    "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0]}},
}  # fmt: skip
DRAW_THINGS = {"c": "a bird", "uc": "ugly", "steps": 20, "sampler": "DPM++ 2M Karras", "scale": 7.5, "seed": 9,
               "size": "64x64", "model": "sd_v1.5_f16.ckpt", "tea_cache": True}  # fmt: skip
FILES: dict[str, dict[str, str]] = {
    "A1111": {"parameters": A1111}, "InvokeAI": {"invokeai_metadata": json.dumps(INVOKEAI)},
    "ComfyUI": {"prompt": json.dumps(COMFYUI)},
    "Draw Things": {"Software": "Draw Things", "Comment": json.dumps(DRAW_THINGS), "Description": "a bird"},
}  # fmt: skip


def save(path: Path, texts: dict[str, str], color: int = 0) -> Path:
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 64), (color, 0, 90)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(("program", "setting"), [
    ("A1111", "Odd script"), ("InvokeAI", "odd_new_setting"), ("ComfyUI", "FreeU"), ("Draw Things", "tea_cache"),
])  # fmt: skip
def test_what_could_not_be_taken_over_is_known_with_its_reason(tmp_path, program, setting):
    origin = read_origin(save(tmp_path / "x.png", FILES[program]))
    assert origin is not None and program in origin.program and origin.text
    (reason,) = [reason for name, _, reason in origin.left_out if name == setting]
    assert reason.endswith(".") and reason not in origin.notes


def test_ours_bare_damaged_and_vanished_pictures_say_nothing(tmp_path):
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG")
    save(tmp_path / "bare.png", {})
    assert [read_origin(tmp_path / name) for name in ("bare.png", "damaged.png", "gone.png")] == [None] * 3


@pytest.mark.slow
def test_a_picture_of_another_program_is_shown_and_its_settings_are_used(open_window, qtbot, tmp_path):
    for number, (program, texts) in enumerate(FILES.items()):
        save(tmp_path / "found" / f"{program}.png", texts, number)
    with open_store() as store:
        assert rescan(Gallery(store), tmp_path / "found").added == 4
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: view.model.rowCount() == 4 and view.model.entry(3) is not None)
    panel = view.details.origin
    for row in range(4):
        view.choose(row)
        program = view.current().path.stem
        qtbot.waitUntil(lambda program=program: panel.isVisible() and program in panel.program.text())
        assert panel.left_out.text() and view.details.prompt.text().startswith("a ")
    view.choose(next(row for row in range(4) if view.model.entry(row).path.stem == "ComfyUI"))
    window.actions_list["use-settings"].trigger()
    qtbot.waitUntil(lambda: window.studio.form.prompt == "a fish" and window.studio.form.seed == 9)
    assert "FreeU" in window.banner.text and "v1-5" in window.banner.text
