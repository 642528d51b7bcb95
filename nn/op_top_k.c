/* nn/op_top_k.c - the k largest or smallest elements along an axis, best first, and where they are. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/sort_key.h"
#include "nn/spread.h"

#include <stdio.h>

typedef struct entry {
    int64_t key;
    int64_t index;
} entry;

typedef struct job {
    const ps_top_k_params *p;
    poise_type type;
    ptrdiff_t n, sx, sv, si; /* elements along the axis; steps of x, values, indices */
    int indices;             /* its place in the walk; values are 0 when present */
    bool values;
    entry *heap; /* k per thread */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_top_k_params *p = params;
    (void)n_in;
    PS_TRY(ps_rule_number(in[0]));
    PS_TRY(ps_rule_axis(p->axis, in[0]->rank));
    PS_REQUIRE(p->k >= 0 && p->k <= in[0]->dim[p->axis], POISE_BAD_MODEL, "k is %d, axis %d has %d elements",
               p->k, p->axis, in[0]->dim[p->axis]);
    for (int i = 0; i < 2; i++) {
        if (!out[i]) continue;
        ps_shape_like(out[i], i ? POISE_I64 : in[0]->type, in[0]);
        out[i]->dim[p->axis] = p->k;
    }
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_top_k_params *p = params;
    (void)in;
    (void)out;
    return i == 0 && axis != p->axis ? axis : -1;
}

/* Of equal elements the one with the lower index comes first. */
static bool better(entry a, entry b)
{
    return a.key > b.key || (a.key == b.key && a.index < b.index);
}

/* Puts e into the heap of n entries whose root is the worst, from the hole at `at` down. */
static void sink(entry *heap, size_t n, size_t at, entry e)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) break;
        if (child + 1 < n && better(heap[child], heap[child + 1])) child++;
        if (better(heap[child], e)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = e;
}

static entry element(const job *j, const char *x, ptrdiff_t i)
{
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->type);
    return (entry){ps_sort_key(j->type, x + i * j->sx * size, !j->p->largest), i};
}

/* Leaves the k best of a line in the heap, best first. */
static void select_best(const job *j, const char *x, entry *heap)
{
    size_t k = (size_t)j->p->k;
    for (size_t i = 0; i < k; i++) heap[i] = element(j, x, (ptrdiff_t)i);
    for (size_t i = k / 2; i-- > 0;) sink(heap, k, i, heap[i]);
    for (ptrdiff_t i = (ptrdiff_t)k; i < j->n; i++) {
        entry e = element(j, x, i);
        if (better(e, heap[0])) sink(heap, k, 0, e);
    }
    for (size_t i = k; i-- > 1;) {
        entry worst = heap[0];
        sink(heap, i, 0, heap[i]);
        heap[i] = worst;
    }
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    entry *heap = j->heap + (size_t)thread * (size_t)j->p->k;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->type);
    int in = j->values + (j->indices >= 0);
    for (ptrdiff_t l = 0; l < (ptrdiff_t)n; l++) {
        const char *x = (const char *)at[in] + l * step[in] * size;
        select_best(j, x, heap);
        for (ptrdiff_t i = 0; i < j->p->k; i++) {
            if (j->values)
                memcpy((char *)at[0] + (l * step[0] + i * j->sv) * size, x + heap[i].index * j->sx * size,
                       (size_t)size);
            if (j->indices >= 0)
                ((int64_t *)at[j->indices])[l * step[j->indices] + i * j->si] = heap[i].index;
        }
    }
}

static size_t scratch(const ps_call *c)
{
    const ps_top_k_params *p = c->params;
    return ps_size_cap(ps_size_cap((size_t)p->k, sizeof(entry)), (size_t)c->threads);
}

static void run(const ps_call *c)
{
    const ps_top_k_params *p = c->params;
    const poise_tensor *x = c->in[0], *values = c->out[0], *indices = c->n_out > 1 ? c->out[1] : NULL;
    if (!p->k || (!values && !indices)) return;
    job j = {.p = p, .type = x->type, .n = x->dim[p->axis], .sx = x->stride[p->axis], .heap = c->scratch};
    const poise_tensor *all[3];
    int count = 0;
    j.values = values != NULL;
    j.indices = -1;
    if (values) {
        j.sv = values->stride[p->axis];
        all[count++] = values;
    }
    if (indices) {
        j.si = indices->stride[p->axis];
        j.indices = count;
        all[count++] = indices;
    }
    all[count++] = x;
    ps_walk w;
    ps_lines_init(&w, count, all, p->axis);
    ps_spread(&w, c->threads, (double)j.n * 3 + (double)p->k * 50, piece, &j);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_top_k_params *p = params;
    snprintf(buf, size, "%d %s axis %d", p->k, p->largest ? "largest" : "smallest", p->axis);
}

const ps_op ps_op_top_k = {.name = "top_k",
                           .min_in = 1,
                           .max_in = 1,
                           .n_out = 2,
                           .order = PS_ORDER_LIKE,
                           .flags = PS_OP_KEEPS_SCALE,
                           .param_bytes = sizeof(ps_top_k_params),
                           .infer = infer,
                           .live = live,
                           .scratch = scratch,
                           .run = run,
                           .describe = describe};
