"""A screen reader beside the app: what AT-SPI says of it. Run by a Python that has PyGObject, such as Debian's own.

A line with the id of the app's process is answered by a line of JSON: [controls in sight, what is wrong with them].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # type: ignore[import-not-found] # noqa: E402

ROWS = 8  # of a list that are read: the others are of one kind with them
NESTED = 40  # widgets within one another, beyond which something contains itself
WITH_VALUE = {Atspi.Role.SLIDER, Atspi.Role.SPIN_BUTTON, Atspi.Role.PROGRESS_BAR}
LISTS = {Atspi.Role.LIST, Atspi.Role.TABLE, Atspi.Role.TREE, Atspi.Role.TREE_TABLE}
USED = WITH_VALUE | LISTS | {
    Atspi.Role.PUSH_BUTTON, Atspi.Role.TOGGLE_BUTTON, Atspi.Role.CHECK_BOX, Atspi.Role.RADIO_BUTTON, Atspi.Role.COMBO_BOX,
    Atspi.Role.TEXT, Atspi.Role.ENTRY, Atspi.Role.LINK, Atspi.Role.PAGE_TAB, Atspi.Role.MENU, Atspi.Role.MENU_ITEM,
    Atspi.Role.LIST_ITEM, Atspi.Role.TABLE_CELL, Atspi.Role.DIALOG, Atspi.Role.FRAME,
}  # fmt: skip
"""Roles of what a person uses, or finds his way by."""
VAGUE = {Atspi.Role.UNKNOWN, Atspi.Role.INVALID, Atspi.Role.FILLER}


def app_of(process: int) -> Any:
    """The accessible root of a process, or None as long as it has none."""
    desktop = Atspi.get_desktop(0)
    apps = [desktop.get_child_at_index(n) for n in range(desktop.get_child_count())]
    return next((app for app in apps if app is not None and app.get_process_id() == process), None)


def walk(node: Any, depth: int = 0) -> Iterator[Any]:
    """Everything under a node, itself first."""
    if node is None or depth > NESTED:
        return
    yield node
    children = node.get_child_count()
    for n in range(min(children, ROWS) if node.get_role() in LISTS else children):
        yield from walk(node.get_child_at_index(n), depth + 1)


def name_of(node: Any) -> str:
    """Its own, or that of its label."""
    labels = [r for r in node.get_relation_set() if r.get_relation_type() == Atspi.RelationType.LABELLED_BY]
    return (node.get_name() or "").strip() or (labels[0].get_target(0).get_name() if labels else "")


def path_of(node: Any) -> str:
    """A node and what it is in, in words."""
    names: list[str] = []
    while node is not None and len(names) < 5:
        names.append(f"{node.get_role_name()} {node.get_name()!r}")
        node = node.get_parent()
    return " in ".join(names)


def faults_of(node: Any) -> list[str]:
    """What a person who hears it misses."""
    role, faults = node.get_role(), []
    if not name_of(node):
        faults.append(f"no name: {path_of(node)}")
    if role in VAGUE:
        faults.append(f"no role: {path_of(node)}")
    if role in WITH_VALUE and "Value" not in node.get_interfaces():
        faults.append(f"no value: {path_of(node)}")
    if role == Atspi.Role.PUSH_BUTTON and "Action" not in node.get_interfaces():
        faults.append(f"no action: {path_of(node)}")
    return faults


def read(app: Any) -> tuple[int, list[str]]:
    """How many controls are in sight, and their faults."""
    controls = []
    for node in walk(app):
        states = node.get_state_set()
        used = states.contains(Atspi.StateType.FOCUSABLE) or node.get_role() in USED
        if used and states.contains(Atspi.StateType.SHOWING):
            controls.append(node)
    return len(controls), [fault for node in controls for fault in faults_of(node)]


def main() -> None:
    Atspi.init()
    for line in sys.stdin:
        app = app_of(int(line))
        print(json.dumps(read(app) if app is not None else (0, [])), flush=True)


if __name__ == "__main__":
    main()
