"""What a chosen model is known to refuse is said in the form before anything is drawn, as the engine would refuse it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gui.form.model import FormModel
from gui.models.card import ModelCard
from sdedge.engines.bundle_limits import bundle_capabilities
from sdedge.engines.capability import Capability
from sdedge.errors import InvalidRequest
from sdedge.generation.requirements import refuse_unsupported
from sdedge.library.manifest import BundleComponent, Manifest, Port

PARTS = ("text_encoder", "unet", "vae_decoder")


def converted(kind: str = "coreml", parts: tuple[str, ...] = PARTS, in_channels: int = 4) -> ModelCard:
    facts = {"name": "small", "downscale": 8}
    sizes = ((512, 512), (512, 768)) if kind == "coreml" else ((256, 256), (1024, 1024))
    bundle = Manifest(kind, "small", dict.fromkeys(parts), sizes, {}, {}, facts)
    return ModelCard("small", 512, in_channels=in_channels, can=bundle_capabilities(bundle), bundle=bundle)


@pytest.fixture
def picture(tmp_path) -> str:
    path = tmp_path / "picture.png"
    path.touch()
    return str(path)


def form_with(card: ModelCard, **values) -> FormModel:
    form = FormModel()
    form.card = card
    form.put(**{"prompt": "a house", **values})
    return form


@pytest.mark.parametrize(
    "values, field",
    [
        ({"clip_skip": 2}, "clip_skip"),
        ({"clip_skip": 3}, "clip_skip"),
        ({"tiling": True}, "tiling"),
        ({"width": 640, "height": 640}, "width"),
    ],
)
def test_each_thing_that_a_bundle_cannot_do_is_a_problem_of_its_field(values, field):
    form = form_with(converted(), **values)
    (problem,) = form.problems().items()
    assert problem[0] == field and "small" in problem[1] and "--" not in problem[1]
    with pytest.raises(InvalidRequest):
        form.wanted()
    form.card = ModelCard("other", 512)
    assert not form.problems() and form.wanted()


def test_packages_take_loras_and_graphs_take_none():
    assert not form_with(converted(), prompt="a <lora:ink:1>").problems()
    (problem,) = form_with(converted("graph"), prompt="a <lora:ink:1>").problems().items()
    assert problem[0] == "prompt" and "its weights are fixed" in problem[1] and "--" not in problem[1]


def test_a_picture_to_start_from_needs_the_encoder(picture):
    form = form_with(converted(), image=picture)
    assert "convert the model again with its VAE encoder" in form.problems()["image"]
    form.card = converted(parts=(*PARTS, "vae_encoder"))
    assert not form.problems()
    form.card = converted()
    form.start_from(None)
    assert not form.problems()


def test_everything_that_is_refused_is_said_at_once(picture):
    form = form_with(converted(), image=picture, tiling=True, width=640, height=640)
    assert set(form.problems()) == {"image", "tiling", "width"}


def test_an_inpainting_bundle_needs_the_encoder_for_every_picture():
    assert "model" in form_with(converted(in_channels=9)).problems()


def test_a_graph_draws_a_range_and_gives_the_layer_before_the_last():
    form = form_with(converted("graph"), clip_skip=2, width=640, height=704)
    assert not form.problems()
    form.put(height=None, width=648)  # an open side is the engine's to settle; a typed one has to fit
    assert "multiples of 64 from 256 to 1024" in form.problems()["width"]
    form.put(width=None, clip_skip=3)
    assert set(form.problems()) == {"clip_skip"}
    assert {(256, 256), (512, 512), (1024, 1024)} <= set(form.card.sizes)


def test_how_long_a_prompt_may_be_is_read_from_the_manifest():
    port = Port((1, 768, 1, 154), "float16")
    unet = BundleComponent("unet.mlpackage", {"encoder_hidden_states": port}, {}, 1, "")
    bundle = Manifest("coreml", "small", {"unet": unet}, ((512, 512),), {}, {}, {})
    assert ModelCard("small", 512, bundle=bundle).longest_prompt == 2
    graph = Manifest("graph", "small", {}, ((256, 256),), {"tokens": 231}, {}, {})
    assert ModelCard("small", 512, bundle=graph).longest_prompt == 3
    assert converted().longest_prompt is None and ModelCard("other", 512).longest_prompt is None


def test_the_form_and_the_engine_refuse_the_same():
    for values in ({"clip_skip": 2}, {"tiling": True}, {"prompt": "a <lora:ink:1>"}, {}):
        form = form_with(converted(), **values)
        engine = SimpleNamespace(facts=form.card, can=form.card.can, description="mil")
        if form.problems():
            with pytest.raises(InvalidRequest) as refusal:
                refuse_unsupported(engine, form.draft())
            assert refusal.value.field in form.problems()
        else:
            refuse_unsupported(engine, form.draft())


def test_it_is_said_above_the_button_when_the_model_or_the_setting_changes(open_window, picture):
    view = open_window(start=False).show_view("create")
    form, problem = view.window().studio.form, view.form.problem
    form.put(prompt="a house", image=picture)
    form.card = converted()
    assert problem.isVisible() and "without a VAE encoder" in problem.text()
    form.card = ModelCard("other", 512)
    assert not problem.isVisible()
    form.card = converted(parts=(*PARTS, "vae_encoder"))
    form.put(tiling=True)
    assert problem.isVisible() and "seamless" in problem.text()
    assert Capability.TILING not in form.card.can
