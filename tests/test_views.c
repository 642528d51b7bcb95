/* tests/test_views.c - reshape, transpose, slice, expand, tile, pad, concat: as copies and as views. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <string.h>

static const poise_type sizes[] = {POISE_F32, POISE_I64, POISE_U8, POISE_F16};
enum { ROUNDS = 12 };

static int32_t random_dims(int rank, int32_t most, int32_t *dim)
{
    int32_t n = 1;
    for (int i = 0; i < rank; i++) n *= dim[i] = ot_between(1, most);
    return n;
}

static poise_tensor random_input(int round, int rank, const int32_t *dim)
{
    return ot_random_tensor(sizes[round % 4], rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 0, 100);
}

/* A view must show what a copy holds. */
static bool check_view(const ot_case *t, ot_oracle *oracle)
{
    poise_tensor y;
    ptrdiff_t offset = 0;
    assert_int_equal(ot_infer(t, &y), POISE_OK);
    if (!t->op->view(t->params, t->in[0], &y, &offset)) return false;
    y.data = (char *)t->in[0]->data + offset * (ptrdiff_t)poise_type_size(y.type);
    poise_tensor want = ot_tensor(POISE_F64, y.rank, y.dim, OT_ROW);
    oracle(t, &want);
    for (size_t i = 0; i < poise_tensor_count(&y); i++)
        if (ot_at(&y, i) != ot_at(&want, i)) fail_msg("%s: element %zu of the view", t->op->name, i);
    return true;
}

/* ---- reshape ---- */

static void same_elements(const ot_case *t, const poise_tensor *want)
{
    for (size_t i = 0; i < poise_tensor_count(want); i++) ot_put(want, i, ot_at(t->in[0], i));
}

/* The factors of n in a random order, in at most 5 dimensions. */
static ps_shape_params random_shape(int32_t n)
{
    ps_shape_params p = {.rank = 5, .dim = {1, 1, 1, 1, 1}};
    for (int32_t f = 2; n > 1; f++)
        for (; n % f == 0; n /= f) p.dim[ot_random(5)] *= f;
    return p;
}

static void reshape(void **state)
{
    (void)state;
    for (int r = 0; r < 4 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(0, 4), n = random_dims(rank, 7, dim);
        poise_tensor x = random_input(r, rank, dim);
        ps_shape_params p = random_shape(n);
        ot_case t = {.op = &ps_op_reshape, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, same_elements);
        check_view(&t, same_elements);
        ot_free_all();
    }
}

static void reshape_case(bool is_view, int rank, const int32_t *from, ot_layout layout, ps_shape_params p)
{
    poise_tensor x = ot_random_tensor(POISE_F32, rank, from, layout, -1, 1);
    ot_case t = {.op = &ps_op_reshape, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    assert_int_equal(check_view(&t, same_elements), is_view);
    ot_check(&t, same_elements);
    ot_free_all();
}

static void reshape_views(void **state)
{
    (void)state;
    reshape_case(true, 4, (int32_t[]){1, 6, 5, 4}, OT_LAST, (ps_shape_params){3, {1, 6, 20}});
    reshape_case(true, 3, (int32_t[]){1, 8, 21}, OT_LAST, (ps_shape_params){4, {1, 2, 4, 21}});
    reshape_case(true, 4, (int32_t[]){1, 6, 5, 4}, OT_LAST_GAP, (ps_shape_params){5, {1, 2, 3, 1, 20}});
    reshape_case(true, 4, (int32_t[]){2, 6, 5, 4}, OT_ROW, (ps_shape_params){1, {240}});
    reshape_case(true, 2, (int32_t[]){2, 3}, OT_ROW, (ps_shape_params){2, {3, 2}});
    reshape_case(true, 3, (int32_t[]){2, 3, 4}, OT_REVERSED, (ps_shape_params){2, {6, 4}});
    reshape_case(true, 1, (int32_t[]){1}, OT_ROW, (ps_shape_params){0, {0}});
    reshape_case(true, 0, NULL, OT_ROW, (ps_shape_params){2, {1, 1}});
    reshape_case(false, 4, (int32_t[]){1, 6, 5, 4}, OT_LAST, (ps_shape_params){2, {1, 120}});
    reshape_case(false, 4, (int32_t[]){1, 6, 5, 4}, OT_LAST, (ps_shape_params){3, {1, 4, 30}});
    reshape_case(false, 2, (int32_t[]){6, 4}, OT_ROW_GAP, (ps_shape_params){2, {4, 6}});
}

static void reshape_rules(void **state)
{
    (void)state;
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){4, 6}, OT_ROW);
    ps_shape_params p = {2, {5, 5}}, q = {9, {0}}, s = {2, {-4, -6}};
    ot_case t = {.op = &ps_op_reshape, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "4x6 cannot become 5x5");
    t.params = &q;
    ot_refuse(&t, "rank 9");
    t.params = &s;
    ot_refuse(&t, "illegal");
    ot_free_all();
}

