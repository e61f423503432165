"""Our kernels in float32 are attention, torch's norms and torch's rounding to the last digits, here and on ARM processors."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sdedge.engines.torch.cpu import int8_unet, kernels
from sdedge.models.attention import sdpa

here = pytest.mark.skipif(not kernels.available(torch.float32), reason="not built, or no AVX2 in this processor")
SOURCES = Path(kernels.__file__).parent
CROSS, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"


def _inputs(B: int, T: int, S: int, C: int, seed: int = 0, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as thirds of wider rows, which is how a fused layer hands them over."""
    generator = torch.Generator().manual_seed(seed)
    q, k, v = (size * torch.randn(B, max(T, S), 3 * C, generator=generator)).chunk(3, dim=-1)
    return q[:, :T], k[:, :S], v[:, :S]


def _error(ours: Tensor, q: Tensor, k: Tensor, v: Tensor, heads: int) -> float:
    exact = sdpa(q.double(), k.double(), v.double(), heads)
    return float((ours.double() - exact).norm() / exact.norm())


@here
@settings(max_examples=25, deadline=None)
@given(
    B=st.integers(1, 3), T=st.integers(1, 110), S=st.integers(1, 300), heads=st.integers(1, 4),
    size=st.sampled_from([2, 8, 30, 32, 40, 64, 80, 158, 160]), seed=st.integers(0, 9),
)  # fmt: skip
def test_attention_of_any_shape_is_exact_to_float32(B, T, S, heads, size, seed):
    q, k, v = _inputs(B, T, S, heads * size, seed)
    assert _error(kernels.run_attention(q, k, v, heads), q, k, v, heads) < 2e-6


@here
def test_large_scores_and_one_that_outweighs_all_stay_finite():
    q, k, v = _inputs(1, 40, 200, 40, size=30.0)
    assert _error(kernels.run_attention(q, k, v, 1), q, k, v, 1) < 1e-4
    k[:, 150] = 100 * q[:, 3]
    assert torch.allclose(kernels.run_attention(q, k, v, 1)[0, 3], v[0, 150], rtol=1e-5)


@here
def test_what_is_no_number_is_not_hidden():
    q, k, v = (x.clone() for x in _inputs(1, 30, 70, 40))
    q[0, 3, 5] = torch.nan
    out = kernels.run_attention(q, k, v, 1)
    assert out[0, 3].isnan().all() and not out[0, 4:].isnan().any()
    x = torch.zeros(1, 32, 4, 4).contiguous(memory_format=torch.channels_last)
    x[0, 0, 2, 2] = torch.nan
    assert kernels.group_norm(x, nn.GroupNorm(2, 32), True)[0, :16].isnan().all()
    large = torch.full((1, 32, 2, 2), 1e30).contiguous(memory_format=torch.channels_last)
    large[..., 0] *= -1
    assert not kernels.group_norm(large, nn.GroupNorm(2, 32)).isfinite().any()  # whose squares have no room
    assert not kernels.takes_norm(large[:, :, :0])


@here
def test_threads_share_the_work_and_change_nothing():
    q, k, v = _inputs(1, 700, 130, 3 * 40)
    x, norm = torch.randn(2, 64, 20, 30).contiguous(memory_format=torch.channels_last), nn.GroupNorm(8, 64)
    before, outs = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            outs.append((kernels.run_attention(q, k, v, 3), kernels.group_norm(x, norm.requires_grad_(False), True)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for out in outs for a, b in zip(out, outs[0], strict=True))


@here
@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from([(1,), (15,), (2, 3, 5, 7), (1, 40001), (2, 320, 16, 16)]),
    scale=st.floats(1e-3, 0.2), zero=st.integers(0, 255), by_product=st.booleans(),
)  # fmt: skip
def test_rounding_is_torchs(shape, scale, zero, by_product):
    generator = torch.Generator().manual_seed(int(zero))
    x, factor = (3 * torch.randn(shape, generator=generator) for _ in range(2))
    if len(shape) == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    wide = x * factor if by_product else x
    expected = ((wide.double() / scale).round() + zero).clamp(0, 255)
    ours = kernels.round_uint8(x, scale, zero, factor if by_product else None)
    assert ours.stride() == x.stride()
    assert ((ours.double() - expected).abs() <= ((wide.double() / scale) % 1 - 0.5).abs().lt(1e-3)).all()  # ties


