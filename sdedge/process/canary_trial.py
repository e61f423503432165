"""The canary's own process: runs the blocks and the small picture on one engine and says each result's sketch, a line each.

It judges nothing, as what judges must not be what may be broken. Lines of JSON on its standard output: {"at": stage} before
each stage, of results with how many of all are there ("done", "total"), {"result", "sketch"}, at the end {"end", "seconds",
"model"}; {"unable"} where the canary itself cannot run, which is not the engine's fault, and {"error"} where the engine raised.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from sdedge.engines.openvino.devices import find_device, is_openvino
from sdedge.errors import InvalidRequest, ModelError, OutOfMemory, OutputError, is_out_of_memory
from sdedge.interpreter import python_command, python_environment
from sdedge.library.models import EMBEDDED
from sdedge.machine.canary_checks import PICTURE, sketch
from sdedge.machine.memory import available_memory
from sdedge.places import cache_folder
from sdedge.process.canary_reference import embedded_model, model_hash

Result = tuple[str, Callable[[], np.ndarray]]
PROMPT, SIDE, STEPS, SCALE = "a red house at night", 128, 4, 4.0
FREE = 2 * 10**9
"""Bytes that must be free: the blocks take half of them."""
NICE = 10
"""How far it stands back behind the pictures that are drawn meanwhile."""


def results_of(engine: str) -> Iterator[Result]:
    """Yields what an engine is asked for: names, and functions that compute (B, C, H, W) in float32."""
    parts = engine.split()
    if parts[0] not in ("coreml", "graph"):
        yield from _blocks(parts[0], parts[-1])
    if model_hash():
        yield PICTURE, lambda: small_picture(engine)


def _blocks(device: str, dtype: str) -> Iterator[Result]:
    from functools import partial

    if is_openvino(device):
        from sdedge.engines.openvino import block_runs as openvino_runs

        runs = partial(openvino_runs.run_block, dtype=dtype, device=find_device(device))
        yield from ((name, partial(runs, name)) for name in openvino_runs.BLOCKS)
        return
    from sdedge.engines.torch import block_runs
    from sdedge.machine.formats import choose_device, choose_dtype

    place = choose_device(device)
    wanted = choose_dtype(place, dtype)
    for name, block, attend in block_runs.names(place, wanted):
        yield name, lambda block=block, attend=attend: block_runs.run_block(block, place, wanted, attend).numpy()  # type: ignore[misc]


def small_picture(engine: str) -> np.ndarray:
    """Draws the embedded model's picture on an engine: (1, 3, SIDE, SIDE) as the VAE decodes it."""
    from sdedge.generation.plain_picture import draw_plainly
    from sdedge.request import Resolved

    request = Resolved(PROMPT, sampler="euler", steps=STEPS, guidance=SCALE, width=SIDE, height=SIDE, seed=0)
    return draw_plainly(open_engine(engine), request)[None].numpy()


def open_engine(engine: str) -> Any:
    """Opens an engine by its name on the embedded model, which is converted first where the engine draws bundles."""
    parts = engine.split()
    if is_openvino(parts[0]):
        from sdedge.engines.openvino.engine import OpenVINOEngine

        return OpenVINOEngine.open(embedded_model(), parts[1], device=parts[0])
    if parts[0] == "coreml":
        from sdedge.engines.coreml.native import CoreMLEngine

        return CoreMLEngine(converted("coreml"), parts[1])
    if parts[0] == "graph":
        from sdedge.engines.graph.engine import GraphEngine

        return GraphEngine(converted("mps"), parts[1], parts[2])
    from sdedge.engines.torch.engine import TorchEngine

    return TorchEngine.load(embedded_model(), parts[0], parts[1])


def converted(kind: str) -> Path:
    """Returns the embedded model as a bundle, which is made once and kept. Raises ModelError where that does not go."""
    folder = cache_folder() / "canary" / f"{kind}-{model_hash()[:16]}"
    size = f"{SIDE}" if kind == "mps" else f"{SIDE}x{SIDE}"
    command = python_command("sdedge", "convert", kind, EMBEDDED, "--out", str(folder), "--size", size)
    if not (folder / "manifest.json").is_file() and not (folder / "sdedge.json").is_file():
        done = subprocess.run(command, env=python_environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ModelError(f"The embedded model was not converted: {done.stderr.strip()[-300:]}")
    return folder


def import_all(engine: str) -> None:
    """Imports what an engine's results need, so that the seconds that are told are those of computing."""
    import sdedge.engines.torch.block_runs
    import sdedge.engines.torch.engine
    import sdedge.generation.plain_picture

    if is_openvino(engine.split()[0]):
        import sdedge.engines.openvino.block_runs
        import sdedge.engines.openvino.engine  # noqa: F401


def is_unable(error: BaseException) -> bool:
    """Returns whether an exception says that the canary cannot run, rather than that the engine is wrong."""
    full = isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EMFILE,
    )
    kinds = (InvalidRequest, ModelError, OutputError, OutOfMemory, ImportError)
    return full or isinstance(error, kinds) or is_out_of_memory(error) or "No space left" in str(error)


def run(engine: str, results: Callable[[str], Iterator[Result]], say: Callable[..., None]) -> None:
    """Computes all results and says what comes of each."""
    say(at="opening")
    start = time.perf_counter()
    try:
        due = list(results(engine))  # which computes none of them
        for number, (name, compute) in enumerate(due):
            say(at=name, done=number, total=len(due))
            say(result=name, sketch=sketch(np.asarray(compute(), np.float32)).to_json())
    except Exception as error:
        said = f"{type(error).__name__}: {error}"[:500]
        say(unable=said) if is_unable(error) else say(error=said)
        return
    say(end=True, seconds=time.perf_counter() - start, model=model_hash())


def main(arguments: list[str] | None = None) -> None:
    """Runs the process: the engine's name, and what stands in for `results_of` in tests ("module:function")."""
    engine, *stand_in = sys.argv[1:] if arguments is None else arguments
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")  # libraries may print what they like on the other
    os.dup2(2, 1)
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(NICE)

    def say(**values: Any) -> None:
        lines.write(json.dumps(values) + "\n")
        lines.flush()

    say(at="imports")
    from sdedge.process.worker import die_with_parent

    die_with_parent()
    try:
        if stand_in:
            module, _, function = stand_in[0].partition(":")
            run(engine, getattr(importlib.import_module(module), function), say)
        else:
            if available_memory()[0] < FREE:  # which the pictures need more
                say(unable=f"less than {FREE / 1e9:g} GB of memory are free")
                os._exit(0)
            import_all(engine)
            run(engine, results_of, say)
    except ImportError as error:
        say(unable=str(error))
    lines.close()
    os._exit(0)  # not waiting for a driver that hangs at the end


if __name__ == "__main__":
    main()
