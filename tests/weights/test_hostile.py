"""No hostile file loads, runs, imports, writes, hangs or fills the memory; well-formed ones read as torch reads them."""

from __future__ import annotations

import os
import pickle
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdedge.errors import ModelError
from sdedge.weights.files import open_tensors
from sdedge.weights.pickle_names import torch_rules
from sdedge.weights.pickle_opcodes import load
from tests.weights import exploits
from tests.weights.fuzz import Limits, fuzz

CORPUS = exploits.corpus()
_WATCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "exec", "compile", "import", "ctypes.dlopen",
            "socket.connect", "os.remove", "os.rename", "shutil.rmtree", "pickle.find_class")  # fmt: skip
_seen: list[str] | None = None


def _audit(event: str, arguments: Any) -> None:
    if _seen is None:
        return
    writes = event == "open" and isinstance(arguments[1], str) and any(mode in arguments[1] for mode in "wax+")
    if event in _WATCHED or writes:
        _seen.append(f"{event} {arguments!r}"[:200])


sys.addaudithook(_audit)  # cannot be removed again, hence the switch


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[list[str]]:
    """Everything the interpreter reports that a file should not be able to cause."""
    global _seen
    good = exploits.state_dict(exploits.tensor())
    for data in (exploits.archive(pickle.dumps({"a": "\u20ac"}, 0)), exploits.archive(good), exploits.legacy(good)):
        (tmp_path / "first").write_bytes(data)  # imports what the readers themselves need
        open_tensors(tmp_path / "first")
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None


@pytest.mark.parametrize("title", list(CORPUS))
def test_refused_without_side_effect(title: str, tmp_path: Path, watched: list[str]) -> None:
    path = tmp_path / "model.ckpt"
    data = CORPUS[title]()
    path.write_bytes(data)
    watched.clear()
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as caught:
            open_tensors(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert watched == []
    assert not os.path.exists(exploits.CANARY)
    assert peak <= (16 << 20) + 2 * len(data)


def test_the_harmless_body_of_the_corpus_does_load(tmp_path: Path) -> None:
    """The refusals are for what each file adds, not for how the corpus is built."""
    for build in (exploits.archive, exploits.legacy):
        (tmp_path / "good").write_bytes(build(exploits.state_dict(exploits.tensor())))
        assert open_tensors(tmp_path / "good")["x"].shape == (4,)


def test_the_exploits_are_real(tmp_path: Path) -> None:
    """Python's own unpickler does run the first one."""
    marker = tmp_path / "ran"
    body = exploits.state_dict(exploits.call(exploits.name("os", "system"), exploits.text(f"touch {marker}")))
    pickle.loads(body)
    assert marker.exists()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
        | st.dictionaries(st.tuples(st.integers(), st.text()), inner)
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(value=VALUES, protocol=st.integers(2, 5))
def test_plain_values_read_as_python_reads_them(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    if b"_codecs" in data or b"__builtin__" in data:
        return  # protocol 2 spells bytes as calls, which stay inert here
    assert load(data, torch_rules({})) == (value, len(data))


def test_unknown_classes_become_stubs() -> None:
    body = exploits.call(exploits.name("lightning.thing", "Thing"), b"K\x01") + b"}" + exploits.text("a") + b"K\x02sb."
    value, _ = load(body, torch_rules({}))
    assert (str(value.kind), value.args, value.state) == ("lightning.thing.Thing", (1,), {"a": 2})


def test_fuzzed_files_are_refused_or_read_within_bounds(tmp_path: Path) -> None:
    """A short run of `python -m tests.benchmarks.fuzz_weights`, which does 100,000 cases."""
    tally = fuzz(tmp_path, cases=200, seed=1, limits=Limits(seconds=None))
    assert tally.cases == 200 and tally.faults == []
    assert tally.accepted > 5 and tally.refused > 50
