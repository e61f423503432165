"""`sdedge evaluate` as a person meets it."""

from __future__ import annotations

import json

import pytest

from tests.test_cli import run

FAST = ("--steps", 1, "--prompts", 1, "--seeds", 2, "--ceiling", 0, "--device", "cpu", "--size", "64x64")


@pytest.fixture
def quick_judge(monkeypatch):
    """A geometric judge that is done at once."""
    monkeypatch.setattr("sdedge.evaluation.world.World.read", lambda world, image: {"kind": "house"})


def test_it_prints_a_table_and_the_paths_of_the_report(tiny_model, tmp_path, quick_judge):
    result = run("evaluate", tiny_model, "-o", tmp_path, *FAST)
    assert result.returncode == 0, result.stderr
    table, _, paths = result.stdout.partition("\n\n")
    assert table.splitlines()[0] == "| | geometric |" and "| all | 0.0" in table
    assert [path.rpartition("/")[2] for path in paths.split()] == ["report.html", "report.json", "failures.png"]
    assert "pictures: 2 of 2" in result.stderr and "make one with `sdedge train judge`" in result.stderr


@pytest.mark.slow
def test_it_goes_on_says_what_is_new_and_compares(tiny_model, tmp_path, quick_judge):
    run("evaluate", tiny_model, "-o", tmp_path, *FAST, "-q")
    again = run("evaluate", tiny_model, "-o", tmp_path, *FAST)
    assert "pictures: 0 of 2" not in again.stderr and "begins anew" not in again.stderr
    fast = run("evaluate", tiny_model, "-o", tmp_path, *FAST, "--speed", "fast", "--against-set", "steps=2", "--json")
    record = json.loads(fast.stdout)
    assert fast.returncode == 0 and record["settings"]["request"]["speed"] == "fast"
    assert "speed" not in record["reference"]["request"] and record["reference"]["request"]["steps"] == 2
    assert record["figures"]["nearness"]["pictures"] == 2
    guided = run("evaluate", tiny_model, "-o", tmp_path, *FAST, "--guidance", 2)
    assert "begins anew: guidance is 2.0, not 4.0" in guided.stderr and len(list(tmp_path.glob("*/report.json"))) == 3


@pytest.mark.parametrize(("options", "said"), [
    (("--judge", "nothing.safetensors"), "nothing.safetensors"),
    (("--against", "nothing"), "nothing"),
    (("--against-set", "speeed=1"), "speeed"),
    (("--lora", "nothing"), "nothing"),
    (("--prompts", "0"), "--prompts"),
    (("--seed", "-1"), "The seed -1 leaves the pictures to chance"),
    (("--seed", 2**64), f"The seed {2**64}"),
])  # fmt: skip
def test_mistakes_are_one_sentence(tiny_model, tmp_path, options, said):
    result = run("evaluate", tiny_model, "-o", tmp_path, *FAST, *options)
    assert result.returncode in (1, 2) and said in result.stderr and "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())
