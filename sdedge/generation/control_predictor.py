"""Controls in a picture: their networks beside the engine's own, their hints, and what they add to each call of the UNet."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sdedge.controls import Control
from sdedge.engines.protocol import AddedComponent, Capability, Engine
from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.generation.control_weights import acts, is_conditional_only, layer_weights
from sdedge.generation.hints import HintPicture, has_own_hole, hint_tensor, read_control_mask, read_hint
from sdedge.generation.image_prompts import ImagePrompt, attended
from sdedge.generation.img2img import SourceImage
from sdedge.images.source import Size
from sdedge.library.bundle_controls import ConvertedControl
from sdedge.library.control_models import find_control
from sdedge.library.image_encoders import find_image_encoder
from sdedge.models.config import ControlNetConfig, T2IAdapterConfig
from sdedge.models.unet_inputs import Predict, UNetInputs, Window
from sdedge.models.unet_walk import feature_shapes, residual_shapes
from sdedge.request import Request, Resolved
from sdedge.sampling.guidance import UNCOND
from sdedge.sampling.instruct import PICTURE
from sdedge.sampling.reuse import step_finder
from sdedge.weights.control import ControlKind, ControlModel, open_control

PREFIX = "control "
"""Begins the names of the networks that controls add to an engine."""
REMEMBERED_WINDOWS = 16
"""Windows of a canvas whose features are remembered; of more, each hint is read again at every step, which costs 2% of it."""


@dataclass(frozen=True, eq=False)
class FittedControl:
    """A control whose model is fitted to an engine's UNet. Two with one model share its networks.

    networks  what the engine runs: a ControlNet and the stack that reads its hint, or an adapter; nothing is added for one that
              was converted with the model
    """

    control: Control
    model: ControlModel | ConvertedControl
    config: ControlNetConfig | T2IAdapterConfig | ConvertedControl
    networks: tuple[AddedComponent, ...] = ()

    @property
    def is_pooled(self) -> bool:
        """Whether its residuals say nothing of places."""
        return not isinstance(self.config, T2IAdapterConfig) and self.config.is_pooled


def attach(engine: Engine, request: Resolved, source: SourceImage | None) -> tuple[str, ...]:
    """Adds the networks of a request's controls to its engine and removes those of another request's.

    Returns what is to be said of their hints. Raises ModelError and InvalidRequest, by name, for what does not fit.
    """
    size, fitted = (request.width, request.height), fitted_controls(engine, request)
    notices = [
        each.notices(size, source) if isinstance(each, ImagePrompt) else _checked_hint(each, size, source)
        for each in fitted
    ]
    networks = {network.name: network for each in fitted for network in each.networks}
    for name in engine.added - set(networks):
        if name.startswith(PREFIX):
            engine.remove(name)
    for network in networks.values():
        if network.name not in engine.added:
            engine.add(network)
    return tuple(notice for each in notices for notice in each)


def _checked_hint(fitted: FittedControl, size: Size, source: SourceImage | None) -> tuple[str, ...]:
    """Reads a control's hint and mask before anything is drawn, and returns what is to be said of them."""
    name, purpose = fitted.model.name, fitted.model.purpose
    hint = read_hint(fitted.control, name, purpose, size, source)
    hint_tensor(hint, name, purpose, fitted.config.hint_channels)
    read_control_mask(fitted.control, size, source)
    return hint.notices


def for_a_whole_picture(engine: Engine, request: Resolved) -> tuple[Resolved, list[str]]:
    """Returns the request of a pass that draws all of a picture again, without controls that fill a hole of it, and a sentence
    on each of those."""
    fitted = fitted_controls(engine, request)
    filling = [
        each for each in fitted
        if isinstance(each, FittedControl) and each.model.purpose == "inpaint" and not has_own_hole(each.control)
    ]  # fmt: skip
    controls = {id(each.control) for each in filling}
    rest = tuple(control for control in request.controls if id(control) not in controls)
    said = [
        f"The control {each.model.name} fills a hole; it is left out where the whole picture is drawn again."
        for each in filling
    ]
    return request.replace(controls=rest), said


def fitted_controls(engine: Engine, request: Request) -> list[FittedControl | ImagePrompt]:
    """Returns the request's controls, fitted to the engine's UNet; no weights are read. Raises ModelError, InvalidRequest."""
    return [_fitted(engine, control) for control in request.controls]


