/* Attention of float32 in whole numbers of 12 bits, for int8 models on processors with AVX512-VNNI.
 *
 * One instruction multiplies and adds 32 pairs of such numbers where it would be 16 pairs of float32. The blocks are those of
 * `attention.c`. Queries have a scale each, keys and values one for their head. Weights of the values are whole numbers relative to
 * 2^14; what is less than half of one beside the largest weight of its row has none.
 *
 * Sums stay below 2^31: those of a score are of at most 160 products of 2047 x 2047, those of a value of weights that are at most
 * 64 x 2^14 together, times 2047.
 */

#if defined(__linux__) && defined(__x86_64__)

#include "kernels.h"

#define INTEGERS __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

enum {
    ROWS = 48,     /* queries of a block: a multiple of the six and the four that products take at a time */
    KEYS = 64,     /* keys of a block */
    WIDEST = 160,  /* values of a head */
    LARGEST = 2047,
    ONE = 14,      /* a weight of one is 2^14 */
    BEYOND = -(1 << 30), /* the score of keys that pad a block */
};

typedef struct {
    int32_t scores[ROWS * KEYS];
    int16_t weights[ROWS * KEYS];
    int16_t queries[ROWS * WIDEST];
    float result[ROWS * WIDEST];
    float sums[ROWS * TILE]; /* by lane, added up at the end */
    float maxima[ROWS], factors[ROWS];
} __attribute__((aligned(64))) Block;

/* ---- Rounding */

/* The largest magnitude among rows of values; no number where one of them is none. */
INTEGERS static float largest(const float *x, long token, long rows, long size)
{
    __m512 most = _mm512_setzero_ps(), none = _mm512_setzero_ps();
    for (long i = 0; i < rows; i++)
        for (long d = 0; d < size; d += TILE) {
            __mmask16 here = (__mmask16)((1u << smaller(TILE, size - d)) - 1);
            __m512 value = _mm512_maskz_loadu_ps(here, x + i * token + d);
            most = _mm512_max_ps(most, _mm512_abs_ps(value));
            none = _mm512_fmadd_ps(value, _mm512_setzero_ps(), none);
        }
    return _mm512_reduce_max_ps(most) + _mm512_reduce_add_ps(none);
}

INTEGERS static inline __m256i rounded(const float *x, __mmask16 here, float inverse)
{
    __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(here, x), _mm512_set1_ps(inverse));
    return _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(scaled));
}

/* What values are multiplied by to become whole numbers. */
static float inverse_of(float most) { return most > 0 ? LARGEST / most : 0; }

/* Keys (tokens, size) as tiles of 32: for each two of a head's values those of all keys of the tile. */
INTEGERS static void pack_keys(const float *k, long token, long keys, long padded, long size, float inverse, int16_t *packed)
{
    int16_t row[WIDEST + TILE];
    for (long j = 0; j < padded; j++) {
        int16_t *column = packed + j / (2 * TILE) * size * 2 * TILE + j % (2 * TILE) * 2;
        for (long d = 0; d < size; d += TILE) {
            __mmask16 here = j < keys ? (__mmask16)((1u << smaller(TILE, size - d)) - 1) : 0;
            _mm256_storeu_si256((__m256i *)(row + d), rounded(k + (j < keys ? j : 0) * token + d, here, inverse));
        }
        for (long d = 0; d < size; d += 2)
            memcpy(column + d * 2 * TILE, row + d, 2 * sizeof(int16_t));
    }
}

/* Values (tokens, size): for each two tokens the pairs of all of a head's values. Tokens and values beyond are zero. */
INTEGERS static void pack_values(
    const float *v, long token, long keys, long padded, long size, long wide, float inverse, int16_t *packed)
{
    for (long j = 0; j < padded; j += 2)
        for (long d = 0; d < wide; d += TILE) {
            __mmask16 here = d < size ? (__mmask16)((1u << smaller(TILE, size - d)) - 1) : 0;
            __m256i first = rounded(v + (j < keys ? j : 0) * token + d, j < keys ? here : 0, inverse);
            __m256i second = rounded(v + (j + 1 < keys ? j + 1 : 0) * token + d, j + 1 < keys ? here : 0, inverse);
            __m512i pairs = _mm512_or_si512(_mm512_cvtepu16_epi32(first), _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16));
            _mm512_storeu_si512(packed + j * wide + 2 * d, pairs);
        }
}

/* ---- Products */

INTEGERS static inline __m512i pair(const int16_t *at)
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    return _mm512_set1_epi32(both);
}

