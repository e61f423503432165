"""The options of the engine that draws: device, number format and memory, the same for every command that loads one itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sdedge.commands.headings import option
from sdedge.field_rows import Group
from sdedge.machine.memory_plan import CHOICES

Command = TypeVar("Command", bound=Callable[..., Any])


def engine_options(command: Command) -> Command:
    """Gives a command `--device`, `--dtype` and `--memory`, in this order."""
    device = "auto, cpu, cuda, mps, openvino[:gpu|:npu]; Core ML: compute units."
    dtype = "float32, float16, bfloat16 or int8.  [default: measured, see doctor]"
    memory = f"{', '.join(CHOICES)}; docs/memory.md."
    for decorate in (
        option(Group.MODEL, "--memory", metavar="NAME", default="auto", show_default=True, help=memory),
        option(Group.MODEL, "--dtype", metavar="NAME", help=dtype),
        option(Group.MODEL, "--device", metavar="NAME", default="auto", show_default=True, help=device),
    ):
        command = decorate(command)
    return command
