/* nn/widen.c - rows of f32, bf16, f16 or quantised u8 as floats, and which operators may have 16 bits. */
#include "nn/widen.h"

#include "nn/half.h"
#include "nn/move.h"
#include "nn/quantised.h"
#include "nn/spread.h"

/* i8 are u8 with another zero point and the top bit turned. */
static void i8_to_floats(const ps_kernels *k, const poise_tensor *t, size_t n, const uint8_t *x, float *y)
{
    uint8_t turned[PS_WIDEN];
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        for (size_t j = 0; j < m; j++) turned[j] = x[i + j] ^ 0x80;
        k->dequantize_u8(m, turned, t->scale, t->zero + 128, y + i);
    }
}

static void i8_from_floats(const ps_kernels *k, const poise_tensor *t, size_t n, const float *x, uint8_t *y)
{
    k->quantize_u8(n, x, t->scale, t->zero + 128, y);
    for (size_t i = 0; i < n; i++) y[i] ^= 0x80;
}

/* Dense rows that are not f32. */
static void to_floats(const ps_kernels *k, const poise_tensor *t, size_t n, const void *x, float *y)
{
    if (ps_is_half(t->type))
        ps_half_to_floats(k, t->type, n, x, y);
    else if (t->type == POISE_I8)
        i8_to_floats(k, t, n, x, y);
    else
        k->dequantize_u8(n, x, t->scale, t->zero, y);
}

static void from_floats(const ps_kernels *k, const poise_tensor *t, size_t n, const float *x, void *y)
{
    if (ps_is_half(t->type))
        ps_half_from_floats(k, t->type, n, x, y);
    else if (t->type == POISE_I8)
        i8_from_floats(k, t, n, x, y);
    else
        k->quantize_u8(n, x, t->scale, t->zero, y);
}

const float *ps_widen(const ps_kernels *k, const poise_tensor *t, size_t n, const void *x, ptrdiff_t step, float *room)
{
    if (n == 1) step = 1;
    if (t->type == POISE_F32) {
        if (step == 1) return x;
        ps_gather(sizeof(float), n, x, step, room);
        return room;
    }
    if (step == 1) {
        to_floats(k, t, n, x, room);
        return room;
    }
    uint16_t dense[PS_WIDEN];
    size_t size = poise_type_size(t->type);
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        ps_gather(size, m, ps_at(x, (ptrdiff_t)i * step, size), step, dense);
        to_floats(k, t, m, dense, room + i);
    }
    return room;
}

void ps_narrow_to(const ps_kernels *k, const poise_tensor *t, size_t n, const float *x, void *y, ptrdiff_t step)
{
    if (n == 1) step = 1;
    if (t->type == POISE_F32) {
        if (x != y) ps_scatter(sizeof(float), n, x, y, step);
        return;
    }
    if (step == 1) {
        from_floats(k, t, n, x, y);
        return;
    }
    uint16_t dense[PS_WIDEN];
    size_t size = poise_type_size(t->type);
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        from_floats(k, t, m, x + i, dense);
        ps_scatter(size, m, dense, ps_at(y, (ptrdiff_t)i * step, size), step);
    }
}

bool ps_has_half(const ps_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && ps_is_half(c->in[i]->type)) return true;
    return ps_is_half(c->out[0]->type);
}

bool ps_is_mixed(const ps_call *c)
{
    return ps_has_half(c) || ps_any_quantised(c);
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
    (void)params, (void)n_in, (void)out;
    return in[0]->type == POISE_F32 ? (ps_narrow){.out = true, .in = 1} : (ps_narrow){0}; /* codes stay codes */
}

ps_narrow ps_narrow_both(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)in;
    bool reals = in[0]->type == POISE_F32 && in[1]->type == POISE_F32 && out->type == POISE_F32;
    return reals ? (ps_narrow){.out = true, .in = 3} : (ps_narrow){0};
}
