/* Attention in bfloat16, and, at the end, in float32.
 *
 * Computed as in FlashAttention (Dao et al. 2022): blocks of 32 queries meet blocks of keys, with running maxima and sums,
 * so that scores never leave the cache. Scores and sums are float32; the weights of the values are rounded to bfloat16 for
 * the product, as torch's own kernel does. A block of 32 x 32 of a product is made by matrix units (AMX).
 */

#if defined(__linux__)

#include "kernels.h"

#if defined(__x86_64__)

#include <sys/syscall.h>
#include <unistd.h>

#define MATRIX __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")))

enum {
    ROWS = 32,    /* queries of a block */
    DEPTH = 32,   /* values of a packed row's reduction: 16 pairs */
    PACKED = TILE * DEPTH, /* values of a packed tile: DEPTH / 2 rows of TILE pairs, of TILE keys or value columns */
    KEYS = 128,   /* keys of a block: scores and weights of ROWS x KEYS stay in the first cache */
    WIDEST = 160, /* values of a head */
};

static const float LOWEST = -3.0e38f;

typedef struct {
    long batch, heads, queries, keys, size; /* `size` values per head */
    const bf16 *q, *k, *v;                  /* (batch, tokens, heads * size) with the strides below, in values */
    bf16 *out;                              /* contiguous */
    long q_batch, q_token, k_batch, k_token, v_batch, v_token;
    float scale;
    char *scratch; /* `attention_scratch` bytes for each thread */
    int threads;
} Attention;

typedef struct {
    Attention given;
    long parts;      /* a head's queries are cut into so many */
    atomic_long item; /* the next to be done */
    atomic_int slot;  /* the next thread's scratch */
} Job;

/* ---- Products of a block */

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64))) TileConfig;

