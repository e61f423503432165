/* Convolutions of 3x3 in float32 as in `winograd.c`, for vectors of VALUES floats (`vectors.h`). */

enum { NAME(WIDTH) = 2 * VALUES }; /* outputs of a panel: a register block is six tiles by one panel */

static long NAME(panel_width)(void) { return NAME(WIDTH); }

/* The 16 sums of a tile of 4x4 pixels at one place of a channels-last map, for VALUES channels: B^T d B. */
TARGET static inline void NAME(transform_pixels)(const float *const *pixels, long c, float *out, long step)
{
    F rows[4][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        F d0 = *(const F *)(pixels[j] + c), d1 = *(const F *)(pixels[4 + j] + c);
        F d2 = *(const F *)(pixels[8 + j] + c), d3 = *(const F *)(pixels[12 + j] + c);
        rows[0][j] = d0 - d2;
        rows[1][j] = d1 + d2;
        rows[2][j] = d2 - d1;
        rows[3][j] = d1 - d3;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        float *at = out + 4 * i * step + c;
        *(F *)at = rows[i][0] - rows[i][2];
        *(F *)(at + step) = rows[i][1] + rows[i][2];
        *(F *)(at + 2 * step) = rows[i][2] - rows[i][1];
        *(F *)(at + 3 * step) = rows[i][1] - rows[i][3];
    }
}

/* The tiles of a strip from `first` on, into (16, tiles of the strip, channels). Pixels beyond the map are zero. */
TARGET static void NAME(transform_tiles)(void *data)
{
    WinogradJob *job = data;
    const Winograd *g = &job->given;
    long C = g->inputs, across = ceiling(job->width, 2), down = ceiling(job->height, 2);
    for (long start; (start = atomic_fetch_add(&job->item, 1) * 6) < job->rows;)
        for (long i = start; i < start + 6; i++) {
            long tile = job->first + i, b = tile / (across * down);
            long y = tile / across % down * 2 - g->padding, x = tile % across * 2 - g->padding;
            const float *pixels[16];
            for (int p = 0; p < 16; p++) {
                long row = y + p / 4, column = x + p % 4;
                int inside = i < job->count && row >= 0 && row < g->height && column >= 0 && column < g->width;
                pixels[p] = inside ? g->x + ((b * g->height + row) * g->width + column) * C : job->zeros;
            }
            for (long c = 0; c < C; c += VALUES)
                NAME(transform_pixels)(pixels, c, job->tiles + i * C, job->tile_step);
        }
}

/* The 16 sums of kernels, for some inputs of the panels of one group: G g G^T. Weights are (9, inputs, WIDTH) a panel. */
TARGET static void NAME(transform_weights)(const float *weight, long inputs, long from, long count, int panels, float *out)
{
    for (int panel = 0; panel < panels; panel++, weight += 9 * inputs * NAME(WIDTH))
        for (long c = 0; c < count; c++)
            for (int half = 0; half < 2; half++) {
                const float *w = weight + (from + c) * NAME(WIDTH) + half * VALUES;
                long far = inputs * NAME(WIDTH), step = panels * count * NAME(WIDTH) + APART;
                float *at = out + (panel * count + c) * NAME(WIDTH) + half * VALUES;
                F rows[4][3];
#pragma GCC unroll 3
                for (int j = 0; j < 3; j++) {
                    F g0 = *(const F *)(w + j * far), g1 = *(const F *)(w + (3 + j) * far), g2 = *(const F *)(w + (6 + j) * far);
                    F outer = g0 + g2;
                    rows[0][j] = g0;
                    rows[1][j] = (outer + g1) * 0.5f;
                    rows[2][j] = (outer - g1) * 0.5f;
                    rows[3][j] = g2;
                }
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) {
                    F outer = rows[i][0] + rows[i][2];
                    *(F *)(at + 4 * i * step) = rows[i][0];
                    *(F *)(at + (4 * i + 1) * step) = (outer + rows[i][1]) * 0.5f;
                    *(F *)(at + (4 * i + 2) * step) = (outer - rows[i][1]) * 0.5f;
                    *(F *)(at + (4 * i + 3) * step) = rows[i][2];
                }
            }
}

