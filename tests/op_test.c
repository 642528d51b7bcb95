/* tests/op_test.c - see op_test.h. */
#include "tests/op_test.h"

#include "tests/amx_emulated.h"

#include "runtime/cpu.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { SLOW = 1 }; /* a third of the layouts has to do */
#else
enum { SLOW = 0 };
#endif
enum { MAX_BLOCKS = 4096, GUARD = 64, FILL = 0xA5 };

static struct {
    uint8_t *base;
    size_t bytes;
} blocks[MAX_BLOCKS];
static int n_blocks;

/* ---- random numbers ---- */

static uint64_t next_random(void)
{
    static uint64_t state;
    if (!state) {
        const char *seed = getenv("OT_SEED");
        state = seed ? strtoull(seed, NULL, 10) * 2 + 1 : 0x9E3779B97F4A7C15u;
    }
    state ^= state << 13; /* xorshift64 (Marsaglia 2003) */
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

uint32_t ot_random(uint32_t below)
{
    return (uint32_t)((next_random() >> 32) * below >> 32);
}

double ot_uniform(double lo, double hi)
{
    return lo + (hi - lo) * (double)(next_random() >> 11) * 0x1p-53;
}

int32_t ot_between(int32_t lo, int32_t hi)
{
    return lo + (int32_t)ot_random((uint32_t)(hi - lo + 1));
}

/* ---- tensors ---- */

static void set_strides(poise_tensor *t, ot_layout layout)
{
    int order[POISE_MAX_DIMS], n = t->rank; /* innermost first */
    for (int i = 0; i < n; i++) order[i] = n - 1 - i;
    bool last = (layout == OT_LAST || layout == OT_LAST_GAP) && n >= 3;
    if (last) {
        order[0] = 1;
        for (int i = 1, d = n - 1; d >= 0; d--)
            if (d != 1) order[i++] = d;
    }
    ptrdiff_t step = layout == OT_STRIDED ? 2 : layout == OT_REVERSED ? -1 : 1;
    for (int i = 0; i < n; i++) {
        int d = order[i];
        bool flat = layout == OT_BROADCAST && d % 2;
        t->stride[d] = flat ? 0 : step;
        if (!flat) step *= t->dim[d] ? t->dim[d] : 1;
        if (i == 0 && (layout == OT_LAST_GAP || layout == OT_ROW_GAP)) step += 3;
    }
}

poise_tensor ot_tensor(poise_type type, int rank, const int32_t *dim, ot_layout layout)
{
    poise_tensor t = {.type = type, .rank = rank};
    for (int i = 0; i < rank; i++) t.dim[i] = dim[i];
    set_strides(&t, layout);
    ptrdiff_t low = 0, high = 1;
    for (int i = 0; i < rank; i++) {
        ptrdiff_t reach = t.stride[i] * (dim[i] > 0 ? dim[i] - 1 : 0);
        *(reach < 0 ? &low : &high) += reach;
    }
    size_t size = poise_type_size(type), bytes = (size_t)(high - low) * size + 2 * GUARD;
    assert_true(n_blocks < MAX_BLOCKS);
    uint8_t *base = ps_alloc(bytes);
    assert_non_null(base);
    blocks[n_blocks].base = base;
    blocks[n_blocks++].bytes = bytes;
    t.data = base + GUARD + (size_t)-low * size;
    return t;
}

poise_tensor ot_random_tensor(poise_type type, int rank, const int32_t *dim, ot_layout layout, double lo,
                              double hi)
{
    poise_tensor t = ot_tensor(type, rank, dim, layout);
    size_t n = poise_tensor_count(&t);
    bool whole = type != POISE_F32 && type != POISE_F16 && type != POISE_F64 && type != POISE_BF16;
    if (type == POISE_U8 && lo < 0) lo = 0;
    if (type == POISE_BOOL) lo = 0, hi = 1;
    for (size_t i = 0; i < n; i++) ot_put(&t, i, whole ? floor(ot_uniform(lo, hi + 1)) : ot_uniform(lo, hi));
    return t;
}

static double from_bf16(uint16_t h)
{
    int e = h >> 7 & 255, m = h & 127;
    double v = e == 255 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(128 + m, e - 134) : ldexp(m, -133);
    return h & 0x8000 ? -v : v;
}

/* Nearest bfloat16, ties to even, as for halves but without denormals. */
static uint16_t to_bf16(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    v = fabs(v);
    if (isnan(v)) return sign | 0x7FC0;
    if (v < 0x1p-126) return sign;
    if (v >= 0x1.FFp127) return sign | 0x7F80; /* half a step above the largest, 0x1.FEp127 */
    int e = ilogb(v), m = (int)nearbyint(ldexp(v, 7 - e));
    return (uint16_t)(sign | (m + ((e + 126) << 7)));
}

void ot_round_to_half(const poise_tensor *t)
{
    size_t n = poise_tensor_count(t);
    for (size_t i = 0; i < n; i++) ot_put(t, i, from_bf16(to_bf16(ot_at(t, i))));
}

poise_tensor ot_tensor_of(poise_type type, int rank, const int32_t *dim, const double *values)
{
    poise_tensor t = ot_tensor(type, rank, dim, OT_ROW);
    size_t n = poise_tensor_count(&t);
    for (size_t i = 0; i < n; i++) ot_put(&t, i, values[i]);
    return t;
}

void ot_free_all(void)
{
    while (n_blocks) ps_free(blocks[--n_blocks].base);
}

static size_t block_of(const poise_tensor *t)
{
    for (size_t i = 0; i < (size_t)n_blocks; i++) {
        const uint8_t *p = t->data, *base = blocks[i].base;
        if (p >= base && p < base + blocks[i].bytes) return i;
    }
    fail_msg("a tensor was not made by ot_tensor");
    return 0;
}

void ot_index(const poise_tensor *t, size_t i, int32_t *index)
{
    for (int d = t->rank - 1; d >= 0; d--) {
        index[d] = (int32_t)(i % (size_t)t->dim[d]);
        i /= (size_t)t->dim[d];
    }
}

size_t ot_position(const poise_tensor *t, const int32_t *index)
{
    size_t i = 0;
    for (int d = 0; d < t->rank; d++) i = i * (size_t)t->dim[d] + (size_t)index[d];
    return i;
}

static char *address(const poise_tensor *t, const int32_t *index)
{
    ptrdiff_t at = 0;
    for (int d = 0; d < t->rank; d++) at += index[d] * t->stride[d];
    return (char *)t->data + at * (ptrdiff_t)poise_type_size(t->type);
}

static double from_half(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 31 ? (m ? (double)NAN : (double)INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

/* Nearest half, ties to even; the step of halves at |v| in [2^e, 2^(e+1)) is 2^(e-10), least 2^-24. */
static uint16_t to_half(double v)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    v = fabs(v);
    if (isnan(v)) return sign | 0x7E00;
    if (v >= 65520) return sign | 0x7C00;
    int e = v < 0x1p-14 ? -14 : ilogb(v);
    int m = (int)nearbyint(ldexp(v, 10 - e)); /* a carry out of the mantissa is right as it is */
    return (uint16_t)(sign | (m + ((v < 0x1p-14 ? 0 : e + 14) << 10)));
}

double ot_get(const poise_tensor *t, const int32_t *index)
{
    const void *p = address(t, index);
    switch (t->type) {
    case POISE_F32: return (double)*(const float *)p;
    case POISE_F64: return *(const double *)p;
    case POISE_I32: return *(const int32_t *)p;
    case POISE_I64: return (double)*(const int64_t *)p;
    case POISE_I8: return *(const int8_t *)p;
    case POISE_F16: return from_half(*(const uint16_t *)p);
    case POISE_BF16: return from_bf16(*(const uint16_t *)p);
    default: return *(const uint8_t *)p;
    }
}

void ot_set(const poise_tensor *t, const int32_t *index, double value)
{
    void *p = address(t, index);
    switch (t->type) {
    case POISE_F32: *(float *)p = (float)value; break;
    case POISE_F64: *(double *)p = value; break;
    case POISE_I32: *(int32_t *)p = (int32_t)value; break;
    case POISE_I64: *(int64_t *)p = (int64_t)value; break;
    case POISE_I8: *(int8_t *)p = (int8_t)value; break;
    case POISE_F16: *(uint16_t *)p = to_half(value); break;
    case POISE_BF16: *(uint16_t *)p = to_bf16(value); break;
    default: *(uint8_t *)p = (uint8_t)value; break;
    }
}

double ot_at(const poise_tensor *t, size_t i)
{
    int32_t index[POISE_MAX_DIMS];
    ot_index(t, i, index);
    return ot_get(t, index);
}

void ot_put(const poise_tensor *t, size_t i, double value)
{
    int32_t index[POISE_MAX_DIMS];
    ot_index(t, i, index);
    ot_set(t, index, value);
}

/* ---- running ---- */

static ps_value value_of(const poise_tensor *t, bool constant)
{
    ps_value v = {.name = "t", .type = t->type, .rank = t->rank, .scale = t->scale, .zero = t->zero, .live = -1};
    for (int i = 0; i < t->rank; i++) v.dim[i] = t->dim[i];
    if (constant) v.data = t->data;
    return v;
}

poise_status ot_infer(const ot_case *t, poise_tensor *out)
{
    ps_value in[OT_MAX], made[OT_MAX];
    const ps_value *ins[OT_MAX] = {0};
    ps_value *outs[OT_MAX] = {0};
    for (int i = 0; i < t->n_in; i++) {
        if (!t->in[i]) continue;
        in[i] = value_of(t->in[i], t->constants >> i & 1);
        if (t->half >> i & 1) in[i].type = POISE_F32;
        ins[i] = &in[i];
    }
    for (int j = 0; j < t->n_out; j++) {
        made[j] = (ps_value){.name = "y", .scale = j ? 0 : t->scale, .zero = j ? 0 : t->zero, .live = -1};
        outs[j] = &made[j];
    }
    PS_TRY(ps_op_infer(t->op, t->params, t->n_in, ins, t->n_out, outs));
    for (int j = 0; j < t->n_out; j++) {
        bool half = j == 0 && t->half & OT_HALF_OUT;
        out[j] = (poise_tensor){.type = half ? t->half_type : made[j].type, .rank = made[j].rank};
        out[j].scale = made[j].scale;
        out[j].zero = made[j].zero;
        for (int d = 0; d < made[j].rank; d++) out[j].dim[d] = made[j].dim[d];
    }
    return POISE_OK;
}

static void *room(size_t bytes)
{
    void *p = ps_alloc(bytes);
    assert_non_null(p);
    memset(p, FILL, bytes);
    return p;
}

bool ot_run(const ot_case *t, const ps_kernels *k, int threads, const poise_tensor *out)
{
    poise_tensor bare[2 * OT_MAX]; /* as planning sees them: computed tensors have no data */
    const poise_tensor *ins[OT_MAX] = {0}, *outs[OT_MAX] = {0}, *real[OT_MAX] = {0};
    int32_t live = -1;
    for (int i = 0; i < t->n_in; i++) {
        if (!t->in[i]) continue;
        bare[i] = *t->in[i];
        if (!(t->constants >> i & 1)) bare[i].data = NULL;
        ins[i] = &bare[i];
    }
    for (int j = 0; j < t->n_out; j++) {
        bare[OT_MAX + j] = out[j];
        bare[OT_MAX + j].data = NULL;
        outs[j] = &bare[OT_MAX + j];
        real[j] = &out[j];
    }
    ps_call c = {.params = t->params,
                 .n_in = t->n_in,
                 .n_out = t->n_out,
                 .in = ins,
                 .out = outs,
                 .k = k,
                 .threads = threads,
                 .variant = (int16_t)t->variant,
                 .live = &live};
    if (t->variant && !(t->op->variant && t->op->variant(&c, t->variant))) return false;
    size_t packed = t->op->packed ? t->op->packed(&c) : 0, scratch = t->op->scratch ? t->op->scratch(&c) : 0;
    void *weights = packed ? room(packed) : NULL, *work = room(scratch);
    if (packed) t->op->pack(&c, weights);
    c.packed = weights;
    c.scratch = work;
    c.in = t->in;
    c.out = real;
    size_t before = ps_alloc_count();
    t->op->run(&c);
    assert_int_equal(before, ps_alloc_count());
    ps_free(weights);
    ps_free(work);
    return true;
}

static void compare(const ot_case *t, const poise_tensor *got, const poise_tensor *want, int output)
{
    size_t n = poise_tensor_count(got);
    for (size_t i = 0; i < n; i++) {
        double a = ot_at(got, i), b = ot_at(want, i);
        if (got->type == POISE_F16 && t->half) b = b > 65504 ? 65504 : b < -65504 ? -65504 : b; /* as the fast precision stores it */
        bool same = (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= t->abs + t->rel * fabs(b);
        if (same) continue;
        char shape[PS_SHAPE_TEXT];
        fail_msg("%s: output %d (%s %s), element %zu is %.9g, not %.9g", t->op->name, output,
                 poise_type_name(got->type), ps_shape_text(got->rank, got->dim, shape), i, a, b);
    }
}

/* Nothing around the elements of t may have changed since its block was filled. */
static void check_gaps(const ot_case *t, const poise_tensor *y)
{
    size_t b = block_of(y), n = poise_tensor_count(y), size = poise_type_size(y->type);
    uint8_t *copy = ps_alloc(blocks[b].bytes);
    assert_non_null(copy);
    memcpy(copy, blocks[b].base, blocks[b].bytes);
    int32_t index[POISE_MAX_DIMS];
    for (size_t i = 0; i < n; i++) {
        ot_index(y, i, index);
        memset(copy + (address(y, index) - (char *)blocks[b].base), FILL, size);
    }
    for (size_t i = 0; i < blocks[b].bytes; i++)
        if (copy[i] != FILL) fail_msg("%s: wrote outside its output, byte %zu", t->op->name, i);
    ps_free(copy);
}

/* FNV-1a of the memory of a tensor. */
static uint64_t digest(const poise_tensor *t)
{
    size_t b = block_of(t);
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < blocks[b].bytes; i++) h = (h ^ blocks[b].base[i]) * 0x100000001B3u;
    return h;
}

/* With one table of kernels: false when there is no such variant.  *bits becomes the digest of a quantised out[0], or must
 * be it already where it is not 0. */
static bool check_kernels(const ot_case *t, const ps_kernels *k, const poise_tensor *shape, ot_layout layout,
                          const poise_tensor *want, uint64_t *bits)
{
    poise_tensor first[OT_MAX];
    for (int threads = 1; threads <= 4; threads *= 2) {
        int keep = n_blocks;
        poise_tensor y[OT_MAX];
        for (int j = 0; j < t->n_out; j++) {
            y[j] = ot_tensor(shape[j].type, shape[j].rank, shape[j].dim, layout);
            y[j].scale = shape[j].scale;
            y[j].zero = shape[j].zero;
            memset(blocks[n_blocks - 1].base, FILL, blocks[n_blocks - 1].bytes);
        }
        bool known = ot_run(t, k, threads, y);
        for (int j = 0; known && j < t->n_out; j++) {
            check_gaps(t, &y[j]);
            compare(t, &y[j], &want[j], j);
            if (j == 0 && y[0].scale > 0 && threads == 1) {
                uint64_t now = digest(&y[0]);
                if (*bits && *bits != now) fail_msg("%s: codes differ with %s (variant %d)", t->op->name, k->name, t->variant);
                *bits = now;
            }
            if (threads == 1) continue;
            size_t a = block_of(&first[j]), b = block_of(&y[j]);
            if (memcmp(blocks[a].base, blocks[b].base, blocks[a].bytes))
                fail_msg("%s: output %d differs with %d threads (%s, variant %d)", t->op->name, j, threads, k->name,
                         t->variant);
        }
        if (known && threads == 1) {
            memcpy(first, y, sizeof first);
            continue;
        }
        while (n_blocks > keep) ps_free(blocks[--n_blocks].base);
        if (!known) return false;
    }
    return true;
}

enum { MOST_VARIANTS = 16 };

/* How far activations behind which bfloat16 is written may be off (ops/tmpl/finish_half.inc) where a residual cancels them:
 * 2^-12 of values about as large as the largest output. */
static double rough(const ot_case *t, const poise_tensor *want)
{
    double most = 1;
    size_t n = t->half & OT_HALF_OUT ? poise_tensor_count(want) : 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(ot_at(want, i))) most = fmax(most, 1 + fabs(ot_at(want, i)));
    return n ? 0x1p-12 * most : 0;
}

/* Some products of floats as the near precision does them on AMX: 2^-14 of the largest output. */
static void check_split(const ot_case *t, const poise_tensor *shape, ot_layout layout, const poise_tensor *want)
{
    static int cases;
    bool product = t->op == &ps_op_conv || t->op == &ps_op_matmul;
    if (!product || t->half || cases++ % 16) return;
    ot_case way = *t;
    double most = 0;
    for (size_t i = 0; i < poise_tensor_count(&want[0]); i++)
        if (isfinite(ot_at(&want[0], i))) most = fmax(most, fabs(ot_at(&want[0], i)));
    way.abs += 0x1p-14 * most;
    ps_kernels k;
    ps_kernels_select(&k, ps_cpu_flags());
    amx_emulated_select(&k);
    k.split = true;
    uint64_t bits = 0;
    for (way.variant = 0; way.variant < 2 && check_kernels(&way, &k, shape, layout, want, &bits); way.variant++) continue;
}

static void check_layout(const ot_case *t, const poise_tensor *shape, ot_layout layout, const poise_tensor *want)
{
    ot_case way = *t;
    uint64_t bits = 0; /* codes are the same on every ISA and in every way */
    way.abs += rough(t, &want[0]);
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        unsigned flags = ps_cpu_flags();
        const char *known;
        if ((isa->need & flags) != isa->need) continue;
        assert_true(ps_kernels_cap(isa->name, &flags, &known));
        ps_kernels k;
        ps_kernels_select(&k, flags);
        for (way.variant = 0; way.variant < MOST_VARIANTS; way.variant++) {
            static int turn;
            bool all = way.variant < 2; /* of the others, each in one of the layouts and now and then: there are many */
            if (!all && (way.variant % OT_OUT_LAYOUTS != (int)layout || turn++ % 4)) continue;
            if (!check_kernels(&way, &k, shape, layout, want, &bits)) break;
        }
    }
    check_split(t, shape, layout, want);
    static int cases;
    if (!(t->half & 1) || t->half_type != POISE_BF16 || cases++ % 16) return;
    ps_kernels k; /* some products of bfloat16 also as AMX does them: tiles in plain C are slow */
    ps_kernels_select(&k, ps_cpu_flags());
    amx_emulated_select(&k);
    bits = 0;
    for (way.variant = 0; way.variant < 2 && check_kernels(&way, &k, shape, layout, want, &bits); way.variant++) continue;
}

