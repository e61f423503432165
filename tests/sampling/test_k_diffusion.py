"""Every sampler that k-diffusion has, step by step against it, in float64 on a random network."""

from __future__ import annotations

import pytest
import torch

from sdedge.sampling.noise import BrownianNoise
from sdedge.sampling.samplers import SAMPLERS
from sdedge.sampling.schedule import NoiseSchedule, sigmas

from .conftest import denoiser, last, scaled_error

SCHEDULE = NoiseSchedule()
SHAPE = (1, 4, 8, 8)
DETERMINISTIC = {"euler": "euler", "heun": "heun", "dpm2": "dpm_2", "lms": "lms", "dpmpp_2m": "dpmpp_2m"}
STOCHASTIC = {
    "euler_a": ("euler_ancestral", {}),
    "dpm2_a": ("dpm_2_ancestral", {}),
    "dpmpp_2s_a": ("dpmpp_2s_ancestral", {}),
    "dpmpp_sde": ("dpmpp_sde", {}),
    "dpmpp_2m_sde": ("dpmpp_2m_sde", {}),
    "dpmpp_2m_sde_heun": ("dpmpp_2m_sde", {"solver_type": "heun"}),
    "dpmpp_3m_sde": ("dpmpp_3m_sde", {}),
}


@pytest.fixture
def x():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * SCHEDULE.sigma_max


@pytest.fixture(scope="module")
def denoisers(k_diffusion, unet, prompt):
    """(ours, theirs) around one network; theirs is k-diffusion's own eps wrapper."""

    class Referee(k_diffusion.external.DiscreteEpsDDPMDenoiser):
        def get_eps(self, x, t):
            return unet(x, t, prompt.cond)

        def t_to_sigma(self, t):  # k-diffusion casts to float32 here
            return torch.tensor([SCHEDULE.sigma(float(v)) for v in t], dtype=torch.float64)

    return denoiser(unet, SCHEDULE, prompt, guidance=1), Referee(None, SCHEDULE.alphas_cumprod, quantize=False)


