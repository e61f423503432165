"""YOLOv8 detectors, opened: pickles of whole networks as ultralytics saves them, or their tensors in any container.

A pickle's classes become inert records, out of which the tensors are taken: nothing of the file is imported or run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.places import expanded
from sdedge.text.clean import clean
from sdedge.weights.architecture import MODEL, unsupported_architecture, wrong_kind
from sdedge.weights.files import LazyTensor, TensorSource, open_tensors
from sdedge.weights.keys import UNET_PREFIX
from sdedge.weights.loading import listing
from sdedge.weights.pickles import Inert

if TYPE_CHECKING:
    from torch import Tensor

    from sdedge.models.yolo import Yolo

_BN_EPSILON = 1e-3  # of every batch norm in YOLOv8
_HALVING = (0, 1, 3, 5, 7)
_C2F = (2, 4, 6, 8, 12, 15, 18, 21)
_LAYERS = 22  # number of the last one, the head
_MAX_TENSORS = 10_000
_MAX_MODULES = 20_000
_MAX_NAME = 60  # characters of a class's name
_MAX_CLASSES = 10_000
# Parts of a network of another layout -> what it is; by the names of its classes, or of its tensors.
_OTHERS = (
    ("RepNCSPELAN4", "a YOLOv9 detector"), ("C3k2", "a YOLO11 detector"), ("SCDown", "a YOLOv10 detector"),
    ("A2C2f", "a YOLO12 detector"), ("RTDETRDecoder", "an RT-DETR detector"), ("WorldDetect", "a YOLO-World detector"),
    ("Classify", "a YOLOv8 classifier"), ("Pose", "a YOLOv8 pose network"), ("OBB", "a YOLOv8 detector of turned boxes"),
    ("C3", "a YOLOv5 detector"), (".one2one_cv2.", "a YOLOv10 detector"),
    ("model.2.cv3.", "a YOLOv5 detector"), ("model.23.", "a YOLO11 detector"),
)  # fmt: skip


@dataclass(frozen=True)
class DetectorModel:
    """A YOLOv8 detector whose tensors are still in their file; `classes` are the names of what it finds, by number.

    has_masks   whether its head makes masks as well ("-seg" files), of which only the boxes are used
    """

    path: Path
    tensors: Mapping[str, LazyTensor]
    classes: tuple[str, ...]
    has_masks: bool = False

    @property
    def name(self) -> str:
        return self.path.stem


def open_detector(path: str | Path) -> DetectorModel:
    """Opens a detector. Raises ModelError saying what the file is where it is none that can be read."""
    location = expanded(path)
    source = open_tensors(location, modules=True)
    tensors, kinds = _network(source)
    if f"model.{_LAYERS}.cv2.0.2.weight" not in tensors or f"model.{_LAYERS}.cv3.0.2.weight" not in tensors:
        raise _no_detector(location, source, tensors, kinds)
    _refuse_others(location, tensors, kinds)
    count = _shape(location, tensors, f"model.{_LAYERS}.cv3.0.2.weight")[0]
    if count > _MAX_CLASSES:
        raise ModelError(
            f"The detector {location} tells {count} classes apart, and {_MAX_CLASSES} are the most that are read; get it again."
        )
    has_masks = any(name.startswith(f"model.{_LAYERS}.proto.") for name in tensors)
    return DetectorModel(location, tensors, _classes(source, count), has_masks)


def holds_detector(location: Path) -> bool:
    """Returns whether a file is a detector of the YOLO family, be it one that is refused. Raises ModelError for a file that
    cannot be read."""
    if location.is_dir():
        return False
    tensors, kinds = _network(open_tensors(location, modules=True))
    return any(re.fullmatch(r"model\.\d\d\.cv[23]\.0\.2\.weight", name) for name in tensors) or "Detect" in kinds


def load_detector(model: DetectorModel) -> Yolo:
    """Returns a detector's network on the CPU in float32, its batch norms folded.

    Raises ModelError for weights that do not fit.
    """
    import torch

    from sdedge.models.unfilled import unfilled
    from sdedge.models.yolo import Yolo, YoloConfig

    widths = tuple(_shape(model.path, model.tensors, f"model.{i}.conv.weight")[0] for i in _HALVING)
    depths = tuple(_depth(model.tensors, i) for i in _C2F)
    bins = _shape(model.path, model.tensors, f"model.{_LAYERS}.cv2.0.2.weight")[0] // 4
    with unfilled():
        network = Yolo(YoloConfig(widths, depths, len(model.classes), bins))  # type: ignore[arg-type]
    state = folded(model.tensors)
    wanted = network.state_dict()
    wrong = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    left = [name for name in state if name not in wanted and not _is_of_masks(name)]
    if wrong or left:
        faults = "; ".join(filter(None, [listing("missing or of another shape", wrong), listing("unexpected", left)]))
        raise ModelError(f"The detector {model.path} is not YOLOv8's: {faults}; choose a YOLOv8 detection file.")
    if broken := [name for name in wanted if not torch.isfinite(state[name]).all()]:
        raise ModelError(f"The detector {model.path} is damaged: {listing('not finite', broken)}; get the file again.")
    network.load_state_dict({name: state[name] for name in wanted}, assign=True)
    return network.eval()


def folded(tensors: Mapping[str, LazyTensor]) -> dict[str, Tensor]:
    """Returns the weights and biases of all convolutions in float32, those of batch norms put into the ones before them.

    Raises ModelError for a batch norm that lacks a part or has it in another shape.
    """
    import torch

    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, leaf = name.rpartition(".")
        block = layer.removesuffix(".conv")
        if layer.endswith(".bn") or name.endswith("dfl.conv.weight"):
            continue
        value = tensor.copy(torch.float32) if leaf in ("weight", "bias") else None
        if value is None:
            continue
        if leaf == "weight" and layer.endswith(".conv") and f"{block}.bn.weight" in tensors:
            gain, shift, mean, variance = _norm(tensors, f"{block}.bn", value.shape)
            rate = gain / (variance + _BN_EPSILON).sqrt()
            state[f"{layer}.bias"] = shift - mean * rate
            value = value * rate.view(-1, 1, 1, 1)
        state[name] = value
    return state


def _norm(tensors: Mapping[str, LazyTensor], name: str, weight: tuple[int, ...]) -> list[Tensor]:
    """Returns gain, shift, mean and variance of a batch norm behind a convolution of a weight's shape. Raises ModelError."""
    import torch

    parts = [tensors.get(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
    fitting = [part for part in parts if part is not None and len(weight) == 4 and part.shape == weight[:1]]
    if len(fitting) < len(parts):
        raise ModelError(
            f"The detector's batch norm {name} lacks a part or has it in another shape; get the file again."
        )
    return [part.copy(torch.float32) for part in fitting]


def _network(source: TensorSource) -> tuple[dict[str, LazyTensor], set[str]]:
    """Returns the tensors of a file's network by name, and the names of its classes: of the averaged one, where there is one."""
    tree = source.tree
    for key in ("ema", "model"):
        if isinstance(tree, dict) and isinstance(network := tree.get(key), Inert):
            tree = network
            break
    if not isinstance(tree, Inert):
        return dict(source), set()
    tensors: dict[str, LazyTensor] = {}
    kinds: set[str] = set()
    for number, (prefix, module) in enumerate(_modules(tree, "")):
        if number >= _MAX_MODULES or len(tensors) > _MAX_TENSORS:
            raise ModelError(f"{source.path} nests its modules beyond any detector; it is damaged or hostile.")
        kinds.add(module.kind.name)
        for part in ("_parameters", "_buffers"):
            entries = module.state.get(part)
            for name, tensor in entries.items() if isinstance(entries, dict) else ():
                if isinstance(tensor, LazyTensor) and isinstance(name, str):
                    tensors[f"{prefix}{name}"] = tensor
    return tensors, kinds


def _modules(module: Inert, prefix: str) -> Iterator[tuple[str, Inert]]:
    """Yields a pickled module and those inside of it, with what stands before the names of its tensors."""
    waiting = [(prefix, module)]
    while waiting:
        prefix, module = waiting.pop()
        if not isinstance(module.state, dict) or len(prefix) > 200:
            continue
        yield prefix, module
        inside = module.state.get("_modules")
        for name, part in inside.items() if isinstance(inside, dict) else ():
            if isinstance(part, Inert) and isinstance(name, str) and len(waiting) < _MAX_MODULES:
                waiting.append((f"{prefix}{name}.", part))


def _refuse_others(location: Path, tensors: Mapping[str, LazyTensor], kinds: set[str]) -> None:
    pieces = (
        what for piece, what in _OTHERS if piece in kinds or any(piece in name for name in tensors if "." in piece)
    )
    if what := next(pieces, None):
        raise ModelError(f"{location} is {what}; choose a YOLOv8 detection file, such as face_yolov8n.pt.")


def _no_detector(
    location: Path, source: TensorSource, tensors: Mapping[str, LazyTensor], kinds: set[str]
) -> ModelError:
    try:
        _refuse_others(location, tensors, kinds)
    except ModelError as error:
        return error
    is_model = any(name.startswith(UNET_PREFIX) for name in source)
    if what := MODEL if is_model else unsupported_architecture(source):
        return wrong_kind(location, what, "a detector", "")
    return ModelError(f"{location} is no detector that is known here; choose a YOLOv8 detection file.")


def _classes(source: TensorSource, count: int) -> tuple[str, ...]:
    """Returns the names of classes that a file gives, and "class 0" and so on for those it does not."""
    tree: Any = source.tree
    names: Any = {}
    for key in ("ema", "model"):
        network = tree.get(key) if isinstance(tree, dict) else tree
        if isinstance(network, Inert) and isinstance(network.state, dict):
            recorded = network.state.get("names")
            names = dict(enumerate(recorded)) if isinstance(recorded, list) else recorded or names
    if not isinstance(names, dict):
        names = {}
    texts = (names.get(i) for i in range(count))
    return tuple(clean(text)[:_MAX_NAME] if isinstance(text, str) else f"class {i}" for i, text in enumerate(texts))


def _is_of_masks(name: str) -> bool:
    return name.startswith((f"model.{_LAYERS}.cv4.", f"model.{_LAYERS}.proto."))


def _depth(tensors: Mapping[str, LazyTensor], layer: int) -> int:
    depth = 0
    while f"model.{layer}.m.{depth}.cv1.conv.weight" in tensors:
        depth += 1
    return depth


def _shape(location: Path, tensors: Mapping[str, LazyTensor], name: str) -> tuple[int, ...]:
    if name not in tensors or len(tensors[name].shape) != 4 or 0 in tensors[name].shape:
        raise ModelError(
            f"The detector {location} lacks {name}, or has it of another shape; choose a YOLOv8 detection file."
        )
    return tensors[name].shape
