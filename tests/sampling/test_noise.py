"""Noise: bit-equal to its references, the same alone and in a batch, one continuous stream per image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.catalog import NOISE_SOURCES
from sdedge.errors import InvalidRequest
from sdedge.sampling.noise import BrownianNoise, Noise, Philox, initial, stream

SHAPE = (4, 8, 8)

# What torch.randn gives on CUDA for seed 0, first call, as A1111's documentation prints it.
CUDA_SEED_0 = [
    -0.92466259,
    -0.42534415,
    -2.6438457,
    0.14518388,
    -0.12086647,
    -0.57972564,
    -0.62285122,
    -0.32838709,
    -1.07454231,
    -0.36314407,
    -1.67105067,
    2.26550497,
]


def test_philox_is_cudas():
    """The documented values are exact to eight decimals; A1111's code and ours take CUDA's float32 constant for a
    full turn, which moves an angle by up to 2e-7."""
    assert float((Philox(0)((3, 4)).flatten().double() - torch.tensor(CUDA_SEED_0).double()).abs().max()) < 5e-7


def test_philox_rounds_are_the_published_ones():
    """The known answers of Random123: counter and key of zeros, and of ones."""
    zeros = Philox(0).rounds(np.zeros((4, 1), dtype=np.uint32))
    assert [int(word) for word in zeros[:, 0]] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = Philox(2**64 - 1).rounds(np.full((4, 1), 2**32 - 1, dtype=np.uint32))
    assert [int(word) for word in ones[:, 0]] == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_philox_counts_its_calls_in_the_first_word_and_the_values_in_the_third():
    draw = Philox(7)
    for call in range(3):
        counter = np.array([[call, 0, place, 0] for place in range(5)], dtype=np.uint32).T
        x, y = Philox(7).rounds(counter)[:2].astype(np.float64) / 2**32
        expected = np.sqrt(-2 * np.log(x)) * np.sin(2 * np.pi * y)
        assert np.allclose(draw((5,)), expected, atol=1e-5)


def test_torch_is_torchs_cpu_generator():
    generator, draw = torch.Generator().manual_seed(42), stream(42, "torch")
    for _ in range(3):
        assert torch.equal(draw(SHAPE), torch.randn(SHAPE, generator=generator))


def test_numpy_is_the_legacy_generator_across_draws():
    """Odd counts leave half a pair behind; the next draw must begin with it, as in Swift."""
    expected = np.random.RandomState(7).standard_normal(5 + 3).astype(np.float32)
    draw = stream(7, "numpy")
    assert np.array_equal(torch.cat([draw((5,)), draw((3,))]).numpy(), expected)
    assert torch.equal(stream(2**32 + 7, "numpy")((5,)), stream(7, "numpy")((5,)))


@pytest.mark.parametrize("source", NOISE_SOURCES)
@given(seeds=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_a_batch_is_its_images(source, seeds):
    batch, steps = initial(seeds, SHAPE, source), Noise(seeds, SHAPE, source)
    assert batch.dtype == torch.float32
    drawn = [steps(1.0, 0.5), steps(0.5, 0.0)]
    for i, seed in enumerate(seeds):
        alone = Noise([seed], SHAPE, source)
        assert torch.equal(batch[i], initial([seed], SHAPE, source)[0])
        assert all(torch.equal(noise[i], alone(1.0, 0.5)[0]) for noise in drawn)
        # The steps go on where the initial latent stopped.
        draw = stream(seed, source)
        assert torch.equal(draw(SHAPE), batch[i])
        assert torch.equal(draw(SHAPE), drawn[0][i])


@pytest.mark.parametrize("source", NOISE_SOURCES)
@pytest.mark.parametrize("skip", [0, 2, 3])
def test_the_steps_go_on_after_as_many_draws_as_were_taken(source, skip):
    draws = [stream(seed, source) for seed in (3, 4)]
    for _ in range(skip):
        for draw in draws:
            draw(SHAPE)
    assert torch.equal(Noise([3, 4], SHAPE, source, skip=skip)(1.0, 0.5), torch.stack([draw(SHAPE) for draw in draws]))


@pytest.mark.parametrize("source", NOISE_SOURCES)
def test_brownian_batch_is_its_images(source):
    seeds, pairs = [3, 4, 5], [(14.0, 6.0), (6.0, 2.5), (6.0, 4.0), (2.5, 0.1)]
    batch = BrownianNoise(seeds, SHAPE, 0.1, 14.0, source)
    drawn = [batch(*pair) for pair in pairs]
    for i, seed in enumerate(seeds):
        alone = BrownianNoise([seed], SHAPE, 0.1, 14.0, source)
        assert all(torch.equal(noise[i], alone(*pair)[0]) for noise, pair in zip(drawn, pairs))


def test_brownian_increments_are_one_path():
    """Two halves add up to the whole: more steps refine the same picture."""
    path = BrownianNoise([1], SHAPE, 0.1, 14.0)
    path_of_all = path(9.0, 1.0) * 8**0.5
    halves = path(9.0, 4.0) * 5**0.5 + path(4.0, 1.0) * 3**0.5
    assert torch.allclose(path_of_all, halves, atol=1e-5)
    many = torch.stack([BrownianNoise([seed], SHAPE, 0.1, 14.0)(9.0, 1.0) for seed in range(8)])
    assert abs(float(many.std()) - 1) < 0.1 and abs(float(many.mean())) < 0.1


def test_brownian_from_another_source_leaves_torchsde_alone():
    from torchsde._brownian import brownian_interval

    before = brownian_interval._randn
    philox, plain = (BrownianNoise([1], SHAPE, 0.1, 14.0, source)(9.0, 1.0) for source in ("philox", "torch"))
    assert not torch.equal(philox, plain)
    assert brownian_interval._randn is before


def test_refusals():
    with pytest.raises(InvalidRequest, match="torch, numpy, philox"):
        stream(0, "cuda")
    with pytest.raises(InvalidRequest, match="Seed -1"):
        initial([-1], SHAPE)
    with pytest.raises(InvalidRequest, match="torch, numpy, philox"):
        BrownianNoise([1], SHAPE, 0.1, 14.0, "cuda")
