/* tests/test_quantised.c - operators on quantised numbers: codes in, codes or floats out, with any strides.
 *
 * The oracle of most is the operator itself on the floats that the codes stand for; a code may be half a step away from what
 * that gives, and no more.  Codes must have the same bits on every ISA (op_test.c sees to it). */
#include "tests/op_test.h"

#include "nn/model.h"
#include "nn/params.h"
#include "nn/session.h"
#include "tests/graph_build.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 14 };
static const double near = 0.502; /* of a code: rounding, and what floats lose on the way */

/* ---- tensors ---- */

static double real_at(const poise_tensor *t, size_t i)
{
    double v = ot_at(t, i);
    return t->scale > 0 ? (double)t->scale * (v - t->zero) : v;
}

static void set_scale(poise_tensor *t, double scale, int32_t zero)
{
    t->scale = (float)scale;
    t->zero = zero;
}

static poise_tensor random_codes(int rank, const int32_t *dim, double scale)
{
    poise_tensor t = ot_random_tensor(POISE_U8, rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 0, 255);
    set_scale(&t, scale * ot_uniform(0.5, 1.5), ot_between(0, 255));
    return t;
}

/* Codes, or floats of the same range. */
static poise_tensor random_reals(int rank, const int32_t *dim, double scale, bool codes)
{
    if (codes) return random_codes(rank, dim, scale);
    return ot_random_tensor(POISE_F32, rank, dim, (ot_layout)ot_random(OT_LAYOUTS), -100 * scale, 100 * scale);
}

static void put_real(const poise_tensor *want, size_t i, double v)
{
    double q = v / (double)want->scale + want->zero;
    ot_put(want, i, want->scale > 0 ? fmin(fmax(q, 0), 255) : v);
}

/* The operator itself, on floats. */
static void on_floats(const ot_case *t, const poise_tensor *want)
{
    ot_case f = *t;
    poise_tensor in[OT_MAX], out[OT_MAX];
    ps_kernels k;
    f.scale = 0;
    for (int i = 0; i < t->n_in; i++) {
        if (!t->in[i] || t->in[i]->scale == 0) continue;
        in[i] = ot_tensor(POISE_F32, t->in[i]->rank, t->in[i]->dim, OT_ROW);
        for (size_t e = 0; e < poise_tensor_count(&in[i]); e++) ot_put(&in[i], e, real_at(t->in[i], e));
        f.in[i] = &in[i];
    }
    assert_int_equal(ot_infer(&f, out), POISE_OK);
    for (int j = 0; j < t->n_out; j++) out[j] = ot_tensor(out[j].type, out[j].rank, out[j].dim, OT_ROW);
    ps_kernels_select(&k, 0);
    assert_true(ot_run(&f, &k, 1, out));
    for (int j = 0; j < t->n_out; j++)
        for (size_t e = 0; e < poise_tensor_count(&out[j]); e++) put_real(&want[j], e, ot_at(&out[j], e));
}

/* To codes of this scale, and to floats. */
static void check_near(ot_case t, double scale, int32_t zero)
{
    t.scale = (float)scale;
    t.zero = zero;
    t.abs = near;
    t.rel = 0;
    ot_check(&t, on_floats);
    t.scale = 0;
    t.zero = 0;
    t.abs = 255 * scale * 1e-5;
    t.rel = 1e-5;
    ot_check(&t, on_floats);
}

static int random_dims(int32_t *dim)
{
    int rank = ot_between(0, 5);
    for (int i = 0; i < rank; i++) dim[i] = ot_between(1, i == rank - 1 ? 37 : 5);
    return rank;
}

/* ---- lookup ---- */

static void from_table(const ot_case *t, const poise_tensor *want)
{
    for (size_t i = 0; i < poise_tensor_count(want); i++) ot_put(want, i, ot_at(t->in[1], (size_t)ot_at(t->in[0], i)));
}

