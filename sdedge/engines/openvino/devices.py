"""Which of OpenVINO's devices runs the UNet. Its own list says what is there; it is imported when a device is asked for."""

from __future__ import annotations

from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.machine.instruction_sets import Instructions, are_allowed, processor_has

CPU = "CPU"
FORMATS = {
    "CPU": {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"},
    "GPU": {"float16": "f16", "float32": "f32", "int8": "f16"},
    "NPU": {"float16": "f16", "int8": "f16"},
}
"""What a kind of device computes in, by the format that is asked for: int8 where its models are quantized. The first is the usual
one, but for a CPU, where it is measured."""


def is_openvino(device: str) -> bool:
    """Returns whether a device's name, such as "openvino" or "openvino:gpu", is OpenVINO's."""
    return device.partition(":")[0] == "openvino"


def kind_of(device: str) -> str:
    """Returns "GPU" of "GPU.1"."""
    return device.partition(".")[0]


def find_device(name: str) -> str:
    """Returns OpenVINO's name ("CPU", "GPU", "GPU.1", "NPU") of a device ("openvino", "openvino:gpu", "openvino:gpu.1").

    "openvino" is its CPU; of several GPUs the first is meant. Raises InvalidRequest for one that OpenVINO does not list, naming
    those that it does.
    """
    if ":" not in name:
        return CPU
    wanted = name.partition(":")[2].upper()
    present = [device for device in available_devices() if kind_of(device) in FORMATS]
    for device in present:
        if wanted in (device, kind_of(device), f"{device}.0"):
            return device
    names = ", ".join(f"openvino:{device.lower()}" for device in present) or "cpu, without OpenVINO"
    raise InvalidRequest(f"OpenVINO finds no device {wanted[:20].lower()!r} here; choose one of {names}.")


def available_devices() -> list[str]:
    """Returns OpenVINO's list of the devices that it has drivers for."""
    from sdedge.engines.openvino.graph import load_openvino

    return list(load_openvino().Core().available_devices)


def precision(device: str, dtype: str) -> str:
    """Returns what OpenVINO is told to compute in, such as "bf16".

    What an int8 model has besides its quantized layers runs in float32 on a processor without bfloat16: with AVX-512 alone
    OpenVINO would compute bfloat16 by other instructions, in several times the time.
    """
    hint = FORMATS[kind_of(device)][dtype]
    return "f32" if (dtype, hint) == ("int8", "bf16") and not _computes_bfloat16() else hint


def _computes_bfloat16() -> bool:
    """Returns whether the processor has bfloat16 as far as is known."""
    return are_allowed(Instructions.BF16) and processor_has(Instructions.BF16) is not False


def compile_options(device: str, dtype: str) -> dict[str, Any]:
    """Returns OpenVINO's options for one call at a time."""
    options = {"INFERENCE_PRECISION_HINT": precision(device, dtype), "PERFORMANCE_HINT": "LATENCY"}
    return {**options, "NUM_STREAMS": "1"} if kind_of(device) != "NPU" else options
