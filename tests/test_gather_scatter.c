/* tests/test_gather_scatter.c - gather, gather_nd, gather_elements, scatter_elements, scatter_nd, non_zero. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 30 };
static const poise_type sizes[] = {POISE_F32, POISE_I64, POISE_U8, POISE_F16};

static void random_dims(int rank, int32_t least, int32_t most, int32_t *dim)
{
    for (int i = 0; i < rank; i++) dim[i] = ot_between(least, most);
}

static poise_tensor random_data(int round, int rank, const int32_t *dim)
{
    return ot_random_tensor(sizes[round % 4], rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 0, 100);
}

static poise_tensor random_indices(int round, int rank, const int32_t *dim, int32_t n)
{
    poise_tensor t =
        ot_tensor(round % 2 ? POISE_I64 : POISE_I32, rank, dim, (ot_layout)ot_random(OT_REVERSED + 1));
    for (size_t i = 0; i < poise_tensor_count(&t); i++) ot_put(&t, i, ot_between(-n, n - 1));
    return t;
}

static int32_t index_at(const poise_tensor *t, const int32_t *at, int32_t n)
{
    int32_t i = (int32_t)ot_get(t, at);
    return i < 0 ? i + n : i;
}

/* ---- gather ---- */

static void gathered(const ot_case *t, const poise_tensor *want)
{
    int axis = ((const ps_axis_params *)t->params)->axis, more = t->in[1]->rank;
    const poise_tensor *x = t->in[0];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8], from[8] = {0};
        ot_index(want, i, at);
        for (int d = 0; d < x->rank; d++) from[d] = at[d < axis ? d : d - 1 + more + (d == axis)];
        from[axis] = index_at(t->in[1], at + axis, x->dim[axis]);
        ot_put(want, i, ot_get(x, from));
    }
}

static void gather(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        int32_t dim[4], many[2], rank = ot_between(1, 4);
        random_dims(rank, 1, 6, dim);
        random_dims(2, 1, 9, many);
        ps_axis_params p = {ot_between(0, rank - 1)};
        poise_tensor x = random_data(r, rank, dim),
                     i = random_indices(r, ot_between(0, 2), many, dim[p.axis]);
        ot_case t = {.op = &ps_op_gather, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
        ot_check(&t, gathered);
        ot_free_all();
    }
}

static void gather_large(void **state)
{
    (void)state;
    poise_tensor x = ot_random_tensor(POISE_F32, 2, (int32_t[]){70, 90}, OT_ROW, -1, 1);
    for (int axis = 0; axis < 2; axis++) {
        ps_axis_params p = {axis};
        poise_tensor i = random_indices(1, 1, (int32_t[]){600}, 70);
        ot_case t = {.op = &ps_op_gather, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
        ot_check(&t, gathered);
    }
    ot_free_all();
}

static void gather_rules(void **state)
{
    (void)state;
    poise_tensor x = ot_random_tensor(POISE_F32, 2, (int32_t[]){5, 3}, OT_ROW, -1, 1);
    poise_tensor i = ot_tensor_of(POISE_I64, 1, (int32_t[]){2}, (double[]){1, 5}),
                 f = ot_tensor(POISE_F32, 0, NULL, OT_ROW);
    ps_axis_params p = {0}, q = {2};
    ot_case t = {.op = &ps_op_gather, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}, .constants = 2};
    ot_refuse(&t, "index 5 is outside a dimension of 5");
    t.params = &q;
    ot_refuse(&t, "axis 2");
    t.params = &p;
    t.in[1] = &f;
    ot_refuse(&t, "indices are f32");
    ot_free_all();
}

