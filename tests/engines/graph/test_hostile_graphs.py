"""No graph bundle runs code, reaches outside its folder, hangs or fills the memory; each failure is one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sdedge.engines.open import EMBEDDED, locate, locate_installed
from sdedge.errors import ModelError
from tests.engines.graph.hostile_graphs import CORPUS, attempts
from tests.fuzzing import sentence_fault
from tests.graphs import write_bundle

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[tuple[str, str], tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "victim").write_text("untouched")
    command = [sys.executable, "-m", "tests.engines.graph.hostile_graphs", str(folder / "bundles")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (folder / "victim").read_text() == "untouched" and not (folder / "canary").exists()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(title, name): (raised, seen) for title, name, raised, seen in lines}


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("good") / "bundle")


@pytest.mark.parametrize("title", CORPUS)
def test_a_hostile_bundle_is_refused(good, tmp_path, title):
    bundle = Path(shutil.copytree(good, tmp_path / "bundle"))
    CORPUS[title](bundle)
    with pytest.raises(ModelError) as caught:
        dict(attempts(bundle))["draw"]()
    assert sentence_fault(str(caught.value)) is None


def test_a_name_in_a_file_is_never_a_path(tmp_path):
    (tmp_path / "model").mkdir()
    for name in (str(tmp_path / "model"), "../model", "", "owner/name"):
        with pytest.raises(ModelError, match="no model named"):
            locate_installed(name)
    assert locate_installed(EMBEDDED) == locate(EMBEDDED)


def test_a_bundle_of_the_tests_draws_within_what_it_may_take(good):
    dict(attempts(good))["draw"]()


@pytest.mark.slow
def test_what_is_right_draws(outcomes):
    assert outcomes["nothing wrong", "draw"] == ("", []) and outcomes["nothing wrong", "inspect"] == ("", [])


@pytest.mark.slow
@pytest.mark.parametrize("title", CORPUS)
def test_a_hostile_bundle_is_refused_without_side_effect(outcomes, title):
    for name in ("draw", "inspect"):
        raised, seen = outcomes[title, name]
        if not (name == "inspect" and "vocabulary" in title):  # which has no part in it
            assert raised.startswith("ModelError: ") and sentence_fault(raised) is None, (name, raised)
        assert seen == []
