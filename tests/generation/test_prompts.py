"""Words that reach beyond the text: LoRAs, embeddings and wildcards in a whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.open import load_engine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Notice, Step
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.generation.prompts import embedding_vectors
from sdedge.library import adapters
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region
from sdedge.request import Request


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


def _draw(pipeline: Pipeline, model, prompt: str, **settings) -> list[Picture]:
    count = settings.pop("count", 1)
    said = settings.pop("said", [])
    request = Request(prompt, model=str(model), steps=2, guidance=3.0, seed=4, **settings)
    events = list(pipeline.images(request, count, batch=4))
    said += [event.message for event in events if isinstance(event, Notice)]
    return [event for event in events if isinstance(event, Picture)]


def _write_lora(name: str, width: int = 8) -> None:
    adapters.lora_folder().mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {
        f"{stem}.lora_down.weight": torch.randn(2, width, generator=generator),
        f"{stem}.lora_up.weight": torch.randn(width, 2, generator=generator),
        f"{stem}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, adapters.lora_folder() / f"{name}.safetensors")


def test_a_lora_changes_the_picture_and_leaves_no_trace(pipeline, tiny_model):
    _write_lora("style")
    plain = _draw(pipeline, tiny_model, "a red house")[0].pixels
    styled = _draw(pipeline, tiny_model, "a red house<lora:style:1>")[0].pixels
    halved = _draw(pipeline, tiny_model, "a red house<lora:style:0.5>")[0].pixels
    again = _draw(pipeline, tiny_model, "a red house")[0].pixels
    assert not np.array_equal(plain, styled) and not np.array_equal(styled, halved)
    assert np.array_equal(plain, again)


def test_wildcards_choose_a_loras_name_and_weight_in_further_passes_too(pipeline, tiny_model):
    """Before they were chosen, such a tag was refused as none, or looked up by the name that it has then."""
    _write_lora("style")
    again = (
        Pass(Changes(strength=0.5), Enlargement()),
        Pass(Changes(strength=0.5, prompt="{a <lora:style:{1|1}>|a <lora:style:1>}")),
    )
    settings = {"width": 64, "height": 64, "passes": again}
    (drawn,) = _draw(pipeline, tiny_model, "a red house<lora:{style|style}:{0.5|0.5}>", **settings)
    (plain,) = _draw(pipeline, tiny_model, "a red house<lora:style:0.5>", **settings)
    assert drawn.request.prompt == "a red house<lora:style:0.5>" and np.array_equal(drawn.pixels, plain.pixels)
    _draw(
        pipeline,
        tiny_model,
        "a house<lora:style:{1|1}>",
        width=64,
        height=64,
        regions=(Region("a boat", (0, 0, 0.5, 1)),),
    )


def test_a_lora_is_missed_where_a_wildcard_chose_it_and_before_anything_is_drawn(pipeline, tiny_model):
    prompt = "{a boat|<lora:nope:1>}"
    chosen = [adapters.wildcards_chosen(prompt, seed).text for seed in range(40)]
    without = next(seed for seed in range(40) if chosen[seed : seed + 2] == ["a boat", "<lora:nope:1>"])
    request = Request(
        "a house", model=str(tiny_model), steps=2, seed=without, width=64, height=64,
        passes=(Pass(Changes(strength=0.5, prompt=prompt), Enlargement()),),
    )  # fmt: skip
    events, pictures = pipeline.images(request, 2), []
    with pytest.raises(InvalidRequest, match="no LoRA 'nope'"):
        pictures.extend(event for event in events if isinstance(event, Picture | Step))
    steps = [event for event in pictures if isinstance(event, Step)]
    assert [event.seed for event in pictures if isinstance(event, Picture)] == [without]
    assert {event.first for event in steps} == {0}


def test_a_lora_survives_the_release_of_its_network(pipeline, tiny_model):
    _write_lora("style")
    styled = _draw(pipeline, tiny_model, "a red house<lora:style:1>")[0].pixels
    pipeline.release()
    assert np.array_equal(styled, _draw(pipeline, tiny_model, "a red house<lora:style:1>")[0].pixels)


def test_a_lora_that_does_not_fit_is_refused_and_changes_nothing(pipeline, tiny_model):
    plain = _draw(pipeline, tiny_model, "a red house")[0].pixels
    _write_lora("wide", width=24)
    with pytest.raises(ModelError, match="wide"):
        _draw(pipeline, tiny_model, "a red house<lora:wide:1>")
    assert np.array_equal(plain, _draw(pipeline, tiny_model, "a red house")[0].pixels)


def test_an_unknown_lora_is_named_with_what_is_there(pipeline, tiny_model):
    _write_lora("style")
    with pytest.raises(InvalidRequest, match=r"nope.*style"):
        _draw(pipeline, tiny_model, "a red house<lora:nope:1>")


def test_an_embedding_stands_for_its_name(pipeline, tiny_model):
    before = _draw(pipeline, tiny_model, "a wistful house")[0].pixels
    adapters.embedding_folder().mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": torch.randn(3, 128)}, adapters.embedding_folder() / "wistful.safetensors")
    assert not np.array_equal(before, _draw(pipeline, tiny_model, "a wistful house")[0].pixels)
    save_file({"emb_params": torch.randn(3, 768)}, adapters.embedding_folder() / "wistful.safetensors")
    said: list[str] = []
    assert np.array_equal(before, _draw(pipeline, tiny_model, "a wistful house", said=said)[0].pixels)
    assert len(said) == 1 and "wistful is 768 wide" in said[0]


def test_wildcards_are_chosen_by_the_seed_and_recorded(pipeline, tiny_model):
    pictures = _draw(pipeline, tiny_model, "a {red|blue|green|white} {house|boat}", count=6)
    prompts = [picture.request.prompt for picture in pictures]
    assert len(set(prompts)) > 1 and not any("{" in prompt for prompt in prompts)
    assert pictures[0].facts["template"] == "a {red|blue|green|white} {house|boat}"
    assert [
        p.request.prompt for p in _draw(pipeline, tiny_model, "a {red|blue|green|white} {house|boat}", count=6)
    ] == prompts


STEM = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"


def _put(name: str, metadata: dict[str, str] | None = None, **more: torch.Tensor) -> None:
    path = adapters.lora_folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"{STEM}.lora_down.weight": torch.ones(1, 8), f"{STEM}.lora_up.weight": torch.ones(8, 1), **more},
        path,
        metadata,
    )


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("Cafe\u0301.safetensors", "Café", False), ("Luma .safetensors", "Luma ", True),
        ("my__style__v2.safetensors", "my__style__v2", False),
        ("u.safetensors", "u.safetensors", False), ("char/u.safetensors", "char/u", False),
        ("char/u.safetensors", r"char\u", False),
        ("char/u.safetensors", "u", False), ("u.safetensors", "other/u", True), ("Foo.safetensors", "foo", True),
        ("u..safetensors", "u", True),
        ("ink.safetensors", "ｉｎｋ", True), ("my_style.safetensors", "my  style", True), ("x (1).safetensors", "Moxin_10", True),
        ("u.safetensors", "u.pt", False), ("p/adapter_model.safetensors", "p", False), ("a__b.safetensors", r"a\__b", False),
    ],
)  # fmt: skip
def test_a_lora_is_found_by_what_file_and_prompt_say(file, name, said):
    _put(file, {"ss_output_name": "Moxin_10"})
    adapter = adapters.look_up_lora(name)
    assert adapter.path == adapters.lora_folder() / file and bool(adapter.note) is said


def test_several_loras_alike_are_refused_and_the_very_name_wins():
    for file in ("a/x.safetensors", "b/x.safetensors", "Y.safetensors", "y.safetensors"):
        _put(file)
    with pytest.raises(InvalidRequest, match=r"a/x\.safetensors and b/x\.safetensors"):
        adapters.find_lora("x")
    assert adapters.find_lora("b/x").parent.name == "b" and adapters.find_lora("y").name == "y.safetensors"
    _put("x.safetensors")
    assert adapters.find_lora("x").parent == adapters.lora_folder()


def test_a_name_that_is_no_path_is_never_opened_as_one(tmp_path, monkeypatch):
    _put("u.safetensors")
    (tmp_path / "v.safetensors").write_bytes((adapters.lora_folder() / "u.safetensors").read_bytes())
    monkeypatch.chdir(tmp_path)
    for name in ("v.safetensors", "v"):
        with pytest.raises(InvalidRequest):
            adapters.find_lora(name)
    assert adapters.find_lora("./v.safetensors").name == "v.safetensors"


def test_embeddings_of_a_lora_bracketed_ones_and_lines_of_files(pipeline, tiny_model):
    _put(
        "ink.safetensors",
        None,
        **{"bundle_emb.wist.string_to_param.*": torch.randn(2, 128), "stranger.key": torch.ones(1)},
    )
    adapters.embedding_folder().mkdir(parents=True)
    save_file({"emb_params": torch.randn(3, 128)}, adapters.embedding_folder() / "bad (v2).safetensors")
    save_file(
        {"clip_l": torch.zeros(1, 8), "clip_g": torch.zeros(1, 8)}, adapters.embedding_folder() / "old.safetensors"
    )
    adapters.wildcard_folder().mkdir()
    (adapters.wildcard_folder() / "thing.txt").write_text("bad (v2)\n")
    said: list[str] = []
    drawn = _draw(pipeline, tiny_model, "wist __thing__ old<lora:ink:0.5>", said=said)[0]
    vectors = embedding_vectors(pipeline.engine(Request("", model=str(tiny_model))), drawn.request).by_name
    assert {name: len(rows) for name, rows in vectors.items()} == {"bad (v2)": 3, "wist": 2}
    assert drawn.request.prompt == r"wist bad \(v2\) old<lora:ink:0.5>"
    assert any("old is not used" in note for note in said) and any(
        "1 names" in note and "stranger.key" in note for note in said
    )


def test_an_embedding_that_is_named_by_its_folder_is_applied(pipeline, tiny_model):
    (folder := adapters.embedding_folder() / "cat-toy").mkdir(parents=True)
    save_file({"<cat-toy>": torch.randn(2, 128)}, folder / "learned_embeds.safetensors")
    picture = _draw(pipeline, tiny_model, "a cat-toy on a beach")[0]
    vectors = embedding_vectors(pipeline.engine(Request("", model=str(tiny_model))), picture.request).by_name
    assert {name: len(rows) for name, rows in vectors.items()} == {"cat-toy": 2}
