"""The noise schedule and the ways to choose levels, against k-diffusion, diffusers, published numbers and formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.sampling import schedule
from sdedge.sampling.schedule import SCHEDULES, NoiseSchedule, sigmas

V1 = NoiseSchedule()
SINGLE = NoiseSchedule(precision="float32")


def test_v1_numbers():
    assert len(V1.sigmas) == 1000 and V1.sigmas.dtype == torch.float64
    assert V1.sigma_min == pytest.approx(0.0291672, abs=1e-7)
    assert V1.sigma_max == pytest.approx(14.6146412, abs=1e-7)
    assert float(V1.alphas_cumprod[-1].sqrt()) == pytest.approx(0.0683, abs=1e-4)


@pytest.mark.parametrize(
    "config",
    [
        {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
        {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "rescale_betas_zero_snr": True},
        {"trained_betas": [0.001 + 0.0001 * i for i in range(100)]},
    ],
)
def test_float32_is_diffusers_bit_for_bit(config):
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.EulerDiscreteScheduler(**config)
    ours = NoiseSchedule.from_config(theirs.config, precision="float32")
    assert torch.equal(ours.alphas_cumprod.float(), theirs.alphas_cumprod)
    if config["beta_schedule" if "beta_schedule" in config else "trained_betas"] != "squaredcos_cap_v2":
        assert float((NoiseSchedule.from_config(config).sigmas / ours.sigmas - 1).abs().max()) < (
            5e-3 if "rescale_betas_zero_snr" in config else 1e-4
        )


def test_zero_terminal_snr():
    schedule = NoiseSchedule(rescale_betas_zero_snr=True)
    assert float(schedule.alphas_cumprod[-1]) == 2.0**-24
    assert float(schedule.alphas_cumprod[0]) == pytest.approx(float(V1.alphas_cumprod[0]), rel=1e-12)
    assert schedule.sigma_max == pytest.approx(4096, rel=1e-6)
    assert bool((schedule.sigmas.diff() > 0).all())


@given(t=st.floats(0, 999))
@settings(max_examples=50, deadline=None)
@pytest.mark.parametrize("interpolation", ["log", "linear"])
def test_timestep_inverts_sigma(interpolation, t):
    assert V1.timestep(V1.sigma(t, interpolation), interpolation) == pytest.approx(t, abs=1e-6)


def test_interpolations_are_the_references(k_diffusion):
    theirs = k_diffusion.external.DiscreteSchedule(V1.sigmas, quantize=False)
    t = torch.tensor([0.0, 0.25, 499.5, 731.125, 999.0])
    for at, expected in zip(t.tolist(), theirs.t_to_sigma(t)):
        assert V1.sigma(at) == pytest.approx(float(expected), rel=1e-6)
        assert V1.sigma(at, "linear") == pytest.approx(float(np.interp(at, np.arange(1000), V1.sigmas)), rel=1e-12)
    for sigma in (0.0291672, 0.5, 3.3, 14.6, 20.0, 0.01):
        expected = theirs.sigma_to_t(torch.tensor([sigma], dtype=torch.float64))
        assert V1.timestep(sigma) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 10, 33])
@pytest.mark.parametrize("name", ["karras", "exponential", "polyexponential", "uniform"])
def test_against_k_diffusion(k_diffusion, name, n):
    """1e-5 relative: it computes its ramps in float32."""
    if name == "uniform":
        theirs = k_diffusion.external.DiscreteSchedule(V1.sigmas, quantize=False).get_sigmas(n)
    else:
        theirs = getattr(k_diffusion.sampling, f"get_sigmas_{name}")(n, V1.sigma_min, V1.sigma_max)
    assert torch.allclose(sigmas(name, n, V1), theirs.double(), rtol=1e-5)


def test_published_timesteps():
    assert schedule.timesteps_leading(20)[::19] == [951, 1]
    assert schedule.timesteps_linspace(20)[::19] == [999, 0]
    assert schedule.timesteps_trailing(20)[::19] == [999, 49]
    assert schedule.timesteps_lcm(4) == [999, 759, 499, 259]
    assert len(schedule.timesteps_ddim_uniform(30)) == 31 and len(schedule.timesteps_ddim_uniform(28)) == 29
    assert schedule.timesteps_ddim_uniform(50)[0] == 981
    assert schedule.timesteps_simple(4) == [999, 749, 499, 249]
    assert max(schedule.timesteps_ddim_uniform(3)) == 999  # where LDM runs out of its table


def test_align_your_steps_at_its_own_count():
    """Ten steps of the published timesteps: the levels, the last replaced by zero."""
    published = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]
    ours = sigmas("ays", 10, V1)
    assert ours[:-1].tolist() == pytest.approx(schedule.AYS_SIGMAS[:-1]) and ours[-1] == 0
    assert ours[:-1].tolist() == pytest.approx([V1.sigma(t) for t in published], rel=5e-3)


def test_kl_optimal_is_even_in_angle():
    angles = sigmas("kl_optimal", 12, V1)[:-1].arctan()
    assert torch.allclose(angles.diff(), angles.diff()[0].expand(11), rtol=1e-9)
    assert math.isclose(float(angles[0].tan()), V1.sigma_max) and math.isclose(float(angles[-1].tan()), V1.sigma_min)


def test_linear_quadratic_is_what_it_says():
    n, threshold = 10, 0.025
    spent = 1 - sigmas("linear_quadratic", n, V1) / V1.sigma_max
    slope = threshold / (n // 2)
    assert torch.allclose(spent[: n // 2 + 1].diff(), torch.full((n // 2,), slope, dtype=torch.float64))
    second = spent[n // 2 :].diff().diff()
    assert torch.allclose(second, second[0].expand(len(second)), atol=1e-12)  # a parabola…
    assert float(spent[n // 2 + 1] - spent[n // 2] - second[0] / 2) == pytest.approx(slope)  # …with that slope
    assert spent[-1] == 1


def test_beta_is_the_quantile_function():
    from scipy import stats

    assert schedule.timesteps_beta(8) == pytest.approx(999 * stats.beta.ppf(1 - np.arange(8) / 8, 0.6, 0.6))
    theirs = 0.03 + stats.beta.ppf(1 - np.linspace(0, 1, 8), 0.6, 0.6) * (14.6 - 0.03)
    assert schedule.sigmas_beta(8, 0.03, 14.6) == pytest.approx(theirs)


@given(n=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_levels_fall_to_zero(name, n):
    if name == "lcm":
        n = min(n, 50)
    values = sigmas(name, n, V1)
    assert values.dtype == torch.float64 and values[-1] == 0
    assert len(values) == n + 1 or name == "ddim_uniform"
    assert bool((values.diff() < 0).all())
    assert float(values[0]) <= V1.sigma_max * (1 + 1e-3)


def test_catalog_lists_them_all():
    assert set(catalog.SCHEDULES) == set(SCHEDULES)


def test_refusals():
    with pytest.raises(InvalidRequest, match=r"Unknown schedule 'cubic'.*karras"):
        sigmas("cubic", 10, V1)
    with pytest.raises(InvalidRequest, match=r"1001 steps.*1 to 1000"):
        sigmas("karras", 1001, V1)
    with pytest.raises(InvalidRequest, match="51 steps"):
        sigmas("lcm", 51, V1)
    with pytest.raises(InvalidRequest, match="beta_schedule 'sigmoid'"):
        NoiseSchedule.from_config({"beta_schedule": "sigmoid"})
