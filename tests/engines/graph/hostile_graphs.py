"""Graph bundles that try to run code, reach files, hang or fill the memory: `title -> change of a good bundle`.

Run as a program, it loads, draws with and inspects each of them under an audit hook, and prints what the hook saw.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sdedge.models.unet_inputs import UNetInputs
from tests.graphs import rewrite, sign, write_bundle

CODE = "x):\n    import os\n    os.system('touch canary')\n    return (x"
Change = Callable[[Path], None]


def _in(component: str, change: Callable[[list[Any]], Any]) -> Change:
    return lambda bundle: rewrite(bundle, component, change)


def _calls(*nodes: list[Any]) -> Change:
    """Nodes before the output of the decoder; the output reads the last one."""

    def change(nodes: list[Any]) -> None:
        nodes[-1:] = [*nodes, ["output", "output", [{"node": nodes[-1][0]}], {}]]

    return _in("vae_decoder", change)


def _named(at: int, what: int, value: Any) -> Change:
    def change(nodes: list[Any]) -> None:
        nodes[at][what] = value

    return _in("vae_decoder", change)


def _manifest(**changes: Any) -> Change:
    def change(bundle: Path) -> None:
        path = bundle / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def _part(**changes: Any) -> Change:
    def change(bundle: Path) -> None:
        path = bundle / "manifest.json"
        record = json.loads(path.read_text())
        record["components"]["vae_decoder"].update(changes)
        path.write_text(json.dumps(record))

    return change


def _text(name: str, text: str) -> Change:
    def change(bundle: Path) -> None:
        (bundle / name).write_text(text)
        if "/" in name:
            sign(bundle, name.split("/")[0])

    return change


def _link(name: str) -> Change:
    def change(bundle: Path) -> None:
        outside = bundle.parent / "outside"
        (bundle / name).rename(outside)
        (bundle / name).symlink_to(outside)

    return change


def _fifo(name: str) -> Change:
    def change(bundle: Path) -> None:
        (bundle / name).unlink(missing_ok=True)
        os.mkfifo(bundle / name)

    return change


X = {"node": "latent"}
DOUBLE = [["d0", "aten.cat.default", [[X, X], 0], {}]] + [
    [f"d{i}", "aten.cat.default", [[{"node": f"d{i - 1}"}] * 2, 0], {}] for i in range(1, 50)
]
SQUARE = [["s0", "int.mul", [2**30, 2**30], {}]] + [
    [f"s{i}", "int.mul", [{"node": f"s{i - 1}"}] * 2, {}] for i in range(1, 60)
]
DEEP = "[" * 100_000 + "]" * 100_000

CORPUS: dict[str, Change] = {
    "code as an input's name": _named(0, 2, CODE),
    "code as a node's name": _named(0, 0, CODE),
    "code as a weight's name": _calls(["w", "get_attr", CODE, {}]),
    "code as a keyword": _calls(["c", "aten.clone.default", [X], {CODE: None}]),
    "code as a dtype": _calls(["c", "aten.to.dtype", [X, {"dtype": CODE}], {}]),
    "a dunder dtype": _calls(["c", "aten.to.dtype", [X, {"dtype": "__loader__"}], {}]),
    "torch.load as a dtype": _calls(["c", "aten.to.dtype", [X, {"dtype": "load"}], {}]),
    "os.system": _calls(["c", "os.system", ["touch canary"], {}]),
    "int.system": _calls(["c", "int.system", ["touch canary"], {}]),
    "a dunder operator": _calls(["c", "aten.__class__.__init__", [X], {}]),
    "from_file and copy_": _calls(
        ["f", "aten.from_file.default", ["victim", True, 4], {}], ["c", "aten.copy_.default", [{"node": "f"}, X], {}]
    ),
    "another namespace": _calls(["c", "profiler._record_function_enter_new.default", ["x"], {}]),
    "in-place": _calls(["c", "aten.mul_.Tensor", [X, 2], {}]),
    "full": _calls(["c", "aten.full.default", [[10**6, 10**6], 1], {}]),
    "a giant upsampling": _calls(["c", "aten.upsample_nearest2d.vec", [X, [2**30, 2**30], None], {}]),
    "a giant edge": _calls(["c", "aten.pad.default", [X, [2**30] * 4], {}]),
    "doubled fifty times": _calls(*DOUBLE),
    "a number squared sixty times": _calls(*SQUARE, ["c", "aten.view.default", [X, [{"node": "s59"}]], {}]),
    "work without end": _calls(
        ["p", "aten.pad.default", [X, [0, 1000, 0, 1000]], {}],
        *[[f"m{i}", "aten.matmul.default", [{"node": "p"}, {"node": "p"}], {}] for i in range(2000)],
        ["c", "aten.clone.default", [X], {}],
    ),
    "an outer product": _calls(
        ["v", "aten.view.default", [X, [1, -1, 1]], {}], ["r", "aten.view.default", [X, [1, 1, -1]], {}],
        ["b", "aten.bmm.default", [{"node": "v"}, {"node": "r"}], {}],
        ["u", "aten.pad.default", [{"node": "b"}, [0, 10**5, 0, 10**5]], {}],
    ),
    "another shape": _calls(["c", "aten.unsqueeze.default", [X, 0], {}]),
    "whole numbers": _calls(["c", "aten.sym_size.int", [X, 0], {}]),
    "read before it is made": _in("vae_decoder", lambda nodes: nodes[::-1]),
    "read before it is made, in the middle": _in("unet", lambda nodes: nodes[:9] + nodes[30:8:-1] + nodes[31:]),
    "itself": _calls(["c", "aten.clone.default", [{"node": "c"}], {}]),
    "two of a name": _calls(["latent", "aten.clone.default", [X], {}]),
    "no output": _in("vae_decoder", lambda nodes: nodes[:-1]),
    "nodes after the output": _in("vae_decoder", lambda nodes: [*nodes, nodes[-1]]),
    "no nodes": _in("vae_decoder", lambda nodes: []),
    "an input too many": _in("vae_decoder", lambda nodes: [["more", "placeholder", "more", {}], *nodes]),
    "deep JSON in a program": _text("vae_decoder/program.json", '{"format":1,"nodes":' + DEEP + "}"),
    "deep JSON in the manifest": _text("manifest.json", '{"version":1,"kind":' + DEEP + "}"),
    "a list as the manifest": _text("manifest.json", "[]"),
    "half a surrogate in the manifest": _text("manifest.json", '{"version":1,"kind":"graph","name":"\\ud800"}'),
    "a number of 5000 digits": _text("vae_decoder/program.json", '{"format":' + "9" * 5000 + ',"nodes":[]}'),
    "a component outside": _part(file="../outside"),
    "an absolute component": _part(file="/etc"),
    "a component with NUL": _part(file="unet\0"),
    "a component that is the bundle": _part(file="."),
    "figures of other types": _part(figures=[1, 2]),
    "hashes of other files": _part(figures={"fingerprints": {"../../outside": "0"}}),
    "ports of other types": _part(inputs={"latent": {"shape": "x", "dtype": {}}}),
    "no components": _manifest(components={}),
    "sizes of other types": _manifest(sizes=[["a", None]]),
    "giant sizes": _manifest(sizes=[[64, 64], [10**9, 10**9]]),
    "facts of other types": _manifest(facts=[]),
    "a recipe of other types": _manifest(recipe={"batch": [2], "dtype": {}, "tokens": None}),
    "versions of other types": _manifest(versions={"torch": 2}),
    "a linked program": _link("vae_decoder/program.json"),
    "linked weights": _link("vae_decoder/weights.safetensors"),
    "a linked component": _link("vae_decoder"),
    "a linked vocabulary": _link("vocab.json"),
    "a linked manifest": _link("manifest.json"),
    "a FIFO among the weights": _fifo("vae_decoder/weights.safetensors"),
    "a FIFO beside them": _fifo("vae_decoder/more"),
    "a FIFO as vocabulary": _fifo("vocab.json"),
    "a FIFO as program": _fifo("vae_decoder/program.json"),
}  # fmt: skip

WATCHED = ("exec", "compile", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect",
           "ctypes.dlopen", "os.remove", "os.rename", "shutil.rmtree", "import")  # fmt: skip


def attempts(bundle: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What a user would do with a bundle."""
    import torch
    from click.testing import CliRunner

    from sdedge.engines.open import open_bundle

    def draw() -> None:
        engine = open_bundle(bundle, "cpu", "float32")
        engine.encode_text(torch.zeros(1, 77, dtype=torch.int64))
        engine.predict(UNetInputs(torch.zeros(2, 4, 8, 8), torch.zeros(2), torch.zeros(2, 77, 8)))
        engine.decode(engine.encode(torch.zeros(1, 3, 64, 64), torch.zeros(1, 4, 8, 8)))

    def inspect() -> None:
        from converters.commands.inspect import inspect as command

        done = CliRunner().invoke(command, [str(bundle)])
        if done.exception:
            raise done.exception

    yield "draw", draw
    yield "inspect", inspect


def main(folder: Path) -> None:
    """Prints a line of JSON for each bundle and attempt: what was raised and what the hook saw."""
    seen: list[str] = []
    allowed: list[Path] = []

    def audit(event: str, arguments: Any) -> None:
        if not allowed:
            return
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = Path(os.path.realpath(os.fsdecode(arguments[0])))
            if not any(path.is_relative_to(folder) for folder in allowed):
                seen.append(f"open {path}")
        elif event in WATCHED:
            seen.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(audit)
    good = write_bundle(folder / "good")
    for _, attempt in attempts(good):
        attempt()  # imports what the readers themselves need
    for title, change in {"nothing wrong": lambda bundle: None, **CORPUS}.items():
        bundle = write_bundle(folder / str(len(list(folder.iterdir()))) / "bundle")
        change(bundle)
        for name, attempt in attempts(bundle):
            seen.clear()
            allowed[:] = [bundle.resolve()]
            try:
                attempt()
                raised = ""
            except BaseException as error:
                raised = f"{type(error).__name__}: {error}"
            allowed.clear()
            print(json.dumps([title, name, raised, seen]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
