/* nn/spread.c - elementwise work and work along lines, cut into pieces for threads. */
#include "nn/spread.h"

#include <string.h>

/* A parallel region costs 1..6 us (libgomp, 2 threads): pieces of 20 us keep that small. */
static const double piece_ns = 20000;

typedef struct job {
    const ps_walk *w;
    ps_piece_fn *f;
    const void *ctx;
    size_t cut;    /* elements of a piece of a long row; 0 = rows are not cut */
    size_t pieces; /* per row, when cut */
    size_t group;  /* rows per chunk, when not cut */
} job;

static void run_cut(const job *j, size_t chunk, int thread)
{
    const ps_walk *w = j->w;
    void *at[PS_MAX_WALK];
    size_t from = chunk % j->pieces * j->cut, n = w->n - from < j->cut ? w->n - from : j->cut;
    ps_walk_row(w, chunk / j->pieces, at);
    for (int i = 0; i < w->count; i++)
        at[i] = (char *)at[i] + (ptrdiff_t)from * w->step[i] * (ptrdiff_t)w->size[i];
    j->f(j->ctx, n, at, w->step, thread);
}

/* Moves at[] to the next row; index[] counts the outer dimensions. */
static void next_row(const ps_walk *w, size_t *index, void **at)
{
    for (int d = w->rank - 1; d >= 0; d--) {
        bool wrap = ++index[d] == (size_t)w->dim[d];
        ptrdiff_t move = wrap ? 1 - w->dim[d] : 1;
        for (int i = 0; i < w->count; i++)
            at[i] = (char *)at[i] + move * w->stride[i][d] * (ptrdiff_t)w->size[i];
        if (!wrap) return;
        index[d] = 0;
    }
}

static void run_rows(const job *j, size_t chunk, int thread)
{
    const ps_walk *w = j->w;
    size_t row = chunk * j->group, end = row + j->group < w->rows ? row + j->group : w->rows;
    size_t index[POISE_MAX_DIMS], rest = row;
    void *at[PS_MAX_WALK];
    for (int d = w->rank - 1; d >= 0; d--) {
        index[d] = rest % (size_t)w->dim[d];
        rest /= (size_t)w->dim[d];
    }
    ps_walk_row(w, row, at);
    for (;;) {
        j->f(j->ctx, w->n, at, w->step, thread);
        if (++row == end) return;
        next_row(w, index, at);
    }
}

static void body(void *ctx, int begin, int end, int thread)
{
    const job *j = ctx;
    for (int i = begin; i < end; i++) {
        if (j->cut)
            run_cut(j, (size_t)i, thread);
        else
            run_rows(j, (size_t)i, thread);
    }
}

void ps_spread(const ps_walk *w, int threads, double ns, ps_piece_fn *f, const void *ctx)
{
    if (!w->rows || !w->n) return;
    double most = piece_ns / ns;
    size_t grain = most < 1 ? 1 : most > 1e9 ? 1000000000 : (size_t)most, chunks;
    job j = {w, f, ctx, 0, 1, 1};
    if (w->n > grain) {
        j.cut = grain < 64 ? grain : grain / 64 * 64; /* whole vectors and cache lines */
        j.pieces = (w->n + j.cut - 1) / j.cut;
        chunks = w->rows * j.pieces;
    } else {
        j.group = grain / w->n;
        chunks = (w->rows + j.group - 1) / j.group;
    }
    ps_parallel(threads, (int)chunks, body, &j); /* a tensor has less than 2^31 elements */
}

/* ---- short rows ---- */

enum { SHORT = 48, ROOM = 1024, MOST = 3 }; /* elements of a short row; bytes of a dense block; tensors */

/* A walk of pixels, whose elements are rows of n. */
typedef struct pixels {
    ps_piece_fn *f;
    const void *ctx;
    size_t n, count, block; /* elements of a pixel; tensors; pixels of a block */
    ptrdiff_t step[MOST];
    size_t size[MOST];
} pixels;

/* The longer loop inside: pixels may have two elements. */
#define PIXELS(type, to, from)                                                                       \
    if (m > n)                                                                                       \
        for (ptrdiff_t j = 0; j < (ptrdiff_t)n; j++)                                                 \
            for (ptrdiff_t i = 0; i < (ptrdiff_t)m; i++) ((type *)y)[to] = ((const type *)x)[from];  \
    else                                                                                             \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)m; i++)                                                 \
            for (ptrdiff_t j = 0; j < (ptrdiff_t)n; j++) ((type *)y)[to] = ((const type *)x)[from]
#define EVERY_SIZE(to, from)                         \
    switch (size) {                                  \
    case 1: PIXELS(uint8_t, to, from); break;        \
    case 2: PIXELS(uint16_t, to, from); break;       \
    case 4: PIXELS(uint32_t, to, from); break;       \
    default: PIXELS(uint64_t, to, from); break;      \
    }

