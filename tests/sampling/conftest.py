"""Referees and small networks for the sampling tests: no downloads, no weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sdedge.models.unet_inputs import Predict
from sdedge.sampling.denoiser import Denoiser, Schedule
from sdedge.sampling.guidance import ClassifierFreeGuidance, prompt_branches
from tests.k_diffusion_referee import load_k_diffusion

POCKET = Path(__file__).parents[2] / "resources" / "models" / "pocket"


@pytest.fixture(scope="session")
def k_diffusion() -> ModuleType:
    """k_diffusion's sampling and external modules."""
    package = load_k_diffusion()
    if package is None:
        pytest.skip("k-diffusion, the referee, is not installed (pip install --no-deps k-diffusion)")
    return package


@dataclass(frozen=True, eq=False)
class Prompt:
    """A stand-in for a prompt's conditioning: the same context at every sigma."""

    cond: Tensor
    uncond: Tensor | None = None
    weights: Tensor | None = None

    def __call__(self, sigma: float) -> Prompt:
        return self


Network = Callable[[Tensor, Tensor, Tensor], Tensor]


def called(network: Network) -> Predict:
    """A predictor of a network that is called as (x, t, context)."""
    return lambda inputs: network(inputs.sample, inputs.t, inputs.context)


def denoiser(
    network: Network,
    schedule: Schedule,
    prompt: Prompt,
    guidance: float = 7.5,
    rescale: float = 0.0,
    interval: tuple[float, float] | None = None,
    channels: Tensor | None = None,
    **threshold: float,
) -> Denoiser:
    """A denoiser by classifier-free guidance around a network that is called as (x, t, context)."""
    guide = ClassifierFreeGuidance(guidance, rescale, interval)
    return Denoiser(called(network), prompt_branches(prompt, channels), guide, schedule, **threshold)


class SmallNetwork(nn.Module):
    """Two convolutions; time and context enter between them, as in a UNet. A call takes a thirtieth of a small UNet's time."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(4, width, 3, padding=1), nn.Conv2d(width, 4, 3, padding=1)
        self.time, self.context = nn.Linear(8, width), nn.Linear(8, width)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        angles = t.reshape(-1, 1) * torch.tensor([0.03, 0.01, 0.003, 0.001], dtype=t.dtype)
        conditions = self.time(torch.cat([angles.sin(), angles.cos()], -1)) + self.context(context).tanh().mean(1)
        return self.last(functional.silu(self.first(x) + conditions[:, :, None, None]))


@pytest.fixture(scope="session")
def unet() -> Network:
    """A random network in a UNet's place, float64; predict(x, t, context) of a plausible scale."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = SmallNetwork().double().eval().requires_grad_(False)

    def predict(x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        # The input itself is most of the noise; the network's part makes it depend on everything.
        return 0.9 * x + network(x, t.double(), context)

    return predict


@pytest.fixture(scope="session")
def prompt() -> Prompt:
    generator = torch.Generator().manual_seed(1)
    return Prompt(torch.randn(1, 5, 8, generator=generator, dtype=torch.float64))


@pytest.fixture(scope="session")
def pocket():
    """The embedded model's UNet by diffusers, as predict; skips while the weights are not there."""
    weights = POCKET / "unet" / "diffusion_pytorch_model.safetensors"
    if not weights.is_file():
        pytest.skip("resources/models/pocket has no weights yet")
    diffusers = pytest.importorskip("diffusers")
    network = diffusers.UNet2DConditionModel.from_pretrained(POCKET / "unet").eval().requires_grad_(False).double()
    generator = torch.Generator().manual_seed(1)
    context = torch.randn(1, 77, network.config.cross_attention_dim, generator=generator, dtype=torch.float64)
    return lambda x, t, c: network(x, t, c).sample, Prompt(context)


def last(steps) -> Tensor:
    """The latent a sampler ends with."""
    *_, (x, _) = steps
    return x


def scaled_error(a: Tensor, b: Tensor) -> float:
    """Largest difference in units of the latents' scale."""
    return float((a.double() - b.double()).abs().max() / b.double().abs().max())


def elementwise(x: Tensor, t: Tensor, context: Tensor) -> Tensor:
    """A network whose every element depends on that element alone, so that equality can be exact."""
    return 0.8 * x + 0.1 * x / (1 + x * x) + 0.01 * (t / 1000).view(-1, 1, 1, 1)
