"""A graph bundle's folder, read with mistrust: what its manifest says, and programs that do what their component does.

The hashes stand in the bundle itself and tell damage, not malice. Whatever the files say, nothing outside the folder is
opened, and a program neither takes more memory nor does more work than a v1 network of its size could.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

from sdedge.engines.bundles import check_tree, recorded_facts
from sdedge.engines.graph.program import Program, read_graph
from sdedge.engines.graph.shapes import Dims, Measured, Misfit, Shape, measure, shape_of
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import ModelError, Remedy
from sdedge.files import inside, open_regular
from sdedge.library.manifest import BundleComponent, Manifest, Port, is_count
from sdedge.text.tokenizer import LENGTH, Tokenizer
from sdedge.weights.files import TensorSource, open_tensors

PROGRAM, WEIGHTS = "program.json", "weights.safetensors"
AGAIN = Remedy.CONVERT_AGAIN
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
COMPONENTS = ("text_encoder", "unet", "vae_encoder", "vae_decoder")
MOST_TOKENS = 64 * LENGTH
SAMPLES, SAMPLE = 64, 4096
_FIXED = {"ids": torch.int64, "replaced": torch.bool, "t": torch.float32}


def fingerprint(path: Path) -> str:
    """Returns the SHA-256 of a file's size, its first megabyte and 64 samples: a second's work, where all of it would take
    many.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open_regular(path) as file:
        digest.update(file.read(2**20))
        for i in range(SAMPLES):
            file.seek(size * i // SAMPLES)
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()


def stored_dtype(manifest: Manifest) -> torch.dtype:
    return DTYPES[manifest.recipe["dtype"]]


def read_bundle(folder: Path) -> tuple[Manifest, ModelFacts]:
    """Returns the manifest of a graph bundle and its model's facts.

    Raises ModelError for a bundle that is damaged or hostile.
    """
    manifest = Manifest.read(folder)
    if manifest.kind != "graph":
        raise ModelError(f"{folder} is a bundle of Core ML packages, not of graphs; {AGAIN}.")
    facts = recorded_facts(manifest)
    if lacking := [name for name in COMPONENTS if name not in manifest.components]:
        raise ModelError(f"The bundle {folder} has no {lacking[0].replace('_', ' ')}; {AGAIN}.")
    if strange := [name for name in manifest.components if name not in (*COMPONENTS, "safety_checker")]:
        raise ModelError(f"The bundle {folder} has an unknown component {strange[0]!r:.80}; {AGAIN}.")
    if fault := _fault(manifest, facts):
        raise ModelError(f"The manifest of the bundle {folder} cannot be right: {fault}; {AGAIN}.")
    check_tree(folder, manifest)
    return manifest, facts


def _fault(manifest: Manifest, facts: ModelFacts) -> str:
    """Returns what is wrong with a manifest, in words; nothing where it could be right."""
    recipe, ((least, least_height), (most, most_height)) = manifest.recipe, (manifest.sizes[0], manifest.sizes[-1])
    unit = 8 * facts.downscale
    if (
        len(manifest.sizes) != 2
        or least != least_height
        or most != most_height
        or least > most
        or least % unit
        or most % unit
    ):
        return "its sizes are not the smallest and the largest square"
    if recipe.get("batch") not in (1, 2) or isinstance(recipe["batch"], bool):
        return "its batch is neither 1 nor 2"
    if not isinstance(recipe.get("dtype"), str) or recipe["dtype"] not in DTYPES:
        return "its number format is unknown"
    if (tokens := recipe.get("tokens")) not in range(LENGTH, MOST_TOKENS + 1, LENGTH) or not isinstance(tokens, int):
        return f"its longest prompt is no multiple of {LENGTH} tokens up to {MOST_TOKENS}"
    for name in COMPONENTS:
        part = manifest.components[name]
        if fault := _fault_of_ports(name, part, manifest, facts) or _fault_of_figures(part.figures, most):
            return f"{fault} ({name.replace('_', ' ')})"
    return ""


def _fault_of_ports(name: str, part: BundleComponent, manifest: Manifest, facts: ModelFacts) -> str:
    wanted = input_shapes(name, facts, manifest.recipe["batch"], 64, 64, LENGTH)
    if list(part.inputs) != list(wanted) or len(part.outputs) != len(output_shapes(name, facts, 1, 64, 64)):
        return "its inputs and outputs are not those of a v1 network"
    for port, dims in zip(part.inputs.values(), wanted.values(), strict=True):
        if len(port.shape) != len(dims):
            return "an input has other dimensions"
    dtypes = [_dtype(key, stored_dtype(manifest)) for key in wanted]
    if [f"torch.{port.dtype}" for port in part.inputs.values()] != list(map(str, dtypes)):
        return "an input has another number format"
    return ""


def _fault_of_figures(figures: Mapping[str, Any], most: int) -> str:
    prints = figures.get("fingerprints")
    if (
        not isinstance(prints, dict)
        or prints.keys() != {PROGRAM, WEIGHTS}
        or {type(fingerprint) for fingerprint in prints.values()} != {str}
    ):
        return "it lacks its files' hashes"
    peaks, largest = figures.get("peak_bytes"), figures.get("largest")
    if not isinstance(peaks, dict) or f"{most}x{most}" not in peaks or not isinstance(largest, dict):
        return "it lacks its figures of memory"
    pairs = [key.partition("x") for key in peaks]
    if not all(a == b and a.isascii() and a.isdigit() and len(a) < 6 for a, _, b in pairs):
        return "its figures of memory are of no square"
    if not all(is_count(peak, 2**50) for peak in peaks.values()):
        return "its figures of memory are no bytes"
    return (
        ""
        if all(side is None or is_count(side, most) for side in largest.values())
        else "its largest sides are no sides"
    )


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raises ModelError for a bundle from another torch, and for files that are missing or not those of the manifest."""
    made, here = manifest.versions.get("torch", "unknown"), torch.__version__
    if _minor(made) != _minor(here):
        raise ModelError(
            f"The bundle {folder} was made with torch {made:.40}, and this is torch {here}: operators may have changed; {AGAIN}."
        )
    for name in COMPONENTS:
        component = manifest.components[name]
        for file, wanted in component.figures["fingerprints"].items():
            path = inside(folder, f"{component.file}/{file}")
            if not path.is_file():
                raise ModelError(f"The bundle {folder} has lost {component.file}/{file}; copy it again, or {AGAIN}.")
            if fingerprint(path) != wanted:
                raise ModelError(
                    f"{path} is not the file that the bundle was made with (wrong hash of its {name.replace('_', ' ')}); "
                    f"copy it again, or {AGAIN}."
                )


def _minor(version: str) -> list[str]:
    return version.split("+")[0].split(".")[:2]


# ---- Programs -------------------------------------------------------------------------------------------------------


def open_weights(folder: Path, part: BundleComponent) -> TensorSource:
    """Raises ModelError."""
    return open_tensors(inside(folder, f"{part.file}/{WEIGHTS}"))


def open_program(folder: Path, part: BundleComponent, weights: Mapping[str, Tensor]) -> Program:
    """Opens a component's program with these weights. Raises ModelError for one that is damaged or names others."""
    path = inside(folder, f"{part.file}/{PROGRAM}")
    graph = read_graph(path)
    for node in graph.nodes:
        if node.op == "get_attr" and node.target not in weights:
            raise ModelError(f"{path} reads the weight {node.target!r:.80}, which its {WEIGHTS} lacks; {AGAIN}.")
    return Program(graph, weights)


def input_shapes(name: str, facts: ModelFacts, batch: int, width: int, height: int, tokens: int) -> dict[str, Dims]:
    """Returns what a component reads, at a size in pixels."""
    h, w, D = height // facts.downscale, width // facts.downscale, facts.context_width
    shapes: dict[str, dict[str, Dims]] = {
        "text_encoder": {"ids": (1, LENGTH), "vectors": (1, LENGTH, D), "replaced": (1, LENGTH, 1)},
        "unet": {"x": (batch, facts.in_channels, h, w), "t": (batch,), "context": (batch, tokens, D)},
        "vae_encoder": {"image": (1, 3, height, width)},
        "vae_decoder": {"latent": (1, facts.latent_channels, h, w)},
    }
    return shapes[name]


def output_shapes(name: str, facts: ModelFacts, batch: int, width: int, height: int) -> tuple[Dims, ...]:
    """Returns what a component gives, at a size in pixels."""
    h, w, C = height // facts.downscale, width // facts.downscale, facts.latent_channels
    shapes: dict[str, tuple[Dims, ...]] = {
        "text_encoder": ((1, LENGTH, facts.context_width),) * 2,
        "unet": ((batch, C, h, w),),
        "vae_encoder": ((1, C, h, w),) * 2,
        "vae_decoder": ((1, 3, height, width),),
    }
    return shapes[name]


def check_program(
    name: str,
    program: Program,
    facts: ModelFacts,
    dtype: torch.dtype,
    batch: int,
    width: int,
    height: int,
    tokens: int = LENGTH,
) -> Measured:
    """Checks a component's shapes, memory and work at a size, before anything of that size is made.

    Raises ModelError for a program that does not give what its component must, or takes far more than any v1 network.
    """
    shapes = input_shapes(name, facts, batch, width, height, tokens)
    inputs = [Shape(dims, _dtype(key, dtype)) for key, dims in shapes.items()]
    weights = {key: shape_of(weight) for key, weight in program.weights.items()}
    try:
        measured = measure(program.graph, weights, inputs, *_limits(name, width, height, batch))
        results = tuple(output.dims for output in measured.outputs)
        if results != (wanted := output_shapes(name, facts, batch, width, height)):
            raise Misfit(f"it gives {list(map(list, results))!s:.80} and should give {list(map(list, wanted))}")
        if not all(output.dtype.is_floating_point for output in measured.outputs):
            raise Misfit("it gives no fractions")
    except Misfit as error:
        raise ModelError(
            f"The {name.replace('_', ' ')} graph of {facts.name} cannot run ({error!s:.300}); {AGAIN}."
        ) from None
    return measured


def _limits(name: str, width: int, height: int, batch: int) -> tuple[float, float]:
    """Returns bytes at one time and work that are several times those of the largest v1 network of a component at a size.

    Per pixel a VAE's decoder in float32 holds 3 kB and does 5 million multiplications; whole scores of attention are
    (tokens)^2 for each head, of at most 4 GB, which is what a bundle may be converted with at most.
    """
    pixels = 0 if name == "text_encoder" else width * height * batch
    pairs = batch * (pixels / batch / 64) ** 2
    return 2**26 + 2**14 * pixels + min(pairs * 16 * 4 * 3, 3 * 2**32), 2e10 + 1e7 * pixels + 2e4 * pairs


def check_vocabulary(program: Program, tokenizer: Tokenizer, facts: ModelFacts) -> None:
    """Raises ModelError where the vocabulary has ids beyond the text encoder's table."""
    nodes = [node for node in program.graph.nodes if node.target is torch.ops.aten.embedding.default]
    tables = [node.args[0] for node in nodes if isinstance(node.args[0], fx.Node) and node.args[0].op == "get_attr"]
    rows = min((len(program.weights[str(table.target)]) for table in tables), default=0)
    if (highest := max(tokenizer.vocab.values())) >= rows:
        raise ModelError(
            f"The vocabulary of {facts.name} has the id {highest}, and its text encoder knows {rows} tokens; {AGAIN}."
        )


def _dtype(key: str, dtype: torch.dtype) -> torch.dtype:
    return _FIXED.get(key, dtype)


def port_dtype(port: Port) -> torch.dtype:
    """Returns the dtype of an input of a manifest that was read by `read_bundle`."""
    return next(dtype for dtype in (*_FIXED.values(), *DTYPES.values()) if str(dtype) == f"torch.{port.dtype}")
