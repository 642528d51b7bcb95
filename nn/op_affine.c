/* nn/op_affine.c - one scale and one offset for each channel: batch normalisation that could not be folded away. */
#include "nn/fused.h"
#include "nn/move.h"
#include "nn/quantised.h"
#include "nn/widen.h"

#include <stdio.h>

enum { CHUNK = PS_WIDEN / 2 }; /* elements, where strides or types do not allow working in place */

static poise_status affine_infer(const void *params, int n_in, const ps_value *const *in,
                                 ps_value *const *out)
{
    (void)n_in;
    const ps_affine_params *p = params;
    static const char *const what[2] = {"scale", "bias"};
    const ps_value *x = in[0];
    char text[PS_SHAPE_TEXT];
    PS_TRY(ps_fused_check(&p->fused));
    PS_TRY(ps_rule_real(x, "the input"));
    PS_REQUIRE(x->rank >= 2, POISE_BAD_MODEL, "input has %d dimensions, channels are the second",
               (int)x->rank);
    for (int i = 0; i < 2; i++) {
        const ps_value *v = in[i + 1];
        PS_REQUIRE(v, POISE_BAD_MODEL, "%s is absent", what[i]);
        PS_TRY(ps_f32_check(v, what[i]));
        PS_REQUIRE(v->rank == 1 && v->dim[0] == x->dim[1], POISE_BAD_MODEL,
                   "%s is %s, it must have one value for each of %d channels", what[i],
                   ps_shape_text(v->rank, v->dim, text), (int)x->dim[1]);
    }
    out[0]->type = ps_real_type(1, in, out[0]);
    out[0]->rank = x->rank;
    for (int i = 0; i < x->rank; i++) out[0]->dim[i] = x->dim[i];
    return POISE_OK;
}

/* A [c] tensor as seen along dimension 1 of y. */
static poise_tensor along_channels(const poise_tensor *t, const poise_tensor *y)
{
    poise_tensor v = *y;
    v.type = t->type;
    for (int i = 0; i < y->rank; i++) v.stride[i] = i == 1 ? t->stride[0] : 0;
    v.data = t->data;
    return v;
}

typedef struct job {
    const ps_kernels *k, *steady;
    ps_fused fused;
    ps_walk walk; /* y, x, scale, bias */
    const poise_tensor *t[4];
    size_t rows;  /* of a chunk of work */
} job;

static void run_row(const job *j, void *const *at)
{
    const ps_walk *w = &j->walk;
    float buf[4][CHUNK];
    bool direct = true;
    for (int i = 0; i < 4; i++) direct = direct && w->step[i] == 1 && j->t[i]->type == POISE_F32;
    for (size_t from = 0, n; from < w->n; from += n) {
        n = direct || w->n - from < CHUNK ? w->n - from : CHUNK;
        const float *in[4];
        void *to[4];
        for (int i = 0; i < 4; i++)
            to[i] = ps_at(at[i], (ptrdiff_t)from * w->step[i], poise_type_size(j->t[i]->type));
        for (int i = 1; i < 4; i++) in[i] = ps_widen(j->k, j->t[i], n, to[i], w->step[i], buf[i]);
        float *y = j->t[0]->type == POISE_F32 && w->step[0] == 1 ? to[0] : buf[0];
        j->steady->affine_f32(n, in[1], in[2], in[3], y);
        if (j->fused.act != PS_ACT_NONE) j->steady->act_f32(n, (ps_act)j->fused.act, j->fused.a, j->fused.b, y, y);
        if (y == buf[0]) ps_narrow_to(j->k, j->t[0], n, y, to[0], w->step[0]);
    }
}

static void run_rows(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    const job *j = ctx;
    for (size_t i = (size_t)begin; i < (size_t)end; i++) {
        size_t last = (i + 1) * j->rows < j->walk.rows ? (i + 1) * j->rows : j->walk.rows;
        for (size_t r = i * j->rows; r < last; r++) {
            void *at[PS_MAX_WALK];
            ps_walk_row(&j->walk, r, at);
            run_row(j, at);
        }
    }
}

static void affine_run(const ps_call *c)
{
    const poise_tensor *y = c->out[0];
    poise_tensor scale = along_channels(c->in[1], y), bias = along_channels(c->in[2], y);
    job j = {.k = c->k,
             .steady = ps_steady(c),
             .fused = ((const ps_affine_params *)c->params)->fused,
             .t = {y, c->in[0], &scale, &bias}};
    ps_walk_init(&j.walk, 4, (const poise_tensor *[]){y, c->in[0], &scale, &bias});
    if (!j.walk.rows || !j.walk.n) return;
    size_t row_work = 1 << 15; /* elements of a chunk: ~20 us of memory traffic */
    j.rows = row_work / j.walk.n + 1;
    ps_parallel(c->threads, (int)((j.walk.rows + j.rows - 1) / j.rows), run_rows, &j);
}

static void affine_describe(const void *params, char *buf, size_t size)
{
    char act[PS_FUSED_TEXT];
    const char *text = ps_fused_text(&((const ps_affine_params *)params)->fused, act);
    snprintf(buf, size, "%s", *text ? text + 1 : text);
}

const ps_op ps_op_affine = {
    .name = "affine",
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .order = PS_ORDER_LIKE,
    .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
    .param_bytes = sizeof(ps_affine_params),
    .infer = affine_infer,
    .run = affine_run,
    .narrow = ps_narrow_each,
    .describe = affine_describe,
};
