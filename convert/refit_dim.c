/* convert/refit_dim.c - dimensions and grids for another image size. */
#include "convert/refit_dim.h"

#include "poise.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

ps_refit_dim ps_refit_atom(int32_t was, int32_t is)
{
    return (ps_refit_dim){.n = 1, .was = {was}, .is = {is}};
}

int32_t ps_refit_parts(const ps_refit_dim *d)
{
    return d->n ? d->part[d->n - 1] + 1 : 0;
}

int32_t ps_refit_extent(const ps_refit_dim *d, int p, bool new)
{
    int64_t all = 0, part = 1;
    for (int32_t i = 0; i < d->n; i++) {
        part *= new ? d->is[i] : d->was[i];
        if (part > INT32_MAX) return INT32_MAX; /* no dimension is as large */
        if (i + 1 < d->n && d->part[i + 1] == d->part[i]) continue;
        if (p < 0 || d->part[i] == p) all += part;
        part = 1;
    }
    return all > INT32_MAX ? INT32_MAX : (int32_t)all;
}

bool ps_refit_changed(const ps_refit_dim *d)
{
    for (int32_t i = 0; i < d->n; i++)
        if (d->was[i] != d->is[i]) return true;
    return false;
}

bool ps_refit_append(ps_refit_dim *a, const ps_refit_dim *b)
{
    if (!ps_refit_changed(a) && !ps_refit_changed(b)) {
        int32_t sum = ps_refit_extent(a, -1, false) + ps_refit_extent(b, -1, false);
        *a = ps_refit_atom(sum, sum);
        return true;
    }
    int32_t parts = ps_refit_parts(a);
    for (int32_t i = 0; i < b->n; i++) {
        if (a->n == PS_REFIT_ATOMS) return false;
        a->was[a->n] = b->was[i], a->is[a->n] = b->is[i], a->part[a->n] = parts + b->part[i];
        a->n++;
    }
    return true;
}

static bool push(ps_refit_dim *d, int32_t was, int32_t is)
{
    if (was == 1 && is == 1 && d->n) return true;
    if (d->n == 1 && d->was[0] == 1 && d->is[0] == 1) d->n = 0;
    if (d->n == PS_REFIT_ATOMS) return false;
    d->was[d->n] = was, d->is[d->n] = is, d->part[d->n] = 0;
    d->n++;
    return true;
}

/* The atoms of x[from, to), whose product is that of dim[0, n), dealt out to y[0, n). */
static bool deal(const ps_refit_dim *x, int from, int to, const int32_t *dim, int n, ps_refit_dim *y)
{
    ps_refit_dim all = {0};
    for (int i = from; i < to; i++) {
        if (ps_refit_parts(&x[i]) > 1) { /* a sum stays whole */
            int32_t size = ps_refit_extent(&x[i], -1, false);
            for (int k = from; k < to; k++)
                if (k != i && (ps_refit_extent(&x[k], -1, false) != 1 || ps_refit_changed(&x[k])))
                    return false;
            for (int k = 0; k < n; k++) {
                if (dim[k] != size && dim[k] != 1) return false;
                y[k] = dim[k] == size ? x[i] : ps_refit_atom(1, 1);
            }
            return size != 1;
        }
        for (int32_t a = 0; a < x[i].n; a++)
            if (!push(&all, x[i].was[a], x[i].is[a])) return false;
    }
    int32_t at = 0;
    for (int k = 0; k < n; k++) {
        y[k] = ps_refit_atom(1, 1);
        for (int32_t left = dim[k]; left > 1;) {
            if (at >= all.n) return false;
            int32_t was = all.was[at], is = all.is[at];
            if (left % was == 0) {
                if (!push(&y[k], was, is)) return false;
                left /= was;
                at++;
            } else if (was == is && was % left == 0) { /* the outer factor goes here */
                if (!push(&y[k], left, left)) return false;
                all.was[at] = all.is[at] = was / left;
                left = 1;
            } else {
                return false;
            }
        }
    }
    for (; at < all.n; at++)
        if (all.was[at] != 1 || all.is[at] != 1) return false;
    return true;
}