/* Indices that come at run time and are far outside read the nearest element, and nothing else. */
static void wild_indices(void **state)
{
    (void)state;
    poise_tensor x = ot_tensor_of(POISE_F32, 1, (int32_t[]){3}, (double[]){7, 8, 9}),
                 y = ot_tensor(POISE_F32, 1, (int32_t[]){4}, OT_ROW);
    poise_tensor i = ot_tensor_of(POISE_I64, 1, (int32_t[]){4}, (double[]){-1e18, -4, 3, 1e18});
    ps_axis_params p = {0};
    ot_case t = {.op = &ps_op_gather, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    for (int e = 0; e < 2; e++) {
        if (e) t.op = &ps_op_gather_elements;
        ot_run(&t, &k, 1, &y);
        assert_true(ot_at(&y, 0) == 7 && ot_at(&y, 1) == 7 && ot_at(&y, 2) == 9 && ot_at(&y, 3) == 9);
    }
    ot_free_all();
}

/* ---- gather_nd ---- */

static void gathered_nd(const ot_case *t, const poise_tensor *want)
{
    const poise_tensor *x = t->in[0], *ix = t->in[1];
    int b = ((const ps_gather_nd_params *)t->params)->batch_dims, q = ix->rank - 1, k = ix->dim[q];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8], tuple[8], from[8];
        ot_index(want, i, at);
        memcpy(tuple, at, sizeof tuple);
        for (int d = 0; d < x->rank; d++) {
            if (d < b)
                from[d] = at[d];
            else if (d < b + k)
                tuple[q] = d - b, from[d] = index_at(ix, tuple, x->dim[d]);
            else
                from[d] = at[q + d - b - k];
        }
        ot_put(want, i, ot_get(x, from));
    }
}

static void gather_nd(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        int32_t dim[4], many[4], rank = ot_between(1, 4), q = ot_between(0, 2);
        random_dims(rank, 3, 5, dim);
        random_dims(q, 1, 5, many);
        ps_gather_nd_params p = {ot_between(0, q < rank - 1 ? q : rank - 1)};
        memcpy(many, dim, sizeof *dim * (size_t)p.batch_dims);
        many[q] = ot_between(1, rank - p.batch_dims);
        poise_tensor x = random_data(r, rank, dim), i = random_indices(r, q + 1, many, 3);
        ot_case t = {.op = &ps_op_gather_nd, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
        ot_check(&t, gathered_nd);
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){5, 3}, OT_ROW);
    poise_tensor i = ot_tensor_of(POISE_I64, 2, (int32_t[]){1, 2}, (double[]){4, 3}),
                 j = ot_tensor(POISE_I64, 1, (int32_t[]){3}, OT_ROW);
    ps_gather_nd_params p = {0}, q = {1};
    ot_case t = {.op = &ps_op_gather_nd, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}, .constants = 2};
    ot_refuse(&t, "index 3 is outside a dimension of 3");
    t.in[1] = &j;
    ot_refuse(&t, "indices of 3 dimensions");
    t.params = &q;
    ot_refuse(&t, "1 batch dimensions");
    ot_free_all();
}

/* ---- gather_elements ---- */

static void gathered_elements(const ot_case *t, const poise_tensor *want)
{
    int axis = ((const ps_axis_params *)t->params)->axis;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[8];
        ot_index(want, i, at);
        at[axis] = index_at(t->in[1], at, t->in[0]->dim[axis]);
        ot_put(want, i, ot_get(t->in[0], at));
    }
}

static void gather_elements(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        int32_t dim[4], many[4], rank = ot_between(1, 4);
        random_dims(rank, 1, 6, dim);
        ps_axis_params p = {ot_between(0, rank - 1)};
        for (int i = 0; i < rank; i++) many[i] = ot_between(1, i == p.axis ? 9 : dim[i]);
        poise_tensor x = random_data(r, rank, dim), i = random_indices(r, rank, many, dim[p.axis]);
        ot_case t = {.op = &ps_op_gather_elements, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
        ot_check(&t, gathered_elements);
        ot_free_all();
    }
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){5, 3}, OT_ROW),
                 i = ot_tensor(POISE_I64, 2, (int32_t[]){6, 3}, OT_ROW);
    ps_axis_params p = {1};
    ot_case t = {.op = &ps_op_gather_elements, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &i}};
    ot_refuse(&t, "dimension 0: indices have 6, data 5");
    ot_free_all();
}

/* ---- scatter ---- */

static double combined(int reduction, double a, double b)
{
    switch (reduction) {
    case PS_SCATTER_ADD: return a + b;
    case PS_SCATTER_MUL: return a * b;
    case PS_SCATTER_MAX: return a > b ? a : b;
    case PS_SCATTER_MIN: return a < b ? a : b;
    default: return b;
    }
}