static void lookup(void **state)
{
    (void)state;
    const int32_t n = 256;
    int32_t dim[POISE_MAX_DIMS];
    for (int r = 0; r < 3 * ROUNDS; r++) {
        int rank = random_dims(dim);
        poise_tensor x = random_codes(rank, dim, 1);
        poise_tensor table = ot_random_tensor(POISE_U8, 1, &n, r % 2 ? OT_ROW : OT_STRIDED, 0, 255);
        if (r % 3 == 0) x.scale = 0, x.zero = 0;
        ot_case t = {.op = &ps_op_lookup, .n_in = 2, .n_out = 1, .in = {&x, &table}, .constants = r % 2 ? 2 : 0,
                     .scale = r % 5 ? 0.5f : 0};
        ot_check(&t, from_table);
        poise_tensor own = ot_random_tensor(POISE_U8, rank, dim, (ot_layout)(r % OT_OUT_LAYOUTS), 0, 255);
        t.in[0] = &own;
        ot_check_inplace(&t, 0, from_table);
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_U8, 1, &n, OT_ROW), few = ot_tensor(POISE_U8, 1, (int32_t[]){255}, OT_ROW), set = x;
    set.scale = 1;
    ot_refuse(&(ot_case){.op = &ps_op_lookup, .n_in = 2, .n_out = 1, .in = {&x, &few}}, "the table is 255, must be 256");
    ot_refuse(&(ot_case){.op = &ps_op_lookup, .n_in = 2, .n_out = 1, .in = {&x, &set}}, "the table has a scale");
    ot_free_all();
}

/* ---- element by element ---- */

static void unary(void **state)
{
    (void)state;
    int32_t dim[POISE_MAX_DIMS];
    for (int32_t kind = 0; kind < PS_UNARY_NOT; kind++) {
        if (kind >= PS_ACT_COUNT && kind < PS_UNARY_ABS) continue;
        ps_unary_params p = {kind, 0.25f, 1.5f};
        poise_tensor x = random_codes(random_dims(dim), dim, 0.02);
        bool positive = kind == PS_UNARY_SQRT || kind == PS_UNARY_LOG || kind == PS_UNARY_RECIPROCAL;
        if (positive) {
            x.zero = 0;
            for (size_t i = 0; i < poise_tensor_count(&x); i++) ot_put(&x, i, fmax(ot_at(&x, i), 1));
        }
        if (kind == PS_UNARY_ASIN || kind == PS_UNARY_ACOS || kind == PS_UNARY_ATANH) set_scale(&x, 0.007, 127);
        if (kind == PS_UNARY_ACOSH) set_scale(&x, 0.02, 0);
        if (kind == PS_UNARY_ACOSH)
            for (size_t i = 0; i < poise_tensor_count(&x); i++) ot_put(&x, i, fmax(ot_at(&x, i), 60));
        if (kind == PS_UNARY_TAN) set_scale(&x, 0.01, 128);
        ot_case t = {.op = &ps_op_unary, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        check_near(t, 0.03, ot_between(0, 200));
        ot_free_all();
    }
    const int32_t n = 4;
    poise_tensor x = ot_tensor(POISE_U8, 1, &n, OT_ROW);
    set_scale(&x, 1, 0);
    ps_unary_params p = {PS_UNARY_BIT_NOT, 0, 0};
    ot_refuse(&(ot_case){.op = &ps_op_unary, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}}, "bit not of quantised u8");
    x.type = POISE_I8;
    p.kind = PS_ACT_RELU;
    ot_refuse(&(ot_case){.op = &ps_op_unary, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}}, "quantised i8");
    ot_free_all();
}

/* Dimensions that broadcast: some of one input are 1, or missing in front. */
static int broadcast_of(int rank, const int32_t *dim, int32_t *other)
{
    int drop = rank ? ot_between(0, rank) * (int)ot_random(2) : 0;
    for (int i = drop; i < rank; i++) other[i - drop] = ot_random(3) ? dim[i] : 1;
    return rank - drop;
}