static void prepare(const ot_case *t, ot_oracle *oracle, poise_tensor *shape, poise_tensor *want)
{
    if (ot_infer(t, shape)) fail_msg("%s: refused: %s", t->op->name, poise_error_text());
    for (int j = 0; j < t->n_out; j++) {
        want[j] = ot_tensor(POISE_F64, shape[j].rank, shape[j].dim, OT_ROW);
        want[j].scale = shape[j].scale;
        want[j].zero = shape[j].zero;
    }
    oracle(t, want);
}

/* ---- bf16 and f16 ---- */

static ps_narrow may_be_narrow(const ot_case *t)
{
    ps_value in[OT_MAX], y = {0};
    const ps_value *ins[OT_MAX] = {0};
    poise_tensor out[OT_MAX];
    if (!t->op->narrow || ot_infer(t, out) || out[0].type != POISE_F32) return (ps_narrow){0};
    y = value_of(&out[0], false);
    for (int i = 0; i < t->n_in; i++) {
        if (!t->in[i]) continue;
        in[i] = value_of(t->in[i], t->constants >> i & 1);
        ins[i] = &in[i];
    }
    return t->op->narrow(t->params, t->n_in, ins, &y);
}

/* x with the same strides in another type: rounded to bf16 in any case, which f16 may round again. */
static poise_tensor rounded(const poise_tensor *x, poise_type type)
{
    poise_tensor y = *x;
    y.type = type;
    size_t b = block_of(x), size = poise_type_size(type), n = poise_tensor_count(x);
    ptrdiff_t before = ((char *)x->data - (char *)blocks[b].base - GUARD) / (ptrdiff_t)poise_type_size(x->type);
    assert_true(n_blocks < MAX_BLOCKS);
    uint8_t *base = ps_alloc(blocks[b].bytes);
    assert_non_null(base);
    blocks[n_blocks].base = base;
    blocks[n_blocks].bytes = blocks[b].bytes;
    n_blocks++;
    y.data = base + GUARD + (size_t)before * size;
    for (size_t i = 0; i < n; i++) {
        int32_t index[POISE_MAX_DIMS];
        ot_index(x, i, index);
        ot_set(&y, index, from_bf16(to_bf16(ot_get(x, index))));
    }
    return y;
}

