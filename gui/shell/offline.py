"""The network: the app and its engine ask it for nothing; *Get models* does, in processes of its own, when a person presses."""

from __future__ import annotations

import os

OFFLINE_WISH = "SDEDGE_HUB_OFFLINE"
"""The variable with what HF_HUB_OFFLINE was before the app set it: a person who forbids downloads is obeyed."""


def forbid_network() -> None:
    """Sets what every process of the app inherits, and its libraries read."""
    os.environ.setdefault(OFFLINE_WISH, os.environ.get("HF_HUB_OFFLINE", ""))
    os.environ["HF_HUB_OFFLINE"] = "1"
