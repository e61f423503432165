/* Group norm with SiLU, and the rounding to uint8, of maps in bfloat16 and in float32: one pass where torch takes several. */

#if defined(__linux__)

#include "kernels.h"
#include <math.h>

/* ---- What group norms share: two passes over memory, the first of which makes sums by chunks of pixels */

typedef struct {
    long batch, pixels, channels, groups; /* channels are a multiple of 16 */
    const void *x;                        /* (batch, pixels, channels), bfloat16 or float32 */
    const float *weight, *bias;           /* (channels) */
    void *out;                            /* as x, or uint8 */
    float eps, inverse;                   /* 1 / scale of uint8; 0 for none */
    int zero, silu, threads;
    float *scratch; /* `group_norm_scratch` bytes */
    int level;      /* of float32, as `float_level` has it; 0 for bfloat16 */
} Norm;

typedef struct {
    Norm given;
    long chunks; /* of PIXELS each, per picture */
    float *sums, *factors;
    atomic_long item;
} NormJob;

enum { PIXELS = 64 };

static float value_at(const Norm *g, long place)
{
    if (g->level)
        return ((const float *)g->x)[place];
    uint32_t bits = (uint32_t)((const bf16 *)g->x)[place] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What a picture's channels are multiplied by, and what is added then. */
static void find_factors(const NormJob *job, long b)
{
    const Norm *g = &job->given;
    long C = g->channels, wide = C / g->groups;
    float *factor = job->factors + b * 2 * C, *offset = factor + C;
    for (long group = 0; group < g->groups; group++) {
        double mean = 0, spread = 0, count = (double)g->pixels * wide;
        double sums[wide], squares[wide], shifts[wide];
        for (long i = 0; i < wide; i++) {
            long c = group * wide + i;
            shifts[i] = value_at(g, b * g->pixels * C + c);
            sums[i] = squares[i] = 0;
            for (long k = b * job->chunks; k < (b + 1) * job->chunks; k++) {
                sums[i] += job->sums[k * 2 * C + c];
                squares[i] += job->sums[k * 2 * C + C + c];
            }
            mean += (g->pixels * shifts[i] + sums[i]) / count;
        }
        for (long i = 0; i < wide; i++) {
            double off = shifts[i] - mean;
            spread += (squares[i] + 2 * off * sums[i] + g->pixels * off * off) / count;
        }
        double scale = spread < INFINITY ? 1 / sqrt((spread > 0 ? spread : 0) + g->eps) : NAN; /* squares that overflow show */
        for (long c = group * wide; c < (group + 1) * wide; c++) {
            factor[c] = (float)(scale * g->weight[c]);
            offset[c] = (float)(g->bias[c] - mean * scale * g->weight[c]);
        }
    }
}

#if defined(__x86_64__)

/* ---- Rounding to uint8, as torch.quantize_per_tensor does it, without the float32 copy that needs */

typedef struct {
    const bf16 *x, *factor; /* of the same shape, or NULL */
    uint8_t *out;
    long count;
    float inverse; /* of the scale */
    int zero, threads;
} Rounding;

typedef struct {
    Rounding given;
    atomic_long piece;
} RoundingJob;

enum { PIECE = 1 << 14 };

VECTOR static inline void store_rounded(uint8_t *out, __m512 x, float inverse, int zero, __mmask16 mask)
{
    /* What is out of range would become the least integer, and so 0, unless it is cut before. */
    __m512 scaled = _mm512_min_ps(_mm512_mul_ps(x, _mm512_set1_ps(inverse)), _mm512_set1_ps(512.0f));
    __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(scaled), _mm512_set1_epi32(zero));
    _mm_mask_storeu_epi8(out, mask, _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512())));
}

VECTOR static inline void round_16(const Rounding *g, long i, __mmask16 mask)
{
    __m512 x = widen_16(g->x + i, mask);
    if (g->factor)
        x = _mm512_mul_ps(x, widen_16(g->factor + i, mask));
    store_rounded(g->out + i, x, g->inverse, g->zero, mask);
}

VECTOR static void round_pieces(void *data)
{
    RoundingJob *job = data;
    const Rounding *g = &job->given;
    for (long start; (start = atomic_fetch_add(&job->piece, 1) * PIECE) < g->count;) {
        long stop = smaller(start + PIECE, g->count), i = start;
        for (; i + TILE <= stop; i += TILE)
            round_16(g, i, 0xffff);
        if (i < stop)
            round_16(g, i, (__mmask16)((1u << (stop - i)) - 1));
    }
}

