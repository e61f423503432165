"""What happens between the sampler and the network."""

from __future__ import annotations

import pytest
import torch

from sdedge.catalog import MaskMode
from sdedge.errors import InvalidRequest
from sdedge.sampling.denoiser import dynamic_threshold, masked
from sdedge.sampling.prediction import to_x0
from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.schedule import NoiseSchedule

from .conftest import Prompt, denoiser, elementwise, last, scaled_error

SCHEDULE = NoiseSchedule()


class Recorder:
    """A network that remembers what it was shown."""

    def __init__(self):
        self.inputs = []

    def __call__(self, x, t, context):
        self.inputs.append((x, t, context))
        return 0.5 * x[:, :4] + context.mean((1, 2)).view(-1, 1, 1, 1)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return Prompt(torch.randn(2, 5, 8, generator=generator), torch.randn(2, 5, 8, generator=generator))


@pytest.fixture
def x():
    return 3 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def test_input_is_ddpms_variable_and_timestep(pair, x):
    network = Recorder()
    x0 = denoiser(network, SCHEDULE, pair, guidance=1)(x, 2.5)
    ((seen, t, context),) = network.inputs
    assert torch.allclose(seen, x / (2.5**2 + 1) ** 0.5)
    assert t.tolist() == pytest.approx([SCHEDULE.timestep(2.5)] * 2) and context is pair.cond
    assert torch.allclose(x0, x - 2.5 * (0.5 * seen + pair.cond.mean((1, 2)).view(-1, 1, 1, 1)), atol=1e-5)


def test_guidance_is_one_call_of_both(pair, x):
    network = Recorder()
    x0 = denoiser(network, SCHEDULE, pair, guidance=7.5)(x, 2.5)
    ((seen, t, context),) = network.inputs
    assert seen.shape[0] == 4 and t.shape == (4,) and torch.equal(context, torch.cat([pair.uncond, pair.cond]))
    cond, uncond = (denoiser(network, SCHEDULE, Prompt(c), guidance=7.5)(x, 2.5) for c in (pair.cond, pair.uncond))
    assert torch.allclose(x0, uncond + 7.5 * (cond - uncond), atol=1e-4)


@pytest.mark.parametrize(
    ("guidance", "interval", "calls"),
    [
        (1.0, None, [2, 2, 2]),
        (5.0, None, [4, 4, 4]),
        (5.0, (1.0, 6.0), [2, 4, 2]),
        (5.0, (0.5, 6.0), [2, 4, 4]),
        (5.0, (0.5, 3.0), [2, 4, 4]),
    ],
)
def test_interval_skips_the_unconditional_half(pair, x, guidance, interval, calls):
    network = Recorder()
    denoise = denoiser(network, SCHEDULE, pair, guidance=guidance, interval=interval)
    for sigma in (10.0, 3.0, 0.5):
        denoise(x, sigma)
    assert [len(seen) for seen, _, _ in network.inputs] == calls


def test_prediction_types_agree(x):
    """eps, v and sample outputs that mean the same give the same x0, also at the level of zero terminal SNR."""
    x0, eps = torch.tanh(x.double()), torch.randn_like(x, dtype=torch.float64)
    for sigma in (0.03, 1.0, 14.6, 4096.0):
        alpha, noisy = (sigma**2 + 1) ** -0.5, x0 + sigma * eps
        v = alpha * eps - sigma * alpha * x0
        for output, kind in ((eps, "epsilon"), (v, "v_prediction"), (x0, "sample")):
            assert torch.allclose(to_x0(output, noisy, sigma, kind), x0, atol=1e-9)


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim"])
def test_zero_terminal_snr_with_v_stays_finite(sampler):
    """A perfect v model on the rescaled schedule reaches its image in float32 from sigma 4096."""
    schedule = NoiseSchedule(rescale_betas_zero_snr=True, prediction_type="v_prediction")
    run = sampling_plan(sampler, "trailing", 8, noise_schedule=schedule)
    target = torch.linspace(-1, 1, 256).view(1, 4, 8, 8)

    def predict(x, t, context):
        sigma = schedule.sigma(float(t[0]))
        alpha = (sigma**2 + 1) ** -0.5
        return (alpha * (x - alpha * target) / (sigma * alpha)) - sigma * alpha * target

    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for x, _ in run.run(denoiser(predict, run, Prompt(torch.zeros(1, 1, 1)), 1), run.start(noise), lambda *_: noise):
        assert torch.isfinite(x).all()
    assert float((run.finish(x) - target).abs().max()) < 1e-3