static void copied(const ot_case *t, const poise_tensor *want)
{
    for (size_t i = 0; i < poise_tensor_count(want); i++) ot_put(want, i, ot_at(t->in[0], i));
}

static void scattered_elements(const ot_case *t, const poise_tensor *want)
{
    const ps_scatter_params *p = t->params;
    copied(t, want);
    for (size_t i = 0; i < poise_tensor_count(t->in[2]); i++) {
        int32_t at[8];
        ot_index(t->in[2], i, at);
        at[p->axis] = index_at(t->in[1], at, want->dim[p->axis]);
        ot_set(want, at, combined(p->reduction, ot_get(want, at), ot_at(t->in[2], i)));
    }
}

static poise_type scatter_type(int reduction, int round)
{
    static const poise_type numbers[] = {POISE_F32, POISE_I64, POISE_I32};
    return reduction ? numbers[round % 3] : sizes[round % 4];
}

static void scatter_elements(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4], many[4], rank = ot_between(1, 4);
        random_dims(rank, 1, 5, dim);
        ps_scatter_params p = {ot_between(0, rank - 1), r % 5};
        for (int i = 0; i < rank; i++) many[i] = ot_between(1, dim[i]);
        poise_type type = scatter_type(p.reduction, r / 5);
        poise_tensor x = ot_random_tensor(type, rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 1, 9);
        poise_tensor u = ot_random_tensor(type, rank, many, (ot_layout)ot_random(OT_LAYOUTS), 1, 9);
        poise_tensor i = random_indices(r, rank, many, dim[p.axis]);
        ot_case t = {.op = &ps_op_scatter_elements,
                     .params = &p,
                     .n_in = 3,
                     .n_out = 1,
                     .in = {&x, &i, &u},
                     .rel = 1e-5};
        ot_check(&t, scattered_elements);
        ot_free_all();
    }
}

static void scattered_nd(const ot_case *t, const poise_tensor *want)
{
    const ps_scatter_params *p = t->params;
    const poise_tensor *ix = t->in[1], *u = t->in[2];
    int q = ix->rank - 1, k = ix->dim[q];
    copied(t, want);
    for (size_t i = 0; i < poise_tensor_count(u); i++) {
        int32_t at[8], tuple[8], to[8];
        ot_index(u, i, at);
        memcpy(tuple, at, sizeof tuple);
        for (int d = 0; d < want->rank; d++) {
            tuple[q] = d;
            to[d] = d < k ? index_at(ix, tuple, want->dim[d]) : at[q + d - k];
        }
        ot_set(want, to, combined(p->reduction, ot_get(want, to), ot_at(u, i)));
    }
}

static void scatter_nd(void **state)
{
    (void)state;
    for (int r = 0; r < 2 * ROUNDS; r++) {
        int32_t dim[4], many[6], rank = ot_between(1, 4), q = ot_between(0, 2), n = q;
        random_dims(rank, 3, 5, dim);
        random_dims(q, 1, 4, many);
        int32_t k = many[q] = ot_between(1, rank);
        poise_tensor i = random_indices(r, q + 1, many, 3);
        for (int d = k; d < rank; d++) many[n++] = dim[d];
        ps_scatter_params p = {0, r % 5};
        poise_type type = scatter_type(p.reduction, r / 5);
        poise_tensor x = ot_random_tensor(type, rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 1, 9);
        poise_tensor u = ot_random_tensor(type, n, many, (ot_layout)ot_random(OT_LAYOUTS), 1, 9);
        ot_case t = {
            .op = &ps_op_scatter_nd, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &i, &u}, .rel = 1e-5};
        ot_check(&t, scattered_nd);
        ot_free_all();
    }
}