@here
def test_rounding_cuts_what_is_out_of_range():
    x = torch.tensor([-1e30, -1.0, 0.0, 1.0, 1e30, float("inf"), float("-inf"), 2.55, 2.49])
    assert kernels.round_uint8(x, 0.01, 7).tolist() == [0, 0, 7, 107, 255, 255, 0, 255, 255]
    assert int8_unet.quantise(x, 0.01, 7).tolist() == [0, 0, 7, 107, 255, 255, 0, 255, 255]


@here
@settings(max_examples=20, deadline=None)
@given(
    B=st.integers(1, 3), side=st.integers(1, 13), groups=st.sampled_from([1, 4, 8]), wide=st.sampled_from([4, 12, 20]),
    silu=st.booleans(), level=st.sampled_from([0.0, 5.0, 300.0]), seed=st.integers(0, 9),
)  # fmt: skip
@torch.inference_mode()
def test_group_norm_is_as_near_to_exact_as_torchs(B, side, groups, wide, silu, level, seed):
    generator = torch.Generator().manual_seed(seed)
    C = groups * wide * 4
    x = (level + torch.randn(B, C, side, side + 1, generator=generator)).contiguous(memory_format=torch.channels_last)
    norm = nn.GroupNorm(groups, C)
    nn.init.normal_(norm.weight, generator=generator)
    nn.init.normal_(norm.bias, generator=generator)

    def made(dtype: torch.dtype) -> Tensor:
        out = F.group_norm(x.to(dtype), groups, norm.weight.to(dtype), norm.bias.to(dtype), norm.eps)
        return (F.silu(out) if silu else out).double()

    exact, ours = made(torch.float64), kernels.group_norm(x, norm, silu)
    assert kernels.takes_norm(x) and ours.is_contiguous(memory_format=torch.channels_last)
    near = float((made(torch.float32) - exact).norm())
    assert float((ours.double() - exact).norm()) < 2 * near + 1e-6 * float(exact.norm()) + 1e-6
    stored = kernels.group_norm(x, norm, silu, (0.05, 20)).double()
    assert (stored - ((exact / 0.05).round() + 20).clamp(0, 255)).abs().max() <= 1


# On another processor: a program of the same sources, cross-compiled, and this machine's emulator

START = """
#include <stdio.h>
#include <stdlib.h>

static void in_turn(void (*work)(void *), void *data, unsigned threads, unsigned flags)
{
    (void)flags;
    while (threads--) work(data);
}

static float *read_floats(long count)
{
    float *x = malloc(count * 4);
    if (fread(x, 4, count, stdin) != (size_t)count) exit(1);
    return x;
}
"""
PROGRAMS = {
    "attention.c": """
int main(int count, char **words)
{
    if (count < 5) return 1;
    long T = atol(words[1]), S = atol(words[2]), heads = atol(words[3]), size = atol(words[4]), C = heads * size;
    int level = float_level();
    FloatAttention a = {.batch = 1, .heads = heads, .queries = T, .keys = S, .size = size, .q_token = C, .k_token = C,
        .v_token = C, .scale = 1 / __builtin_sqrtf(size), .threads = 2, .level = level};
    a.q = read_floats(T * C), a.k = read_floats(S * C), a.v = read_floats(S * C), a.out = malloc(T * C * 4);
    a.scratch = aligned_alloc(64, 2 * float_attention_scratch(S, size, level));
    float_attention(&a, in_turn);
    fwrite(a.out, 4, T * C, stdout);
    return 0;
}
""",
    "norms.c": """
int main(int count, char **words)
{
    if (count < 5) return 1;
    long T = atol(words[1]), S = atol(words[2]), C = atol(words[3]) * atol(words[4]);
    Norm n = {.batch = 1, .pixels = T, .channels = C, .groups = 4, .eps = 1e-5f, .silu = 1, .threads = 2, .level = 1};
    n.x = read_floats(T * C), n.weight = read_floats(S * C), n.bias = read_floats(S * C), n.out = malloc(T * C * 4);
    n.scratch = malloc(group_norm_scratch(1, T, C));
    group_norm(&n, in_turn);
    fwrite(n.out, 4, T * C, stdout);
    FloatRounding r = {.x = n.x, .factor = n.out, .count = T * C, .inverse = 20, .zero = 99, .threads = 2, .level = 1};
    r.out = malloc(T * C);
    float_round_uint8(&r, in_turn);
    fwrite(r.out, 1, T * C, stdout);
    return 0;
}
""",
    "winograd.c": """
int main(int count, char **words)
{
    if (count < 5) return 1;
    long H = atol(words[1]), W = atol(words[2]), C = atol(words[3]), O = atol(words[4]), tiles = (H + 1) / 2 * ((W + 1) / 2);
    Winograd g = {.batch = 1, .height = H, .width = W, .inputs = C, .outputs = O, .padding = 1, .strip = tiles / 2 + 1,
        .threads = 2, .level = 1};
    g.x = read_floats(H * W * C), g.weight = read_floats(O * C * 9), g.bias = read_floats(O);
    g.scratch = malloc(4 * winograd_scratch(C, g.strip, 2)), g.out = malloc(4 * H * W * O);
    winograd(&g, in_turn);
    fwrite(g.out, 4, H * W * O, stdout);
    long wide = winograd_panel(1);
    fwrite(&wide, sizeof wide, 1, stderr);
    return 0;
}
""",
}


