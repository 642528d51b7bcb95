/* nn/op_einsum.c - sums of products over labelled dimensions, as nested loops. */
#include "nn/convert_type.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <stdio.h>
#include <string.h>

enum { LABELS = 26, INPUTS = 3 };

/* Labels in a list that -1 or the length ends. */
static int length(const int32_t *labels)
{
    int n = 0;
    while (n < PS_DIMS && labels[n] >= 0) n++;
    return n;
}

/* The size of every label, 0 = not used; an input may have 1 where others have more. */
static poise_status label_sizes(const ps_einsum_params *p, int n_in, const ps_value *const *in, int32_t *size)
{
    bool used[LABELS] = {false};
    for (int i = 0; i < n_in; i++) {
        int n = length(p->in[i]);
        PS_REQUIRE(n == in[i]->rank, POISE_BAD_MODEL, "input %d has rank %d and %d labels", i, in[i]->rank,
                   n);
        for (int d = 0; d < n; d++) {
            int32_t l = p->in[i][d], dim = in[i]->dim[d];
            PS_REQUIRE(l < LABELS, POISE_BAD_MODEL, "label %d, at most 25", l);
            if (!used[l] || size[l] == 1) size[l] = dim;
            PS_REQUIRE(dim == size[l] || dim == 1, POISE_BAD_MODEL, "label '%c' is %d and %d", 'a' + l,
                       size[l], dim);
            used[l] = true;
        }
    }
    bool out[LABELS] = {false};
    for (int d = 0; d < length(p->out); d++) {
        int32_t l = p->out[d];
        PS_REQUIRE(l < LABELS && used[l] && !out[l], POISE_BAD_MODEL,
                   "output label %d is unknown or used twice", l);
        out[l] = true;
    }
    return POISE_OK;
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_einsum_params *p = params;
    int32_t size[LABELS] = {0};
    for (int i = 0; i < n_in; i++) {
        poise_type t = in[i]->type;
        PS_REQUIRE(t == in[0]->type && (t == POISE_F32 || t == POISE_I32 || t == POISE_I64),
                   POISE_UNSUPPORTED, "einsum of %s and %s", poise_type_name(in[0]->type),
                   poise_type_name(t));
    }
    PS_TRY(label_sizes(p, n_in, in, size));
    size_t terms = 1;
    for (int l = 0; l < LABELS; l++)
        PS_REQUIRE(!size[l] || ps_size_mul(&terms, terms, (size_t)size[l]), POISE_UNSUPPORTED,
                   "einsum of more than 2^64 products");
    out[0]->type = in[0]->type;
    out[0]->rank = length(p->out);
    for (int d = 0; d < out[0]->rank; d++) out[0]->dim[d] = size[p->out[d]];
    return POISE_OK;
}

typedef struct job {
    const ps_call *c;
    int n_in, sums; /* labels that are summed */
    int32_t dim[LABELS];
    ptrdiff_t stride[INPUTS][LABELS];
    size_t terms;
} job;

/* The sum of n products, one element of every input each. */
static double real_terms(const job *j, const float *const *x, size_t n, const ptrdiff_t *step)
{
    double total = 0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        double v = (double)x[0][i * step[0]];
        for (int t = 1; t < j->n_in; t++) v *= (double)x[t][i * step[t]];
        total += v;
    }
    return total;
}

static uint64_t whole_terms(const job *j, const void *const *x, size_t n, const ptrdiff_t *step)
{
    poise_type type = j->c->out[0]->type;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(type);
    uint64_t total = 0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        uint64_t v = 1;
        for (int t = 0; t < j->n_in; t++)
            v *= (uint64_t)ps_load_whole(type, (const char *)x[t] + i * step[t] * size);
        total += v;
    }
    return total;
}