void round_uint8(const Rounding *given, Parallel *parallel)
{
    RoundingJob job = {.given = *given};
    if (given->count <= PIECE)
        round_pieces(&job);
    else
        parallel(round_pieces, &job, given->threads, 0);
}

/* ---- Group norm over channels-last maps, with SiLU and the rounding of what reads it, in two passes over memory */

/* Per picture, chunk and channel: the sum and the sum of squares of what is above the picture's first pixel. */
VECTOR static void sum_chunks(void *data)
{
    NormJob *job = data;
    const Norm *g = &job->given;
    long C = g->channels, items = g->batch * job->chunks;
    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long start = item % job->chunks * PIXELS, count = smaller(PIXELS, g->pixels - start);
        const bf16 *first = (const bf16 *)g->x + item / job->chunks * g->pixels * C;
        for (long c = 0; c < C; c += TILE) {
            __m512 shift = widen_16(first + c, 0xffff), sum = _mm512_setzero_ps(), square = sum;
            for (long p = start; p < start + count; p++) {
                __m512 above = _mm512_sub_ps(widen_16(first + p * C + c, 0xffff), shift);
                sum = _mm512_add_ps(sum, above);
                square = _mm512_fmadd_ps(above, above, square);
            }
            _mm512_storeu_ps(job->sums + item * 2 * C + c, sum);
            _mm512_storeu_ps(job->sums + item * 2 * C + C + c, square);
        }
    }
}

VECTOR static void norm_chunks(void *data)
{
    NormJob *job = data;
    const Norm *g = &job->given;
    long C = g->channels, items = g->batch * job->chunks;
    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long b = item / job->chunks, start = item % job->chunks * PIXELS, count = smaller(PIXELS, g->pixels - start);
        const float *factor = job->factors + b * 2 * C;
        for (long p = start; p < start + count; p++)
            for (long c = 0; c < C; c += TILE) {
                long at = (b * g->pixels + p) * C + c;
                __m512 y = _mm512_fmadd_ps(widen_16((const bf16 *)g->x + at, 0xffff), _mm512_loadu_ps(factor + c), _mm512_loadu_ps(factor + C + c));
                if (g->silu) {
                    __m512 one = _mm512_set1_ps(1.0f), e = exp2_ps(_mm512_mul_ps(y, _mm512_set1_ps(-1.44269504f)));
                    y = _mm512_mul_ps(y, _mm512_rcp14_ps(_mm512_add_ps(one, e)));
                }
                if (g->inverse)
                    store_rounded((uint8_t *)g->out + at, y, g->inverse, g->zero, 0xffff);
                else
                    _mm256_storeu_si256((__m256i *)((bf16 *)g->out + at), (__m256i)_mm512_cvtneps_pbh(y));
            }
    }
}

#endif

/* ---- In float32 */

enum { FLOAT_PIECE = 1 << 14 };

typedef struct { /* as Rounding */
    const float *x, *factor;
    uint8_t *out;
    long count;
    float inverse;
    int zero, threads, level;
} FloatRounding;

typedef struct {
    FloatRounding given;
    atomic_long piece;
} FloatRoundingJob;

#define FLOAT_TEMPLATE "float_norms.h"
#include "float_kinds.h"

void float_round_uint8(const FloatRounding *given, Parallel *parallel)
{
    FloatRoundingJob job = {.given = *given};
    if (given->count <= FLOAT_PIECE)
        BY_KIND(given->level, round_pieces)(&job);
    else
        parallel(BY_KIND(given->level, round_pieces), &job, given->threads, 0);
}

/* ---- What is called from outside for either */

#if defined(__x86_64__)
#define HALF(function) function
#else
#define HALF(function) NULL /* nobody asks for bfloat16 there */
#endif

long group_norm_scratch(long batch, long pixels, long channels)
{
    return batch * 2 * channels * (ceiling(pixels, PIXELS) + 1) * sizeof(float);
}

void group_norm(const Norm *given, Parallel *parallel)
{
    NormJob job = {.given = *given, .chunks = ceiling(given->pixels, PIXELS), .sums = given->scratch};
    job.factors = job.sums + given->batch * job.chunks * 2 * given->channels;
    void (*sum)(void *) = given->level ? BY_KIND(given->level, sum_chunks) : HALF(sum_chunks);
    void (*norm)(void *) = given->level ? BY_KIND(given->level, norm_chunks) : HALF(norm_chunks);
    parallel(sum, &job, given->threads, 0);
    for (long b = 0; b < given->batch; b++)
        find_factors(&job, b);
    atomic_store(&job.item, 0);
    parallel(norm, &job, given->threads, 0);
}

#endif