/* m pixels of n elements between strided and dense memory; eight bytes at a time where that is possible. */
static void gather_pixels(size_t size, size_t m, size_t n, const void *x, ptrdiff_t pixel, ptrdiff_t step, void *y)
{
    if (step == 1 && n * size % 8 == 0) {
        const char *from = x;
        char *to = y;
        for (size_t i = 0; i < m; i++, from += pixel * (ptrdiff_t)size)
            for (size_t b = 0; b < n * size; b += 8, to += 8) memcpy(to, from + b, 8);
        return;
    }
    EVERY_SIZE(i * (ptrdiff_t)n + j, i * pixel + j * step)
}

static void scatter_pixels(size_t size, size_t m, size_t n, const void *x, void *y, ptrdiff_t pixel, ptrdiff_t step)
{
    if (step == 1 && n * size % 8 == 0) {
        const char *from = x;
        char *to = y;
        for (size_t i = 0; i < m; i++, to += pixel * (ptrdiff_t)size)
            for (size_t b = 0; b < n * size; b += 8, from += 8) memcpy(to + b, from, 8);
        return;
    }
    EVERY_SIZE(i * pixel + j * step, i * (ptrdiff_t)n + j)
}

static void pixels_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *pixel, int thread)
{
    const pixels *p = ctx;
    uint64_t room[MOST][ROOM / sizeof(uint64_t)];
    void *x[MOST];
    ptrdiff_t step[MOST];
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < p->block ? n - i : p->block;
        for (size_t t = 0; t < p->count; t++) {
            bool one = p->step[t] == 0 && pixel[t] == 0, dense = p->step[t] == 1 && pixel[t] == (ptrdiff_t)p->n;
            x[t] = (char *)at[t] + (ptrdiff_t)i * pixel[t] * (ptrdiff_t)p->size[t];
            step[t] = !one;
            if (one || dense) continue;
            if (t) gather_pixels(p->size[t], m, p->n, x[t], pixel[t], p->step[t], room[t]);
            x[t] = room[t];
        }
        p->f(p->ctx, m * p->n, x, step, thread);
        if (x[0] == room[0])
            scatter_pixels(p->size[0], m, p->n, x[0], (char *)at[0] + (ptrdiff_t)i * pixel[0] * (ptrdiff_t)p->size[0],
                           pixel[0], p->step[0]);
    }
}

void ps_spread_short(const ps_walk *w, int threads, double ns, ps_piece_fn *f, const void *ctx)
{
    int d = w->rank - 1;
    if (!w->rows || !w->n) return;
    if (d < 0 || w->n >= SHORT || w->count > MOST) {
        ps_spread(w, threads, ns, f, ctx);
        return;
    }
    pixels p = {.f = f, .ctx = ctx, .n = w->n, .count = (size_t)w->count, .block = ROOM};
    ps_walk whole = *w;
    whole.rank = d;
    whole.n = (size_t)w->dim[d];
    whole.rows = w->rows / whole.n;
    for (int t = 0; t < w->count; t++) {
        size_t block = ROOM / w->size[t] / w->n;
        p.block = block < p.block ? block : p.block;
        p.step[t] = w->step[t];
        p.size[t] = w->size[t];
        whole.step[t] = w->stride[t][d];
    }
    ps_spread(&whole, threads, ns * (double)w->n, pixels_piece, &p);
}

void ps_lines_init(ps_walk *w, int count, const poise_tensor *const *t, int axis)
{
    poise_tensor line[PS_MAX_WALK];
    const poise_tensor *lines[PS_MAX_WALK];
    for (int i = 0; i < count; i++) {
        line[i] = *t[i];
        line[i].dim[axis] = 1;
        lines[i] = &line[i];
    }
    ps_walk_init(w, count, lines);
}

#define MOVE(type, to, from) \
    for (size_t i = 0; i < n; i++) ((type *)y)[to] = ((const type *)x)[from]

void ps_gather(size_t size, size_t n, const void *x, ptrdiff_t step, void *dense)
{
    void *y = dense;
    switch (step == 1 ? 0 : size) {
    case 0: memcpy(y, x, n * size); break;
    case 1: MOVE(uint8_t, i, (ptrdiff_t)i * step); break;
    case 2: MOVE(uint16_t, i, (ptrdiff_t)i * step); break;
    case 4: MOVE(uint32_t, i, (ptrdiff_t)i * step); break;
    default: MOVE(uint64_t, i, (ptrdiff_t)i * step); break;
    }
}

void ps_scatter(size_t size, size_t n, const void *dense, void *y, ptrdiff_t step)
{
    const void *x = dense;
    switch (step == 1 ? 0 : size) {
    case 0: memcpy(y, x, n * size); break;
    case 1: MOVE(uint8_t, (ptrdiff_t)i * step, i); break;
    case 2: MOVE(uint16_t, (ptrdiff_t)i * step, i); break;
    case 4: MOVE(uint32_t, (ptrdiff_t)i * step, i); break;
    default: MOVE(uint64_t, (ptrdiff_t)i * step, i); break;
    }
}
