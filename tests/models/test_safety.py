"""The safety checker decides as diffusers' own does, and a filtered picture says so."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from sdedge.engines.open import load_engine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Notice
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images.card import filtered_card
from sdedge.images.metadata import read
from sdedge.images.output import Output
from sdedge.models.safety import prepare
from sdedge.request import Request
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_folder
from sdedge.weights.safety import open_checker
from tests.conftest import switch_checker_on

SIDE, WIDTH = 28, 16
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
          "image_size": SIDE, "patch_size": 14}  # fmt: skip


def random_checker(seed: int = 0) -> StableDiffusionSafetyChecker:
    torch.manual_seed(seed)
    checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=VISION, projection_dim=WIDTH)).eval()
    for parameter in checker.parameters():
        parameter.data = torch.randn_like(parameter) * 0.3
    return checker


def save_checker(checker: StableDiffusionSafetyChecker, folder: Path) -> Path:
    """As the published files are: the tower nested twice, its position numbers among the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, tensor in checker.state_dict().items():
        inner = name.removeprefix("vision_model.").removeprefix("vision_model.")
        tensors[name if inner == name else f"vision_model.vision_model.{inner}"] = tensor.contiguous()
    tensors["vision_model.vision_model.embeddings.position_ids"] = torch.arange((SIDE // 14) ** 2 + 1)[None]
    save_file(tensors, folder / "model.safetensors")
    config = {
        "projection_dim": WIDTH,
        "vision_config": {},
        "vision_config_dict": VISION,
        "text_config": {"dropout": 0.0},
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _pictures(count: int, height: int = 40, width: int = 56) -> np.ndarray:
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(picture).resize((width, height))) for picture in small])


def _by_diffusers(checker: StableDiffusionSafetyChecker, pictures: np.ndarray) -> list[bool]:
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    x = processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
    return checker(images=pictures.astype(np.float32), clip_input=x)[1]


@pytest.mark.parametrize("size", [(512, 512), (512, 768), (640, 384), (300, 301), (224, 400), (64, 100), (129, 65)])
def test_pictures_are_prepared_as_transformers_does(size):
    (picture,) = _pictures(1, *size)
    theirs = CLIPImageProcessorPil()(Image.fromarray(picture), return_tensors="pt").pixel_values[0]
    torch.testing.assert_close(prepare(picture), theirs, rtol=0, atol=1e-6)


def test_cosines_equal_those_of_diffusers(tmp_path):
    referee, pictures = random_checker(), _pictures(3)
    x = torch.stack([prepare(picture, SIDE) for picture in pictures])
    with torch.no_grad():
        concepts, special = open_checker(save_checker(referee, tmp_path))(x)
        image = referee.visual_projection(referee.vision_model(x).pooler_output)
    cosine = torch.nn.functional.cosine_similarity
    torch.testing.assert_close(concepts, cosine(image[:, None], referee.concept_embeds[None], dim=-1))
    torch.testing.assert_close(special, cosine(image[:, None], referee.special_care_embeds[None], dim=-1))


def test_decisions_equal_those_of_diffusers_around_every_threshold(tmp_path):
    """One concept and one special-care concept stand within a few thousandths of their thresholds, in every mixture."""
    referee, (picture,) = random_checker(), _pictures(1)
    checker = open_checker(save_checker(referee, tmp_path))
    with torch.no_grad():
        concepts, special = (cosines[0] for cosines in checker(prepare(picture, SIDE)[None]))
    verdicts = {}
    for care in (-0.002, 0.0004, 0.0006, 0.002):
        for over in (-0.0120, -0.0104, -0.0096, -0.0080, -0.0020, 0.0004, 0.0006, 0.0020):
            for network in (referee, checker):
                network.concept_embeds_weights.data = torch.full((17,), 2.0)
                network.concept_embeds_weights.data[5] = concepts[5] - over
                network.special_care_embeds_weights.data = torch.full((3,), 2.0)
                network.special_care_embeds_weights.data[1] = special[1] - care
            (ours,) = checker.check(picture[None])
            assert [ours] == _by_diffusers(referee, picture[None]), (care, over)
            verdicts[care, over] = ours
    assert [verdicts[-0.002, over] for over in (-0.002, 0.0004, 0.0006)] == [False, False, True]
    assert [verdicts[0.002, over] for over in (-0.0104, -0.0080)] == [False, True]  # 0.01 more near special care


def test_a_batch_is_judged_as_its_pictures_are(tmp_path):
    referee, pictures = random_checker(), _pictures(12)
    checker = open_checker(save_checker(referee, tmp_path))
    with torch.no_grad():
        concepts, _ = checker(torch.stack([prepare(picture, SIDE) for picture in pictures]))
    for network in (referee, checker):  # every concept flags the one picture nearest to it
        network.concept_embeds_weights.data = concepts.topk(2, 0).values.mean(0)
        network.special_care_embeds_weights.data[:] = 2.0
    flags = checker.check(pictures)
    assert flags == _by_diffusers(referee, pictures) == [checker.check(picture[None])[0] for picture in pictures]
    assert any(flags) and not all(flags)
    assert checker.check(pictures[:0]) == []


def test_diffusers_own_layout_loads_too(tmp_path):
    referee = random_checker()
    referee.save_pretrained(tmp_path / "saved")
    nested, saved = open_checker(save_checker(referee, tmp_path / "published")), open_checker(tmp_path / "saved")
    for name, tensor in nested.state_dict().items():
        assert torch.equal(tensor, saved.state_dict()[name])


