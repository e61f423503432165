"""From our networks to programs of aten operators, by torch.export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, export

from sdedge.engines.graph.program import Program
from sdedge.engines.protocol import ModelFacts
from sdedge.models.attention import sdpa, set_attention
from sdedge.models.clip import CLIPText
from sdedge.models.vae import VAE

UNIT = 64  # pixels: sides are multiples of it, so that every level of the UNet has whole cells
TOKENS = 77
LONGEST = 4  # times 77 tokens: the longest prompt a program reads


class TextProgram(nn.Module):
    """Token ids (1, 77), vectors (1, 77, D) that stand in where `replaced` (1, 77, 1) is true -> two contexts.

    The contexts (1, 77, D) are that of all layers and that without the last one (clip skip).
    """

    def __init__(self, text: CLIPText) -> None:
        super().__init__()
        self.text_model = text.text_model

    def forward(self, ids: Tensor, vectors: Tensor, replaced: Tensor) -> tuple[Tensor, Tensor]:
        model = self.text_model
        tokens = torch.where(replaced, vectors, model.embeddings.token_embedding(ids))
        x = tokens + model.embeddings.position_embedding.weight
        *layers, last = model.encoder.layers
        for layer in layers:
            x = layer(x)
        return model.final_layer_norm(last(x)), model.final_layer_norm(x)


class EncoderProgram(nn.Module):
    """Image (1, 3, H, W) in [-1, 1] -> mean and log variance of its latent, each (1, 4, h, w), unscaled."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.encoder, self.quant_conv = vae.encoder, vae.quant_conv

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.quant_conv(self.encoder(image)).chunk(2, dim=1)
        return mean, logvar.clamp(-30.0, 20.0)


class DecoderProgram(nn.Module):
    """Unscaled latent (1, 4, h, w) -> image (1, 3, H, W), about [-1, 1]."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.decoder, self.post_quant_conv = vae.decoder, vae.post_quant_conv

    def forward(self, latent: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(latent))


@dataclass(frozen=True)
class GraphComponent:
    """One network of a bundle: which module it is made from, and its inputs by name at a size in pixels."""

    network: str
    wrap: Callable[..., nn.Module]
    inputs: Callable[[ModelFacts, int, int, int], dict[str, tuple[int, ...]]]
    """(facts, batch, width, height) -> shapes; everything is of the program's own dtype but for `types`."""
    outputs: tuple[str, ...]
    cells: dict[str, int]
    """Inputs whose last two dimensions vary, with the multiple of UNIT-pixel cells they are."""


def _text_inputs(facts: ModelFacts, batch: int, width: int, height: int) -> dict[str, tuple[int, ...]]:
    return {"ids": (1, TOKENS), "vectors": (1, TOKENS, facts.context_width), "replaced": (1, TOKENS, 1)}


def _unet_inputs(facts: ModelFacts, batch: int, width: int, height: int) -> dict[str, tuple[int, ...]]:
    latent = (batch, facts.in_channels, height // facts.downscale, width // facts.downscale)
    return {"x": latent, "t": (batch,), "context": (batch, TOKENS, facts.context_width)}


def _image_inputs(facts: ModelFacts, batch: int, width: int, height: int) -> dict[str, tuple[int, ...]]:
    return {"image": (1, 3, height, width)}


def _latent_inputs(facts: ModelFacts, batch: int, width: int, height: int) -> dict[str, tuple[int, ...]]:
    return {"latent": (1, facts.latent_channels, height // facts.downscale, width // facts.downscale)}


TYPES = {"ids": torch.int64, "replaced": torch.bool, "t": torch.float32}
STAGES = {
    "text_encoder": GraphComponent("text_encoder", TextProgram, _text_inputs, ("context", "skipped"), {}),
    "unet": GraphComponent("unet", nn.Sequential, _unet_inputs, ("eps",), {"x": 8}),
    "vae_encoder": GraphComponent("vae", EncoderProgram, _image_inputs, ("mean", "logvar"), {"image": 64}),
    "vae_decoder": GraphComponent("vae", DecoderProgram, _latent_inputs, ("image",), {"latent": 8}),
}


def inputs(
    stage: str, facts: ModelFacts, batch: int, width: int, height: int, dtype: torch.dtype = torch.float16,
    device: str = "meta", tokens: int = TOKENS,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Inputs of a stage at a size in pixels, zeros (on "meta" shapes alone). `tokens` is the length of the prompt."""
    shapes = STAGES[stage].inputs(facts, batch, width, height)
    if "context" in shapes:
        shapes["context"] = (batch, tokens, facts.context_width)
    return tuple(torch.zeros(shape, dtype=TYPES.get(name, dtype), device=device) for name, shape in shapes.items())


def trace(stage: str, network: nn.Module, facts: ModelFacts, batch: int) -> Program:
    """Returns the program of one of our networks; heights, widths and the length of the prompt stay symbols in it.

    The network's parameters become the program's weights, not copied.
    """
    what = STAGES[stage]
    set_attention(network, sdpa)
    module = network if what.wrap is nn.Sequential else what.wrap(network)
    dtype = next(module.parameters()).dtype
    # Two different sides, so that height and width are not taken for one; none of one unit, since torch.export takes
    # sizes of 1 for constants; and more tokens than one prompt's.
    example = inputs(stage, facts, batch, 2 * UNIT, 3 * UNIT, dtype, "cpu", 2 * TOKENS)
    with torch.no_grad():
        exported = export(module.eval(), example, dynamic_shapes=_dimensions(what, facts))
    return plain(exported.module(check_guards=False))


def _dimensions(what: GraphComponent, facts: ModelFacts) -> dict[str, object]:
    height, width, tokens = (Dim(side, min=2) for side in ("height", "width", "tokens"))
    dimensions: dict[str, object] = dict.fromkeys(what.inputs(facts, 1, UNIT, UNIT))
    dimensions |= {name: {2: cells * height, 3: cells * width} for name, cells in what.cells.items()}
    return dimensions | ({"context": {1: tokens}} if "context" in dimensions else {})


def plain(module: fx.GraphModule) -> Program:
    """Returns the graph without torch.export's checks and containers: the graph's output is a flat tuple."""
    graph = fx.Graph()
    values: dict[fx.Node, fx.Node] = {}
    for node in module.graph.nodes:
        if node.op == "output":
            graph.output(tuple(values[source] for source in node.all_input_nodes))
        elif node.op == "placeholder" or node.op == "get_attr" or node.op == "call_function":
            values[node] = graph.node_copy(node, values.__getitem__)
    weights = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    used = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    return Program(graph, {name: weight.detach() for name, weight in weights.items() if name in used})
