/* Attention of float32 in whole numbers of 12 bits, for int8 models on processors with AVX512-VNNI.
 *
 * One instruction multiplies and adds 32 pairs of such numbers where it would be 16 pairs of float32. The blocks are those of
 * `attention.c`. Queries and keys have a scale each, and so has each column of a head's values. Weights of the values are whole
 * numbers to 2^14 relative to the largest of their block of keys, and a block's share of the result is a float: thousands of keys
 * count together however small each is beside one of another block.
 *
 * Sums stay below 2^31: those of a score are of at most 160 products of 2047 x 2047, those of a value of weights that are at most
 * 64 x 2^14 together, times 2047.
 */

#if defined(__linux__) && defined(__x86_64__)

#include <math.h>

#include "kernels.h"

#define INTEGERS __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))

enum {
    ROWS = 48,     /* queries of a block: a multiple of the six and the four that products take at a time */
    KEYS = 64,     /* keys of a block */
    WIDEST = 160,  /* values of a head */
    LARGEST = 2047,
    ONE = 14,      /* a weight of one is 2^14 */
};

/* A head's keys and values as whole numbers. */
typedef struct {
    int16_t *keys, *values;
    float *units; /* what a whole number is worth in each key */
    float none;   /* 0, or no number where a key has one */
} Head;

static const float LOWEST = -3.0e38f; /* below any score */

typedef struct {
    int32_t scores[ROWS * KEYS];
    int16_t weights[ROWS * KEYS];
    int16_t queries[ROWS * WIDEST];
    float result[ROWS * WIDEST];
    float sums[ROWS * TILE]; /* by lane, added up at the end */
    float units[WIDEST]; /* what a whole number is worth in each column of the values */
    float maxima[ROWS], factors[ROWS], shares[ROWS];
} __attribute__((aligned(64))) Block;

/* The lanes of a vector before the end of what is left. */
INTEGERS static inline __mmask16 until(long left) { return (__mmask16)(left > 0 ? (1u << smaller(TILE, left)) - 1 : 0); }

/* ---- Rounding */

/* What a whole number is worth in a row of values, for the largest of them to fit; no number where one of them is none. */
INTEGERS static float unit_of(const float *x, long size)
{
    __m512 most = _mm512_setzero_ps(), none = _mm512_setzero_ps();
    for (long d = 0; d < size; d += TILE) {
        __m512 value = _mm512_maskz_loadu_ps(until(size - d), x + d);
        most = _mm512_max_ps(most, _mm512_abs_ps(value));
        none = _mm512_fmadd_ps(value, _mm512_setzero_ps(), none);
    }
    return (_mm512_reduce_max_ps(most) + _mm512_reduce_add_ps(none)) / LARGEST;
}

INTEGERS static inline __m256i rounded(const float *x, __mmask16 here, __m512 inverse)
{
    __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(here, x), inverse)), most = _mm512_set1_epi32(LARGEST);
    return _mm512_cvtepi32_epi16(_mm512_max_epi32(_mm512_min_epi32(whole, most), _mm512_sub_epi32(_mm512_setzero_si512(), most)));
}

/* What values are multiplied by to become whole numbers of a unit; 0 of none. */
INTEGERS static inline __m512 inverse_of(__m512 unit)
{
    return _mm512_maskz_div_ps(_mm512_cmp_ps_mask(unit, _mm512_setzero_ps(), _CMP_GT_OQ), _mm512_set1_ps(1), unit);
}

/* Keys (tokens, size) as tiles of 32: for each two of a head's values those of all keys of the tile. Returns 0, or no
 * number where a key has one. */
INTEGERS static float pack_keys(const float *k, long token, long keys, long padded, long size, int16_t *packed, float *units)
{
    int16_t row[WIDEST + TILE];
    float none = 0;
    for (long j = 0; j < padded; j++) {
        int16_t *column = packed + j / (2 * TILE) * size * 2 * TILE + j % (2 * TILE) * 2;
        const float *key = k + (j < keys ? j : 0) * token;
        units[j] = j < keys ? unit_of(key, size) : 0;
        none += units[j] * 0;
        for (long d = 0; d < size; d += TILE) {
            __mmask16 here = until(j < keys ? size - d : 0);
            _mm256_storeu_si256((__m256i *)(row + d), rounded(key + d, here, inverse_of(_mm512_set1_ps(units[j]))));
        }
        for (long d = 0; d < size; d += 2)
            memcpy(column + d * 2 * TILE, row + d, 2 * sizeof(int16_t));
    }
    return none;
}

