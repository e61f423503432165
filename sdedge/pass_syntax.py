"""Passes as a request's table holds them, and as people write them: JSON, as in {"enlarge": {"scale": 2}}. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from sdedge.boxes import boxes_to_json
from sdedge.errors import InvalidRequest
from sdedge.field_types import TAKES_OFF, FieldType
from sdedge.json_values import read_json
from sdedge.passes import MAX_PASSES, Changes, Pass, Settings, checked_pass, enlargement_to_json, pass_from_json


class TypedRow(Protocol):
    """What is needed of a row of the table of fields."""

    @property
    def type(self) -> FieldType: ...

    def check(self, value: Any) -> Any: ...


@dataclass(frozen=True)
class PassList(FieldType):
    """Passes: a tuple in a request, a list of objects in JSON. `rows` returns the table, which is made after its types."""

    rows: Callable[[], Mapping[str, TypedRow]]
    annotation: ClassVar[Any] = tuple[Pass, ...]
    expected: ClassVar[str] = "a list of passes"
    example: str = '[{"enlarge": {"scale": 2}, "changes": {"strength": 0.5}}]'
    repeated: ClassVar[bool] = True

    def check(self, name: str, value: Any) -> tuple[Pass, ...]:
        if type(value) is not tuple or not all(type(each) is Pass for each in value):
            raise self.refuse(name, value)
        if len(value) > MAX_PASSES:
            raise InvalidRequest(f"There are {len(value)} passes; give {MAX_PASSES} or fewer.", field=name)
        return tuple(self._checked(checked_pass(each), name) for each in value)

    def _checked(self, each: Pass, field: str) -> Pass:
        """Returns a pass whose changes are values of their fields, each by itself; the request checks them together."""
        try:
            values = {name: self.rows()[name].check(value) for name, value in each.changes.items()}
        except InvalidRequest as error:
            raise InvalidRequest(f"In a pass: {error}", field=field) from error
        return replace(each, changes=Changes(values))

    def parse(self, name: str, text: str) -> tuple[Pass, ...]:
        if text.strip().lower() in TAKES_OFF:
            return ()
        if text.strip()[:1] not in ("[", "{"):
            raise self.refuse(name, text)
        record = read_json(text, "The pass", error=InvalidRequest, remedy=f"write it as in {self.example}")
        return self.check(name, self.from_json(record if isinstance(record, list) else [record]))

    def parse_all(self, name: str, texts: Sequence[str]) -> tuple[Pass, ...]:
        return tuple(each for text in texts for each in self.parse(name, text))

    def format(self, value: Sequence[Pass]) -> str:
        return json.dumps(self.to_json(value))

    def in_words(self, value: Sequence[Pass]) -> str:
        return ", then ".join(self.parts_in_words(value))

    def parts_in_words(self, value: Sequence[Pass]) -> list[str]:
        return [each.in_words for each in value]

    def lay(self, below: Any, above: Any) -> Any:
        if not isinstance(above, Settings) or below is None:
            return above
        return above.over(below) if isinstance(below, tuple) else type(above)({**below, **above})

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return tuple(self._read(record) if isinstance(record, Mapping) else record for record in value)

    def _read(self, record: Mapping[str, Any]) -> Pass:
        each, rows = pass_from_json(record), self.rows()
        values = {
            name: rows[name].type.from_json(value) if name in rows else value for name, value in each.changes.items()
        }
        return replace(each, changes=Changes(values))

    def to_json(self, value: Sequence[Pass]) -> list[dict[str, Any]]:
        return [self._record(each) for each in value]

    def _record(self, each: Pass) -> dict[str, Any]:
        rows = self.rows()
        changes = {
            name: None if value is None else rows[name].type.to_json(value) for name, value in each.changes.items()
        }
        enlarge = {} if each.enlarge is None else {"enlarge": enlargement_to_json(each.enlarge)}
        boxes = {} if each.boxes is None else {"boxes": boxes_to_json(each.boxes)}
        return {**enlarge, **boxes, **({"changes": changes} if changes else {})}
