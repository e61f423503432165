"""Stand-ins for what the canary computes: a healthy engine, and one for each way of being broken.

Results are noise of a seed, whose reference `reference` gives; only `small_picture` runs a network.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np

from sdedge.machine.canary_checks import Sketch, sketch

BLOCKS = ("residual block of 320 channels", "attention of 320 channels")
Result = tuple[str, Callable[[], np.ndarray]]


def block(name: str) -> np.ndarray:
    return np.random.RandomState(len(name)).standard_normal((2, 8, 16, 16)).astype(np.float32)


def reference() -> tuple[dict[str, Sketch], str]:
    return {name: sketch(block(name)) for name in BLOCKS}, ""


def _second_block(change: Callable[[np.ndarray], np.ndarray]) -> Iterator[Result]:
    yield BLOCKS[0], lambda: block(BLOCKS[0])
    yield BLOCKS[1], lambda: change(block(BLOCKS[1]))


def healthy(engine: str) -> Iterator[Result]:
    """With the error of the engine's kind: a Neural Engine's is at 22 dB."""
    noise = {"coreml": 22, "mps": 45}.get(engine.split()[0], 100)
    return _second_block(lambda x: x + np.random.RandomState(9).standard_normal(x.shape) * 10 ** (-noise / 20))


def zeros(engine: str) -> Iterator[Result]:
    return _second_block(np.zeros_like)


def transposed(engine: str) -> Iterator[Result]:
    return _second_block(lambda x: x.swapaxes(2, 3))


def stale(engine: str) -> Iterator[Result]:
    return _second_block(lambda x: np.concatenate([x[:1], x[:1]]))


def nan(engine: str) -> Iterator[Result]:
    return _second_block(lambda x: np.where(x > 3, np.nan, x))


def scaled(engine: str) -> Iterator[Result]:
    return _second_block(lambda x: x * np.float32(1.02))


def _called(fault: Callable[[], object]) -> Iterator[Result]:
    def compute() -> np.ndarray:
        fault()
        raise AssertionError

    yield BLOCKS[0], lambda: block(BLOCKS[0])
    yield BLOCKS[1], compute


def abort(engine: str) -> Iterator[Result]:
    return _called(os.abort)


def segfault(engine: str) -> Iterator[Result]:
    return _called(lambda: os.kill(os.getpid(), signal.SIGSEGV))


def silent(engine: str) -> Iterator[Result]:
    return _called(lambda: os._exit(0))


def raises(engine: str) -> Iterator[Result]:
    def fail() -> None:
        raise RuntimeError("MPS backend: the command buffer exited with error status")

    return _called(fail)


def sleeps(engine: str) -> Iterator[Result]:
    return _called(lambda: time.sleep(3600))


def spins(engine: str) -> Iterator[Result]:
    def spin() -> None:
        while True:
            pass

    return _called(spin)


def works_long(engine: str) -> Iterator[Result]:
    """Healthy, and slow: each stage takes a while, with and without the processor."""

    def work(name: str) -> np.ndarray:
        end = time.process_time() + 0.15
        while time.process_time() < end:
            pass
        time.sleep(0.3)
        return block(name)

    yield from ((name, lambda name=name: work(name)) for name in BLOCKS)  # type: ignore[misc]


def full_disk(engine: str) -> Iterator[Result]:
    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    return _called(fail)


def no_memory(engine: str) -> Iterator[Result]:
    def fail() -> None:
        raise RuntimeError("MPS backend out of memory")

    return _called(fail)


def killed(engine: str) -> Iterator[Result]:
    return _called(lambda: os.kill(os.getpid(), signal.SIGKILL))


def only_bfloat16_is_broken(engine: str) -> Iterator[Result]:
    """For the reference that travels with the package: black blocks in one format, the model's true picture in others."""
    if engine.endswith("bfloat16"):
        yield BLOCKS[0], lambda: np.zeros((2, 320, 64, 64), np.float32)
        return
    from sdedge.machine.canary_checks import PICTURE
    from sdedge.process.canary_trial import small_picture

    yield PICTURE, lambda: small_picture(engine)