/* ---- transpose ---- */

static void transposed(const ot_case *t, const poise_tensor *want)
{
    const ps_transpose_params *p = t->params;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8], from[8];
        ot_index(want, i, at);
        for (int d = 0; d < p->rank; d++) from[p->perm[d]] = at[d];
        ot_put(want, i, ot_get(t->in[0], from));
    }
}

static void transpose(void **state)
{
    (void)state;
    for (int r = 0; r < 3 * ROUNDS; r++) {
        int32_t dim[5], rank = ot_between(1, 5);
        random_dims(rank, r % 5 ? 5 : 3, dim);
        if (rank == 2) dim[0] = 37, dim[1] = 150; /* larger than a tile of the kernel */
        poise_tensor x = random_input(r, rank, dim);
        ps_transpose_params p = {.rank = rank};
        for (int i = 0; i < rank; i++) p.perm[i] = i;
        for (int i = rank; i-- > 1;) {
            int32_t j = (int32_t)ot_random((uint32_t)i + 1), v = p.perm[i];
            p.perm[i] = p.perm[j], p.perm[j] = v;
        }
        ot_case t = {.op = &ps_op_transpose, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, transposed);
        assert_true(check_view(&t, transposed));
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW);
    ps_transpose_params p = {2, {1, 1}}, q = {3, {0, 1, 2}};
    ot_case t = {.op = &ps_op_transpose, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "perm[1] = 1");
    t.params = &q;
    ot_refuse(&t, "rank 2");
    ot_free_all();
}

/* Copies that are shared among threads and cut into tiles: larger than the least work of a thread. */
static void large_copies(void **state)
{
    (void)state;
    for (int r = 0; r < 4; r++) {
        poise_tensor x =
            ot_random_tensor(sizes[r], 3, (int32_t[]){1, 37, 700}, r % 2 ? OT_ROW_GAP : OT_ROW, 0, 100);
        ps_transpose_params p = {3, {2, 0, 1}};
        ot_case t = {.op = &ps_op_transpose, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, transposed);
        ot_free_all();
    }
}

/* ---- slice ---- */

static void sliced(const ot_case *t, const poise_tensor *want)
{
    const ps_slice_params *p = t->params;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8];
        ot_index(want, i, at);
        for (int d = 0; d < p->rank; d++) at[d] = p->start[d] + at[d] * p->step[d];
        ot_put(want, i, ot_get(t->in[0], at));
    }
}

static void slice(void **state)
{
    (void)state;
    for (int r = 0; r < 3 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(1, 4);
        random_dims(rank, 9, dim);
        poise_tensor x = random_input(r, rank, dim);
        ps_slice_params p = {.rank = rank};
        for (int i = 0; i < rank; i++) {
            int32_t step = ot_between(1, 3), most = (dim[i] - 1) / step + 1, back = (int32_t)ot_random(2);
            p.size[i] = ot_between(r % 7 ? 1 : 0, most);
            p.start[i] = back ? dim[i] - 1 : 0;
            p.step[i] = back ? -step : step;
        }
        ot_case t = {.op = &ps_op_slice, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, sliced);
        assert_true(check_view(&t, sliced));
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 1, (int32_t[]){5}, OT_ROW);
    ps_slice_params p = {1, {2}, {2}, {3}}, q = {1, {0}, {0}, {1}}, s = {1, {4}, {-2147483647 - 1}, {3}};
    ot_case t = {.op = &ps_op_slice, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "leave dimension 0 of 5");
    t.params = &q;
    ot_refuse(&t, "step 0");
    t.params = &s;
    ot_refuse(&t, "leave dimension 0");
    ot_free_all();
}

/* ---- expand and tile ---- */

static void repeated(const ot_case *t, const poise_tensor *want)
{
    const poise_tensor *x = t->in[0];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8], from[8];
        ot_index(want, i, at);
        for (int d = 0; d < x->rank; d++) from[d] = at[d + want->rank - x->rank] % x->dim[d];
        ot_put(want, i, ot_get(x, from));
    }
}

static void expand(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(0, 3), more = ot_between(0, 2);
        random_dims(rank, 4, dim);
        ps_shape_params p = {.rank = rank + more};
        random_dims(more, 4, p.dim);
        for (int i = 0; i < rank; i++) {
            p.dim[more + i] = dim[i];
            if (ot_random(2)) dim[i] = 1;
        }
        poise_tensor x = random_input(r, rank, dim);
        ot_case t = {.op = &ps_op_expand, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, repeated);
        assert_true(check_view(&t, repeated));
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW);
    ps_shape_params p = {2, {4, 3}};
    ot_case t = {.op = &ps_op_expand, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "2x3 cannot be expanded to 4x3");
    ot_free_all();
}

