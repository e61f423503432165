"""Noise for sampling: always drawn on the CPU, one stream per image, so a seed is a picture on every device.

Three sources: torch's CPU generator, NumPy's legacy Mersenne Twister (what Apple's Swift package draws with) and
Philox (what `torch.randn` draws with on CUDA, as A1111's "NV" noise emulates it). In every one an image's stream
starts with its initial latent and goes on with the noise of its steps; a batch is a stack of such streams.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from sdedge.catalog import NOISE_SOURCES, NoiseSource
from sdedge.errors import InvalidRequest

Draw = Callable[[Sequence[int]], Tensor]


def stream(seed: int, source: str = NoiseSource.TORCH) -> Draw:
    """Returns a function that draws the next normal tensor of a seed's stream: `draw(shape) -> float32 on the CPU`.

    `seed` is 0 … 2^64-1 for torch and philox, 0 … 2^32-1 for numpy (larger ones are reduced modulo 2^32, as in Swift).
    Raises InvalidRequest for an unknown source or a negative seed.
    """
    if seed < 0 or seed >= 2**64:
        raise InvalidRequest(f"Seed {seed} is out of range; choose one from 0 to {2**64 - 1}.")
    if source == NoiseSource.TORCH:
        generator = torch.Generator("cpu").manual_seed(seed - 2**64 if seed >= 2**63 else seed)
        return lambda shape: torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
    if source == NoiseSource.NUMPY:
        state = np.random.RandomState(seed % 2**32)
        return lambda shape: torch.from_numpy(state.standard_normal(tuple(shape)).astype(np.float32))
    if source == NoiseSource.PHILOX:
        return Philox(seed)
    raise InvalidRequest(f"Unknown noise source {source!r}; choose one of {', '.join(NOISE_SOURCES)}.")


def initial(seeds: Sequence[int], shape: Sequence[int], source: str = NoiseSource.TORCH) -> Tensor:
    """Returns the first draw of each seed's stream, (B, *shape) float32 on the CPU, unit variance."""
    return torch.stack([stream(seed, source)(shape) for seed in seeds])


class Philox:
    """The normals `torch.randn` gives on CUDA for up to a few hundred thousand values, as A1111 emulates them.

    Philox 4x32-10 (Salmon et al. 2011) keyed by the seed; the call's number is the counter's low word and the
    element's index its third word; the first two output words make one normal by Box and Muller (the sine).
    Computed in float64 from CUDA's float32 constants and rounded once, as A1111 does; CUDA's own arithmetic is
    float32 throughout and may differ in the last bits.
    """

    multipliers = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
    weyl = (0x9E3779B9, 0xBB67AE85)
    unit = float(np.float32(2.3283064e-10))  # 2^-32
    turn = float(np.float32(2.3283064e-10 * 6.2831855))  # 2^-32 of a full turn

    def __init__(self, seed: int):
        self.seed = seed
        self.calls = 0

    def __call__(self, shape: Sequence[int]) -> Tensor:
        count = int(np.prod(shape))
        counter = np.zeros((4, count), dtype=np.uint32)
        counter[0] = self.calls
        counter[2] = np.arange(count, dtype=np.uint32)
        self.calls += 1
        x, y = self.rounds(counter)[:2].astype(np.float64)
        radius = np.sqrt(-2.0 * np.log(x * self.unit + self.unit / 2))
        normal = radius * np.sin(y * self.turn + self.turn / 2)
        return torch.from_numpy(normal.astype(np.float32).reshape(tuple(shape)))

    def rounds(self, counter: np.ndarray) -> np.ndarray:
        """Returns the four random words of each counter (4, n) of uint32."""
        key = [self.seed & 0xFFFFFFFF, self.seed >> 32]
        for _ in range(10):
            low, high = counter[0] * self.multipliers[0], counter[2] * self.multipliers[1]
            counter = np.stack(
                [
                    (high >> np.uint64(32)).astype(np.uint32) ^ counter[1] ^ np.uint32(key[0]),
                    high.astype(np.uint32),
                    (low >> np.uint64(32)).astype(np.uint32) ^ counter[3] ^ np.uint32(key[1]),
                    low.astype(np.uint32),
                ]
            )
            key = [(k + w) & 0xFFFFFFFF for k, w in zip(key, self.weyl)]
        return counter


class Noise:
    """Independent unit-variance noise for the steps: `noise(sigma, sigma_next) -> (B, *shape)`.

    It continues each image's stream after the `skip` draws already taken from it (one, the initial latent, by
    default), so a whole run consumes one stream per image in the order every reference implementation does.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        source: str = NoiseSource.TORCH,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        skip: int = 1,
    ):
        self.shape, self.device, self.dtype = tuple(shape), device, dtype
        self.draws = [stream(seed, source) for seed in seeds]
        for draw in self.draws * skip:
            draw(self.shape)

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        return torch.stack([draw(self.shape) for draw in self.draws]).to(self.device, self.dtype)  # (B, *shape)


class BrownianNoise:
    """Unit-variance increments of one Brownian path per image: `noise(sigma, sigma_next) -> (B, *shape)`.

    The path is torchsde's BrownianTree over [sigma_min, sigma_max], its entropy the image's seed, in float32 on the
    CPU: equal to k-diffusion's BrownianTreeNoiseSampler for that seed. With another source than "torch" the tree's
    own draws come from that source, as in A1111 with NV noise.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: Sequence[int],
        sigma_min: float,
        sigma_max: float,
        source: str = NoiseSource.TORCH,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ):
        import torchsde

        if source not in NOISE_SOURCES:
            raise InvalidRequest(f"Unknown noise source {source!r}; choose one of {', '.join(NOISE_SOURCES)}.")
        self.source, self.device, self.dtype = source, device, dtype
        # torchsde keeps its ends to six decimals and complains about anything beyond them.
        self.low, self.high = round(sigma_min, 6), round(sigma_max, 6)
        w0 = torch.zeros(tuple(shape), dtype=torch.float32)
        with _drawing(source):
            self.trees = [torchsde.BrownianTree(sigma_min, w0, sigma_max, entropy=seed) for seed in seeds]

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        ends = max(sigma_next, self.low), min(sigma, self.high)
        with _drawing(self.source):
            increments = torch.stack([tree(*ends) for tree in self.trees])
        # Time runs from high sigma to low, hence the sign.
        return (-increments / (sigma - sigma_next) ** 0.5).to(self.device, self.dtype)  # (B, *shape)


_swap = threading.Lock()


@contextmanager
def _drawing(source: str) -> Iterator[None]:
    """Lets torchsde draw from `source` inside the block; it has no parameter for it, only a module function."""
    if source == NoiseSource.TORCH:
        yield
        return
    from torchsde._brownian import brownian_interval

    def randn(size: Sequence[int], dtype: torch.dtype, device: torch.device, seed: int) -> Tensor:
        return stream(int(seed), source)(size).to(device, dtype)

    with _swap:
        original, brownian_interval._randn = brownian_interval._randn, randn
        try:
            yield
        finally:
            brownian_interval._randn = original
