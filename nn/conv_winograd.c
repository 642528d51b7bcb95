/* nn/conv_winograd.c - 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications.
 *
 * The output is cut into tiles of 4x4 pixels.  The 6x6 inputs behind a tile become 36 values per channel; products
 * with 36 transformed weight matrices (one small matrix product each, over all tiles of a block) become 36 values per
 * output channel, and these the 16 outputs.  Blocks are sized so that both sets of values stay in L2.
 *
 * Rounding: the transforms multiply by up to 5 and 8 and cancel; rms error against direct sums is about 10 times theirs
 * (1.5e-6 of the output's rms at 64 channels, 3e-6 at 256), far below what a trained network notices. */
#include "nn/conv.h"

#include <string.h>

enum {
    POINTS = 36,
    LEAST_CHANNELS = 16,  /* below, transforms cost more than they save */
    /* Transformed weights take 4x the memory of plain ones, and each saves multiplications for every output pixel:
     * worth it where pixels are many, or weights few.  On YOLOv8n 640 the 20x20 maps would gain 5 ms of 54 and cost
     * 11 MB of 48. */
    MOST_WEIGHTS = 1 << 15, /* input times output channels */
    FEW_WEIGHTS = 1 << 12,
    MANY_PIXELS = 1000,
    BLOCK_BYTES = 640 << 10, /* transformed inputs and outputs of a block: fits beside weights in 1 MB of L2 */
};

typedef struct cut {
    const ps_conv *v;
    size_t c, o, nr, mr, panels, panel_floats;
    size_t tiles_x, tiles, block, blocks, images; /* tiles of an image, tiles in a block */
    size_t in_ld, in_step, out_ld, out_step;      /* floats from tile to tile and from point to point */
    size_t thread_floats;
    int threads;
} cut;

bool ps_winograd_can(const ps_conv *v)
{
    for (int i = 0; i < 2; i++)
        if (v->kernel[i] != 3 || v->stride[i] != 1 || v->dilation[i] != 1) return false;
    if (v->group != 1 || v->c < LEAST_CHANNELS || v->o < LEAST_CHANNELS) return false;
    if (v->out[0] < 4 || v->out[1] < 4) return false;
    for (int i = 0; i < v->batch_rank; i++)
        if (v->weight_step[i]) return false;
    return v->xs.channel == 1 && v->ys.channel == 1 && (!v->residual || v->rs.channel == 1);
}

bool ps_winograd_pays(const ps_conv *v)
{
    int64_t weights = (int64_t)v->c * v->o;
    return weights <= FEW_WEIGHTS ||
           (weights <= MOST_WEIGHTS && (int64_t)v->out[0] * v->out[1] >= MANY_PIXELS);
}

/* Rows a whole number of cache lines long, and never a multiple of 1 KB apart, which would share L1 sets. */
static size_t spread_rows(size_t n)
{
    n = ps_round_up(n, 16);
    return n % 256 ? n : n + 16;
}

static void make_cut(const ps_conv *v, cut *c)
{
    *c = (cut){.v = v, .c = (size_t)v->c, .o = (size_t)v->o};
    c->mr = (size_t)v->k->gemm_f32_tile.mr;
    c->nr = (size_t)v->k->gemm_f32_tile.nr;
    c->panels = (c->o + c->nr - 1) / c->nr;
    c->panel_floats = ps_round_up(c->c * c->nr, PS_ALIGN / sizeof(float));
    c->tiles_x = ((size_t)v->out[1] + 3) / 4;
    c->tiles = ((size_t)v->out[0] + 3) / 4 * c->tiles_x;
    c->images = ps_conv_images(v);
    c->in_ld = spread_rows(c->c);
    c->out_ld = spread_rows(c->o);
    size_t fit = BLOCK_BYTES / (POINTS * (c->in_ld + c->out_ld) * sizeof(float));
    fit = fit < c->mr ? c->mr : fit / c->mr * c->mr;
    size_t want = ps_conv_chunks_wanted(v), share = (c->tiles * c->images + want - 1) / want;
    if (fit > share) fit = share;
    if (fit > c->tiles) fit = c->tiles;
    if (!fit) fit = 1;
    c->blocks = (c->tiles + fit - 1) / fit;
    c->block = c->blocks ? (c->tiles + c->blocks - 1) / c->blocks : 1;
    c->in_step = c->block * c->in_ld + 16;
    c->out_step = c->block * c->out_ld + 16;
    c->thread_floats = POINTS * (c->in_step + c->out_step) + POINTS * c->c;
    c->threads = want > 1 ? v->threads : 1;
}