bool ps_refit_reshape(const ps_refit_dim *x, int n_x, const int32_t *dim, int n_y, ps_refit_dim *y)
{
    int i = 0, k = 0;
    while (i < n_x || k < n_y) {
        int i0 = i, k0 = k;
        int64_t a = i < n_x ? ps_refit_extent(&x[i++], -1, false) : 1, b = k < n_y ? dim[k++] : 1;
        while (a != b) {
            if (a < b && i < n_x)
                a *= ps_refit_extent(&x[i++], -1, false);
            else if (b < a && k < n_y)
                b *= dim[k++];
            else
                return false;
        }
        if (!a || !deal(x, i0, i, dim + k0, k - k0, y + k0)) return false;
    }
    return true;
}

/* ---- constants ---- */

/* Where element `at` (indices of the dimensions) of a constant lies in the file's version: `base` without the positions
 * of changing atoms, and for each of those its position and its step. */
typedef struct place {
    size_t base;
    int n;
    int32_t at[PS_REFIT_ATOMS], was[PS_REFIT_ATOMS];
    size_t step[PS_REFIT_ATOMS];
} place;

/* Index `at` of dimension d, of elements `stride` apart in the file; false: too many atoms. */
static bool add_dim(place *p, const ps_refit_dim *d, int32_t at, bool new, size_t stride)
{
    int part = 0;
    for (int32_t size; at >= (size = ps_refit_extent(d, part, new)); at -= size)
        p->base += (size_t)ps_refit_extent(d, part++, false) * stride;
    for (int32_t i = d->n; i-- > 0;) {
        if (d->part[i] != part) continue;
        int32_t size = new ? d->is[i] : d->was[i], x = at % size;
        at /= size;
        if (d->was[i] == d->is[i]) {
            p->base += (size_t)x * stride;
        } else {
            if (p->n == PS_REFIT_ATOMS) return false;
            p->at[p->n] = x, p->was[p->n] = d->was[i], p->step[p->n] = stride;
            p->n++;
        }
        stride *= (size_t)d->was[i];
    }
    return true;
}

static bool is_slope(double v)
{
    int exponent;
    double m = frexp(fabs(v), &exponent);
    return v == 0 || (m == 0.5 && exponent >= 0 && exponent <= 9);
}

/* The grid's value there; false where it is none. */
static bool value_at(const place *p, const float *from, float *out)
{
    double v = (double)from[p->base];
    if (v * 4 != floor(v * 4) || fabs(v) > 1e4) return false;
    for (int i = 0; i < p->n; i++) {
        if (p->was[i] < 2) return false; /* no slope is seen */
        double slope = (double)from[p->base + p->step[i]] - (double)from[p->base];
        if (!is_slope(slope)) return false;
        v += slope * p->at[i];
    }
    *out = (float)v;
    return true;
}

/* Calls value_at for every element, of the old constant to compare or of the new one to fill in. */
static bool every(const ps_refit_dim *d, int rank, const float *from, bool new, float *to)
{
    int32_t at[POISE_MAX_DIMS] = {0}, size[POISE_MAX_DIMS];
    size_t stride[POISE_MAX_DIMS], step = 1, count = 1;
    for (int i = rank; i-- > 0;) {
        size[i] = ps_refit_extent(&d[i], -1, new);
        stride[i] = step;
        step *= (size_t)ps_refit_extent(&d[i], -1, false);
        count *= (size_t)size[i];
    }
    for (size_t e = 0; e < count; e++) {
        place p = {0};
        float v;
        for (int i = 0; i < rank; i++)
            if (!add_dim(&p, &d[i], at[i], new, stride[i])) return false;
        if (!value_at(&p, from, &v) || (!new &&v != from[e])) return false;
        if (new) to[e] = v;
        for (int i = rank; i-- > 0 && ++at[i] == size[i];) at[i] = 0;
    }
    return true;
}

bool ps_refit_grid(const ps_refit_dim *d, int rank, const float *from, float *to)
{
    return every(d, rank, from, false, NULL) && every(d, rank, from, true, to);
}
