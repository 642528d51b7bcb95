/* tests/test_decode.c - every decoder on hand-made outputs with known answers, in any strides and units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/decode_net.h"

static float logit(float p)
{
    return logf(p / (1 - p));
}

/* ---- YOLOv8 ---- */

/* 64 x 64: 84 cells; channel c of cell n at p[c*sc + n*sn]. */
static void yolov8_cells(float *p, int sc, int sn, float w, float h)
{
    for (int n = 0; n < 84; n++)
        p[n * sn] = (float)(n % 8 * 8 + 4) / 64 * w, p[sc + n * sn] = (float)(n / 8 % 8 * 8 + 4) / 64 * h;
    static const float a[6] = {30, 20, 10, 8, 0.1f, 0.9f}, b[6] = {50, 40, 20, 10, 0.5f, 0.3f};
    for (int c = 0; c < 6; c++) {
        float unit = c >= 4 ? 1 : (c % 2 ? h : w) / 64;
        p[c * sc + 10 * sn] = a[c] * unit, p[c * sc + 70 * sn] = b[c] * unit;
    }
}

static void yolov8(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        bool transposed = variant & 1, unit = variant & 2;
        dn_begin(64, 64);
        dn_say("names", "{0: 'cat', 1: 'dog'}");
        dn_say("task", "detect");
        float *p = transposed ? dn_output(3, 84, 6, 0, 0) : dn_output(3, 6, 84, 0, 0);
        yolov8_cells(p, transposed ? 1 : 84, transposed ? 6 : 1, unit ? 1 : 64, unit ? 1 : 64);
        dn_resolve("yolov8");
        assert_int_equal(dn_net.task.n_classes, 2);
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.25f, false);
            assert_int_equal(dn_net.d.n, 2);
            dn_expect(0, 1, 0.9f, 25, 16, 35, 24);
            dn_expect(1, 0, 0.5f, 40, 35, 60, 45);
            assert_int_equal(dn_net.d.boxes, unit ? PS_UNITS_UNIT : PS_UNITS_PIXELS);
            assert_int_equal(dn_net.d.trace.cells, 84);
            assert_int_equal(dn_net.d.trace.passed, 2);
            dn_run(layout, 0.25f, true); /* both classes of the second cell */
            assert_int_equal(dn_net.d.n, 3);
            dn_expect(2, 1, 0.3f, 40, 35, 60, 45);
            dn_run(layout, 0.95f, false); /* nothing, but the trace knows why */
            assert_int_equal(dn_net.d.n, 0);
            assert_true(fabsf(dn_net.d.trace.best_score - 0.9f) < 1e-6f && dn_net.d.trace.best_class == 1);
            static const uint8_t only_cats[2] = {1, 0};
            dn_net.d.wanted = only_cats;
            dn_run(layout, 0.05f, false); /* a dog does not become a cat because only cats are wanted */
            assert_int_equal(dn_net.d.n, 1);
            dn_expect(0, 0, 0.5f, 40, 35, 60, 45);
            assert_true(fabsf(dn_net.d.trace.best_score - 0.5f) < 1e-6f && dn_net.d.trace.best_class == 0);
            dn_run(layout, 0.05f, true);
            dn_net.d.wanted = NULL;
            assert_int_equal(dn_net.d.n, 2);
            dn_expect(1, 0, 0.1f, 25, 16, 35, 24);
        }
        dn_end();
    }
}

static void yolov8_pose(void **state)
{
    (void)state;
    dn_begin(64, 64);
    dn_say("names", "{0: 'person'}");
    dn_say("task", "pose");
    dn_say("kpt_shape", "[2, 3]");
    float *p = dn_output(3, 11, 84, 0, 0);
    for (int n = 0; n < 84; n++) p[n] = p[84 + n] = 60, p[5 * 84 + n] = 40;
    static const float cell[11] = {32, 32, 16, 16, 0.8f, 10, 20, 0.7f, 30, 40, 0.2f};
    for (int c = 0; c < 11; c++) p[c * 84 + 33] = cell[c];
    dn_resolve("yolov8");
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 1);
        dn_expect(0, 0, 0.8f, 24, 24, 40, 40);
        poise_keypoint k[2];
        dn_net.task.decoder->keypoints(&dn_net.d, &dn_net.d.found[0], k);
        dn_expect_point(&k[0], 10, 20, 0.7f);
        dn_expect_point(&k[1], 30, 40, 0.2f);
    }
    dn_end();
}