size_t ps_winograd_packed(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    return POINTS * c.panels * c.panel_floats;
}

size_t ps_winograd_scratch(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    return ps_round_up(c.thread_floats * sizeof(float), PS_ALIGN) * (size_t)c.threads;
}

/* u = G g G^T of one 3x3 window. */
static void transform_weights(const double g[3][3], double u[6][6])
{
    static const double G[6][3] = {{1 / 4.0, 0, 0},
                                   {-1 / 6.0, -1 / 6.0, -1 / 6.0},
                                   {-1 / 6.0, 1 / 6.0, -1 / 6.0},
                                   {1 / 24.0, 1 / 12.0, 1 / 6.0},
                                   {1 / 24.0, -1 / 12.0, 1 / 6.0},
                                   {0, 0, 1}};
    double t[6][3];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 3; j++) t[i][j] = G[i][0] * g[0][j] + G[i][1] * g[1][j] + G[i][2] * g[2][j];
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) u[i][j] = t[i][0] * G[j][0] + t[i][1] * G[j][1] + t[i][2] * G[j][2];
}

void ps_winograd_pack(const ps_conv *v, const ps_weights *w, float *dst)
{
    cut c;
    make_cut(v, &c);
    memset(dst, 0, ps_winograd_packed(v) * sizeof *dst);
    for (size_t o = 0; o < c.o; o++)
        for (size_t i = 0; i < c.c; i++) {
            double g[3][3], u[6][6];
            for (int y = 0; y < 3; y++)
                for (int x = 0; x < 3; x++)
                    g[y][x] = (double)w->scale * (double)w->at[(ptrdiff_t)o * w->o + (ptrdiff_t)i * w->c + y * w->kernel[0] +
                                                               x * w->kernel[1]];
            transform_weights(g, u);
            float *at = dst + o / c.nr * c.panel_floats + i * c.nr + o % c.nr;
            for (int p = 0; p < POINTS; p++) at[(size_t)p * c.panels * c.panel_floats] = (float)u[p / 6][p % 6];
        }
}

/* The 6x6 window at (y, x), copied with zeros where it leaves the image. */
static const float *bordered(const cut *c, const float *image, ptrdiff_t y, ptrdiff_t x, float *dst)
{
    const ps_conv *v = c->v;
    for (ptrdiff_t i = 0; i < 6; i++)
        for (ptrdiff_t j = 0; j < 6; j++) {
            float *to = dst + (size_t)(6 * i + j) * c->c;
            bool inside = y + i >= 0 && y + i < v->in[0] && x + j >= 0 && x + j < v->in[1];
            if (inside) memcpy(to, image + (y + i) * v->xs.row + (x + j) * v->xs.pixel, c->c * sizeof *to);
            else memset(to, 0, c->c * sizeof *to);
        }
    return dst;
}

static void transform_inputs(const cut *c, const float *image, size_t from, size_t n, float *in, float *window)
{
    const ps_conv *v = c->v;
    for (size_t t = 0; t < n; t++) {
        ptrdiff_t y = (ptrdiff_t)((from + t) / c->tiles_x * 4) - v->pad[0];
        ptrdiff_t x = (ptrdiff_t)((from + t) % c->tiles_x * 4) - v->pad[1];
        bool inside = y >= 0 && x >= 0 && y + 6 <= v->in[0] && x + 6 <= v->in[1];
        float *to = in + t * c->in_ld;
        if (inside)
            v->k->winograd_in_f32(c->c, image + y * v->xs.row + x * v->xs.pixel, v->xs.row, v->xs.pixel, to,
                                  (ptrdiff_t)c->in_step);
        else
            v->k->winograd_in_f32(c->c, bordered(c, image, y, x, window), (ptrdiff_t)(6 * c->c), (ptrdiff_t)c->c, to,
                                  (ptrdiff_t)c->in_step);
    }
}