def _fitted(engine: Engine, control: Control) -> FittedControl | ImagePrompt:
    if Capability.CONVERTED_CONTROLS in engine.can:
        converted = engine.find_control(control.model)
        return FittedControl(control, converted, converted)
    path = find_control(control.model)
    status = path.stat()
    model = _opened(path, status.st_mtime_ns, status.st_size)
    base, unet = engine.unet_source()
    name = f"{PREFIX}{model.name} {path} {status.st_mtime_ns}"
    if model.kind is ControlKind.IP_ADAPTER:
        return _image_prompt(engine, control, model, name)
    config: ControlNetConfig | T2IAdapterConfig
    networks: tuple[AddedComponent, ...]
    if model.kind is ControlKind.T2I_ADAPTER:
        config = model.adapter_config(base)
        networks = (AddedComponent(name, "t2i_adapter", vars(config), model.tensors),)
    else:
        config = model.controlnet_config(base)
        networks = (
            AddedComponent(name, "controlnet", vars(config), model.component("encoder", unet), every_step=True),
            AddedComponent(f"{name} hint", "controlnet_hint", vars(config), model.component("hint", unet)),
        )
    return FittedControl(control, model, config, networks)


def _image_prompt(engine: Engine, control: Control, model: ControlModel, name: str) -> ImagePrompt:
    """Returns a control whose model is an IP-Adapter, with the encoder that reads its picture.

    Raises ModelError where there is none, InvalidRequest for an engine that cannot attend to pictures.
    """
    if Capability.IMAGE_TOKENS not in engine.can:
        raise InvalidRequest(
            f"The engine {engine.description} cannot attend to pictures, as the IP-Adapter {model.name} has it; "
            f"{Remedy.OTHER_ENGINE}.",
            field="controls",
            remedy=Remedy.OTHER_ENGINE,
        )
    base, _ = engine.unet_source()
    config = model.ip_adapter_config(base)
    encoder = find_image_encoder(model.path, model.name, config)
    place = f"{PREFIX}image encoder {encoder.path} {encoder.changed}"
    reader = AddedComponent(place, "image_encoder", encoder.config, encoder.tensors)
    adapter = AddedComponent(name, "ip_adapter", vars(config), model.tensors)
    return ImagePrompt(control, model.name, config, encoder, (reader, adapter))


@lru_cache(maxsize=8)
def _opened(path: Path, changed: int, size: int) -> ControlModel:
    return open_control(path)


def controlled(
    predict: Predict, engine: Engine, request: Request, timesteps: Sequence[float], source: SourceImage | None,
    every: int = 1,
) -> Predict:  # fmt: skip
    """Returns a `predict` to whose inputs the request's controls add their features and residuals.

    With `every` above 1 a ControlNet runs once in so many steps, as the UNet's deep features do. Raises InvalidRequest for
    hints that cannot be used, and for a control in whose span no step falls.
    """
    if not request.controls:
        return predict
    check_spans(request, len(timesteps))
    fitted = fitted_controls(engine, request)
    prompts = [each for each in fitted if isinstance(each, ImagePrompt)]
    predict = attended(predict, engine, request, prompts, timesteps, source)
    active = [_ActiveControl(each, engine, request, source) for each in fitted if isinstance(each, FittedControl)]
    return _Controlled(predict, active, request, timesteps, every) if active else predict


def check_spans(request: Request, steps: int) -> None:
    """Raises InvalidRequest for a control in whose span no step falls."""
    for control in request.controls:
        if not any(acts(control, step, steps, request.preset) for step in range(steps)):
            start, end = control.span
            raise InvalidRequest(
                f"The control {control.model} acts from {start:g} to {end:g} of {steps} steps, in which no whole step falls; "
                "widen its range.",
                field="controls",
            )


