"""A graph bundle of a few small programs that use every operator a program may have, written in a moment."""

from __future__ import annotations

import json
import operator
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, fx

from sdedge.engines.graph.bundle import PROGRAM, WEIGHTS, fingerprint, input_shapes, output_shapes
from sdedge.engines.graph.program import to_json
from sdedge.engines.protocol import ModelFacts
from sdedge.images.preview import V1_ROWS
from sdedge.library.manifest import NAME, BundleComponent, Manifest, Port

aten = torch.ops.aten
RESOURCES = Path(__file__).parents[1] / "resources" / "models" / "pocket"
FACTS = ModelFacts("small", 64, 64, 8, 4, context_width=8, preview=V1_ROWS)
DTYPES = {"ids": "int64", "replaced": "bool", "t": "float32"}
PORTS = {
    "text_encoder": ("context", "skipped"),
    "unet": ("eps",),
    "vae_encoder": ("mean", "logvar"),
    "vae_decoder": ("image",),
}


class Writer:
    """Writes a graph: calls, and weights by name."""

    def __init__(self) -> None:
        self.graph, self.weights = fx.Graph(), dict[str, Tensor]()
        self._random = torch.Generator().manual_seed(7)

    def weight(self, name: str, *shape: int, dtype: torch.dtype = torch.float16) -> fx.Node:
        self.weights[name] = (torch.randn(*shape, generator=self._random) * 0.3).to(dtype)
        return self.graph.create_node("get_attr", name)

    def __call__(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> fx.Node:
        return self.graph.call_function(target, args, kwargs)


def _text_encoder(w: Writer, ids: fx.Node, vectors: fx.Node, replaced: fx.Node) -> tuple[fx.Node, ...]:
    x = w(aten.embedding.default, w.weight("tokens", 900, 8), ids)
    x = w(aten.add.Tensor, w(aten.where.self, replaced, vectors, x), w.weight("positions", 77, 8))
    scale = (w.weight("norm.scale", 8, dtype=torch.float32), w.weight("norm.shift", 8, dtype=torch.float32))
    h = w(aten.layer_norm.default, w(aten.to.dtype, x, torch.float32), [8], *scale, 1e-5, False)
    joined = w(aten.linear.default, w(aten.to.dtype, h, torch.float16), w.weight("qkv", 24, 8))
    parts = w(aten.split_with_sizes.default, joined, [8, 8, 8], -1)
    q, k, v = (
        w(aten.transpose.int, w(aten.view.default, w(operator.getitem, parts, i), [1, 77, 2, -1]), 1, 2)
        for i in range(3)
    )
    scores = w(aten.matmul.default, w(aten.mul.Tensor, q, 0.5), w(aten.transpose.int, k, 2, 3))
    scores = w(aten.to.dtype, scores, torch.float32)
    w.weights["mask"] = torch.ones(77, 77).triu(1) > 0
    scores = w(aten.masked_fill.Scalar, scores, w.graph.create_node("get_attr", "mask"), -float("inf"))
    attended = w(aten.matmul.default, w(aten.to.dtype, w(aten.softmax.int, scores, -1), torch.float16), v)
    x = w(aten.add.Tensor, x, w(aten.reshape.default, w(aten.transpose.int, attended, 1, 2), [1, 77, 8]))
    gate = w(aten.sigmoid.default, w(aten.mul.Tensor, x, 1.702))
    return w(aten.mul.Tensor, x, gate), x


def _unet(w: Writer, x: fx.Node, t: fx.Node, context: fx.Node) -> tuple[fx.Node, ...]:
    angles = w(aten.mul.Tensor, w(aten.unsqueeze.default, t, 1), w.weight("waves", 1, 4, dtype=torch.float32))
    waves = w(aten.cat.default, [w(aten.cos.default, angles), w(aten.sin.default, angles)], -1)
    time = w(aten.silu.default, w(aten.linear.default, w(aten.to.dtype, waves, torch.float16), w.weight("time", 8, 8)))
    h = w(aten.conv2d.default, x, w.weight("in", 8, 4, 3, 3), w.weight("in.bias", 8), [1, 1], [1, 1])
    h = w(aten.add.Tensor, h, w(aten.unsqueeze.default, w(aten.unsqueeze.default, time, 2), 3))
    halves, scale = w(aten.split.Tensor, h, 4, 1), w.weight("norm", 4, dtype=torch.float32)
    wide = [w(aten.to.dtype, w(operator.getitem, halves, i), torch.float32) for i in range(2)]
    normed = [w(aten.group_norm.default, half, 2, scale, scale) for half in wide]
    h = w(aten.to.dtype, w(aten.cat.default, normed, 1), torch.float16)
    rows = w(operator.mul, w(aten.sym_size.int, h, 2), w(aten.sym_size.int, h, 3))
    q = w(aten.reshape.default, w(aten.permute.default, h, [0, 2, 3, 1]), [2, rows, 8])
    k = w(aten.linear.default, context, w.weight("keys", 8, 8))
    q, k = (
        w(aten.flatten.using_ints, w(aten.transpose.int, w(aten.view.default, tensor, [2, n, 2, 4]), 1, 2), 0, 1)
        for tensor, n in ((q, rows), (k, w(aten.sym_size.int, context, 1)))
    )
    wide_q, wide_k = (w(aten.to.dtype, tensor, torch.float32) for tensor in (q, k))
    scores = w(aten.bmm.default, wide_q, w(aten.transpose.int, wide_k, 1, 2))
    hidden = w(aten.bmm.default, w(aten.to.dtype, w(aten.softmax.int, scores, -1), torch.float16), k)
    hidden = w(aten.transpose.int, w(aten.unflatten.int, hidden, 0, (2, 2)), 1, 2)
    wide = w(aten.linear.default, w(aten.reshape.default, hidden, [2, rows, 8]), w.weight("wide", 16, 8))
    value, gate = (w(operator.getitem, w(aten.chunk.default, wide, 2, -1), i) for i in range(2))
    hidden = w(aten.mul.Tensor, value, w(aten.gelu.default, gate))
    size = (w(aten.sym_size.int, x, 2), w(aten.sym_size.int, x, 3))
    hidden = w(aten.permute.default, w(aten.reshape.default, hidden, [2, *size, 8]), [0, 3, 1, 2])
    hidden = w(aten.clone.default, hidden, memory_format=torch.contiguous_format)
    return (w(aten.conv2d.default, w(aten.add.Tensor, h, hidden), w.weight("out", 4, 8, 1, 1)),)


def _vae_encoder(w: Writer, image: fx.Node) -> tuple[fx.Node, ...]:
    x = w(aten.conv2d.default, w(aten.pad.default, image, [0, 1, 0, 1]), w.weight("in", 8, 3, 8, 8), None, [8, 8])
    mean, logvar = (w(operator.getitem, w(aten.chunk.default, x, 2, 1), i) for i in range(2))
    return mean, w(aten.clamp.default, logvar, -30.0, 20.0)


def _vae_decoder(w: Writer, latent: fx.Node) -> tuple[fx.Node, ...]:
    image_size = [w(operator.mul, w(aten.sym_size.int, latent, dim), 8) for dim in (2, 3)]
    large = w(aten.upsample_nearest2d.vec, latent, image_size, None)
    return (w(aten.conv2d.default, large, w.weight("out", 3, 4, 3, 3), None, [1, 1], [1, 1]),)


NETWORKS: dict[str, Callable[..., tuple[fx.Node, ...]]] = {
    "text_encoder": _text_encoder, "unet": _unet, "vae_encoder": _vae_encoder, "vae_decoder": _vae_decoder,
}  # fmt: skip


def write_bundle(folder: Path) -> Path:
    """A whole bundle for pictures of 64 to 128 pixels."""
    parts = {name: _write(folder / name, name) for name in NETWORKS}
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(next(RESOURCES.rglob(name)), folder / name)
    recipe = {"least": 64, "most": 128, "budget": 16, "batch": 2, "dtype": "fp16", "loras": [], "tokens": 308}
    source = {"name": "small", "sha256": "0" * 64, "loras": [], "path": "/nowhere"}
    versions = {"torch": torch.__version__, "sdedge": "0.1.0"}
    facts = json.loads(json.dumps(FACTS.to_json()))
    Manifest("graph", "small", parts, ((64, 64), (128, 128)), recipe, source, facts, {}, versions).write(folder)
    return folder


def _write(folder: Path, name: str) -> BundleComponent:
    w, wanted = Writer(), input_shapes(name, FACTS, 2, 64, 64, 77)
    w.graph.output(NETWORKS[name](w, *(w.graph.placeholder(key) for key in wanted)))
    folder.mkdir(parents=True)
    (folder / PROGRAM).write_text(to_json(w.graph))
    save_file(w.weights, folder / WEIGHTS)
    figures = {
        "psnr": {"float16": 80.0}, "operators": len(w.graph.nodes), "attention_budget": 2**24,
        "fingerprints": fingerprints(folder), "peak_bytes": {"64x64": 10**6, "128x128": 4 * 10**6}, "largest": {"4": 128},
    }  # fmt: skip
    made = output_shapes(name, FACTS, 2, 64, 64)
    ports = (
        {key: Port(shape, DTYPES.get(key, "float16")) for key, shape in wanted.items()},
        {key: Port(shape, "float16") for key, shape in zip(PORTS[name], made, strict=True)},
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    return BundleComponent(name, *ports, size, "0" * 64, figures)


def fingerprints(folder: Path) -> dict[str, str]:
    return {name: fingerprint(folder / name) for name in (PROGRAM, WEIGHTS)}


def rewrite(bundle: Path, component: str, change: Callable[[list[Any]], Any]) -> None:
    """Change a component's nodes in place, or give others, and let the manifest have the new hash, as an attacker would."""
    path = bundle / component / PROGRAM
    nodes = json.loads(path.read_text())["nodes"]
    changed = change(nodes)
    path.write_text(json.dumps({"format": 1, "nodes": nodes if changed is None else changed}))
    sign(bundle, component)


def sign(bundle: Path, component: str) -> None:
    """Put a component's hashes into the manifest."""
    manifest = json.loads((bundle / NAME).read_text())
    manifest["components"][component]["figures"]["fingerprints"] = fingerprints(bundle / component)
    (bundle / NAME).write_text(json.dumps(manifest))
