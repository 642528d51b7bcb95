/* nn/op_binary.c - y = f(x0, x1), element by element with broadcasting. */
#include "nn/binary_math.h"
#include "nn/move.h"
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/rules.h"
#include "nn/spread.h"
#include "nn/widen.h"

#include <stdio.h>
#include <string.h>

static const char *const names[PS_BINARY_COUNT] = {"add",
                                                   "sub",
                                                   "mul",
                                                   "div",
                                                   "min",
                                                   "max",
                                                   "pow",
                                                   "mod",
                                                   "fmod",
                                                   "prelu",
                                                   "equal",
                                                   "greater",
                                                   "greater or equal",
                                                   "less",
                                                   "less or equal",
                                                   "and",
                                                   "or",
                                                   "xor",
                                                   "bit and",
                                                   "bit or",
                                                   "bit xor",
                                                   "shift left",
                                                   "shift right"};

static bool compares(int32_t kind)
{
    return kind >= PS_BINARY_EQUAL && kind <= PS_BINARY_LESS_EQUAL;
}

static bool allowed(int32_t kind, poise_type type)
{
    if (kind == PS_BINARY_EQUAL) return type == POISE_BOOL || ps_is_number(type);
    if (kind >= PS_BINARY_AND && kind <= PS_BINARY_XOR) return type == POISE_BOOL;
    return kind >= PS_BINARY_BIT_AND ? ps_is_integer(type) : ps_is_number(type);
}

/* At least one input is quantised. */
static poise_status infer_reals(int32_t kind, int n_in, const ps_value *const *in, ps_value *out)
{
    PS_REQUIRE(kind < PS_BINARY_AND, POISE_UNSUPPORTED, "%s of quantised numbers", names[kind]);
    PS_TRY(ps_rule_real(in[0], "the first input"));
    PS_TRY(ps_rule_real(in[1], "the second input"));
    out->type = compares(kind) ? POISE_BOOL : ps_real_type(n_in, in, out);
    return ps_rule_broadcast(n_in, in, out);
}

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_binary_params *p = params;
    int32_t kind = p->kind;
    PS_REQUIRE(kind >= 0 && kind < PS_BINARY_COUNT, POISE_BAD_MODEL, "unknown function %d", kind);
    poise_type t0 = in[0]->type, t1 = in[1]->type;
    if (ps_value_is_quantised(in[0]) || ps_value_is_quantised(in[1])) return infer_reals(kind, n_in, in, out[0]);
    bool same = kind == PS_BINARY_POW ? ps_is_number(t1) : t0 == t1;
    PS_REQUIRE(same && allowed(kind, t0), POISE_UNSUPPORTED, "%s of %s and %s", names[kind],
               poise_type_name(t0), poise_type_name(t1));
    out[0]->type = compares(kind) ? POISE_BOOL : t0;
    return ps_rule_broadcast(n_in, in, out[0]);
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    return ps_live_broadcast(2, i, axis, in, out);
}

/* Powers that products give: the exponents of hand-made norms and activations. */
static bool easy_power(const ps_kernels *k, size_t n, const float *x, float exponent, float *y)
{
    enum { BLOCK = 128 };
    if (exponent == 2) {
        k->mul_f32(n, x, 1, x, 1, y);
    } else if (exponent == 3) {
        float square[BLOCK];
        for (size_t i = 0; i < n; i += BLOCK) {
            size_t m = n - i < BLOCK ? n - i : BLOCK;
            k->mul_f32(m, x + i, 1, x + i, 1, square);
            k->mul_f32(m, x + i, 1, square, 1, y + i);
        }
    } else {
        return false;
    }
    return true;
}

static void float_row(const ps_kernels *k, int32_t kind, size_t n, const float *x0, int s0, const float *x1, int s1, float *y)
{
    if (kind != PS_BINARY_POW)
        ps_binary_f32(k, kind, n, x0, s0, x1, s1, y);
    else if (s0 != 1 || s1 != 0 || !easy_power(k, n, x0, *x1, y))
        ps_binary_power(POISE_F32, POISE_F32, n, x0, s0, x1, s1, y);
}

