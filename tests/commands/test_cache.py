"""`sdedge cache` lists what can be made again, bounds it, clears it, and takes the answer to whether packed weights are kept."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from sdedge.commands.cache import cache
from sdedge.engines.torch.cpu import packed_cache


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    monkeypatch.delenv(packed_cache.SETTING, raising=False)

    def call(*arguments: str, status: int = 0) -> str:
        result = CliRunner().invoke(cache, arguments)
        assert result.exit_code == status, result.output
        return result.output

    return call


def _entry(name: str, size: int) -> None:
    packed_cache.packed_folder().mkdir(parents=True, exist_ok=True)
    (packed_cache.packed_folder() / f"{name}.packed").write_bytes(bytes(size))


def test_what_is_kept_is_listed_bounded_and_cleared(run):
    assert "not kept; `sdedge cache --keep`" in run() and packed_cache.choice().keep is None
    assert "are kept" in run("--keep") and packed_cache.choice().keep is True
    _entry("a-unet", 2_000_000)
    assert "a-unet  2.0 MB" in run()
    assert "a-unet" not in run("--limit", "1.5MB") and packed_cache.choice().limit == 1_500_000
    _entry("b-unet", 1_000_000)
    record = json.loads(run("--json"))
    assert record["entries"] == [{"kind": "packed", "name": "b-unet", "bytes": 1_000_000}]
    assert record["packed"]["keep"] is True and record["packed"]["limit"] == 1_500_000
    assert run("--clear") == "Deleted 1.0 MB.\n" and not packed_cache.entries()
    assert "not kept" in run("--no-keep") and packed_cache.choice().limit == 1_500_000


@pytest.mark.parametrize("size", ["", "-3", "1e9", "nan", "12 XB", "9" * 400, "１２GB"])
def test_a_limit_that_is_no_size_is_refused_and_changes_nothing(run, size):
    assert "no size" in run("--limit", size, status=2)
    assert packed_cache.choice().limit == packed_cache.LIMIT


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"keep": 7, "limit": 1, "asked": true}', '{"keep": true, "limit": -1, "asked": 1}']
)
def test_a_damaged_answer_counts_as_none(run, damaged):
    packed_cache.choice_file().write_text(damaged)
    assert packed_cache.choice() == packed_cache.Choice()
    run("--keep")
    assert packed_cache.choice().keep


@pytest.mark.parametrize(("value", "keep"), [("1", True), ("off", False), ("", None), ("perhaps", None)])
def test_the_environment_overrules_the_answer(run, monkeypatch, value, keep):
    run("--no-keep")
    monkeypatch.setenv(packed_cache.SETTING, value)
    assert packed_cache.choice().keep is (False if keep is None else keep)
