"""A batch is its images: bit for bit in the sampler's arithmetic, to rounding through a network."""

from __future__ import annotations

import pytest
import torch

from sdedge.catalog import SAMPLERS as CATALOG
from sdedge.sampling.noise import initial
from sdedge.sampling.presets import sampling_plan

from .conftest import Prompt, denoiser, elementwise, last, scaled_error

SHAPE = (4, 5, 7)  # odd: vector lanes and their remainders
SEEDS = [5, 6, 7]
CONTEXT = Prompt(torch.zeros(1, 1, 1))


def run(network, name, seeds, prompt=CONTEXT, shape=SHAPE):
    decided = sampling_plan(name, None, 22 if name == "restart" else 6)
    x = decided.start(initial(seeds, shape))
    denoise = denoiser(network, decided, Prompt(prompt.cond.expand(len(seeds), -1, -1)), guidance=1)
    x = last(decided.run(denoise, x, decided.step_noise(seeds, shape)))
    return decided.finish(x)


@pytest.mark.parametrize("name", [name for name, info in CATALOG.items() if not info.one_image])
def test_bit_equal_alone_or_in_a_batch(name):
    batch = run(elementwise, name, SEEDS)
    for i, seed in enumerate(SEEDS):
        assert torch.equal(batch[i], run(elementwise, name, [seed])[0])
    assert torch.equal(batch, run(elementwise, name, SEEDS))


def test_one_image_samplers_refuse_a_batch():
    with pytest.raises(ValueError, match="one image"):
        run(elementwise, "dpm_adaptive", SEEDS)
    assert torch.isfinite(run(elementwise, "dpm_adaptive", [5])).all()


@pytest.mark.parametrize("name", ["dpmpp_2m", "dpmpp_2m_sde"])
def test_pictures_agree_across_batches_and_threads(unet, prompt, name):
    """Through a network in fp32: 1e-4 across batch sizes and thread counts, bit-equal when repeated one at a time."""

    def network(x, t, context):
        return unet(x.double(), t.double(), context.double()).float()

    shape, before = (4, 8, 8), torch.get_num_threads()
    alone = run(network, name, [5], prompt, shape)
    assert torch.equal(alone, run(network, name, [5], prompt, shape))
    assert scaled_error(run(network, name, SEEDS, prompt, shape)[:1], alone) < 1e-4
    try:
        torch.set_num_threads(2 if before == 1 else 1)
        assert scaled_error(run(network, name, [5], prompt, shape), alone) < 1e-4
    finally:
        torch.set_num_threads(before)
