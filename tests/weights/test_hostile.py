"""No hostile file loads, runs, imports, writes, hangs or fills the memory; well-formed ones read as torch reads them."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdedge.errors import ModelError
from sdedge.weights import archives, pickles
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_folder
from sdedge.weights.files import open_tensors
from sdedge.weights.pickle_names import torch_rules
from sdedge.weights.pickle_opcodes import load
from sdedge.weights.pickles import Costs, Machine
from tests.benchmarks import fuzz_weights
from tests.fuzzing import sentence_fault
from tests.weights import exploits
from tests.weights.layouts import write_zeros_folder

CORPUS = exploits.corpus()
_WATCHED = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "exec", "compile", "import", "ctypes.dlopen",
            "socket.connect", "os.remove", "os.rename", "shutil.rmtree", "pickle.find_class")  # fmt: skip
_seen: list[str] | None = None
_seen_paths: list[str] | None = None


def _audit(event: str, arguments: Any) -> None:
    opens = event in ("open", "os.listdir", "os.scandir", "socket.connect", "subprocess.Popen")
    if _seen_paths is not None and opens and not isinstance(arguments[0], int):  # a number is a file opened before
        _seen_paths.append(os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else str(arguments[0]))
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


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
def test_a_path_is_inert_in_the_spelling_of_each_python(module: str) -> None:
    value, _ = load(exploits.call(exploits.name(module, "PosixPath"), exploits.text("x")) + b".", torch_rules({}))
    assert (str(value.kind), value.args) == (f"{module}.PosixPath", ("x",))
    with pytest.raises(ModelError, match="asks to run"):
        load(exploits.call(exploits.name(module, "Path.touch"), exploits.text("x")) + b".", torch_rules({}))


@pytest.mark.parametrize("reader", sorted(fuzz_weights.READERS))
def test_fuzzed_readers(reader: str) -> None:
    """A short run of `python -m tests.benchmarks.fuzz_weights`, which reads 240,000 inputs."""
    cases = 12 if reader in ("checkpoints", "configs") else 200
    tally = fuzz_weights.READERS[reader][1](cases, 1)
    assert tally.cases == cases and tally.faults == []
    assert tally.accepted + tally.refused == cases and tally.refused


# Costs, by counted work


def test_a_long_tuple_is_no_key() -> None:
    costs = Costs()
    with pytest.raises(ModelError, match="as a key"):
        load(exploits.long_key(items=100), torch_rules({}), costs=costs)
    assert costs.odd_keys == 0 and costs.opcodes < 120  # refused at its first use


def test_keys_that_may_collide_are_few() -> None:
    """Python compares a key with all those of its hash before it: 2,000 of them make two million comparisons."""
    costs = Costs()
    with pytest.raises(ModelError, match="large numbers or tuples"):
        load(exploits.pickles()["numbers that collide as keys"], torch_rules({}), costs=costs)
    assert costs.odd_keys == pickles._MAX_ODD_KEYS + 1
    plain = {1: 0, -3: 1, 2**40: 2, 1.5: 3, ("a", 1, None): 4, None: 5, True + 1: 6}
    assert load(pickle.dumps(plain), torch_rules({}))[0] == plain


@pytest.mark.parametrize(("function", "cost"), [("OrderedDict", 120), ("Size", 8)])
def test_copies_are_charged(function: str, cost: int) -> None:
    """Bytes charged for one call more on a list of 500 items."""
    ordered = function == "OrderedDict"
    name = exploits.name("collections" if ordered else "torch", function)
    items = b"".join(exploits.text(str(i)) + b"N\x86" if ordered else b"K\x01" for i in range(500))

    def stream(times: int) -> bytes:
        return b"](" + items + b"e\x85q\x000" + b"(" + (name + b"h\x00R") * times + b"l."

    once, twice = Costs(), Costs()
    load(stream(1), torch_rules({}), costs=once)
    load(stream(2), torch_rules({}), costs=twice)
    assert twice.spent - once.spent >= 500 * cost


def test_states_are_charged() -> None:
    def stream(times: int) -> bytes:
        return b"(" + b"}" * 500 + b"tq\0" + exploits.name("a", "B") + b")\x81" + b"h\0b" * times + b"\x86."

    once, twice = Costs(), Costs()
    load(stream(1), torch_rules({}), costs=once)
    load(stream(2), torch_rules({}), costs=twice)
    assert twice.spent - once.spent >= 500 * 16


@pytest.mark.parametrize("title", ["long keys joined many times", "one dictionary under many names"])
def test_joined_names_are_bounded(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[archives._Names] = []
    names = archives._Names

    def counted(tensors: Any) -> archives._Names:
        made.append(names(tensors))
        return made[-1]

    monkeypatch.setattr(archives, "_Names", counted)
    (tmp_path / "m.ckpt").write_bytes(CORPUS[f"zip: {title}"]())
    with pytest.raises(ModelError):
        open_tensors(tmp_path / "m.ckpt")
    assert made[0].characters <= archives._MAX_NAMES + archives.MAX_NAME + 1
    assert made[0].looked <= archives._MAX_NODES + 6_000


def test_a_list_that_holds_itself_is_visited_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[int] = []
    resolve = archives._Resolver.resolve

    def counted(self: Any, value: Any, depth: int = 0) -> Any:
        visits.append(depth)
        assert len(visits) < 1000
        return resolve(self, value, depth)

    monkeypatch.setattr(archives._Resolver, "resolve", counted)
    (tmp_path / "m.ckpt").write_bytes(exploits.archive(b"]q\0(" + b"h\0" * 30 + b"e."))
    assert open_tensors(tmp_path / "m.ckpt").keys() == set()
    assert len(visits) == 31


def test_pickles_of_one_file_share_their_bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The legacy container is five pickles, which may not cost five times as much."""
    costs: list[Costs] = []
    run = Machine.run

    def counted(self: Machine, operations: Any) -> Any:
        costs.append(self.costs)
        return run(self, operations)

    monkeypatch.setattr(Machine, "run", counted)
    (tmp_path / "m.ckpt").write_bytes(exploits.legacy(exploits.state_dict(exploits.tensor())))
    open_tensors(tmp_path / "m.ckpt")
    assert len(costs) == 5 and len({id(cost) for cost in costs}) == 1