static void scatter_rules(void **state)
{
    (void)state;
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){5, 3}, OT_ROW),
                 u = ot_tensor(POISE_F32, 2, (int32_t[]){1, 3}, OT_ROW);
    poise_tensor i = ot_tensor_of(POISE_I64, 2, (int32_t[]){1, 1}, (double[]){-6}),
                 h = ot_tensor(POISE_U8, 2, (int32_t[]){5, 3}, OT_ROW);
    ps_scatter_params p = {0, PS_SCATTER_SET}, add = {0, PS_SCATTER_ADD};
    ot_case t = {
        .op = &ps_op_scatter_nd, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &i, &u}, .constants = 2};
    ot_refuse(&t, "index -6 is outside a dimension of 5");
    t.in[2] = &h;
    ot_refuse(&t, "updates are u8, data are f32");
    t.in[0] = &h;
    t.params = &add;
    ot_refuse(&t, "reduction on u8");
    t = (ot_case){.op = &ps_op_scatter_elements, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &i, &u}};
    ot_refuse(&t, "1 indices for 3 updates");
    ot_free_all();
}

/* ---- non_zero ---- */

static void coordinates(const ot_case *t, const poise_tensor *want)
{
    const poise_tensor *x = t->in[0];
    int32_t n = 0;
    for (size_t i = 0; i < poise_tensor_count(x); i++) {
        int32_t at[8], to[2] = {0, n};
        ot_index(x, i, at);
        if (ot_at(x, i) == 0) continue;
        for (; to[0] < x->rank; to[0]++) ot_set(want, to, at[to[0]]);
        n++;
    }
}

static void non_zero(void **state)
{
    (void)state;
    const poise_type types[] = {POISE_F32, POISE_I64, POISE_U8, POISE_BOOL, POISE_I32};
    for (int r = 0; r < ROUNDS; r++) {
        int32_t dim[4], rank = ot_between(1, 4);
        random_dims(rank, 1, 5, dim);
        poise_tensor x = ot_random_tensor(types[r % 5], rank, dim, (ot_layout)ot_random(OT_LAYOUTS), 0, 2);
        for (size_t i = 0; i < poise_tensor_count(&x); i++)
            if (ot_random(2)) ot_put(&x, i, r % 2 ? 0.0 : -0.0);
        ot_case t = {.op = &ps_op_non_zero, .n_in = 1, .n_out = 1, .in = {&x}};
        ot_check(&t, coordinates);
        ot_free_all();
    }
    assert_int_equal(ps_op_non_zero.live(NULL, -1, -1, NULL, NULL), 1);
    poise_tensor x = ot_tensor(POISE_F32, 0, NULL, OT_ROW);
    ot_case t = {.op = &ps_op_non_zero, .n_in = 1, .n_out = 1, .in = {&x}};
    ot_refuse(&t, "scalar");
    ot_free_all();
}

/* The true number of columns is told. */
static void non_zero_count(void **state)
{
    (void)state;
    float x[5] = {0, 3, 0, -1, 0};
    int64_t y[5];
    int32_t found = -1;
    poise_tensor in = {.data = x, .type = POISE_F32, .rank = 1, .dim = {5}, .stride = {1}};
    poise_tensor out = {.data = y, .type = POISE_I64, .rank = 2, .dim = {1, 5}, .stride = {5, 1}};
    ps_call c = {.n_in = 1,
                 .n_out = 1,
                 .in = (const poise_tensor *[]){&in},
                 .out = (const poise_tensor *[]){&out},
                 .live = &found};
    ps_op_non_zero.run(&c);
    assert_int_equal(found, 2);
    assert_true(y[0] == 1 && y[1] == 3 && !y[2] && !y[3] && !y[4]);
}

/* A constant's coordinates are folded to their true number, one row behind the other. */
static void non_zero_folded(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t x, y;
    const float data[6] = {0, 1, 1, 1, 0, 1};
    assert_int_equal(ps_graph_constant(&g, "x", POISE_F32, 2, (int32_t[]){2, 3}, data, &x), POISE_OK);
    assert_int_equal(ps_graph_value(&g, "y", &y), POISE_OK);
    assert_int_equal(ps_graph_node(&g, &ps_op_non_zero, "n", NULL, 1, &x, 1, &y), POISE_OK);
    assert_int_equal(ps_graph_infer(&g, 0), POISE_OK);
    assert_int_equal(ps_graph_fold(&g, 0), POISE_OK);
    const int64_t want[8] = {0, 0, 1, 1, 1, 2, 0, 2};
    assert_int_equal(g.values[y].live, -1);
    assert_int_equal(g.values[y].dim[1], 4);
    assert_memory_equal(g.values[y].data, want, sizeof want);
    ps_graph_free(&g);
}

