/* models/letterbox.c - scales, borders, reorders and normalises a picture row by row.
 *
 * There is never a scaled picture in memory: each output row is made from a few source rows that were
 * scaled horizontally and are remembered by the thread in `slots` (row s in slot s % slots). */
#include "models/letterbox.h"

#include "models/image_rows.h"

#include "runtime/memory.h"
#include "runtime/status.h"
#include "runtime/threads.h"

#include <math.h>
#include <string.h>

enum {
    ROWS = 16,      /* output rows of a chunk: the rows at its edges are scaled twice, one in eight */
    MOST_SLOTS = 64 /* beyond that (shrinking 32 times) rows are scaled again rather than remembered */
};

poise_status ps_image_dims_of(const poise_tensor *t, ps_image_dims *out)
{
    bool rank4 = t->rank == 4 && t->dim[0] == 1;
    if (rank4 && (t->dim[1] == 3 || t->dim[1] == 1) && t->dim[2] > 0 && t->dim[3] > 0)
        *out = (ps_image_dims){t->dim[1], t->dim[2], t->dim[3], t->stride[1], t->stride[2], t->stride[3]};
    else if (rank4 && (t->dim[3] == 3 || t->dim[3] == 1) && t->dim[1] > 0 && t->dim[2] > 0)
        *out = (ps_image_dims){t->dim[3], t->dim[1], t->dim[2], t->stride[3], t->stride[1], t->stride[2]};
    else
        return ps_fail(
            POISE_UNSUPPORTED,
            "the network's input has rank %d and dims %d,%d,%d,%d: a picture goes into 1x3xHxW or 1xHxWx3",
            t->rank, t->dim[0], t->dim[1], t->dim[2], t->dim[3]);
    PS_REQUIRE(t->type == POISE_F32 || t->type == POISE_U8 || (t->type == POISE_I8 && t->scale > 0), POISE_UNSUPPORTED,
               "the network's input is %s: pictures go into f32 or u8", poise_type_name(t->type));
    return POISE_OK;
}

/* A thread's buffers, in its piece of the block. */
typedef struct buffers {
    uint16_t *rows; /* [slots][width*3] scaled horizontally */
    int32_t *held;  /* [slots] which source row a slot holds, -1 none */
    int32_t *sum;   /* [width*3] */
    float *wide;    /* [width*3] for inputs that are not channels-last */
    uint8_t *row;   /* [width*3] finished pixels */
    uint8_t *rgb;   /* [source*3] a row that was converted */
} buffers;

/* Lays the buffers out in `a` (which may only measure). */
static buffers buffers_in(ps_arena *a, int32_t slots, int32_t width, int32_t source)
{
    size_t n = (size_t)width * 3;
    buffers b;
    b.rows = ps_arena_push(a, n * (size_t)slots * sizeof *b.rows);
    b.held = ps_arena_push(a, (size_t)slots * sizeof *b.held);
    b.sum = ps_arena_push(a, n * sizeof *b.sum);
    b.wide = ps_arena_push(a, n * sizeof *b.wide);
    b.row = ps_arena_push(a, n);
    b.rgb = ps_arena_push(a, (size_t)source * 3);
    return b;
}

