/* Group norm with SiLU and the rounding to uint8 of float32 maps, as in `norms.c`, for vectors of VALUES floats (`vectors.h`). */

/* Whole numbers nearest to x, ties to even; x is cut first, so that no value is too large for it. */
TARGET static inline void NAME(store_rounded)(uint8_t *out, F x, float inverse, int zero)
{
    const float round = 12582912.0f;
    F scaled = x * inverse;
    scaled = NAME(chosen)(scaled < 512.0f, scaled, NAME(all)(512.0f)); /* what is no number, too */
    scaled = NAME(larger)(scaled, NAME(all)(-512.0f));
    I whole = (I)(scaled + round) - 0x4B400000 + zero;
    whole &= ~(whole < 0);
    whole = (whole & (whole <= 255)) | (255 & (whole > 255));
#if defined(__GNUC__) && !defined(__clang__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    NAME(Quarters) every_fourth; /* which GCC's own conversion takes out one by one */
#pragma GCC unroll 64
    for (int i = 0; i < 4 * VALUES; i++)
        every_fourth[i] = (uint8_t)(4 * i);
    NAME(Quarters) bytes = __builtin_shuffle((NAME(Quarters))whole, every_fourth);
#else
    NAME(Bytes) bytes = __builtin_convertvector(whole, NAME(Bytes));
#endif
    memcpy(out, &bytes, VALUES);
}

TARGET static void NAME(round_pieces)(void *data)
{
    FloatRoundingJob *job = data;
    const FloatRounding *g = &job->given;
    for (long start; (start = atomic_fetch_add(&job->piece, 1) * FLOAT_PIECE) < g->count;) {
        long stop = smaller(start + FLOAT_PIECE, g->count), i = start;
        for (; i + VALUES <= stop; i += VALUES) {
            F x = *(const F *)(g->x + i);
            if (g->factor)
                x *= *(const F *)(g->factor + i);
            NAME(store_rounded)(g->out + i, x, g->inverse, g->zero);
        }
        if (i < stop) {
            F x = {0};
            uint8_t last[VALUES];
            for (int lane = 0; lane < stop - i; lane++)
                x[lane] = g->factor ? g->x[i + lane] * g->factor[i + lane] : g->x[i + lane];
            NAME(store_rounded)(last, x, g->inverse, g->zero);
            memcpy(g->out + i, last, stop - i);
        }
    }
}

/* Per picture, chunk and channel: the sum and the sum of squares of what is above the picture's first pixel. */
TARGET static void NAME(sum_chunks)(void *data)
{
    NormJob *job = data;
    const Norm *g = &job->given;
    long C = g->channels, items = g->batch * job->chunks;
    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long start = item % job->chunks * PIXELS, count = smaller(PIXELS, g->pixels - start);
        const float *first = (const float *)g->x + item / job->chunks * g->pixels * C;
        for (long c = 0; c < C; c += VALUES) {
            F shift = *(const F *)(first + c), sum = {0}, square = {0};
            for (long p = start; p < start + count; p++) {
                F above = *(const F *)(first + p * C + c) - shift;
                sum += above;
                square += above * above;
            }
            *(F *)(job->sums + item * 2 * C + c) = sum;
            *(F *)(job->sums + item * 2 * C + C + c) = square;
        }
    }
}

TARGET static void NAME(norm_chunks)(void *data)
{
    NormJob *job = data;
    const Norm *g = &job->given;
    long C = g->channels, items = g->batch * job->chunks;
    for (long item; (item = atomic_fetch_add(&job->item, 1)) < items;) {
        long b = item / job->chunks, start = item % job->chunks * PIXELS, count = smaller(PIXELS, g->pixels - start);
        const float *factor = job->factors + b * 2 * C, *x = (const float *)g->x;
        for (long p = start; p < start + count; p++)
            for (long c = 0; c < C; c += VALUES) {
                long at = (b * g->pixels + p) * C + c;
                F y = *(const F *)(x + at) * *(const F *)(factor + c) + *(const F *)(factor + C + c);
                if (g->silu) { /* beyond these powers it is 0 and y to the last digit */
                    F power = NAME(larger)(y * -1.44269504f, NAME(all)(-126.0f));
                    y /= 1.0f + NAME(power)(NAME(chosen)(power < 126.0f, power, NAME(all)(126.0f)));
                }
                if (g->inverse)
                    NAME(store_rounded)((uint8_t *)g->out + at, y, g->inverse, g->zero);
                else
                    *(F *)((float *)g->out + at) = y;
            }
    }
}
