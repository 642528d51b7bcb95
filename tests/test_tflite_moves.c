/* tests/test_tflite_moves.c - TFLite operators that move elements or look along axes, against numbers written here. */
#include "tests/tflite_run.h"

/* ---- moving ---- */

static void joins_and_cuts(void **state)
{
    (void)state;
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 2, 2)), y = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 2, 1));
    tfl_output(&t, tfl_node(&t, 2, TFL_IN(x, y), TFL_F32, TFL_DIMS(1, 1, 2, 3)));
    tfl_int(&t, 0, -1);
    tfl_byte(&t, 1, 1);
    for (int i = 0; i < 4; i++) tr_in[0][i] = i, tr_in[1][i] = 7 - 9 * i;
    WANT(0, 0, 1, 7, 2, 3, 0);
    tr_fresh(); /* PACK, UNPACK, SPLIT, SPLIT_V */
    x = tfl_input(&t, TFL_F32, TFL_DIMS(4)), y = tfl_input(&t, TFL_F32, TFL_DIMS(4));
    int both = tfl_node(&t, 83, TFL_IN(x, y), TFL_F32, TFL_DIMS(4, 2));
    tfl_int(&t, 0, 2), tfl_int(&t, 1, 1);
    int half = tfl_node(&t, 49, TFL_IN(INTS(0), both), TFL_F32, TFL_DIMS(2, 2));
    int other = tfl_tensor(&t, "other", TFL_F32, TFL_DIMS(2, 2));
    t.node[t.n_nodes - 1].out[t.node[t.n_nodes - 1].n_out++] = other;
    int part = tfl_node(&t, 102, TFL_IN(both, INTS(1, -1), INTS(0)), TFL_F32, TFL_DIMS(1, 2));
    int rest = tfl_tensor(&t, "rest", TFL_F32, TFL_DIMS(3, 2));
    t.node[t.n_nodes - 1].out[t.node[t.n_nodes - 1].n_out++] = rest;
    int a = tfl_node(&t, 88, TFL_IN(other), TFL_F32, TFL_DIMS(2)), b = tfl_tensor(&t, "second", TFL_F32, TFL_DIMS(2));
    t.node[t.n_nodes - 1].out[t.node[t.n_nodes - 1].n_out++] = b;
    tfl_int(&t, 0, 2), tfl_int(&t, 1, 1);
    tfl_output(&t, half), tfl_output(&t, rest), tfl_output(&t, part), tfl_output(&t, a), tfl_output(&t, b);
    for (int i = 0; i < 4; i++) tr_in[0][i] = i, tr_in[1][i] = 10 + i;
    WANT(0, 0, 10, 1, 11, 1, 11, 2, 12, 3, 13, 0, 10, 2, 3, 12, 13);
}

static void slices(void **state)
{
    (void)state;
    static const struct {
        int32_t from[3], to[3], step[3];
        int masks[5], n, want_n; /* begin, end, ellipsis, new axis, shrink */
        double want[8];
    } list[] = {
        {{0, 1, 0}, {2, 3, 4}, {1, 1, 2}, {0}, 3, 8, {4, 6, 8, 10, 16, 18, 20, 22}},
        {{1, 9, 9}, {2, 9, 9}, {1, 1, -2}, {6, 6}, 3, 6, {15, 13, 19, 17, 23, 21}},
        {{-1, 1}, {0, 2}, {1, 1}, {0, 0, 0, 0, 3}, 2, 4, {16, 17, 18, 19}},
        {{0, 3}, {0, 4}, {1, 1}, {0, 0, 1, 0, 2}, 2, 6, {3, 7, 11, 15, 19, 23}},
        {{0, 1, 2}, {0, 2, 3}, {1, 1, 1}, {0, 0, 0, 1}, 3, 4, {20, 21, 22, 23}},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        tr_fresh();
        int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 3, 4)), n = list[i].n;
        x = tfl_node(&t, 45, TFL_IN(x, tr_ints(n, list[i].from), tr_ints(n, list[i].to), tr_ints(n, list[i].step)), TFL_F32, TFL_DIMS(1));
        for (int k = 0; k < 5; k++) tfl_int(&t, k, list[i].masks[k]);
        tfl_output(&t, x);
        for (int k = 0; k < 24; k++) tr_in[0][k] = k;
        tr_expect(list[i].want_n, list[i].want, 0);
    }
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 3));
    tfl_output(&t, tfl_node(&t, 65, TFL_IN(x, INTS(0, 1), INTS(-1, 2)), TFL_F32, TFL_DIMS(2, 2)));
    tfl_output(&t, tfl_node(&t, 105, TFL_IN(x, INTS(1)), TFL_F32, TFL_DIMS(2, 3)));
    for (int k = 0; k < 6; k++) tr_in[0][k] = k;
    WANT(0, 1, 2, 4, 5, 2, 1, 0, 5, 4, 3);
}

