"""Words that reach beyond the text: LoRAs, embeddings and wildcards in a whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sdedge import extras
from sdedge.engines import load_engine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Notice
from sdedge.pipeline import Picture, Pipeline
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
    extras.lora_folder().mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {
        f"{stem}.lora_down.weight": torch.randn(2, width, generator=generator),
        f"{stem}.lora_up.weight": torch.randn(width, 2, generator=generator),
        f"{stem}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, extras.lora_folder() / f"{name}.safetensors")


def test_a_lora_changes_the_picture_and_leaves_no_trace(pipeline, tiny_model):
    _write_lora("style")
    plain = _draw(pipeline, tiny_model, "a red house")[0].pixels
    styled = _draw(pipeline, tiny_model, "a red house<lora:style:1>")[0].pixels
    halved = _draw(pipeline, tiny_model, "a red house<lora:style:0.5>")[0].pixels
    again = _draw(pipeline, tiny_model, "a red house")[0].pixels
    assert not np.array_equal(plain, styled) and not np.array_equal(styled, halved)
    assert np.array_equal(plain, again)


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
    extras.embedding_folder().mkdir(parents=True, exist_ok=True)
    save_file({"emb_params": torch.randn(3, 128)}, extras.embedding_folder() / "wistful.safetensors")
    assert not np.array_equal(before, _draw(pipeline, tiny_model, "a wistful house")[0].pixels)
    save_file({"emb_params": torch.randn(3, 768)}, extras.embedding_folder() / "wistful.safetensors")
    said: list[str] = []
    assert np.array_equal(before, _draw(pipeline, tiny_model, "a wistful house", said=said)[0].pixels)
    assert len(said) == 1 and "wistful is 768 wide" in said[0]


def test_wildcards_are_chosen_by_the_seed_and_recorded(pipeline, tiny_model):
    pictures = _draw(pipeline, tiny_model, "a {red|blue|green|white} {house|boat}", count=6)
    prompts = [picture.request.prompt for picture in pictures]
    assert len(set(prompts)) > 1 and not any("{" in prompt for prompt in prompts)
    assert pictures[0].facts["template"] == "a {red|blue|green|white} {house|boat}"
    assert [p.request.prompt for p in _draw(pipeline, tiny_model, "a {red|blue|green|white} {house|boat}", count=6)] == prompts