/* One element of the output: the innermost summed label is a row, the others are counted. */
static void element(const job *j, void *y, const void *const *first)
{
    poise_type type = j->c->out[0]->type;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(type), step[INPUTS];
    size_t n = j->sums ? (size_t)j->dim[j->sums - 1] : 1, rows = n ? j->terms / n : 0;
    double real = 0;
    uint64_t whole = 0;
    for (int t = 0; t < j->n_in; t++) step[t] = j->sums ? j->stride[t][j->sums - 1] : 0;
    for (size_t r = 0; r < rows; r++) {
        const void *x[INPUTS];
        ptrdiff_t offset[INPUTS] = {0};
        size_t rest = r;
        for (int l = j->sums - 2; l >= 0; l--) {
            ptrdiff_t at = (ptrdiff_t)(rest % (size_t)j->dim[l]);
            rest /= (size_t)j->dim[l];
            for (int t = 0; t < j->n_in; t++) offset[t] += at * j->stride[t][l];
        }
        for (int t = 0; t < j->n_in; t++) x[t] = (const char *)first[t] + offset[t] * size;
        if (type == POISE_F32)
            real += real_terms(j, (const float *const *)x, n, step);
        else
            whole += whole_terms(j, x, n, step);
    }
    if (type == POISE_F32)
        *(float *)y = (float)real;
    else
        ps_store_whole(type, (int64_t)whole, y);
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const job *j = ctx;
    ptrdiff_t size = (ptrdiff_t)poise_type_size(j->c->out[0]->type);
    (void)thread;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {
        const void *x[INPUTS];
        for (int t = 0; t < j->n_in; t++) x[t] = (const char *)at[t + 1] + i * step[t + 1] * size;
        element(j, (char *)at[0] + i * step[0] * size, x);
    }
}

/* The step of input x along a label: the sum where it has the label twice (a diagonal). */
static ptrdiff_t label_stride(const poise_tensor *x, const int32_t *labels, int32_t l)
{
    ptrdiff_t s = 0;
    for (int d = 0; d < x->rank; d++)
        if (labels[d] == l && x->dim[d] != 1) s += x->stride[d];
    return s;
}

static void run(const ps_call *c)
{
    const ps_einsum_params *p = c->params;
    job j = {.c = c, .n_in = c->n_in, .terms = 1};
    int32_t size[LABELS] = {0};
    bool kept[LABELS] = {false}, used[LABELS] = {false};
    poise_tensor x[INPUTS];
    const poise_tensor *all[INPUTS + 1] = {c->out[0], &x[0], &x[1], &x[2]};
    for (int d = 0; d < c->out[0]->rank; d++) kept[p->out[d]] = true;
    for (int i = 0; i < c->n_in; i++) {
        x[i] = *c->out[0]; /* an input as it is seen from the output */
        x[i].data = c->in[i]->data;
        for (int d = 0; d < x[i].rank; d++) x[i].stride[d] = label_stride(c->in[i], p->in[i], p->out[d]);
        for (int d = 0; d < c->in[i]->rank; d++) {
            int32_t l = p->in[i][d];
            if (!used[l] || size[l] == 1) size[l] = c->in[i]->dim[d];
            used[l] = true;
        }
    }
    for (int32_t l = 0; l < LABELS; l++) {
        if (!used[l] || kept[l]) continue;
        j.dim[j.sums] = size[l];
        j.terms *= (size_t)size[l];
        for (int i = 0; i < c->n_in; i++) j.stride[i][j.sums] = label_stride(c->in[i], p->in[i], l);
        j.sums++;
    }
    ps_walk w;
    ps_walk_init(&w, c->n_in + 1, all);
    ps_spread(&w, c->threads, (double)j.terms * 1.5 + 20, piece, &j);
}

static uint64_t macs(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    int32_t size[LABELS] = {0};
    uint64_t total = (uint64_t)(n_in > 1 ? n_in - 1 : 1);
    (void)out;
    if (label_sizes(params, n_in, in, size)) return 0;
    for (int l = 0; l < LABELS; l++)
        if (size[l] && __builtin_mul_overflow(total, (uint64_t)size[l], &total)) return UINT64_MAX;
    return total;
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_einsum_params *p = params;
    char text[4 * (PS_DIMS + 2)];
    size_t at = 0;
    for (int i = 0; i < INPUTS; i++) {
        int n = length(p->in[i]);
        if (i && n && at) text[at++] = ',';
        for (int d = 0; d < n; d++) text[at++] = (char)('a' + p->in[i][d]);
    }
    text[at++] = '-';
    text[at++] = '>';
    for (int d = 0; d < length(p->out); d++) text[at++] = (char)('a' + p->out[d]);
    text[at] = 0;
    snprintf(buf, size, "%s", text);
}

const ps_op ps_op_einsum = {.name = "einsum",
                            .min_in = 1,
                            .max_in = INPUTS,
                            .n_out = 1,
                            .order = PS_ORDER_ROW,
                            .param_bytes = sizeof(ps_einsum_params),
                            .infer = infer,
                            .run = run,
                            .macs = macs,
                            .describe = describe};
