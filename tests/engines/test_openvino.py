"""OpenVINO runs the same network: equal to torch, every way it is called, kept on disk and cleared; absent, it says so."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sdedge.engines.open import EMBEDDED, load_engine, locate
from sdedge.engines.openvino import cache
from sdedge.engines.openvino.engine import OpenVINOEngine, installed
from sdedge.engines.torch.cpu.int8_unet import Int8Recipe
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.machine import memory_plan
from sdedge.machine.memory_plan import MemoryRequest
from sdedge.machine.picture_memory import read_sizes
from sdedge.models.config import UNetConfig
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from tests.conftest import needs_embedded
from tests.pictures_shown import shown

needs_openvino = pytest.mark.skipif(
    not installed(), reason="OpenVINO is not installed (pip install 'sdedge[openvino]')"
)


@pytest.fixture(scope="module", autouse=True)
def _one_cache(tmp_path_factory):
    """Converted once for all tests here, in spite of the data folder that each test has to itself."""
    folder = tmp_path_factory.mktemp("openvino")
    patch = pytest.MonkeyPatch()
    patch.setattr(cache, "data_folder", lambda: folder)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def ours() -> TorchEngine:
    return TorchEngine.load(locate(EMBEDDED), "cpu", "float32")


@pytest.fixture(scope="module")
def engine() -> OpenVINOEngine:
    return OpenVINOEngine.open(locate(EMBEDDED), "float32")


def _inputs(ours: TorchEngine, rows: int, h: int = 16, w: int = 16):
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, 4, h, w, generator=generator)
    return x, torch.full((rows,), 321.0), torch.randn(rows, 77, ours.facts.context_width, generator=generator)


@needs_openvino
@needs_embedded
@pytest.mark.parametrize(("rows", "h", "w"), [(2, 16, 16), (4, 16, 16), (3, 8, 24), (2, 13, 16)])
def test_float32_equals_torch_at_any_size_and_batch(ours, engine, rows, h, w):
    x, t, context = _inputs(ours, rows, h, w)
    expected = ours.predict(UNetInputs(x, t, context))
    assert torch.allclose(engine.predict(UNetInputs(x, t, context)), expected, atol=2e-4)
    assert torch.allclose(engine.predict(UNetInputs(x, t, context.clone())), expected, atol=2e-4)


@needs_openvino
@needs_embedded
def test_features_are_torchs_too(ours, engine):
    x, t, context = _inputs(ours, 2)
    eps, features = engine.predict_partly(UNetInputs(x, t, context))
    expected, same = ours.predict_partly(UNetInputs(x, t, context))
    assert torch.allclose(features, same, atol=1e-3) and torch.allclose(eps, expected, atol=2e-4)
    moved = x + 0.3
    partial, _ = engine.predict_partly(UNetInputs(moved, t, context), features)
    assert torch.allclose(partial, ours.predict_partly(UNetInputs(moved, t, context), same)[0], atol=3e-4)


@needs_openvino
@needs_embedded
@pytest.mark.parametrize("speed", ["exact", "fast"])
def test_bfloat16_pictures_obey(engine, speed):
    half = OpenVINOEngine.open(locate(EMBEDDED), "bfloat16")
    engine.predict(UNetInputs(*_inputs(engine, 2)))
    half.entry = engine.entry  # the same networks, converted once for all tests here
    pipeline = Pipeline(lambda model, vae: half)
    request = Request("a blue house at night with two trees", seed=1, steps=8, speed=speed, width=128, height=128)
    (picture,) = [event for event in pipeline.images(request) if isinstance(event, Picture)]
    assert all(shown(picture.pixels, request.prompt).values())
    assert picture.facts["engine"] == "openvino bfloat16"


@needs_openvino
@needs_embedded
def test_tiles_run_by_torch_and_the_next_picture_does_not(ours, engine):
    x, t, context = _inputs(ours, 2)
    before = engine.predict(UNetInputs(x, t, context))
    for drawing in (engine, ours):
        drawing.set_tiling(True)
    assert torch.allclose(engine.predict(UNetInputs(x, t, context)), ours.predict(UNetInputs(x, t, context)), atol=1e-5)
    for drawing in (engine, ours):
        drawing.set_tiling(False)
    assert torch.equal(engine.predict(UNetInputs(x, t, context)), before)


@needs_openvino
@needs_embedded
def test_where_two_copies_of_the_unet_do_not_fit_it_runs_by_torch_in_the_mode_that_is_said(ours, monkeypatch):
    engine = OpenVINOEngine.open(locate(EMBEDDED), "float32")
    x, t, context = _inputs(ours, 2)
    sizes = read_sizes(engine.torch.checkpoint)
    monkeypatch.setattr("sdedge.engines.openvino.engine.compile_model", lambda *_: pytest.fail("by OpenVINO"))
    little = memory_plan.predict("lowest", MemoryRequest(128, 128), sizes) * 10 // 9 + 9
    for free, mode in ((8 << 30, "fast"), (little, "lowest")):
        monkeypatch.setattr(engine.torch.residency, "free_bytes", lambda free=free: free)
        plan = engine.choose_memory(128, 128, 1)
        assert plan.mode == mode and plan.fits
    assert torch.equal(engine.predict(UNetInputs(x, t, context)), ours.predict(UNetInputs(x, t, context)))
    assert any("twice" in line for line in engine.facts.report)


@needs_openvino
@needs_embedded
def test_what_openvino_takes_is_planned_with(engine):
    plain = engine.torch.choose_memory(128, 128, 1)
    assert engine.choose_memory(128, 128, 1).peak - plain.peak == 4 * read_sizes(engine.torch.checkpoint).unet


@needs_openvino
def test_nothing_is_sent_to_anyone():
    """OpenVINO's converter and NNCF send statistics of use where the package for it can be imported."""
    code = (
        "import sys; from sdedge.engines.openvino.graph import load_openvino; load_openvino(); "
        "from openvino.tools.ovc import convert_impl; sys.exit('stub' not in convert_impl.tm.__name__)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0


def test_an_interrupted_conversion_leaves_nothing():
    with pytest.raises(RuntimeError), cache.making("half") as folder:
        (folder / "whole.xml").write_text("<")
        raise RuntimeError
    assert not list(cache.cache_folder().glob("*half*")) and not list(cache.cache_folder().glob(".*"))


def test_a_changed_model_is_converted_anew(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"1")
    first = cache.entry_name(file, "bfloat16", "1")
    file.write_bytes(b"22")
    assert cache.entry_name(file, "bfloat16", "1") != first
    assert cache.entry_name(file, "bfloat16", "2") != cache.entry_name(file, "bfloat16", "1")


@needs_embedded
def test_without_openvino_the_device_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr("sdedge.engines.openvino.engine.installed", lambda: "")
    with pytest.raises(InvalidRequest, match=r"sdedge\[openvino\]"):
        load_engine("openvino")(EMBEDDED, None)


@needs_openvino
@needs_embedded
def test_an_unknown_dtype_is_refused():
    with pytest.raises(InvalidRequest, match="float16"):
        load_engine("openvino", "float16")(EMBEDDED, None)


@needs_openvino
@needs_embedded
def test_what_is_kept_is_found_again_and_shown_and_cleared(engine, ours):
    from sdedge.cli import cli

    engine.predict(UNetInputs(*_inputs(ours, 2)))
    again = OpenVINOEngine.open(locate(EMBEDDED), "float32")
    assert again.entry == engine.entry and not any("once" in line for line in again.facts.report)
    shown = CliRunner().invoke(cli, ["models", "cache"])
    assert engine.entry.name in shown.output and "MB" in shown.output
    copy = cache.cache_folder() / "model-bfloat16-0"
    copy.mkdir()
    (copy / "whole.bin").write_bytes(np.zeros(1 << 20, np.uint8).tobytes())
    assert {entry.path.name for entry in cache.entries()} >= {copy.name, engine.entry.name}
    cleared = CliRunner().invoke(cli, ["models", "cache", "--clear"])
    assert cleared.exit_code == 0 and not cache.entries()


@needs_openvino
@needs_embedded
@pytest.mark.parametrize(
    ("preferred", "dtype", "engine"),
    [(True, None, "OpenVINOEngine"), (False, None, "TorchEngine"), (True, "int8", "TorchEngine")],
)
def test_auto_means_it_where_the_probe_preferred_it(preferred, dtype, engine, monkeypatch):
    monkeypatch.setattr("sdedge.engines.openvino.timing.prefers_openvino", lambda width: preferred)
    monkeypatch.setattr("sdedge.engines.torch.cpu.int8_unet.read_recipe", lambda path, device: Int8Recipe({}))
    loaded = load_engine("auto", dtype)(EMBEDDED, None)
    assert type(loaded).__name__ == engine
    assert type(load_engine("cpu")(EMBEDDED, None)).__name__ == "TorchEngine"
    assert type(load_engine("auto", memory="low")(EMBEDDED, None)).__name__ == "TorchEngine"


@needs_openvino
def test_the_contest_gives_a_share_that_can_be_meant(monkeypatch):
    from sdedge.engines.openvino import timing

    monkeypatch.setattr(
        timing, "CONFIG", UNetConfig(block_out_channels=(32, 64), layers_per_block=1, cross_attention_dim=48)
    )
    monkeypatch.setattr(timing, "SIDE", 16)
    assert 0.01 < timing.ratio_to_torch(torch.float32, False) < 100
