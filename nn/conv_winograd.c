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
 * Codes (u8 times s8) become the very sums that direct products give: the transforms are in whole numbers, of 16 bits in
 * front of the products, and what they are multiplied by is divided out of 32 bits behind them (ops/kernels.def).  The sums
 * must be below 2^25 for that, which packing finds out; if weights are too large, the direct way is taken.
 *
 * Rounding: with floats the transforms multiply by up to 5 and 8 and cancel; rms error against direct sums is about 10 times theirs
 * (1.5e-6 of the output's rms at 64 channels, 3e-6 at 256), far below what a trained network notices. */
#include "nn/conv_winograd.h"

enum {
    LINE = PS_WINOGRAD_LINE,
    MATRICES = PS_WINOGRAD_MATRICES,
    LEAST_CHANNELS = 16,     /* below, transforms cost more than they save */
    LEAST_TILES = 4,         /* below, so does the transform of weights */
    LEAST_HALF = 32,         /* channels where direct products of bfloat16 are fast */
    LEAST_TILES_S2 = 20,     /* the same with stride 2: 1.4 x as fast at 25 tiles (256 > 128 channels), 0.85 x at 16 and 9 */
    LEAST_DOT = 32,          /* codes where direct products are fast: channels, */
    LEAST_DOT_TILES = 12,    /* tiles */
    BLOCK_BYTES = 640 << 10, /* transformed inputs and outputs of a block: fits beside weights in 1 MB of L2 */
    KEPT_BYTES = 4 << 20,    /* most transformed weights that are kept for all blocks, */
    KEPT_BLOCKS = 3,         /* where there are so many: one more transform costs less than memory */
    CHUNK = 64,              /* channels of a panel that are transformed together: 288 KB of AVX-512's panels */
    MOST_CHUNK = 128,         /* a sum of so many is not cut */
    WIDE = 64,               /* output channels that are transformed together */
    COLUMNS = 16             /* those of matrices of codes are a multiple of it */
};

typedef ps_winograd_cut cut;

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
    bool codes = v->x_type == POISE_U8;
    if (codes && (v->c % 4 || v->k->gemm_u8_tile.nr % COLUMNS || v->k->fast & PS_FAST_EIGHTS)) return false;
    return v->xs.channel == 1 && v->ys.channel == 1 && (!v->residual || v->rs.channel == 1);
}

/* A quarter of the products, of 16 bits: half as fast as those of bytes by vpdpbusd, as fast as those by vpmaddubsw.  With
 * vpdpbusd on Zen 4: 64 > 64 of 80x80 0.76 for 1.12 ms, 32 > 32 0.27 for 0.31, 16 > 16 0.55 for 0.39; 256 > 256 of 14x14 (16
 * tiles) 0.44 for 0.51, 512 > 512 of 7x7 (4 tiles) 0.63 for 0.55. */
static bool codes_pay(const ps_conv *v)
{
    size_t tiles = tiles_of(v->out[0]) * tiles_of(v->out[1]);
    if (v->k->fast & PS_FAST_TILES) return false;
    if (!(v->k->fast & PS_FAST_DOT)) return tiles >= (v->stride[0] == 1 ? LEAST_TILES : LEAST_TILES_S2);
    return v->stride[0] == 1 && tiles >= LEAST_DOT_TILES && v->c >= LEAST_DOT && v->o >= LEAST_DOT;
}

bool ps_winograd_pays(const ps_conv *v)
{
    if (v->x_type == POISE_U8) return codes_pay(v);
    bool half = v->x_type != POISE_F32 && v->x_type == ps_half_type(v->k); /* against direct products at twice the speed */
    bool more = v->k->fast & PS_FAST_BF16X3 || v->k->gemm_bf16_tile.kr > 2; /* ... those of AMX and BFMMLA at more */
    if (v->x_type == POISE_BF16 && half && more) return false;
    if (half && (v->stride[0] != 1 || v->c < LEAST_HALF || v->o < LEAST_HALF)) return false;
    return tiles_of(v->out[0]) * tiles_of(v->out[1]) >= (v->stride[0] == 1 ? LEAST_TILES : LEAST_TILES_S2);
}

/* Rows a whole number of cache lines long, and never a multiple of 1 KB apart, which would share L1 sets. */
static size_t spread_rows(size_t n, size_t size)
{
    n = ps_round_up(n * size, PS_ALIGN);
    return (n % 1024 ? n : n + PS_ALIGN) / size;
}

