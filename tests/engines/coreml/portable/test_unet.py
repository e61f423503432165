"""The embedded model's UNet, converted in every way, against torch: half precision with every result rounded."""

from __future__ import annotations

import pytest
import torch

from converters.psnr import psnr
from converters.verify import TIMESTEPS
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.open import EMBEDDED, locate
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.unet_inputs import UNetInputs
from tests.conftest import convert_to_coreml, needs_embedded

pytestmark = needs_embedded


@pytest.fixture(scope="module")
def reference():
    return TorchEngine.load(locate(EMBEDDED), "cpu", "float32")


def _inputs(t: int, height: int = 16, width: int = 16) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(t)
    x, context = torch.randn(2, 4, height, width, generator=random), torch.randn(2, 77, 128, generator=random)
    return x, torch.full((2,), float(t)), context


def _worst(reference, engine) -> float:
    runs = [_inputs(t) for t in TIMESTEPS]
    return min(psnr(reference.predict(UNetInputs(*inputs)), engine.predict(UNetInputs(*inputs))) for inputs in runs)


@pytest.mark.slow
def test_split_einsum_reaches_60_db_at_every_timestep(reference, pocket_bundle):
    assert _worst(reference, MILEngine(pocket_bundle)) >= 60
    assert _worst(reference, MILEngine(pocket_bundle, "float32")) >= 100


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [False, True], ids=["whole", "chunked"])
def test_original_attention_reaches_60_db_at_every_timestep(chunk, reference, tmp_path):
    recipe = {"attention": "original", "chunk": chunk, "components": ("unet",), "sizes": ((128, 128),)}
    engine = MILEngine(convert_to_coreml(EMBEDDED, tmp_path / "unet", **recipe))
    assert engine.manifest.components.keys() == ({"unet_chunk1", "unet_chunk2"} if chunk else {"unet"})
    assert _worst(reference, engine) >= 60


@pytest.mark.slow
def test_chunked_queries_reach_60_db_at_every_size_of_one_package(reference, tmp_path):
    """At 320x192 the first level has 960 queries: one chunk of 512, and a part that must not be lost."""
    recipe = {"attention": "split-einsum-v2", "target": "macOS15", "components": ("unet",)}
    sizes = ((128, 128), (320, 192))
    bundle = convert_to_coreml(EMBEDDED, tmp_path / "unet", sizes=sizes, **recipe)
    engine = MILEngine(bundle)
    assert _worst(reference, engine) >= 60
    large = _inputs(981, 24, 40)
    assert psnr(reference.predict(UNetInputs(*large)), engine.predict(UNetInputs(*large))) >= 60
    for W, H in sizes:
        engine.check_size(W, H)
    weights = (bundle / "Unet.mlpackage/Data/com.apple.CoreML/weights/weight.bin").stat().st_size
    assert weights < 1.1 * 2 * sum(p.numel() for p in reference.network("unet").parameters())  # shared by both