/* Scores that are not numbers never pass, and are no best score. */
static void no_numbers(void **state)
{
    (void)state;
    dn_begin(64, 64);
    dn_say("names", "['a', 'b']");
    float *p = dn_output(3, 6, 84, 0, 0);
    for (int i = 0; i < 6 * 84; i++) p[i] = NAN;
    dn_resolve("yolov8");
    dn_run(0, 0.25f, true);
    assert_int_equal(dn_net.d.n, 0);
    assert_true(dn_net.d.trace.best_score == -1);
    dn_end();
}

static void yolov8_raw(void **state)
{
    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        dn_begin(64, 64);
        dn_say("names", "['a', 'b', 'c']");
        float *sides[3], *scores[3];
        for (int l = 2; l >= 0; l--) { /* coarse level first: order is not trusted */
            int g = 8 >> l;
            sides[l] = dn_output(4, apart ? 64 : 67, g, g, 0);
            scores[l] = apart ? dn_output(4, 3, g, g, 0) : sides[l] + 64 * g * g;
            for (int i = 0; i < 3 * g * g; i++) scores[l][i] = -9;
        }
        /* Level 1, stride 16, cell (y 1, x 2): sides 1, 2, 0.5, 3 strides; 0.5 = bins 0 and 1 alike. */
        int at = 1 * 4 + 2;
        scores[1][2 * 16 + at] = logit(0.75f);
        sides[1][(0 * 16 + 1) * 16 + at] = sides[1][(1 * 16 + 2) * 16 + at] =
            sides[1][(3 * 16 + 3) * 16 + at] = 100;
        sides[1][(2 * 16 + 0) * 16 + at] = sides[1][(2 * 16 + 1) * 16 + at] = 100;
        dn_resolve("yolov8-raw");
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.25f, false);
            assert_int_equal(dn_net.d.n, 1);
            dn_expect(0, 2, 0.75f, (2.5f - 1) * 16, (1.5f - 2) * 16, (2.5f + 0.5f) * 16, (1.5f + 3) * 16);
            dn_run(layout, 0.74f, true);
            assert_int_equal(dn_net.d.n, 1);
            dn_run(layout, 0.76f, true);
            assert_int_equal(dn_net.d.n, 0);
            assert_true(fabsf(dn_net.d.trace.best_score - 0.75f) < 1e-5f);
        }
        dn_end();
    }
}

/* ---- rows ---- */

static void end2end(void **state)
{
    (void)state;
    for (int unit = 0; unit < 2; unit++) {
        dn_begin(480, 640);
        float *p = dn_output(3, 300, 6, 0, 0);
        static const float row[2][6] = {{64, 48, 320, 240, 0.6f, 5}, {0, 0, 640, 480, 0.9f, 79}};
        for (int r = 0; r < 2; r++)
            for (int c = 0; c < 6; c++) p[r * 6 + c] = row[r][c] / (unit && c < 4 ? c % 2 ? 480 : 640 : 1);
        p[2 * 6 + 4] = 0.99f, p[2 * 6 + 5] = 80; /* a class that does not exist */
        p[3 * 6 + 4] = 0.99f, p[3 * 6 + 5] = NAN;
        dn_resolve("end2end");
        assert_true(dn_net.task.decoder->final);
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.25f, false);
            assert_int_equal(dn_net.d.n, 2);
            dn_expect(0, 79, 0.9f, 0, 0, 640, 480);
            dn_expect(1, 5, 0.6f, 64, 48, 320, 240);
            assert_int_equal(dn_net.d.boxes, unit ? PS_UNITS_UNIT : PS_UNITS_PIXELS);
        }
        dn_run(0, 0.999f, false);
        assert_int_equal(dn_net.d.boxes, PS_UNITS_AUTO); /* no row counted: nothing is decided */
        dn_end();
    }
}

