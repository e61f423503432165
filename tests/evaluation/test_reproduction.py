"""`sdedge reproduce`: what is found by hash, what is said where something is missing, and how a script reads it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file

from sdedge.commands import reproduce as command
from sdedge.commands.root import cli
from sdedge.engines.open import load_engine
from sdedge.errors import SdedgeError
from sdedge.evaluation.reproduction import Outcome, reproduce
from sdedge.evaluation.reproduction_plan import plan
from sdedge.events import Loading, Notice
from sdedge.generation.pipeline import Pipeline
from sdedge.images import metadata
from sdedge.images.carried import encode, with_done
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_enlarged import with_enlargements
from sdedge.library import file_hashes
from sdedge.library.adapters import embedding_folder, lora_folder
from sdedge.library.file_hashes import hashes_of
from sdedge.library.needed_files import find_files
from sdedge.request import Request
from tests.images.metadata_samples import png


def _write_lora(path: Path, value: float, title: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {f"{name}.lora_down.weight": torch.full((2, 8), value), f"{name}.lora_up.weight": torch.full((8, 2), value),
               f"{name}.alpha": torch.tensor(2.0)}  # fmt: skip
    save_file(tensors, path, {"ss_output_name": title} if title else None)
    return path


def _write_embedding(path: Path, value: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": torch.full((1, 32), value)}, path)
    return path


def _recorded(prompt: str, **hashes: str):
    more = "".join(f', {key.replace("_", " ")}: "{text}"' for key, text in hashes.items())
    return from_texts(
        {"parameters": f"{prompt}\nSteps: 4, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model: pocket{more}"}
    )


def _run(*arguments: object) -> tuple[int, list[dict]]:
    result = CliRunner().invoke(cli, ["reproduce", "--json", *map(str, arguments)], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, [json.loads(line) for line in result.stdout.splitlines()]


def test_a_title_changes_no_hash_of_a_lora_and_a_number_does(tmp_path):
    plain, titled, another = (
        hashes_of(_write_lora(tmp_path / f"{i}.safetensors", value, title))
        for i, (value, title) in enumerate(((0.1, ""), (0.1, "my title"), (0.2, "")))
    )
    assert plain.tensors == titled.tensors != another.tensors and plain.file != titled.file
    assert (
        plain.fit(titled.tensors[:12].upper()) and not plain.fit(another.tensors[:12]) and not plain.fit(plain.file[:7])
    )


def test_a_file_is_read_once_until_it_changes(tmp_path, monkeypatch):
    path = _write_lora(tmp_path / "a.safetensors", 0.1)
    first = hashes_of(path)
    opened = []
    original = file_hashes.open_regular
    monkeypatch.setattr(file_hashes, "open_regular", lambda path: opened.append(path) or original(path))
    assert hashes_of(path) == first and not opened
    _write_lora(path, 0.25, "longer")
    assert hashes_of(path) != first and opened == [path]


def test_loras_are_found_by_their_hash_under_any_name():
    path = _write_lora(lora_folder() / "renamed.safetensors", 0.1)
    hash = hashes_of(path).tensors[:12]
    needed = find_files(_recorded("a <lora:old name:0.8> cat", Lora_hashes=f"old name: {hash}"), {})
    assert needed.fields["prompt"] == "a <lora:renamed:0.8> cat" and not needed.missing and not needed.unhonoured
    assert any("by its hash" in notice for notice in needed.notices)
    by_file = find_files(
        _recorded("a <lora:old name:0.8> cat", Lora_hashes=f"old name: {hashes_of(path).file[:10]}"), {}
    )
    assert by_file.fields["prompt"] == "a <lora:renamed:0.8> cat"


def test_a_lora_of_the_name_with_another_hash_is_used_and_named():
    _write_lora(lora_folder() / "detail.safetensors", 0.1)
    needed = find_files(_recorded("a <lora:detail:1>", Lora_hashes="detail: 0123456789ab"), {})
    assert needed.fields["prompt"] == "a <lora:detail:1>" and not needed.missing
    (setting,) = needed.unhonoured
    assert setting.field == "lora" and "0123456789ab" in setting.reason


def test_what_is_missing_has_its_name_and_its_hash():
    _write_embedding(embedding_folder() / "other.safetensors", 0.1)
    recorded = _recorded("a <lora:lost:1>", Lora_hashes="lost: 0123456789ab", TI_hashes="Easy: ba9876543210")
    needed = find_files(recorded, {})
    assert {(file.role, file.name, file.hash) for file in needed.missing} == {
        ("lora", "lost", "0123456789ab"), ("embedding", "Easy", "ba9876543210"),
    }  # fmt: skip
    assert needed.fields["prompt"] == "a", "a tag that would lead nowhere is not drawn with"
    by_hash = hashes_of(embedding_folder() / "other.safetensors").file[:12]
    (file,) = find_files(_recorded("a", TI_hashes=f"Easy: {by_hash}"), {}).missing
    assert "under the name other" in file.reason


def test_no_path_in_a_picture_is_opened(tmp_path, monkeypatch):
    trap = _write_lora(tmp_path / "trap.safetensors", 0.1)
    record = {"request": {"prompt": f"a <lora:{trap}:1>", "model": str(tmp_path / "model.safetensors"),
                          "image": str(tmp_path / "x.png"),
                          "vae": "/net/share/vae.pt", "mask": "/dev/zero"}, "sdedge": "1"}  # fmt: skip
    recorded = from_texts({"sdedge": json.dumps(record)})
    needed = find_files(recorded, {})
    assert {file.role for file in needed.missing} == {"lora", "model", "vae"}
    (tmp_path / "a.png").write_bytes(png(sdedge=json.dumps(record)).getvalue())
    planned = plan(tmp_path / "a.png")
    assert {file.role for file in planned.missing} == {"lora", "model", "vae", "image", "mask"}
    assert planned.request is not None and str(tmp_path) not in planned.request.to_json()


def test_an_upscaler_or_detector_that_lies_about_is_not_opened_by_a_picture(tmp_path, monkeypatch):
    (tmp_path / "trap.pt").write_bytes(b"trap")
    monkeypatch.chdir(tmp_path)
    for settings in ("Hires upscale: 2, Hires upscaler: trap.pt, Denoising strength: 0.5", "ADetailer model: trap.pt"):
        text = f"a\nSteps: 4, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model: pocket, {settings}"
        (file,) = find_files(from_texts({"parameters": text}), {}).missing
        assert file.name == "trap.pt" and "none is opened" in file.reason


@pytest.fixture(scope="module")
def drawn(tiny_model, tmp_path_factory) -> Path:
    """A folder of two pictures of the tiny model: one as it was drawn, and one with other pixels."""
    folder = tmp_path_factory.mktemp("drawn")
    pipeline = Pipeline(load_engine("cpu"))
    (picture,) = [
        event
        for event in pipeline.images(Request("a house", model=str(tiny_model), steps=3, seed=4))
        if hasattr(event, "pixels")
    ]
    picture.save(folder / "same.png")
    noise = np.random.default_rng(0).integers(0, 256, picture.pixels.shape, dtype=np.uint8)
    with open(folder / "other.png", "wb") as file:
        metadata.write(file, noise, "png", picture.request, {})
    return folder


@pytest.mark.slow
def test_exit_statuses_and_json(drawn, tiny_model, tmp_path):
    model = ("--model", tiny_model, "--device", "cpu")
    status, (record,) = _run(drawn / "same.png", *model)
    assert status == 0 and record["outcome"] == "identical" and record["psnr"] is None and record["ssim"] == 1
    assert (
        record["request"]["seed"] == 4
        and record["made_by"] == "sdedge"
        and record["missing"] == record["not_honoured"] == []
    )
    status, records = _run(drawn, *model)
    assert status == command.DIFFERENT and [Path(each["picture"]).name for each in records] == ["other.png", "same.png"]
    assert [each["outcome"] for each in records] == ["different", "identical"] and records[0]["psnr"] < 20
    assert _run(drawn / "other.png", "--at-least", 1, *model)[0] == 0
    (tmp_path / "plain.png").write_bytes(png().getvalue())
    (tmp_path / "no picture.png").write_bytes(b"no picture")
    status, records = _run(
        tmp_path / "plain.png", tmp_path / "no picture.png", tmp_path / "nowhere.png", drawn / "same.png"
    )
    assert status == command.NOT_DRAWN and [each["outcome"] for each in records] == ["unreadable"] * 3 + ["missing"]
    assert all(each["fault"] for each in records[:3]) and records[3]["missing"][0]["role"] == "model"


@pytest.mark.slow
def test_a_dry_run_draws_nothing_and_what_is_drawn_is_kept_under_new_names(drawn, tiny_model, tmp_path, monkeypatch):
    model = ("--model", tiny_model, "--device", "cpu")
    before = (drawn / "same.png").read_bytes()
    paths = [_run(drawn / "same.png", "--to", tmp_path / "kept", *model)[1][0]["drawn"] for _ in range(2)]
    assert len({*paths}) == 2 and all(metadata.read(path).fields["seed"] == 4 for path in paths)
    assert _run(drawn / "same.png", "--to", drawn, *model)[0] == 0 and (drawn / "same.png").read_bytes() == before
    for path in drawn.iterdir():
        if path.name not in ("same.png", "other.png"):
            path.unlink()
    monkeypatch.setattr(Pipeline, "images", lambda *_: pytest.fail("a dry run draws nothing"))
    status, (record,) = _run(drawn / "same.png", "--dry-run", "--to", tmp_path / "not made", *model)
    assert (status, record["outcome"]) == (0, "planned") and not (tmp_path / "not made").exists()
    assert _run(drawn / "same.png", "--dry-run")[0] == command.NOT_DRAWN, "its model is a path, which is not opened"


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--model", "nix", "no model named 'nix'"),
        ("--image", "nowhere.png", "there is no picture"),
        ("--vae", "nix", "'nix'"),
    ],
)
def test_what_a_person_gives_is_refused_before_anything_is_drawn(drawn, option, text, said):
    run = CliRunner().invoke(cli, ["reproduce", str(drawn / "same.png"), option, text, "--dry-run"])
    assert isinstance(run.exception, SdedgeError) and said in str(run.exception) and not run.stdout


@pytest.mark.slow
def test_a_table_of_many_and_the_details_of_one(drawn, tiny_model, tmp_path):
    broken = tmp_path / "a\x1b[31m.png"
    shutil.copy(drawn / "other.png", broken)
    run = CliRunner().invoke(cli, ["reproduce", str(drawn), str(broken), "--model", str(tiny_model), "--device", "cpu"])
    lines = run.stdout.splitlines()
    assert (
        lines[0].split() == ["picture", "made", "by", "outcome", "PSNR", "SSIM", "not", "honoured"] and len(lines) == 5
    )
    assert lines[-1] == "3 pictures: 1 drawn again at 40 dB or better, 2 different, 0 not drawn."
    details = CliRunner().invoke(cli, ["reproduce", str(drawn / "same.png"), "--dry-run"]).stdout
    assert "missing       model" in details and "--model" in details


def test_a_picture_of_another_size_than_its_settings_is_not_graded(drawn, tiny_model, tmp_path):
    request = Request("a house", model=str(tiny_model), steps=2, seed=4, width=64, height=64)
    with open(tmp_path / "large.png", "wb") as file:
        metadata.write(file, np.zeros((128, 128, 3), np.uint8), "png", request, {})
    planned = plan(tmp_path / "large.png", {"model": str(tiny_model)})
    result = reproduce(planned, Pipeline(load_engine("cpu")), lambda event: None)
    assert (
        result.outcome is Outcome.DIFFERENT
        and result.psnr is None
        and "size" in {each.field for each in result.unhonoured}
    )


@pytest.mark.slow
def test_the_hashes_of_what_was_used_are_written_and_read(tiny_model, tmp_path):
    path = _write_lora(lora_folder() / "detail.safetensors", 0.01)
    width = json.loads((tiny_model / "text_encoder" / "config.json").read_text())["hidden_size"]
    save_file(
        {"emb_params": torch.full((1, width), 0.1)}, _write_embedding(embedding_folder() / "easy.safetensors", 0.1)
    )
    request = Request("a house, easy <lora:detail:0.5>", model=str(tiny_model), steps=1, seed=4)
    (picture,) = [event for event in Pipeline(load_engine("cpu")).images(request) if hasattr(event, "pixels")]
    picture.save(tmp_path / "a.png")
    hash = hashes_of(path).tensors[:12]
    with Image.open(tmp_path / "a.png") as image:
        assert f'Lora hashes: "detail: {hash}"' in image.text["parameters"] and "TI hashes" in image.text["parameters"]
        theirs = from_texts({"parameters": image.text["parameters"]})
    for recorded in (metadata.read(tmp_path / "a.png"), theirs):
        assert ("lora", "detail", hash) in {(each.role, each.name, each.hash) for each in recorded.resources}
        assert "embedding" in {each.role for each in recorded.resources}


DONE = {"Postprocess upscale by": "2", "Postprocess upscaler": "Lanczos"}


def _with_done(folder: Path, size: tuple[int, int], *done: dict[str, str]) -> Path:
    """A picture of ours that says what was done to it."""
    request = Request("a house", model="pocket", width=64, height=64, steps=2, seed=1)
    texts = {"sdedge": metadata.record(request, {})}
    for each in done:
        texts = with_done(texts, each)
    path = folder / "picture.png"
    path.write_bytes(encode(Image.new("RGB", size), "png", texts))
    return path


def test_a_recorded_enlargement_is_planned_as_a_last_pass(tmp_path):
    both = plan(_with_done(tmp_path, (250, 250), DONE, DONE))
    passes = [(each.enlarge.by, each.enlarge.scale, each.enlarge.size) for each in both.request.passes]
    assert passes == [("lanczos", 2.0, None), ("lanczos", 2.0, (250, 250))] and both.is_complete
    assert all(each.changes == {"strength": 0.0} for each in both.request.passes)
    absent = plan(_with_done(tmp_path, (128, 128), {**DONE, "Postprocess upscaler": "R-ESRGAN 4x+"}))
    assert [(each.role, each.name) for each in absent.missing] == [("upscaler", "R-ESRGAN 4x+")]
    for wrong in (
        {**DONE, "Postprocess upscale by": "much"},
        {**DONE, "Postprocess upscale by": "1e9"},
        {"Postprocess upscale by": "2"},
    ):
        said = plan(_with_done(tmp_path, (128, 128), wrong))
        assert said.request.passes == () and [each.field for each in said.unhonoured][:1] == ["Postprocess upscale by"]
    text = "a cat\nSteps: 4, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model: pocket, " + ", ".join(
        f"{key}: {value}" for key, value in DONE.items()
    )
    theirs = with_enlargements(from_texts({"parameters": text}), (128, 128))
    assert theirs.fields["passes"][0].enlarge.size == (128, 128)
    assert not any(each.field.startswith("Postprocess") for each in theirs.unhonoured)


@pytest.mark.slow
def test_an_enlarged_picture_is_drawn_and_enlarged_again(drawn, tiny_model, tmp_path):
    CliRunner().invoke(
        cli, ["upscale", str(drawn / "same.png"), "--to", str(tmp_path / "large.png"), "--model", "lanczos"]
    )
    status, (record,) = _run(tmp_path / "large.png", "--model", tiny_model, "--device", "cpu")
    assert (status, record["outcome"]) == (0, "identical"), record


def test_what_a_picture_does_not_say_is_named_and_its_own_size_is_drawn(tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(png(parameters="a cat <hypernet:x:1>\nSteps: 4, Sampler: Euler, CFG scale: 3").getvalue())
    with Image.open(path) as image:
        info = PngImagePlugin.PngInfo()
        info.add_text("parameters", image.info["parameters"])
        Image.new("RGB", (128, 64)).save(path, pnginfo=info)
    planned = plan(path)
    assert (planned.request.width, planned.request.height) == (128, 64)
    lost = {each.field: each.reason for each in planned.unhonoured}
    assert {"seed", "size", "model", "prompt"} == lost.keys() and "Hypernetworks" in lost["prompt"]


def test_a_tag_that_cannot_be_read_leaves_the_other_loras():
    needed = find_files(_recorded("a cat <lora:one:0.5> <lora:two:0.5:lbw=NONSENSE>"), {})
    assert [(each.role, each.name) for each in needed.missing if each.role == "lora"] == [("lora", "one")]
    (lost,) = [each for each in needed.unhonoured if each.field == "lora"]
    assert lost.value == "<lora:two:0.5:lbw=NONSENSE>" and "<lora" not in needed.fields["prompt"]


def test_what_holds_for_many_pictures_is_said_once():
    events: list[object] = []
    said: set[str] = set()
    for event in (Notice("a"), Loading("model"), Notice("b"), Loading("model"), Notice("a")):
        command.tell_once(events.append, said, event)
    assert events == [Notice("a"), Loading("model"), Notice("b"), Loading("model")]


def test_a_picture_whose_pixels_are_cut_off_ends_no_run(tmp_path):
    path = tmp_path / "cut.png"
    noise = np.random.RandomState(0).randint(0, 255, (64, 64, 3)).astype(np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat\nSteps: 4, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model: pocket")
    Image.fromarray(noise).save(path, pnginfo=info)
    path.write_bytes(path.read_bytes()[:-5000])
    result = reproduce(plan(path), None, lambda event: None)  # nothing is drawn
    assert result.outcome is Outcome.UNREADABLE and "damaged" in result.fault


def test_a_hash_that_cannot_be_compared_is_said():
    recorded = from_texts(
        {"parameters": "a cat\nSteps: 4, Sampler: Euler, Seed: 1, Model hash: 0123456789, Model: pocket"}
    )
    (lost,) = [each for each in find_files(recorded, {}).unhonoured if each.field == "model"]
    assert "may be another file" in lost.reason and "0123456789" in lost.reason
