"""What A1111's clients ask for among `alwayson_scripts`: ControlNet and ADetailer; other scripts are named as not honoured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdedge.controls import Control
from sdedge.passes import Pass
from sdedge.server import a1111_controlnet, a1111_detailer


@dataclass(frozen=True)
class Scripts:
    """What is run of a client's scripts, and the names of what is asked for and not run here."""

    controls: tuple[Control, ...] = ()
    passes: tuple[Pass, ...] = ()
    ignored: tuple[str, ...] = ()


def read_scripts(scripts: Mapping[str, Any] | None) -> Scripts:
    """Returns the controls and passes among the scripts. Raises InvalidRequest and ModelError."""
    controls: list[Control] = []
    passes: list[Pass] = []
    ignored: list[str] = []
    for name, script in (scripts or {}).items():
        arguments = script.get("args") if isinstance(script, dict) else script
        if arguments is None:  # as the web UI has it, nothing is asked for then
            ignored += [f"alwayson_scripts.{name[:60]}, which has no args"] if script else []
        elif name.casefold() == a1111_controlnet.SCRIPT:
            read, unread = a1111_controlnet.read_controlnet(arguments)
            controls += read
            ignored += unread
        elif name.casefold() == a1111_detailer.SCRIPT:
            details, unread = a1111_detailer.read_detailer(arguments)
            passes += details
            ignored += unread
        elif _is_on(arguments):
            ignored.append(f"alwayson_scripts.{name[:60]}")
    return Scripts(tuple(controls), tuple(passes), tuple(ignored))


def _is_on(arguments: Any) -> bool:
    """Returns whether a script that clients always send is switched on: its first argument or `enabled` says so."""
    if isinstance(arguments, dict):
        return bool(arguments.get("enabled", arguments.get("ad_model", bool(arguments))))
    if not isinstance(arguments, list) or not arguments:
        return False
    first = arguments[0]
    return _is_on(first) if isinstance(first, dict | list) else first not in (False, None, "None", 0)
