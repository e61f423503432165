"""The CLIP ViT-L/14 text transformer (Radford et al. 2021), equal to transformers' CLIPTextModel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.config import TextConfig

Replacements = Sequence[tuple[int, int, Tensor]]


def quick_gelu(x: Tensor) -> Tensor:
    """Returns `x * sigmoid(1.702 x)`, the GELU approximation OpenAI's CLIP was trained with."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"quick_gelu": quick_gelu, "gelu": F.gelu}


class Embedding(nn.Embedding):
    """torch's, without random values on the meta device, which would import 80 MB of torch's compiler."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()


class Embeddings(nn.Module):
    """Token plus position embedding. Positions are an arange made on the spot: files are known to corrupt theirs."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = Embedding(config.max_position_embeddings, config.hidden_size)

    def forward(self, ids: Tensor, replacements: Replacements = ()) -> Tensor:
        tokens = self.token_embedding(ids)  # (B, T, C)
        for row, position, vectors in replacements:
            tokens[row, position : position + len(vectors)] = vectors.to(tokens)
        return tokens + self.position_embedding.weight[: ids.shape[1]]


class SelfAttention(nn.Module):
    """Causal multi-head attention (B, T, C) -> (B, T, C)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        width = config.hidden_size
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (p(x).view(B, T, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, heads, T, T), small enough to hold everywhere
        past = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
        scores = scores.float().masked_fill(~past, float("-inf"))
        out = scores.softmax(-1).to(v.dtype) @ v  # (B, heads, T, D)
        return self.out_proj(out.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    """Two linear layers with the configured GELU between."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.hidden_act]
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(x)))


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.self_attn = SelfAttention(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList([EncoderLayer(config) for _ in range(config.num_hidden_layers)])


class TextTransformer(nn.Module):
    """Embeddings, layers, final norm."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, ids: Tensor, skip: int, replacements: Replacements) -> Tensor:
        x = self.embeddings(ids, replacements)
        layers = self.encoder.layers
        for layer in list(layers)[: len(layers) - skip]:
            x = layer(x)
        return self.final_layer_norm(x)


class CLIPText(nn.Module):
    """Token ids (B, 77) -> context (B, 77, 768). `skip` leaves out that many last layers: A1111's clip skip minus 1.

    `replacements` (row, position, vectors (n, 768)) put learned vectors over the token embeddings from there on.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        config.check_widths()
        self.config = config
        self.text_model = TextTransformer(config)

    def forward(self, ids: Tensor, skip: int = 0, replacements: Replacements = ()) -> Tensor:
        return self.text_model(ids, skip, replacements)