/* Six tiles times a panel: sums over `count` inputs, added to what is there where they do not begin. */
TARGET static inline void NAME(multiply)(const float *a, long stride, const float *panel, long count, float *out, int grow)
{
    F sum[6][2] = {{{0}}};
    for (long c = 0; c < count; c++) {
        F low = *(const F *)(panel + c * NAME(WIDTH)), high = *(const F *)(panel + c * NAME(WIDTH) + VALUES);
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            sum[i][0] += a[i * stride + c] * low;
            sum[i][1] += a[i * stride + c] * high;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
        float *row = out + i * GROUP;
        if (grow) {
            sum[i][0] += *(F *)row;
            sum[i][1] += *(F *)(row + VALUES);
        }
        *(F *)row = sum[i][0];
        *(F *)(row + VALUES) = sum[i][1];
    }
}

/* A^T m A of a tile's 16 sums: up to four pixels of VALUES outputs, with bias, and what is added. */
TARGET static inline void NAME(transform_sums)(
    const Winograd *g, const WinogradJob *job, const float *sums, long step, long tile, long o)
{
    long across = ceiling(job->width, 2), down = ceiling(job->height, 2);
    long b = tile / (across * down), y = tile / across % down * 2, x = tile % across * 2;
    F columns[2][4], bias = {0};
    if (g->bias)
        bias = *(const F *)(g->bias + o);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        F m0 = *(const F *)(sums + j * step), m1 = *(const F *)(sums + (4 + j) * step);
        F m2 = *(const F *)(sums + (8 + j) * step), m3 = *(const F *)(sums + (12 + j) * step);
        columns[0][j] = m0 + m1 + m2;
        columns[1][j] = m1 - m2 - m3;
    }
    for (int i = 0; i < 2 && y + i < job->height; i++)
        for (int j = 0; j < 2 && x + j < job->width; j++) {
            F *m = columns[i], value = j ? m[1] - m[2] - m[3] : m[0] + m[1] + m[2];
            long at = ((b * job->height + y + i) * job->width + x + j) * g->outputs + o;
            value += bias;
            if (g->add)
                value += *(const F *)(g->add + at);
            *(F *)(g->out + at) = value;
        }
}

/* The products of some tiles of a strip with a group of outputs, and what comes of them. */
TARGET static void NAME(convolve_tiles)(void *data)
{
    WinogradJob *job = data;
    const Winograd *g = &job->given;
    long C = g->inputs, groups = ceiling(g->outputs, GROUP);
    float *kernels = job->scratch + atomic_fetch_add(&job->slot, 1) * 16 * (DEPTH * GROUP + job->part * GROUP + 2 * APART);
    float *sums = kernels + 16 * (DEPTH * GROUP + APART);
    long sum_step = job->part * GROUP + APART;

    for (long item; (item = atomic_fetch_add(&job->item, 1)) < groups * job->parts;) {
        long group = item / job->parts, from = item % job->parts * job->part, rows = smaller(job->part, job->rows - from);
        int panels = (int)(smaller(GROUP, g->outputs - group * GROUP) / NAME(WIDTH));
        const float *weight = g->weight + group * GROUP * 9 * C;
        for (long c = 0; c < C; c += DEPTH) {
            long count = smaller(DEPTH, C - c), kernel_step = panels * count * NAME(WIDTH) + APART;
            NAME(transform_weights)(weight, C, c, count, panels, kernels);
            for (int p = 0; p < 16; p++)
                for (long start = 0; start < rows; start += TILES_AT_ONCE)
                    for (int panel = 0; panel < panels; panel++)
                        for (long i = start; i < smaller(start + TILES_AT_ONCE, rows); i += 6)
                            NAME(multiply)(job->tiles + p * job->tile_step + (from + i) * C + c, C,
                                           kernels + p * kernel_step + panel * count * NAME(WIDTH), count,
                                           sums + p * sum_step + i * GROUP + panel * NAME(WIDTH), c > 0);
        }
        for (long i = 0; i < smaller(rows, job->count - from); i++)
            for (long o = 0; o < panels * NAME(WIDTH); o += VALUES)
                NAME(transform_sums)(g, job, sums + i * GROUP + o, sum_step, job->first + from + i, group * GROUP + o);
    }
}
