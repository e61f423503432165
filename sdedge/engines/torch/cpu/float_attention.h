/* Attention in float32 as in `attention.c`, for vectors of VALUES floats (`vectors.h`): the same blocks, scores that never leave the
 * cache, and products by plain multiplications and additions. */

enum { NAME(TILE) = 2 * VALUES }; /* keys that are met at a time */

typedef struct {
    float scores[FLOAT_ROWS * FLOAT_KEYS];
    float queries[FLOAT_ROWS * FLOAT_WIDEST];
    float result[FLOAT_ROWS * FLOAT_WIDEST];
    float sums[FLOAT_ROWS * VALUES]; /* by lane, added up at the end */
    float maxima[FLOAT_ROWS];
} __attribute__((aligned(64))) NAME(Block);

/* Keys (tokens, size) as tiles: for each of a head's values those of all keys of the tile. Tokens beyond are zero. */
static void NAME(pack_keys)(const float *k, long token, long keys, long padded, long size, float *packed)
{
    for (long j = 0; j < padded; j++) {
        float *column = packed + j / NAME(TILE) * size * NAME(TILE) + j % NAME(TILE);
        for (long d = 0; d < size; d++)
            column[d * NAME(TILE)] = j < keys ? k[j * token + d] : 0;
    }
}

static void NAME(pack_values)(const float *v, long token, long keys, long padded, long size, long wide, float *packed)
{
    memset(packed, 0, padded * wide * sizeof(float));
    for (long j = 0; j < keys; j++)
        memcpy(packed + j * wide, v + j * token, size * sizeof(float));
}

/* Scores of six queries with a tile of keys. */
TARGET static inline void NAME(score)(const float *q, long stride, const float *tile, long size, float *scores)
{
    F sum[6][2] = {{{0}}};
    for (long d = 0; d < size; d++) {
        F low = *(const F *)(tile + d * NAME(TILE)), high = *(const F *)(tile + d * NAME(TILE) + VALUES);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            sum[i][0] += q[i * stride + d] * low;
            sum[i][1] += q[i * stride + d] * high;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        *(F *)(scores + i * FLOAT_KEYS) = sum[i][0];
        *(F *)(scores + i * FLOAT_KEYS + VALUES) = sum[i][1];
    }
}

