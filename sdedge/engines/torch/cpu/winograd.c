/* Convolutions of 3x3 in float32 by Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray 2015): 16 multiplications for four
 * pixels in place of 36.
 *
 * A map is cut into tiles of 2x2 outputs, each of which reads 4x4 pixels. Sums of those, and sums of a kernel's nine weights, are
 * 16 independent products of matrices, of tiles by inputs and inputs by outputs. Weights are stored as they are and transformed
 * for a few inputs and outputs at a time, in the cache, so that they take no more memory than for any other convolution.
 */

#if defined(__linux__)

#include "kernels.h"

enum {
    TILES_AT_ONCE = 48, /* whose inputs stay in the second cache; a multiple of six */
    GROUP = 64,         /* outputs that are worked on at a time */
    DEPTH = 320,        /* inputs that are */
    APART = 16,         /* floats between the 16 products' memories, which would else take one place of a cache */
};

typedef struct {
    long batch, height, width, inputs, outputs; /* inputs and outputs are multiples of 32 */
    long padding;                               /* of zeros on each side: 0 or 1 */
    const float *x;                             /* (batch, height, width, inputs) */
    const float *weight;                        /* (outputs / panel, 9, inputs, panel), where a panel is two vectors */
    const float *bias, *add;                    /* (outputs), and a map like out; or NULL */
    float *out;                                 /* (batch, height + 2 padding - 2, …, outputs) */
    float *scratch;                             /* `winograd_scratch` floats */
    long strip;                                 /* tiles that are transformed at a time */
    int threads, level;
} Winograd;

typedef struct {
    Winograd given;
    long height, width;         /* of the result */
    long first, count, rows;    /* tiles of this strip, and their number in whole blocks */
    long part, parts;           /* of a strip, which threads share */
    long tile_step;             /* from one product's tiles to the next one's */
    float *tiles, *scratch;
    const float *zeros;
    atomic_long item;
    atomic_int slot;
} WinogradJob;

#define FLOAT_TEMPLATE "float_winograd.h"
#include "float_kinds.h"

static long part_of(long strip) { return ceiling(strip, TILES_AT_ONCE) * TILES_AT_ONCE; }

/* Floats of scratch memory: the tiles of a strip, a pixel of zeros, and for each thread transformed weights and sums. */
long winograd_scratch(long inputs, long strip, long threads)
{
    return inputs + 16 * (part_of(strip) * inputs + APART) + threads * 16 * (GROUP * (DEPTH + part_of(strip)) + 2 * APART);
}

/* Outputs of a panel. */
long winograd_panel(int level) { return BY_KIND(level, panel_width)(); }

void winograd(const Winograd *given, Parallel *parallel)
{
    const Winograd *g = given;
    WinogradJob job = {.given = *given, .height = g->height + 2 * g->padding - 2, .width = g->width + 2 * g->padding - 2};
    long tiles = g->batch * ceiling(job.height, 2) * ceiling(job.width, 2), groups = ceiling(g->outputs, GROUP);
    float *zeros = g->scratch;
    memset(zeros, 0, g->inputs * sizeof(float));
    job.zeros = zeros;
    job.tiles = zeros + g->inputs;
    job.scratch = job.tiles + 16 * (part_of(g->strip) * g->inputs + APART);
    for (; job.first < tiles; job.first += job.count) {
        job.count = smaller(g->strip, tiles - job.first);
        job.rows = ceiling(job.count, 6) * 6;
        job.tile_step = job.rows * g->inputs + APART;
        atomic_store(&job.item, 0);
        parallel(BY_KIND(g->level, transform_tiles), &job, g->threads, 0);
        job.parts = smaller(ceiling(job.rows, TILES_AT_ONCE), ceiling(4 * g->threads, groups));
        job.part = ceiling(ceiling(job.rows, job.parts), TILES_AT_ONCE) * TILES_AT_ONCE;
        job.parts = ceiling(job.rows, job.part);
        atomic_store(&job.item, 0);
        atomic_store(&job.slot, 0);
        parallel(BY_KIND(g->level, convolve_tiles), &job, g->threads, 0);
    }
}

#endif