/* What a whole number is worth in each column of values; no number where one of them is none. */
INTEGERS static void find_units(const float *v, long token, long keys, long size, float *units)
{
    for (long d = 0; d < size; d += TILE) {
        __mmask16 here = until(size - d);
        __m512 most = _mm512_setzero_ps(), none = _mm512_setzero_ps();
        for (long j = 0; j < keys; j++) {
            __m512 value = _mm512_maskz_loadu_ps(here, v + j * token + d);
            most = _mm512_max_ps(most, _mm512_abs_ps(value));
            none = _mm512_fmadd_ps(value, _mm512_setzero_ps(), none);
        }
        _mm512_storeu_ps(units + d, _mm512_div_ps(_mm512_add_ps(most, none), _mm512_set1_ps(LARGEST)));
    }
}

/* Values (tokens, size): for each two tokens the pairs of all of a head's values. Tokens and values beyond are zero. */
INTEGERS static void pack_values(
    const float *v, long token, long keys, long padded, long size, long wide, const float *units, int16_t *packed)
{
    for (long j = 0; j < padded; j += 2)
        for (long d = 0; d < wide; d += TILE) {
            __mmask16 here = until(size - d);
            __m512 inverse = inverse_of(_mm512_maskz_loadu_ps(here, units + d));
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
    int count, const int16_t *weights, const int16_t *values, long wide, long keys, const float *shares, float *result)
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
            _mm512_storeu_ps(at, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[i][n]), _mm512_set1_ps(shares[i]), _mm512_loadu_ps(at)));
        }
}

/* Turns a row's scores into weights relative to the largest of this block. The block's share of the result is relative to the
 * largest of all so far; where that is a new one, what was made of earlier keys shrinks. `units` are those of the block's keys. */
INTEGERS static inline void soften(Block *b, int row, long keys, long real, long wide, const float *units)
{
    const int32_t *scores = b->scores + row * KEYS;
    int16_t *weights = b->weights + row * KEYS;
    __m512 x[KEYS / TILE], highest = _mm512_set1_ps(LOWEST), share = _mm512_set1_ps(1), one = _mm512_set1_ps(ONE);
    __m512i whole = _mm512_setzero_si512();
    for (long n = 0; n < keys / TILE; n++) {
        x[n] = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(scores + n * TILE)), _mm512_loadu_ps(units + n * TILE));
        highest = _mm512_mask_max_ps(highest, until(real - n * TILE), highest, x[n]);
    }
    float most = _mm512_reduce_max_ps(highest), before = b->maxima[row], *sums = b->sums + row * TILE;
    __m512 apart = exp2_ps(_mm512_set1_ps(-fabsf(most - before) * b->factors[row]));
    if (most > before) {
        float *result = b->result + row * wide;
        for (long d = 0; d < wide; d += TILE)
            _mm512_storeu_ps(result + d, _mm512_mul_ps(_mm512_loadu_ps(result + d), apart));
        _mm512_storeu_ps(sums, _mm512_mul_ps(_mm512_loadu_ps(sums), apart));
        b->maxima[row] = most;
    } else
        share = apart;
    b->shares[row] = _mm512_cvtss_f32(share);
    __m512 factor = _mm512_set1_ps(b->factors[row]), top = _mm512_set1_ps(most);
    for (long n = 0; n < keys / TILE; n++) {
        __m512 power = exp2_ps(_mm512_fmadd_ps(_mm512_sub_ps(x[n], top), factor, one));
        __m512i weight = _mm512_maskz_cvtps_epi32(until(real - n * TILE), power); /* keys that pad a block have none */
        whole = _mm512_add_epi32(whole, weight);
        _mm256_storeu_si256((__m256i *)(weights + n * TILE), _mm512_cvtepi32_epi16(weight));
    }
    _mm512_storeu_ps(sums, _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), share, _mm512_loadu_ps(sums)));
}

/* ---- Blocks, heads */