/* Sums, differences and products of codes to codes have kernels. */
static bool of_codes(const ps_call *c)
{
    const ps_binary_params *p = c->params;
    bool known = p->kind == PS_BINARY_ADD || p->kind == PS_BINARY_SUB || p->kind == PS_BINARY_MUL;
    return known && ps_is_quantised(c->in[0]) && ps_is_quantised(c->in[1]) && ps_is_quantised(c->out[0]);
}

static void codes_row(const ps_call *c, size_t n, const uint8_t *x0, int s0, const uint8_t *x1, int s1, uint8_t *y)
{
    const ps_binary_params *p = c->params;
    const poise_tensor *a = c->in[0], *b = c->in[1], *to = c->out[0];
    ps_mix m = {.mul0 = a->scale / to->scale,
                .mul1 = b->scale / to->scale,
                .zero0 = a->zero,
                .zero1 = b->zero,
                .zero = to->zero,
                .high = UINT8_MAX};
    if (p->kind == PS_BINARY_SUB) m.mul1 = -m.mul1;
    if (p->kind == PS_BINARY_MUL)
        m.mul0 *= b->scale, c->k->mul_u8(n, x0, s0, x1, s1, &m, y);
    else
        c->k->add_u8(n, x0, s0, x1, s1, &m, y);
}

static void dense_row(const ps_call *c, size_t n, const void *x0, int s0, const void *x1, int s1, void *y)
{
    const ps_binary_params *p = c->params;
    poise_type t0 = c->in[0]->type, t1 = c->in[1]->type;
    if (compares(p->kind)) {
        ps_binary_compare(p->kind, t0, n, x0, s0, x1, s1, y);
    } else if (of_codes(c)) {
        codes_row(c, n, x0, s0, x1, s1, y);
    } else if (t0 == POISE_F32 && t1 == POISE_F32) {
        float_row(c->k, p->kind, n, x0, s0, x1, s1, y);
    } else if (p->kind == PS_BINARY_POW) {
        ps_binary_power(t0, t1, n, x0, s0, x1, s1, y);
    } else {
        ps_binary_integer(p->kind, t0, n, x0, s0, x1, s1, y);
    }
}

static bool plain(ptrdiff_t step)
{
    return step == 0 || step == 1;
}

static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    enum { BLOCK = 128 };
    const ps_call *c = ctx;
    (void)thread;
    if (n == 1 || (step[0] == 1 && plain(step[1]) && plain(step[2]))) {
        dense_row(c, n, at[1], n == 1 || step[1], at[2], n == 1 || step[2], at[0]);
        return;
    }
    int64_t row[3][BLOCK]; /* room for the largest type */
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        for (int j = 0; j < 2; j++) {
            size_t size = poise_type_size(c->in[j]->type);
            const char *x = (const char *)at[j + 1] + (ptrdiff_t)(i * size) * step[j + 1];
            ps_gather(size, step[j + 1] ? m : 1, x, step[j + 1], row[j]);
        }
        dense_row(c, m, row[0], step[1] != 0, row[1], step[2] != 0, row[2]);
        size_t size = poise_type_size(c->out[0]->type);
        ps_scatter(size, m, row[2], (char *)at[0] + (ptrdiff_t)(i * size) * step[0], step[0]);
    }
}

/* Stored as 16 bits or codes somewhere, computed in f32. */
static void mixed_piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    const ps_call *c = ctx;
    int32_t kind = ((const ps_binary_params *)c->params)->kind;
    const poise_tensor *const t[3] = {c->out[0], c->in[0], c->in[1]};
    float room[3][PS_WIDEN];
    (void)thread;
    for (size_t i = 0; i < n; i += PS_WIDEN) {
        size_t m = n - i < PS_WIDEN ? n - i : PS_WIDEN;
        const float *x[3];
        for (int j = 1; j < 3; j++) {
            const void *from = ps_at(at[j], (ptrdiff_t)i * step[j], poise_type_size(t[j]->type));
            x[j] = ps_widen(c->k, t[j], step[j] ? m : 1, from, step[j], room[j]);
        }
        void *to = ps_at(at[0], (ptrdiff_t)i * step[0], poise_type_size(t[0]->type));
        if (compares(kind)) {
            uint8_t answer[PS_WIDEN];
            ps_binary_compare(kind, POISE_F32, m, x[1], step[1] != 0, x[2], step[2] != 0, answer);
            ps_scatter(1, m, answer, to, step[0]);
            continue;
        }
        float_row(ps_steady(c), kind, m, x[1], step[1] != 0, x[2], step[2] != 0, room[0]);
        ps_narrow_to(c->k, t[0], m, room[0], to, step[0]);
    }
}

