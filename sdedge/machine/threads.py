"""How many threads torch computes on: what the probe found best on this processor, unless the user chose."""

from __future__ import annotations

import os
from threading import Thread

import torch

from sdedge.machine import findings
from sdedge.machine.cores import cores


def user_chose_threads() -> bool:
    """Returns whether the user chose how many threads compute, as every program with OpenMP understands it."""
    return any(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"))


def use_threads() -> None:
    """Computes on as many threads as the probe found best on this processor, unless the user chose; without a finding on no more
    than its container is given the time of, which OpenMP does not ask.

    It holds for the thread that calls it and those that begin later. Every engine calls it as it opens, and so does training.
    """
    torch.get_num_threads()  # before which torch's number for this thread is not its own yet
    if user_chose_threads():
        return
    finding = findings.findings().get("cpu")
    if finding is not None and finding.threads > 0:
        torch.set_num_threads(finding.threads)
    elif (most := cores().most) < torch.get_num_threads():
        torch.set_num_threads(most)


def compute_alone() -> None:
    """Lets the thread that calls it compute without others, and those that begin later on as many as before.

    `torch.set_num_threads` sets both: the number of the thread that calls, and that of threads to come.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    restoring = Thread(target=torch.set_num_threads, args=(before,))
    restoring.start()
    restoring.join()
