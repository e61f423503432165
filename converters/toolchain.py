"""coremltools, quietly: what it says at import about missing Apple libraries and untested torch versions is no news here."""

from __future__ import annotations

import logging
from functools import partial

logging.getLogger("coremltools").setLevel(logging.ERROR)

import coremltools as ct  # noqa: E402
from coremltools._deps import _kmeans1d as kmeans1d  # noqa: E402
from coremltools.converters.mil import Builder as mb  # noqa: E402, N813
from coremltools.converters.mil.mil import Function, Placeholder, Program, Var, types  # noqa: E402
from coremltools.converters.mil.mil.passes import pass_pipeline  # noqa: E402

pass_pipeline.tqdm = partial(pass_pipeline.tqdm, disable=True)

__all__ = ["Function", "Placeholder", "Program", "Var", "ct", "kmeans1d", "mb", "types"]