@dataclass(eq=False)
class _ActiveControl:
    """A control while one batch is drawn: its hint, what its network made of it, and its mask at every size."""

    fitted: FittedControl
    engine: Engine
    request: Request
    source: SourceImage | None
    _features: OrderedDict[Window | None, tuple[Tensor, ...]] = field(default_factory=OrderedDict)
    _masks: dict[tuple[tuple[int, int], Window | None], Tensor] = field(default_factory=dict)
    _hint: HintPicture | None = None
    _mask: Tensor | None = None

    @property
    def is_controlnet(self) -> bool:
        return not isinstance(self.fitted.config, T2IAdapterConfig)

    @property
    def is_conditional_only(self) -> bool:
        return is_conditional_only(self.fitted.control, self.fitted.is_pooled)

    def features(self, inputs: UNetInputs) -> tuple[Tensor, ...]:
        """Returns what the hint's network made of it, or of a window of it: once, while not many windows come between.

        A ControlNet that was converted reads the hint itself.
        """
        window, remembered, networks = inputs.window, self._features, self.fitted.networks
        if window not in remembered:
            hint = self._hint_tensor(inputs).to(self.engine.device)
            remembered[window] = self.engine.run(networks[-1].name, hint) if networks else (hint,)
            while len(remembered) > REMEMBERED_WINDOWS:
                remembered.popitem(last=False)
        return remembered[window]

    def _hint_tensor(self, inputs: UNetInputs) -> Tensor:
        """Returns the hint as its network reads it, of all of the canvas or of the call's window."""
        model, config, window = self.fitted.model, self.fitted.config, inputs.window
        h, w = (inputs.x.shape[2], inputs.x.shape[3]) if window is None else window.canvas
        if self._hint is None:
            size = w * config.downscale, h * config.downscale
            self._hint = read_hint(self.fitted.control, model.name, model.purpose, size, self.source)
        hint = self._hint if window is None else self._hint.cropped(window, config.downscale)
        return hint_tensor(hint, model.name, model.purpose, config.hint_channels)

    def residuals(self, inputs: UNetInputs, context: Tensor, rows: slice) -> list[Tensor]:
        """Returns the weighted residuals of some rows of a call, (n, C, h, w) each."""
        (features,) = self.features(inputs)
        arguments, networks = (inputs.x[rows], inputs.t[:1], context, features), self.fitted.networks
        if networks:
            residuals = self.engine.run(networks[0].name, *arguments)
        else:
            residuals = self.engine.run_control(self.fitted.model.name, *arguments)
        if not all(torch.isfinite(residual).all() for residual in residuals):
            raise self._broken()
        return self._weighted(residuals, self._sizes(residuals, inputs), inputs.window)

    def _sizes(self, residuals: Sequence[Tensor], inputs: UNetInputs) -> list[tuple[int, int]]:
        """Returns height and width of the places that residuals enter at: their own, but for averages of one pixel."""
        if self.fitted.is_pooled and self.fitted.networks:
            base, _ = self.engine.unet_source()
            return [(h, w) for _, h, w in residual_shapes(base, inputs.x.shape[2], inputs.x.shape[3])]
        return [(residual.shape[2], residual.shape[3]) for residual in residuals]

    def adapted(self, inputs: UNetInputs) -> list[Tensor]:
        """Returns the weighted features of an adapter, (1, C, h, w) each."""
        size: tuple[int, int] = (inputs.x.shape[2], inputs.x.shape[3])
        features = self.features(inputs)
        if not all(torch.isfinite(feature).all() for feature in features):
            raise self._broken()
        base, _ = self.engine.unet_source()
        return self._weighted(features, [(h, w) for _, h, w in feature_shapes(base, *size)], inputs.window)

    def _weighted(
        self, tensors: Sequence[Tensor], sizes: Sequence[tuple[int, int]], window: Window | None
    ) -> list[Tensor]:
        fitted = self.fitted
        kind, preset = fitted.model.kind, self.request.preset
        weights = layer_weights(fitted.control, kind, preset, len(tensors), fitted.is_pooled)
        weighted = [tensor * weight for tensor, weight in zip(tensors, weights, strict=True)]
        if fitted.control.mask is None:
            return weighted
        return [tensor * self._mask_at(size, window) for tensor, size in zip(weighted, sizes, strict=True)]

    def _mask_at(self, size: tuple[int, int], window: Window | None) -> Tensor:
        """Returns the mask, or a window of it, at the size (h, w) of a level's maps."""
        if self._mask is None:
            drawn = self.request.width or 0, self.request.height or 0
            self._mask = read_control_mask(self.fitted.control, drawn, self.source)
            assert self._mask is not None
        if (size, window) not in self._masks:
            mask = self._mask if window is None else window.crop(self._mask, self.fitted.config.downscale)
            if len(self._masks) >= REMEMBERED_WINDOWS * 4:
                self._masks.clear()
            self._masks[size, window] = interpolate(mask, size=size, mode="bilinear").to(self.engine.device)
        return self._masks[size, window]

    def _broken(self) -> SdedgeError:
        return SdedgeError(
            f"The control model {self.fitted.model.name} gave values that are not numbers; get its file again.",
            field="controls",
        )