def test_rescaling_goes_by_the_conditional_half(pair, x):
    def network(x, t, context):
        return x * (1 + context.mean((1, 2))).view(-1, 1, 1, 1)

    cond, uncond, full, half = (
        (x - denoiser(network, SCHEDULE, context, **options)(x, 2.5)) / 2.5
        for context, options in (
            (pair, {"guidance": 1}),
            (Prompt(pair.uncond), {"guidance": 1}),
            (pair, {"guidance": 7.5, "rescale": 1.0}),
            (pair, {"guidance": 7.5, "rescale": 0.5}),
        )
    )
    guided = uncond + 7.5 * (cond - uncond)
    ratio = (cond.std((1, 2, 3)) / guided.std((1, 2, 3))).view(-1, 1, 1, 1)
    assert float((ratio - 1).abs().min()) > 0.05
    assert torch.allclose(full, guided * ratio, atol=1e-4) and torch.allclose(half, guided * (ratio + 1) / 2, atol=1e-4)


def test_threshold_is_diffusers(x):
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDIMScheduler(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=2.5)
    assert torch.allclose(dynamic_threshold(x, 0.9, 2.5), scheduler._threshold_sample(x), atol=1e-6)
    small = x / x.abs().max()  # within the bounds of a picture: left as it is
    assert torch.equal(dynamic_threshold(small, 0.9, 2.5), small)


def test_inpainting_channels_follow_the_scaled_latent(pair, x):
    network, extra = Recorder(), torch.randn(2, 5, 8, 8)
    denoiser(network, SCHEDULE, pair, guidance=3.0, channels=extra)(x, 4.0)
    seen = network.inputs[0][0]
    assert seen.shape == (4, 9, 8, 8)
    assert torch.equal(seen[:2, 4:], extra) and torch.equal(seen[2:, 4:], extra)


def test_a_batch_never_changes_an_image(pair, x):
    options = {"guidance": 7.5, "rescale": 0.7, "threshold": 0.995, "threshold_max": 3.0}
    both = denoiser(elementwise, SCHEDULE, pair, **options)(x, 5.0)
    for i in range(2):
        single = Prompt(pair.cond[i : i + 1], pair.uncond[i : i + 1])
        assert torch.equal(denoiser(elementwise, SCHEDULE, single, **options)(x[i : i + 1], 5.0)[0], both[i])


# Inpainting with a 4-channel model.

LATENT = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
MASK = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
MASK[..., 2:6, 3:7] = 1


def draws(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda *_: torch.randn(LATENT.shape, generator=generator, dtype=torch.float64)


def inpaint(unet, prompt, run, mode, noise0):
    denoise = masked(denoiser(unet, run, prompt, guidance=1), LATENT, MASK, mode, noise0, draws(9))
    x = last(run.run(denoise, run.start(noise0, LATENT), draws(8)))
    return x


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "heun", "unipc", "euler_a", "dpmpp_2m_sde", "restart"])
def test_the_kept_region_is_kept(unet, prompt, sampler):
    """Every sampler ends exactly at the original outside the mask, and somewhere else inside."""
    noise0 = draws(0)()
    x = inpaint(unet, prompt, sampling_plan(sampler, "karras", 8, strength=0.9), MaskMode.PREDICTED, noise0)
    outside = (1 - MASK).bool().expand_as(x)
    assert float((x - LATENT)[outside].abs().max()) < 1e-9
    assert float((x - LATENT)[~outside].abs().max()) > 1e-3


