/* tests/test_detector.c - photos through real networks, against boxes that reference runtimes found; what
 * poise_detect refuses; that it takes memory once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/detector.h"
#include "runtime/memory.h"

static poise_model *model;
static poise_session *session;
static poise_object found[300];

static const char *asset(const char *name, char path[512])
{
    const char *root = getenv("POISE_ASSETS");
    snprintf(path, 512, "%s/%s", root ? root : "../shared/assets", name);
    return access(path, R_OK) || !PS_WITH_JPEG || !PS_WITH_PNG ? NULL : path;
}

static void open_net(const char *name)
{
    char path[512];
    if (!asset(name, path)) {
        print_message("SKIP: %s is absent, or built without JPEG and PNG\n", name);
        skip();
    }
    if (poise_model_open_any(path, NULL, NULL, &model) != POISE_OK) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(model, &session), POISE_OK);
}

static void close_net(void)
{
    poise_session_close(session);
    poise_model_close(model);
}

static int detect(const char *photo, const poise_detect_options *o)
{
    char path[512];
    poise_image img;
    int n = 0;
    assert_non_null(asset(photo, path));
    assert_int_equal(poise_image_open(path, &img), POISE_OK);
    if (poise_detect(session, &img, o, found, 300, &n) != POISE_OK) fail_msg("%s", poise_error_text());
    poise_image_close(&img);
    return n;
}

static void bus(void **state)
{
    (void)state;
    open_net("models/onnx/yolov8n_640_fp32_recovered.onnx");
    int n = detect("images/photos/bus.jpg", NULL), persons = 0, buses = 0;
    for (int i = 0; i < n; i++) {
        const poise_object *b = &found[i];
        persons += !strcmp(poise_class_name(session, b->class_id), "person");
        buses += !strcmp(poise_class_name(session, b->class_id), "bus");
        assert_true(b->conf > 0.25f && b->conf <= 1 && (!i || b->conf <= found[i - 1].conf));
        assert_true(b->x1 >= 0 && b->y1 >= 0 && b->x2 <= 810 && b->y2 <= 1080 && b->x1 < b->x2 &&
                    b->y1 < b->y2);
    }
    assert_true(persons == 4 && buses == 1);
    static const int32_t only[1] = {5};
    assert_int_equal(
        detect("images/photos/bus.jpg", &(poise_detect_options){.classes = only, .n_classes = 1}), 1);
    assert_int_equal(found[0].class_id, 5);
    assert_int_equal(detect("images/photos/bus.jpg", &(poise_detect_options){.max_det = 2}), 2);
    assert_int_equal(detect("images/photos/bus.jpg", &(poise_detect_options){.conf = 0.99f}), 0);
    assert_null(poise_class_name(session, 80));
    assert_null(poise_class_name(session, -1));
    char text[PS_EXPLAIN_TEXT];
    assert_non_null(
        strstr(ps_detector_explain(session->user, text), "threshold 0.99")); /* why nothing was found */
    assert_non_null(strstr(text, "best 0.90"));
    close_net();
}

static void takes_memory_once(void **state)
{
    (void)state;
    open_net("models/onnx/fastestdet_352.onnx");
    poise_image img;
    char path[512];
    int n;
    assert_int_equal(poise_image_open(asset("images/photos/bus.jpg", path), &img), POISE_OK);
    ps_alloc_limit(1); /* the detector itself, and nothing more */
    assert_int_equal(poise_detect(session, &img, NULL, found, 300, &n), POISE_NO_MEMORY);
    ps_alloc_limit(-1);
    assert_int_equal(poise_detect(session, &img, NULL, found, 300, &n), POISE_OK);
    int first = n;
    size_t before = ps_alloc_count();
    assert_int_equal(poise_detect(session, &img, NULL, found, 300, &n), POISE_OK);
    assert_int_equal(ps_alloc_count(), before);
    assert_int_equal(n, first);
    static const int32_t wrong[1] = {80};
    assert_int_equal(poise_detect(session, &img, &(poise_detect_options){.conf = 2}, found, 300, &n),
                     POISE_BAD_ARGUMENT);
    assert_int_equal(poise_detect(session, &img, &(poise_detect_options){.classes = wrong, .n_classes = 1},
                                  found, 300, &n),
                     POISE_BAD_ARGUMENT);
    assert_int_equal(poise_detect(session, &img, NULL, NULL, 3, &n), POISE_BAD_ARGUMENT);
    img.channels = 4;
    assert_int_equal(poise_detect(session, &img, NULL, found, 300, &n), POISE_BAD_ARGUMENT);
    img.channels = 3;
    assert_int_equal(poise_detect(session, &img, NULL, found, 3, &n), POISE_OK);
    assert_int_equal(n, 3);
    poise_image_close(&img);
    close_net();
}