class _Controlled:
    """Adds the features and residuals of controls to each call; it serves one batch from its first step to its last."""

    def __init__(
        self,
        predict: Predict,
        controls: Sequence[_ActiveControl],
        request: Request,
        timesteps: Sequence[float],
        every: int,
    ) -> None:
        self._predict, self._controls, self._request, self._every = predict, controls, request, every
        self._step, self._steps = step_finder(timesteps), len(timesteps)
        self._contexts: tuple[Tensor, dict[int, Tensor]] | None = None
        self._cached: tuple[tuple[Any, ...], Tensor, tuple[Tensor, ...]] | None = None

    def __call__(self, inputs: UNetInputs) -> Tensor:
        step = max(self._step(float(inputs.t[0])), 0)
        acting = [
            control for control in self._controls
            if acts(control.fitted.control, min(step, self._steps - 1), self._steps, self._request.preset)
        ]  # fmt: skip
        adapters = [control for control in acting if not control.is_controlnet]
        down = _summed([self._on_rows(inputs, control, control.adapted(inputs)) for control in adapters])
        nets = [control for control in acting if control.is_controlnet]
        skips = self._skips(inputs, nets, step // self._every) if nets else None
        return self._predict(replace(inputs, down=down, skips=skips))

    def _skips(self, inputs: UNetInputs, nets: Sequence[_ActiveControl], block: int) -> tuple[Tensor, ...] | None:
        """Returns the residuals of all ControlNets, those of the block's first step where steps share them."""
        key = (block, tuple(map(id, nets)))
        if self._every > 1 and self._cached is not None:
            cached, context, skips = self._cached
            if cached == key and context is inputs.context:
                return skips
        residuals = []
        for net in nets:
            start = self._first_row(inputs) if net.is_conditional_only else 0
            if start == inputs.x.shape[0]:
                continue
            own = net.residuals(inputs, self._context(inputs, start), slice(start, None))
            residuals.append([_below(tensor, start) for tensor in own])
        made = _summed(residuals)
        if made is None:
            return None
        self._cached = (key, inputs.context, made)
        return made

    def _on_rows(self, inputs: UNetInputs, control: _ActiveControl, features: list[Tensor]) -> list[Tensor]:
        """Returns features for every row, zeros where the control does not act."""
        start = self._first_row(inputs) if control.is_conditional_only else 0
        rows = inputs.x.shape[0] - start
        return [_below(feature.expand(rows, *feature.shape[1:]), start) for feature in features] if start else features

    def _first_row(self, inputs: UNetInputs) -> int:
        """Returns the first row under a prompt: those under the negative one come before, and may be all there are."""
        under_none = itertools.takewhile(lambda name: name in (UNCOND, PICTURE), inputs.branches)
        return len(list(under_none)) * (inputs.x.shape[0] // max(len(inputs.branches), 1))

    def _context(self, inputs: UNetInputs, start: int) -> Tensor:
        """Returns the context of the rows from `start` on, the same tensor while the whole context is the same."""
        if start == 0:
            return inputs.context
        if self._contexts is None or self._contexts[0] is not inputs.context:
            self._contexts = (inputs.context, {})
        parts = self._contexts[1]
        if start not in parts:
            parts[start] = inputs.context[start:].clone()
        return parts[start]


def _below(tensor: Tensor, rows: int) -> Tensor:
    """Returns a tensor with so many rows of zeros above."""
    return tensor if rows == 0 else torch.cat([tensor.new_zeros(rows, *tensor.shape[1:]), tensor])


def _summed(parts: Sequence[Sequence[Tensor]]) -> tuple[Tensor, ...] | None:
    """Returns the sum at each place; tensors of one row or pixel stand for all of them."""
    if not parts:
        return None
    first, *rest = parts
    sums = list(first)
    for part in rest:
        sums = [total + tensor for total, tensor in zip(sums, part, strict=True)]
    return tuple(sums)