static int32_t clamp(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static float clampf(float v, float lo, float hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Pixels [from, from + n) of the input that show the source, as outputs of a scaling that begins at `corner`. */
static ps_span visible(int32_t corner, double start, double step, int32_t src, int32_t dst)
{
    ps_span s = {.src = src, .start = start, .step = step};
    for (int32_t i = 0; i < dst; i++) {
        double centre = start + ((double)i - corner + 0.5) * step;
        if (!(centre >= 0 && centre < src)) continue;
        if (!s.n) s.from = i - corner;
        s.n++;
    }
    return s;
}

/* The same pixels of the input, seen from the pixels in memory. */
static void in_memory(ps_span *s, double origin, double shrink, int32_t size)
{
    s->src = size;
    s->start = origin + s->start / shrink;
    s->step /= shrink;
}

poise_status ps_letterbox_plan(ps_letterbox *lb, const ps_pixels *px, const ps_geometry *g, int threads)
{
    if (lb->block && lb->threads == threads && !memcmp(g, &lb->geometry, sizeof *g) &&
        lb->pixels.filter == px->filter) {
        lb->pixels = *px;
        return POISE_OK;
    }
    ps_span x = visible(g->left, g->start_x, g->step_x, g->src_w, g->dst_w);
    ps_span y = visible(g->top, g->start_y, g->step_y, g->src_h, g->dst_h);
    in_memory(&x, g->origin_x, g->shrink, g->img_w);
    in_memory(&y, g->origin_y, g->shrink, g->img_h);
    size_t xs = ps_round_up(ps_axis_size(px->filter, &x), PS_ALIGN);
    size_t ys = ps_round_up(ps_axis_size(px->filter, &y), PS_ALIGN);
    double taps = ceil(y.step) * 2 + 2;
    int32_t slots = taps < 4 ? 4 : taps > MOST_SLOTS ? MOST_SLOTS : (int32_t)taps;
    ps_arena measure = {0};
    buffers_in(&measure, slots, x.n, g->img_w);
    size_t piece = ps_round_up(measure.used, PS_ALIGN), all;
    PS_REQUIRE(ps_size_mul(&all, piece, (size_t)threads) && ps_size_add(&all, all, xs + ys), POISE_NO_MEMORY,
               "scaling %d x %d to %d x %d pixels takes too much memory", g->src_w, g->src_h, g->new_w,
               g->new_h);
    if (all > lb->cap) {
        ps_letterbox_free(lb);
        lb->block = ps_alloc(all);
        PS_REQUIRE(lb->block, POISE_NO_MEMORY, "no memory (%zu bytes) to scale %d x %d to %d x %d pixels",
                   all, g->src_w, g->src_h, g->new_w, g->new_h);
        lb->cap = all;
    }
    lb->geometry = *g;
    lb->pixels = *px;
    lb->x0 = g->left + x.from, lb->x1 = lb->x0 + x.n;
    lb->y0 = g->top + y.from, lb->y1 = lb->y0 + y.n;
    lb->slots = slots;
    lb->threads = threads;
    lb->tables = xs + ys;
    lb->piece = piece;
    ps_axis_init(&lb->x, px->filter, &x, lb->block);
    ps_axis_init(&lb->y, px->filter, &y, lb->block + xs);
    return POISE_OK;
}

void ps_letterbox_free(ps_letterbox *lb)
{
    ps_free(lb->block);
    *lb = (ps_letterbox){0};
}

/* ---- one source row, horizontally ---- */

static void row_point(const ps_axis *x, const uint8_t *s, int step, uint16_t *d)
{
    int c1 = step == 1 ? 0 : 1, c2 = 2 * c1;
    for (int32_t i = 0; i < x->n; i++, d += 3) {
        const uint8_t *a = s + (ptrdiff_t)ps_axis_tap(x, i, 0) * step,
                      *b = s + (ptrdiff_t)ps_axis_tap(x, i, 1) * step;
        int32_t wa = x->weight[2 * i], wb = x->weight[2 * i + 1];
        d[0] = (uint16_t)((a[0] * wa + b[0] * wb) >> 4);
        d[1] = (uint16_t)((a[c1] * wa + b[c1] * wb) >> 4);
        d[2] = (uint16_t)((a[c2] * wa + b[c2] * wb) >> 4);
    }
}

/* ---- output rows ---- */

typedef struct job {
    const ps_letterbox *lb;
    const ps_kernels *k;
    const poise_image *img;
    const poise_tensor *input;
    ps_image_dims d;
    ps_row_kind kind;
    int32_t from, to; /* columns of the source that are looked at */
    uint8_t order[3];
    float mul[3], add[3], border[3];
    uint8_t code[3][256], border_code[3]; /* of each value, where the input is not f32 */
    const uint8_t *table[3];              /* those, or NULL where every byte stays what it is */
} job;

static const uint16_t *source_row(const job *j, const buffers *b, int32_t s)
{
    const ps_letterbox *lb = j->lb;
    int32_t slot = s % lb->slots;
    uint16_t *row = b->rows + (size_t)slot * (size_t)lb->x.n * 3;
    if (b->held[slot] == s) return row;
    const uint8_t *p = j->img->plane[0] + s * j->img->stride[0];
    if (j->kind.planar) ps_image_row_rgb(j->k, j->img, s, j->from, j->to, b->rgb), p = b->rgb;
    const ps_axis *x = &lb->x;
    if (x->filter == PS_FILTER_POINT)
        row_point(x, p, j->kind.step, row);
    else
        j->k->area_row_u8((size_t)x->n, &(ps_taps){x->first, x->count, x->start, x->weight}, p, (size_t)j->to,
                          j->kind.step, row);
    b->held[slot] = s;
    return row;
}

/* The pixels of output row i of the picture, into b->row. */
static void finish_row(const job *j, const buffers *b, int32_t i)
{
    const ps_axis *y = &j->lb->y;
    size_t n = (size_t)j->lb->x.n * 3;
    const int32_t *w = y->weight + y->start[i];
    if (y->filter == PS_FILTER_POINT) {
        const uint16_t *p = source_row(j, b, ps_axis_tap(y, i, 0)),
                       *q = source_row(j, b, ps_axis_tap(y, i, 1));
        for (size_t c = 0; c < n; c++)
            b->row[c] = (uint8_t)(((w[0] * p[c] >> 16) + (w[1] * q[c] >> 16) + 2) >> 2);
        return;
    }
    for (size_t c = 0; c < n; c++) b->sum[c] = 1 << (PS_AREA_BITS - 1);
    for (int32_t t = 0; t < y->count[i]; t += 2) { /* in pairs; there are at least 4 slots */
        bool two = t + 1 < y->count[i];
        const uint16_t *p = source_row(j, b, y->first[i] + t), *q = two ? source_row(j, b, y->first[i] + t + 1) : p;
        j->k->area_add_u16(n, p, q, w[t], two ? w[t + 1] : 0, b->sum);
    }
    for (size_t c = 0; c < n; c++) b->row[c] = (uint8_t)clamp(b->sum[c] >> PS_AREA_BITS, 0, 255);
}

/* Brightness of RGB in 14-bit weights, as the usual libraries have it. */
static void to_grey(uint8_t *row, int32_t n, bool bgr)
{
    int red = bgr ? 2 : 0, blue = 2 - red;
    for (int32_t i = 0; i < n; i++, row += 3) {
        int v = (row[red] * 4899 + row[1] * 9617 + row[blue] * 1868 + 8192) >> 14;
        row[0] = row[1] = row[2] = (uint8_t)v;
    }
}

static void put_f32(const job *j, const buffers *b, float *y, int32_t n)
{
    const ps_image_dims *d = &j->d;
    if (d->c == 3 && d->sc == 1) {
        j->k->pixels_f32((size_t)n, b->row, j->order, j->mul, j->add, y, d->sw);
        return;
    }
    j->k->pixels_f32((size_t)n, b->row, j->order, j->mul, j->add, b->wide, 3);
    for (int32_t c = 0; c < d->c; c++)
        for (int32_t i = 0; i < n; i++) y[c * d->sc + i * d->sw] = b->wide[3 * i + c];
}

static void put_u8(const job *j, const buffers *b, uint8_t *y, int32_t n)
{
    const ps_image_dims *d = &j->d;
    if (d->c == 3 && d->sc == 1) {
        j->k->pixels_u8((size_t)n, b->row, j->order, j->table, y, d->sw);
        return;
    }
    for (int32_t c = 0; c < d->c; c++)
        for (int32_t i = 0; i < n; i++) y[c * d->sc + i * d->sw] = j->code[c][b->row[3 * i + j->order[c]]];
}

/* The codes of a quantised input, one of 256 for each value of a channel.  Bytes for an input of plain u8 are given as they
 * are: such a network has its normalisation inside. */
static void make_codes(job *j)
{
    const poise_tensor *t = j->input;
    int low = t->type == POISE_I8 ? -128 : 0;
    bool same = true;
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++) {
            int32_t q = v;
            if (t->scale > 0) {
                q = (int32_t)rintf(clampf(((float)v * j->mul[c] + j->add[c]) / t->scale, -1e6F, 1e6F)) + t->zero;
                q = clamp(q, low, low + 255);
            }
            j->code[c][v] = (uint8_t)q;
            same = same && j->code[c][v] == v;
        }
    for (int c = 0; c < 3; c++) {
        j->table[c] = same ? NULL : j->code[c];
        j->border_code[c] = j->code[c][j->lb->pixels.border];
    }
}

static void put_border(const job *j, void *row, int32_t from, int32_t to)
{
    const ps_image_dims *d = &j->d;
    for (int32_t x = from; x < to; x++)
        for (int32_t c = 0; c < d->c; c++) {
            if (j->input->type == POISE_F32)
                ((float *)row)[x * d->sw + c * d->sc] = j->border[c];
            else
                ((uint8_t *)row)[x * d->sw + c * d->sc] = j->border_code[c];
        }
}

static void rows_body(void *ctx, int begin, int end, int thread)
{
    const job *j = ctx;
    const ps_letterbox *lb = j->lb;
    ps_arena piece = {lb->block + lb->tables + (size_t)thread * lb->piece, lb->piece, 0};
    buffers b = buffers_in(&piece, lb->slots, lb->x.n, lb->geometry.img_w);
    for (int32_t s = 0; s < lb->slots; s++) b.held[s] = -1;
    bool f32 = j->input->type == POISE_F32;
    size_t element = f32 ? sizeof(float) : 1;
    for (int32_t y = begin * ROWS; y < j->d.h && y < end * ROWS; y++) {
        char *row = (char *)j->input->data + y * j->d.sh * (ptrdiff_t)element;
        bool inside = y >= lb->y0 && y < lb->y1 && lb->x.n;
        put_border(j, row, 0, inside ? lb->x0 : j->d.w);
        if (!inside) continue;
        finish_row(j, &b, y - lb->y0);
        if (j->d.c == 1) to_grey(b.row, lb->x.n, j->kind.bgr);
        char *at = row + lb->x0 * j->d.sw * (ptrdiff_t)element;
        if (f32)
            put_f32(j, &b, (float *)(void *)at, lb->x.n);
        else
            put_u8(j, &b, (uint8_t *)at, lb->x.n);
        put_border(j, row, lb->x1, j->d.w);
    }
}

/* [from, to) of the source's columns that have a weight. */
static void columns(const ps_axis *x, int32_t *from, int32_t *to)
{
    *from = *to = 0;
    if (!x->n) return;
    *from = ps_axis_tap(x, 0, 0);
    *to = ps_axis_tap(x, x->n - 1, x->count[x->n - 1] - 1) + 1;
}

poise_status ps_letterbox_run(const ps_letterbox *lb, const ps_kernels *k, const poise_image *img,
                              const poise_tensor *input)
{
    job j = {.lb = lb, .k = k, .img = img, .input = input};
    const ps_pixels *px = &lb->pixels;
    PS_TRY(ps_image_dims_of(input, &j.d));
    PS_TRY(ps_image_check(img));
    PS_REQUIRE(img->w == lb->geometry.img_w && img->h == lb->geometry.img_h && j.d.w == lb->geometry.dst_w &&
                   j.d.h == lb->geometry.dst_h,
               POISE_BAD_ARGUMENT, "a picture of %d x %d pixels: %d x %d was planned", img->w, img->h,
               lb->geometry.img_w, lb->geometry.img_h);
    j.kind = ps_row_kind_of(img->format);
    columns(&lb->x, &j.from, &j.to);
    for (int c = 0; c < 3; c++) {
        j.order[c] = (uint8_t)((px->bgr != 0) != j.kind.bgr ? 2 - c : c);
        j.mul[c] = px->scale / px->std[c];
        j.add[c] = -px->mean[c] / px->std[c];
        j.border[c] = (float)px->border * j.mul[c] + j.add[c];
    }
    if (input->type != POISE_F32) make_codes(&j);
    ps_parallel(lb->threads, (j.d.h + ROWS - 1) / ROWS, rows_body, &j);
    return POISE_OK;
}