/* ---- a short row for every pixel: 3 means of an image, a few channels' offsets ---- */

enum { TILE = 128 };

typedef struct tiled {
    const ps_call *c;
    size_t n;  /* elements of a pixel */
    int which; /* the input that is the same for every pixel */
} tiled;

/* `pixels` dense pixels with as many copies of the short row as fit. */
static void tiled_piece(const void *ctx, size_t pixels, void *const *at, const ptrdiff_t *step, int thread)
{
    const tiled *t = ctx;
    const ps_call *c = t->c;
    int64_t tile[TILE]; /* room for the largest type */
    size_t size = poise_type_size(c->in[t->which]->type), most = TILE / t->n;
    (void)step;
    (void)thread;
    for (size_t r = 0; r < most && r < pixels; r++)
        memcpy((char *)tile + r * t->n * size, at[1 + t->which], t->n * size);
    for (size_t i = 0; i < pixels; i += most) {
        size_t n = (pixels - i < most ? pixels - i : most) * t->n, from = i * t->n;
        void *y = (char *)at[0] + from * poise_type_size(c->out[0]->type);
        const void *x = (char *)at[2 - t->which] + from * poise_type_size(c->in[1 - t->which]->type);
        if (t->which)
            dense_row(c, n, x, 1, tile, 1, y);
        else
            dense_row(c, n, tile, 1, x, 1, y);
    }
}

/* Runs the walk pixel by pixel where it is one (3 channels, AVX2: 0.17 ns an element, 3.6 row by row). */
static bool run_tiled(const ps_call *c, const ps_walk *w, double ns)
{
    int d = w->rank - 1;
    if (d < 0 || w->n < 2 || w->n > TILE / 4 || w->step[0] != 1 || w->step[1] != 1 || w->step[2] != 1)
        return false;
    ptrdiff_t n = (ptrdiff_t)w->n;
    tiled t = {c, w->n, w->stride[2][d] == 0};
    if (w->stride[0][d] != n || w->stride[2 - t.which][d] != n || w->stride[1 + t.which][d] != 0)
        return false;
    ps_walk pixels = *w;
    pixels.n = (size_t)w->dim[d];
    pixels.rows = w->rows / pixels.n;
    pixels.rank = d;
    for (int i = 0; i < 3; i++) pixels.step[i] = w->stride[i][d];
    ps_spread(&pixels, c->threads, ns * (double)n, tiled_piece, &t);
    return true;
}

/* ---- a few numbers of a pixel that lie rows apart: boxes scaled for an output of pixels ---- */

typedef struct crossed {
    const ps_call *c;
    size_t n; /* numbers of a pixel */
    ptrdiff_t step[2];
} crossed;

enum { CROSSED = 8 };

/* Row by row into a tile, which is turned into pixels. */
static void crossed_piece(const void *ctx, size_t pixels, void *const *at, const ptrdiff_t *step, int thread)
{
    const crossed *t = ctx;
    float tile[CROSSED * TILE], *y = at[0];
    (void)thread;
    for (size_t i = 0, m; i < pixels; i += m) {
        m = pixels - i < TILE ? pixels - i : TILE;
        for (size_t j = 0; j < t->n; j++) {
            const float *x0 = (const float *)at[1] + (ptrdiff_t)i * step[1] + (ptrdiff_t)j * t->step[0];
            const float *x1 = (const float *)at[2] + (ptrdiff_t)i * step[2] + (ptrdiff_t)j * t->step[1];
            dense_row(t->c, m, x0, step[1] != 0, x1, step[2] != 0, tile + j * TILE);
        }
        t->c->k->transpose_f32(t->n, m, tile, TILE, y + (ptrdiff_t)i * step[0], step[0]);
    }
}