static void binary(void **state)
{
    (void)state;
    int32_t dim[POISE_MAX_DIMS], other[POISE_MAX_DIMS];
    for (int32_t kind = 0; kind <= PS_BINARY_PRELU; kind++) {
        for (int r = 0; r < ROUNDS; r++) {
            ps_binary_params p = {kind};
            int rank = random_dims(dim), fewer = r % 3 ? broadcast_of(rank, dim, other) : rank;
            if (r % 3 == 0) memcpy(other, dim, sizeof other);
            if (r % 7 == 1) fewer = 0;
            poise_tensor x = random_reals(rank, dim, 0.02, r % 4 != 3), y = random_reals(fewer, other, 0.02, r % 4 != 2);
            if (kind >= PS_BINARY_DIV && kind <= PS_BINARY_FMOD && kind != PS_BINARY_MIN && kind != PS_BINARY_MAX) {
                if (x.scale == 0 || y.scale == 0) continue; /* positive, and not zero */
                x.zero = y.zero = 0;
                for (size_t i = 0; i < poise_tensor_count(&x); i++) ot_put(&x, i, fmax(ot_at(&x, i), 1));
                for (size_t i = 0; i < poise_tensor_count(&y); i++) ot_put(&y, i, fmax(ot_at(&y, i), 40));
            }
            bool remainder = kind == PS_BINARY_MOD || kind == PS_BINARY_FMOD; /* jumps where floats meet */
            ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &y}};
            if (r % 7 == 1) {
                y = ot_random_tensor(y.type, 0, other, OT_ROW, 50, 60);
                if (r % 4 != 2) set_scale(&y, 0.02, 0);
                t.constants = 2;
            }
            if (r % 2 && !remainder) t.in[0] = &y, t.in[1] = &x, t.constants >>= 1;
            if (r % 2 && kind >= PS_BINARY_DIV && kind != PS_BINARY_PRELU) continue;
            check_near(t, 0.04, ot_between(0, 200));
            ot_free_all();
        }
    }
}

static void compared(const ot_case *t, const poise_tensor *want)
{
    const ps_binary_params *p = t->params;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        float a = (float)real_at(t->in[0], i), b = (float)real_at(t->in[1], i);
        bool less = a < b, same = a == b;
        bool yes[] = {same, !less && !same, !less, less, less || same};
        ot_put(want, i, yes[p->kind - PS_BINARY_EQUAL]);
    }
}

static void comparisons(void **state)
{
    (void)state;
    int32_t dim[POISE_MAX_DIMS];
    for (int r = 0; r < 4 * ROUNDS; r++) {
        ps_binary_params p = {PS_BINARY_EQUAL + r % 5};
        int rank = random_dims(dim);
        poise_tensor x = random_codes(rank, dim, 0.02), y = random_codes(rank, dim, 0.02);
        if (r % 2) set_scale(&y, (double)x.scale, x.zero);
        for (size_t i = 0; i < poise_tensor_count(&y) && y.stride[0] > 0 && rank; i += 3) ot_put(&y, i, ot_at(&x, i));
        ot_case t = {.op = &ps_op_binary, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &y}};
        ot_check(&t, compared);
        ot_free_all();
    }
}

static void choice(void **state)
{
    (void)state;
    int32_t dim[POISE_MAX_DIMS], other[POISE_MAX_DIMS];
    for (int r = 0; r < ROUNDS; r++) {
        int rank = random_dims(dim), fewer = broadcast_of(rank, dim, other);
        poise_tensor c = ot_random_tensor(POISE_BOOL, rank, dim, OT_ROW, 0, 1), x = random_reals(fewer, other, 0.02, r % 3 != 0);
        poise_tensor y = random_reals(rank, dim, 0.02, r % 3 != 1);
        ot_case t = {.op = &ps_op_where, .n_in = 3, .n_out = 1, .in = {&c, &x, &y}};
        if (r % 4 == 2 && x.scale > 0 && y.scale > 0) set_scale(&y, (double)x.scale, x.zero);
        check_near(t, (double)(x.scale > 0 ? x.scale : y.scale), x.scale > 0 ? x.zero : y.zero);
        ot_free_all();
    }
}

/* ---- what moves elements ---- */

static void concat(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4] = {2, 3, 5, 7}, axis = r % 4;
        poise_tensor x[3];
        for (int i = 0; i < 3; i++) {
            dim[axis] = ot_between(1, 9);
            x[i] = random_reals(4, dim, 0.02, !(r % 3 == 2 && i == 1));
            if (r % 3 == 0 && i) set_scale(&x[i], (double)x[0].scale, x[0].zero);
        }
        ps_axis_params p = {axis};
        ot_case t = {.op = &ps_op_concat, .params = &p, .n_in = 3, .n_out = 1, .in = {&x[0], &x[1], &x[2]},
                     .scale = x[0].scale, .zero = x[0].zero, .abs = near};
        ot_check(&t, on_floats);
        if (r % 3) {
            t.scale = 0;
            t.abs = 1e-4;
        }
        ot_check(&t, on_floats);
        ot_free_all();
    }
}