static void borders(void **state)
{
    (void)state;
    static const int32_t around[4] = {1, 0, 2, 1};
    static const float value[1] = {9};
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 3)), p = tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), around);
    tfl_output(&t, tfl_node(&t, 34, TFL_IN(x, p), TFL_F32, TFL_DIMS(3, 6)));
    tfl_output(&t, tfl_node(&t, 60, TFL_IN(x, p, tfl_constant(&t, TFL_F32, TFL_SCALAR, value)), TFL_F32, TFL_DIMS(3, 6)));
    tfl_output(&t, tfl_node(&t, 100, TFL_IN(x, p), TFL_F32, TFL_DIMS(3, 6)));
    tfl_output(&t, tfl_node(&t, 100, TFL_IN(x, p), TFL_F32, TFL_DIMS(3, 6)));
    tfl_byte(&t, 0, 1);
    for (int k = 0; k < 6; k++) tr_in[0][k] = k + 1;
    WANT(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 9, 9, 9, 9, 9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 4, 5, 6, 9, 6, 5, 4,
         5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5, 2, 1, 1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 5, 4, 4, 5, 6, 6);
}

static void blocks_of_pixels(void **state)
{
    (void)state;
    static const int32_t none[4] = {0, 0, 0, 0}, some[4] = {0, 0, 2, 0};
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2, 2, 1)), y = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 1, 8));
    int deep = tfl_node(&t, 26, TFL_IN(x), TFL_F32, TFL_DIMS(1, 1, 1, 4));
    tfl_int(&t, 0, 2);
    tfl_output(&t, deep);
    tfl_output(&t, tfl_node(&t, 5, TFL_IN(y), TFL_F32, TFL_DIMS(1, 2, 2, 2)));
    tfl_int(&t, 0, 2);
    for (int k = 0; k < 8; k++) tr_in[0][k] = tr_in[1][k] = k;
    WANT(0, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7);
    tr_fresh();
    x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2, 4, 1));
    int batch = tfl_node(&t, 38, TFL_IN(x, INTS(2, 2), tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), none)), TFL_F32, TFL_DIMS(4, 1, 2, 1));
    tfl_output(&t, batch);
    tfl_output(&t, tfl_node(&t, 37, TFL_IN(batch, INTS(2, 2), tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), some)), TFL_F32,
                            TFL_DIMS(1, 2, 2, 1)));
    for (int k = 0; k < 8; k++) tr_in[0][k] = k;
    WANT(0, 0, 2, 1, 3, 4, 6, 5, 7, 2, 3, 6, 7);
}

static void sizes(void **state)
{
    (void)state;
    static const double want[5][4] = {{0, 0, 1, 1}, {0, 0, 1, 1}, {0, 0, 2, 2}, {0, 0.5, 1, 1.5}, {0, 1.0 / 3, 2.0 / 3, 1}};
    static const double half[4] = {0, 0.25, 0.75, 1};
    for (int i = 0; i < 6; i++) { /* nearest: plain, half pixel, corners (of 3); linear: plain, corners, half pixel */
        bool linear = i >= 3;
        double w[8];
        tr_fresh();
        int n = i == 2 ? 3 : 2, x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, n, 2)), at = linear ? 2 : 0;
        tfl_output(&t, tfl_node(&t, linear ? 23 : 97, TFL_IN(x, INTS(1, 4)), TFL_F32, TFL_DIMS(1, 1, 4, 2)));
        tfl_byte(&t, at, i == 2 || i == 4);
        tfl_byte(&t, at + 1, i == 1 || i == 5);
        for (int k = 0; k < 6; k++) tr_in[0][k] = (k % 2 ? 10 : 1) * (k / 2);
        for (int k = 0; k < 8; k++) {
            double v = i == 5 ? half[k / 2] : i == 3 ? (k / 2 == 3 ? 1 : want[3][k / 2]) : want[i][k / 2];
            if (i == 2) v = (const double[]){0, 1, 1, 2}[k / 2];
            w[k] = v * (k % 2 ? 10 : 1);
        }
        tr_expect(8, w, 1e-6);
    }
}