/* Scores of six queries with a tile of keys. */
INTEGERS static inline void score(const int16_t *q, long stride, const int16_t *tile, long size, int32_t *scores)
{
    __m512i sum[6][2];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_si512();
    for (long d = 0; d < size; d += 2) {
        __m512i low = _mm512_loadu_si512(tile + d * 2 * TILE), high = _mm512_loadu_si512(tile + (d + 1) * 2 * TILE);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            __m512i query = pair(q + i * stride + d);
            sum[i][0] = _mm512_dpwssd_epi32(sum[i][0], query, low);
            sum[i][1] = _mm512_dpwssd_epi32(sum[i][1], query, high);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        _mm512_storeu_si512(scores + i * KEYS, sum[i][0]);
        _mm512_storeu_si512(scores + i * KEYS + TILE, sum[i][1]);
    }
}

/* Adds to four rows of the result, in `count` vectors from a column on, the weighted values of some keys. */
__attribute__((always_inline)) INTEGERS static inline void weigh(
    int count, const int16_t *weights, const int16_t *values, long wide, long keys, float *result)
{
    __m512i sum[4][3];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 3
        for (int n = 0; n < count; n++)
            sum[i][n] = _mm512_setzero_si512();
    for (long j = 0; j < keys; j += 2) {
        __m512i value[3];
#pragma GCC unroll 3
        for (int n = 0; n < count; n++)
            value[n] = _mm512_loadu_si512(values + j * wide + n * 2 * TILE);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            __m512i weight = pair(weights + i * KEYS + j);
#pragma GCC unroll 3
            for (int n = 0; n < count; n++)
                sum[i][n] = _mm512_dpwssd_epi32(sum[i][n], weight, value[n]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 3
        for (int n = 0; n < count; n++) {
            float *at = result + i * wide + n * TILE;
            _mm512_storeu_ps(at, _mm512_add_ps(_mm512_loadu_ps(at), _mm512_cvtepi32_ps(sum[i][n])));
        }
}

/* Turns a row's scores into weights relative to the running maximum, and what was made of earlier keys with it. */
INTEGERS static inline void soften(Block *b, int row, long keys, long real, long wide)
{
    int32_t *scores = b->scores + row * KEYS;
    int16_t *weights = b->weights + row * KEYS;
    for (long j = real; j < keys; j++)
        scores[j] = BEYOND;
    __m512i most = _mm512_loadu_si512(scores), whole = _mm512_setzero_si512();
    for (long j = TILE; j < keys; j += TILE)
        most = _mm512_max_epi32(most, _mm512_loadu_si512(scores + j));
    float factor = b->factors[row], before = b->maxima[row], maximum = (float)_mm512_reduce_max_epi32(most) * factor;
    float *sums = b->sums + row * TILE;
    if (!(maximum <= before)) { /* what is no number goes on */
        __m512 shrink = exp2_ps(_mm512_set1_ps(before - maximum));
        float *result = b->result + row * wide;
        for (long d = 0; d < wide; d += TILE)
            _mm512_storeu_ps(result + d, _mm512_mul_ps(_mm512_loadu_ps(result + d), shrink));
        _mm512_storeu_ps(sums, _mm512_mul_ps(_mm512_loadu_ps(sums), shrink));
        b->maxima[row] = maximum;
    } else
        maximum = before;
    __m512 f = _mm512_set1_ps(factor), m = _mm512_set1_ps(maximum - ONE);
    for (long j = 0; j < keys; j += TILE) {
        __m512 x = _mm512_fmsub_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(scores + j)), f, m);
        __m512i weight = _mm512_cvtps_epi32(exp2_ps(x));
        whole = _mm512_add_epi32(whole, weight);
        _mm256_storeu_si256((__m256i *)(weights + j), _mm512_cvtepi32_epi16(weight));
    }
    _mm512_storeu_ps(sums, _mm512_add_ps(_mm512_loadu_ps(sums), _mm512_cvtepi32_ps(whole)));
}

/* ---- Blocks, heads */

INTEGERS static void take_queries(const FloatAttention *g, Block *b, const float *q, float key, long rows)
{
    long size = g->size;
    memset(b->queries, 0, ROWS * size * sizeof(int16_t));
    for (long i = 0; i < ROWS; i++) {
        float most = i < rows ? largest(q + i * g->q_token, 0, 1, size) : 0;
        b->maxima[i] = -3.0e38f;
        b->factors[i] = most / LARGEST * key * g->scale * 1.44269504f;
        for (long d = 0; i < rows && d < size; d += TILE) {
            __mmask16 here = (__mmask16)((1u << smaller(TILE, size - d)) - 1);
            _mm256_mask_storeu_epi16(b->queries + i * size + d, here, rounded(q + i * g->q_token + d, here, inverse_of(most)));
        }
    }
    memset(b->sums, 0, sizeof b->sums);
}

