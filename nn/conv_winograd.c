/* nn/conv_winograd.c - 3x3 convolutions by Winograd's F(4x4, 3x3): a quarter of the multiplications.
 *
 * The output is cut into tiles of 4x4 pixels.  The 6x6 inputs behind a tile become 36 values per channel; products
 * with 36 transformed weight matrices (one small matrix product each, over all tiles of a block) become 36 values per
 * output channel, and these the 16 outputs.  With stride 2 it is 9x9 inputs and 81 values, still of 36 matrices: odd
 * inputs meet the middle weight alone (ops/kernels.def); 81 multiplications instead of 144.
 *
 * Weights are packed as for the direct driver (9 numbers a window, not 36) and transformed while running: some channels
 * of a panel at a time, which stay in L2 until they are multiplied.  That takes 5 cycles a window with AVX-512,
 * multiplying 2.25 for each tile; fetching 36 numbers of stored ones from memory takes longer, and the memory of a
 * network's weights does not grow.  Where there are many blocks, all are transformed once.
 *
 * bfloat16 is widened tile by tile and rounded behind the epilogue; values and products are floats, because 8 bits would
 * not survive the transforms (rms error 2e-2).  A quarter of the products at half the speed is still the faster way.
 *
 * Rounding: the transforms multiply by up to 5 and 8 and cancel; rms error against direct sums is about 10 times theirs
 * (1.5e-6 of the output's rms at 64 channels, 3e-6 at 256), far below what a trained network notices. */
#include "nn/conv.h"

enum {
    LINE = 6,
    MATRICES = LINE * LINE,
    LEAST_CHANNELS = 16,     /* below, transforms cost more than they save */
    LEAST_TILES = 4,         /* below, so does the transform of weights */
    LEAST_HALF = 32,         /* channels where direct products of bfloat16 are fast */
    LEAST_TILES_S2 = 20,     /* the same with stride 2: 1.4 x as fast at 25 tiles (256 > 128 channels), 0.85 x at 16 and 9 */
    BLOCK_BYTES = 640 << 10, /* transformed inputs and outputs of a block: fits beside weights in 1 MB of L2 */
    KEPT_BYTES = 4 << 20,    /* most transformed weights that are kept for all blocks, */
    KEPT_BLOCKS = 3,         /* where there are so many: one more transform costs less than memory */
    CHUNK = 64,              /* channels of a panel that are transformed together: 288 KB of AVX-512's panels */
    MOST_CHUNK = 128,         /* a sum of so many is not cut */
    WIDE = 64,               /* output channels that are transformed together */
};

typedef struct cut {
    const ps_conv *v;
    int side;        /* rows and columns of input behind a tile, and of values */
    size_t products; /* their square */
    ps_winograd_in_f32_fn *in;
    ps_winograd_weights_f32_fn *weights;
    ps_winograd_out_f32_fn *out;
    size_t c, o, nr, mr, panels, panel_floats;
    size_t tiles_x, tiles, block, blocks, images; /* tiles of an image, tiles in a block */
    size_t joint, share, shares;                  /* panels of an output transform, of an item; items of a block */
    size_t chunks;                                /* parts of the sums over input channels */
    size_t in_ld, out_ld;                         /* floats from tile to tile */
    size_t in_step, out_step, u_step;             /* and from point to point */
    bool keep;
    size_t kept_floats, thread_floats;
    size_t pixels_floats; /* of thread_floats: a tile's inputs or outputs widened from bfloat16 */
    int threads;
} cut;

static size_t tiles_of(int32_t pixels)
{
    return ((size_t)pixels + 3) / 4;
}

bool ps_winograd_can(const ps_conv *v)
{
    for (int i = 0; i < 2; i++)
        if (v->kernel[i] != 3 || v->stride[i] > 2 || v->stride[i] != v->stride[0] || v->dilation[i] != 1) return false;
    if (v->group != 1 || v->c < LEAST_CHANNELS || v->o < LEAST_CHANNELS) return false;
    for (int i = 0; i < v->batch_rank; i++)
        if (v->weight_step[i]) return false;
    return v->x_type != POISE_U8 && v->xs.channel == 1 && v->ys.channel == 1 && (!v->residual || v->rs.channel == 1);
}