/* 36 matrix products; tiles of a product differ by at most one row in height. */
static void multiply(const cut *c, size_t n, const float *in, float *out)
{
    static const ps_epilogue none = {.act = PS_ACT_NONE};
    size_t parts = (n + c->mr - 1) / c->mr;
    for (size_t p = 0; p < POINTS; p++) {
        const float *w = c->v->weights + p * c->panels * c->panel_floats;
        for (size_t panel = 0; panel < c->panels; panel++, w += c->panel_floats) {
            size_t left = c->o - panel * c->nr, cols = left < c->nr ? left : c->nr;
            for (size_t i = 0; i < parts; i++) {
                size_t t = n * i / parts, m = n * (i + 1) / parts - t;
                const float *a = in + p * c->in_step + t * c->in_ld;
                c->v->k->gemm_f32(m, cols, c->c, 1, &a, (ptrdiff_t)c->in_ld, w,
                                  out + p * c->out_step + t * c->out_ld + panel * c->nr, (ptrdiff_t)c->out_ld, &none);
            }
        }
    }
}

static void transform_outputs(const cut *c, size_t image, size_t from, size_t n, const float *out)
{
    const ps_conv *v = c->v;
    float *y = v->y + ps_conv_offset(v->batch_rank, v->batch, image, v->ys.batch);
    const float *r = v->residual ? v->r + ps_conv_offset(v->batch_rank, v->batch, image, v->rs.batch) : NULL;
    for (size_t t = 0; t < n; t++) {
        size_t ty = (from + t) / c->tiles_x * 4, tx = (from + t) % c->tiles_x * 4;
        size_t rows = (size_t)v->out[0] - ty, cols = (size_t)v->out[1] - tx;
        ps_epilogue e = {.bias = v->bias, .act = (ps_act)v->fused.act, .a = v->fused.a, .b = v->fused.b,
                         .act_last = v->fused.act_last != 0};
        if (r) {
            e.residual = r + (ptrdiff_t)ty * v->rs.row + (ptrdiff_t)tx * v->rs.pixel;
            e.ldr = v->rs.pixel;
        }
        v->k->winograd_out_f32(c->o, out + t * c->out_ld, (ptrdiff_t)c->out_step, rows < 4 ? rows : 4, cols < 4 ? cols : 4,
                               y + (ptrdiff_t)ty * v->ys.row + (ptrdiff_t)tx * v->ys.pixel, v->ys.row, v->ys.pixel, v->rs.row,
                               &e);
    }
}

static void run_blocks(void *ctx, int begin, int end, int thread)
{
    const cut *c = ctx;
    const ps_conv *v = c->v;
    uint8_t *mine = v->scratch + (size_t)thread * ps_round_up(c->thread_floats * sizeof(float), PS_ALIGN);
    float *in = (float *)(void *)mine, *out = in + POINTS * c->in_step, *window = out + POINTS * c->out_step;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t image = i / c->blocks, from = i % c->blocks * c->block;
        size_t n = from >= c->tiles ? 0 : c->tiles - from < c->block ? c->tiles - from : c->block;
        const float *x = v->x + ps_conv_offset(v->batch_rank, v->batch, image, v->xs.batch);
        transform_inputs(c, x, from, n, in, window);
        multiply(c, n, in, out);
        transform_outputs(c, image, from, n, out);
    }
}

void ps_winograd_run(const ps_conv *v)
{
    cut c;
    make_cut(v, &c);
    ps_parallel(c.threads, (int)(c.images * c.blocks), run_blocks, &c);
}