INTEGERS static void weigh_values(Block *b, const int16_t *values, long wide, long keys)
{
    for (long d = 0; d < wide;) {
        long left = (wide - d) / TILE, count = left == 1 ? 1 : left == 2 || left == 4 ? 2 : 3;
        for (int i = 0; i < ROWS; i += 4) {
            const int16_t *weights = b->weights + i * KEYS;
            float *result = b->result + i * wide + d;
            if (count == 1)
                weigh(1, weights, values + 2 * d, wide, keys, result);
            else if (count == 2)
                weigh(2, weights, values + 2 * d, wide, keys, result);
            else
                weigh(3, weights, values + 2 * d, wide, keys, result);
        }
        d += count * TILE;
    }
}

/* A block of queries against all keys of its head; `key` and `value` are what a whole number of theirs is worth. */
INTEGERS static void attend_block(const FloatAttention *g, Block *b, const int16_t *keys, const int16_t *values, float key, float value,
                                  const float *q, float *out, long rows)
{
    long size = g->size, wide = ceiling(size, TILE) * TILE, padded = ceiling(g->keys, 2 * TILE) * 2 * TILE;
    take_queries(g, b, q, key, rows);
    memset(b->result, 0, ROWS * wide * sizeof(float));
    for (long start = 0; start < padded; start += KEYS) {
        long here = smaller(KEYS, padded - start);
        for (long j = 0; j < here; j += 2 * TILE)
            for (int i = 0; i < ROWS; i += 6)
                score(b->queries + i * size, size, keys + (start + j) * size, size, b->scores + i * KEYS + j);
        for (int i = 0; i < ROWS; i++)
            soften(b, i, here, smaller(here, g->keys - start), wide);
        weigh_values(b, values + start * wide, wide, here);
    }
    for (long i = 0; i < rows; i++) {
        float sum = _mm512_reduce_add_ps(_mm512_loadu_ps(b->sums + i * TILE));
        for (long d = 0; d < size; d++)
            out[i * g->heads * size + d] = b->result[i * wide + d] * value / sum;
    }
}

long integer_attention_scratch(long keys, long size)
{
    long padded = ceiling(keys, 2 * TILE) * 2 * TILE, wide = ceiling(size, TILE) * TILE;
    return ceiling(sizeof(Block) + padded * (size + wide) * sizeof(int16_t), 64) * 64;
}

/* Heads, or parts of one, until none is left. */
INTEGERS static void attend(void *data)
{
    FloatJob *job = data;
    const FloatAttention *g = &job->given;
    long items = g->batch * g->heads * job->parts, size = g->size, packed = -1;
    long padded = ceiling(g->keys, 2 * TILE) * 2 * TILE, wide = ceiling(size, TILE) * TILE, blocks = ceiling(g->queries, ROWS);
    Block *block = (Block *)(g->scratch + atomic_fetch_add(&job->slot, 1) * integer_attention_scratch(g->keys, size));
    int16_t *keys = (int16_t *)(block + 1), *values = keys + padded * size;
    float key = 0, value = 0;

    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long head = item / job->parts, part = item % job->parts, b = head / g->heads, h = head % g->heads;
        if (head != packed) {
            const float *k = g->k + b * g->k_batch + h * size, *v = g->v + b * g->v_batch + h * size;
            key = largest(k, g->k_token, g->keys, size);
            value = largest(v, g->v_token, g->keys, size);
            pack_keys(k, g->k_token, g->keys, padded, size, inverse_of(key), keys);
            pack_values(v, g->v_token, g->keys, padded, size, wide, inverse_of(value), values);
            packed = head;
        }
        long last = smaller(blocks * (part + 1) / job->parts * ROWS, g->queries);
        for (long i = blocks * part / job->parts * ROWS; i < last; i += ROWS)
            attend_block(g, block, keys, values, key / LARGEST, value / LARGEST,
                         g->q + b * g->q_batch + i * g->q_token + h * size,
                         g->out + (b * g->queries + i) * g->heads * size + h * size, smaller(ROWS, last - i));
    }
}

/* Whether the processor has the instructions. */
int integer_attention_level(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

void integer_attention(const FloatAttention *given, Parallel *parallel)
{
    FloatJob job = {.given = *given, .parts = 1};
    long heads = given->batch * given->heads, blocks = ceiling(given->queries, ROWS);
    if (heads % given->threads) /* as in attention.c */
        job.parts = smaller(blocks, ceiling(4 * given->threads, heads));
    parallel(attend, &job, given->threads, 0);
}

#endif
