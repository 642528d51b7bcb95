/* nn/op_arg_reduce.c - where along an axis the largest or smallest element is. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/sort_key.h"
#include "nn/spread.h"

#include <stdio.h>

enum { COLUMNS = 64 };

typedef struct job {
    const ps_arg_reduce_params *p;
    poise_type type;
    ptrdiff_t n, step; /* of the axis; the step in bytes */
} job;

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_arg_reduce_params *p = params;
    const ps_value *x = in[0];
    ps_value *y = out[0];
    (void)n_in;
    PS_TRY(ps_rule_number(x));
    PS_TRY(ps_rule_axis(p->axis, x->rank));
    PS_REQUIRE(x->dim[p->axis] > 0, POISE_BAD_MODEL, "axis %d has no elements", p->axis);
    y->type = POISE_I64;
    y->rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (i != p->axis || p->keep_dims) y->dim[y->rank++] = i == p->axis ? 1 : x->dim[i];
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    const ps_arg_reduce_params *p = params;
    (void)in;
    (void)out;
    if (i != 0 || axis == p->axis) return -1;
    return axis > p->axis && !p->keep_dims ? axis - 1 : axis;
}

/* m lines at once, a row of neighbours at a time: each row of memory is read once. */
static void columns(const job *j, size_t m, const char *x, ptrdiff_t next, int64_t *y, ptrdiff_t sy)
{
    int64_t best[COLUMNS];
    int32_t where[COLUMNS] = {0};
    for (size_t i = 0; i < m; i++) best[i] = ps_sort_key(j->type, x + (ptrdiff_t)i * next, j->p->smallest);
    for (ptrdiff_t a = 1; a < j->n; a++)
        for (size_t i = 0; i < m; i++) {
            int64_t key = ps_sort_key(j->type, x + a * j->step + (ptrdiff_t)i * next, j->p->smallest);
            if (key < best[i] || (key == best[i] && !j->p->select_last)) continue;
            best[i] = key;
            where[i] = (int32_t)a;
        }
    for (size_t i = 0; i < m; i++) y[(ptrdiff_t)i * sy] = where[i];
}

/* The same for f32 and u8, without the detour over keys: of `turned` elements the largest is looked for. */
#define COLUMNS_OF(type, turned)                                                                                     \
    static void columns_##type(const job *j, size_t m, const type *x, ptrdiff_t next, int64_t *y, ptrdiff_t sy)     \
    {                                                                                                                \
        type best[COLUMNS];                                                                                          \
        int32_t where[COLUMNS] = {0};                                                                                \
        bool least = j->p->smallest != 0, last = j->p->select_last != 0;                                             \
        for (size_t i = 0; i < m; i++) best[i] = turned(x[(ptrdiff_t)i * next]);                                     \
        for (ptrdiff_t a = 1; a < j->n; a++) {                                                                       \
            const type *row = x + a * (j->step / (ptrdiff_t)sizeof *x);                                              \
            for (size_t i = 0; i < m; i++) {                                                                         \
                type v = turned(row[(ptrdiff_t)i * next]);                                                           \
                bool better = v > best[i] || (last && v == best[i]);                                                 \
                best[i] = better ? v : best[i];                                                                      \
                where[i] = better ? (int32_t)a : where[i];                                                           \
            }                                                                                                        \
        }                                                                                                            \
        for (size_t i = 0; i < m; i++) y[(ptrdiff_t)i * sy] = where[i];                                              \
    }
#define MINUS(v) (least ? -(v) : (v))
#define COMPLEMENT(v) (uint8_t)(least ? ~(v) : (v))
COLUMNS_OF(float, MINUS)
COLUMNS_OF(uint8_t, COMPLEMENT)

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    (void)thread;
    ptrdiff_t next = step[1] * (ptrdiff_t)poise_type_size(j->type);
    for (size_t i = 0; i < n; i += COLUMNS) {
        size_t m = n - i < COLUMNS ? n - i : COLUMNS;
        const void *x = (const char *)at[1] + (ptrdiff_t)i * next;
        int64_t *y = (int64_t *)at[0] + (ptrdiff_t)i * step[0];
        if (j->type == POISE_F32)
            columns_float(j, m, x, step[1], y, step[0]);
        else if (j->type == POISE_U8)
            columns_uint8_t(j, m, x, step[1], y, step[0]);
        else
            columns(j, m, x, next, y, step[0]);
    }
}

static void run(const ps_call *c)
{
    const ps_arg_reduce_params *p = c->params;
    const poise_tensor *x = c->in[0];
    poise_tensor y = *x; /* with x's rank, whether the axis was kept or not */
    y.data = c->out[0]->data;
    y.type = POISE_I64;
    for (int i = 0, at = 0; i < x->rank; i++) {
        bool gone = i == p->axis && !p->keep_dims;
        y.stride[i] = gone ? 0 : c->out[0]->stride[at];
        at += !gone;
    }
    job j = {p, x->type, x->dim[p->axis], x->stride[p->axis] * (ptrdiff_t)poise_type_size(x->type)};
    ps_walk w;
    ps_lines_init(&w, 2, (const poise_tensor *[]){&y, x}, p->axis);
    double ns = (double)j.n * 1.5 + 5;
    ps_spread(&w, c->threads, w.step[1] == 1 && ns > 300 ? 300 : ns, piece, &j); /* 64 columns at least */
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_arg_reduce_params *p = params;
    snprintf(buf, size, "%s axis %d", p->smallest ? "min" : "max", p->axis);
}

const ps_op ps_op_arg_reduce = {.name = "arg_reduce",
                                .min_in = 1,
                                .max_in = 1,
                                .n_out = 1,
                                .order = PS_ORDER_LIKE,
                                .flags = PS_OP_QUANTISED,
                                .param_bytes = sizeof(ps_arg_reduce_params),
                                .infer = infer,
                                .live = live,
                                .run = run,
                                .describe = describe};
