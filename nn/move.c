/* nn/move.c - strided copies: loops are sorted by the destination, merged, and end in a row or a transposed tile. */
#include "nn/move.h"

#include "runtime/threads.h"

#include <string.h>

void ps_nest_push(ps_nest *n, int32_t dim, ptrdiff_t sx, ptrdiff_t sy)
{
    n->dim[n->rank] = dim;
    n->sx[n->rank] = sx;
    n->sy[n->rank++] = sy;
}

/* One element type: an m x n block, the loop over n inside. */
#define BLOCK(type)                                                                                  \
    static void block_##type(size_t m, size_t n, const type *x, ptrdiff_t xm, ptrdiff_t xn, type *y, \
                             ptrdiff_t ym, ptrdiff_t yn)                                             \
    {                                                                                                \
        for (size_t i = 0; i < m; i++) {                                                             \
            const type *a = x + (ptrdiff_t)i * xm;                                                   \
            type *b = y + (ptrdiff_t)i * ym;                                                         \
            for (size_t j = 0; j < n; j++) b[(ptrdiff_t)j * yn] = a[(ptrdiff_t)j * xn];              \
        }                                                                                            \
    }
BLOCK(uint8_t)
BLOCK(uint16_t)
BLOCK(uint32_t)
BLOCK(uint64_t)
#undef BLOCK

static void block(size_t size, size_t m, size_t n, const void *x, ptrdiff_t xm, ptrdiff_t xn, void *y,
                  ptrdiff_t ym, ptrdiff_t yn)
{
    if (xn == 1 && yn == 1 && n * size >= 32) {
        for (size_t i = 0; i < m; i++)
            memcpy(ps_at(y, (ptrdiff_t)i * ym, size), ps_at(x, (ptrdiff_t)i * xm, size), n * size);
        return;
    }
    if (n < 16 && m > n) { /* a few elements a row: the long loop goes inside */
        size_t t = m;
        m = n, n = t;
        ptrdiff_t s = xm;
        xm = xn, xn = s;
        s = ym;
        ym = yn, yn = s;
    }
    switch (size) {
    case 1: block_uint8_t(m, n, x, xm, xn, y, ym, yn); break;
    case 2: block_uint16_t(m, n, x, xm, xn, y, ym, yn); break;
    case 4: block_uint32_t(m, n, x, xm, xn, y, ym, yn); break;
    default: block_uint64_t(m, n, x, xm, xn, y, ym, yn); break;
    }
}

void ps_move_row(size_t size, size_t n, const void *x, ptrdiff_t sx, void *y, ptrdiff_t sy)
{
    block(size, 1, n, x, 0, sx, y, 0, sy);
}

bool ps_nest_compact(ps_nest *d, const ps_nest *n)
{
    d->rank = 0;
    for (int i = 0; i < n->rank; i++) {
        if (!n->dim[i]) return false;
        if (n->dim[i] == 1) continue;
        int j = d->rank;
        ps_nest_push(d, 0, 0, 0);
        for (; j > 0 && d->sy[j - 1] < n->sy[i]; j--) {
            d->dim[j] = d->dim[j - 1];
            d->sx[j] = d->sx[j - 1];
            d->sy[j] = d->sy[j - 1];
        }
        d->dim[j] = n->dim[i];
        d->sx[j] = n->sx[i];
        d->sy[j] = n->sy[i];
    }
    int r = 0;
    for (int i = 1; i < d->rank; i++) {
        if (d->sy[r] == d->sy[i] * d->dim[i] && d->sx[r] == d->sx[i] * d->dim[i]) {
            d->dim[i] *= d->dim[r];
        } else {
            r++;
        }
        d->dim[r] = d->dim[i];
        d->sx[r] = d->sx[i];
        d->sy[r] = d->sy[i];
    }
    if (d->rank) d->rank = r + 1;
    return true;
}

void ps_nest_copy(const ps_nest *d, size_t size, const void *x, void *y)
{
    int r = d->rank, a = r - 2, b = r - 1, outer = r > 2 ? r - 2 : 0;
    size_t m = r > 1 ? (size_t)d->dim[a] : 1, n = r > 0 ? (size_t)d->dim[b] : 1, rows = 1;
    for (int i = 0; i < outer; i++) rows *= (size_t)d->dim[i];
    for (size_t k = 0; k < rows; k++) {
        ptrdiff_t ox = 0, oy = 0;
        size_t left = k;
        for (int i = outer; i-- > 0; left /= (size_t)d->dim[i]) {
            ox += (ptrdiff_t)(left % (size_t)d->dim[i]) * d->sx[i];
            oy += (ptrdiff_t)(left % (size_t)d->dim[i]) * d->sy[i];
        }
        block(size, m, n, ps_at(x, ox, size), r > 1 ? d->sx[a] : 0, r > 0 ? d->sx[b] : 1, ps_at(y, oy, size),
              r > 1 ? d->sy[a] : 0, r > 0 ? d->sy[b] : 1);
    }
}

/* A copy cut into tiles of m x n: loop n is the innermost one of the destination, loop m the next, or the
 * innermost one of the source. */
