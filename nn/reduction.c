/* nn/reduction.c - sums, largest elements and the like over some dimensions of a tensor. */
#include "nn/reduction.h"

#include "nn/convert_type.h"
#include "nn/spread.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 128, PARTIAL = 128, DENSE = 256 };

typedef struct job {
    const ps_kernels *k;
    int32_t kind;
    const poise_tensor *x, *y;
    ps_walk over; /* the reduced dimensions, from x's first element */
    size_t count; /* their elements */
    bool centered;
} job;

/* Row r of those that are reduced, for the result whose first element is at `at`. */
static const void *row_at(const job *j, size_t r, const void *at)
{
    void *row;
    ps_walk_row(&j->over, r, &row);
    return (const char *)at + ((const char *)row - (const char *)j->x->data);
}

static bool is_sum(int32_t kind)
{
    return kind != PS_REDUCE_MAX && kind != PS_REDUCE_MIN && kind != PS_REDUCE_PROD;
}

static double start(int32_t kind)
{
    switch (kind) {
    case PS_REDUCE_MAX: return -(double)INFINITY;
    case PS_REDUCE_MIN: return (double)INFINITY;
    case PS_REDUCE_PROD: return 1;
    default: return 0;
    }
}

static double finish(int32_t kind, double v, size_t count, double largest)
{
    switch (kind) {
    case PS_REDUCE_MEAN: return v / (double)count;
    case PS_REDUCE_L2: return sqrt(v);
    case PS_REDUCE_LOG_SUM: return log(v);
    case PS_REDUCE_LOG_SUM_EXP: return log(v) + largest;
    default: return v;
    }
}

/* ---- one result at a time ---- */

/* What is summed, of m dense elements: x itself when nothing is to be done, else `room`. */
static const float *mapped(const job *j, size_t m, const float *x, const float *center, int step, float *room)
{
    if (center) {
        j->k->sub_f32(m, x, 1, center, step, room);
        x = room;
    }
    if (j->kind == PS_REDUCE_SUM_SQUARE || j->kind == PS_REDUCE_L2)
        j->k->mul_f32(m, x, 1, x, 1, room);
    else if (j->kind == PS_REDUCE_LOG_SUM_EXP)
        j->k->exp_f32(m, x, room);
    else if (j->kind == PS_REDUCE_L1)
        for (size_t i = 0; i < m; i++) room[i] = fabsf(x[i]);
    else
        return x;
    return room;
}

static double dense_row(const job *j, size_t m, const float *x, double total)
{
    if (j->kind == PS_REDUCE_MAX) return fmax(total, (double)j->k->top_f32(m, x));
    if (j->kind == PS_REDUCE_MIN)
        for (size_t i = 0; i < m; i++) total = fmin(total, (double)x[i]);
    else if (j->kind == PS_REDUCE_PROD)
        for (size_t i = 0; i < m; i++) total *= (double)x[i];
    else
        total += (double)j->k->sum_f32(m, x);
    return total;
}

static double one_result(const job *j, const void *at, const float *center)
{
    float room[DENSE];
    ptrdiff_t step = j->over.step[0];
    double total = start(j->kind);
    for (size_t r = 0; r < j->over.rows; r++) {
        const float *x = row_at(j, r, at);
        for (size_t i = 0; i < j->over.n; i += DENSE) {
            size_t m = j->over.n - i < DENSE ? j->over.n - i : DENSE;
            const float *row = x + (ptrdiff_t)i * step;
            if (step != 1) {
                ps_gather(sizeof(float), m, row, step, room);
                row = room;
            }
            total = dense_row(j, m, mapped(j, m, row, center, 0, room), total);
        }
    }
    return total;
}

static float finite_or_zero(float v)
{
    return v > -INFINITY && v < INFINITY ? v : 0;
}

static void results_f32(const job *j, size_t n, const void *x, ptrdiff_t sx, float *y, ptrdiff_t sy,
                        const float *center, ptrdiff_t sc)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        const float *at = (const float *)x + i * sx, *c = center ? center + i * sc : NULL;
        float largest = 0;
        if (j->kind == PS_REDUCE_LOG_SUM_EXP) {
            job top = *j;
            top.kind = PS_REDUCE_MAX;
            largest = finite_or_zero((float)one_result(&top, at, NULL));
            c = &largest;
        }
        y[i * sy] = (float)finish(j->kind, one_result(j, at, c), j->count, (double)largest);
    }
}

/* ---- neighbouring results together ---- */

/* total[i] = the reduction of the m columns that begin at `at`. */
static void add_columns(const job *j, size_t m, const void *at, const float *center, float *total)
{
    float part[COLUMNS], room[COLUMNS];
    bool sum = is_sum(j->kind);
    size_t held = 0;
    for (size_t i = 0; i < m; i++) {
        total[i] = (float)start(j->kind);
        part[i] = 0;
    }
    for (size_t r = 0; r < j->over.rows; r++) {
        const float *x = row_at(j, r, at);
        for (size_t i = 0; i < j->over.n; i++, x += j->over.step[0]) {
            if (j->kind == PS_REDUCE_MAX)
                j->k->max_f32(m, total, 1, x, 1, total);
            else if (j->kind == PS_REDUCE_MIN)
                j->k->min_f32(m, total, 1, x, 1, total);
            else if (j->kind == PS_REDUCE_PROD)
                j->k->mul_f32(m, total, 1, x, 1, total);
            else
                j->k->accumulate_f32(m, mapped(j, m, x, center, 1, room), part);
            if (!sum || ++held < PARTIAL) continue;
            held = 0;
            j->k->accumulate_f32(m, part, total);
            memset(part, 0, m * sizeof *part);
        }
    }
    if (sum) j->k->accumulate_f32(m, part, total);
}