static void same_scale(const ot_case *t, const poise_tensor *want)
{
    assert_true(want->scale == t->in[0]->scale && want->zero == t->in[0]->zero);
    on_floats(t, want);
}

static void padding(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        const int32_t dim[3] = {4, 5, 6};
        poise_tensor x = random_codes(3, dim, 0.02), v = random_reals(0, dim, 0.02, r % 3 == 1);
        ps_pad_params p = {.mode = r % 4, .rank = 3, .begin = {1, 0, -1}, .end = {2, 3, 1}};
        if (r % 3 == 2) v = ot_random_tensor(POISE_F32, 0, dim, OT_ROW, -1, 1);
        ot_case t = {.op = &ps_op_pad, .params = &p, .n_in = r % 3 ? 2 : 1, .n_out = 1, .in = {&x, r % 3 ? &v : NULL}, .abs = near};
        if (v.type == POISE_F32) ot_check(&t, same_scale);
        else if (p.mode) ot_check(&t, same_scale);
        ot_free_all();
    }
}

static void scatter(void **state)
{
    (void)state;
    const int32_t dim[2] = {9, 7}, some[2] = {3, 7}, n[2] = {3, 1};
    const double rows[3] = {4, 0, 7};
    for (int r = 0; r < ROUNDS; r++) {
        poise_tensor x = random_codes(2, dim, 0.02), u = random_reals(2, some, 0.02, r % 3 != 0);
        poise_tensor at = ot_tensor_of(POISE_I64, 2, n, rows);
        ps_scatter_params p = {0, r % 5};
        ot_case t = {.op = &ps_op_scatter_nd, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &at, &u}};
        if (r % 2 && u.scale > 0) set_scale(&u, (double)x.scale, x.zero);
        check_near(t, (double)x.scale, x.zero);
        poise_tensor each = ot_random_tensor(POISE_I64, 2, some, OT_ROW, 0, 0);
        for (size_t i = 0; i < 21; i++) ot_put(&each, i, rows[i / 7]);
        t.op = &ps_op_scatter_elements;
        t.in[1] = &each;
        check_near(t, (double)x.scale, x.zero);
        ot_free_all();
    }
}

/* Indices are those of floats; values stay codes. */
static void order(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        const int32_t dim[3] = {4, 17, 5};
        poise_tensor x = random_codes(3, dim, 0.02);
        ps_arg_reduce_params a = {r % 3, r / 3 % 2, r % 2, r / 2 % 2};
        ot_check(&(ot_case){.op = &ps_op_arg_reduce, .params = &a, .n_in = 1, .n_out = 1, .in = {&x}}, on_floats);
        ps_top_k_params p = {r % 3, 3, r % 2, 1};
        ot_check(&(ot_case){.op = &ps_op_top_k, .params = &p, .n_in = 1, .n_out = 2, .in = {&x}, .abs = 1e-3}, same_scale);
        ot_free_all();
    }
}

/* ---- windows ---- */

static ps_pool_params random_pool(int kind)
{
    ps_pool_params p = {.kind = kind, .ceil_mode = (int32_t)ot_random(2), .count_include_pad = (int32_t)ot_random(2), .p = 2};
    for (int d = 0; d < 2; d++) {
        p.kernel[d] = ot_between(1, 5);
        p.stride[d] = ot_between(1, 3);
        p.dilation[d] = ot_between(1, 2);
        p.pad[d] = ot_between(0, p.kernel[d] - 1);
        p.pad[d + 2] = ot_between(0, p.kernel[d] - 1);
    }
    return p;
}