typedef struct tiles {
    ps_nest outer;
    const ps_kernels *k;
    size_t size, m, n, bm, bn; /* tile sizes */
    size_t cm, cn;             /* number of tiles */
    ptrdiff_t xm, xn, ym, yn;
    const void *x;
    void *y;
    bool turn; /* unit steps are m in the source, n in the destination */
} tiles;

static void tile(const tiles *t, size_t chunk)
{
    size_t j = chunk % t->cn * t->bn, i = chunk / t->cn % t->cm * t->bm, r = chunk / t->cn / t->cm;
    size_t m = t->m - i < t->bm ? t->m - i : t->bm, n = t->n - j < t->bn ? t->n - j : t->bn;
    ptrdiff_t ox = (ptrdiff_t)i * t->xm + (ptrdiff_t)j * t->xn,
              oy = (ptrdiff_t)i * t->ym + (ptrdiff_t)j * t->yn;
    for (int d = t->outer.rank; d-- > 0;) {
        ptrdiff_t c = (ptrdiff_t)(r % (size_t)t->outer.dim[d]);
        r /= (size_t)t->outer.dim[d];
        ox += c * t->outer.sx[d];
        oy += c * t->outer.sy[d];
    }
    const void *x = ps_at(t->x, ox, t->size);
    void *y = ps_at(t->y, oy, t->size);
    if (t->turn && t->size == 4)
        t->k->transpose_f32(n, m, x, t->xn, y, t->ym);
    else
        block(t->size, m, n, x, t->xm, t->xn, y, t->ym, t->yn);
}

static void tile_body(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    for (int i = begin; i < end; i++) tile(ctx, (size_t)i);
}

/* The second loop of a tile: the source's innermost when a transposed copy pays, else the destination's next. */
static int second_loop(const ps_nest *d, int inner)
{
    if (d->sx[inner] != 1 && d->sx[inner] != 0 && d->sy[inner] == 1)
        for (int i = 0; i < inner; i++)
            if (d->sx[i] == 1) return i;
    return inner - 1;
}

void ps_move_nest(const ps_kernels *k, int threads, size_t size, const void *x, void *y, const ps_nest *n)
{
    enum {
        TILE = 1 << 15
    }; /* bytes: source and destination of a tile stay in a 64 kB cache, and half a tile in L1 */
    tiles t = {.k = k, .size = size, .m = 1, .n = 1, .x = x, .y = y};
    if (!ps_nest_compact(&t.outer, n)) return;
    if (t.outer.rank > 0) {
        int inner = t.outer.rank - 1, next = second_loop(&t.outer, inner);
        t.n = (size_t)t.outer.dim[inner], t.xn = t.outer.sx[inner], t.yn = t.outer.sy[inner];
        if (next >= 0) {
            t.m = (size_t)t.outer.dim[next], t.xm = t.outer.sx[next], t.ym = t.outer.sy[next];
            t.turn = t.xm == 1 && t.yn == 1 && t.xn != 1 && t.xn != 0;
            for (int i = next; i < inner - 1; i++) {
                t.outer.dim[i] = t.outer.dim[i + 1];
                t.outer.sx[i] = t.outer.sx[i + 1];
                t.outer.sy[i] = t.outer.sy[i + 1];
            }
        }
        t.outer.rank -= next >= 0 ? 2 : 1;
    }
    size_t most = TILE / size;
    t.bn = t.n < most ? t.n : most;
    t.bm = most / t.bn;
    if (t.turn) {
        /* a turned tile reads bn rows at once: 32 of them stay in L1 even where only four sets of it are
         * used (64 x 6400 floats to channels-last, C kernel, Zen 4: 64 rows 9.8 GB/s, 32 rows 23 GB/s) */
        t.bn = t.m < 16 ? most / t.m : t.n < 32 ? t.n : 32;
        t.bm = t.n < 16 ? most / t.n : 96;
    }
    t.cm = (t.m + t.bm - 1) / t.bm;
    t.cn = (t.n + t.bn - 1) / t.bn;
    size_t rows = 1;
    for (int d = 0; d < t.outer.rank; d++) rows *= (size_t)t.outer.dim[d];
    size_t chunks = rows * t.cm * t.cn;
    if (rows * t.m * t.n * size < 2 * TILE) threads = 1;
    ps_parallel(threads, (int)chunks, tile_body, &t);
}

void ps_move(const ps_kernels *k, int threads, const poise_tensor *x, const poise_tensor *y)
{
    ps_nest n = {0};
    for (int i = 0; i < y->rank; i++) ps_nest_push(&n, y->dim[i], x->stride[i], y->stride[i]);
    ps_move_nest(k, threads, poise_type_size(y->type), x->data, y->data, &n);
}

void ps_move_view(const ps_call *c, bool (*view)(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset))
{
    poise_tensor x = *c->out[0];
    ptrdiff_t offset;
    view(c->params, c->in[0], &x, &offset);
    x.data = ps_at(c->in[0]->data, offset, poise_type_size(x.type));
    ps_move(c->k, c->threads, &x, c->out[0]);
}