static void columns_f32(const job *j, size_t n, const float *x, float *y, ptrdiff_t sy, const float *center,
                        ptrdiff_t sc)
{
    float total[COLUMNS], shift[COLUMNS] = {0};
    for (size_t i = 0; i < n; i += COLUMNS) {
        size_t m = n - i < COLUMNS ? n - i : COLUMNS;
        bool shifted = center || j->kind == PS_REDUCE_LOG_SUM_EXP;
        if (center) ps_gather(sizeof(float), m, center + (ptrdiff_t)i * sc, sc, shift);
        if (j->kind == PS_REDUCE_LOG_SUM_EXP) {
            job top = *j;
            top.kind = PS_REDUCE_MAX;
            add_columns(&top, m, x + i, NULL, shift);
            for (size_t c = 0; c < m; c++) shift[c] = finite_or_zero(shift[c]);
        }
        add_columns(j, m, x + i, shifted ? shift : NULL, total);
        for (size_t c = 0; c < m; c++)
            total[c] = (float)finish(j->kind, (double)total[c], j->count, (double)shift[c]);
        ps_scatter(sizeof(float), m, total, y + (ptrdiff_t)i * sy, sy);
    }
}

/* ---- integers ---- */

static int64_t combine(int32_t kind, int64_t total, int64_t v)
{
    uint64_t t = (uint64_t)total, u = (uint64_t)v;
    switch (kind) {
    case PS_REDUCE_MAX: return v > total ? v : total;
    case PS_REDUCE_MIN: return v < total ? v : total;
    case PS_REDUCE_PROD: return (int64_t)(t * u);
    case PS_REDUCE_L1: return (int64_t)(t + (v < 0 ? 0 - u : u));
    case PS_REDUCE_L2:
    case PS_REDUCE_SUM_SQUARE: return (int64_t)(t + u * u);
    default: return (int64_t)(t + u);
    }
}

static int64_t least_of(poise_type t)
{
    return t == POISE_I64 ? INT64_MIN : t == POISE_I32 ? INT32_MIN : t == POISE_I8 ? INT8_MIN : 0;
}

static int64_t greatest_of(poise_type t)
{
    if (t == POISE_BOOL) return 1;
    return t == POISE_I64 ? INT64_MAX : t == POISE_I32 ? INT32_MAX : t == POISE_I8 ? INT8_MAX : UINT8_MAX;
}

static void whole_result(const job *j, const void *at, void *y)
{
    poise_type t = j->x->type;
    int64_t total = 0;
    double powers = 0;
    if (j->kind == PS_REDUCE_PROD) total = 1;
    if (j->kind == PS_REDUCE_MAX) total = least_of(t);
    if (j->kind == PS_REDUCE_MIN) total = greatest_of(t);
    ptrdiff_t step = j->over.step[0] * (ptrdiff_t)j->over.size[0];
    for (size_t r = 0; r < j->over.rows; r++) {
        const char *x = row_at(j, r, at);
        for (size_t i = 0; i < j->over.n; i++) {
            int64_t v = ps_load_whole(t, x + (ptrdiff_t)i * step);
            if (j->kind == PS_REDUCE_LOG_SUM_EXP)
                powers += exp((double)v);
            else
                total = combine(j->kind, total, v);
        }
    }
    if (j->kind == PS_REDUCE_MEAN)
        ps_store_whole(t, j->count ? total / (int64_t)j->count : 0, y);
    else if (j->kind == PS_REDUCE_LOG_SUM_EXP)
        ps_store_real(t, log(powers), y);
    else if (j->kind == PS_REDUCE_L2 || j->kind == PS_REDUCE_LOG_SUM)
        ps_store_real(t, finish(j->kind, (double)total, j->count, 0), y);
    else
        ps_store_whole(t, total, y);
}

/* ---- all ---- */

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    const float *center = j->centered ? at[2] : NULL;
    (void)thread;
    if (j->x->type == POISE_F32) {
        if (n > 1 && step[1] == 1 && j->over.step[0] != 1)
            columns_f32(j, n, at[1], at[0], step[0], center, step[2]);
        else
            results_f32(j, n, at[1], step[1], at[0], step[0], center, step[2]);
        return;
    }
    ptrdiff_t size = (ptrdiff_t)j->over.size[0];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
        whole_result(j, (const char *)at[1] + i * step[1] * size, (char *)at[0] + i * step[0] * size);
}

void ps_reduce(const ps_kernels *k, int32_t kind, const poise_tensor *x, uint32_t axes, const poise_tensor *y,
               const poise_tensor *center, int threads)
{
    poise_tensor kept = *x, reduced = *x;
    for (int i = 0; i < x->rank; i++) *(axes >> i & 1 ? &kept.dim[i] : &reduced.dim[i]) = 1;
    job j = {.k = k,
             .kind = kind,
             .x = x,
             .y = y,
             .count = poise_tensor_count(&reduced),
             .centered = center != NULL};
    ps_walk_init(&j.over, 1, (const poise_tensor *[]){&reduced});
    ps_walk w;
    ps_walk_init(&w, center ? 3 : 2, (const poise_tensor *[]){y, &kept, center});
    double ns = (x->type == POISE_F32 ? 0.25 : 2) * (double)j.count + 10;
    /* Columns are taken 32 at a time at least: 128 bytes of every row. */
    if (w.step[1] == 1 && ns > 600) ns = 600;
    ps_spread(&w, threads, ns, piece, &j);
}