/* C[32][32] (or [32][16] where there is no b1) is, or grows by, A[32][32 * depth] times packed tiles. */
MATRIX static void product(const bf16 *a, long stride, const bf16 *b0, const bf16 *b1, long step, int depth, float *c, long width, int grow)
{
    const bf16 *below = a + TILE * stride;
    float *under = c + TILE * width;
    long wide = width * sizeof(float), far = stride * sizeof(bf16);

    if (grow) {
        _tile_loadd(0, c, wide);
        _tile_loadd(2, under, wide);
    } else {
        _tile_zero(0);
        _tile_zero(2);
    }
    if (b1) {
        if (grow) {
            _tile_loadd(1, c + TILE, wide);
            _tile_loadd(3, under + TILE, wide);
        } else {
            _tile_zero(1);
            _tile_zero(3);
        }
    }
    for (int t = 0; t < depth; t++) {
        _tile_loadd(4, a + t * DEPTH, far);
        _tile_loadd(6, b0 + t * step, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, below + t * DEPTH, far);
        _tile_dpbf16ps(2, 5, 6);
        if (b1) {
            _tile_loadd(7, b1 + t * step, 64);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, c, wide);
    _tile_stored(2, under, wide);
    if (b1) {
        _tile_stored(1, c + TILE, wide);
        _tile_stored(3, under + TILE, wide);
    }
}

/* ---- Packing: a tile's row holds pairs of the reduction, for 16 columns */

/* Keys (tokens, size): columns are keys, the reduction runs over a head's values. Tokens and values beyond are zero. */
static void pack_keys(const bf16 *k, long token, long keys, long padded, long size, bf16 *packed)
{
    long depth = ceiling(size, DEPTH);
    memset(packed, 0, padded * depth * DEPTH * sizeof(bf16));
    for (long j = 0; j < keys; j++) {
        bf16 *column = packed + j / TILE * depth * PACKED + j % TILE * 2;
        for (long d = 0; d < size; d += 2)
            memcpy(column + d * TILE, k + j * token + d, 2 * sizeof(bf16));
    }
}

/* Values (tokens, size): columns are a head's values, the reduction runs over tokens. */
static void pack_values(const bf16 *v, long token, long keys, long padded, long size, bf16 *packed)
{
    long across = ceiling(size, TILE);
    memset(packed, 0, padded * across * TILE * sizeof(bf16));
    for (long j = 0; j < keys; j++) {
        bf16 *row = packed + j / DEPTH * across * PACKED + j % DEPTH / 2 * 2 * TILE + j % 2;
        for (long d = 0; d < size; d++)
            row[d / TILE * PACKED + d % TILE * 2] = v[j * token + d];
    }
}

/* ---- Softmax */

typedef struct {
    float scores[ROWS * KEYS];
    bf16 weights[ROWS * KEYS];
    bf16 queries[ROWS * WIDEST];
    float sums[ROWS * TILE]; /* by lane, added up at the end */
    float maxima[ROWS];
    float result[ROWS * WIDEST];
} __attribute__((aligned(64))) Block;

/* Turn a row's scores into weights relative to the running maximum, and what was made of earlier keys with it. */
VECTOR static void soften(Block *b, int row, long keys, long real, float factor, long wide)
{
    float *scores = b->scores + row * KEYS;
    bf16 *weights = b->weights + row * KEYS;
    for (long j = real; j < keys; j++) /* padding has no weight */
        scores[j] = LOWEST;
    __m512 most = _mm512_loadu_ps(scores);
    for (long j = TILE; j < keys; j += TILE)
        most = _mm512_max_ps(most, _mm512_loadu_ps(scores + j));
    float before = b->maxima[row], maximum = _mm512_reduce_max_ps(most) * factor;
    __m512 sum = _mm512_loadu_ps(b->sums + row * TILE);
    if (maximum > before) {
        b->maxima[row] = maximum;
        __m512 shrink = exp2_ps(_mm512_set1_ps(before - maximum));
        float *result = b->result + row * wide;
        for (long d = 0; d < wide; d += TILE)
            _mm512_storeu_ps(result + d, _mm512_mul_ps(_mm512_loadu_ps(result + d), shrink));
        sum = _mm512_mul_ps(sum, shrink);
    } else
        maximum = before;
    __m512 f = _mm512_set1_ps(factor), m = _mm512_set1_ps(maximum);
    for (long j = 0; j < keys; j += 2 * TILE) {
        __m512 low = exp2_ps(_mm512_fmsub_ps(_mm512_loadu_ps(scores + j), f, m));
        __m512 high = exp2_ps(_mm512_fmsub_ps(_mm512_loadu_ps(scores + j + TILE), f, m));
        sum = _mm512_add_ps(sum, _mm512_add_ps(low, high));
        _mm512_storeu_si512(weights + j, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
    _mm512_storeu_ps(b->sums + row * TILE, sum);
}

/* ---- A block of queries against all keys of its head */

VECTOR static void store_row(const Block *b, int row, long wide, long size, bf16 *out)
{
    __m512 share = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(_mm512_loadu_ps(b->sums + row * TILE)));
    for (long d = 0; d < size; d += TILE) {
        __mmask16 mask = (__mmask16)((1u << smaller(TILE, size - d)) - 1);
        __m512 x = _mm512_mul_ps(_mm512_loadu_ps(b->result + row * wide + d), share);
        _mm256_mask_storeu_epi16(out + d, mask, (__m256i)_mm512_cvtneps_pbh(x));
    }
}

VECTOR static void attend_block(const Job *job, Block *b, const bf16 *keys, const bf16 *values, const bf16 *q, bf16 *out, long rows)
{
    const Attention *g = &job->given;
    long size = g->size, depth = ceiling(size, DEPTH), across = ceiling(size, TILE), wide = across * TILE;
    long padded = ceiling(g->keys, DEPTH) * DEPTH;
    float factor = g->scale * 1.44269504f;

    memset(b->queries, 0, ROWS * depth * DEPTH * sizeof(bf16));
    for (long i = 0; i < rows; i++)
        memcpy(b->queries + i * depth * DEPTH, q + i * g->q_token, size * sizeof(bf16));
    memset(b->sums, 0, sizeof b->sums);
    memset(b->result, 0, ROWS * wide * sizeof(float));
    for (int i = 0; i < ROWS; i++)
        b->maxima[i] = LOWEST;

    for (long start = 0; start < padded; start += KEYS) {
        long here = smaller(KEYS, padded - start);
        for (long j = 0; j < here; j += 2 * TILE) {
            const bf16 *tile = keys + (start + j) / TILE * depth * PACKED;
            product(b->queries, depth * DEPTH, tile, tile + depth * PACKED, PACKED, depth, b->scores + j, KEYS, 0);
        }
        for (int i = 0; i < ROWS; i++)
            soften(b, i, here, g->keys - start, factor, wide);
        const bf16 *tile = values + start / DEPTH * across * PACKED;
        for (long n = 0; n < across; n += 2)
            product(b->weights, KEYS, tile + n * PACKED, n + 1 < across ? tile + (n + 1) * PACKED : NULL,
                    across * PACKED, here / DEPTH, b->result + n * TILE, wide, 1);
    }
    for (long i = 0; i < rows; i++)
        store_row(b, i, wide, size, out + i * g->heads * size);
}

static long packed_bytes(long keys, long size)
{
    long padded = ceiling(keys, DEPTH) * DEPTH;
    return padded * (ceiling(size, DEPTH) * DEPTH + ceiling(size, TILE) * TILE) * sizeof(bf16);
}

/* Heads, or parts of one, until none is left. */
static void attend_items(Job *job)
{
    const Attention *g = &job->given;
    long items = g->batch * g->heads * job->parts, padded = ceiling(g->keys, DEPTH) * DEPTH, size = g->size;
    long blocks = ceiling(g->queries, ROWS), packed = -1;
    Block *block = (Block *)(g->scratch + atomic_fetch_add(&job->slot, 1) * (sizeof(Block) + packed_bytes(g->keys, size)));
    bf16 *keys = (bf16 *)(block + 1), *values = keys + padded * ceiling(size, DEPTH) * DEPTH;

    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long head = item / job->parts, part = item % job->parts, b = head / g->heads, h = head % g->heads;
        if (head != packed) {
            pack_keys(g->k + b * g->k_batch + h * size, g->k_token, g->keys, padded, size, keys);
            pack_values(g->v + b * g->v_batch + h * size, g->v_token, g->keys, padded, size, values);
            packed = head;
        }
        long first = blocks * part / job->parts, last = blocks * (part + 1) / job->parts;
        for (long i = first * ROWS; i < smaller(last * ROWS, g->queries); i += ROWS)
            attend_block(job, block, keys, values, g->q + b * g->q_batch + i * g->q_token + h * size,
                         g->out + (b * g->queries + i) * g->heads * size + h * size, smaller(ROWS, g->queries - i));
    }
}

/* oneDNN keeps a tile configuration of its own on these threads, which is put back. */
MATRIX static void attend(void *job)
{
    TileConfig ours = {.palette = 1}, theirs;
    for (int i = 0; i < 8; i++) {
        ours.bytes[i] = 64;
        ours.rows[i] = TILE;
    }
    _tile_storeconfig(&theirs);
    _tile_loadconfig(&ours);
    attend_items(job);
    if (theirs.palette)
        _tile_loadconfig(&theirs);
    else
        _tile_release();
}

/* ---- What is called from outside */

/* 0 nothing that helps, 1 AVX512-BF16, 2 AMX as well, which Linux grants on request. */
int kernels_level(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512bw")) return 0;
    unsigned a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    int matrix = (d >> 22 & 1) && (d >> 24 & 1); /* AMX-BF16, AMX-TILE */
    return matrix && !syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) ? 2 : 1;
}

