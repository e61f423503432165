"""The hub's token: in a keyring that the system locks, or nowhere; never in a file of ours."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.errors import InvalidRequest, ModelError
from sdedge.library import hub_tokens
from sdedge.places import data_folder


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setitem(sys.modules, "keyring", None)


def keyring(monkeypatch, backend: str) -> dict:
    """Puts a stand-in for the package keyring in its place, with a backend of this module; returns what it holds."""
    held: dict[tuple[str, str], str] = {}
    ring = ModuleType("keyring")
    ring.get_keyring = type("Keyring", (), {"__module__": backend})
    ring.set_password = lambda service, account, text: held.update({(service, account): text})
    ring.get_password = lambda service, account: held.get((service, account))
    ring.delete_password = lambda service, account: held.pop((service, account))
    monkeypatch.setitem(sys.modules, "keyring", ring)
    return held


def test_a_locked_keyring_keeps_it_for_one_hub_and_forgets_it(monkeypatch):
    held = keyring(monkeypatch, "keyring.backends.SecretService")
    assert hub_tokens.keep_token(" hf_secret\n") and hub_tokens.find_token() == "hf_secret"
    assert [account for _, account in held] == ["huggingface.co"]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert hub_tokens.find_token() is None
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub_tokens.forget_token() and not held and not hub_tokens.forget_token()


@pytest.mark.parametrize("backend", ["keyrings.alt.file", "keyring.backends.fail", "keyring.backends.null", None])
def test_without_a_locked_keyring_nothing_is_kept(monkeypatch, backend):
    held = keyring(monkeypatch, backend) if backend else {}
    assert not hub_tokens.has_keyring() and not hub_tokens.keep_token("hf_secret") and not held
    assert not [path for path in data_folder().rglob("*") if path.is_file() and b"hf_secret" in path.read_bytes()]


def test_a_chain_is_locked_when_all_of_it_is(monkeypatch):
    ring = SimpleNamespace(backends=[type("K", (), {"__module__": "keyring.backends.macOS"})()])
    chain = type("Chain", (), {"__module__": "keyring.backends.chainer", "backends": ring.backends})
    keyring(monkeypatch, "x")
    sys.modules["keyring"].get_keyring = chain
    assert hub_tokens.has_keyring()
    ring.backends.append(type("K", (), {"__module__": "keyrings.alt.file"})())
    assert not hub_tokens.has_keyring()


def test_tokens_of_others_are_read(monkeypatch, tmp_path):
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_of_login\n")
    assert hub_tokens.find_token() == "hf_of_login"
    monkeypatch.setenv("HF_TOKEN", "hf_typed")
    assert hub_tokens.find_token() == "hf_typed"


def test_the_command_takes_it_from_its_input_and_refuses_a_file(monkeypatch):
    refused = CliRunner().invoke(cli, ["models", "token"], input="hf_secret\n")
    assert isinstance(refused.exception, ModelError) and "HF_TOKEN" in str(refused.exception)
    held = keyring(monkeypatch, "keyring.backends.macOS")
    assert "keyring holds it" in CliRunner().invoke(cli, ["models", "token"], input="hf_secret\n").output
    assert list(held.values()) == ["hf_secret"]
    bad = CliRunner().invoke(cli, ["models", "token"], input="two words\n")
    assert isinstance(bad.exception, InvalidRequest) and "two words" not in str(bad.exception)
    assert "Forgotten" in CliRunner().invoke(cli, ["models", "token", "--forget"]).output