static void end2end_pose(void **state)
{
    (void)state;
    dn_begin(320, 320);
    float *p = dn_output(3, 300, 57, 0, 0); /* without metadata: 6 + 17*3 */
    static const float row[6] = {10, 20, 110, 220, 0.6f, 0};
    memcpy(p, row, sizeof row);
    for (int j = 0; j < 17; j++) p[6 + 3 * j] = (float)(10 * j), p[7 + 3 * j] = 7, p[8 + 3 * j] = 0.5f;
    dn_resolve("end2end");
    assert_int_equal(dn_net.task.kind, PS_TASK_POSE);
    dn_run(1, 0.25f, false);
    dn_expect(0, 0, 0.6f, 10, 20, 110, 220);
    poise_keypoint k[17];
    dn_net.task.decoder->keypoints(&dn_net.d, &dn_net.d.found[0], k);
    dn_expect_point(&k[16], 160, 7, 0.5f);
    assert_string_equal(dn_net.task.names.name[0], "person");
    dn_end();
}

/* ---- YOLOv5, YOLOX ---- */

static void yolov5(void **state)
{
    (void)state;
    dn_begin(64, 64);
    float *p = dn_output(3, 252, 85, 0, 0);
    for (int n = 0; n < 252; n++) p[n * 85] = 60;
    float *c = p + 100 * 85;
    c[0] = 32, c[1] = 16, c[2] = 20, c[3] = 10, c[4] = 0.5f, c[5 + 7] = 0.8f, c[5 + 8] = 0.6f;
    p[200 * 85 + 4] = 0.24f, p[200 * 85 + 5] = 1; /* fails on objectness alone */
    dn_resolve("yolov5");
    assert_string_equal(dn_net.task.names.name[7], "truck");
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 1);
        dn_expect(0, 7, 0.4f, 22, 11, 42, 21);
        dn_run(layout, 0.25f, true);
        assert_int_equal(dn_net.d.n, 2);
        dn_run(layout, 0.9f, false);
        assert_int_equal(dn_net.d.n, 0);
        assert_true(fabsf(dn_net.d.trace.best_score - 0.4f) < 1e-6f);
    }
    dn_end();
}

static void yolov5_raw(void **state)
{
    (void)state;
    for (int five = 0; five < 2; five++) {
        dn_begin(64, 64);
        float *p[3];
        for (int l = 0; l < 3; l++) {
            int g = 8 >> l;
            p[l] = five ? dn_output(5, 3, g, g, 85) : dn_output(4, 255, g, g, 0);
            for (int i = 0; i < 255 * g * g; i++) p[l][i] = -8;
        }
        /* Level 1 (stride 16), anchor 2 (59 x 119), cell (y 2, x 3). */
        float v[85];
        for (int c = 0; c < 85; c++) v[c] = -8;
        v[0] = 0, v[1] = logit(0.75f), v[2] = 0, v[3] = logit(0.25f), v[4] = logit(0.9f),
        v[5 + 3] = logit(0.8f);
        for (int c = 0; c < 85; c++)
            p[1][five ? ((2 * 4 + 2) * 4 + 3) * 85 + c : ((2 * 85 + c) * 4 + 2) * 4 + 3] = v[c];
        dn_resolve("yolov5-raw");
        float cx = (1 - 0.5f + 3) * 16, cy = (1.5f - 0.5f + 2) * 16, w = 59, h = 0.25f * 119;
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.25f, false);
            assert_int_equal(dn_net.d.n, 1);
            dn_expect(0, 3, 0.72f, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2);
        }
        dn_end();
    }
}