def test_initial_noise_is_diffusers_pipeline(unet, prompt):
    """Its loop: after each step the kept region is the original with the first noise at the next level."""
    diffusers = pytest.importorskip("diffusers")
    run, noise0 = sampling_plan("euler_a", "leading", 8, "diffusers", strength=0.75), draws(0)()
    scheduler = diffusers.EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    )
    scheduler.set_timesteps(8)
    scheduler.set_begin_index(2)
    x, times, generator = (
        LATENT + noise0 * scheduler.sigmas[2],
        scheduler.timesteps[2:],
        torch.Generator().manual_seed(8),
    )
    for i, t in enumerate(times):
        x = scheduler.step(
            unet(scheduler.scale_model_input(x, t), t[None].double(), prompt.cond), t, x, generator=generator
        )[0]
        level = scheduler.sigmas[i + 3]  # 0 at the last: the original itself
        x = (1 - MASK) * (LATENT + noise0 * level) + MASK * x
    ours = inpaint(unet, prompt, run, MaskMode.INITIAL_NOISE, noise0)
    assert scaled_error(ours * MASK, x * MASK) < 1e-5  # its sigmas are float32
    assert float(((ours - x) * (1 - MASK)).abs().max()) < 1e-6


def test_initial_noise_leaves_the_first_level_as_it_is_given():
    seen, noise = [], draws(3)()
    denoise = masked(lambda x, sigma: seen.append(x) or x, LATENT, MASK, MaskMode.INITIAL_NOISE, noise, draws(9))
    start = draws(4)()
    for sigma in (5.0, 5.0, 2.0):
        denoise(start, sigma)
    assert torch.equal(seen[0], start) and torch.equal(seen[1], start)
    assert torch.equal(seen[2], start * MASK + (LATENT + 2.0 * noise) * (1 - MASK))


def test_fresh_noise_is_ldms_loop(unet, prompt):
    """LDM: before each step the kept region is the original with new noise at this level, then DDIM draws its own."""
    run, noise0, generator = sampling_plan("ddim", None, 10, "compvis", strength=0.8), draws(0)(), draws(8)
    x, alphas = run.start(noise0, LATENT), [1 / (s**2 + 1) for s in run.sigmas]
    z = x * alphas[0] ** 0.5
    for i in range(run.steps):
        a, following = alphas[i], alphas[i + 1]
        z = (a**0.5 * LATENT + (1 - a) ** 0.5 * generator()) * (1 - MASK) + z * MASK
        eps = unet(z, torch.tensor([run.timesteps[i]], dtype=torch.float64), prompt.cond)
        x0 = (z - (1 - a) ** 0.5 * eps) / a**0.5
        z = following**0.5 * x0 + (1 - following) ** 0.5 * eps + 0.0 * generator()
    noise = draws(8)
    denoise = masked(denoiser(unet, run, prompt, guidance=1), LATENT, MASK, MaskMode.FRESH_NOISE, noise0, noise)
    x = last(run.run(denoise, x, noise))
    assert scaled_error(run.finish(x) * MASK, z * MASK) < 1e-9


def test_refusals(pair):
    for options, message in (
        ({"rescale": 1.5}, "0 to 1"),
        ({"interval": (3.0, 1.0)}, "empty"),
        ({"threshold": 0.0}, "0.995"),
    ):
        with pytest.raises(InvalidRequest, match=message):
            denoiser(Recorder(), SCHEDULE, pair, **options)
    with pytest.raises(InvalidRequest, match="predicted, fresh_noise, initial_noise"):
        masked(lambda x, s: x, LATENT, MASK, "after", LATENT, draws(0))
