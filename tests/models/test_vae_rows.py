"""The VAE by rows against the VAE as a whole: the same picture, whatever the blocks, edges and places."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdedge.errors import OutputError
from sdedge.models import vae_rows
from sdedge.models.config import VAEConfig
from sdedge.models.layers import wrap_edges
from sdedge.models.rows import Moments
from sdedge.models.vae import VAE
from sdedge.models.vae_rows import RowVAE
from tests.conftest import cases
from tests.live_bytes import LiveBytes

CONFIG = VAEConfig(block_out_channels=(8, 16, 32, 32), norm_num_groups=4)


@pytest.fixture(scope="module")
def vae() -> VAE:
    torch.manual_seed(0)
    made = VAE(CONFIG).eval()
    for parameter in made.parameters():  # norms and biases that do nothing would hide mistakes
        parameter.data += 0.05 * torch.randn_like(parameter)
    return made


@pytest.mark.parametrize(
    ("block", "hold", "wrap"),
    cases(
        itertools.product((1, 5000, 1 << 23), (None, 0, 4096), (False, True)),
        quick={(1, None, True), (1, 4096, False), (5000, 0, True), (1 << 23, None, False), (1 << 23, 4096, True)},
    ),
)
@torch.inference_mode()
def test_rows_give_the_whole_picture_and_the_whole_posterior(vae, monkeypatch, tmp_path, wrap, hold, block):
    monkeypatch.setattr(vae_rows, "BLOCK", block)
    wrap_edges(vae, wrap)
    z, image = 3 * torch.randn(2, 4, 6, 9), torch.randn(2, 3, 48, 72)
    rows = RowVAE(vae, hold, tmp_path)
    torch.testing.assert_close(rows.decode(z), vae.decode(z), atol=1e-4, rtol=0)
    for ours, plain in zip(vars(rows.encode(image)).values(), vars(vae.encode(image)).values(), strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0)
    wrap_edges(vae, False)
    assert not list(tmp_path.iterdir())


@torch.inference_mode()
def test_of_the_middle_keys_and_values_are_there_whole_and_no_other_map(monkeypatch, tmp_path):
    """Every map of a network of one level is as large as they are; joining either of them takes another for a moment."""
    monkeypatch.setattr(vae_rows, "BLOCK", 1)
    rows, side = RowVAE(VAE(VAEConfig(block_out_channels=(32,), layers_per_block=1)).eval(), 0, tmp_path), 16
    for run, x in ((rows.decode, torch.randn(1, 4, side, side)), (rows.encode, torch.randn(1, 3, side, side))):
        with LiveBytes() as live:
            run(x)
        assert live.peak < 4 * 32 * side * side * 4


@torch.inference_mode()
def test_half_precision_is_no_further_from_float32_than_the_whole_is(vae, monkeypatch):
    monkeypatch.setattr(vae_rows, "BLOCK", 2000)
    z = torch.randn(1, 4, 8, 8)
    exact = vae.decode(z)
    half = VAE(CONFIG).eval().to(torch.bfloat16)
    half.load_state_dict(vae.state_dict())
    error = (half.decode(z.bfloat16()).float() - exact).abs().mean()
    ours = (RowVAE(half).decode(z.bfloat16()).float() - exact).abs().mean()
    assert ours < 1.1 * error


@given(st.integers(1, 5), st.floats(-1e4, 1e4), st.integers(0, 1000))
def test_moments_of_blocks_normalise_as_the_whole_map(blocks, offset, seed):
    """A mean far from zero, where E[x²] - E[x]² would leave nothing of the variance."""
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randn(1, 8, 3, 5, generator=generator, dtype=torch.float64) + offset for _ in range(blocks)]
    joined, norm = torch.cat(parts, dim=2), nn.GroupNorm(2, 8)
    moments = Moments.of(parts[0].float())
    for part in parts[1:]:
        moments = moments + Moments.of(part.float())
    with torch.no_grad():
        expected = norm.double()(joined.float().double())  # what float32 can still tell of the values
        ours = moments.normaliser(norm)(joined.float())
    assert (ours.double() - expected).abs().max() < 1e-5 * (10 + abs(offset))


@torch.inference_mode()
def test_a_folder_without_room_is_told(vae, tmp_path):
    with pytest.raises(OutputError, match="Cannot keep rows of the picture"):
        RowVAE(vae, hold=0, folder=tmp_path / "absent").decode(torch.randn(1, 4, 2, 2))