@pytest.mark.parametrize("fault", ["missing", "extra", "shape", "no weights", "truncated", "config"])
def test_a_damaged_checker_is_refused_with_the_way_out(tmp_path, fault):
    folder = save_checker(random_checker(), tmp_path)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    if fault == "missing":
        del tensors["concept_embeds"]
    elif fault == "extra":
        tensors["surprise"] = torch.zeros(1)
    elif fault == "shape":
        tensors["concept_embeds"] = torch.zeros(16, WIDTH)
    save_file(tensors, file)
    if fault == "no weights":
        file.unlink()
    elif fault == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif fault == "config":
        (folder / "config.json").write_text(json.dumps({"vision_config": {**VISION, "num_attention_heads": 5}}))
    with pytest.raises(ModelError, match="--no-safety"):
        open_checker(folder)


def test_weights_that_are_not_numbers_never_let_a_picture_pass(tmp_path):
    referee = random_checker()
    referee.visual_projection.weight.data[0, 0] = torch.nan
    with pytest.raises(ModelError, match="not numbers"):
        open_checker(save_checker(referee, tmp_path)).check(_pictures(1))


def test_diffusers_loads_an_export_and_decides_the_same(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    switch_checker_on(tmp_path / "model")
    random_checker().save_pretrained(tmp_path / "model" / "safety_checker")
    folder = export_folder(open_checkpoint(tmp_path / "model"), tmp_path / "exported")
    shutil.copytree(tiny_model / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)
    pipe = StableDiffusionPipeline.from_pretrained(folder)
    pictures = _pictures(6)
    x = pipe.feature_extractor([Image.fromarray(picture) for picture in pictures], return_tensors="pt").pixel_values
    flags = pipe.safety_checker(images=pictures.astype(np.float32), clip_input=x)[1]
    assert flags == open_checker(folder / "safety_checker").check(pictures)
    torch.testing.assert_close(x[0], prepare(pictures[0], SIDE), rtol=0, atol=1e-6)


# In the pipeline


@pytest.fixture
def guarded(tiny_model, tmp_path) -> Path:
    """The tiny model with a checker that flags everything."""
    shutil.copytree(tiny_model, tmp_path / "guarded")
    switch_checker_on(tmp_path / "guarded")
    referee = random_checker()
    referee.concept_embeds_weights.data[:] = -2.0
    save_checker(referee, tmp_path / "guarded" / "safety_checker")
    return tmp_path / "guarded"


def _draw(request: Request) -> tuple[Picture, list[str]]:
    events = list(Pipeline(load_engine("cpu")).images(request))
    (picture,) = (event for event in events if isinstance(event, Picture))
    return picture, [event.message for event in events if isinstance(event, Notice)]


def test_a_flagged_picture_becomes_a_card_that_says_so(guarded, tiny_model):
    request = Request("a red house", model=str(guarded), steps=1, seed=4)
    filtered, notes = _draw(request)
    assert filtered.filtered and filtered.facts["safety_checker"] == "filtered"
    assert any("--no-safety" in note for note in notes)
    assert np.array_equal(filtered.pixels, filtered_card(64, 64))
    shown, notes = _draw(request.replace(safety=False))
    unguarded, _ = _draw(request.replace(model=str(tiny_model)))
    assert not shown.filtered and shown.facts["safety_checker"] == "off" and not any("filter" in note for note in notes)
    assert np.array_equal(shown.pixels, unguarded.pixels) and "safety_checker" not in unguarded.facts


def test_a_picture_that_passes_is_left_as_it_is(guarded, tiny_model, tmp_path):
    referee = random_checker()
    referee.concept_embeds_weights.data[:] = 2.0
    save_checker(referee, guarded / "safety_checker")
    request = Request("a red house", model=str(guarded), steps=1, seed=4, safety=True)
    passed, _ = _draw(request)
    unguarded, _ = _draw(Request("a red house", model=str(tiny_model), steps=1, seed=4))
    assert not passed.filtered and np.array_equal(passed.pixels, unguarded.pixels)
    metadata = read(Output(tmp_path).write(passed.pixels, passed.request, passed.facts, 1))
    assert metadata.fields["safety"] is True and metadata.details["safety_checker"] == "passed"


def test_a_filtered_inpainting_is_a_card_of_the_files_size(guarded, tmp_path):
    Image.new("RGB", (120, 88), "red").save(tmp_path / "picture.png")
    Image.new("L", (120, 88), 255).save(tmp_path / "mask.png")
    picture, _ = _draw(Request("a house", model=str(guarded), steps=1, seed=1, width=64, height=64, mask_only=True,
                               image=str(tmp_path / "picture.png"), mask=str(tmp_path / "mask.png")))  # fmt: skip
    assert np.array_equal(picture.pixels, filtered_card(120, 88))


def test_asking_a_model_without_one_is_refused(tiny_model):
    with pytest.raises(InvalidRequest, match="ships no safety checker"):
        Pipeline(load_engine("cpu")).resolve(Request(model=str(tiny_model), safety=True))


def test_a_damaged_checker_is_told_before_the_work(guarded):
    weights = guarded / "safety_checker" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    request = Request("a red house", model=str(guarded), steps=1)
    calls = []
    with pytest.raises(ModelError, match="--no-safety"):
        calls.extend(type(event).__name__ for event in Pipeline(load_engine("cpu")).images(request))
    assert "Step" not in calls
    assert not _draw(request.replace(safety=False))[0].filtered


@pytest.mark.parametrize("size", [(64, 64), (64, 4096), (128, 128), (512, 512), (768, 512)])
def test_the_card_is_light_with_words_inside_its_frame(size):
    width, height = size
    card = filtered_card(width, height)
    assert card.shape == (height, width, 3) and card.dtype == np.uint8
    assert card.mean() > 200
    ink = (card < 120).all(-1)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    assert len(rows) and rows[0] > 1 and columns[0] > 1 and rows[-1] < height - 2 and columns[-1] < width - 2
    Image.fromarray(card).save(io.BytesIO(), "PNG")
