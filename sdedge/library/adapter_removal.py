"""Taking a LoRA or an embedding away from where prompts find it."""

from __future__ import annotations

from contextlib import suppress

from sdedge.errors import OutputError
from sdedge.library.adapters import Adapter, embedding_folder, lora_folder


def remove(extra: Adapter) -> None:
    """Deletes an installed file, of peft's with its configuration, and the folder that is empty then. Raises OutputError."""
    from sdedge.weights.lora_config import CONFIG, belongs

    folder = extra.path.parent
    has_own = folder not in (lora_folder(), embedding_folder())
    config = folder / CONFIG if extra.role == "lora" and has_own and belongs(extra.path) else None
    try:
        extra.path.unlink()
        if config is not None:
            config.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot delete {extra.path}: {error.strerror or error}; check the folder.") from None
    if has_own:
        with suppress(OSError):  # something else is in it
            folder.rmdir()
