"""What `verify` compares of the UNet that takes residuals, and of the ControlNets whose files are here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from sdedge.engines.coreml.packages import PackageEngine
from sdedge.engines.protocol import AddedComponent, Engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import SdedgeError
from sdedge.library.bundle_controls import ConvertedControl, controlled_unets, converted_controls, hash_of_control
from sdedge.library.control_models import find_control
from sdedge.library.manifest import Manifest
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.unet_walk import residual_shapes
from sdedge.text.conditioning import condition
from sdedge.weights.control import open_control

Output = Callable[[Engine], Tensor]
TIMESTEP = 501.0


def control_probes(
    manifest: Manifest, reference: TorchEngine, prompt: str, timesteps: Sequence[int], random: torch.Generator
) -> Iterator[tuple[str, str, Output]]:
    """Yields (component, what, output) for the controlled UNet and each ControlNet, on the bundle's first size.

    A ControlNet whose file is not installed, or is another by now, is left out.
    """
    if not controlled_unets(manifest):
        return
    (W, H), facts, (base, _) = manifest.sizes[0], reference.facts, reference.unet_source()
    h, w = H // facts.downscale, W // facts.downscale
    shapes, context = residual_shapes(base, h, w), condition(reference, ["", prompt], None).cond
    for t in timesteps:
        x = torch.randn(2, facts.in_channels, h, w, generator=random)
        skips = tuple(torch.randn(2, *shape, generator=random) for shape in shapes)
        inputs = UNetInputs(x, torch.full((2,), float(t)), context, skips=skips)
        yield "controlled_unet", f"t = {t}, with residuals", lambda engine, inputs=inputs: engine.predict(inputs)  # type: ignore[misc]
    for control in converted_controls(manifest).values():
        if (path := _file(control)) is not None:
            x = torch.randn(2, 4, h, w, generator=random)
            hint = torch.rand(1, control.hint_channels, h * control.downscale, w * control.downscale, generator=random)
            yield control.component, "its residuals", _residuals(control, path, x, context, hint, shapes)


def _file(control: ConvertedControl) -> Path | None:
    """Returns the installed file that a ControlNet was made from."""
    with suppress(SdedgeError, OSError):
        path = find_control(control.name)
        return path if hash_of_control(path) == control.sha256 else None
    return None


def _residuals(
    control: ConvertedControl, path: Path, x: Tensor, context: Tensor, hint: Tensor,
    shapes: Sequence[tuple[int, int, int]],
) -> Output:  # fmt: skip
    """Returns what gives all residuals of an engine's ControlNet as one vector; averages stand for all pixels."""

    def output(engine: Engine) -> Tensor:
        t = torch.full((2,), TIMESTEP)
        if isinstance(engine, PackageEngine):
            residuals = engine.run_control(control.name, x, t, context, hint)
        else:
            residuals = _by_torch(engine, control.name, path, x, t, context, hint)
        full = [residual.expand(len(x), *shape) for residual, shape in zip(residuals, shapes, strict=True)]
        return torch.cat([residual.flatten() for residual in full])

    return output


def _by_torch(
    engine: Engine, name: str, path: Path, x: Tensor, t: Tensor, context: Tensor, hint: Tensor
) -> tuple[Tensor, ...]:
    model, (base, unet) = open_control(path), engine.unet_source()
    config = model.controlnet_config(base)
    reader, net = f"verified {name} hint", f"verified {name}"
    engine.add(AddedComponent(reader, "controlnet_hint", vars(config), model.component("hint", unet)))
    engine.add(AddedComponent(net, "controlnet", vars(config), model.component("encoder", unet), every_step=True))
    (features,) = engine.run(reader, hint)
    residuals = engine.run(net, x, t, context, features)
    for added in (reader, net):
        engine.remove(added)
    return residuals