/* `none` is 0, or no number where the head's keys have one. */
INTEGERS static void take_queries(const FloatAttention *g, Block *b, const float *q, float none, long rows)
{
    long size = g->size;
    memset(b->queries, 0, ROWS * size * sizeof(int16_t));
    for (long i = 0; i < ROWS; i++) {
        float unit = i < rows ? unit_of(q + i * g->q_token, size) : 0;
        b->maxima[i] = LOWEST;
        b->factors[i] = unit * g->scale * 1.44269504f + none;
        for (long d = 0; i < rows && d < size; d += TILE) {
            __mmask16 here = until(size - d);
            __m256i whole = rounded(q + i * g->q_token + d, here, inverse_of(_mm512_set1_ps(unit)));
            _mm256_mask_storeu_epi16(b->queries + i * size + d, here, whole);
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
                weigh(1, weights, values + 2 * d, wide, keys, b->shares + i, result);
            else if (count == 2)
                weigh(2, weights, values + 2 * d, wide, keys, b->shares + i, result);
            else
                weigh(3, weights, values + 2 * d, wide, keys, b->shares + i, result);
        }
        d += count * TILE;
    }
}

/* A block of queries against all keys of its head. */
INTEGERS static void attend_block(const FloatAttention *g, Block *b, const Head *head, const float *q, float *out, long rows)
{
    long size = g->size, wide = ceiling(size, TILE) * TILE, padded = ceiling(g->keys, 2 * TILE) * 2 * TILE;
    take_queries(g, b, q, head->none, rows);
    memset(b->result, 0, ROWS * wide * sizeof(float));
    for (long start = 0; start < padded; start += KEYS) {
        long here = smaller(KEYS, padded - start);
        for (long j = 0; j < here; j += 2 * TILE)
            for (int i = 0; i < ROWS; i += 6)
                score(b->queries + i * size, size, head->keys + (start + j) * size, size, b->scores + i * KEYS + j);
        for (int i = 0; i < ROWS; i++)
            soften(b, i, here, smaller(here, g->keys - start), wide, head->units + start);
        weigh_values(b, head->values + start * wide, wide, here);
    }
    for (long i = 0; i < rows; i++) {
        float sum = _mm512_reduce_add_ps(_mm512_loadu_ps(b->sums + i * TILE));
        for (long d = 0; d < size; d++)
            out[i * g->heads * size + d] = b->result[i * wide + d] * b->units[d] / sum;
    }
}

long integer_attention_scratch(long keys, long size)
{
    long padded = ceiling(keys, 2 * TILE) * 2 * TILE, wide = ceiling(size, TILE) * TILE;
    return ceiling(sizeof(Block) + padded * ((size + wide) * sizeof(int16_t) + sizeof(float)), 64) * 64;
}

/* Heads, or parts of one, until none is left. */
INTEGERS static void attend(void *data)
{
    FloatJob *job = data;
    const FloatAttention *g = &job->given;
    long items = g->batch * g->heads * job->parts, size = g->size, packed = -1;
    long padded = ceiling(g->keys, 2 * TILE) * 2 * TILE, wide = ceiling(size, TILE) * TILE, blocks = ceiling(g->queries, ROWS);
    Block *block = (Block *)(g->scratch + atomic_fetch_add(&job->slot, 1) * integer_attention_scratch(g->keys, size));
    int16_t *keys = (int16_t *)(block + 1);
    Head whole = {.keys = keys, .values = keys + padded * size, .units = (float *)(keys + padded * (size + wide))};

    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long head = item / job->parts, part = item % job->parts, b = head / g->heads, h = head % g->heads;
        if (head != packed) {
            const float *k = g->k + b * g->k_batch + h * size, *v = g->v + b * g->v_batch + h * size;
            whole.none = pack_keys(k, g->k_token, g->keys, padded, size, whole.keys, whole.units);
            find_units(v, g->v_token, g->keys, size, block->units);
            pack_values(v, g->v_token, g->keys, padded, size, wide, block->units, whole.values);
            packed = head;
        }
        long last = smaller(blocks * (part + 1) / job->parts * ROWS, g->queries);
        for (long i = blocks * part / job->parts * ROWS; i < last; i += ROWS)
            attend_block(g, block, &whole, g->q + b * g->q_batch + i * g->q_token + h * size,
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
