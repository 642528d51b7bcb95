/* nn/widen.c - rows of f32 or bf16 as floats, and which operators may have them. */
#include "nn/widen.h"

#include "nn/spread.h"

const float *ps_widen(const ps_kernels *k, poise_type type, size_t n, const void *x, ptrdiff_t step, float *room)
{
    if (n == 1) step = 1;
    if (type == POISE_F32) {
        if (step == 1) return x;
        ps_gather(sizeof(float), n, x, step, room);
        return room;
    }
    const uint16_t *h = x;
    if (step == 1) {
        k->f32_from_bf16(n, h, room);
        return room;
    }
    uint16_t dense[PS_WIDEN];
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        ps_gather(sizeof *h, m, h + (ptrdiff_t)i * step, step, dense);
        k->f32_from_bf16(m, dense, room + i);
    }
    return room;
}

void ps_narrow_to(const ps_kernels *k, poise_type type, size_t n, const float *x, void *y, ptrdiff_t step)
{
    if (n == 1) step = 1;
    if (type == POISE_F32) {
        if (x != y) ps_scatter(sizeof(float), n, x, y, step);
        return;
    }
    uint16_t *h = y;
    if (step == 1) {
        k->bf16_from_f32(n, x, h);
        return;
    }
    uint16_t dense[PS_WIDEN];
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        k->bf16_from_f32(m, x + i, dense);
        ps_scatter(sizeof *h, m, dense, h + (ptrdiff_t)i * step, step);
    }
}

bool ps_has_bf16(const ps_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && c->in[i]->type == POISE_BF16) return true;
    return c->out[0]->type == POISE_BF16;
}

ps_narrow ps_narrow_first(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)in, (void)out;
    return (ps_narrow){.out = true, .in = 1, .tied = 1};
}

ps_narrow ps_narrow_all(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)in, (void)out;
    return (ps_narrow){.out = true, .in = UINT32_MAX, .tied = UINT32_MAX};
}

ps_narrow ps_narrow_each(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)in, (void)out;
    return (ps_narrow){.out = true, .in = 1};
}

ps_narrow ps_narrow_both(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)in;
    bool reals = in[0]->type == POISE_F32 && in[1]->type == POISE_F32 && out->type == POISE_F32;
    return reals ? (ps_narrow){.out = true, .in = 3} : (ps_narrow){0};
}