static void yolox(void **state)
{
    (void)state;
    for (int decoded = 0; decoded < 2; decoded++) {
        dn_begin(96, 96);
        float *p = dn_output(3, 189, 85, 0, 0);
        for (int n = 0; n < 189; n++)
            p[n * 85] = decoded ? (float)(n % 12 * 8) : 0.3f, p[n * 85 + 2] = decoded ? 8 : -0.5f;
        float *c = p + (144 + 1 * 6 + 2) * 85; /* stride 16, y 1, x 2 */
        c[0] = 0.5f, c[1] = 0.25f, c[2] = logf(2), c[3] = 0, c[4] = 0.9f, c[5 + 15] = 0.8f;
        if (decoded) c[0] = 40, c[1] = 20, c[2] = 32, c[3] = 16;
        dn_resolve("yolox");
        assert_true(dn_net.task.pixels.bgr && dn_net.task.pixels.scale == 1 && dn_net.task.pixels.fit == PS_FIT_TOPLEFT);
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.25f, false);
            assert_int_equal(dn_net.d.n, 1);
            dn_expect(0, 15, 0.72f, 40 - 16, 20 - 8, 40 + 16, 20 + 8);
            assert_int_equal(dn_net.d.boxes, decoded ? PS_UNITS_PIXELS : PS_UNITS_GRID);
        }
        dn_end();
    }
}

/* ---- NanoDet, PicoDet ---- */

static void nanodet(void **state)
{
    (void)state;
    for (int plus = 0; plus < 2; plus++)
        for (int logits = 0; logits < 2; logits++) {
            dn_begin(64, 64);
            int cells = plus ? 85 : 84;
            float *p = dn_output(3, cells, 112, 0, 0);
            for (int n = 0; n < cells; n++)
                for (int c = 0; c < 80; c++) p[n * 112 + c] = logits ? -6 : 0.01f;
            float *c = p + (64 + 2 * 4 + 1) * 112; /* stride 16, y 2, x 1 */
            c[14] = logits ? logit(0.6f) : 0.6f;
            for (int side = 0; side < 4; side++) c[80 + side * 8 + side + 1] = 90; /* 1, 2, 3, 4 strides */
            dn_resolve(plus ? "nanodet-plus" : "nanodet");
            float o = plus ? 0 : 0.5f;
            for (int layout = 0; layout < DN_LAYOUTS; layout++) {
                dn_run(layout, 0.25f, false);
                assert_int_equal(dn_net.d.n, 1);
                dn_expect(0, 14, 0.6f, (1 + o - 1) * 16, (2 + o - 2) * 16, (1 + o + 3) * 16, (2 + o + 4) * 16);
                assert_int_equal(dn_net.d.scores, logits ? PS_SCORES_LOGITS : PS_SCORES_UNIT);
            }
            dn_end();
        }
}

static void picodet(void **state)
{
    (void)state;
    dn_begin(64, 64);
    float *scores[4], *sides[4];
    for (int l = 0; l < 4; l++) scores[l] = dn_output(3, (8 >> l) * (8 >> l), 80, 0, 0);
    for (int l = 0; l < 4; l++) sides[l] = dn_output(3, (8 >> l) * (8 >> l), 32, 0, 0);
    scores[3][2] = 0.9f;                                          /* the one cell of stride 64 */
    for (int side = 0; side < 4; side++) sides[3][side * 8] = 80; /* distance 0 */
    scores[0][9 * 80 + 1] = 0.5f;
    for (int side = 0; side < 4; side++) sides[0][9 * 32 + side * 8 + 7] = 80; /* 7 strides */
    dn_resolve("picodet");
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 2);
        dn_expect(0, 2, 0.9f, 32, 32, 32, 32);
        dn_expect(1, 1, 0.5f, (1.5f - 7) * 8, (1.5f - 7) * 8, (1.5f + 7) * 8, (1.5f + 7) * 8);
    }
    dn_end();
}

/* ---- FastestDet, faces ---- */

