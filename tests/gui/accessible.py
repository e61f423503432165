"""The window as a screen reader finds it: Qt's accessibility tree, walked."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QWidget

Role, Text = QAccessible.Role, QAccessible.Text
INTERACTIVE = {
    Role.Button, Role.CheckBox, Role.RadioButton, Role.ComboBox, Role.EditableText, Role.Slider, Role.SpinBox, Role.List,
    Role.Table, Role.Tree, Role.ButtonMenu, Role.ButtonDropDown, Role.Link, Role.PageTab, Role.ProgressBar,
}  # fmt: skip
VALUED = {Role.Slider, Role.ProgressBar, Role.SpinBox}
_ITEMS = {Role.List, Role.Table, Role.Tree}
"""Their items are the model's, one of which is enough."""


def walk(root: QWidget) -> Iterator[QAccessibleInterface]:
    """Yields everything of a widget's tree that can be seen."""
    pending = [QAccessible.queryAccessibleInterface(root)]
    while pending:
        each = pending.pop()
        if each is None or not each.isValid() or each.state().invisible:
            continue
        yield each
        count = each.childCount()
        pending += [each.child(number) for number in range(min(count, 8) if each.role() in _ITEMS else count)]


def name_of(each: QAccessibleInterface) -> str:
    """Returns its name; of a combo box that of the label, because on Linux Qt calls it by its entry."""
    if each.role() == Role.ComboBox:
        labels = each.relations(QAccessible.RelationFlag.Label)
        return labels[0][0].text(Text.Name) if labels else ""
    return each.text(Text.Name)


def faults(root: QWidget) -> list[str]:
    """Returns what a person who listens would miss: names, roles and values."""
    missing = []
    for each in walk(root):
        widget, role = each.object(), each.role()
        if not (each.state().focusable or role in INTERACTIVE) or (widget and widget.objectName().startswith("qt_")):
            continue
        where = f"{type(widget).__name__} {role.name} {name_of(each)!r}"
        if not name_of(each).strip():
            missing.append(f"{where}: no name")
        if role in (Role.NoRole, Role.Client):
            missing.append(f"{where}: no role")
        if role in VALUED and each.valueInterface() is None:
            missing.append(f"{where}: no value")
        if role == Role.ComboBox and not each.text(Text.Value) and widget.count():
            missing.append(f"{where}: no entry")
    return missing
