/* tests/test_nms_op.c - nms against a loop over all pairs. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

static void corners(const ot_case *t, int32_t n, int32_t i, double *c)
{
    double v[4];
    for (int32_t k = 0; k < 4; k++) v[k] = ot_get(t->in[0], (int32_t[]){n, i, k});
    if (((const ps_nms_params *)t->params)->center_box) {
        c[0] = v[0] - v[2] / 2, c[1] = v[1] - v[3] / 2, c[2] = v[0] + v[2] / 2, c[3] = v[1] + v[3] / 2;
    } else {
        c[0] = fmin(v[0], v[2]), c[1] = fmin(v[1], v[3]), c[2] = fmax(v[0], v[2]), c[3] = fmax(v[1], v[3]);
    }
}

static double iou(const double *a, const double *b)
{
    double w = fmin(a[2], b[2]) - fmax(a[0], b[0]), h = fmin(a[3], b[3]) - fmax(a[1], b[1]);
    if (w <= 0 || h <= 0) return 0;
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h);
}

/* Picks the best of those that are left, again and again. */
static int32_t select_class(const ot_case *t, int32_t n, int32_t k, int32_t row, const poise_tensor *want)
{
    enum { MOST = 64 };
    const ps_nms_params *p = t->params;
    int32_t boxes = t->in[0]->dim[1];
    bool gone[MOST] = {false};
    for (int32_t kept = 0; kept < p->max_per_class; kept++) {
        int32_t best = -1;
        double score = p->has_score ? (double)p->score : -(double)INFINITY, a[4], b[4];
        for (int32_t i = 0; i < boxes; i++) {
            double s = ot_get(t->in[1], (int32_t[]){n, k, i});
            if (!gone[i] && s > score) best = i, score = s;
        }
        if (best < 0) return row;
        corners(t, n, best, a);
        for (int32_t i = 0; i < boxes; i++) {
            corners(t, n, i, b);
            gone[i] |= i == best || iou(a, b) > (double)p->iou;
        }
        const int32_t values[3] = {n, k, best};
        for (int32_t c = 0; want && c < 3; c++) ot_set(want, (int32_t[]){row, c}, values[c]);
        row++;
    }
    return row;
}

static int32_t select_all(const ot_case *t, const poise_tensor *want)
{
    int32_t row = 0;
    for (int32_t n = 0; n < t->in[1]->dim[0]; n++)
        for (int32_t k = 0; k < t->in[1]->dim[1]; k++) row = select_class(t, n, k, row, want);
    return row;
}

static void selected(const ot_case *t, const poise_tensor *want)
{
    select_all(t, want);
}

/* The bound is met, the true count is told, and the rows behind it are 0. */
static void check_count(const ot_case *t)
{
    ps_kernels k;
    int32_t count = -1;
    poise_tensor y;
    ps_kernels_select(&k, 0);
    assert_int_equal(ot_infer(t, &y), POISE_OK);
    y = ot_tensor(POISE_I64, 2, y.dim, OT_ROW);
    const poise_tensor *out = &y;
    ps_call c = {.params = t->params,
                 .n_in = 2,
                 .n_out = 1,
                 .in = t->in,
                 .out = &out,
                 .k = &k,
                 .threads = 1,
                 .live = &count};
    poise_tensor work = ot_tensor(POISE_U8, 1, (int32_t[]){(int32_t)ps_op_nms.scratch(&c)}, OT_ROW);
    c.scratch = work.data;
    ps_op_nms.run(&c);
    assert_int_equal(count, select_all(t, NULL));
}

static void random_boxes(void **state)
{
    (void)state;
    for (int r = 0; r < 40; r++) {
        int32_t n = ot_between(1, 2), c = ot_between(1, 3), b = ot_between(1, 40);
        ps_nms_params p = {.center_box = r % 2,
                           .max_per_class = ot_between(0, 12),
                           .iou = 0.1f * (float)ot_between(0, 8),
                           .score = 0.3f,
                           .has_score = r % 3 != 0};
        poise_tensor boxes = ot_random_tensor(POISE_F32, 3, (int32_t[]){n, b, 4},
                                              (ot_layout)ot_random(OT_REVERSED + 1), 0, 10);
        poise_tensor scores =
            ot_random_tensor(POISE_F32, 3, (int32_t[]){n, c, b}, (ot_layout)ot_random(OT_REVERSED + 1), 0, 1);
        for (size_t i = 0; i < poise_tensor_count(&scores); i++) /* ties */
            if (ot_random(3) == 0) ot_put(&scores, i, 0.5);
        ot_case t = {.op = &ps_op_nms, .params = &p, .n_in = 2, .n_out = 1, .in = {&boxes, &scores}};
        ot_check(&t, selected);
        check_count(&t);
        ot_free_all();
    }
}

/* Touching, identical and empty boxes; an overlap that equals the threshold does not hide. */
static void borders(void **state)
{
    (void)state;
    poise_tensor boxes = ot_tensor_of(POISE_F32, 3, (int32_t[]){1, 5, 4},
                                      (double[]){0, 0, 2, 2, 0, 2, 2, 4, 0, 0, 2, 1, 1, 1, 1, 1, 2, 2, 0, 0});
    poise_tensor scores =
        ot_tensor_of(POISE_F32, 3, (int32_t[]){1, 1, 5}, (double[]){0.9, 0.8, 0.7, 0.6, 0.5});
    ps_nms_params p = {.max_per_class = 10, .iou = 0.5f, .score = 0.5f, .has_score = 1};
    ot_case t = {.op = &ps_op_nms, .params = &p, .n_in = 2, .n_out = 1, .in = {&boxes, &scores}};
    ot_check(&t, selected);
    assert_int_equal(select_all(&t, NULL), 4); /* 0.5 is not over the threshold */
    p.has_score = 0;
    ot_check(&t, selected);
    assert_int_equal(select_all(&t, NULL), 4); /* and the last box is the first one, corners swapped */
    ot_free_all();
}

static void rules(void **state)
{
    (void)state;
    poise_tensor boxes = ot_tensor(POISE_F32, 3, (int32_t[]){1, 5, 4}, OT_ROW),
                 bad = ot_tensor(POISE_F32, 3, (int32_t[]){1, 5, 3}, OT_ROW);
    poise_tensor scores = ot_tensor(POISE_F32, 3, (int32_t[]){1, 2, 5}, OT_ROW),
                 ints = ot_tensor(POISE_I32, 3, (int32_t[]){1, 2, 5}, OT_ROW);
    ps_nms_params p = {.max_per_class = 10}, q = {.max_per_class = -1};
    ot_case t = {.op = &ps_op_nms, .params = &p, .n_in = 2, .n_out = 1, .in = {&bad, &scores}};
    ot_refuse(&t, "boxes 1x5x3 and scores 1x2x5");
    t.in[0] = &boxes, t.in[1] = &ints;
    ot_refuse(&t, "scores i32");
    t.in[1] = &scores, t.params = &q;
    ot_refuse(&t, "-1 boxes a class");
    assert_int_equal(ps_op_nms.live(&p, -1, -1, NULL, NULL), 0);
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_boxes), cmocka_unit_test(borders),
                                       cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