/* Tiles of a block: as many as stay in L2, but enough for the weights that each block reads again. */
static void choose_block(cut *c, size_t want)
{
    size_t tile = c->products * (c->in_ld * c->size + c->out_ld * sizeof(float)), least = 2 * c->mr;
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

/* Points of values and matrices, never a whole number of pages apart. */
static void choose_steps(cut *c)
{
    size_t line = PS_ALIGN / c->size, columns = c->codes ? ps_round_up(ps_least(c->nr, c->o), COLUMNS) : c->nr;
    c->in_ld = spread_rows(c->c, c->size);
    c->in_step = c->block * c->in_ld + line;
    c->out_step = ps_round_up(c->block * c->out_ld, 16) + 16;
    c->u_step = ps_round_up(c->c * columns, line) + line;
    c->kept_bytes = ps_size_cap(ps_size_cap(c->panels * MATRICES, c->u_step), c->size);
    c->keep = c->blocks * c->images >= KEPT_BLOCKS && c->kept_bytes <= KEPT_BYTES;
    if (c->keep) return;
    c->kept_bytes = 0;
    c->u_step = ps_round_up(ps_ceil_div(c->c, c->chunks) * columns, line) + line;
}

static void count_bytes(cut *c)
{
    const ps_conv *v = c->v;
    size_t in_pixels = ps_is_half(v->x_type) ? c->products * c->c : 0, out_pixels = ps_is_half(v->y_type) ? 16 * c->out_ld : 0;
    c->in_bytes = ps_size_cap(ps_size_cap(c->products, c->in_step), c->size);
    c->out_bytes = ps_size_cap(ps_size_cap(c->products, c->out_step), sizeof(float));
    c->u_bytes = c->keep ? 0 : ps_size_cap(ps_size_cap(MATRICES, c->u_step), c->size);
    c->pixels_bytes = ps_round_up(in_pixels > out_pixels ? in_pixels : out_pixels, 16) * sizeof(float);
    c->thread_bytes = c->in_bytes;
    const size_t more[3] = {c->out_bytes, c->u_bytes, c->pixels_bytes};
    for (int i = 0; i < 3; i++)
        if (!ps_size_add(&c->thread_bytes, c->thread_bytes, more[i])) c->thread_bytes = SIZE_MAX;
}

static void make_cut(const ps_conv *v, cut *c)
{
    *c = (cut){.v = v, .c = (size_t)v->c, .o = (size_t)v->o, .codes = v->x_type == POISE_U8};
    ps_tile tile = c->codes ? v->k->gemm_u8_tile : v->k->gemm_f32_tile;
    c->size = c->codes ? sizeof(int16_t) : sizeof(float);
    c->side = v->stride[0] == 1 ? 6 : 9;
    c->products = (size_t)c->side * (size_t)c->side;
    c->mr = (size_t)tile.mr;
    c->nr = (size_t)tile.nr;
    c->panels = ps_ceil_div(c->o, c->nr);
    c->panel_words = ps_round_up(9 * c->c * c->nr / (c->codes ? sizeof(float) : 1), PS_ALIGN / sizeof(float));
    c->tiles_x = tiles_of(v->out[1]);
    c->tiles = tiles_of(v->out[0]) * c->tiles_x;
    c->images = ps_conv_images(v);
    c->joint = ps_least(c->nr < WIDE ? WIDE / c->nr : 1, c->panels);
    c->chunks = c->c > MOST_CHUNK ? ps_ceil_div(c->c, CHUNK) : 1;
    c->in_ld = spread_rows(c->c, c->size);
    c->out_ld = c->codes ? ps_least(c->joint * c->nr, ps_round_up(c->o, COLUMNS)) : c->joint * c->nr;
    size_t want = ps_conv_chunks_wanted(v);
    choose_block(c, want);
    choose_share(c, want);
    choose_steps(c);
    count_bytes(c);
    c->threads = want > 1 ? v->threads : 1;
}

size_t ps_winograd_scratch(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    size_t mine = ps_size_cap(c.thread_bytes, (size_t)c.threads), all;
    return ps_size_add(&all, mine, c.kept_bytes) ? all : SIZE_MAX;
}

/* Where chunk i of the input channels begins: fours of codes stay together. */
static size_t chunk_at(const cut *c, size_t i)
{
    return c->codes ? c->c / 4 * i / c->chunks * 4 : c->c * i / c->chunks;
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

ps_part ps_winograd_window(const ps_winograd_tiles *t, const ps_winograd_tile *tile, ptrdiff_t *at)
{
    const ps_conv *v = t->c->v;
    ptrdiff_t first = ps_conv_offset(v->batch_rank, v->batch, t->image, v->xs.batch);
    ptrdiff_t y = (ptrdiff_t)tile->y * v->stride[0] - v->pad[0], x = (ptrdiff_t)tile->x * v->stride[1] - v->pad[1];
    ps_part part;
    clip(y, v->in[0], t->c->side, &part.y0, &part.y1);
    clip(x, v->in[1], t->c->side, &part.x0, &part.x1);
    bool any = part.y0 < part.y1 && part.x0 < part.x1;
    *at = any ? first + (y + part.y0) * v->xs.row + (x + part.x0) * v->xs.pixel : first;
    return part;
}

bool ps_winograd_tile_of(const ps_winograd_tiles *t, size_t i, ps_winograd_tile *tile)
{
    const ps_conv *v = t->c->v;
    size_t h = (size_t)v->out[0], w = (size_t)v->out[1], y = (t->from + i) / t->c->tiles_x * 4, x = (t->from + i) % t->c->tiles_x * 4;
    *tile = (ps_winograd_tile){y, x, ps_least(h - y, 4), ps_least(w - x, 4)};
    if (!v->need) return true;
    for (size_t r = y; r < y + tile->rows; r++)
        for (size_t s = x; s < x + tile->cols; s++)
            if (v->need[r * w + s]) return true;
    return false;
}

static void transform_weights(const cut *c, const ps_winograd_part *part, void *u)
{
    if (c->codes)
        ps_winograd_weights_u8(c, part, u);
    else
        ps_winograd_weights_f32(c, part, u);
}

static ps_winograd_part whole_panel(const cut *c, size_t panel)
{
    return (ps_winograd_part){panel, 0, c->c, ps_least(c->nr, c->o - panel * c->nr)};
}

static void keep_weights(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    const cut *c = ctx;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        ps_winograd_part all = whole_panel(c, i);
        transform_weights(c, &all, c->v->scratch + i * MATRICES * c->u_step * c->size);
    }
}

/* The rows (or columns) of values that meet row (or column) i of matrices: [*first, *end).  The last is that of odd
 * inputs with stride 2. */
static void met(const cut *c, size_t i, size_t *first, size_t *end)
{
    *first = i;
    *end = i + 1 < LINE ? i + 1 : (size_t)c->side;
}

/* All products of n transformed tiles with a part of a panel, whose matrices are at u. */
static void multiply_part(const cut *c, const ps_winograd_part *part, size_t n, const char *in, const char *u, char *out)
{
    for (size_t p = 0; p < MATRICES; p++, u += c->u_step * c->size) {
        size_t y0, y1, x0, x1;
        met(c, p / LINE, &y0, &y1);
        met(c, p % LINE, &x0, &x1);
        for (size_t y = y0; y < y1; y++)
            for (size_t x = x0; x < x1; x++) {
                size_t at = y * (size_t)c->side + x;
                const char *a = in + (at * c->in_step + part->from) * c->size;
                char *to = out + at * c->out_step * sizeof(float);
                if (c->codes)
                    ps_winograd_multiply_u8(c, part, n, a, u, to);
                else
                    ps_winograd_multiply_f32(c, part, n, a, u, to);
            }
    }
}

/* All values of n tiles and the output channels of one panel, in `out`. */
static void run_panel(const cut *c, size_t panel, size_t n, const char *in, char *out, char *u)
{
    const char *kept = (const char *)c->v->scratch + panel * MATRICES * c->u_step * c->size;
    ps_winograd_part part = whole_panel(c, panel);
    size_t row = (c->codes ? ps_round_up(part.cols, COLUMNS) : c->nr) * c->size;
    for (size_t i = 0; i < c->chunks; i++) {
        part.from = chunk_at(c, i);
        part.to = chunk_at(c, i + 1);
        if (!c->keep) transform_weights(c, &part, u);
        multiply_part(c, &part, n, in, c->keep ? kept + part.from * row : u, out);
    }
}

static void run_items(void *ctx, int begin, int end, int thread)
{
    const cut *c = ctx;
    char *in = (char *)c->v->scratch + c->kept_bytes + (size_t)thread * c->thread_bytes, *out = in + c->in_bytes;
    char *u = out + c->out_bytes, *pixels = u + c->u_bytes;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t from = i / c->shares % c->blocks * c->block;
        size_t p0 = i % c->shares * c->share, p1 = ps_least(p0 + c->share, c->panels);
        const ps_winograd_tiles t = {c, i / c->shares / c->blocks, from, from >= c->tiles ? 0 : ps_least(c->tiles - from, c->block)};
        size_t needed = c->codes ? ps_winograd_inputs_u8(&t, in, pixels) : ps_winograd_inputs_f32(&t, in, pixels);
        if (!needed) continue;
        for (size_t p = p0; p < p1; p += c->joint) {
            size_t last = ps_least(p + c->joint, p1), channel = p * c->nr, cols = ps_least(last * c->nr, c->o) - channel;
            for (size_t q = p; q < last; q++) run_panel(c, q, needed, in, out + (q - p) * c->nr * sizeof(float), u);
            if (c->codes)
                ps_winograd_outputs_u8(&t, channel, cols, out, pixels);
            else
                ps_winograd_outputs_f32(&t, channel, cols, out, pixels);
        }
    }
}

bool ps_winograd_fits(const ps_conv *v)
{
    if (v->x_type != POISE_U8) return true;
    const ps_conv_sums sums = ps_conv_sums_of(v, v->weights);
    for (size_t i = 0; i < ps_ceil_div((size_t)v->o, (size_t)v->k->gemm_u8_tile.nr); i++)
        if (!(sums.fits[i] & PS_CONV_SMALL_SUMS)) return false;
    return true;
}

void ps_winograd_run(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    if (c.keep) ps_parallel(c.threads, (int)c.panels, keep_weights, &c);
    ps_parallel(c.threads, (int)(c.images * c.blocks * c.shares), run_items, &c);
}