bool ps_winograd_pays(const ps_conv *v)
{
    bool half = v->x_type == POISE_BF16 && v->k->fast & PS_FAST_BF16; /* against direct products at twice the speed */
    if (half && v->k->fast & PS_FAST_BF16X3) return false; /* ... and those of AMX's tiles, many times as fast */
    if (half && (v->stride[0] != 1 || v->c < LEAST_HALF || v->o < LEAST_HALF)) return false;
    return tiles_of(v->out[0]) * tiles_of(v->out[1]) >= (v->stride[0] == 1 ? LEAST_TILES : LEAST_TILES_S2);
}

/* Rows a whole number of cache lines long, and never a multiple of 1 KB apart, which would share L1 sets. */
static size_t spread_rows(size_t n)
{
    n = ps_round_up(n, 16);
    return n % 256 ? n : n + 16;
}

/* Tiles of a block: as many as stay in L2, but enough for the weights that each block reads again. */
static void choose_block(cut *c, size_t want)
{
    size_t tile = c->products * (c->in_ld + c->out_ld) * sizeof(float), least = 2 * c->mr;
    size_t fit = ps_least(BLOCK_BYTES / tile / c->mr * c->mr, c->tiles);
    size_t part = ps_ceil_div(c->tiles * c->images, want);
    if (fit > part) fit = part;
    if (fit < least) fit = least;
    c->blocks = ps_ceil_div(c->tiles, fit);
    c->block = c->blocks ? ps_ceil_div(c->tiles, c->blocks) : 1;
}

/* Panels of an item: all, unless there are fewer blocks than threads want; inputs are transformed for each item. */
static void choose_share(cut *c, size_t want)
{
    size_t items = c->blocks * c->images, parts = items ? ps_ceil_div(want, items) : 1;
    c->share = ps_ceil_div(c->panels, ps_least(parts, c->panels));
    c->shares = ps_ceil_div(c->panels, c->share);
}

static void make_cut(const ps_conv *v, cut *c)
{
    *c = (cut){.v = v, .c = (size_t)v->c, .o = (size_t)v->o};
    bool one = v->stride[0] == 1;
    c->side = one ? 6 : 9;
    c->products = (size_t)c->side * (size_t)c->side;
    c->in = one ? v->k->winograd_in_f32 : v->k->winograd_s2_in_f32;
    c->weights = one ? v->k->winograd_weights_f32 : v->k->winograd_s2_weights_f32;
    c->out = one ? v->k->winograd_out_f32 : v->k->winograd_s2_out_f32;
    c->mr = (size_t)v->k->gemm_f32_tile.mr;
    c->nr = (size_t)v->k->gemm_f32_tile.nr;
    c->panels = ps_ceil_div(c->o, c->nr);
    c->panel_floats = ps_round_up(9 * c->c * c->nr, PS_ALIGN / sizeof(float));
    c->tiles_x = tiles_of(v->out[1]);
    c->tiles = tiles_of(v->out[0]) * c->tiles_x;
    c->images = ps_conv_images(v);
    c->joint = ps_least(c->nr < WIDE ? WIDE / c->nr : 1, c->panels);
    c->chunks = c->c > MOST_CHUNK ? ps_ceil_div(c->c, CHUNK) : 1;
    c->in_ld = spread_rows(c->c);
    c->out_ld = c->joint * c->nr;
    size_t want = ps_conv_chunks_wanted(v);
    choose_block(c, want);
    choose_share(c, want);
    c->in_step = c->block * c->in_ld + 16;
    c->out_step = ps_round_up(c->block * c->out_ld, 16) + 16;
    c->u_step = ps_round_up(c->c * c->nr, 16) + 16;
    c->kept_floats = ps_size_cap(c->panels * MATRICES, c->u_step);
    c->keep = c->blocks * c->images >= KEPT_BLOCKS && c->kept_floats <= KEPT_BYTES / sizeof(float);
    if (!c->keep) {
        c->kept_floats = 0;
        c->u_step = ps_round_up(ps_ceil_div(c->c, c->chunks) * c->nr, 16) + 16;
    }
    c->thread_floats = ps_size_cap(c->products, c->in_step + c->out_step);
    if (!c->keep && !ps_size_add(&c->thread_floats, c->thread_floats, ps_size_cap(MATRICES, c->u_step)))
        c->thread_floats = SIZE_MAX;
    size_t in_pixels = v->x_type == POISE_BF16 ? c->products * c->c : 0, out_pixels = v->y_type == POISE_BF16 ? 16 * c->out_ld : 0;
    c->pixels_floats = ps_round_up(in_pixels > out_pixels ? in_pixels : out_pixels, 16);
    if (!ps_size_add(&c->thread_floats, c->thread_floats, c->pixels_floats)) c->thread_floats = SIZE_MAX;
    c->threads = want > 1 ? v->threads : 1;
}

