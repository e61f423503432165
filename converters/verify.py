"""A converted bundle against the model it came from: each component, a whole picture, and whether it may be published.

The measure is `psnr` over each component's output. "float16" is what the portable runner gives with every half-precision result
rounded, as the programs say; "float32" is the same program without that rounding, which leaves the weights' own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from converters import bundle as bundle_files
from converters.drift import Drift, drift, layer_results, origin, stray_layer
from converters.inspect import inspect
from converters.latents import FACTOR
from converters.package_lint import RuleBreach, lint_bundle
from converters.psnr import psnr
from converters.verify_controls import control_probes
from converters.verify_floors import LOSSY, floor
from converters.verify_pictures import draw, draws, obeyed
from converters.verify_weights import KernelError, compare_weights
from sdedge.engines.coreml.packages import PACKAGES, UNETS, Model
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import PRECISIONS, Runner
from sdedge.engines.protocol import Component, Engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NETWORKS
from sdedge.files import inside
from sdedge.library.manifest import Manifest
from sdedge.library.models import EMBEDDED
from sdedge.models.safety import prepare
from sdedge.models.unet_inputs import UNetInputs
from sdedge.text.conditioning import condition
from sdedge.weights.loading import load_into
from sdedge.weights.lora import MergedTensor
from sdedge.weights.safety import open_checker

TIMESTEPS = (1, 261, 501, 741, 981)
PROMPTS = ("a red house at night with two trees", "a blue boat on the sea at sunset", "")
SEED = 0
TOKENS, TOKEN_TABLE = "token_embedding", "text_model.embeddings.token_embedding.weight"
Output = Callable[[Engine], Tensor]


@dataclass(frozen=True)
class Compared:
    """One output of one component, in dB by precision; with where the error begins if it is under the floor."""

    component: str
    label: str
    psnr: Mapping[str, float]
    stray: Drift | None = None


@dataclass(frozen=True)
class Shortfall:
    """A component's worst figure in one precision, in dB, and the floor it is under."""

    component: str
    precision: str
    psnr: float
    floor: float


