/* nn/quantised.c - tensors of 8-bit codes: what a code stands for, and from one scale to another. */
#include "nn/quantised.h"

#include "nn/move.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <string.h>

enum { BLOCK = 256, MOST_IN = 8, MOST_OUT = 4 };

bool ps_any_quantised(const ps_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && ps_is_quantised(c->in[i])) return true;
    return c->out[0] && ps_is_quantised(c->out[0]);
}

const ps_kernels *ps_steady(const ps_call *c)
{
    return c->out[0] && ps_is_quantised(c->out[0]) ? ps_isas[0].table : c->k;
}

/* ---- tables ---- */

void ps_all_reals(const ps_kernels *k, const poise_tensor *t, float real[PS_CODES])
{
    uint8_t code[PS_CODES];
    for (int i = 0; i < PS_CODES; i++) code[i] = (uint8_t)i;
    ps_widen(k, t, PS_CODES, code, 1, real);
}

void ps_codes_of(const ps_kernels *k, const poise_tensor *t, size_t n, const float *real, uint8_t *code)
{
    ps_narrow_to(k, t, n, real, code, 1);
}

void ps_lookup_row(const ps_kernels *k, const uint8_t *table, size_t n, const uint8_t *x, ptrdiff_t sx, uint8_t *y,
                   ptrdiff_t sy)
{
    if (n == 1 || (sx == 1 && sy == 1))
        k->lut_u8(n, x, table, y);
    else
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) y[i * sy] = table[x[i * sx]];
}

typedef struct looking {
    const ps_kernels *k;
    const uint8_t *table;
} looking;

static void lookup_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const looking *j = ctx;
    (void)thread;
    ps_lookup_row(j->k, j->table, n, at[1], step[1], at[0], step[0]);
}

void ps_lookup(const ps_kernels *k, int threads, const uint8_t *table, const poise_tensor *x, const poise_tensor *y)
{
    looking j = {k, table};
    ps_walk w;
    ps_walk_init(&w, 2, (const poise_tensor *[]){y, x});
    ps_spread_short(&w, threads, 0.1, lookup_piece, &j);
}

/* ---- moving numbers ---- */

typedef struct moving {
    const ps_kernels *k;
    const poise_tensor *x, *y;
} moving;

static void move_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const moving *j = ctx;
    size_t sx = poise_type_size(j->x->type), sy = poise_type_size(j->y->type);
    float room[BLOCK];
    (void)thread;
    for (size_t i = 0, m; i < n; i += m) {
        const void *from = ps_at(at[1], (ptrdiff_t)i * step[1], sx);
        void *to = ps_at(at[0], (ptrdiff_t)i * step[0], sy);
        bool both = n == 1 || (step[0] == 1 && step[1] == 1);
        m = both || n - i < BLOCK ? n - i : BLOCK;
        if (both && ps_is_quantised(j->y) && j->x->type == POISE_F32) {
            j->k->quantize_u8(m, from, j->y->scale, j->y->zero, to);
        } else if (both && ps_is_quantised(j->x) && j->y->type == POISE_F32) {
            j->k->dequantize_u8(m, from, j->x->scale, j->x->zero, to);
        } else {
            m = m < BLOCK ? m : BLOCK;
            ps_narrow_to(j->k, j->y, m, ps_widen(j->k, j->x, m, from, step[1], room), to, step[0]);
        }
    }
}

void ps_move_real(const ps_kernels *k, int threads, const poise_tensor *x, const poise_tensor *y)
{
    if (ps_is_codes(x) && ps_is_codes(y) && !ps_same_numbers(x, y)) {
        float real[PS_CODES];
        uint8_t table[PS_CODES];
        ps_all_reals(k, x, real);
        ps_codes_of(k, y, PS_CODES, real, table);
        ps_lookup(k, threads, table, x, y);
        return;
    }
    if (ps_same_numbers(x, y)) {
        if (x->data != y->data) ps_move(k, threads, x, y);
        return;
    }
    moving j = {k, x, y};
    ps_walk w;
    ps_walk_init(&w, 2, (const poise_tensor *[]){y, x});
    ps_spread_short(&w, threads, 0.2, move_piece, &j);
}