static void pool(void **state)
{
    (void)state;
    for (int r = 0; r < 4 * ROUNDS; r++) {
        const int32_t dim[4] = {ot_between(1, 2), ot_between(1, 40), ot_between(9, 20), ot_between(9, 20)};
        ps_pool_params p = random_pool(r % 3);
        if (r % 9 == 3) p = (ps_pool_params){.kernel = {5, 5}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {2, 2, 2, 2}};
        if (r % 9 == 6) p = (ps_pool_params){.kernel = {9, 9}, .stride = {2, 1}, .dilation = {1, 1}};
        if (r % 9 == 1) p = (ps_pool_params){.kind = PS_POOL_AVERAGE, .kernel = {dim[2], dim[3]}, .stride = {1, 1}, .dilation = {1, 1}};
        poise_tensor x = random_codes(4, dim, 0.02);
        if (r % 2) { /* what convolutions give */
            x = ot_random_tensor(POISE_U8, 4, dim, r % 4 == 1 ? OT_LAST : OT_LAST_GAP, 0, 255);
            set_scale(&x, 0.02, 100);
        }
        ot_case t = {.op = &ps_op_pool, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = near,
                     .scale = 0.03f * (p.kind == PS_POOL_LP ? 5 : 1), .zero = 90};
        if (r % 2 == 0 && p.kind == PS_POOL_MAX) t.scale = 0; /* keeps that of the input */
        ot_check(&t, on_floats);
        t.scale = 0;
        if (p.kind == PS_POOL_MAX) t.abs = 1e-3;
        else t.abs = 1e-4;
        ot_check(&t, p.kind == PS_POOL_MAX ? same_scale : on_floats);
        ot_free_all();
    }
}

static void resize(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        const int32_t dim[4] = {ot_between(1, 2), ot_between(1, 40), ot_between(3, 9), ot_between(3, 9)};
        ps_resize_params p = {.mode = r % 3, .coord = (int32_t)ot_random(7), .nearest = (int32_t)ot_random(4), .cubic_a = -0.75f,
                              .extrapolation = 0.5f, .rank = 4, .scale = {1, 1, 1, 1}};
        for (int d = 0; d < 4; d++) {
            bool moves = d > 1 || r % 5 == 4;
            p.dim[d] = moves ? 2 * dim[d] - (int32_t)ot_random(2) : dim[d];
            p.scale[d] = (float)p.dim[d] / (float)dim[d];
            p.roi[d] = -0.1f;
            p.roi[d + 4] = 0.9f;
        }
        poise_tensor x = random_codes(4, dim, 0.02);
        if (r % 2) {
            x = ot_random_tensor(POISE_U8, 4, dim, r % 4 == 1 ? OT_LAST : OT_LAST_GAP, 0, 255);
            set_scale(&x, 0.02, 100);
        }
        ot_case t = {.op = &ps_op_resize, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        if (p.mode == PS_RESIZE_NEAREST) {
            t.abs = p.coord == PS_COORD_TF_CROP ? near : 1e-3;
            ot_check(&t, same_scale);
        } else {
            check_near(t, 0.03, 80);
        }
        ot_free_all();
    }
}

/* ---- sums and norms ---- */

static void reductions(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        const int32_t dim[4] = {2, ot_between(1, 40), ot_between(2, 9), ot_between(2, 9)};
        for (int kind = 0; kind < PS_REDUCE_COUNT; kind++) {
            ps_reduce_params p = {kind, (int32_t)ot_random(16), (int32_t)ot_random(2)};
            poise_tensor x = random_codes(4, dim, 0.02);
            if (kind == PS_REDUCE_PROD || kind == PS_REDUCE_LOG_SUM) continue;
            if (r % 2 == 0) p.axes = 12;
            double n = 1;
            for (int d = 0; d < 4; d++) n *= p.axes >> d & 1 ? dim[d] : 1;
            bool sums = kind == PS_REDUCE_SUM || kind == PS_REDUCE_L1 || kind == PS_REDUCE_SUM_SQUARE;
            ot_case t = {.op = &ps_op_reduce, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
            check_near(t, sums ? 0.03 * n : kind == PS_REDUCE_L2 ? 0.03 * sqrt(n) : 0.03, 60);
            ot_free_all();
        }
    }
}