/* A case in which some tensors are bf16 or f16; inputs of products that stay f32 hold numbers that both have. */
static bool narrow_case(const ot_case *t, ot_case *half, poise_tensor *in)
{
    ps_narrow may = may_be_narrow(t);
    if (t->half || (!may.out && !may.in)) return false;
    *half = *t;
    half->half_type = ot_random(2) && !t->op->macs ? POISE_F16 : POISE_BF16; /* sums of halves are less exact */
    if (half->half_type == POISE_F16) half->abs += 0x1p-20; /* products of denormals' steps */
    if (may.out && (ot_random(4) || may.tied)) half->half = OT_HALF_OUT;
    half->rel += half->half ? 0x1p-8 : 0;
    for (int i = 0; i < t->n_in; i++) {
        unsigned bit = 1u << i;
        if (!t->in[i] || t->in[i]->type != POISE_F32) continue;
        bool is = may.tied & bit ? half->half != 0 : (may.must & bit) || ((may.in & bit) && ot_random(2));
        if (t->constants & bit && !(may.tied & bit)) is = false;
        if (!is && !(t->op->macs && i < 2)) continue;
        in[i] = rounded(t->in[i], is ? half->half_type : POISE_F32);
        half->in[i] = &in[i];
        if (is) half->half |= bit;
    }
    return true;
}

