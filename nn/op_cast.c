/* nn/op_cast.c - another element type. */
#include "nn/convert_type.h"
#include "nn/half.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/rules.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <stdio.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_cast_params *p = params;
    (void)n_in;
    bool cut = p->to == -POISE_F16;
    PS_REQUIRE(cut || (p->to > POISE_NONE && p->to <= POISE_BF16), POISE_BAD_MODEL, "unknown type %d", p->to);
    ps_shape_like(out[0], cut ? POISE_F16 : (poise_type)p->to, in[0]);
    return POISE_OK;
}

/* Between f32, bf16 and f16, with kernels. */
static void real_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const ps_call *c = ctx;
    poise_type tx = c->in[0]->type, ty = c->out[0]->type;
    size_t sx = poise_type_size(tx), sy = poise_type_size(ty);
    float room[PS_WIDEN];
    (void)thread;
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        const float *x = ps_widen(c->k, c->in[0], m, ps_at(at[1], (ptrdiff_t)i * step[1], sx), step[1], room);
        ps_narrow_to(c->k, c->out[0], m, x, ps_at(at[0], (ptrdiff_t)i * step[0], sy), step[0]);
    }
}

static bool is_real(poise_type t)
{
    return t == POISE_F32 || ps_is_half(t);
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    enum { BLOCK = 128 };
    const ps_call *c = ctx;
    (void)thread;
    poise_type tx = c->in[0]->type, ty = c->out[0]->type;
    if (n == 1 || (step[0] == 1 && step[1] == 1)) {
        ps_convert(tx, ty, n, at[1], at[0]);
        return;
    }
    int64_t x[BLOCK], y[BLOCK]; /* room for the largest type */
    size_t sy = poise_type_size(ty), sx = poise_type_size(tx);
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        ps_gather(sx, m, (const char *)at[1] + (ptrdiff_t)(i * sx) * step[1], step[1], x);
        ps_convert(tx, ty, m, x, y);
        ps_scatter(sy, m, y, (char *)at[0] + (ptrdiff_t)(i * sy) * step[0], step[0]);
    }
}

static void run(const ps_call *c)
{
    ps_walk w;
    ps_walk_init(&w, 2, (const poise_tensor *[]){c->out[0], c->in[0]});
    const ps_cast_params *p = c->params;
    bool real = is_real(c->in[0]->type) && is_real(c->out[0]->type) && p->to != POISE_F16; /* kernels know no infinity */
    ps_spread(&w, c->threads, real ? 0.2 : 2, real ? real_piece : piece, c);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_cast_params *p = params;
    snprintf(buf, size, "to %s", poise_type_name((poise_type)(p->to < 0 ? -p->to : p->to)));
}

const ps_op ps_op_cast = {.name = "cast",
                          .min_in = 1,
                          .max_in = 1,
                          .n_out = 1,
                          .order = PS_ORDER_LIKE,
                          .param_bytes = sizeof(ps_cast_params),
                          .infer = infer,
                          .live = ps_live_same,
                          .run = run,
                          .describe = describe};
