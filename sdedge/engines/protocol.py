"""The calls every engine answers. The pipeline knows these and nothing about devices."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from sdedge.engines.capability import Capability as Capability
from sdedge.events import Loading
from sdedge.images.preview import V1_ROWS, Rows
from sdedge.library.bundle_controls import ConvertedControl
from sdedge.machine.memory_plan import MemoryPlan
from sdedge.machine.step_times import StepTime
from sdedge.models.config import UNetConfig
from sdedge.models.unet_inputs import TokenMerging, UNetInputs
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.text.conditioning import Replacement
from sdedge.text.tokenizer import Tokenizer
from sdedge.weights.files import LazyTensor


class Component(enum.StrEnum):
    """A network of a model that an engine loads and releases by its name. Those added to it have names of their own."""

    TEXT_ENCODER = "text_encoder"
    UNET = "unet"
    VAE = "vae"
    SAFETY_CHECKER = "safety_checker"


@dataclass(frozen=True)
class ModelFacts:
    """What a request needs to know of a model before it runs."""

    name: str
    width: int
    """Native size in pixels."""
    height: int
    downscale: int
    """Pixels per latent cell."""
    in_channels: int
    """Channels the UNet reads: 4; 9 for inpainting checkpoints, 8 for InstructPix2Pix."""
    guidance: float = 7.5
    """Guidance scale that suits the model."""
    latent_channels: int = 4
    schedule: NoiseSchedule = field(default_factory=NoiseSchedule)
    preview: Rows = V1_ROWS
    context_width: int = 768
    guidance_channels: int = 0
    """In which the UNet takes the guidance scale as an input (latent consistency models); 0 where it does not."""
    scaling_factor: float = 0.18215
    """What the VAE's latents are multiplied by before the UNet sees them."""
    has_safety_checker: bool = False
    report: tuple[str, ...] = ()
    """Remarks from loading, such as which of two sets of weights was taken."""

    def to_json(self) -> dict[str, Any]:
        """Returns the record of these facts in a bundle's manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ModelFacts:
        """Returns the facts of such a record. Raises TypeError or KeyError for a record of another version."""
        betas = record["schedule"]["trained_betas"]
        schedule = NoiseSchedule(**{**record["schedule"], "trained_betas": tuple(betas) if betas else None})
        rows = tuple(tuple(row) for row in record["preview"])
        return cls(**{**record, "schedule": schedule, "preview": rows, "report": tuple(record["report"])})


@dataclass(frozen=True)
class LoraUse:
    """A LoRA file and its weights on the text encoder and the UNet."""

    path: Path
    text_weight: float
    unet_weight: float
    blocks: tuple[float, ...] | None = None
    """Factors of the 26 blocks (`text.tags.BLOCKS`); None is 1 for all."""


@dataclass(frozen=True, eq=False)
class AddedComponent:
    """A network that an engine runs beside the model's own: a control net, an adapter, an image encoder, an upscaler.

    name        by which `run` and `release` know it, such as its file's; none of `Component`
    kind        of network, which says its class: a key of `engines.torch.networks.NETWORKS`
    config      of its `config.json`, or what its keys say in place of one
    tensors     its weights, read when the network is loaded
    every_step  whether it works at every step, as control nets do: then it and the UNet stay while the other works
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    tensors: Mapping[str, LazyTensor]
    every_step: bool = False


def _uncalled(capability: Capability) -> NotImplementedError:
    return NotImplementedError(f"The engine does not list {capability} in `can`; look there before this call.")


def check_inputs(can: frozenset[Capability], inputs: UNetInputs) -> None:
    """Raises NotImplementedError for inputs that need a capability which an engine does not list: it would ignore them."""
    needed = {
        Capability.RESIDUALS: bool(inputs.down or inputs.skips),
        Capability.GUIDANCE_EMBEDDING: inputs.embedding is not None,
        Capability.IMAGE_TOKENS: bool(inputs.pictures),
        Capability.IDENTITY_ATTENTION: bool(inputs.identity_rows),
        Capability.FREEU: inputs.freeu is not None,
        Capability.REGION_MASKS: bool(inputs.regions),
        Capability.TOKEN_MERGING: any(isinstance(edit, TokenMerging) for edit in inputs.edits),
    }
    for capability in (capability for capability, is_needed in needed.items() if is_needed):
        if capability not in can:
            raise _uncalled(capability)