# Folders


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[str]]:
    """The files outside `tmp_path/model` and the interpreter's own that are opened, listed or connected to."""
    global _seen_paths
    write_zeros_folder(tmp_path / "first")
    fuzz_weights.read_model(tmp_path / "first")  # imports what the readers themselves need
    _seen_paths = []
    try:
        yield _seen_paths
    finally:
        _seen_paths = None


def _index(folder: Path, shard: str) -> None:
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"conv_in.weight": shard}}))


def _link(folder: Path, name: str, target: str) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(target)


def _fifo(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)


def _device_shard(folder: Path) -> None:
    _index(folder, "null")
    _link(folder, "unet/null", "/dev/zero")


def _text(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


SHARD = "unet/diffusion_pytorch_model-00001-of-00001.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
HOSTILE_FOLDERS: dict[str, Callable[[Path], None]] = {
    "shard above": lambda f: _index(f, "../../secret.safetensors"),
    "shard of an absolute path": lambda f: _index(f, str(f.parent / "secret.safetensors")),
    "shard that is the index": lambda f: _index(f, "diffusion_pytorch_model.safetensors.index.json"),
    "shard with NUL": lambda f: _index(f, "a\0b"),
    "shard of a long name": lambda f: _index(f, "x" * 5000),
    "shard of half a character": lambda f: _index(f, "\ud800"),
    "shard that is a device": _device_shard,
    "weights linked out": lambda f: _link(f, SHARD, "../../secret.safetensors"),
    "weights linked to themselves": lambda f: _link(f, VAE, "diffusion_pytorch_model.safetensors"),
    "weights that are a FIFO": lambda f: _fifo(f, SHARD),
    "weights that are a device": lambda f: _link(f, VAE, "/dev/zero"),
    "configuration linked out": lambda f: _link(f, "unet/config.json", "../../secret.json"),
    "configuration that is a FIFO": lambda f: _fifo(f, "unet/config.json"),
    "scheduler linked out": lambda f: _link(f, "scheduler/scheduler_config.json", "../../secret.json"),
    "index linked out": lambda f: _link(f, "model_index.json", "../secret.json"),
    "hints linked out": lambda f: _link(f, "sdedge.json", "../secret.json"),
    "layers by the million": lambda f: _text(f, "unet/config.json", '{"layers_per_block": 10000000}'),
    "timesteps by the billion": lambda f: _text(f, "scheduler/scheduler_config.json", '{"num_train_timesteps": 1000000000000}'),
    "deep configuration": lambda f: _text(f, "vae/config.json", "[" * 200_000),
}  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="links and FIFOs")
@pytest.mark.parametrize("title", list(HOSTILE_FOLDERS))
def test_folders_are_refused_and_nothing_outside_is_opened(title: str, tmp_path: Path, opened: list[str]) -> None:
    folder = write_zeros_folder(tmp_path / "model")
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "secret.safetensors").write_bytes(b"secret")
    HOSTILE_FOLDERS[title](folder)
    opened.clear()
    with pytest.raises(ModelError) as caught:
        fuzz_weights.read_model(folder)
    assert sentence_fault(str(caught.value)) is None
    assert [path for path in opened if not path.startswith(str(folder))] == []


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_an_export_takes_nothing_from_outside(tmp_path: Path) -> None:
    folder = write_zeros_folder(tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    del index["safety_checker"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text("{}")
    (folder / "safety_checker" / "model.safetensors").touch()
    (tmp_path / "secret").write_text("secret")
    (folder / "safety_checker" / "notes").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelError, match="leads out of the model's folder"):
        export_folder(open_checkpoint(folder), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_path_that_is_none_is_refused(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 5000, "\ud800", "~nobody-of-this-name/x", "/dev/null", str(tmp_path / "n/a")):
        with pytest.raises(ModelError):
            open_checkpoint(name)
