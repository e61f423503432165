"""coremltools, quietly: what it says at import about missing Apple libraries and untested torch versions is no news here."""

from __future__ import annotations

import logging
from functools import partial

from sdedge.errors import SdedgeError
from sdedge.interpreter import how_to_install

logging.getLogger("coremltools").setLevel(logging.ERROR)

try:
    import coremltools as ct
except ModuleNotFoundError as error:
    if error.name != "coremltools":
        raise
    raise SdedgeError(f"Converting needs coremltools; {how_to_install('coremltools')}.") from error
from coremltools.converters.mil import Builder as mb  # noqa: E402, N813
from coremltools.converters.mil.mil import Function, Placeholder, Program, Var, types  # noqa: E402
from coremltools.converters.mil.mil.passes import pass_pipeline  # noqa: E402

pass_pipeline.tqdm = partial(pass_pipeline.tqdm, disable=True)

__all__ = ["Function", "Placeholder", "Program", "Var", "ct", "mb", "types"]
