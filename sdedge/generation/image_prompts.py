"""Pictures as prompts (IP-Adapter): read once by an image encoder, and attended to by the UNet beside the prompt's tokens."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.engines.protocol import AddedComponent, Engine
from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.generation.control_weights import acts
from sdedge.generation.hints import WHITE, read_control_mask
from sdedge.generation.img2img import SourceImage
from sdedge.images.source import fit, flatten, load
from sdedge.library.hints import hint_path
from sdedge.models.config import IPAdapterConfig
from sdedge.models.safety import prepare
from sdedge.models.unet_inputs import ImageTokens, Predict, UNetInputs
from sdedge.models.unet_walk import level_sizes
from sdedge.request import Request
from sdedge.sampling.guidance import UNCOND
from sdedge.sampling.reuse import step_finder
from sdedge.text.clean import shown
from sdedge.weights.image_encoder import ImageEncoderModel

REMEMBERED = 8
"""Encodings that are remembered for an engine, so that pictures one after another with the same prompt run no encoder again."""
_encodings: WeakKeyDictionary[Engine, OrderedDict[tuple[str, bool, str], Tensor]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class ImagePrompt:
    """A control whose model is an IP-Adapter, fitted to an engine's UNet.

    name      of its model, as people call it
    encoder   what reads the picture, and `networks` both as the engine runs them: the encoder and the adapter
    """

    control: Control
    name: str
    config: IPAdapterConfig
    encoder: ImageEncoderModel
    networks: tuple[AddedComponent, AddedComponent]

    def notices(self, size: tuple[int, int], source: SourceImage | None) -> tuple[str, ...]:
        """Reads the picture and the mask before anything is drawn, and returns what is to be said of them.

        Raises InvalidRequest for files that cannot be used.
        """
        _, notices = read_picture(self.control, self.name, source)
        read_control_mask(self.control, size, source)
        if self.control.mode is ControlMode.BALANCED:
            return notices
        return (
            *notices,
            f"The mode {self.control.mode} changes nothing of the IP-Adapter {self.name}; lower its weight instead.",
        )


def read_picture(control: Control, name: str, source: SourceImage | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the picture of a control at its own size, uint8 (H, W, 3) on white, and notices; the one to start from where it
    names none. Raises InvalidRequest where there is neither, its file is no picture, or it is to be made into a hint."""
    if control.preprocess is not None:
        raise InvalidRequest(
            f"The IP-Adapter {shown(name)} reads a picture as it is; leave out the preprocessor {shown(control.preprocess)}.",
            field="controls",
        )
    if control.hint is not None:
        opened = load(hint_path(control.hint))
        return np.array(flatten(opened.image, WHITE)), opened.notes
    if source is None:
        raise InvalidRequest(
            f"The control {shown(control.model)} has no picture; write one behind it, as in {control.model}:photo.png, or "
            f"{Remedy.GIVE_IMAGE}.",
            field="controls",
            remedy=Remedy.GIVE_IMAGE,
        )
    return source.pixels, ()


def prepared(pixels: np.ndarray, side: int, resize: HintFit) -> Tensor:
    """Returns uint8 (H, W, 3) as an encoder reads it, (1, 3, side, side): its middle, all of it squeezed, or on a square."""
    if resize is HintFit.STRETCH:
        pixels = fit(pixels, (side, side), "stretch")
    elif resize is HintFit.PAD:
        pixels = fit(pixels, (max(pixels.shape[:2]),) * 2, "pad")
    return prepare(pixels, side)[None]


def attended(
    predict: Predict, engine: Engine, request: Request, prompts: Sequence[ImagePrompt], timesteps: Sequence[float],
    source: SourceImage | None,
) -> Predict:  # fmt: skip
    """Returns a `predict` whose cross attention attends to the pictures of the request's IP-Adapters, each in its steps."""
    if not prompts:
        return predict
    active = [_ActivePrompt(prompt, engine, request, source) for prompt in prompts]
    step_of, steps = step_finder(timesteps), len(timesteps)

    def predict_with_pictures(inputs: UNetInputs) -> Tensor:
        step = min(max(step_of(float(inputs.t[0])), 0), steps - 1)
        acting = [each for each in active if acts(each.prompt.control, step, steps, request.preset)]
        return predict(replace(inputs, edits=(*inputs.edits, *(each.tokens(inputs) for each in acting))))

    return predict_with_pictures