size_t ps_winograd_scratch(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    size_t mine = ps_size_cap(c.thread_floats, (size_t)c.threads), all;
    return ps_size_add(&all, mine, c.kept_floats) ? ps_size_cap(all, sizeof(float)) : SIZE_MAX;
}

/* All points of input channels [from, to) of one panel. */
static void transform_weights(const cut *c, size_t panel, size_t from, size_t to, float *u)
{
    const float *w = c->v->weights + panel * c->panel_floats + from * c->nr;
    c->weights((to - from) * c->nr, w, (ptrdiff_t)(c->c * c->nr), u, (ptrdiff_t)c->u_step);
}

static void keep_weights(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    const cut *c = ctx;
    float *kept = (float *)(void *)c->v->scratch;
    for (size_t i = (size_t)begin; i < (size_t)end; i++)
        transform_weights(c, i, 0, c->c, kept + i * MATRICES * c->u_step);
}

/* The rows (or columns) of a window at `at` that an image of `size` has: [*first, *end). */
static void clip(ptrdiff_t at, int32_t size, int side, int *first, int *end)
{
    ptrdiff_t from = at < 0 ? -at : 0, to = size - at;
    if (from > side) from = side;
    if (to > side) to = side;
    *first = (int)from;
    *end = to > from ? (int)to : (int)from;
}

/* Whether an output pixel of the tile is needed. */
static bool is_needed(const cut *c, size_t tile)
{
    const ps_conv *v = c->v;
    if (!v->need) return true;
    size_t y = tile / c->tiles_x * 4, x = tile % c->tiles_x * 4, h = (size_t)v->out[0], w = (size_t)v->out[1];
    for (size_t i = y; i < y + 4 && i < h; i++)
        for (size_t j = x; j < x + 4 && j < w; j++)
            if (v->need[i * w + j]) return true;
    return false;
}

/* rows x cols pixels of n bfloat16 as a dense block of floats, and back. */
static void widen(const ps_kernels *k, size_t rows, size_t cols, size_t n, const uint16_t *x, ptrdiff_t row,
                  ptrdiff_t pixel, float *y)
{
    size_t each = pixel == (ptrdiff_t)n ? cols : 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j += each, y += each * n)
            k->f32_from_bf16(each * n, x + (ptrdiff_t)i * row + (ptrdiff_t)j * pixel, y);
}

static void narrow(const ps_kernels *k, size_t rows, size_t cols, size_t n, const float *x, uint16_t *y,
                   ptrdiff_t row, ptrdiff_t pixel)
{
    size_t each = pixel == (ptrdiff_t)n ? cols : 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j += each, x += each * n)
            k->bf16_from_f32(each * n, x, y + (ptrdiff_t)i * row + (ptrdiff_t)j * pixel);
}

