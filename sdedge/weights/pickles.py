"""An own pickle machine: it reads every opcode torch and Lightning write, and can do nothing but build plain values.

Python's unpickler imports and calls what the file names. This one imports nothing and calls nothing of the file's:
names become `Name` values, and what a call means is decided by `pickle_names`, which knows how torch spells a tensor,
turns any other class into an inert stub and refuses functions. Time and memory are bounded: an opcode count, and a
budget of bytes that every object, copy and look is charged to, whatever it costs the file. (Bounding matters: nine bytes
with one LONG_BINPUT index make CPython's own unpickler allocate 4 GB of memo.)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sdedge.errors import ModelError

MAX_OPCODES = 300_000  # a checkpoint with averages and optimizer has about 150,000
MAX_STREAM = 64 << 20
_ALLOWANCE = 8 << 20  # bytes of objects above the length of the stream itself
MAX_DIGITS = 400
_SMALL = 1 << 20  # whole numbers below it spread over a dictionary by themselves
_MAX_ODD_KEYS = 2_000  # others and tuples can be chosen to collide: then each key is compared with all before it
_MAX_KEY = 8  # items of a tuple that is a key: its hash is computed anew each time
_HALVES = re.compile("[\ud800-\udfff]")


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
    call: Callable[[Machine, Name, tuple[Any, ...]], Any]
    build: Callable[[Machine, Any, Any], None]
    persistent: Callable[[Any], Any]


@dataclass
class Costs:
    """What the pickles of one file have cost so far: opcodes, bytes of objects and copies, keys that may collide."""

    opcodes: int = 0
    spent: int = 0
    odd_keys: int = 0


@dataclass
class Machine:
    """The stack, the marks and the memo, with bounds on everything; `pickle_opcodes` says what each opcode does.

    Pickles that follow one another in a stream share their `costs`.
    """

    stream: Any
    rules: Rules
    position: int
    costs: Costs = field(default_factory=Costs)
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = self.position
        self.end = min(len(self.stream), self.start + MAX_STREAM)

    def run(self, operations: dict[int, Callable[[Machine], Any]]) -> Any:
        """Carries out opcodes until STOP; returns the value it leaves."""
        while self.costs.opcodes < MAX_OPCODES:
            self.costs.opcodes += 1
            code = self.take(1)[0]
            if code == 0x2E:  # STOP
                if len(self.stack) != 1 or self.marks:
                    raise self.error("malformed (values left over at its end)")
                return self.pop()
            operation = operations.get(code)
            if operation is None:
                raise self.error(f"refused: it uses the opcode 0x{code:02x}, which torch never writes")
            operation(self)
        raise self.error(f"refused: it takes more than {MAX_OPCODES} steps")

    def error(self, what: str) -> ModelError:
        return ModelError(
            f"The pickle in the file is {what} at byte {self.position}; get the file from a source you trust."
        )

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
        """Reads up to the next newline, as protocol 0 writes arguments."""
        newline = self.stream.find(b"\n", self.position, min(self.end, self.position + limit))
        if newline < 0:
            raise self.error("cut short inside a line")
        return self.take(newline + 1 - self.position)[:-1]

    # The stack

    def spend(self, cost: int) -> None:
        self.costs.spent += cost
        if self.costs.spent > _ALLOWANCE + self.position:  # what precedes it in the stream are pickles, too
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
        """Returns the values above the last mark, and the mark."""
        if not self.marks:
            raise self.error("malformed (no mark)")
        begin = self.marks.pop()
        values = self.stack[begin:]
        del self.stack[begin:]
        self.spend(8 * len(values))
        return values

    # Texts and numbers

    def push_text(self, raw: bytes, encoding: str = "utf-8") -> None:
        """Pushes a text; half surrogates in it become U+FFFD, so that names can be printed."""
        cost = len(raw) if raw.isascii() else 4 * len(raw)
        self.spend(cost + 80)  # before it is decoded, so that a lying length costs nothing
        text = str(raw, encoding, "surrogatepass" if encoding == "utf-8" else "strict")
        self.stack.append(text if text.isascii() else _HALVES.sub("\ufffd", text))

    def push_python2_text(self, raw: bytes) -> None:
        """Pushes a text of Python 2, which may be bytes."""
        try:
            self.push_text(raw)
        except UnicodeDecodeError:
            self.push_bytes(raw)

    def push_bytes(self, raw: bytes) -> None:
        self.spend(len(raw) + 80)
        self.stack.append(bytes(raw))

    def push_long(self, count: int) -> None:
        if count > MAX_DIGITS:
            raise self.error(f"refused: it holds an integer of {count} bytes")
        self.push(int.from_bytes(self.take(count), "little", signed=True), 60 + count)

    def push_decimal(self) -> None:
        text = self.line()
        if text in (b"00", b"01"):  # protocol 0 spells booleans so
            return self.push(text == b"01", 8)
        if len(text) > MAX_DIGITS:
            raise self.error(f"refused: it holds an integer of {len(text)} digits")
        return self.push(int(text.rstrip(b"L")), 60 + len(text))

    # Containers

    def key(self, key: Any) -> Any:
        """Only plain keys: hashing or comparing a nest of tuples can take exponential time, a long one as long as it is."""
        if key is None or isinstance(key, (str, bytes, Name)) or (type(key) is int and -_SMALL < key < _SMALL):
            return key
        short = isinstance(key, tuple) and len(key) <= _MAX_KEY
        if not isinstance(key, (int, float)) and not (
            short and all(k is None or isinstance(k, (str, int, float, bytes, Name)) for k in key)
        ):
            raise self.error("refused: it uses an object as a key")
        self.costs.odd_keys += 1
        if self.costs.odd_keys > _MAX_ODD_KEYS:
            raise self.error(f"refused: more than {_MAX_ODD_KEYS} of its keys are large numbers or tuples")
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
                raise self.error(f"refused: it sets the key {key if type(key) is int else str(key)[:80]!r} twice")
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
        self.push(self.rules.call(self, function, args), 200 + 8 * len(args))

    def remember(self, index: int) -> None:
        self.spend(110)
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise self.error(f"malformed (it recalls value {index}, which it never kept)")
        self.push(self.memo[index], 9)