static void tile(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(0, 4);
        random_dims(rank, 4, dim);
        ps_shape_params p = {.rank = rank};
        for (int i = 0; i < rank; i++) p.dim[i] = ot_between(1, 3);
        poise_tensor x = random_input(r, rank, dim);
        ot_case t = {.op = &ps_op_tile, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, repeated);
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 1, (int32_t[]){1000}, OT_ROW);
    ps_shape_params p = {1, {2147483647}};
    ot_case t = {.op = &ps_op_tile, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "2147483647 repeats");
    ot_free_all();
}

/* ---- pad ---- */

static bool padded_from(int mode, int32_t begin, int32_t n, int32_t *at)
{
    int32_t i = *at - begin;
    if (i < 0 || i >= n) {
        if (mode == PS_PAD_CONSTANT) return false;
        if (mode == PS_PAD_EDGE) i = i < 0 ? 0 : n - 1;
        while (mode == PS_PAD_WRAP && i < 0) i += n;
        while (mode == PS_PAD_WRAP && i >= n) i -= n;
        while (mode == PS_PAD_REFLECT && (i < 0 || i >= n)) i = n == 1 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
    }
    *at = i;
    return true;
}

static void padded(const ot_case *t, const poise_tensor *want)
{
    const ps_pad_params *p = t->params;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8];
        bool inside = true;
        ot_index(want, i, at);
        for (int d = 0; d < p->rank; d++)
            inside &= padded_from(p->mode, p->begin[d], t->in[0]->dim[d], &at[d]);
        ot_put(want, i, inside ? ot_get(t->in[0], at) : t->in[1] ? ot_at(t->in[1], 0) : 0);
    }
}

static void pad(void **state)
{
    (void)state;
    for (int r = 0; r < 6 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(r % 4 == 3, 4);
        random_dims(rank, 5, dim);
        poise_tensor x = random_input(r / 4, rank, dim), v = ot_random_tensor(x.type, 0, NULL, OT_ROW, 1, 9);
        ps_pad_params p = {.mode = r % 4, .rank = rank};
        for (int i = 0; i < rank; i++) {
            p.begin[i] = ot_random(2) ? 0 : ot_between(-2, 6);
            p.end[i] = ot_random(2) ? 0 : ot_between(-2, 6);
            if (dim[i] + p.begin[i] + p.end[i] < 0) p.begin[i] = p.end[i] = 1;
        }
        ot_case t = {.op = &ps_op_pad, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, r % 3 ? &v : NULL}};
        ot_check(&t, padded);
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 1, (int32_t[]){5}, OT_ROW),
                 v = ot_tensor(POISE_I64, 0, NULL, OT_ROW);
    ps_pad_params p = {PS_PAD_CONSTANT, 1, {-3}, {-3}}, q = {PS_PAD_CONSTANT, 1, {1}, {1}};
    ot_case t = {.op = &ps_op_pad, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, NULL}};
    ot_refuse(&t, "5 elements between borders of -3 and -3");
    t.params = &q;
    t.in[1] = &v;
    ot_refuse(&t, "one element of f32");
    ot_free_all();
}

/* ---- concat ---- */

static void joined(const ot_case *t, const poise_tensor *want)
{
    int axis = ((const ps_axis_params *)t->params)->axis;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8];
        int k = 0;
        ot_index(want, i, at);
        for (; at[axis] >= t->in[k]->dim[axis]; k++) at[axis] -= t->in[k]->dim[axis];
        ot_put(want, i, ot_get(t->in[k], at));
    }
}

static void concat(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(1, 4), n = ot_between(1, 4);
        random_dims(rank, 5, dim);
        ps_axis_params p = {ot_between(0, rank - 1)};
        poise_tensor x[4];
        ot_case t = {.op = &ps_op_concat, .params = &p, .n_in = n, .n_out = 1};
        for (int i = 0; i < n; i++) {
            dim[p.axis] = ot_between(i ? 0 : 1, 5);
            x[i] = random_input(r, rank, dim);
            t.in[i] = &x[i];
        }
        ot_check(&t, joined);
        ot_free_all();
    }
}

