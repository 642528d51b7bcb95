/* nn/reduction_codes.c - sums and means of quantised numbers: whole numbers, and one rounding at the end. */
#include "nn/quantised.h"
#include "nn/reduction.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <string.h>

enum { COLUMNS = 128, MOST_ROWS = 1 << 22 }; /* rows whose sums 32 bits hold */

typedef struct job {
    const ps_kernels *k;
    const poise_tensor *x, *y;
    ps_walk over; /* the reduced dimensions, from x's first element */
    int64_t count; /* their elements */
    double factor; /* from a sum of codes less zero points to the number */
} job;

static const uint8_t *row_at(const job *j, size_t r, const uint8_t *at)
{
    void *row;
    ps_walk_row(&j->over, r, &row);
    return at + ((const uint8_t *)row - (const uint8_t *)j->x->data);
}

static int64_t one_sum(const job *j, const uint8_t *at)
{
    int64_t sum = 0;
    for (size_t r = 0; r < j->over.rows; r++) {
        const uint8_t *x = row_at(j, r, at);
        if (j->over.step[0] == 1)
            for (size_t i = 0; i < j->over.n; i++) sum += x[i];
        else
            for (size_t i = 0; i < j->over.n; i++) sum += x[(ptrdiff_t)i * j->over.step[0]];
    }
    return sum;
}

/* The sums of m columns side by side. */
static void column_sums(const job *j, size_t m, const uint8_t *at, int64_t *sum)
{
    int32_t part[COLUMNS] = {0};
    size_t held = 0;
    memset(sum, 0, m * sizeof *sum);
    for (size_t r = 0; r < j->over.rows; r++) {
        const uint8_t *x = row_at(j, r, at);
        for (size_t i = 0, rows; i < j->over.n; i += rows) {
            rows = j->over.n - i < MOST_ROWS - held ? j->over.n - i : MOST_ROWS - held;
            j->k->accumulate_u8(m, rows, x + (ptrdiff_t)i * j->over.step[0], j->over.step[0], part);
            held += rows;
            if (held < MOST_ROWS) continue;
            for (size_t c = 0; c < m; c++) sum[c] += part[c], part[c] = 0;
            held = 0;
        }
    }
    for (size_t c = 0; c < m; c++) sum[c] += part[c];
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    int64_t sum[COLUMNS];
    float real[COLUMNS];
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->y->type);
    bool columns = n > 1 && step[1] == 1 && j->over.step[0] != 1;
    (void)thread;
    for (size_t i = 0, m; i < n; i += m) {
        const uint8_t *x = (const uint8_t *)at[1] + (ptrdiff_t)i * step[1];
        m = n - i < COLUMNS ? n - i : COLUMNS;
        if (columns) column_sums(j, m, x, sum);
        for (size_t c = 0; !columns && c < m; c++) sum[c] = one_sum(j, x + (ptrdiff_t)c * step[1]);
        for (size_t c = 0; c < m; c++) real[c] = (float)((double)(sum[c] - j->count * j->x->zero) * j->factor);
        ps_narrow_to(j->k, j->y, m, real, (char *)at[0] + (ptrdiff_t)i * step[0] * size, step[0]);
    }
}

void ps_reduce_codes(const ps_kernels *k, bool mean, const poise_tensor *x, uint32_t axes, const poise_tensor *y, int threads)
{
    poise_tensor kept = *x, reduced = *x;
    for (int i = 0; i < x->rank; i++) *(axes >> i & 1 ? &kept.dim[i] : &reduced.dim[i]) = 1;
    job j = {.k = k, .x = x, .y = y, .count = (int64_t)poise_tensor_count(&reduced)};
    j.factor = mean && j.count ? (double)x->scale / (double)j.count : (double)x->scale;
    ps_walk_init(&j.over, 1, (const poise_tensor *[]){&reduced});
    ps_walk w;
    ps_walk_init(&w, 2, (const poise_tensor *[]){y, &kept});
    double ns = 0.2 * (double)j.count + 10;
    /* Columns are taken 64 at a time at least, one cache line of every row. */
    if (w.step[1] == 1 && ns > 300) ns = 300;
    ps_spread(&w, threads, ns, piece, &j);
}