static void shapes(void **state)
{
    (void)state;
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 1, 3)), y = tfl_node(&t, 22, TFL_IN(x, INTS(3, -1)), TFL_F32, TFL_DIMS(3, 2));
    int z = tfl_node(&t, 39, TFL_IN(y, INTS(1, 0)), TFL_F32, TFL_DIMS(2, 3)), s = tfl_node(&t, 77, TFL_IN(z), TFL_I32, TFL_DIMS(2));
    int r = tfl_node(&t, 110, TFL_IN(x), TFL_I32, TFL_SCALAR), q = tfl_node(&t, 43, TFL_IN(x), TFL_F32, TFL_DIMS(2, 3));
    int e = tfl_node(&t, 70, TFL_IN(q, INTS(0)), TFL_F32, TFL_DIMS(1, 2, 3));
    int w = tfl_node(&t, 22, TFL_IN(e), TFL_F32, TFL_DIMS(6)); /* the shape is an option */
    tfl_ints(&t, 0, 1, (const int32_t[]){-1});
    tfl_output(&t, z), tfl_output(&t, s), tfl_output(&t, r), tfl_output(&t, w);
    for (int k = 0; k < 6; k++) tr_in[0][k] = k;
    WANT(0, 0, 2, 4, 1, 3, 5, 2, 3, 3, 0, 1, 2, 3, 4, 5);
    tr_fresh();
    static const float three[1] = {3}, start[1] = {1}, limit[1] = {2.9F}, delta[1] = {0.5F};
    x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2));
    tfl_output(&t, tfl_node(&t, 130, TFL_IN(x, INTS(2, 2)), TFL_F32, TFL_DIMS(2, 2)));
    tfl_output(&t, tfl_node(&t, 69, TFL_IN(x, INTS(1, 2)), TFL_F32, TFL_DIMS(1, 4)));
    tfl_output(&t, tfl_node(&t, 94, TFL_IN(INTS(2), tfl_constant(&t, TFL_F32, TFL_SCALAR, three)), TFL_F32, TFL_DIMS(2)));
    tfl_output(&t, tfl_node(&t, 93, TFL_IN(x), TFL_F32, TFL_DIMS(1, 2)));
    tfl_output(&t, tfl_node(&t, 96, TFL_IN(tfl_constant(&t, TFL_F32, TFL_SCALAR, start), tfl_constant(&t, TFL_F32, TFL_SCALAR, limit),
                                          tfl_constant(&t, TFL_F32, TFL_SCALAR, delta)), TFL_F32, TFL_DIMS(4)));
    tr_in[0][0] = 4, tr_in[0][1] = 5;
    WANT(0, 4, 5, 4, 5, 4, 5, 4, 5, 3, 3, 0, 0, 1, 1.5, 2, 2.5);
}

/* ---- along axes, by index ---- */

static void reductions(void **state)
{
    (void)state;
    static const struct {
        int code, keep, type;
        double want[2]; /* over dimensions 1 and 2 of [1,2,2,2] */
    } list[] = {{40, 1, TFL_F32, {3, 4}}, {74, 0, TFL_F32, {12, 16}}, {82, 0, TFL_F32, {6, 7}}, {89, 1, TFL_F32, {0, 1}}, {81, 0, TFL_F32, {0, 105}},
                {91, 0, TFL_BOOL, {1, 1}}, {140, 0, TFL_BOOL, {0, 1}}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        tr_fresh();
        int x = tfl_input(&t, list[i].type, TFL_DIMS(1, 2, 2, 2));
        tfl_output(&t, tfl_node(&t, list[i].code, TFL_IN(x, INTS(1, -2)), list[i].type, TFL_DIMS(1, 2)));
        tfl_byte(&t, 0, list[i].keep);
        for (int k = 0; k < 8; k++) tr_in[0][k] = list[i].type == TFL_BOOL ? k > 0 : k;
        tr_expect(2, list[i].want, 1e-6);
    }
}