@dataclass(eq=False)
class _ActivePrompt:
    """A picture while one batch is drawn: what the adapter made of it, for the branches of guidance in any order."""

    prompt: ImagePrompt
    engine: Engine
    request: Request
    source: SourceImage | None
    _made: tuple[Tensor, ...] = ()
    _mask: Tensor | None = None
    _tokens: dict[tuple[tuple[str, ...], tuple[int, ...] | None], ImageTokens] = field(default_factory=dict)

    def tokens(self, inputs: UNetInputs) -> ImageTokens:
        """Returns what the UNet attends to in a call: the same value at every step of the same branches."""
        key = inputs.branches, None if inputs.window else tuple(inputs.x.shape[2:])
        if key not in self._tokens:
            rows = [int(name != UNCOND) for name in inputs.branches or ("",)]
            made = [tensor if rows == [0, 1] else tensor[rows] for tensor in self._keys_and_values()]
            masks = None if inputs.window else self._masks(inputs)
            self._tokens[key] = ImageTokens(tuple(made[::2]), tuple(made[1::2]), self.prompt.control.weight, masks)
        tokens = self._tokens[key]
        return replace(tokens, masks=self._masks(inputs)) if inputs.window else tokens

    def _keys_and_values(self) -> tuple[Tensor, ...]:
        """Returns keys and values in turn, without the picture in row 0 and with it in row 1."""
        if not self._made:
            adapter = self.prompt.networks[1].name
            self._made = self.engine.run(adapter, self._encoding())
            self.engine.release(adapter)
            if not all(torch.isfinite(tensor).all() for tensor in self._made):
                raise SdedgeError(
                    f"The IP-Adapter {self.prompt.name} gave values that are not numbers; get its file again.",
                    field="controls",
                )
        return self._made

    def _encoding(self) -> Tensor:
        """Returns the encoding of no picture and of the picture: pooled, or of the tokens, as the adapter reads it."""
        encoder, pooled = self.prompt.networks[0].name, self.prompt.config.reads_pooled
        pixels, _ = read_picture(self.prompt.control, self.prompt.name, self.source)
        picture = prepared(pixels, self.prompt.encoder.side, self.prompt.control.resize)
        remembered = _encodings.setdefault(self.engine, OrderedDict())
        key = encoder, pooled, sha256(picture.numpy().tobytes()).hexdigest()
        if key not in remembered:
            remembered[key] = encode(self.engine, encoder, picture, pooled)
            self.engine.release(encoder)
            while len(remembered) > REMEMBERED:
                remembered.popitem(last=False)
        return remembered[key]

    def _masks(self, inputs: UNetInputs) -> tuple[Tensor, ...] | None:
        """Returns the mask, or the call's window of it, at the size of each level's maps, as diffusers brings it there."""
        if self._mask is None and self.prompt.control.mask is not None:
            drawn = self.request.width or 0, self.request.height or 0
            self._mask = read_control_mask(self.prompt.control, drawn, self.source)
        if self._mask is None:
            return None
        mask, window, (h, w) = self._mask, inputs.window, inputs.x.shape[2:]
        if window is not None:
            mask = window.crop(mask, mask.shape[2] // window.canvas[0])
        base, _ = self.engine.unet_source()
        fitted = [interpolate(mask, size=each, mode="bicubic").clamp(0, 1) for each in level_sizes(base, h, w)]
        return tuple(each.flatten(2).transpose(1, 2).to(self.engine.device) for each in fitted)


def encode(engine: Engine, encoder: str, picture: Tensor, pooled: bool) -> Tensor:
    """Returns the encoding of no picture, then of a prepared one: (2, D) pooled, or (2, T, W) of the tokens.

    No picture is zeros after the encoder, or before it where tokens are read, as its authors trained both.
    """
    picture = picture.to(engine.device)
    if pooled:
        encoding, _ = engine.run(encoder, picture)
        return torch.cat([torch.zeros_like(encoding), encoding])
    _, tokens = engine.run(encoder, torch.cat([torch.zeros_like(picture), picture]))
    return tokens
