"""No graph bundle runs code, reaches outside its folder, hangs or fills the memory; each failure is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backends.hostile_graphs import CORPUS
from tests.fuzzing import sentence_fault

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> dict[tuple[str, str], tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "victim").write_text("untouched")
    command = [sys.executable, "-m", "tests.backends.hostile_graphs", str(folder / "bundles")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (folder / "victim").read_text() == "untouched" and not (folder / "canary").exists()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(title, name): (raised, seen) for title, name, raised, seen in lines}


def test_what_is_right_draws(told):
    assert told["nothing wrong", "draw"] == ("", []) and told["nothing wrong", "inspect"] == ("", [])


@pytest.mark.parametrize("title", CORPUS)
def test_a_hostile_bundle_is_refused_without_side_effect(told, title):
    for name in ("draw", "inspect"):
        raised, seen = told[title, name]
        if not (name == "inspect" and "vocabulary" in title):  # which has no part in it
            assert raised.startswith("ModelError: ") and sentence_fault(raised) is None, (name, raised)
        assert seen == []