/* After a convolution tensors lie the other way round: what reads them must not care. */
static void orders_of_dimensions(void **state)
{
    (void)state;
    static const float unit[4] = {1, 0, 0, 1};
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2, 3, 2)), w = tfl_constant(&t, TFL_F32, TFL_DIMS(2, 1, 1, 2), unit);
    x = tfl_node(&t, 3, TFL_IN(x, w), TFL_F32, TFL_DIMS(1, 2, 3, 2));
    tfl_int(&t, 1, 1), tfl_int(&t, 2, 1);
    int row = tfl_input(&t, TFL_F32, TFL_DIMS(3, 1));
    int a = tfl_node(&t, 0, TFL_IN(x, row), TFL_F32, TFL_DIMS(1, 2, 3, 2));
    int m = tfl_node(&t, 82, TFL_IN(a, INTS(1)), TFL_F32, TFL_DIMS(1, 3, 2));
    int s = tfl_node(&t, 45, TFL_IN(a, INTS(0, 1, 1, 0), INTS(1, 2, 3, 1), INTS(1, 1, 1, 1)), TFL_F32, TFL_DIMS(1, 1, 2, 1));
    int c = tfl_node(&t, 2, TFL_IN(a, x), TFL_F32, TFL_DIMS(1, 2, 6, 2));
    tfl_int(&t, 0, 2);
    int f = tfl_node(&t, 22, TFL_IN(c, INTS(-1)), TFL_F32, TFL_DIMS(24)), g = tfl_node(&t, 56, TFL_IN(a, INTS(2)), TFL_I32, TFL_DIMS(1, 2, 2));
    tfl_output(&t, m), tfl_output(&t, s), tfl_output(&t, f), tfl_output(&t, g);
    for (int k = 0; k < 12; k++) tr_in[0][k] = k;
    tr_in[1][0] = 100, tr_in[1][1] = 0, tr_in[1][2] = 50;
    WANT(1e-6, 106, 107, 8, 9, 60, 61, 8, 60, 100, 101, 2, 3, 54, 55, 0, 1, 2, 3, 4, 5, 106, 107, 8, 9, 60, 61, 6, 7, 8, 9, 10, 11,
         0, 0, 0, 0);
}

static void along_an_axis(void **state)
{
    (void)state;
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 3));
    tfl_output(&t, tfl_node(&t, 56, TFL_IN(x, INTS(1)), TFL_I32, TFL_DIMS(2)));
    tfl_output(&t, tfl_node(&t, 79, TFL_IN(x, INTS(-1)), TFL_I64, TFL_DIMS(2)));
    tfl_output(&t, tfl_node(&t, 128, TFL_IN(x, INTS(1)), TFL_F32, TFL_DIMS(2, 3)));
    tfl_byte(&t, 0, 1);
    int top = tfl_node(&t, 48, TFL_IN(x, INTS(2)), TFL_F32, TFL_DIMS(2, 2)), at = tfl_tensor(&t, "at", TFL_I32, TFL_DIMS(2, 2));
    t.node[t.n_nodes - 1].out[t.node[t.n_nodes - 1].n_out++] = at;
    tfl_output(&t, top), tfl_output(&t, at);
    for (int k = 0; k < 6; k++) tr_in[0][k] = (const double[]){3, 5, 4, -1, -3, -2}[k];
    WANT(0, 1, 0, 0, 1, 0, 3, 8, 0, -1, -4, 5, 4, -1, -2, 1, 2, 0, 2);
    tr_fresh();
    x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 2));
    tfl_output(&t, tfl_node(&t, 25, TFL_IN(x), TFL_F32, TFL_DIMS(1, 2)));
    tfl_float(&t, 0, 2);
    tfl_output(&t, tfl_node(&t, 50, TFL_IN(x), TFL_F32, TFL_DIMS(1, 2)));
    tfl_output(&t, tfl_node(&t, 11, TFL_IN(x), TFL_F32, TFL_DIMS(1, 2)));
    tr_in[0][0] = 0.3, tr_in[0][1] = 0.4;
    double e = exp(0.2), l = log(exp(0.3) + exp(0.4));
    WANT(1e-5, 1 / (1 + e), e / (1 + e), 0.3 - l, 0.4 - l, 0.6, 0.8);
    tr_fresh();
    x = tfl_input(&t, TFL_F32, TFL_DIMS(1, 1, 1, 3));
    tfl_output(&t, tfl_node(&t, 13, TFL_IN(x), TFL_F32, TFL_DIMS(1, 1, 1, 3)));
    tfl_int(&t, 0, 1), tfl_float(&t, 1, 2), tfl_float(&t, 2, 0.5F), tfl_float(&t, 3, 0.5F);
    for (int k = 0; k < 3; k++) tr_in[0][k] = k + 1;
    WANT(1e-5, 1 / sqrt(4.5), 2 / sqrt(9), 3 / sqrt(8.5));
}

