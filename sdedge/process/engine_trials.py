"""Trials of engines, each a function that runs in a process of its own: one model's networks, against the CPU in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sdedge.engines.openvino.devices import is_openvino
from sdedge.process.agreement import agreement
from sdedge.process.timed import memory, once, repeated
from sdedge.process.trials import Absent

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from sdedge.engines.protocol import Engine

PROMPT = "a red house at night with two trees"
TIMESTEP = 501.0


def probe_device(device: str) -> Iterator[dict[str, object]]:
    """Times kernels of v1's widths in each number format, as `sdedge doctor` does; nothing is kept."""
    _, torch_device = _device(device)
    from sdedge.machine.probe import probe

    yield {"phase": "probe"}
    yield asdict(probe(torch_device))
    yield memory()


def on_engine(model: str, device: str, dtype: str, reference: str = "cpu") -> Iterator[dict[str, object]]:
    """Runs text encoder, UNet and decoder of a model or bundle once each, and compares them with the CPU in float32."""
    torch, _ = _device(device)
    from sdedge.engines.open import load_engine

    engines: list[Any] = []
    yield from once("open", lambda: load_engine(device, dtype)(model, None), engines)
    engine, calls = engines[0], _calls(torch, engines[0])
    results: dict[str, Tensor] = {}
    yield {"engine": engine.description}
    for name, call in calls.items():
        outputs: list[Tensor] = []
        yield from once(name, lambda call=call: call(engine), outputs)  # type: ignore[misc]
        results[name] = outputs[0].float().cpu()
    yield from repeated(lambda: calls["unet"](engine))
    yield memory() | _device_memory(torch, device)
    yield {"phase": "compare"}
    exact = load_engine(reference, "float32")(model, None)
    yield {"outputs": {name: agreement(call(exact).float().cpu(), results[name]) for name, call in calls.items()}}


def _device(device: str) -> tuple[Any, torch.device]:
    """Returns torch and its device. Raises Absent where this machine has none of the kind."""
    import torch

    if device == "mps" and not torch.backends.mps.is_available():
        raise Absent("torch finds no MPS here.")
    if device == "cuda" and not torch.cuda.is_available():
        raise Absent("torch finds no CUDA here.")
    by_openvino = is_openvino(device)
    if by_openvino:
        from sdedge.machine.findings import openvino_version

        if not openvino_version():
            raise Absent("OpenVINO is not installed.")
    return torch, torch.device("cpu" if by_openvino else device)


def _calls(torch: Any, engine: Engine) -> dict[str, Callable[[Engine], Tensor]]:
    """Returns what is called of an engine, by the network's name; inputs are the same for every engine."""
    from sdedge.models.unet_inputs import UNetInputs
    from sdedge.text.conditioning import condition

    facts, random = engine.facts, torch.Generator().manual_seed(0)
    side = facts.height // facts.downscale, facts.width // facts.downscale
    x = torch.randn(2, facts.in_channels, *side, generator=random)
    context = torch.randn(2, 77, facts.context_width, generator=random)
    z = torch.randn(1, facts.latent_channels, *side, generator=random)
    inputs = UNetInputs(x, torch.full((2,), TIMESTEP), context)
    return {
        "text_encoder": lambda engine: condition(engine, [PROMPT], None).cond,
        "unet": lambda engine: engine.predict(inputs),
        "vae_decoder": lambda engine: engine.decode(z),
    }


def _device_memory(torch: Any, device: str) -> dict[str, object]:
    if device == "mps":
        return {"device_bytes": int(torch.mps.driver_allocated_memory())}
    return {"device_bytes": int(torch.cuda.max_memory_reserved())} if device == "cuda" else {}