def draws(seed: int):
    """Noise for both sides: the n-th call gives the n-th draw."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *_: torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def assert_same_run(steps, theirs, x_last, count=None, within=1e-9):
    ours = list(steps)
    assert len(ours) == (count or len(theirs)) and len(ours) > 3
    for i, ((_, x0), expected) in enumerate(zip(ours, theirs)):
        assert scaled_error(x0, expected) < within, f"step {i}"
    assert scaled_error(ours[-1][0], x_last) < within


@pytest.mark.parametrize("schedule", ["uniform", "karras"])
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic(k_diffusion, denoisers, x, name, schedule):
    sigma_list, seen = sigmas(schedule, 10, SCHEDULE), []
    expected = getattr(k_diffusion.sampling, f"sample_{DETERMINISTIC[name]}")(
        denoisers[1], x, sigma_list, disable=True, callback=lambda info: seen.append(info["denoised"])
    )
    assert_same_run(SAMPLERS[name](denoisers[0], x, sigma_list, draws(0)), seen, expected)


@pytest.mark.parametrize("name", ["euler", "heun", "dpm2"])
def test_churn_draws_as_k_diffusion_does(k_diffusion, denoisers, x, name):
    """It draws noise even at steps without churn: the generator must be in step to the end."""
    sigma_list, seen = sigmas("karras", 10, SCHEDULE), []
    churn = {"s_churn": 4.0, "s_tmin": 0.2, "s_tmax": 8.0, "s_noise": 1.01}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = getattr(k_diffusion.sampling, f"sample_{DETERMINISTIC[name]}")(
            denoisers[1], x, sigma_list, disable=True, callback=lambda info: seen.append(info["denoised"]), **churn
        )
        torch.manual_seed(5)
        steps = SAMPLERS[name](denoisers[0], x, sigma_list, lambda *_: torch.randn_like(x), always_draw=True, **churn)
        assert_same_run(steps, seen, expected)


@pytest.mark.parametrize("eta", [1.0, 0.4, 0.0])
@pytest.mark.parametrize("name", STOCHASTIC)
def test_stochastic_with_the_same_noise(k_diffusion, denoisers, x, name, eta):
    function, extra = STOCHASTIC[name]
    sigma_list, seen = sigmas("karras", 10, SCHEDULE), []
    expected = getattr(k_diffusion.sampling, f"sample_{function}")(
        denoisers[1],
        x,
        sigma_list,
        disable=True,
        callback=lambda info: seen.append(info["denoised"]),
        eta=eta,
        s_noise=1.003,
        noise_sampler=draws(7),
        **extra,
    )
    assert_same_run(SAMPLERS[name](denoisers[0], x, sigma_list, draws(7), eta=eta, s_noise=1.003), seen, expected)


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("steps", [9, 10, 11])
def test_dpm_fast(k_diffusion, denoisers, x, steps, eta):
    """Within 1e-4: the referee spaces its times in float32, and with eta its noise follows the rounded times."""
    sigma_list, seen = sigmas("uniform", steps, SCHEDULE), []
    expected = k_diffusion.sampling.sample_dpm_fast(
        denoisers[1],
        x,
        torch.tensor(SCHEDULE.sigma_min, dtype=torch.float64),
        torch.tensor(SCHEDULE.sigma_max, dtype=torch.float64),
        steps,
        disable=True,
        eta=eta,
        noise_sampler=draws(2),
        callback=lambda info: seen.append(info["denoised"]),
    )
    assert_same_run(SAMPLERS["dpm_fast"](denoisers[0], x, sigma_list, draws(2), eta=eta), seen, expected, within=1e-4)


@pytest.mark.parametrize("options", [{}, {"order": 2, "rtol": 2**-6}, {"eta": 0.5}, {"pcoeff": 0.2, "dcoeff": 0.1}])
def test_dpm_adaptive(k_diffusion, denoisers, x, options):
    """Same steps tried, same accepted, same end; ours reports the accepted ones only. The tolerances are powers of
    two because the referee keeps them in float32."""
    options = {"rtol": 2**-4, "atol": 2**-7, **options}
    sigma_list, infos = sigmas("uniform", 5, SCHEDULE), []
    expected, info = k_diffusion.sampling.sample_dpm_adaptive(
        denoisers[1],
        x,
        torch.tensor(SCHEDULE.sigma_min, dtype=torch.float64),
        torch.tensor(SCHEDULE.sigma_max, dtype=torch.float64),
        disable=True,
        noise_sampler=draws(2),
        return_info=True,
        callback=lambda info: infos.append(dict(info)),
        **options,
    )
    accepted, before = [], 0
    for step in infos:
        if step["n_accept"] > before:
            accepted.append(step["denoised"])
        before = step["n_accept"]
    calls = []

    def counted(x, sigma):
        calls.append(sigma)
        return denoisers[0](x, sigma)

    steps = SAMPLERS["dpm_adaptive"](counted, x, sigma_list, draws(2), **options)
    assert_same_run(steps, accepted, expected, count=info["n_accept"])
    assert len(calls) == info["nfe"]


def test_brownian_noise_is_k_diffusions(k_diffusion):
    """Bit for bit, for a batch of seeds, at levels and between them."""
    sigma_list = [14.5, 7.25, 6.0, 1.5, 0.25]  # float32 numbers, as k-diffusion's own
    seeds, like = [11, 2**40 + 1], torch.zeros(2, 4, 8, 8)
    theirs = k_diffusion.sampling.BrownianTreeNoiseSampler(
        like, torch.tensor(sigma_list[-1]), torch.tensor(sigma_list[0]), seed=seeds
    )
    ours = BrownianNoise(seeds, (4, 8, 8), sigma_list[-1], sigma_list[0])
    for high, low in [(14.5, 7.25), (7.25, 6.0), (6.0, 1.5), (6.0, 3.0), (1.5, 0.25)]:
        assert torch.equal(ours(high, low), theirs(torch.tensor(high), torch.tensor(low)))


@pytest.mark.parametrize("name", ["dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"])
def test_brownian_run_in_float32(k_diffusion, denoisers, unet, prompt, name):
    """End to end with the path itself, in float32: 1e-3, since the referee rounds its midpoints to float32, and the
    Brownian path moves by the root of that."""
    sigma_list = sigmas("karras", 8, SCHEDULE).float()
    x = torch.randn(SHAPE, generator=torch.Generator().manual_seed(3)) * float(sigma_list[0])

    class Single(torch.nn.Module):
        def forward(self, x, sigma):
            return denoisers[1](x.double(), sigma.double()).float()

    noise = k_diffusion.sampling.BrownianTreeNoiseSampler(x, sigma_list[-2], sigma_list[0], seed=[4])
    expected = getattr(k_diffusion.sampling, f"sample_{name}")(
        Single(), x, sigma_list, disable=True, noise_sampler=noise
    )
    ours = BrownianNoise([4], SHAPE[1:], float(sigma_list[-2]), float(sigma_list[0]))
    result = last(SAMPLERS[name](lambda x, s: denoisers[0](x.double(), s).float(), x, sigma_list, ours))
    assert scaled_error(result, expected) < 1e-3
