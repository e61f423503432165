"""The process of a trial: it calls a function that yields what it finds, and writes each mapping as a line. No torch."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping

from sdedge.errors import SdedgeError
from sdedge.process.trials import MARK, Absent, finite

TrialFunction = Callable[..., Iterator[Mapping[str, object]]]


def tell(values: Mapping[str, object]) -> None:
    """Writes one line of values at once: whatever ends the process afterwards, it has been told."""
    print(f"\n{MARK}{json.dumps(finite(values))}", flush=True)


def load(name: str) -> TrialFunction:
    """Returns the function named by "module:function"."""
    module, _, function = name.partition(":")
    loaded: TrialFunction = getattr(importlib.import_module(module), function)
    return loaded


def main(arguments: list[str] | None = None) -> None:
    """Runs the process: a function's name and its arguments as JSON."""
    name, keywords = sys.argv[1:] if arguments is None else arguments
    faulthandler.enable()
    os.environ["HF_HUB_OFFLINE"] = "1"  # before anything that reads it
    _end_with_parent()
    code = 1
    try:
        for values in load(name)(**json.loads(keywords)):
            tell(values)
        code = 0
    except Absent as error:
        tell({"absent": True, "said": str(error)})
    except SdedgeError as error:
        tell({"said": str(error)})
    except Exception as error:  # whatever a driver or library raises is the result
        tell({"said": f"{type(error).__name__}: {error}"})
        sys.excepthook(type(error), error, error.__traceback__)
    sys.stderr.flush()
    os._exit(code)  # without dropping arrays that Core ML still holds


def _end_with_parent() -> None:
    """Leaves where the parent is gone already; on Linux the kernel sees to it later."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    parent = os.environ.get("SDEDGE_TRIAL_PARENT", "")
    if os.name == "posix" and parent and os.getppid() != int(parent):
        os._exit(1)


if __name__ == "__main__":
    main()