def _built(folder: Path, compiler: str, source: str) -> list[str]:
    """Returns the command that runs a program of one of our sources."""
    program = folder / source.removesuffix(".c")
    (folder / source).write_text(f'#include "{SOURCES / source}"\n' + START + PROGRAMS[source])
    options = ["-O3", "-std=gnu11", "-static", f"-I{SOURCES}"]
    command = [compiler, *options, str(folder / source), "-o", str(program), "-lm"]
    subprocess.run(command, check=True, timeout=120)
    return [*([EMULATOR] if compiler == CROSS else []), str(program)]


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["cc", CROSS])
def test_the_same_sources_give_the_same_values_on_arm(tmp_path, compiler):
    """And, by the same program, here: what differs is the processor's."""
    for tool in (compiler, *([EMULATOR] if compiler == CROSS else [])):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user)")
    *programs, convolution = [_built(tmp_path, compiler, source) for source in PROGRAMS]
    _convolves(convolution, 8 if compiler == CROSS else 16)
    for T, S, heads, size in ((50, 77, 2, 40), (130, 200, 1, 160), (7, 3, 4, 12)):
        C = heads * size
        q, k, v = _inputs(1, T, S, C)
        inputs = b"".join(np.ascontiguousarray(x.numpy()).tobytes() for x in (q, k, v))
        attended, normed = (
            subprocess.run(
                [*program, *map(str, (T, S, heads, size))], input=inputs, capture_output=True, check=True, timeout=120
            ).stdout
            for program in programs
        )
        out = torch.from_numpy(np.frombuffer(attended, np.float32).copy()).view(1, T, C)
        assert _error(out, q, k, v, heads) < 2e-6
        norm = torch.from_numpy(np.frombuffer(normed[: 4 * T * C], np.float32).copy()).view(1, T, C)
        weight, bias = k[0, 0].double(), v[0, 0].double()
        exact = F.silu(F.group_norm(q.double().transpose(1, 2), 4, weight, bias, 1e-5)).transpose(1, 2)
        assert float((norm.double() - exact).norm() / exact.norm()) < 1e-5
        stored = torch.from_numpy(np.frombuffer(normed[4 * T * C :], np.uint8).copy()).float()
        assert float((stored - (20 * q * norm).round().add(99).clamp(0, 255).flatten()).abs().max()) <= 1


def _convolves(program: list[str], panel: int) -> None:
    """Looks at what a program's convolution makes of weights in panels of so many outputs."""
    x, weight, bias = torch.randn(1, 32, 7, 10), torch.randn(64, 32, 3, 3), torch.randn(64)
    panels = weight.view(64 // panel, panel, 32, 9).permute(0, 3, 2, 1)
    inputs = b"".join(t.contiguous().numpy().tobytes() for t in (x.permute(0, 2, 3, 1), panels, bias))
    done = subprocess.run(
        [*program, "7", "10", "32", "64"], input=inputs, capture_output=True, check=True, timeout=120
    )  # fmt: skip
    out = torch.from_numpy(np.frombuffer(done.stdout, np.float32).copy()).view(7, 10, 64).permute(2, 0, 1)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)[0]
    assert int.from_bytes(done.stderr[:8], "little") == panel
    assert float((out.double() - exact).norm() / exact.norm()) < 2e-6