static void softmaxes(void **state)
{
    (void)state;
    for (int r = 0; r < 3 * ROUNDS; r++) {
        const int32_t dim[3] = {ot_between(1, 5), ot_between(1, 300), ot_between(1, 20)};
        ps_softmax_params p = {r % 5 == 4 ? PS_LOG_SOFTMAX : PS_SOFTMAX, r % 3};
        poise_tensor x = random_codes(3, dim, r % 2 ? 0.02 : 0.2);
        ot_case t = {.op = &ps_op_softmax, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        check_near(t, p.kind == PS_LOG_SOFTMAX ? 0.3 : 1.0 / 256, p.kind == PS_LOG_SOFTMAX ? 255 : 0);
        ot_free_all();
    }
}

static void norms(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        const int32_t dim[4] = {2, 12, ot_between(1, 9), ot_between(2, 40)}, *last = &dim[3], *channels = &dim[1];
        poise_tensor x = random_codes(4, dim, 0.02);
        poise_tensor s = ot_random_tensor(POISE_F32, 1, last, OT_ROW, 0.5, 2), b = ot_random_tensor(POISE_F32, 1, last, OT_ROW, -1, 1);
        poise_tensor cs = ot_random_tensor(POISE_F32, 1, channels, OT_ROW, 0.5, 2);
        poise_tensor cb = ot_random_tensor(POISE_F32, 1, channels, OT_ROW, -1, 1);
        ps_layer_norm_params layer = {3, 1e-5f};
        check_near((ot_case){.op = &ps_op_layer_norm, .params = &layer, .n_in = 3, .n_out = 1, .in = {&x, &s, &b}}, 0.04, 128);
        ps_group_norm_params group = {4, 1e-5f};
        check_near((ot_case){.op = &ps_op_group_norm, .params = &group, .n_in = 3, .n_out = 1, .in = {&x, &cs, &cb}}, 0.04, 128);
        ps_affine_params affine = {{PS_ACT_SILU, 0, 0, 0}};
        check_near((ot_case){.op = &ps_op_affine, .params = &affine, .n_in = 3, .n_out = 1, .in = {&x, &cs, &cb}}, 0.04, 100);
        ps_lp_norm_params lp = {r % 4, 1 + r % 2};
        check_near((ot_case){.op = &ps_op_lp_norm, .params = &lp, .n_in = 1, .n_out = 1, .in = {&x}}, 0.008, 128);
        ps_lrn_params lrn = {5, 0.01f, 0.75f, 1};
        check_near((ot_case){.op = &ps_op_lrn, .params = &lrn, .n_in = 1, .n_out = 1, .in = {&x}}, 0.03, 128);
        ps_cum_sum_params sum = {r % 4, r % 2, r / 2 % 2};
        check_near((ot_case){.op = &ps_op_cum_sum, .params = &sum, .n_in = 1, .n_out = 1, .in = {&x}}, 0.3, 128);
        ps_axis_params axis = {3};
        check_near((ot_case){.op = &ps_op_soft_argmax, .params = &axis, .n_in = 2, .n_out = 1, .in = {&x, &s}, .constants = 2}, 0.01, 3);
        ot_free_all();
    }
}

static void samples(void **state)
{
    (void)state;
    const int32_t dim[4] = {1, 6, 7, 8}, points[4] = {1, 5, 4, 2};
    poise_tensor x = random_codes(4, dim, 0.02), grid = ot_random_tensor(POISE_F32, 4, points, OT_ROW, -1.2, 1.2);
    ps_grid_sample_params p = {PS_GRID_LINEAR, PS_BORDER_ZEROS, 0};
    check_near((ot_case){.op = &ps_op_grid_sample, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &grid}}, 0.03, 128);
    ot_free_all();
}

static void nothing(const ot_case *t, const poise_tensor *want)
{
    assert_int_equal(poise_tensor_count(want), 0);
    (void)t;
}