@dataclass(frozen=True)
class Verdict:
    """What a bundle came to: `outcome` is "passed", "lossy" or "failed"; `figures` go into its manifest.

    bits        of the narrowest weights
    floors      dB that must be reached, by component and precision
    shortfalls  what does not reach them
    kernels     weights that are not the checkpoint's
    breaches    rules of what was seen to go wrong on Macs that are broken; with a fatal one, or with either of the two above,
                the bundle has failed
    """

    outcome: str
    bits: int
    floors: Mapping[str, Mapping[str, float]]
    shortfalls: tuple[Shortfall, ...] = ()
    kernels: tuple[KernelError, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    breaches: tuple[RuleBreach, ...] = ()


def verify(
    bundle: Path, reference: TorchEngine, *, steps: int = 10, pictures: int = 0, picture: bool = True
) -> Iterator[Compared | RuleBreach | Verdict]:
    """Compare, telling each figure when it is there; the last thing told is the verdict, which the manifest then holds.

    steps, picture   of a whole picture drawn by both; False leaves it out, as does a bundle of parts that cannot draw one
    pictures         how many pictures of held-out prompts to judge by the facts they show; the embedded model's only

    Raises ModelError for a damaged bundle, which one whose files are not those that the manifest describes is.
    """
    manifest = Manifest.read(bundle)
    bundle_files.check_hashes(bundle, manifest)
    widths = component_bits(bundle, manifest)
    floors = {name: floor(bits, holds_halves(reference, name)) for name, bits in widths.items()}
    kernels = tuple(_wrong_kernels(bundle, manifest, reference))
    breaches = lint_bundle(bundle, manifest)
    yield from breaches
    engines = {precision: MILEngine(bundle, precision) for precision in PRECISIONS}
    results: list[Compared] = []
    if TOKENS in floors:
        results.append(compare_tokens(reference, engines))
        yield results[-1]
    before = ""
    for component, label, output in probes(manifest, reference):
        if component != before:
            release(reference, *engines.values())  # two full-size networks never share memory
            before = component
        compared = compare(component, label, output, reference, engines)
        least = floors[component]["float16"]
        if compared.psnr["float16"] < least and not any(c.stray for c in results):
            compared = replace(compared, stray=find_stray(bundle, output, reference, least))
        results.append(compared)
        yield compared
    size = manifest.sizes[0]
    if picture and draws(manifest):
        drawn = compare(
            "picture", f"{steps} steps", lambda e: draw(e, PROMPTS[0], SEED + 1, steps, size), reference, engines
        )
        results.append(drawn)
        yield drawn
    figures = summarize(results, min(widths.values()))
    if pictures and draws(manifest) and manifest.source.get("name") == EMBEDDED:
        figures["obeyed"] = obeyed(engines["float16"], pictures, size)
    verdict = judge(figures, floors, kernels, breaches)
    record(bundle, manifest, verdict)
    yield verdict


def judge(
    figures: Mapping[str, Any], floors: Mapping[str, Mapping[str, float]], kernels: tuple[KernelError, ...] = (),
    breaches: tuple[RuleBreach, ...] = (),
) -> Verdict:  # fmt: skip
    """Holds the worst figures of `summarize` against the floors."""
    short = tuple(
        Shortfall(component, precision, db, floors[component][precision])
        for component, worst in figures["psnr"].items()
        if component in floors
        for precision, db in worst.items()
        if db < floors[component][precision]
    )
    bits = figures["weight_bits"]
    bad = short or kernels or any(breach.fatal for breach in breaches)
    outcome = "failed" if bad else "lossy" if bits < LOSSY else "passed"
    rules = sorted({breach.rule for breach in breaches})
    return Verdict(
        outcome, bits, floors, short, kernels, {**figures, "outcome": outcome, "rules_broken": rules}, breaches
    )


def compare(
    component: str, label: str, output: Output, reference: TorchEngine, engines: Mapping[str, MILEngine]
) -> Compared:
    """Compares one output, by torch and by the portable runner in each precision."""
    expected = output(reference)
    return Compared(component, label, {name: psnr(expected, output(engine)) for name, engine in engines.items()})


def compare_tokens(reference: TorchEngine, engines: Mapping[str, MILEngine]) -> Compared:
    """Compares the embedding of every token of the vocabulary; the figure is that of the one that fares worst."""
    table = reference.merged("text_encoder")[TOKEN_TABLE].copy(torch.float32)
    worst = {
        name: min((psnr(table[i], row) for i, row in enumerate(engine.token_embeddings(len(table)))), default=math.inf)
        for name, engine in engines.items()
    }
    return Compared(TOKENS, f"each of {len(table)} tokens", worst)


# ---- What is compared -----------------------------------------------------------------------------------------------


def probes(manifest: Manifest, reference: TorchEngine) -> Iterator[tuple[str, str, Output]]:
    """Yields (component, what, output) for what the bundle holds, on its first size; the UNet once on each other one as
    well.
    """
    random = torch.Generator().manual_seed(SEED)
    held, facts = manifest.components, reference.facts
    W, H = manifest.sizes[0]
    shape = (facts.latent_channels, H // facts.downscale, W // facts.downscale)
    if "text_encoder" in held:
        for prompt in PROMPTS:
            yield "text_encoder", repr(prompt), _encoded(prompt)
    if UNETS[0] in held or UNETS[1] in held:
        context = condition(reference, ["", PROMPTS[0]], None).cond  # (2, 77, D)
        for t in TIMESTEPS:
            x = torch.randn(2, facts.in_channels, *shape[1:], generator=random)
            yield "unet", f"t = {t}", _predicted(x, t, context)
        for width, height in manifest.sizes[1:]:
            x = torch.randn(2, facts.in_channels, height // facts.downscale, width // facts.downscale, generator=random)
            yield "unet", f"t = {TIMESTEPS[-1]} at {width}x{height}", _predicted(x, TIMESTEPS[-1], context)
    yield from control_probes(manifest, reference, PROMPTS[0], TIMESTEPS, random)
    image, noise = _image(H, W, random), torch.randn(1, *shape, generator=random)
    if "vae_encoder" in held:
        yield "vae_encoder", "an image", lambda e: e.encode(image, noise)
    if "vae_decoder" in held:
        z = reference.encode(image, noise)
        yield "vae_decoder", "its latent", lambda e: e.decode(z)
        yield "vae_decoder", "noise", lambda e: e.decode(noise)
    if "safety_checker" in held:
        pixels = ((image[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
        yield "safety_checker", "scores", lambda e: _scores(e, pixels)


def count_outputs(manifest: Manifest, picture: bool = True) -> int:
    """Returns about how many figures `verify` tells, its verdict among them; `probes` lists them."""
    held = {_network(name) for name in manifest.components}
    of_unets = {"unet": len(TIMESTEPS) + len(manifest.sizes[1:]), "controlled_unet": len(TIMESTEPS)}
    each = {"text_encoder": len(PROMPTS), **of_unets, "vae_decoder": 2}
    return sum(each.get(name, 1) for name in held) + (picture and draws(manifest)) + 1


def _network(component: str) -> str:
    """Returns what two chunks are together, and every other component is itself."""
    return component.partition("_chunk")[0]


def _encoded(prompt: str) -> Output:
    return lambda engine: condition(engine, [prompt], None).cond


def _predicted(x: Tensor, t: int, context: Tensor) -> Output:
    return lambda engine: engine.predict(UNetInputs(x, torch.full((len(x),), float(t)), context))


def _image(H: int, W: int, random: torch.Generator) -> Tensor:
    """Draws smooth shapes with some grain, (1, 3, H, W) in [-1, 1]."""
    shapes = torch.randn(1, 3, 8, 8, generator=random)
    smooth = torch.nn.functional.interpolate(shapes, (H, W), mode="bicubic")
    return (smooth + 0.05 * torch.randn(1, 3, H, W, generator=random)).clamp(-1, 1)


@torch.inference_mode()
def _scores(engine: Any, pixels: np.ndarray) -> Tensor:
    """Returns how far above each concept's threshold, without the caution that special-care concepts add."""
    if isinstance(engine, MILEngine):
        return engine.concept_scores(pixels)
    checker = open_checker(engine.checkpoint.safety_checker)
    concepts, special = checker(prepare(pixels, checker.image_size)[None])
    near = (special > checker.special_care_embeds_weights).any()
    return (concepts - checker.concept_embeds_weights + 0.01 * near)[0]


# ---- Where it strays ----------------------------------------------------------------------------------------------


RUNS: dict[str, tuple[str, Callable[[Any, Mapping[str, Tensor]], Any]]] = {
    "TextEncoder": ("text_encoder", lambda network, inputs: network(inputs["input_ids"].long())),
    "Unet": ("unet", lambda network, inputs: _run_unet(network, inputs)),
    "UnetChunk1": ("unet", lambda network, inputs: _run_unet(network, inputs)),
    "VAEEncoder": ("vae", lambda network, inputs: network.encode(inputs["x"])),
    "VAEDecoder": ("vae", lambda network, inputs: network.decode(inputs["z"])),
}
"""By package: the stage of torch's network, and how that is run on what the package is given."""


def _run_unet(network: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    context = inputs["encoder_hidden_states"].squeeze(2).transpose(1, 2)  # (B, 77, D)
    return network(inputs["sample"], inputs["timestep"], context)


class _Tracing(MILEngine):
    """Compares each package it runs: its half-precision run with its float32 run, and that with torch's layers."""

    def __init__(self, folder: Path, reference: TorchEngine, floor: float) -> None:
        super().__init__(folder)
        self.reference = reference
        self.floor = floor
        self.stray: Drift | None = None
        self._expected: Mapping[str, Tensor] = {}

    def open_model(self, package: Package, function: str) -> Model:
        runner = Runner(package, function, "float32")

        def run(inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            if self.stray is None:
                self.stray = self._rounding(package, function, inputs) or self._layer(package, function, inputs)
            return runner(inputs)

        return run

    def _rounding(self, package: Package, function: str, inputs: Mapping[str, Tensor]) -> Drift | None:
        drifts = list(drift(package, function, inputs))
        strays = (origin(drifts, name, self.floor) for name in package.function(function).outputs)
        return next((stray for stray in strays if stray), None)

    def _layer(self, package: Package, function: str, inputs: Mapping[str, Tensor]) -> Drift | None:
        if package.path.stem in RUNS:  # a second chunk goes on with what the first one's layers were compared to
            stage, run = RUNS[package.path.stem]
            scaled = inputs
            if package.path.stem == "VAEDecoder":  # torch's decoder takes latents of the model's own scale
                factor = self._latent_factor("vae_decoder") / self.facts.scaling_factor
                scaled = {**inputs, "z": inputs["z"] * factor}
            network = _plain(self.reference, stage)
            self._expected = layer_results(network, lambda network: run(network, scaled))
        return stray_layer(package, function, inputs, self._expected, self.floor)


def _plain(reference: TorchEngine, stage: str) -> torch.nn.Module:
    """Returns the network as it was defined, without what the engine does to make it fast."""
    network = NETWORKS[stage](reference.checkpoint.configs[stage])
    load_into(network, reference.merged(stage), torch.float32)
    return network.eval()


def find_stray(bundle: Path, output: Output, reference: TorchEngine, floor: float) -> Drift | None:
    """Returns where an output begins to be under the floor: an operation that rounding brings there, or else the first layer
    whose result is not torch's. None where neither is found.
    """
    engine = _Tracing(bundle, reference, floor)
    output(engine)
    return engine.stray


# ---- What it comes to ---------------------------------------------------------------------------------------------


def component_bits(bundle: Path, manifest: Manifest) -> dict[str, int]:
    """Bits of the narrowest weights by component, the UNet's chunks as one: 16 where none are compressed."""
    widths: dict[str, int] = {}
    for name, part in manifest.components.items():
        package = Package.open(inside(bundle, part.file))
        component = _network(name)
        narrowest = min(inspect(package, function).bits for function in package.functions)
        widths[component] = min(narrowest, widths.get(component, 16))
    if "text_encoder" in widths:
        widths[TOKENS] = 16  # embeddings are never compressed
    return widths


def holds_halves(reference: TorchEngine, component: str) -> bool:
    """Returns whether the checkpoint's own weights are of 16 bits, so that a package's are the very same numbers. A VAE's
    are not where another factor of latents is folded into its outer convolutions, which rounds those once more; nor are those of
    a network with LoRAs, which torch adds in float32 and keeps like that."""
    stage = {TOKENS: "text_encoder", "vae_encoder": "vae", "vae_decoder": "vae"}.get(component, component)
    folded = stage == "vae" and reference.facts.scaling_factor != FACTOR
    if folded or stage not in reference.checkpoint.components:
        return False
    tensors = reference.merged(stage).values()
    return all(tensor.dtype == torch.float16 and not isinstance(tensor, MergedTensor) for tensor in tensors)


def _wrong_kernels(bundle: Path, manifest: Manifest, reference: TorchEngine) -> Iterator[KernelError]:
    for name, part in manifest.components.items():
        stage = next((stage for stage, names in PACKAGES.items() if name in names), name)
        if stage in NETWORKS:
            yield from compare_weights(Package.open(inside(bundle, part.file)), reference.merged(stage))


def summarize(results: Sequence[Compared], bits: int, measured_by: str = "portable runner") -> dict[str, Any]:
    """Returns the worst figure of each component, for the manifest."""
    worst: dict[str, dict[str, float]] = {}
    for result in results:
        figures = worst.setdefault(result.component, {})
        figures |= {name: min(_finite(db), figures.get(name, math.inf)) for name, db in result.psnr.items()}
    return {"psnr": worst, "weight_bits": bits, "measured_by": measured_by}


def _finite(db: float) -> float:
    """JSON has no infinities: equal outputs count as 200 dB, ones that are not numbers as -200."""
    return round(min(max(db, -200.0), 200.0), 2)


def record(bundle: Path, manifest: Manifest, verdict: Verdict) -> None:
    """Writes the figures into the manifest, those of a component beside it as well. Raises OutputError."""
    worst = verdict.figures["psnr"]
    measured = {name: _network(name) for name in manifest.components}
    parts = {
        name: replace(part, figures={**part.figures, "psnr": worst[measured[name]]})
        if measured[name] in worst
        else part
        for name, part in manifest.components.items()
    }
    replace(manifest, components=parts, figures={**manifest.figures, **verdict.figures}).write(bundle)


def release(*engines: Engine) -> None:
    for engine in engines:
        for component in Component:
            engine.release(component)