/* ---- through floats ---- */

typedef struct floats {
    poise_tensor tensor[MOST_IN + MOST_OUT];
    const poise_tensor *in[MOST_IN], *out[MOST_OUT];
    size_t bytes; /* of the copies; SIZE_MAX = too many */
} floats;

/* A float twin of t, `at` bytes into the working space at base (NULL while planning). */
static void twin(floats *f, poise_tensor *y, const poise_tensor *t, char *base)
{
    size_t bytes = ps_round_up(ps_size_cap(poise_tensor_count(t), sizeof(float)), PS_ALIGN);
    *y = *t;
    y->type = POISE_F32;
    y->scale = 0;
    y->zero = 0;
    y->data = base ? base + f->bytes : NULL;
    ps_strides_like(y, t);
    if (!ps_size_add(&f->bytes, f->bytes, bytes)) f->bytes = SIZE_MAX;
}

/* The call as the operator sees it, over float twins of what is quantised. */
static ps_call float_call(const ps_call *c, floats *f)
{
    ps_call call = *c;
    f->bytes = 0;
    for (int i = 0; i < c->n_in && i < MOST_IN; i++) {
        f->in[i] = c->in[i];
        if (!c->in[i] || !ps_is_quantised(c->in[i])) continue;
        twin(f, &f->tensor[i], c->in[i], c->scratch);
        f->in[i] = &f->tensor[i];
    }
    for (int j = 0; j < c->n_out && j < MOST_OUT; j++) {
        f->out[j] = c->out[j];
        if (!c->out[j] || !ps_is_quantised(c->out[j])) continue;
        twin(f, &f->tensor[MOST_IN + j], c->out[j], c->scratch);
        f->out[j] = &f->tensor[MOST_IN + j];
    }
    call.in = f->in;
    call.out = f->out;
    call.k = ps_steady(c);
    call.scratch = c->scratch ? (char *)c->scratch + f->bytes : NULL;
    return call;
}

size_t ps_float_scratch(const ps_call *c, size_t (*scratch)(const ps_call *c))
{
    if (!ps_any_quantised(c)) return scratch ? scratch(c) : 0;
    floats f;
    ps_call bare = *c, call;
    bare.scratch = NULL;
    call = float_call(&bare, &f);
    size_t own = scratch ? scratch(&call) : 0, all;
    return ps_size_add(&all, own, f.bytes) ? all : SIZE_MAX;
}

void ps_float_run(const ps_call *c, void (*run)(const ps_call *c))
{
    if (!ps_any_quantised(c)) {
        run(c);
        return;
    }
    floats f;
    ps_call call = float_call(c, &f);
    for (int i = 0; i < c->n_in && i < MOST_IN; i++)
        if (f.in[i] != c->in[i]) ps_move_real(c->k, c->threads, c->in[i], f.in[i]);
    run(&call);
    for (int j = 0; j < c->n_out && j < MOST_OUT; j++)
        if (f.out[j] != c->out[j]) ps_move_real(c->k, c->threads, f.out[j], c->out[j]);
}

/* ---- infer ---- */

poise_status ps_rule_real(const ps_value *v, const char *what)
{
    bool quantised = ps_value_is_quantised(v);
    PS_REQUIRE(v->type == POISE_F32 || (quantised && v->type == POISE_U8), POISE_UNSUPPORTED,
               "%s is %s%s, must be f32 or quantised u8", what, quantised ? "quantised " : "", poise_type_name(v->type));
    return POISE_OK;
}

poise_type ps_real_type(int n_in, const ps_value *const *in, const ps_value *out)
{
    for (int i = 0; out->scale > 0 && i < n_in; i++)
        if (in[i] && ps_value_is_quantised(in[i])) return POISE_U8;
    return POISE_F32;
}

void ps_scale_like(ps_value *out, const ps_value *x)
{
    out->scale = x->scale;
    out->zero = x->zero;
}
