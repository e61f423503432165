"""Random upscalers, the names their files have, and a plain referee of the papers' architectures over a state dict."""

from __future__ import annotations

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.models.upscaler_config import RRDBConfig, UpscalerConfig
from sdedge.models.upscalers import upscaler

State = dict[str, Tensor]
TINY = RRDBConfig(8, 2, 4)


def random_state(config: UpscalerConfig, seed: int = 0) -> State:
    torch.manual_seed(seed)
    return {name: tensor.detach().clone() for name, tensor in upscaler(config).state_dict().items()}


def old_names(state: State, config: RRDBConfig) -> State:
    """A state under the names of ESRGAN's first files, which number the layers through."""
    ups = {f"conv_up{i + 1}": f"model.{3 * (i + 1)}" for i in range(config.doublings)}
    after = 3 * config.doublings + 2
    layers = {"conv_first": "model.0", "conv_body": f"model.1.sub.{config.blocks}", **ups, "conv_hr": f"model.{after}",
              "conv_last": f"model.{after + 2}"}  # fmt: skip
    named = {}
    for name, tensor in state.items():
        layer, _, kind = name.rpartition(".")
        block = re.fullmatch(r"body\.(\d+)\.rdb(\d)\.conv(\d)", layer)
        renamed = f"model.1.sub.{block[1]}.RDB{block[2]}.conv{block[3]}.0" if block else layers[layer]
        named[f"{renamed}.{kind}"] = tensor
    return named


def second_names(state: State) -> State:
    """A state under the names of ESRGAN's second files."""
    table = {
        r"^body\.": "RRDB_trunk.",
        r"\.rdb": ".RDB",
        "^conv_body": "trunk_conv",
        "^conv_up": "upconv",
        "^conv_hr": "HRconv",
    }
    named = {}
    for name, tensor in state.items():
        for ours, theirs in table.items():
            name = re.sub(ours, theirs, name)
        named[name] = tensor
    return named


def rrdbnet(state: State, x: Tensor, unshuffle: int = 1) -> Tensor:
    """RRDBNet as its paper draws it, by Real-ESRGAN's names."""

    def conv(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    def lrelu(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    def dense(x: Tensor, name: str) -> Tensor:
        x1 = lrelu(conv(x, f"{name}.conv1"))
        x2 = lrelu(conv(torch.cat((x, x1), 1), f"{name}.conv2"))
        x3 = lrelu(conv(torch.cat((x, x1, x2), 1), f"{name}.conv3"))
        x4 = lrelu(conv(torch.cat((x, x1, x2, x3), 1), f"{name}.conv4"))
        return conv(torch.cat((x, x1, x2, x3, x4), 1), f"{name}.conv5") * 0.2 + x

    feat = first = conv(F.pixel_unshuffle(x, unshuffle), "conv_first")
    block = 0
    while f"body.{block}.rdb1.conv1.weight" in state:
        out = feat
        for k in (1, 2, 3):
            out = dense(out, f"body.{block}.rdb{k}")
        feat, block = out * 0.2 + feat, block + 1
    feat = first + conv(feat, "conv_body")
    up = 1
    while f"conv_up{up}.weight" in state:
        feat = lrelu(conv(feat.repeat_interleave(2, 2).repeat_interleave(2, 3), f"conv_up{up}"))
        up += 1
    return conv(lrelu(conv(feat, "conv_hr")), "conv_last")


def srvgg(state: State, x: Tensor, scale: int) -> Tensor:
    """SRVGGNetCompact: convolutions and PReLU in turn, and the input's nearest pixels."""
    layers = sorted({int(name.split(".")[1]) for name in state})
    out = x
    for i in layers:
        weight = state[f"body.{i}.weight"]
        if weight.ndim == 4:
            out = F.conv2d(out, weight, state[f"body.{i}.bias"], padding=1)
        else:
            out = torch.where(out > 0, out, out * weight[None, :, None, None])
    return F.pixel_shuffle(out, scale) + x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