/* Gives how many of the n tiles are needed: their inputs follow one another. */
static size_t transform_inputs(const cut *c, size_t image, size_t from, size_t n, float *in, float *pixels)
{
    const ps_conv *v = c->v;
    ptrdiff_t first = ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch);
    const float *x = v->x;
    const uint16_t *x16 = v->x;
    size_t needed = 0;
    for (size_t t = 0; t < n; t++) {
        if (!is_needed(c, from + t)) continue;
        ptrdiff_t y0 = (ptrdiff_t)((from + t) / c->tiles_x * 4) * v->stride[0] - v->pad[0];
        ptrdiff_t x0 = (ptrdiff_t)((from + t) % c->tiles_x * 4) * v->stride[1] - v->pad[1];
        ps_part part;
        clip(y0, v->in[0], c->side, &part.y0, &part.y1);
        clip(x0, v->in[1], c->side, &part.x0, &part.x1);
        bool any = part.y0 < part.y1 && part.x0 < part.x1;
        ptrdiff_t at = any ? first + (y0 + part.y0) * v->xs.row + (x0 + part.x0) * v->xs.pixel : first;
        float *to = in + needed++ * c->in_ld;
        if (v->x_type == POISE_BF16) {
            size_t rows = any ? (size_t)(part.y1 - part.y0) : 0, cols = any ? (size_t)(part.x1 - part.x0) : 0;
            widen(v->k, rows, cols, c->c, x16 + at, v->xs.row, v->xs.pixel, pixels);
            c->in(c->c, pixels, (ptrdiff_t)(cols * c->c), (ptrdiff_t)c->c, &part, to, (ptrdiff_t)c->in_step);
        } else {
            c->in(c->c, x + at, v->xs.row, v->xs.pixel, &part, to, (ptrdiff_t)c->in_step);
        }
    }
    return needed;
}

/* out (+)= in * u for n tiles and k channels; the products differ by at most one row in height. */
static void multiply(const cut *c, size_t n, size_t k, size_t cols, const float *in, const float *u, bool add,
                     float *out)
{
    size_t parts = ps_ceil_div(n, c->mr);
    for (size_t i = 0; i < parts; i++) {
        size_t t = n * i / parts, m = n * (i + 1) / parts - t;
        const float *a = in + t * c->in_ld;
        float *y = out + t * c->out_ld;
        ps_epilogue e = {.act = PS_ACT_NONE, .residual = add ? y : NULL, .ldr = (ptrdiff_t)c->out_ld};
        c->v->k->gemm_f32(m, cols, k, 1, &a, (ptrdiff_t)c->in_ld, u, y, (ptrdiff_t)c->out_ld, &e);
    }
}

static void transform_outputs(const cut *c, size_t image, size_t from, size_t n, size_t channel, size_t cols,
                              const float *out, float *pixels)
{
    const ps_conv *v = c->v;
    ptrdiff_t y = ps_conv_offset(v->batch_rank, v->batch, image, v->ys.batch) + (ptrdiff_t)channel;
    ptrdiff_t r = v->residual ? ps_conv_offset(v->batch_rank, v->batch, image, v->rs.batch) + (ptrdiff_t)channel : 0;
    ptrdiff_t ld = (ptrdiff_t)cols;
    const float *residual = v->r;
    const uint16_t *residual16 = v->r;
    float *to32 = v->y;
    uint16_t *to16 = v->y;
    ps_epilogue e = {.bias = v->bias ? v->bias + channel : NULL,
                     .act = (ps_act)v->fused.act,
                     .a = v->fused.a,
                     .b = v->fused.b,
                     .act_last = v->fused.act_last != 0};
    for (size_t t = 0; t < n; t++) {
        if (!is_needed(c, from + t)) continue;
        size_t ty = (from + t) / c->tiles_x * 4, tx = (from + t) % c->tiles_x * 4;
        size_t rows = ps_least((size_t)v->out[0] - ty, 4), columns = ps_least((size_t)v->out[1] - tx, 4);
        ptrdiff_t to = y + (ptrdiff_t)ty * v->ys.row + (ptrdiff_t)tx * v->ys.pixel;
        ptrdiff_t add = r + (ptrdiff_t)ty * v->rs.row + (ptrdiff_t)tx * v->rs.pixel, row = (ptrdiff_t)columns * ld;
        if (v->y_type == POISE_BF16) {
            if (v->residual) {
                widen(v->k, rows, columns, cols, residual16 + add, v->rs.row, v->rs.pixel, pixels);
                e.residual = pixels;
                e.ldr = ld;
            }
            c->out(cols, out, (ptrdiff_t)c->out_step, rows, columns, pixels, row, ld, row, &e);
            narrow(v->k, rows, columns, cols, pixels, to16 + to, v->ys.row, v->ys.pixel);
        } else {
            if (v->residual) {
                e.residual = residual + add;
                e.ldr = v->rs.pixel;
            }
            c->out(cols, out, (ptrdiff_t)c->out_step, rows, columns, to32 + to, v->ys.row, v->ys.pixel, v->rs.row, &e);
        }
        out += c->out_ld;
    }
}

