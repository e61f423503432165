/* What our kernels share.
 *
 * Work is shared out on the threads of torch's own OpenMP, whose entry point the caller passes: a second pool would
 * fight with it for the cores. `kernels.py` is the other half. Kernels in float32 are compiled for every processor (`float_kinds.h`),
 * those in bfloat16 for x86 ones with AVX512-BF16; on Linux, and nothing elsewhere.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;

typedef void Parallel(void (*work)(void *), void *data, unsigned threads, unsigned flags); /* GOMP_parallel */

typedef struct { /* attention of floats; `size` values per head, strides in values */
    long batch, heads, queries, keys, size;
    const float *q, *k, *v;
    float *out;
    long q_batch, q_token, k_batch, k_token, v_batch, v_token;
    float scale;
    char *scratch; /* what a kernel asks for, for each thread */
    int threads, level;
} FloatAttention;

typedef struct {
    FloatAttention given;
    long parts;
    atomic_long item;
    atomic_int slot;
} FloatJob;

static inline long ceiling(long n, long unit) { return (n + unit - 1) / unit; }
static inline long smaller(long a, long b) { return a < b ? a : b; }

#if defined(__x86_64__)

#include <immintrin.h>

#define VECTOR __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) /* what all kinds of kernels of 512 bits have */

enum { TILE = 16 }; /* float32 values of a register */

VECTOR static inline __m512 widen_16(const bf16 *x, __mmask16 mask)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, x));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

/* 2^x to 7.5e-5 of itself: a polynomial over the fraction, minimax in relative error. */
AVX512 static inline __m512 exp2_ps(__m512 x)
{
    __m512 f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512 p = _mm512_set1_ps(0.07802371f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.22606677f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.69583451f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.99992503f));
    return _mm512_scalef_ps(p, x); /* which takes the floor of x */
}

#endif
