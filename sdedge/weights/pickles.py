"""An own pickle machine: it reads every opcode torch and Lightning write, and can do nothing but build plain values.

Python's unpickler imports and calls what the file names. This one imports nothing and calls nothing of the file's:
names become `Name` values, and what a call means is decided by `pickle_names`, which knows how torch spells a tensor,
turns any other class into an inert stub and refuses functions. Time and memory are bounded: an opcode count, and a
budget of bytes that every object is charged to. (Bounding matters: nine bytes with one LONG_BINPUT index make
CPython's own unpickler allocate 4 GB of memo.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sdedge.errors import ModelError

MAX_OPCODES = 600_000  # a checkpoint with averages and optimizer has about 200,000
MAX_STREAM = 64 << 20
_ALLOWANCE = 10 << 20  # bytes of objects above the length of the stream itself
_MAX_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Name:
    """A global the pickle mentions. It is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Inert:
    """What is left of an object of an unknown class: its name, what it was made from, and the state it was given."""

    kind: Name
    args: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of elements the pickle refers to; `key` says where the container keeps it."""

    dtype_name: str
    key: str
    numel: int


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """A tensor: a strided view of a storage. `offset` and `stride` count elements."""

    storage: Storage
    dtype_name: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass
class Rules:
    """What the machine asks when a pickle names, calls, builds or refers to something."""

    check_name: Callable[[Name], None]
    call: Callable[[Name, tuple[Any, ...]], Any]
    build: Callable[[Any, Any], None]
    persistent: Callable[[Any], Any]


class _Mark:
    pass


_MARK = _Mark()


def load(stream: Any, rules: Rules, start: int = 0) -> tuple[Any, int]:
    """Run one pickle in `stream` (bytes or a map) from byte `start`; returns its value and the byte after its STOP.

    Raises ModelError for anything malformed, hostile or beyond the bounds.
    """
    machine = _Machine(stream, rules, start)
    try:
        return machine.run(), machine.position
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError):
        raise machine.error("malformed") from None


@dataclass
class _Machine:
    stream: Any
    rules: Rules
    position: int
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    spent: int = 0

    def __post_init__(self) -> None:
        self.start = self.position
        self.end = min(len(self.stream), self.start + MAX_STREAM)

    def run(self) -> Any:
        for _ in range(MAX_OPCODES):
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                if len(self.stack) != 1 or self.marks:
                    raise self.error("malformed (values left over at its end)")
                return self.pop()
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise self.error(f"refused: it uses the opcode 0x{code:02x}, which torch never writes")
            operation(self)
        raise self.error(f"refused: it takes more than {MAX_OPCODES} steps")

    def error(self, what: str) -> ModelError:
        return ModelError(f"The pickle in the file is {what} at byte {self.position}; get the file from a source you trust.")

    # Reading

    def take(self, count: int) -> bytes:
        begin, end = self.position, self.position + count
        if end > self.end:
            what = "cut short" if self.end == len(self.stream) else f"longer than {MAX_STREAM} bytes"
            raise self.error(what)
        self.position = end
        return self.stream[begin:end]

    def number(self, layout: str) -> int:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))[0]

    def line(self, limit: int = 1 << 16) -> bytes:
        """Up to the next newline, as protocol 0 writes arguments."""
        newline = self.stream.find(b"\n", self.position, min(self.end, self.position + limit))
        if newline < 0:
            raise self.error("cut short inside a line")
        return self.take(newline + 1 - self.position)[:-1]

    # The stack

    def spend(self, cost: int) -> None:
        self.spent += cost
        if self.spent > _ALLOWANCE + (self.position - self.start):
            raise self.error("refused: it builds far more than its size explains")

    def push(self, value: Any, cost: int = 40) -> None:
        self.spend(cost)
        self.stack.append(value)

    def pop(self) -> Any:
        floor = self.marks[-1] if self.marks else 0
        if len(self.stack) <= floor:
            raise self.error("malformed (it takes more values than it has)")
        return self.stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.stack.append(value)
        return value

    def pop_mark(self) -> list[Any]:
        """The values above the last mark, and the mark."""
        if not self.marks:
            raise self.error("malformed (no mark)")
        begin = self.marks.pop()
        values = self.stack[begin:]
        del self.stack[begin:]
        self.spend(8 * len(values))
        return values

    # Texts and numbers

    def push_text(self, raw: bytes) -> None:
        cost = len(raw) if raw.isascii() else 4 * len(raw)
        self.spend(cost + 80)  # before it is decoded, so that a lying length costs nothing
        self.stack.append(str(raw, "utf-8", "surrogatepass"))

    def push_python2_text(self, raw: bytes) -> None:
        """A text of Python 2, which may be bytes."""
        try:
            self.push_text(raw)
        except UnicodeDecodeError:
            self.push_bytes(raw)

    def push_bytes(self, raw: bytes) -> None:
        self.spend(len(raw) + 80)
        self.stack.append(bytes(raw))

    def push_long(self, count: int) -> None:
        if count > _MAX_DIGITS:
            raise self.error(f"refused: it holds an integer of {count} bytes")
        self.push(int.from_bytes(self.take(count), "little", signed=True), 60 + count)

    def push_decimal(self) -> None:
        text = self.line()
        if text in (b"00", b"01"):  # protocol 0 spells booleans so
            return self.push(text == b"01", 8)
        if len(text) > _MAX_DIGITS:
            raise self.error(f"refused: it holds an integer of {len(text)} digits")
        return self.push(int(text.rstrip(b"L")), 60 + len(text))

    # Containers

    def key(self, key: Any) -> Any:
        """Only plain keys: hashing or comparing a nest of tuples can take exponential time."""
        plain = key is None or isinstance(key, (str, int, float, bytes, Name))
        if not plain and not (isinstance(key, tuple) and all(isinstance(k, (str, int, float, bytes, Name)) for k in key)):
            raise self.error("refused: it uses an object as a key")
        return key

    def set_items(self, target: Any, values: list[Any]) -> None:
        if len(values) % 2:
            raise self.error("malformed (a key without a value)")
        if isinstance(target, Inert):
            return  # a subclass of dict whose items nobody will read
        if not isinstance(target, dict):
            raise self.error("malformed (it puts keys into something that is no dictionary)")
        self.spend(60 * len(values))
        for key, value in zip(values[::2], values[1::2], strict=True):
            if self.key(key) in target:
                raise self.error(f"refused: it sets the key {str(key)[:80]!r} twice")
            target[key] = value

    def append_all(self, target: Any, values: list[Any]) -> None:
        if isinstance(target, Inert):
            return
        if not isinstance(target, list):
            raise self.error("malformed (it appends to something that is no list)")
        self.spend(24 * len(values))
        target.extend(values)

    # Names and calls

    def push_name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > 400:
            raise self.error("malformed (a name that is no text)")
        value = Name(module, name)
        self.rules.check_name(value)
        self.push(value, 200)

    def push_call(self, function: Any, args: Any) -> None:
        if not isinstance(function, Name):
            raise self.error("refused: it calls something that is no class it named")
        if not isinstance(args, tuple):
            raise self.error("malformed (arguments that are no tuple)")
        self.push(self.rules.call(function, args), 200 + 8 * len(args))

    def remember(self, index: int) -> None:
        self.spend(110)
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise self.error(f"malformed (it recalls value {index}, which it never kept)")
        self.push(self.memo[index], 9)


def _mark(m: _Machine) -> None:
    m.spend(9)
    m.marks.append(len(m.stack))


def _pop(m: _Machine) -> None:
    # As in CPython, POP takes a mark when there is nothing above it.
    if m.marks and m.marks[-1] == len(m.stack):
        m.marks.pop()
    else:
        m.pop()


def _tuple(m: _Machine, count: int) -> None:
    values = [m.pop() for _ in range(count)]
    m.push(tuple(reversed(values)), 64 + 8 * count)


def _marked_tuple(m: _Machine) -> None:
    values = tuple(m.pop_mark())
    m.push(values, 64 + 8 * len(values))


def _marked_list(m: _Machine) -> None:
    values = m.pop_mark()
    m.push(values, 72 + 8 * len(values))


def _marked_dict(m: _Machine) -> None:
    values = m.pop_mark()
    target: dict[Any, Any] = {}
    m.set_items(target, values)
    m.push(target, 240)


def _set_item(m: _Machine) -> None:
    value, key = m.pop(), m.pop()
    m.set_items(m.top(), [key, value])


def _set_items(m: _Machine) -> None:
    values = m.pop_mark()
    m.set_items(m.top(), values)


def _append(m: _Machine) -> None:
    value = m.pop()
    m.append_all(m.top(), [value])


def _append_all(m: _Machine) -> None:
    values = m.pop_mark()
    m.append_all(m.top(), values)


def _global(m: _Machine) -> None:
    module, name = m.line(512), m.line(512)
    m.push_name(module.decode("utf-8"), name.decode("utf-8"))


def _stack_global(m: _Machine) -> None:
    name, module = m.pop(), m.pop()
    m.push_name(module, name)


def _reduce(m: _Machine) -> None:
    args, function = m.pop(), m.pop()
    m.push_call(function, args)


def _new_with_keywords(m: _Machine) -> None:
    _, args, kind = m.pop(), m.pop(), m.pop()
    m.push_call(kind, args)


def _instance(m: _Machine) -> None:
    module, name = m.line(512), m.line(512)
    args = tuple(m.pop_mark())
    m.push_name(module.decode("utf-8"), name.decode("utf-8"))
    m.push_call(m.pop(), args)


def _object(m: _Machine) -> None:
    values = m.pop_mark()
    if not values:
        raise m.error("malformed (an object without a class)")
    m.push_call(values[0], tuple(values[1:]))


def _build(m: _Machine) -> None:
    state = m.pop()
    m.rules.build(m.top(), state)


def _quoted(m: _Machine) -> None:
    text = m.line()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"') or b"\\" in text:
        raise m.error("malformed (a text without quotes, or with escapes)")
    m.push_text(text[1:-1])


def _unicode_line(m: _Machine) -> None:
    raw = m.line()
    m.spend(4 * len(raw) + 80)
    m.stack.append(raw.decode("raw-unicode-escape"))


_OPERATIONS: dict[int, Callable[[_Machine], None]] = {
    ord("("): _mark,
    ord("0"): _pop,
    ord("1"): lambda m: m.pop_mark() and None,
    ord("2"): lambda m: m.push(m.top(), 9),
    ord("N"): lambda m: m.push(None, 9),
    0x88: lambda m: m.push(True, 9),
    0x89: lambda m: m.push(False, 9),
    ord("I"): _Machine.push_decimal,
    ord("L"): _Machine.push_decimal,
    ord("J"): lambda m: m.push(m.number("i")),
    ord("K"): lambda m: m.push(m.number("B")),
    ord("M"): lambda m: m.push(m.number("H")),
    0x8A: lambda m: m.push_long(m.number("B")),
    0x8B: lambda m: m.push_long(m.number("I")),
    ord("F"): lambda m: m.push(float(m.line(_MAX_DIGITS))),
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
    0x80: lambda m: m.take(1) and None,
    0x95: lambda m: m.take(8) and None,  # FRAME: only a hint for buffering
}  # fmt: skip
