"""What the converter writes is what a program may hold, operator for operator."""

from __future__ import annotations

import json

import pytest
import torch
import torch.nn.functional as F

from converters.graph_passes import Setting, copy_for_convolutions, drop_checks, fold_constants, rewrite
from converters.graph_trace import STAGES, inputs, trace
from sdedge.engines.graph.operators import ARITHMETIC, OPERATORS
from sdedge.engines.graph.program import to_json
from sdedge.engines.protocol import ModelFacts
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from tests.converters.programs import Function, program_of, setting_of

FACTS = ModelFacts("small", 64, 64, 8, 4, context_width=16)
TEXT = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
KINDS = {"placeholder", "get_attr", "output"}


def _networks() -> list[tuple[str, torch.nn.Module]]:
    shape = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
    unet = UNet(UNetConfig(**shape, cross_attention_dim=16, attention_head_dim=2))
    vae = VAE(VAEConfig(block_out_channels=(4, 8, 8, 8), layers_per_block=1, norm_num_groups=4))
    texts = [CLIPText(TextConfig(**TEXT, hidden_act=name)) for name in ("quick_gelu", "gelu")]
    return [
        *(("text_encoder", program) for program in texts),
        ("unet", unet),
        ("vae_encoder", vae),
        ("vae_decoder", vae),
    ]


def _operators(graph: torch.fx.Graph) -> set[str]:
    return {record[1] for record in json.loads(to_json(graph))["nodes"]} - KINDS


@pytest.mark.slow
def test_the_converter_writes_every_operator_of_the_table_and_no_other():
    x, w = torch.ones(2, 5, 6, 3), torch.ones(4, 3, 1, 1)
    strided = program_of(Function(lambda m, x: F.conv2d(x.permute(0, 3, 1, 2), m.w), w=w), x)
    written = _operators(copy_for_convolutions(strided, setting_of([x])).graph)  # no v1 network needs it so far
    for stage, network in _networks():
        least = inputs(stage, FACTS, 2, 64, 64)
        most = inputs(stage, FACTS, 2, 512, 512, tokens=308)
        program = trace(stage, network.half().eval(), FACTS, 2)
        for budget in (2**20, 2**28):  # in parts, and whole
            setting = Setting(least, most, budget, terms=2**11)
            graph = rewrite(fold_constants(drop_checks(_copy(program), setting), setting), setting).graph
            written |= _operators(graph)
    assert written == OPERATORS.keys() | ARITHMETIC.keys()
    assert set(STAGES) == {stage for stage, _ in _networks()}


def _copy(program):
    graph = torch.fx.Graph()
    graph.output(graph.graph_copy(program.graph, {}))
    return type(program)(graph, program.weights)