static void by_index(void **state)
{
    (void)state;
    static const int32_t pairs[4] = {1, 0, 0, 2};
    static const float one[1] = {5}, none[1] = {-1};
    tr_fresh();
    int x = tfl_input(&t, TFL_F32, TFL_DIMS(2, 3));
    tfl_output(&t, tfl_node(&t, 36, TFL_IN(x, INTS(2, 0)), TFL_F32, TFL_DIMS(2, 2)));
    tfl_int(&t, 0, 1);
    tfl_output(&t, tfl_node(&t, 36, TFL_IN(x, INTS(1, 2)), TFL_F32, TFL_DIMS(2))); /* one index for each row */
    tfl_int(&t, 0, 1), tfl_int(&t, 1, 1);
    tfl_output(&t, tfl_node(&t, 107, TFL_IN(x, tfl_constant(&t, TFL_I32, TFL_DIMS(2, 2), pairs)), TFL_F32, TFL_DIMS(2)));
    tfl_output(&t, tfl_node(&t, 85, TFL_IN(INTS(1, 0), INTS(2), tfl_constant(&t, TFL_F32, TFL_SCALAR, one), tfl_constant(&t, TFL_F32, TFL_SCALAR, none)),
                            TFL_F32, TFL_DIMS(2, 2)));
    tfl_int(&t, 0, -1);
    for (int k = 0; k < 6; k++) tr_in[0][k] = k;
    WANT(0, 2, 0, 5, 3, 1, 5, 3, 2, -1, 5, 5, -1);
    tr_fresh();
    static const int32_t rows[2] = {2, 0}, shape[1] = {4};
    x = tfl_input(&t, TFL_F32, TFL_DIMS(2));
    tfl_output(&t, tfl_node(&t, 122, TFL_IN(tfl_constant(&t, TFL_I32, TFL_DIMS(2, 1), rows), x, tfl_constant(&t, TFL_I32, TFL_DIMS(1), shape)), TFL_F32,
                            TFL_DIMS(4)));
    int y = tfl_input(&t, TFL_F32, TFL_DIMS(1, 3)), n = tfl_input(&t, TFL_I32, TFL_DIMS(1));
    tfl_output(&t, tfl_node(&t, 112, TFL_IN(y, n), TFL_F32, TFL_DIMS(1, 3)));
    tfl_int(&t, 0, 1), tfl_int(&t, 1, 0);
    tr_in[0][0] = 7, tr_in[0][1] = 8, tr_in[2][0] = 2;
    for (int k = 0; k < 3; k++) tr_in[1][k] = k;
    WANT(0, 8, 0, 7, 0, 1, 0, 2);
}

static void places_of_truths(void **state)
{
    (void)state;
    tr_fresh();
    int x = tfl_input(&t, TFL_BOOL, TFL_DIMS(2, 2));
    tfl_output(&t, tfl_node(&t, 109, TFL_IN(x), TFL_I64, TFL_DIMS(0, 2)));
    for (int k = 0; k < 4; k++) tr_in[0][k] = k == 1 || k == 2;
    tr_run(true);
    const double want[4] = {0, 1, 1, 0};
    assert_true(tr_n_got >= 4);
    for (int i = 0; i < 4; i++) assert_true(fabs(tr_got[i] - want[i]) < 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_and_cuts),
        cmocka_unit_test(slices),
        cmocka_unit_test(borders),
        cmocka_unit_test(blocks_of_pixels),
        cmocka_unit_test(sizes),
        cmocka_unit_test(shapes),
        cmocka_unit_test(reductions),
        cmocka_unit_test(orders_of_dimensions),
        cmocka_unit_test(along_an_axis),
        cmocka_unit_test(by_index),
        cmocka_unit_test(places_of_truths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
