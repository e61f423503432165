"""Which vector instructions may be used here: the processor's, less those that the environment takes from oneDNN, ATen or MKL.

`ONEDNN_MAX_CPU_ISA` and `ATEN_CPU_CAPABILITY` make a machine act as a lesser one. Our own kernels keep to them too, and what was
measured under one cap counts for no other. Each is read when it is first asked for, as those libraries do. No torch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Instructions(StrEnum):
    """Kinds of vector instructions that kernels are chosen by."""

    AVX2 = "avx2"
    AVX_VNNI = "avx_vnni"
    """Dot products of bytes in 256 bits."""
    AVX512 = "avx512"
    VNNI = "avx512_vnni"
    BF16 = "avx512_bf16"
    AMX = "amx"


_AVX2, _VNNI_256 = frozenset({Instructions.AVX2}), frozenset({Instructions.AVX2, Instructions.AVX_VNNI})
_AVX512 = _AVX2 | {Instructions.AVX512}
_VNNI = _AVX512 | {Instructions.VNNI}
_BF16 = _VNNI | {Instructions.BF16}
_FP16 = _BF16 | {Instructions.AVX_VNNI}
_AMX = _FP16 | {Instructions.AMX}
_ONEDNN: Mapping[str, frozenset[Instructions]] = {
    "sse41": frozenset(), "avx": frozenset(), "avx2": _AVX2, "avx2_vnni": _VNNI_256, "avx2_vnni_2": _VNNI_256,
    "avx512_core": _AVX512, "avx512_core_vnni": _VNNI, "avx512_core_bf16": _BF16, "avx512_core_fp16": _FP16,
    "avx10_1_512": _FP16, "avx512_core_amx": _AMX, "avx512_core_amx_fp16": _AMX, "avx10_1_512_amx": _AMX,
    "avx10_1_512_amx_fp16": _AMX,
}  # fmt: skip
"""What oneDNN uses at most, by the values of its variable; others, such as "all", take nothing away."""
_ATEN: Mapping[str, frozenset[Instructions]] = {"default": frozenset(), "avx2": _VNNI_256, "avx512": _AMX}
_FLAGS = {
    Instructions.AVX2: {"avx2", "fma"}, Instructions.AVX_VNNI: {"avx_vnni"},
    Instructions.AVX512: {"avx512f", "avx512bw", "avx512dq", "avx512vl"}, Instructions.VNNI: {"avx512_vnni"},
    Instructions.BF16: {"avx512_bf16"}, Instructions.AMX: {"amx_tile", "amx_int8", "amx_bf16"},
}  # fmt: skip
PROCESSORS = Path("/proc/cpuinfo")


def caps() -> dict[str, str]:
    """Returns what takes instructions away, by the library that heeds it: "onednn", "aten" and "mkl"; nothing where none does."""
    onednn = (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "").lower()
    aten = os.environ.get("ATEN_CPU_CAPABILITY", "")
    mkl = os.environ.get("MKL_ENABLE_INSTRUCTIONS", "").lower()
    named = {"onednn": onednn if onednn in _ONEDNN else "", "aten": aten if aten in _ATEN else "", "mkl": mkl}
    return {library: cap for library, cap in named.items() if cap}


def cap_in_words() -> str:
    """Returns the caps in one line, such as "onednn avx2, aten avx2"; "" where there is none."""
    return ", ".join(f"{library} {cap}" for library, cap in caps().items())


def are_allowed(instructions: Instructions) -> bool:
    """Returns whether no cap on oneDNN or ATen takes some instructions away; what the processor has is not asked."""
    capped = caps()
    limits = [_ONEDNN[capped["onednn"]]] if "onednn" in capped else []
    limits += [_ATEN[capped["aten"]]] if "aten" in capped else []
    return all(instructions in limit for limit in limits)


def onednn_may_use(instructions: Instructions) -> bool:
    """Returns whether oneDNN's cap leaves some instructions; it does not heed ATen's."""
    cap = caps().get("onednn")
    return cap is None or instructions in _ONEDNN[cap]


def processor_has(instructions: Instructions) -> bool | None:
    """Returns whether Linux lists some instructions among the processor's; None where no such list is kept."""
    try:
        lines = PROCESSORS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    flags = [line.partition(":")[2].split() for line in lines if line.startswith("flags")]
    return _FLAGS[instructions] <= set(flags[0]) if flags else None