/* Inputs that already lie in the output are left alone, whatever else they hold. */
static void concat_in_place(void **state)
{
    (void)state;
    poise_tensor y = ot_tensor(POISE_F32, 4, (int32_t[]){1, 7, 3, 2}, OT_LAST);
    poise_tensor a = ot_random_tensor(POISE_F32, 4, (int32_t[]){1, 3, 3, 2}, OT_ROW, 1, 2), b = y;
    b.dim[1] = 4;
    b.data = (float *)y.data + 3;
    for (size_t i = 0; i < poise_tensor_count(&b); i++) ot_put(&b, i, (double)i);
    ps_axis_params p = {1};
    ot_case t = {.op = &ps_op_concat, .params = &p, .n_in = 2, .n_out = 1, .in = {&a, &b}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ot_run(&t, &k, 1, &y);
    poise_tensor want = ot_tensor(POISE_F64, 4, y.dim, OT_ROW);
    joined(&t, &want);
    for (size_t i = 0; i < poise_tensor_count(&y); i++) assert_true(ot_at(&y, i) == ot_at(&want, i));
    ot_free_all();
}

static void concat_rules(void **state)
{
    (void)state;
    poise_tensor a = ot_tensor(POISE_F32, 2, (int32_t[]){2, 3}, OT_ROW),
                 b = ot_tensor(POISE_F32, 2, (int32_t[]){3, 3}, OT_ROW);
    poise_tensor c = ot_tensor(POISE_U8, 2, (int32_t[]){2, 3}, OT_ROW);
    ps_axis_params p = {1}, q = {2};
    ot_case t = {.op = &ps_op_concat, .params = &p, .n_in = 2, .n_out = 1, .in = {&a, &b}};
    ot_refuse(&t, "input 1 is 3x3");
    t.in[1] = &c;
    ot_refuse(&t, "input 1 is u8");
    t.params = &q;
    ot_refuse(&t, "axis 2");
    ot_free_all();
}

/* ---- data-dependent sizes ---- */

static int live_of(const ps_op *op, const void *params, int rank, const int32_t *dim, int axis)
{
    ps_value in = {.type = POISE_F32, .rank = rank, .live = 0, .live_axis = axis}, out = {0};
    memcpy(in.dim, dim, sizeof *dim * (size_t)rank);
    const ps_value *ins[] = {&in, NULL};
    ps_value *outs[] = {&out};
    assert_int_equal(op->infer(params, 1, ins, outs), POISE_OK);
    return op->live(params, 0, axis, ins, &out);
}

static void live(void **state)
{
    (void)state;
    const int32_t dim[] = {4, 30, 3};
    assert_int_equal(live_of(&ps_op_transpose, &(ps_transpose_params){3, {2, 1, 0}}, 3, dim, 0), 2);
    assert_int_equal(live_of(&ps_op_slice, &(ps_slice_params){3, {0}, {1, 1, 1}, {4, 30, 2}}, 3, dim, 1), 1);
    assert_int_equal(live_of(&ps_op_slice, &(ps_slice_params){3, {0}, {1, 1, 1}, {4, 30, 2}}, 3, dim, 2), -1);
    assert_int_equal(live_of(&ps_op_reshape, &(ps_shape_params){4, {2, 2, 30, 3}}, 3, dim, 1), 2);
    assert_int_equal(live_of(&ps_op_reshape, &(ps_shape_params){2, {120, 3}}, 3, dim, 1), -1);
    assert_int_equal(live_of(&ps_op_reshape, &(ps_shape_params){3, {1, 4, 90}}, 3, dim, 0), 1);
    assert_int_equal(live_of(&ps_op_expand, &(ps_shape_params){4, {5, 4, 30, 3}}, 3, dim, 1), 2);
    assert_int_equal(live_of(&ps_op_tile, &(ps_shape_params){3, {1, 2, 1}}, 3, dim, 0), 0);
    assert_int_equal(live_of(&ps_op_tile, &(ps_shape_params){3, {1, 2, 1}}, 3, dim, 1), -1);
    assert_int_equal(live_of(&ps_op_pad, &(ps_pad_params){0, 3, {0, 0, 1}, {0}}, 3, dim, 1), 1);
    assert_int_equal(live_of(&ps_op_pad, &(ps_pad_params){0, 3, {0, 0, 1}, {0}}, 3, dim, 2), -1);
    assert_int_equal(live_of(&ps_op_concat, &(ps_axis_params){2}, 3, dim, 1), 1);
    assert_int_equal(live_of(&ps_op_concat, &(ps_axis_params){1}, 3, dim, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshape),
        cmocka_unit_test(reshape_views),
        cmocka_unit_test(reshape_rules),
        cmocka_unit_test(transpose),
        cmocka_unit_test(large_copies),
        cmocka_unit_test(slice),
        cmocka_unit_test(expand),
        cmocka_unit_test(tile),
        cmocka_unit_test(pad),
        cmocka_unit_test(concat),
        cmocka_unit_test(concat_in_place),
        cmocka_unit_test(concat_rules),
        cmocka_unit_test(live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