static void fastestdet(void **state)
{
    (void)state;
    dn_begin(352, 352);
    float *p = dn_output(4, 85, 22, 22, 0);
    int at = 5 * 22 + 7, plane = 22 * 22;
    p[at] = 0.9f, p[plane + at] = atanhf(0.5f), p[2 * plane + at] = atanhf(-0.25f);
    p[3 * plane + at] = logit(0.5f), p[4 * plane + at] = logit(0.25f), p[(5 + 16) * plane + at] = 0.8f;
    dn_resolve("fastestdet");
    assert_true(dn_net.task.pixels.bgr && dn_net.task.pixels.fit == PS_FIT_STRETCH);
    float score = powf(0.9f, 0.6f) * powf(0.8f, 0.4f);
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 1);
        dn_expect(0, 16, score, 7.5f * 16 - 88, 4.75f * 16 - 44, 7.5f * 16 + 88, 4.75f * 16 + 44);
        dn_run(layout, 0.9f, false);
        assert_int_equal(dn_net.d.n, 0);
        assert_true(fabsf(dn_net.d.trace.best_score - score) < 1e-5f);
    }
    dn_end();
}

static void ultraface(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        dn_begin(240, 320);
        float *boxes = swapped ? dn_output(3, 100, 4, 0, 0) : NULL, *scores = dn_output(3, 100, 2, 0, 0);
        if (!swapped) boxes = dn_output(3, 100, 4, 0, 0);
        for (int n = 0; n < 100; n++) scores[2 * n] = 0.99f, scores[2 * n + 1] = 0.01f;
        scores[2 * 40] = 0.2f, scores[2 * 40 + 1] = 0.8f;
        static const float box[4] = {0.25f, 0.5f, 0.5f, 0.75f};
        memcpy(boxes + 40 * 4, box, sizeof box);
        dn_resolve("ultraface");
        assert_string_equal(dn_net.task.names.name[0], "face");
        for (int layout = 0; layout < DN_LAYOUTS; layout++) {
            dn_run(layout, 0.6f, false);
            assert_int_equal(dn_net.d.n, 1);
            dn_expect(0, 0, 0.8f, 80, 120, 160, 180);
        }
        dn_end();
    }
}

static void yunet(void **state)
{
    (void)state;
    dn_begin(64, 64);
    float *out[4][3];
    static const int width[4] = {1, 1, 4, 10};
    for (int r = 0; r < 4; r++)
        for (int l = 0; l < 3; l++) out[r][l] = dn_output(3, (8 >> l) * (8 >> l), width[r], 0, 0);
    int at = 1 * 4 + 2; /* stride 16 */
    out[0][1][at] = 0.9f, out[1][1][at] = 0.4f;
    float *b = out[2][1] + 4 * at, *k = out[3][1] + 10 * at;
    b[0] = 0.5f, b[1] = 0.25f, b[2] = logf(2), b[3] = logf(1.5f);
    for (int i = 0; i < 10; i++) k[i] = 0.1f * (float)i;
    dn_resolve("yunet");
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.5f, false);
        assert_int_equal(dn_net.d.n, 1);
        dn_expect(0, 0, 0.6f, 40 - 16, 20 - 12, 40 + 16, 20 + 12);
        poise_keypoint p[5];
        dn_net.task.decoder->keypoints(&dn_net.d, &dn_net.d.found[0], p);
        dn_expect_point(&p[0], 32, 17.6f, 0.6f);
        dn_expect_point(&p[4], 2.8f * 16, 1.9f * 16, 0.6f);
    }
    dn_end();
}

/* ---- classifiers, heatmaps ---- */

static void classify(void **state)
{
    (void)state;
    for (int logits = 0; logits < 2; logits++) {
        dn_begin(224, 224);
        float *p = dn_output(2, 1000, 0, 0, 0);
        for (int i = 0; i < 1000; i++) p[i] = logits ? -20 : 0;
        p[7] = logits ? logf(3) : 0.75f, p[900] = logits ? 0 : 0.25f;
        dn_resolve("classify");
        assert_int_equal(dn_net.task.kind, PS_TASK_CLASSIFY);
        assert_int_equal(dn_net.task.pixels.fit, PS_FIT_CROP);
        dn_run(0, 0.25f, false);
        dn_expect(0, 7, 0.75f, 0, 0, 0, 0);
        dn_expect(1, 900, 0.25f, 0, 0, 0, 0);
        assert_int_equal(dn_net.d.n, 1000);
        dn_end();
    }
}