/* x [c,5] -> its coordinates, as a value of the graph. */
static int32_t coordinates_of(ps_graph *g, const char *name)
{
    int32_t x, y;
    assert_int_equal(ps_graph_value(g, name, &x), POISE_OK);
    g->values[x] = (ps_value){.name = name, .type = POISE_F32, .rank = 1, .dim = {5}, .live = -1};
    assert_int_equal(ps_graph_value(g, "at", &y), POISE_OK);
    assert_int_equal(ps_graph_node(g, &ps_op_non_zero, "n", NULL, 1, &x, 1, &y), POISE_OK);
    assert_int_equal(ps_graph_infer(g, g->n_nodes - 1), POISE_OK);
    return y;
}

/* Inputs side by side must have the same size: two counts, or a count and a constant size, may differ. */
static void live_sizes_must_agree(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t a = coordinates_of(&g, "a"), b = coordinates_of(&g, "b"), c, y;
    const int64_t zeros[5] = {0};
    assert_int_equal(ps_graph_constant(&g, "c", POISE_I64, 2, (int32_t[]){1, 5}, zeros, &c), POISE_OK);
    const int32_t pairs[4][2] = {{a, a}, {a, b}, {a, c}, {c, a}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ps_graph_value(&g, "y", &y), POISE_OK);
        assert_int_equal(ps_graph_node(&g, &ps_op_concat, "c", &(ps_axis_params){0}, 2, pairs[i], 1, &y), POISE_OK);
        assert_int_equal(ps_graph_infer(&g, g.n_nodes - 1), i ? POISE_UNSUPPORTED : POISE_OK);
        if (i) assert_non_null(strstr(poise_error_text(), "on the data"));
    }
    ps_graph_free(&g);
}

/* ---- data-dependent sizes ---- */

static void live(void **state)
{
    (void)state;
    ps_value x = {.type = POISE_F32, .rank = 3, .dim = {4, 30, 3}},
             i = {.type = POISE_I64, .rank = 2, .dim = {100, 2}}, y = {.rank = 0};
    const ps_value *in[] = {&x, &i};
    assert_int_equal(ps_op_gather.live(&(ps_axis_params){1}, 1, 0, in, &y), 1);
    assert_int_equal(ps_op_gather.live(&(ps_axis_params){1}, 0, 0, in, &y), 0);
    assert_int_equal(ps_op_gather.live(&(ps_axis_params){1}, 0, 2, in, &y), 3);
    assert_int_equal(ps_op_gather.live(&(ps_axis_params){1}, 0, 1, in, &y), -1);
    assert_int_equal(ps_op_gather_nd.live(&(ps_gather_nd_params){0}, 1, 0, in, &y), 0);
    assert_int_equal(ps_op_gather_nd.live(&(ps_gather_nd_params){0}, 1, 1, in, &y), -1);
    assert_int_equal(ps_op_gather_nd.live(&(ps_gather_nd_params){0}, 0, 2, in, &y), 1);
    assert_int_equal(ps_op_gather_elements.live(&(ps_axis_params){1}, 1, 1, in, &y), 1);
    assert_int_equal(ps_op_gather_elements.live(&(ps_axis_params){1}, 0, 0, in, &y), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather),           cmocka_unit_test(gather_large),
        cmocka_unit_test(gather_rules),     cmocka_unit_test(wild_indices),
        cmocka_unit_test(gather_nd),        cmocka_unit_test(gather_elements),
        cmocka_unit_test(scatter_elements), cmocka_unit_test(scatter_nd),
        cmocka_unit_test(scatter_rules),    cmocka_unit_test(non_zero),
        cmocka_unit_test(non_zero_count), cmocka_unit_test(non_zero_folded), cmocka_unit_test(live_sizes_must_agree),   cmocka_unit_test(live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