/* Runs the walk so where it is one (4 x 8400 into pixels of 84: 5.3 ns an element pixel by pixel, 0.9 so). */
static bool run_crossed(const ps_call *c, const ps_walk *w, double ns)
{
    int d = w->rank - 1;
    if (d < 0 || w->n > CROSSED || w->step[0] != 1 || c->out[0]->type != POISE_F32 || c->in[0]->type != POISE_F32 ||
        c->in[1]->type != POISE_F32)
        return false;
    for (int i = 1; i < 3; i++)
        if (w->step[i] == 1 || w->step[i] < 0 || !plain(w->stride[i][d])) return false;
    crossed t = {c, w->n, {w->step[1], w->step[2]}};
    ps_walk pixels = *w;
    pixels.n = (size_t)w->dim[d];
    pixels.rows = w->rows / pixels.n;
    pixels.rank = d;
    for (int i = 0; i < 3; i++) pixels.step[i] = w->stride[i][d];
    ps_spread(&pixels, c->threads, ns * (double)w->n, crossed_piece, &t);
    return true;
}

/* ---- codes and one constant number, to codes: a table, made when the model is opened, and which input is constant ---- */

/* The input that is the constant; -1 = this is another case. */
static int constant_input(const ps_call *c)
{
    for (int i = 0; i < 2 && ps_is_quantised(c->out[0]); i++)
        if (ps_is_quantised(c->in[1 - i]) && c->in[i]->data && poise_tensor_count(c->in[i]) == 1) return i;
    return -1;
}

static size_t packed(const ps_call *c)
{
    return constant_input(c) < 0 ? 0 : PS_CODES + 1;
}

static void pack(const ps_call *c, void *dst)
{
    const ps_binary_params *p = c->params;
    int constant = constant_input(c);
    float real[PS_CODES], one;
    const poise_tensor *t = c->in[constant];
    const float *number = ps_widen(c->k, t, 1, t->data, 1, &one);
    ps_all_reals(c->k, c->in[1 - constant], real);
    if (constant)
        float_row(ps_steady(c), p->kind, PS_CODES, real, 1, number, 0, real);
    else
        float_row(ps_steady(c), p->kind, PS_CODES, number, 0, real, 1, real);
    ps_codes_of(c->k, c->out[0], PS_CODES, real, dst);
    ((uint8_t *)dst)[PS_CODES] = (uint8_t)constant;
}

static void run_table(const ps_call *c)
{
    const uint8_t *table = c->packed;
    poise_tensor x = ps_broadcast(c->in[1 - table[PS_CODES]], c->out[0]);
    ps_lookup(c->k, c->threads, table, &x, c->out[0]);
}

enum { SHORT = 32 }; /* rows of a few numbers cost more than what is done to them */

static void run(const ps_call *c)
{
    const ps_binary_params *p = c->params;
    if (c->packed) {
        run_table(c);
        return;
    }
    poise_tensor x0 = ps_broadcast(c->in[0], c->out[0]), x1 = ps_broadcast(c->in[1], c->out[0]);
    ps_walk w;
    ps_walk_init(&w, 3, (const poise_tensor *[]){c->out[0], &x0, &x1});
    double ns = p->kind >= PS_BINARY_POW && p->kind <= PS_BINARY_FMOD ? 20 : 0.5;
    bool codes = of_codes(c) || (compares(p->kind) && ps_same_numbers(c->in[0], c->in[1])), mixed = !codes && ps_is_mixed(c);
    if (!w.rows || !w.n || (!mixed && (run_tiled(c, &w, ns) || run_crossed(c, &w, ns)))) return;
    (mixed || codes || w.n < SHORT ? ps_spread_short : ps_spread)(&w, c->threads, ns, mixed ? mixed_piece : piece, c);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_binary_params *p = params;
    snprintf(buf, size, "%s", names[p->kind]);
}

const ps_op ps_op_binary = {.name = "binary",
                            .min_in = 2,
                            .max_in = 2,
                            .n_out = 1,
                            .order = PS_ORDER_LIKE,
                            .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                            .param_bytes = sizeof(ps_binary_params),
                            .infer = infer,
                            .live = live,
                            .packed = packed,
                            .pack = pack,
                            .run = run,
                            .narrow = ps_narrow_both,
                            .describe = describe};
