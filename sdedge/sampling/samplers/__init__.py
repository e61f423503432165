"""The samplers by their canonical names; `sdedge.catalog.SAMPLERS` describes them."""

from __future__ import annotations

from sdedge.sampling.samplers.adaptive import dpm_adaptive, dpm_fast
from sdedge.sampling.samplers.ancestral import ddim, ddpm, dpm2_a, dpmpp_2s_a, euler_a
from sdedge.sampling.samplers.contract import Denoise, Sampler, StepNoise, Steps
from sdedge.sampling.samplers.few_step import lcm, tcd
from sdedge.sampling.samplers.multistep import deis, dpmpp_2m, ipndm, lms, plms, unipc
from sdedge.sampling.samplers.ode import dpm2, euler, heun
from sdedge.sampling.samplers.sde import dpmpp_2m_sde, dpmpp_2m_sde_heun, dpmpp_3m_sde, dpmpp_sde, restart, sa_solver

SAMPLERS: dict[str, Sampler] = {
    sampler.__name__: sampler
    for sampler in (
        ddim,
        ddpm,
        plms,
        euler,
        euler_a,
        heun,
        dpm2,
        dpm2_a,
        lms,
        dpm_fast,
        dpm_adaptive,
        dpmpp_2s_a,
        dpmpp_sde,
        dpmpp_2m,
        dpmpp_2m_sde,
        dpmpp_2m_sde_heun,
        dpmpp_3m_sde,
        unipc,
        deis,
        ipndm,
        sa_solver,
        restart,
        lcm,
        tcd,
    )
}

__all__ = ["SAMPLERS", "Denoise", "Sampler", "StepNoise", "Steps"]