/* Nothing is done to tensors without elements. */
static void empty(void **state)
{
    (void)state;
    const int32_t dim[3] = {3, 0, 2}, n = 256;
    poise_tensor x = random_codes(3, dim, 0.02), y = random_codes(3, dim, 0.02), table = ot_random_tensor(POISE_U8, 1, &n, OT_ROW, 0, 255);
    ps_binary_params add = {PS_BINARY_ADD};
    ps_unary_params silu = {PS_ACT_SILU, 0, 0};
    ps_softmax_params softmax = {PS_SOFTMAX, 2};
    ps_quantize_params q = {POISE_U8, 0};
    ps_reduce_params mean = {PS_REDUCE_MEAN, 4, 1};
    const ot_case cases[] = {
        {.op = &ps_op_lookup, .n_in = 2, .n_out = 1, .in = {&x, &table}},
        {.op = &ps_op_binary, .params = &add, .n_in = 2, .n_out = 1, .in = {&x, &y}, .scale = 0.02f},
        {.op = &ps_op_unary, .params = &silu, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 0.02f},
        {.op = &ps_op_softmax, .params = &softmax, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 0.02f},
        {.op = &ps_op_quantize, .params = &q, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 0.5f},
        {.op = &ps_op_reduce, .params = &mean, .n_in = 1, .n_out = 1, .in = {&x}, .scale = 0.5f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) ot_check(&cases[i], nothing);
    ot_free_all();
}

/* ---- in a graph: what can stand in a concatenation is written there, what is quantised otherwise is copied ---- */

static int32_t codes_node(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in, float scale, int32_t zero)
{
    int32_t y;
    assert_int_equal(ps_graph_value(g, "q", &y), POISE_OK);
    g->values[y].scale = scale;
    g->values[y].zero = zero;
    assert_int_equal(ps_graph_node(g, op, "n", params, n_in, in, 1, &y), POISE_OK);
    assert_int_equal(ps_graph_infer(g, g->n_nodes - 1), POISE_OK);
    return y;
}

static void places(void **state)
{
    (void)state;
    enum { C = 4, PLANE = 36 };
    ps_graph g = {0};
    int32_t x = gb_input(&g, GB_DIMS(1, C, 6, 6));
    int32_t q = codes_node(&g, &ps_op_quantize, &(ps_quantize_params){POISE_U8, 0}, 1, &x, 0.01f, 128);
    int32_t same = codes_node(&g, &ps_op_unary, &(ps_unary_params){PS_ACT_RELU, 0, 0}, 1, &q, 0.01f, 128);
    int32_t other = codes_node(&g, &ps_op_unary, &(ps_unary_params){PS_UNARY_NEG, 0, 0}, 1, &q, 0.02f, 100);
    int32_t all = codes_node(&g, &ps_op_concat, &(ps_axis_params){1}, 3, (int32_t[]){same, other, q}, 0.01f, 128);
    gb_output(&g, codes_node(&g, &ps_op_quantize, &(ps_quantize_params){POISE_F32, 0}, 1, &all, 0, 0));
    void *bytes;
    size_t size;
    poise_model *m;
    poise_session *s;
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    ps_graph_free(&g);
    assert_int_equal(ps_model_adopt(bytes, size, NULL, &(poise_options){.threads = 2}, &m), POISE_OK);
    assert_int_equal(m->plan.places[same].block, m->plan.places[all].block);
    assert_int_not_equal(m->plan.places[other].block, m->plan.places[all].block);
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    float values[C * PLANE], got[3 * C * PLANE];
    for (int i = 0; i < C * PLANE; i++) values[i] = (float)(i * 37 % 101) / 50 - 1;
    poise_tensor_write(poise_session_input(s, 0), values);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), got);
    for (int i = 0; i < C * PLANE; i++) {
        assert_true(fabs((double)got[i] - fmax((double)values[i], 0)) < 0.0051);
        assert_true(fabs((double)got[i + C * PLANE] + (double)values[i]) < 0.0202);
        assert_true(fabs((double)got[i + 2 * C * PLANE] - (double)values[i]) < 0.0051);
    }
    poise_session_close(s);
    poise_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup),    cmocka_unit_test(unary),   cmocka_unit_test(binary),     cmocka_unit_test(comparisons),
        cmocka_unit_test(choice),    cmocka_unit_test(concat),  cmocka_unit_test(padding),    cmocka_unit_test(scatter),
        cmocka_unit_test(order),     cmocka_unit_test(pool),    cmocka_unit_test(resize),     cmocka_unit_test(reductions),
        cmocka_unit_test(softmaxes), cmocka_unit_test(norms),   cmocka_unit_test(samples),   cmocka_unit_test(places),     cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests_name("quantised", tests, NULL, NULL);
}