/* From the `decoded` fields of golden: class, score, box, unclipped. */
typedef struct truth {
    int id;
    float conf, box[4];
} truth;

static void expect(const truth *t, int count, int n)
{
    for (int i = 0; i < count; i++) {
        int best = -1;
        for (int k = 0; k < n && best < 0; k++)
            if (found[k].class_id == t[i].id && fabsf(found[k].conf - t[i].conf) < 0.001f) best = k;
        if (best < 0) fail_msg("class %d with %.4f was not found", t[i].id, (double)t[i].conf);
        const float *b = &found[best].x1;
        static const float most[4] = {480, 640, 480, 640};
        for (int c = 0; c < 4; c++) {
            float want = t[i].box[c] < 0 ? 0 : t[i].box[c] > most[c] ? most[c] : t[i].box[c];
            if (fabsf(b[c] - want) > 0.75f)
                fail_msg("class %d, %.4f: side %d is %.2f, not %.2f", t[i].id, (double)t[i].conf, c,
                         (double)b[c], (double)want);
        }
    }
}

static void equals_references(void **state)
{
    (void)state;
    static const truth v8[] = {{0, .9114f, {73.37f, 219.69f, 316.85f, 639.23f}},
                               {2, .8211f, {45.45f, 233.95f, 98.74f, 266.74f}},
                               {2, .8181f, {403.49f, 239.63f, 448.43f, 306.61f}},
                               {9, .6642f, {211.34f, 142.5f, 235.57f, 189.35f}}};
    static const truth x[] = {{0, .8852f, {72.13f, 219.14f, 313.26f, 636.33f}},
                              {0, .85f, {303.4f, 171.32f, 482.25f, 637.27f}},
                              {9, .747f, {234.54f, 139.84f, 251.7f, 189.95f}},
                              {0, .655f, {1.06f, 216.74f, 140.95f, 638.67f}}};
    static const truth fast[] = {{2, .8826f, {53.05f, 231.84f, 99.58f, 262.36f}},
                                 {0, .8604f, {61.91f, 227.76f, 304.59f, 651.72f}},
                                 {0, .6417f, {-20.03f, 215.04f, 136.81f, 653.18f}},
                                 {9, .7031f, {232.81f, 134.63f, 252.67f, 184.14f}}};
    static const struct {
        const char *net;
        const truth *t;
    } cases[] = {{"models/onnx/yolov8n_640_fp32_recovered.onnx", v8},
                 {"models/onnx/yolox_nano_416.onnx", x},
                 {"models/onnx/fastestdet_352.onnx", fast}};
    for (int i = 0; i < 3; i++) {
        open_net(cases[i].net);
        int n = detect("images/coco/000000183709.jpg", NULL);
        expect(cases[i].t, 4, n);
        close_net();
    }
}

static void joints_equal_references(void **state)
{
    (void)state;
    open_net("models/onnx/ultralight_simplepose_256x192.onnx");
    assert_int_equal(detect("golden/ultralight_simplepose_256x192_in0.png", NULL), 1);
    assert_int_equal(found[0].n_keypoints, 17);
    static const struct {
        int joint;
        float x, y, conf; /* x, y as parts of the crop */
    } want[] = {{0, .526f, .2305f, .7549f},
                {4, .4531f, .2227f, .8969f},
                {10, .2448f, .4414f, .5827f},
                {16, .2865f, .8398f, .6924f}};
    for (int i = 0; i < 4; i++) {
        const poise_keypoint *k = &found[0].keypoint[want[i].joint];
        assert_true(fabsf(k->x - want[i].x * 192) < 0.1f && fabsf(k->y - want[i].y * 256) < 0.1f &&
                    fabsf(k->conf - want[i].conf) < 0.005f);
    }
    close_net();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus),
        cmocka_unit_test(takes_memory_once),
        cmocka_unit_test(equals_references),
        cmocka_unit_test(joints_equal_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
