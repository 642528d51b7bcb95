/* nn/tensor.c - strides: making them, comparing them, walking along them. */
#include "nn/tensor.h"

#include <stdio.h>
#include <string.h>

size_t poise_type_size(poise_type t)
{
    switch (t) {
    case POISE_U8: case POISE_I8: case POISE_BOOL: return 1;
    case POISE_F16: case POISE_BF16: return 2;
    case POISE_F32: case POISE_I32: return 4;
    case POISE_I64: case POISE_F64: return 8;
    case POISE_NONE: break;
    }
    return 0;
}

const char *poise_type_name(poise_type t)
{
    static const char *const name[] = {"none", "f32", "i32", "i64", "u8", "i8", "bool", "f16", "f64", "bf16"};
    return (unsigned)t < sizeof name / sizeof *name ? name[t] : "none";
}

size_t poise_tensor_count(const poise_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= (size_t)t->dim[i];
    return n;
}

void poise_tensor_read(const poise_tensor *t, void *dense)
{
    poise_tensor d = *t;
    ps_strides_row_major(&d);
    d.data = dense;
    ps_copy(t, &d);
}

void poise_tensor_write(const poise_tensor *t, const void *dense)
{
    poise_tensor d = *t;
    ps_strides_row_major(&d);
    d.data = (void *)(uintptr_t)dense;
    ps_copy(&d, t);
}

/* ---- strides ---- */

void ps_strides_row_major(poise_tensor *t)
{
    ptrdiff_t s = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        t->stride[i] = s;
        s *= t->dim[i];
    }
}

void ps_strides_channels_last(poise_tensor *t, ptrdiff_t pixel)
{
    if (t->rank < 3) {
        ps_strides_row_major(t);
        return;
    }
    ptrdiff_t s = pixel ? pixel : t->dim[1];
    for (int i = t->rank - 1; i >= 0; i--) {
        if (i == 1) continue;
        t->stride[i] = s;
        s *= t->dim[i];
    }
    t->stride[1] = 1;
}

static ptrdiff_t magnitude(ptrdiff_t s)
{
    return s < 0 ? -s : s;
}

/* Dimensions of t from the outermost to the innermost by stride; dimensions of 1 and broadcast ones
 * first, equal strides in the network's order. */
static void order_by_stride(const poise_tensor *t, int *order)
{
    for (int i = 0; i < t->rank; i++) {
        bool loose = t->dim[i] == 1 || !t->stride[i];
        int at = i;
        while (at > 0) {
            int p = order[at - 1];
            bool p_loose = t->dim[p] == 1 || !t->stride[p];
            if (p_loose || (!loose && magnitude(t->stride[p]) >= magnitude(t->stride[i]))) break;
            order[at] = p;
            at--;
        }
        order[at] = i;
    }
}

void ps_strides_like(poise_tensor *t, const poise_tensor *like)
{
    int order[POISE_MAX_DIMS];
    order_by_stride(like, order);
    ptrdiff_t s = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        t->stride[order[i]] = s;
        s *= t->dim[order[i]];
    }
}

bool ps_same_strides(const poise_tensor *a, const poise_tensor *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] || (a->dim[i] != 1 && a->stride[i] != b->stride[i])) return false;
    return true;
}

/* ---- walking ---- */

/* Whether dimension `in` continues dimension `out` in every tensor, so that the two are one. */
static bool chains(const ps_walk *w, int out, int in)
{
    for (int i = 0; i < w->count; i++)
        if (w->stride[i][out] != w->stride[i][in] * w->dim[in]) return false;
    return true;
}

void ps_walk_init(ps_walk *w, int count, const poise_tensor *const *t)
{
    int order[POISE_MAX_DIMS];
    *w = (ps_walk){.count = count};
    order_by_stride(t[0], order);
    for (int i = 0; i < count; i++) {
        w->base[i] = t[i]->data;
        w->size[i] = poise_type_size(t[i]->type);
    }
    int rank = 0; /* dimensions so far, outermost first, neighbours merged where they chain */
    for (int d = 0; d < t[0]->rank; d++) {
        int from = order[d];
        if (t[0]->dim[from] == 1) continue;
        w->dim[rank] = t[0]->dim[from];
        for (int i = 0; i < count; i++) w->stride[i][rank] = t[i]->stride[from];
        if (rank && chains(w, rank - 1, rank)) {
            w->dim[rank - 1] *= w->dim[rank];
            for (int i = 0; i < count; i++) w->stride[i][rank - 1] = w->stride[i][rank];
        } else {
            rank++;
        }
    }
    w->rows = 1;
    w->n = 1;
    if (rank) {
        rank--;
        w->n = (size_t)w->dim[rank];
        for (int i = 0; i < count; i++) w->step[i] = w->stride[i][rank];
    }
    w->rank = rank;
    for (int d = 0; d < rank; d++) w->rows *= (size_t)w->dim[d];
}

