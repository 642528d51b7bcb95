/* tests/test_decode_mediapipe.c - BlazeFace and MoveNet on hand-made outputs. */
#include <math.h>

#include "tests/decode_net.h"

/* One face at a cell of each grid; numbers are pixels of the input from the cell's centre. */
static void blazeface(void **state)
{
    (void)state;
    static const int cells[2] = {(3 * 16 + 5) * 2 + 1, 512 + (6 * 8 + 2) * 6 + 4};
    static const float x[2] = {5.5f * 8, 2.5f * 16}, y[2] = {3.5f * 8, 6.5f * 16};
    for (int first = 0; first < 2; first++) {
        dn_begin(128, 128);
        float *scores = first ? dn_output(3, 896, 1, 0, 0) : NULL, *p = dn_output(3, 896, 16, 0, 0);
        if (!first) scores = dn_output(3, 896, 1, 0, 0);
        for (int i = 0; i < 896; i++) scores[i] = -30;
        for (int k = 0; k < 2; k++) {
            float *f = p + 16 * cells[k];
            scores[cells[k]] = k ? 1.5f : 2;
            f[0] = 2, f[1] = -3, f[2] = 20, f[3] = 10;
            for (int i = 0; i < 6; i++) f[4 + 2 * i] = (float)i, f[5 + 2 * i] = (float)-i;
        }
        dn_resolve("blazeface");
        assert_string_equal(dn_net.task.names.name[0], "face");
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.5f, false);
            assert_int_equal(dn_net.d.n, 2);
            poise_keypoint points[6];
            for (int k = 0; k < 2; k++) {
                const ps_candidate *c = &dn_net.d.found[k];
                assert_true(fabsf(c->score - (k ? 0.817574f : 0.880797f)) < 1e-5f);
                assert_float_equal(c->x1, x[k] - 8, 1e-4f);
                assert_float_equal(c->y2, y[k] + 2, 1e-4f);
                dn_net.task.decoder->keypoints(&dn_net.d, c, points);
                dn_expect_point(&points[5], x[k] + 5, y[k] - 5, c->score);
            }
        }
        dn_end();
    }
}

/* y before x; the mean of the joints that are seen is the score. */
static void movenet(void **state)
{
    (void)state;
    dn_begin(192, 256);
    float *p = dn_output(4, 1, 17, 3, 0);
    for (int j = 0; j < 17; j++) p[3 * j] = 0.5f, p[3 * j + 1] = (float)j / 16, p[3 * j + 2] = j < 2 ? 0.8f - 0.2f * (float)j : 0.1f;
    dn_resolve("movenet");
    assert_true(dn_net.task.n_keypoints == 17 && dn_net.task.decoder->one_person);
    for (int layout = 0; layout < DN_LAYOUTS; layout += 2) {
        poise_keypoint k[17];
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 1);
        assert_float_equal(dn_net.d.found[0].score, 0.7f, 1e-6f);
        dn_net.task.decoder->keypoints(&dn_net.d, &dn_net.d.found[0], k);
        dn_expect_point(&k[16], 256, 96, 0.1f);
        dn_expect_point(&k[1], 16, 96, 0.6f);
        dn_run(layout, 0.75f, false);
        assert_int_equal(dn_net.d.n, 0);
    }
    dn_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blazeface), cmocka_unit_test(movenet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
