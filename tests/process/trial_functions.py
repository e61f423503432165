"""What trials of the tests do in their processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.process.trials import Absent


def finds(values):
    print("a line of a library, without an end", end="")
    yield {"phase": "run"}
    yield values | {"infinite": float("inf")}


def aborts():
    yield {"loaded": 1.5}
    yield {"phase": "run"}
    os.abort()


def raises():
    yield {"loaded": 1.5}
    yield {"phase": "run"}
    raise RuntimeError("no such unit")


def refuses():
    raise ModelError("The package is damaged; convert it again.")
    yield {}


def is_absent():
    raise Absent("There is no such device here.")
    yield {}


def leaves():
    yield {"phase": "run"}
    sys.exit(7)


def hangs(pids):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(pids).write_text(f"{os.getpid()} {child.pid}")
    yield {"phase": "run"}
    time.sleep(600)


def draws(model="", **arguments):
    """Stands for a trial that says what it was called with."""
    yield {"run_seconds": 0.25, "outputs": {"unet": {"psnr": 41.0, "cosine": 0.99, "gain": 1.0}}}
    print(f"opened {model}", file=sys.stderr)


def finds_nothing():
    yield from ()