static void heatmap(void **state)
{
    (void)state;
    dn_begin(256, 192);
    float *p = dn_output(4, 17, 64, 48, 0);
    for (int j = 0; j < 17; j++) p[(j * 64 + 10 + j) * 48 + 20] = 0.8f; /* peaks at x 20, y 10 + j */
    p[10 * 48 + 21] = 0.3f;        /* joint 0: right of the peak is higher */
    p[(64 + 10) * 48 + 20] = 0.2f; /* joint 1: below it is */
    memset(p + 2 * 64 * 48, 0, 64 * 48 * sizeof *p);
    p[2 * 64 * 48] = 0.5f; /* joint 2: in the corner, not moved */
    dn_resolve("heatmap");
    assert_int_equal(dn_net.task.n_keypoints, 17);
    for (int layout = 0; layout < DN_LAYOUTS; layout++) {
        dn_run(layout, 0.25f, false);
        assert_int_equal(dn_net.d.n, 1);
        dn_expect(0, 0, (16 * 0.8f + 0.5f) / 17, 0, 0, 192, 256);
        poise_keypoint k[17];
        dn_net.task.decoder->keypoints(&dn_net.d, &dn_net.d.found[0], k);
        dn_expect_point(&k[0], 20.75f * 4, 10.5f * 4, 0.8f);
        dn_expect_point(&k[1], 20.5f * 4, 11.25f * 4, 0.8f);
        dn_expect_point(&k[2], 2, 2, 0.5f);
    }
    dn_end();
}

/* More candidates than are kept: the best survive, equal scores in the order of their cells. */
static void keeps_the_best(void **state)
{
    (void)state;
    enum { CELLS = 700, CLASSES = 100 };
    dn_begin(64, 64);
    float *p = dn_output(3, 4 + CLASSES, CELLS, 0, 0);
    for (int i = 0; i < CELLS * CLASSES; i++) p[4 * CELLS + i] = 0.3f + 0.1f * (float)(i % 3);
    p[(4 + 99) * CELLS + 699] = 0.9f;
    assert_int_equal(ps_task_resolve_io(&dn_net.io, &(ps_task_options){.decoder = "yolov8"}, &dn_net.task), POISE_OK);
    dn_run(0, 0.25f, true);
    assert_int_equal(dn_net.d.n, PS_MAX_CANDIDATES);
    assert_int_equal(dn_net.d.trace.passed, CELLS * CLASSES);
    assert_true(dn_net.d.found[0].score == 0.9f && dn_net.d.found[0].cell == 699);
    for (int i = 2; i < dn_net.d.n; i++) {
        const ps_candidate *a = &dn_net.d.found[i - 1], *b = &dn_net.d.found[i];
        assert_true(a->score > b->score ||
                    (a->score == b->score &&
                     (a->cell < b->cell || (a->cell == b->cell && a->class_id < b->class_id))));
    }
    dn_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yolov8),     cmocka_unit_test(yolov8_pose),    cmocka_unit_test(no_numbers),
        cmocka_unit_test(yolov8_raw), cmocka_unit_test(end2end),        cmocka_unit_test(end2end_pose),
        cmocka_unit_test(yolov5),     cmocka_unit_test(yolov5_raw),     cmocka_unit_test(yolox),
        cmocka_unit_test(nanodet),    cmocka_unit_test(picodet),        cmocka_unit_test(fastestdet),
        cmocka_unit_test(ultraface),  cmocka_unit_test(yunet),          cmocka_unit_test(classify),
        cmocka_unit_test(heatmap),    cmocka_unit_test(keeps_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
