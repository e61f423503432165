"""The pickle opcodes, protocols 0 to 5, for the machine in `pickles`. Extensions and out-of-band buffers are refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from sdedge.weights.pickles import MAX_DIGITS, Costs, Machine, Rules


def load(stream: Any, rules: Rules, start: int = 0, costs: Costs | None = None) -> tuple[Any, int]:
    """Runs one pickle in `stream` (bytes or a map) from byte `start`; returns its value and the byte after its STOP.

    `costs` are those of the pickles before it in the stream. Raises ModelError for anything malformed, hostile or beyond the
    bounds.
    """
    machine = Machine(stream, rules, start, costs or Costs())
    try:
        return machine.run(_OPERATIONS), machine.position
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError):
        raise machine.error("malformed") from None


def _mark(m: Machine) -> None:
    m.spend(24)
    m.marks.append(len(m.stack))


def _pop(m: Machine) -> None:
    # As in CPython, POP takes a mark when there is nothing above it.
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.pop()


def _tuple(m: Machine, count: int) -> None:
    values = [m.pop() for _ in range(count)]
    m.push(tuple(reversed(values)), 64 + 8 * count)


def _marked_tuple(m: Machine) -> None:
    values = tuple(m.pop_mark())
    m.push(values, 64 + 8 * len(values))


def _marked_list(m: Machine) -> None:
    values = m.pop_mark()
    m.push(values, 72 + 8 * len(values))


def _marked_dict(m: Machine) -> None:
    values = m.pop_mark()
    target: dict[Any, Any] = {}
    m.set_items(target, values)
    m.push(target, 240)


def _set_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_items(m.top(), [key, value])


def _set_items(m: Machine) -> None:
    values = m.pop_mark()
    m.set_items(m.top(), values)


def _append(m: Machine) -> None:
    value = m.pop()
    m.append_all(m.top(), [value])


def _append_all(m: Machine) -> None:
    values = m.pop_mark()
    m.append_all(m.top(), values)


def _global(m: Machine) -> None:
    module, name = m.line(512), m.line(512)
    m.push_name(module.decode("utf-8"), name.decode("utf-8"))


def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    m.push_name(module, name)


def _reduce(m: Machine) -> None:
    args, function = m.pop(), m.pop()
    m.push_call(function, args)


def _new_with_keywords(m: Machine) -> None:
    _, args, kind = m.pop(), m.pop(), m.pop()
    m.push_call(kind, args)


def _instance(m: Machine) -> None:
    module, name = m.line(512), m.line(512)
    args = tuple(m.pop_mark())
    m.push_name(module.decode("utf-8"), name.decode("utf-8"))
    m.push_call(m.pop(), args)


def _object(m: Machine) -> None:
    values = m.pop_mark()
    if not values:
        raise m.error("malformed (an object without a class)")
    m.push_call(values[0], tuple(values[1:]))


def _build(m: Machine) -> None:
    state = m.pop()
    m.rules.build(m, m.top(), state)


def _quoted(m: Machine) -> None:
    text = m.line()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"') or b"\\" in text:
        raise m.error("malformed (a text without quotes, or with escapes)")
    m.push_text(text[1:-1])


def _unicode_line(m: Machine) -> None:
    m.push_text(m.line(), "raw-unicode-escape")


_OPERATIONS: dict[int, Callable[[Machine], Any]] = {
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: m.pop_mark(),
    ord("2"): lambda m: m.push(m.top(), 9),
    ord("N"): lambda m: m.push(None, 9),
    0x88: lambda m: m.push(True, 9),
    0x89: lambda m: m.push(False, 9),
    ord("I"): Machine.push_decimal,
    ord("L"): Machine.push_decimal,
    ord("J"): lambda m: m.push(m.number("i")),
    ord("K"): lambda m: m.push(m.number("B")),
    ord("M"): lambda m: m.push(m.number("H")),
    0x8A: lambda m: m.push_long(m.number("B")),
    0x8B: lambda m: m.push_long(m.number("I")),
    ord("F"): lambda m: m.push(float(m.line(MAX_DIGITS))),
    ord("G"): lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    ord("S"): _quoted,
    ord("T"): lambda m: m.push_python2_text(m.take(m.number("I"))),
    ord("U"): lambda m: m.push_python2_text(m.take(m.number("B"))),
    ord("V"): _unicode_line,
    ord("X"): lambda m: m.push_text(m.take(m.number("I"))),
    0x8C: lambda m: m.push_text(m.take(m.number("B"))),
    0x8D: lambda m: m.push_text(m.take(m.number("Q"))),
    ord("B"): lambda m: m.push_bytes(m.take(m.number("I"))),
    ord("C"): lambda m: m.push_bytes(m.take(m.number("B"))),
    0x8E: lambda m: m.push_bytes(m.take(m.number("Q"))),
    0x96: lambda m: m.push_bytes(m.take(m.number("Q"))),
    ord("]"): lambda m: m.push([], 72),
    ord("l"): _marked_list,
    ord("a"): _append,
    ord("e"): _append_all,
    ord("}"): lambda m: m.push({}, 240),
    ord("d"): _marked_dict,
    ord("s"): _set_item,
    ord("u"): _set_items,
    ord(")"): lambda m: m.push((), 9),
    ord("t"): _marked_tuple,
    0x85: lambda m: _tuple(m, 1),
    0x86: lambda m: _tuple(m, 2),
    0x87: lambda m: _tuple(m, 3),
    0x8F: lambda m: m.push([], 72),  # a set is kept as the list of its items
    0x90: _append_all,
    0x91: _marked_list,
    ord("p"): lambda m: m.remember(int(m.line(20))),
    ord("q"): lambda m: m.remember(m.number("B")),
    ord("r"): lambda m: m.remember(m.number("I")),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("g"): lambda m: m.recall(int(m.line(20))),
    ord("h"): lambda m: m.recall(m.number("B")),
    ord("j"): lambda m: m.recall(m.number("I")),
    ord("c"): _global,
    0x93: _stack_global,
    ord("R"): _reduce,
    ord("i"): _instance,
    ord("o"): _object,
    0x81: _reduce,  # NEWOBJ: cls.__new__(cls, *args)
    0x92: _new_with_keywords,
    ord("b"): _build,
    ord("Q"): lambda m: m.push(m.rules.persistent(m.pop()), 300),
    0x80: lambda m: m.take(1),
    0x95: lambda m: m.take(8),  # FRAME: only a hint for buffering
}  # fmt: skip