/* The rows (or columns) of values that meet row (or column) i of matrices: [*first, *end).  The last is that of odd
 * inputs with stride 2. */
static void met(const cut *c, size_t i, size_t *first, size_t *end)
{
    *first = i;
    *end = i + 1 < LINE ? i + 1 : (size_t)c->side;
}

/* All products of n transformed tiles with input channels [from, to) of one panel, whose matrices are at u. */
static void multiply_chunk(const cut *c, size_t from, size_t to, size_t cols, size_t n, const float *in, const float *u,
                           float *out)
{
    for (size_t p = 0; p < MATRICES; p++, u += c->u_step) {
        size_t y0, y1, x0, x1;
        met(c, p / LINE, &y0, &y1);
        met(c, p % LINE, &x0, &x1);
        for (size_t y = y0; y < y1; y++)
            for (size_t x = x0; x < x1; x++) {
                size_t at = y * (size_t)c->side + x;
                multiply(c, n, to - from, cols, in + at * c->in_step + from, u, from > 0, out + at * c->out_step);
            }
    }
}

/* All values of n tiles and the output channels of one panel, in `out`. */
static void run_panel(const cut *c, size_t panel, size_t n, const float *in, float *out, float *u)
{
    const float *kept = (const float *)(const void *)c->v->scratch + panel * MATRICES * c->u_step;
    size_t cols = ps_least(c->nr, c->o - panel * c->nr);
    for (size_t i = 0; i < c->chunks; i++) {
        size_t from = c->c * i / c->chunks, to = c->c * (i + 1) / c->chunks;
        if (!c->keep) transform_weights(c, panel, from, to, u);
        multiply_chunk(c, from, to, cols, n, in, c->keep ? kept + from * c->nr : u, out);
    }
}

static void run_items(void *ctx, int begin, int end, int thread)
{
    const cut *c = ctx;
    float *mine = (float *)(void *)c->v->scratch + c->kept_floats + (size_t)thread * c->thread_floats;
    float *in = mine, *out = in + c->products * c->in_step, *u = out + c->products * c->out_step;
    float *pixels = mine + c->thread_floats - c->pixels_floats;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t image = i / c->shares / c->blocks, from = i / c->shares % c->blocks * c->block;
        size_t n = from >= c->tiles ? 0 : ps_least(c->tiles - from, c->block);
        size_t p0 = i % c->shares * c->share, p1 = ps_least(p0 + c->share, c->panels);
        size_t needed = transform_inputs(c, image, from, n, in, pixels);
        if (!needed) continue;
        for (size_t p = p0; p < p1; p += c->joint) {
            size_t last = ps_least(p + c->joint, p1), channel = p * c->nr;
            for (size_t q = p; q < last; q++) run_panel(c, q, needed, in, out + (q - p) * c->nr, u);
            transform_outputs(c, image, from, n, channel, ps_least(last * c->nr, c->o) - channel, out, pixels);
        }
    }
}

void ps_winograd_run(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    if (c.keep) ps_parallel(c.threads, (int)c.panels, keep_weights, &c);
    ps_parallel(c.threads, (int)(c.images * c.blocks * c.shares), run_items, &c);
}
