"""What each LoRA form adds to a weight: the formulas of LoRA and LyCORIS, in float32.

With W the base weight (out, in) or (out, in, h, w), every form is a function `(pieces, W) -> delta` of the shape
(out, in * h * w): a convolution is a matrix whose columns are the flattened kernels. `Patch` reads the pieces from
the file, checks that they fit, and gives the delta the shape of W.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdedge.errors import ModelError
from sdedge.weights.files import LazyTensor

SCALARS = ("alpha", "on_input")
MODIFIERS = ("dora_scale", "magnitude", "rescale", "mid")  # say how to change a weight, and are no change alone

Pieces = Mapping[str, Any]  # Tensor (float32), or float for SCALARS


def low_rank(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of LoRA (Hu et al. 2021) and LoCon: `alpha/r * up @ down`, with `mid` in Tucker form."""
    return _times(_product(p["up"], p["down"], p.get("mid")), _scale(p, p["down"].shape[0]))


def hadamard(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of LoHa (FedPara, Hyeon-Woo et al. 2021): the elementwise product of two low-rank matrices."""
    halves = []
    for i in (1, 2):
        a, b, core = p[f"hada_w{i}_a"], p[f"hada_w{i}_b"], p.get(f"hada_t{i}")
        halves.append(_product(a if core is None else a.mT, b, core))
    return _times(_times(halves[0], halves[1]), _scale(p, p["hada_w1_b"].shape[0]))


def kronecker(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of LoKr (LyCORIS, Yeh et al. 2023): `alpha/r * w1 (x) w2`, either factor whole or low-rank."""
    ranks = []
    w1, w2 = p.get("lokr_w1"), p.get("lokr_w2")
    if w1 is None:
        w1 = p["lokr_w1_a"] @ p["lokr_w1_b"]
        ranks.append(p["lokr_w1_b"].shape[0])
    if w2 is None:
        a, b, core = p["lokr_w2_a"], p["lokr_w2_b"], p.get("lokr_t2")
        w2 = _product(a if core is None else a.mT, b, core)
        ranks.append(b.shape[0])
    # With both factors whole there is no rank to divide by and, as in LyCORIS, alpha has no effect.
    alpha = p.get("alpha")
    scale = alpha / ranks[-1] if alpha and ranks else 1.0
    return scale * torch.kron(w1.contiguous(), w2.flatten(1).contiguous())


def rescaling(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of IA3 (Liu et al. 2022) as LyCORIS stores it: each input or output channel of W times (1 + weight)."""
    axis = 1 if p["on_input"] else 0
    weight = p["weight"].flatten()
    if weight.shape[0] != W.shape[axis]:
        raise RuntimeError(f"{weight.shape[0]} factors for {W.shape[axis]} channels")
    return (W.movedim(axis, -1) * weight).movedim(-1, axis).flatten(1)


def full(p: Pieces, W: Tensor) -> Tensor:
    """Returns the difference as it is stored. It has no rank, so an alpha beside it means nothing and is ignored."""
    return p["diff"]


def norm(p: Pieces, W: Tensor) -> Tensor:
    """Returns the difference of a normalisation layer's scale, which has no rank either."""
    return p["w_norm"]


def generalized(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of GLoRA (Chavan et al. 2023) as LyCORIS stores it: `alpha/r * (W a1 a2 + b1 b2)`.

    The inner product is over inputs. Files from before LyCORIS 2.0 have the factors of each product the other way
    round; their shapes tell.
    """
    a1, a2, b1, b2 = (p[name].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    if b1.shape[0] != W.shape[0]:
        a1, a2, b1, b2 = a2, a1, b2, b1
    a = torch.einsum("oik,ir,rj->ojk", W.reshape(*W.shape[:2], -1), a1, a2).flatten(1)
    return _scale(p, a1.shape[1]) * (a + _product(b1, b2, p.get("bm")))


def orthogonal(p: Pieces, W: Tensor) -> Tensor:
    """Returns the delta of OFT (Qiu et al. 2023), and of BOFT (Liu et al. 2023) for blocks of four axes: `rescale * R W - W`.

    R is made of rotations, Cayley transforms of skew-symmetric blocks. `alpha` limits the angle, it is no scale.
    """
    blocks = p["oft_blocks"]
    Q = blocks - blocks.mT
    limit = (p.get("alpha") or 0.0) * W.shape[0]
    if limit > 0:
        Q = Q * (limit / (Q.norm() + 1e-8)).clamp(max=1)
    identity = torch.eye(Q.shape[-1], device=Q.device)
    R = (identity + Q) @ torch.linalg.inv(identity - Q)
    x = W.flatten(1)
    x = _rotate(R.mT, x) if R.ndim == 3 else _butterfly(R, x)
    rescale = p.get("rescale")
    return (x if rescale is None else x * rescale.flatten(1)) - W.flatten(1)


def _rotate(R: Tensor, x: Tensor) -> Tensor:
    """Returns block-diagonal R (n, b, b) times x (n b, c)."""
    return (R @ x.unflatten(0, R.shape[:2])).flatten(0, 1)


def _butterfly(stages: Tensor, x: Tensor) -> Tensor:
    """Mixes, in each stage (n, b, b), rows that are 2^i b/2 apart."""
    for i, R in enumerate(stages):
        stride = 2**i * R.shape[-1] // 2
        x = x.unflatten(0, (-1, 2, stride)).transpose(1, 2).flatten(0, 2)
        x = _rotate(R, x)
        x = x.unflatten(0, (-1, stride, 2)).transpose(1, 2).flatten(0, 2)
    return x


def decompose(p: Pieces, W: Tensor, delta: Tensor) -> Tensor:
    """Returns the delta of DoRA (Liu et al. 2024): W + delta brought to the stored magnitudes, per output or per input channel.

    LyCORIS's `dora_scale` says which by its shape, (out, 1, ...) or (1, in, ...); peft's magnitudes are per output.
    """
    magnitude = p.get("magnitude")
    by_output = magnitude is not None
    if magnitude is None:
        magnitude = p["dora_scale"]
        by_output = magnitude.ndim < 2 or magnitude.shape[0] != 1 or W.shape[0] == 1
    axis = 0 if by_output else 1
    if magnitude.numel() != W.shape[axis]:
        raise RuntimeError(f"{magnitude.numel()} magnitudes for {W.shape[axis]} channels")
    merged = (W + delta.reshape(W.shape)).movedim(axis, 0)
    rows = merged.flatten(1)
    rows = rows * (magnitude.flatten() / rows.norm(dim=1).clamp(min=1e-12)).unsqueeze(1)
    return rows.reshape(merged.shape).movedim(0, axis).flatten(1) - W.flatten(1)


def _product(up: Tensor, down: Tensor, core: Tensor | None = None) -> Tensor:
    """Returns up (out, r) times down (r, in * k), or with a Tucker core (r, r, h, w) between -> (out, in * h * w)."""
    up, down = up.flatten(1), down.flatten(1)
    if core is None:
        return _matrix_product(up, down)
    return torch.einsum("oi,ijk,jc->ock", up, core.flatten(2), down).flatten(1)


def _matrix_product(a: Tensor, b: Tensor) -> Tensor:
    """Returns `a @ b`. Of tensors without data the shape alone: torch itself would import its compiler, which takes seconds."""
    if not a.is_meta:
        return a @ b
    (rows, inner), (height, columns) = a.shape, b.shape
    if inner != height:
        raise RuntimeError(f"a product of {rows}x{inner} and {height}x{columns}")
    return a.new_empty(rows, columns)


def _times(a: Tensor, b: Tensor | float) -> Tensor:
    """Returns `a * b`, b being of a's shape or a number; of tensors without data the shape alone, as `_matrix_product` does."""
    if not a.is_meta:
        return a * b
    if isinstance(b, Tensor) and a.shape != b.shape:
        raise RuntimeError(f"a product of {list(a.shape)} and {list(b.shape)}, number by number")
    return a


def _scale(p: Pieces, rank: int) -> float:
    return (p.get("alpha") or rank) / rank


@dataclass(frozen=True)
class _Form:
    """A form: its pieces by name, its formula, whether it is made of factors of a rank, and pieces without effect in it."""

    name: str
    pieces: tuple[str, ...]
    formula: Callable[[Pieces, Tensor], Tensor]
    factored: bool = False  # may be of rank 0, and DoRA can decompose it
    ignores: tuple[str, ...] = ()


_FORMS = (
    _Form("LoRA", ("down", "up", "mid"), low_rank, factored=True),
    _Form("LoHa", ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"), hadamard, factored=True),
    _Form("LoKr", ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"), kronecker,
          factored=True),
    _Form("IA3", ("weight", "on_input"), rescaling),
    _Form("full", ("diff",), full, ignores=("alpha",)),
    _Form("norm", ("w_norm",), norm, ignores=("alpha",)),
    _Form("GLoRA", ("a1", "a2", "b1", "b2", "bm"), generalized, factored=True),
    _Form("OFT", ("oft_blocks", "rescale"), orthogonal),
)  # fmt: skip
_FACTORS = {name for form in _FORMS if form.factored for name in form.pieces}
_BEGINNINGS = {name for form in _FORMS for name in form.pieces} - {*MODIFIERS, *SCALARS}
_BIASES = ("diff_b", "b_norm")
_ROWS_AT_ONCE = 4 << 20  # numbers of a large kernel that a low-rank change is computed for at a time


def effective(pieces: Mapping[str, LazyTensor | float]) -> dict[str, LazyTensor | float]:
    """Returns the pieces of a module that change anything: none of a low-rank form of rank 0, none where no form is begun."""
    empty = any(isinstance(pieces[name], LazyTensor) and 0 in pieces[name].shape for name in _FACTORS & pieces.keys())  # type: ignore[union-attr]
    if not _BEGINNINGS.isdisjoint(pieces) and not empty:
        return dict(pieces)
    return {name: piece for name, piece in pieces.items() if name in _BIASES}


class _Recorded(dict[str, Any]):
    """Pieces that remember which of them a formula looked at."""

    def __init__(self, pieces: Mapping[str, Any]) -> None:
        super().__init__(pieces)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@dataclass(frozen=True)
class Patch:
    """What one LoRA does to one module. `stem` is the module's name in the file; SCALARS are read already."""

    stem: str
    pieces: Mapping[str, LazyTensor | float]

    @property
    def form(self) -> str:
        """LoRA, LoHa, LoKr, IA3, full, norm, GLoRA, OFT, or bias when only a bias changes; DoRA counts as its carrier."""
        return self._form.name if self._form else "bias"

    @property
    def _form(self) -> _Form | None:
        return next((form for form in _FORMS if any(name in self.pieces for name in form.pieces)), None)

    @property
    def changes_weight(self) -> bool:
        return self._form is not None

    @property
    def changes_bias(self) -> bool:
        return "diff_b" in self.pieces or "b_norm" in self.pieces

    def delta(self, W: Tensor) -> Tensor:
        """Returns what to add to W at weight 1: float32, of W's shape and on its device. W is not changed."""
        return self._fitted(self._read(W.device), W.float())

    @property
    def reads_weight(self) -> bool:
        """Whether the delta depends on W, and not on its shape alone."""
        is_decomposed = "dora_scale" in self.pieces or "magnitude" in self.pieces
        return is_decomposed or self.form in ("IA3", "GLoRA", "OFT")

    def add_to(self, total: Tensor, W: Tensor, weight: float) -> None:
        """Adds `weight` times the delta of W to `total`, float32 of W's shape.

        Of a low-rank change, which is most, some rows at a time: the largest kernel takes little memory beside itself.
        """
        is_plain = self.form == "LoRA" and not self.reads_weight and "mid" not in self.pieces and total.is_contiguous()
        if not is_plain or total.numel() <= _ROWS_AT_ONCE:
            total.add_(self.delta(W), alpha=weight)
            return
        pieces = self._read(W.device)
        up, down = pieces["up"].flatten(1), pieces["down"].flatten(1)
        scale, rows = _scale(pieces, down.shape[0]), total.view(len(up), -1)
        step = max(1, _ROWS_AT_ONCE // down.shape[1])
        for start in range(0, len(up), step):
            rows[start : start + step].add_((up[start : start + step] @ down).mul_(scale), alpha=weight)

    def bias_delta(self, bias: Tensor) -> Tensor:
        """Returns what to add to the module's bias at weight 1: float32, (out,)."""
        piece = self.pieces["diff_b" if "diff_b" in self.pieces else "b_norm"]
        assert isinstance(piece, LazyTensor)
        return piece.copy(torch.float32, bias.device).reshape(bias.shape)

    def check(self, weight: tuple[int, ...] | None, bias: tuple[int, ...] | None) -> None:
        """Raises ModelError unless the pieces are complete, all understood, and fit a module of these shapes.

        The formula itself is run on tensors without data, so there is no second description of what fits.
        """
        pieces = _Recorded(
            {
                name: torch.empty(piece.shape, device="meta") if isinstance(piece, LazyTensor) else piece
                for name, piece in self.pieces.items()
            }
        )
        if self.changes_weight:
            if weight is None:
                raise ModelError(f"{self.stem} changes a weight that the model's module does not have.")
            self._check_weight(pieces, weight)
        if self.changes_bias:
            name = "diff_b" if "diff_b" in self.pieces else "b_norm"
            if bias is None:
                raise ModelError(f"{self.stem} changes a bias that the model's module does not have.")
            if pieces[name].numel() != math.prod(bias):
                raise ModelError(
                    f"{self.stem} changes a bias of {list(pieces[name].shape)}, the model's is {list(bias)}."
                )
        unread = sorted(set(self.pieces) - pieces.read - set(self._form.ignores if self._form else ()))
        if unread:
            raise ModelError(f"{self.stem} has {_listed(unread)} beside {self.form}, a combination not known here.")

    def _check_weight(self, pieces: _Recorded, weight: tuple[int, ...]) -> None:
        try:
            self._fitted(pieces, torch.empty(weight, device="meta"))
        except KeyError as error:
            raise ModelError(
                f"{self.stem} lacks {error.args[0]}, so its {self.form} is incomplete; get it again."
            ) from None
        except (RuntimeError, IndexError, ZeroDivisionError) as error:
            shapes = ", ".join(f"{n} {list(t.shape)}" for n, t in pieces.items() if isinstance(t, Tensor))
            reason = str(error).partition("\n")[0][:120]
            raise ModelError(
                f"{self.stem} ({shapes}) does not fit the model's weight {list(weight)} ({reason}); "
                "the LoRA was made for another model."
            ) from None

    def _read(self, device: torch.device) -> Pieces:
        return {
            name: piece.copy(torch.float32, device) if isinstance(piece, LazyTensor) else piece
            for name, piece in self.pieces.items()
        }

    def _fitted(self, pieces: Pieces, W: Tensor) -> Tensor:
        assert self._form is not None
        delta = self._form.formula(pieces, W)
        if self._form.factored and ("dora_scale" in pieces or "magnitude" in pieces):
            delta = decompose(pieces, W, delta)
        return _reshaped(delta, W.shape)


def _reshaped(delta: Tensor, shape: torch.Size) -> Tensor:
    if delta.numel() == shape.numel() and delta.shape[0] == shape[0]:
        return delta.reshape(shape)
    # A change of the first convolution, made on a plain model, reaches the four latent channels of an inpainting model.
    if len(shape) == 4 and shape[1] == 9 and delta.flatten(1).shape == (shape[0], 4 * math.prod(shape[2:])):
        latent = delta.reshape(shape[0], 4, *shape[2:])
        return torch.cat([latent, latent.new_zeros(shape[0], 5, *shape[2:])], dim=1)
    raise RuntimeError(f"the change is {list(delta.shape)}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
