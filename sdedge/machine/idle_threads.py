"""Threads that have done their share of a kernel and wait for the others: how long they keep their processor. No torch."""

from __future__ import annotations

import os
import sys

SPINS = 20_000
"""Looks at whether the others are done before a thread sleeps: some tenths of a millisecond. With 1000 a narrow network, whose
kernels are that short, takes half as long again; with the 300,000 of GNU's OpenMP a thread keeps its processor for
milliseconds."""


def let_idle_threads_sleep() -> None:
    """Has torch's threads sleep soon when they wait, on Linux, so that one which shares its processor with another program may
    move to the one that is free. To be called before torch is imported; what the user set is left alone."""
    if sys.platform == "linux" and not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