void ps_walk_row(const ps_walk *w, size_t r, void **at)
{
    ptrdiff_t offset[PS_MAX_WALK] = {0};
    for (int d = w->rank - 1; d >= 0; d--) {
        ptrdiff_t i = (ptrdiff_t)(r % (size_t)w->dim[d]);
        r /= (size_t)w->dim[d];
        for (int k = 0; k < w->count; k++) offset[k] += i * w->stride[k][d];
    }
    for (int k = 0; k < w->count; k++) at[k] = w->base[k] + offset[k] * (ptrdiff_t)w->size[k];
}

/* n elements of one size from x to y; steps in elements. */
#define COPY_ROW(type)                                                                   \
    do {                                                                                 \
        const type *p = x;                                                               \
        type *q = y;                                                                     \
        for (size_t i = 0; i < n; i++) q[(ptrdiff_t)i * sy] = p[(ptrdiff_t)i * sx];      \
    } while (0)

static void copy_row(size_t size, size_t n, const void *x, ptrdiff_t sx, void *y, ptrdiff_t sy)
{
    if (sx == 1 && sy == 1) {
        memcpy(y, x, n * size);
        return;
    }
    switch (size) {
    case 1: COPY_ROW(uint8_t); break;
    case 2: COPY_ROW(uint16_t); break;
    case 4: COPY_ROW(uint32_t); break;
    default: COPY_ROW(uint64_t); break;
    }
}

/* Copies between tensors whose innermost dimensions differ, in square blocks: one side is read or written
 * a line at a time while its lines stay in L1 (16 x 16 elements of 8 bytes are 32 lines). */
static void copy_crossed(const ps_walk *w, size_t r, int d)
{
    enum { BLOCK = 16 };
    void *at[2];
    ps_walk_row(w, r, at);
    size_t m = (size_t)w->dim[d], size = w->size[0];
    ptrdiff_t oy = w->stride[0][d], ox = w->stride[1][d];
    for (size_t i = 0; i < m; i += BLOCK)
        for (size_t j = 0; j < w->n; j += BLOCK)
            for (size_t k = i; k < m && k < i + BLOCK; k++) {
                char *y = (char *)at[0] + ((ptrdiff_t)k * oy + (ptrdiff_t)j * w->step[0]) * (ptrdiff_t)size;
                char *x = (char *)at[1] + ((ptrdiff_t)k * ox + (ptrdiff_t)j * w->step[1]) * (ptrdiff_t)size;
                copy_row(size, w->n - j < BLOCK ? w->n - j : BLOCK, x, w->step[1], y, w->step[0]);
            }
}

void ps_copy(const poise_tensor *x, const poise_tensor *y)
{
    ps_walk w;
    if (!poise_tensor_count(y)) return;
    ps_walk_init(&w, 2, (const poise_tensor *[]){y, x});
    int d = w.rank - 1; /* the dimension around the innermost, where x may be contiguous */
    bool crossed = w.rank > 0 && w.step[1] != 1 && magnitude(w.stride[1][d]) < magnitude(w.step[1]);
    size_t rows = crossed ? w.rows / (size_t)w.dim[d] : w.rows;
    for (size_t r = 0; r < rows; r++) {
        void *at[2];
        if (crossed) {
            copy_crossed(&w, r * (size_t)w.dim[d], d);
            continue;
        }
        ps_walk_row(&w, r, at);
        copy_row(w.size[0], w.n, at[1], w.step[1], at[0], w.step[0]);
    }
}

poise_tensor ps_broadcast(const poise_tensor *x, const poise_tensor *y)
{
    poise_tensor b = *y;
    b.data = x->data;
    b.type = x->type;
    for (int i = 0; i < y->rank; i++) {
        int d = i - (y->rank - x->rank);
        b.stride[i] = d < 0 || (x->dim[d] == 1 && y->dim[i] != 1) ? 0 : x->stride[d];
    }
    return b;
}

/* ---- dims ---- */

bool ps_dims_count(int rank, const int32_t *dim, size_t *count)
{
    size_t n = 1;
    bool empty = false;
    if (rank < 0 || rank > POISE_MAX_DIMS) return false;
    for (int i = 0; i < rank; i++) {
        size_t d = dim[i] == 0 ? 1 : (size_t)dim[i]; /* strides of an empty tensor are products of the others */
        empty |= dim[i] == 0;
        if (dim[i] < 0 || __builtin_mul_overflow(n, d, &n)) return false;
    }
    *count = empty ? 0 : n;
    return n <= INT32_MAX && n <= SIZE_MAX / 16; /* so that bytes do not overflow where size_t has 32 bits */
}

const char *ps_shape_text(int rank, const int32_t *dim, char *buf)
{
    if (rank <= 0) return strcpy(buf, "scalar");
    size_t at = 0;
    for (int i = 0; i < rank && i < POISE_MAX_DIMS; i++) {
        int n = snprintf(buf + at, PS_SHAPE_TEXT - at, "%s%d", i ? "x" : "", dim[i]);
        if (n > 0) at += (size_t)n;
    }
    return buf;
}