/* Adds to four rows of the result, in `count` vectors from a column on, the weighted values of some keys. */
__attribute__((always_inline)) TARGET static inline void NAME(weigh)(
    int count, const float *weights, const float *values, long wide, long keys, float *result)
{
    F sum[4][3] = {{{0}}};
    for (long j = 0; j < keys; j++) {
        F value[3];
#pragma GCC unroll 3
        for (int n = 0; n < count; n++)
            value[n] = *(const F *)(values + j * wide + n * VALUES);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            float weight = weights[i * FLOAT_KEYS + j];
#pragma GCC unroll 3
            for (int n = 0; n < count; n++)
                sum[i][n] += weight * value[n];
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
#pragma GCC unroll 3
        for (int n = 0; n < count; n++)
            *(F *)(result + i * wide + n * VALUES) += sum[i][n];
}

/* Turns a row's scores, which are powers of two, into weights relative to the running maximum, and what was made of earlier keys
 * with it. */
TARGET static inline void NAME(soften)(NAME(Block) *b, int row, long keys, long real, long wide)
{
    float *scores = b->scores + row * FLOAT_KEYS, *sums = b->sums + row * VALUES, before = b->maxima[row], maximum = before;
    for (long j = real; j < keys; j++) /* padding has no weight */
        scores[j] = FLOAT_LOWEST;
    F most = *(F *)scores;
    for (long j = VALUES; j < keys; j += VALUES)
        most = NAME(larger)(most, *(F *)(scores + j));
    float lanes[VALUES]; /* halved until one is left, for a loop over all of them takes as long as the powers */
    *(F *)lanes = most;
#pragma GCC unroll 4
    for (int half = VALUES / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            lanes[i] = lanes[i + half] > lanes[i] ? lanes[i + half] : lanes[i];
    maximum = lanes[0] > before ? lanes[0] : before;
    F sum = *(F *)sums, least = NAME(all)(-126.0f);
    if (maximum > before) {
        F shrink = NAME(power)(NAME(larger)(NAME(all)(before - maximum), least));
        float *result = b->result + row * wide;
        for (long d = 0; d < wide; d += VALUES)
            *(F *)(result + d) *= shrink;
        sum *= shrink;
        b->maxima[row] = maximum;
    }
    for (long j = 0; j < keys; j += VALUES) {
        F weight = NAME(power)(NAME(larger)(*(F *)(scores + j) - maximum, least));
        *(F *)(scores + j) = weight;
        sum += weight;
    }
    *(F *)sums = sum;
}

TARGET static inline void NAME(scaled)(const float *x, float factor, long count, float *out)
{
    long i = 0;
    for (; i + VALUES <= count; i += VALUES)
        *(F *)(out + i) = *(const F *)(x + i) * factor;
    for (; i < count; i++)
        out[i] = x[i] * factor;
}

/* A block of queries against all keys of its head. */
TARGET static void NAME(attend_block)(
    const FloatAttention *g, NAME(Block) *b, const float *keys, const float *values, const float *q, float *out, long rows)
{
    long size = g->size, wide = ceiling(size, VALUES) * VALUES, padded = ceiling(g->keys, NAME(TILE)) * NAME(TILE);
    float factor = g->scale * 1.44269504f;
    for (long i = 0; i < FLOAT_ROWS; i++)
        b->maxima[i] = FLOAT_LOWEST;
    memset(b->queries + rows * size, 0, (FLOAT_ROWS - rows) * size * sizeof(float));
    for (long i = 0; i < rows; i++)
        NAME(scaled)(q + i * g->q_token, factor, size, b->queries + i * size);
    memset(b->sums, 0, sizeof b->sums);
    memset(b->result, 0, FLOAT_ROWS * wide * sizeof(float));

    for (long start = 0; start < padded; start += FLOAT_KEYS) {
        long here = smaller(FLOAT_KEYS, padded - start);
        for (long j = 0; j < here; j += NAME(TILE))
            for (int i = 0; i < FLOAT_ROWS; i += 6)
                NAME(score)(b->queries + i * size, size, keys + (start + j) * size, size, b->scores + i * FLOAT_KEYS + j);
        for (int i = 0; i < FLOAT_ROWS; i++)
            NAME(soften)(b, i, here, smaller(here, g->keys - start), wide);
        for (long d = 0; d < wide;) {
            long left = (wide - d) / VALUES;
            const float *value = values + start * wide + d;
            for (int i = 0; i < FLOAT_ROWS; i += 4) {
                const float *weights = b->scores + i * FLOAT_KEYS;
                float *result = b->result + i * wide + d;
                if (left == 1)
                    NAME(weigh)(1, weights, value, wide, here, result);
                else if (left == 2 || left == 4)
                    NAME(weigh)(2, weights, value, wide, here, result);
                else
                    NAME(weigh)(3, weights, value, wide, here, result);
            }
            d += (left == 1 ? 1 : left == 2 || left == 4 ? 2 : 3) * VALUES;
        }
    }
    for (long i = 0; i < rows; i++) {
        float sum = 0;
        for (int lane = 0; lane < VALUES; lane++)
            sum += b->sums[i * VALUES + lane];
        NAME(scaled)(b->result + i * wide, 1.0f / sum, size, out + i * g->heads * size);
    }
}

static long NAME(attention_scratch)(long keys, long size)
{
    long padded = ceiling(keys, NAME(TILE)) * NAME(TILE), wide = ceiling(size, VALUES) * VALUES;
    return ceiling(sizeof(NAME(Block)) + padded * (size + wide) * sizeof(float), 64) * 64;
}

/* Heads, or parts of one, until none is left. */
static void NAME(attend)(void *data)
{
    FloatJob *job = data;
    const FloatAttention *g = &job->given;
    long items = g->batch * g->heads * job->parts, size = g->size, packed = -1;
    long padded = ceiling(g->keys, NAME(TILE)) * NAME(TILE), wide = ceiling(size, VALUES) * VALUES, blocks = ceiling(g->queries, FLOAT_ROWS);
    NAME(Block) *block = (NAME(Block) *)(g->scratch + atomic_fetch_add(&job->slot, 1) * NAME(attention_scratch)(g->keys, size));
    float *keys = (float *)(block + 1), *values = keys + padded * size;

    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long head = item / job->parts, part = item % job->parts, b = head / g->heads, h = head % g->heads;
        if (head != packed) {
            NAME(pack_keys)(g->k + b * g->k_batch + h * size, g->k_token, g->keys, padded, size, keys);
            NAME(pack_values)(g->v + b * g->v_batch + h * size, g->v_token, g->keys, padded, size, wide, values);
            packed = head;
        }
        long last = smaller(blocks * (part + 1) / job->parts * FLOAT_ROWS, g->queries);
        for (long i = blocks * part / job->parts * FLOAT_ROWS; i < last; i += FLOAT_ROWS)
            NAME(attend_block)(g, block, keys, values, g->q + b * g->q_batch + i * g->q_token + h * size,
                               g->out + (b * g->queries + i) * g->heads * size + h * size, smaller(FLOAT_ROWS, last - i));
    }
}