long attention_scratch(long keys, long size) { return sizeof(Block) + packed_bytes(keys, size); }

void attention(const Attention *given, Parallel *parallel)
{
    Job job = {.given = *given, .parts = 1};
    long heads = given->batch * given->heads, blocks = ceiling(given->queries, ROWS);
    if (heads % given->threads) /* an even share for every thread, at the price of packing a head more than once */
        job.parts = smaller(blocks, ceiling(4 * given->threads, heads));
    parallel(attend, &job, given->threads, 0);
}

#endif

/* ---- In float32 */

enum {
    FLOAT_ROWS = 48,   /* queries of a block: a multiple of the six and the four that products take at a time */
    FLOAT_KEYS = 64,   /* keys of a block */
    FLOAT_WIDEST = 160, /* values of a head */
};

static const float FLOAT_LOWEST = -3.0e38f;

#define FLOAT_TEMPLATE "float_attention.h"
#include "float_kinds.h"

/* 0 nothing that helps, 1 AVX2 or what a processor that is no x86 one has, 2 AVX-512. */
int float_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") ? 2 : 1;
#else
    return 1;
#endif
}

long float_attention_scratch(long keys, long size, int level) { return BY_KIND(level, attention_scratch)(keys, size); }

void float_attention(const FloatAttention *given, Parallel *parallel)
{
    FloatJob job = {.given = *given, .parts = 1};
    long heads = given->batch * given->heads, blocks = ceiling(given->queries, FLOAT_ROWS);
    if (heads % given->threads) /* as in bfloat16 */
        job.parts = smaller(blocks, ceiling(4 * given->threads, heads));
    parallel(BY_KIND(given->level, attend), &job, given->threads, 0);
}

#endif
