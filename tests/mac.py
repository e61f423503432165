"""The tests on a machine that calls itself a Mac: `python -m tests.mac [pytest's arguments]`, folder by folder or one test.

Python's `sys.platform` says "darwin" from the moment on at which the libraries are loaded; ours then go the ways that they go
on a Mac, over a kernel that is none. Processes that the tests start are of this machine again.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys

import pytest

LIBRARIES = (
    "torch", "numpy", "scipy", "PIL.Image", "safetensors.torch", "transformers", "huggingface_hub", "hypothesis",
    "asyncio", "ctypes.util", "multiprocessing", "subprocess", "urllib.request", "webbrowser", "platformdirs", "send2trash",
    "coremltools", "psutil", "PySide6.QtWidgets", "PySide6.QtSvg", "PySide6.QtTest", "PySide6.QtNetwork", "pytestqt.plugin",
)  # fmt: skip
"""They look at the system while they are imported and would load what only a Mac has."""

WITHOUT_A_MAC: dict[str, str] = {}
"""By the end of a test's name: why it makes no sense on a kernel that is none of a Mac's."""


def pytest_configure(config: pytest.Config) -> None:
    """The libraries first, then the name."""
    logging.getLogger("coremltools").setLevel(logging.CRITICAL)  # it tells at length what it lacks here
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # tests of it are skipped, as everywhere
    sys.platform = "darwin"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips with its reason what cannot make sense."""
    for item in items:
        for end, reason in WITHOUT_A_MAC.items():
            if end in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=reason))


def main(arguments: list[str]) -> int:
    """Runs pytest in this process with this file as its plugin; returns its exit status."""
    # What tests/conftest.py sets, which comes after the libraries here.
    quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    os.environ.update({name: value for name, value in quiet.items() if name not in os.environ})
    os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={os.path.dirname(__file__)}/screen.json")
    chosen = [] if "-m" in arguments else ["-m", "not slow"]
    return int(pytest.main(["-p", "tests.mac", *chosen, *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
