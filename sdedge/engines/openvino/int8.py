"""Convolutions and linear layers of the UNet in int8 for OpenVINO, by NNCF's post-training quantization.

Ranges of activations are those of real denoising: a few pictures are drawn, and the UNet's inputs on the way are what
it is calibrated on. Attention's products stay in half precision, as do the first and last convolution, whose
arithmetic is small and whose error is in every pixel.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sdedge.engines.openvino.graph import compile_model, load_openvino, open_products
from sdedge.errors import InvalidRequest
from sdedge.interpreter import how_to_install
from sdedge.models.unet_inputs import UNetInputs
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.guidance import ClassifierFreeGuidance, prompt_branches
from sdedge.sampling.noise import initial
from sdedge.sampling.presets import sampling_plan
from sdedge.text.conditioning import condition

if TYPE_CHECKING:
    import openvino as ov

    from sdedge.engines.openvino.engine import OpenVINOEngine

PROMPTS = (
    "a photograph of an astronaut riding a horse", "a red house at night with two trees",
    "an oil painting of a boat on the sea at sunset", "a bowl of fruit on a wooden table",
)  # fmt: skip
STEPS = 8
FLOATING = (".conv_in/", ".conv_out/", ".time_embedding.")
"""Parts of the names of what is not quantized."""


def quantize(engine: OpenVINOEngine, models: Mapping[str, ov.Model]) -> ov.Model:
    """Returns the `whole` model in int8, calibrated at the model's native size on pictures that it draws itself.

    Raises InvalidRequest where NNCF is not installed.
    """
    load_openvino()
    try:
        import nncf
    except ImportError:
        raise InvalidRequest(f"int8 needs NNCF; {how_to_install('sdedge[openvino]')}.") from None
    nncf.set_log_level(40)
    full = models["whole"]
    names = [node.get_friendly_name() for node in full.get_ops()]
    floating = [
        name
        for name in names
        if any(part in name for part in FLOATING) and name.split("/")[-1] in ("Convolution", "MatMul")
    ]
    samples = list(_calls(engine, models))
    with contextlib.redirect_stdout(sys.stderr):  # where its progress bars are in nobody's way
        return nncf.quantize(
            full, nncf.Dataset(samples), subset_size=len(samples), model_type=nncf.ModelType.TRANSFORMER,
            ignored_scope=nncf.IgnoredScope(names=open_products(full) + floating, validate=False),
        )  # fmt: skip


@torch.inference_mode()
def _calls(engine: OpenVINOEngine, models: Mapping[str, ov.Model]) -> Iterator[list[np.ndarray]]:
    """Yields the inputs of `whole` at every other step of drawing PROMPTS, as it is called."""
    facts = engine.facts
    shape = facts.latent_channels, facts.height // facts.downscale, facts.width // facts.downscale
    calls: list[list[np.ndarray]] = []

    def run(name: str, inputs: list[np.ndarray]) -> list[np.ndarray]:
        shapes = tuple(array.shape for array in inputs)
        if (name, shapes) not in compiled:
            compiled[name, shapes] = compile_model(models[name], shapes, "bfloat16")
        return [array.copy() for array in compiled[name, shapes](inputs).values()]

    compiled: dict[tuple[str, Any], ov.CompiledModel] = {}
    for seed, prompt in enumerate(PROMPTS):
        context = condition(engine, [prompt], [""], STEPS)
        first = context.steps[0]
        assert first.uncond is not None
        projected = run("prompt", [torch.cat([first.uncond, first.cond]).float().numpy()])

        def predict(inputs: UNetInputs, projected: list[np.ndarray] = projected) -> torch.Tensor:
            calls.append([inputs.sample.numpy(), inputs.t.numpy(), *projected])
            return torch.from_numpy(run("whole", calls[-1])[0])

        steps = sampling_plan("dpmpp_2m", None, STEPS, noise_schedule=facts.schedule)
        channels = None
        if (added := facts.in_channels - facts.latent_channels) > 0:
            channels = torch.zeros(1, added, *shape[1:])
            if added > facts.latent_channels:  # an inpainting model, with everything masked
                channels[:, 0] = 1
        branches = prompt_branches(context.along(steps.sigmas), channels)
        denoise = Denoiser(predict, branches, ClassifierFreeGuidance(facts.guidance), steps)
        noise = initial([seed], shape)
        for _ in steps.run(denoise, steps.start(noise), steps.step_noise([seed], shape)):
            pass
        yield from calls[::2]
        calls.clear()