void ot_check(const ot_case *t, ot_oracle *oracle)
{
    poise_tensor shape[OT_MAX], want[OT_MAX], in[OT_MAX];
    int keep = n_blocks;
    ot_case half;
    prepare(t, oracle, shape, want);
    static unsigned turn; /* not a random number: all builds test the same cases */
    for (ot_layout layout = 0; layout < OT_OUT_LAYOUTS; layout++)
        if (!SLOW || turn++ % 3 == 0) check_layout(t, shape, layout, want);
    if (narrow_case(t, &half, in)) {
        ot_layout first = (ot_layout)ot_random(2), second = (ot_layout)(2 + ot_random(OT_OUT_LAYOUTS - 2));
        prepare(&half, oracle, shape, want);
        check_layout(&half, shape, first, want);
        check_layout(&half, shape, second, want);
    }
    while (n_blocks > keep) ps_free(blocks[--n_blocks].base);
}

void ot_check_inplace(const ot_case *t, int i, ot_oracle *oracle)
{
    poise_tensor shape[OT_MAX], want[OT_MAX], y[OT_MAX];
    int keep = n_blocks;
    prepare(t, oracle, shape, want);
    size_t b = block_of(t->in[i]);
    uint8_t *copy = ps_alloc(blocks[b].bytes);
    assert_non_null(copy);
    memcpy(copy, blocks[b].base, blocks[b].bytes);
    ps_kernels k;
    ps_kernels_select(&k, ps_cpu_flags());
    y[0] = *t->in[i];
    for (int j = 1; j < t->n_out; j++) y[j] = ot_tensor(shape[j].type, shape[j].rank, shape[j].dim, OT_ROW);
    ot_run(t, &k, 2, y);
    for (int j = 0; j < t->n_out; j++) compare(t, &y[j], &want[j], j);
    memcpy(blocks[b].base, copy, blocks[b].bytes);
    ps_free(copy);
    while (n_blocks > keep) ps_free(blocks[--n_blocks].base);
}

void ot_refuse(const ot_case *t, const char *part)
{
    poise_tensor out[OT_MAX];
    if (ot_infer(t, out) == POISE_OK)
        fail_msg("%s: accepted what it must refuse (\"%s\")", t->op->name, part);
    if (!strstr(poise_error_text(), part))
        fail_msg("%s: error text \"%s\" does not contain \"%s\"", t->op->name, poise_error_text(), part);
}
