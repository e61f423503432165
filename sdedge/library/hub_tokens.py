"""The access token of the hub: in the system's keyring, never in a file of ours. No torch.

`keyring` is optional. Where it is not installed, or the system has none that is locked, a token lasts as long as who typed it:
the app keeps it in its memory and hands it to its downloads, the command line reads HF_TOKEN.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.files import read_at_most
from sdedge.places import expanded
from sdedge.weights.hub import checked_token, host

SERVICE = "sdedge: Hugging Face Hub"
_LOCKED = ("keyring.backends.macOS", "keyring.backends.Windows", "keyring.backends.SecretService",
           "keyring.backends.libsecret", "keyring.backends.kwallet")  # fmt: skip
"""The keyrings that a system locks; others write a file that anybody can read, or nothing."""
_CHAIN = "keyring.backends.chainer"
_LONGEST = 1000  # bytes of the file that `hf auth login` writes


def has_keyring() -> bool:
    """Returns whether there is a keyring to keep a token in. Asking may take a second."""
    return _keyring() is not None


def keep_token(token: str) -> bool:
    """Puts a token into the system's keyring, for this hub; returns False where there is none.

    Raises InvalidRequest for what is no token, ModelError when the keyring refuses.
    """
    token, ring = checked_token(token), _keyring()
    if ring is None:
        return False
    try:
        ring.set_password(SERVICE, _account(), token)
    except Exception as error:  # of each system another
        raise ModelError(f"The system's keyring refuses the token ({type(error).__name__}); unlock it.") from error
    return True


def forget_token() -> bool:
    """Takes the token out of the keyring; returns whether there was one."""
    ring = _keyring()
    if ring is None:
        return False
    with suppress(Exception):
        if ring.get_password(SERVICE, _account()) is not None:
            ring.delete_password(SERVICE, _account())
            return True
    return False


def find_token() -> str | None:
    """Returns the token to use: HF_TOKEN, the keyring's, or the one that `hf auth login` left; None without one."""
    if typed := os.environ.get("HF_TOKEN", "").strip():
        return typed
    ring = _keyring()
    if ring is not None:
        with suppress(Exception):
            if password := ring.get_password(SERVICE, _account()):
                return str(password)
    return _token_of_hf()


def _account() -> str:
    """A token goes to the hub that it is of, and to no other that HF_ENDPOINT may name one day."""
    return host()


def _keyring() -> Any:
    """Returns the module keyring, when the system behind it keeps secrets; None otherwise."""
    try:
        import keyring

        ring = keyring.get_keyring()
    except Exception:  # not installed, or its backend fails while it is looked for
        return None
    rings = list(ring.backends) if type(ring).__module__ == _CHAIN else [ring]
    return keyring if rings and all(type(each).__module__ in _LOCKED for each in rings) else None


def _token_of_hf() -> str | None:
    """Returns the token in huggingface_hub's own file, which is only read."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    path = expanded(os.environ.get("HF_TOKEN_PATH") or Path(home) / "token")
    with suppress(OSError, ValueError):
        return read_at_most(path, _LONGEST)[:_LONGEST].decode("ascii").strip() or None
    return None