class OptionalCalls(Protocol):
    """The calls that need a capability: made only where it is in `can`, and answered by an engine that lists it."""

    can: frozenset[Capability]

    @property
    def added(self) -> frozenset[str]:
        """The names of the components that were added; none in an engine that takes none."""
        return frozenset()

    @property
    def converted_controls(self) -> Mapping[str, ConvertedControl]:
        """The ControlNets that were converted with the model, by name; none in an engine of models that are not converted."""
        return {}

    def find_control(self, name: str) -> ConvertedControl:
        """Returns the converted ControlNet that is meant by a name, a part of it, or the path of the file it was made from.

        Raises InvalidRequest where there is none such. Called only where `Capability.CONVERTED_CONTROLS in engine.can`.
        """
        raise _uncalled(Capability.CONVERTED_CONTROLS)

    @property
    def numerics(self) -> str:
        """What decides a picture's last bits beside `description`: number format of the UNet, memory mode, weights; "" for
        an engine in which nothing of it can change."""
        return ""

    @property
    def step_time(self) -> StepTime | None:
        """How long the latest whole call of the UNet took; None where nobody knows."""
        return None

    def unet_source(self) -> tuple[UNetConfig, Mapping[str, LazyTensor]]:
        """Returns the shape of the model's UNet and its own weights, to which components that are made for it are fitted.

        Called only where `Capability.ADDED_COMPONENTS in engine.can`.
        """
        raise _uncalled(Capability.ADDED_COMPONENTS)

    def add(self, component: AddedComponent) -> None:
        """Takes a network beside the model's own, in place of another one that was added under its name.

        It is built for the engine's device in its number format when it first runs. Memory modes and plans count it from now
        on, so that it is added before `choose_memory`. Called only where `Capability.ADDED_COMPONENTS in engine.can`.
        """
        raise _uncalled(Capability.ADDED_COMPONENTS)

    def remove(self, name: str) -> None:
        """Gives back the memory of an added component and forgets it; one that was never added is nothing to remove.

        Called only where `Capability.ADDED_COMPONENTS in engine.can`.
        """
        raise _uncalled(Capability.ADDED_COMPONENTS)

    def run(self, name: str, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Runs an added component on the inputs of its network's `forward` and returns its results, in float32.

        Vectors of numbers (N,), such as timesteps, reach the network in float32; other floats in the engine's number format.
        Sequences of tokens (N, T, D) are the same tensor at every step that reads the same, as in `UNetInputs.context`.
        Raises ModelError for weights that do not fit the network.
        Called only where `Capability.ADDED_COMPONENTS in engine.can`.
        """
        raise _uncalled(Capability.ADDED_COMPONENTS)

    def run_control(self, name: str, x: Tensor, t: Tensor, context: Tensor, hint: Tensor) -> tuple[Tensor, ...]:
        """Returns the residuals of a ControlNet that was converted with the model, (B, C, h, w) each and not weighted yet.

        x (B, 4, h, w), t (B,) or (1,) and context (B, T, D) are those of the UNet, hint (1, 3, 8h, 8w) is in 0 … 1.
        Called only where `Capability.CONVERTED_CONTROLS in engine.can`.
        """
        raise _uncalled(Capability.CONVERTED_CONTROLS)

    def predict_partly(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns what `predict` does and the deep features; with those of another step it runs the outer layers alone.

        Features stay on the engine's device, in its own number format.
        Called only where `Capability.FEATURE_REUSE in engine.can`.
        """
        raise _uncalled(Capability.FEATURE_REUSE)

    def first_load(
        self, width: int, height: int, encode: bool, safety: bool, controls: Sequence[str] = ()
    ) -> Iterator[Loading]:
        """Prepares the networks for pictures of this size in pixels, with or without VAE encoder and safety checker, and with
        the converted ControlNets that are meant by some names.

        Yields every moment while it waits for other processes and ends them when it is closed. Raises ModelError.
        Called only where `Capability.FIRST_LOAD in engine.can`.
        """
        raise _uncalled(Capability.FIRST_LOAD)

    def choose_memory(
        self, width: int, height: int, batch: int, safety: bool = True, *, branches: int = 2, is_single: bool = False,
        window: tuple[int, int] | None = None,
    ) -> MemoryPlan:  # fmt: skip
        """Returns the memory mode it chooses for pictures of this size in pixels, with or without the safety checker.

        `branches` are the rows of a step for each picture; `is_single` says that one batch is drawn from noise and nothing
        comes after it, so that the UNet goes before the VAE comes, unless the engine drew something before. `window` is the
        width and height in pixels of what the UNet sees at once, where that is not all.

        Called only where `Capability.MEMORY_MODES in engine.can`.
        """
        raise _uncalled(Capability.MEMORY_MODES)

    def use_less_memory(self) -> str | None:
        """Switches to the next smaller memory mode and returns its name, None where there is none.

        Called only where `Capability.MEMORY_MODES in engine.can`.
        """
        raise _uncalled(Capability.MEMORY_MODES)

    def nearest_size(self, wanted: tuple[int, int], fixed: tuple[int | None, int | None]) -> tuple[int, int]:
        """Returns the width and height in pixels, nearest to the wanted ones, that the engine draws; fixed sides stay.

        Called only where `Capability.NEAREST_SIZE in engine.can`.
        """
        raise _uncalled(Capability.NEAREST_SIZE)

    def set_tiling(self, on: bool) -> None:
        """Lets every edge continue on the opposite side, so that pictures repeat without a seam; False undoes it.

        Called only where `Capability.TILING in engine.can`.
        """
        raise _uncalled(Capability.TILING)


class Engine(OptionalCalls, Protocol):
    """Runs the networks of one model. Tensors come and go as float32 on the engine's own device.

    The UNet's call is one value, `UNetInputs`, because features join it. The calls of the other components name what
    they take: clip skip and learned vectors, the noise of a posterior, which is drawn in the encoder's own number
    format, pixels of eight bits; some scale what comes and goes. `run` is for added components, whose callers know their
    network: one `run(component, *tensors)` for the model's own would hide all that behind positions and leave every
    caller, and every engine that has no such network, to put it together again.
    """

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def description(self) -> str:
        """Device and precision in words, such as "cpu float32"."""
        ...

    @property
    def device(self) -> str:
        """Where latents should live: a torch device string."""
        ...

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidRequest for a size in pixels this engine cannot draw."""
        ...

    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        """Encodes token ids (B, 77) to a context (B, 77, D); `skip` leaves out that many last layers.

        Each replacement (row, position, vectors (n, D)) stands in for the n token embeddings from there on.
        """
        ...

    def predict(self, inputs: UNetInputs) -> Tensor:
        """Returns the model output (N, 4, h, w). Inputs that need a capability come only where it is in `can`."""
        ...

    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] -> scaled latents, sampled from the posterior with `noise`."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Decodes scaled latents (B, 4, h, w) to images (B, 3, H, W), about [-1, 1]."""
        ...

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        """Applies exactly these LoRAs from now on; those applied before and not named are taken off without a trace.

        Returns what is to be said of them, such as names in a file that match nothing in the model.
        Raises ModelError for a LoRA that does not fit, or an engine that cannot take any.
        """
        ...

    def check_safety(self, images: np.ndarray) -> list[bool]:
        """Returns whether each of the uint8 RGB pictures (B, H, W, 3) is to be filtered. None at all only loads the checker.

        Called only where `facts.has_safety_checker`. Raises ModelError for a damaged one.
        """
        ...

    def release(self, component: str) -> None:
        """Gives back the memory of a network that is not needed for now; it is loaded again on its next call."""
        ...
