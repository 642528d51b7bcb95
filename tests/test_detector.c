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
#include "models/image.h"
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

static void open_precise(const char *name, poise_precision precision)
{
    char path[512];
    if (!asset(name, path)) {
        print_message("SKIP: %s is absent, or built without JPEG and PNG\n", name);
        skip();
    }
    poise_options o = {.precision = precision};
    if (poise_model_open_any(path, NULL, &o, &model) != POISE_OK) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(model, &session), POISE_OK);
}

static void open_net(const char *name)
{
    open_precise(name, POISE_RECORDED);
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

/* How far the nearest box of the same class is, in pixels of a network that sees 640. */
static float nearest(const poise_object *a, const poise_object *list, int n)
{
    float least = 1e9f, scale = 640 / 1080.0f;
    for (int i = 0; i < n; i++) {
        const poise_object *b = &list[i];
        float far = fmaxf(fmaxf(fabsf(a->x1 - b->x1), fabsf(a->y1 - b->y1)),
                          fmaxf(fabsf(a->x2 - b->x2), fabsf(a->y2 - b->y2)));
        if (a->class_id == b->class_id && far * scale < least) least = far * scale;
    }
    return least;
}

static void fast_keeps_boxes(void **state)
{
    (void)state;
    static const char net[] = "models/onnx/yolov8n_640_fp32_recovered.onnx";
    poise_object exact[300];
    const poise_detect_options o = {.conf = 0.5f};
    open_precise(net, POISE_EXACT);
    int n = detect("images/photos/bus.jpg", &o);
    memcpy(exact, found, sizeof exact);
    close_net();
    open_precise(net, POISE_FAST);
    int m = detect("images/photos/bus.jpg", &o);
    close_net();
    assert_int_equal(n, m);
    assert_true(n >= 4);
    for (int i = 0; i < n; i++)
        if (!(nearest(&exact[i], found, m) <= 0.5f))
            fail_msg("object %d: its box moved by %g", i, (double)nearest(&exact[i], found, m));
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

/* A photo of 2560 x 1440 pixels read at half of it: the same objects, within 2.5 pixels (0.6 of the input's). */
static void large_photo(void **state)
{
    (void)state;
    open_net("models/onnx/yolov8n_640_fp32_recovered.onnx");
    char path[512];
    poise_image img, large;
    assert_int_equal(poise_image_open(asset("images/photos/zidane.jpg", path), &img), POISE_OK);
    assert_int_equal(ps_image_alloc(&large, (uint64_t)img.w * 2, (uint64_t)img.h * 2, POISE_RGB), POISE_OK);
    for (int y = 0; y < large.h; y++)
        for (int x = 0; x < large.w; x++)
            memcpy(large.plane[0] + y * large.stride[0] + 3 * x,
                   img.plane[0] + y / 2 * img.stride[0] + x / 2 * 3, 3);
    snprintf(path, sizeof path, "/tmp/test_detector.%ld.jpg", (long)getpid());
    assert_int_equal(poise_image_save(&large, path, 95), POISE_OK);
    poise_image_close(&img);
    poise_image_close(&large);

    poise_object whole[300];
    int n = 0, small = 0;
    const poise_detect_options sure = {.conf = 0.5f};
    assert_int_equal(poise_image_open(path, &img), POISE_OK);
    assert_int_equal(poise_detect(session, &img, &sure, whole, 300, &n), POISE_OK);
    poise_image_close(&img);
    assert_int_equal(poise_image_open_for(session, path, &img), POISE_OK);
    assert_true(img.w == 1280 && img.h == 720 && img.full_w == 2560 && img.full_h == 1440);
    assert_int_equal(poise_detect(session, &img, &sure, found, 300, &small), POISE_OK);
    poise_image_close(&img);
    unlink(path);
    assert_true(n >= 2 && n == small);
    for (int i = 0; i < n; i++) {
        int same = 0;
        for (int k = 0; k < n; k++)
            same += found[k].class_id == whole[i].class_id && fabsf(found[k].conf - whole[i].conf) < 0.05f &&
                    fabsf(found[k].x1 - whole[i].x1) < 2.5f && fabsf(found[k].y1 - whole[i].y1) < 2.5f &&
                    fabsf(found[k].x2 - whole[i].x2) < 2.5f && fabsf(found[k].y2 - whole[i].y2) < 2.5f;
        assert_int_equal(same, 1);
    }
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
    img.format = 7;
    assert_int_equal(poise_detect(session, &img, NULL, found, 300, &n), POISE_BAD_ARGUMENT);
    img.format = POISE_RGB;
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

/* x and y as parts of the crop, and score, of all 17 joints. */
static const float first_joints[17][3] = {
    {.526f, .2305f, .7549f},  {.5469f, .2227f, .7828f}, {.5052f, .2227f, .775f},  {.5885f, .2227f, .8752f},
    {.4531f, .2227f, .8969f}, {.6406f, .3164f, .8563f}, {.3594f, .3164f, .8116f}, {.724f, .4258f, .6546f},
    {.2344f, .4258f, .5425f}, {.8073f, .4336f, .6269f}, {.2448f, .4414f, .5827f}, {.599f, .5508f, .5275f},
    {.3906f, .543f, .5609f},  {.7135f, .6289f, .7331f}, {.3073f, .6133f, .594f},  {.6927f, .8398f, .5793f},
    {.2865f, .8398f, .6924f}};
static const float second_joints[17][3] = {
    {.4844f, .1914f, .7734f}, {.4948f, .1758f, .7448f}, {.4948f, .1758f, .7308f}, {.5365f, .1836f, .6668f},
    {.4948f, .1836f, .5858f}, {.6302f, .293f, .6136f},  {.4219f, .2617f, .6641f}, {.6823f, .4023f, .6538f},
    {.3698f, .3945f, .6552f}, {.6302f, .4492f, .5464f}, {.5052f, .4414f, .5664f}, {.5677f, .5039f, .6429f},
    {.4219f, .4961f, .6453f}, {.5677f, .6836f, .754f},  {.3906f, .6758f, .6544f}, {.5781f, .8242f, .4241f},
    {.349f, .8242f, .5348f}};
static const struct person {
    const char *photo, *input; /* the photo, and its crop as the reference stored it */
    float box[4], crop[4];     /* as labelled; left, top, width, height of the crop */
    const float (*joint)[3];
} people[2] = {{"images/coco/000000165518.jpg",
                "golden/ultralight_simplepose_256x192_in0.png",
                {248.33f, 173.92f, 423.31f, 460.71f},
                {201.3872f, 138.07125f, 268.8656f, 358.4875f},
                first_joints},
               {"images/coco/000000397133.jpg",
                "golden/ultralight_simplepose_256x192_in1.png",
                {388.66f, 69.92f, 498.07f, 347.54f},
                {313.2306f, 35.2175f, 260.26875f, 347.025f},
                second_joints}};

/* How many joints lie farther than `near` pixels of the picture, or `score`, from the recorded ones. */
static int wrong_joints(const struct person *p, const float crop[4], float near, float score)
{
    int wrong = 0;
    assert_int_equal(found[0].n_keypoints, 17);
    for (int j = 0; j < 17; j++) {
        const poise_keypoint *k = &found[0].keypoint[j];
        float x = crop[0] + p->joint[j][0] * crop[2], y = crop[1] + p->joint[j][1] * crop[3];
        wrong += fabsf(k->x - x) > near || fabsf(k->y - y) > near || fabsf(k->conf - p->joint[j][2]) > score;
    }
    return wrong;
}

/* The stored crop as the whole picture: every joint.  The photo with the labelled box: the same, but for two joints
 * at most: the reference cuts off fractions of pixels where we round, which decides between peaks that are as good
 * as equal (an ankle of the second person: 0.424 there, 0.422 at the other leg). */
static void joints_equal_references(void **state)
{
    (void)state;
    open_net("models/onnx/ultralight_simplepose_256x192.onnx");
    for (int i = 0; i < 2; i++) {
        const struct person *p = &people[i];
        static const float whole[4] = {0, 0, 192, 256};
        assert_int_equal(detect(p->input, NULL), 1);
        assert_int_equal(wrong_joints(p, whole, 0.1f, 0.0002f), 0);
        poise_image img;
        char path[512];
        int n = 0;
        assert_int_equal(poise_image_open(asset(p->photo, path), &img), POISE_OK);
        assert_int_equal(ps_detector_run_box(session->user, &img, p->box, NULL, found, 300, &n), POISE_OK);
        assert_int_equal(n, 1);
        assert_memory_equal(&found[0].x1, p->box, sizeof p->box);
        int moved = wrong_joints(p, p->crop, 0.1f, 0.02f), other = wrong_joints(p, p->crop, 1e9f, 0.02f);
        if (moved > 2 || other) fail_msg("%s: %d joints moved, %d scores changed", p->photo, moved, other);
        poise_image_close(&img);
    }
    close_net();
}

/* Boxes are clipped to the picture, must not be empty, and are only for networks that see one person. */
static void boxes_of_one_person(void **state)
{
    (void)state;
    static uint8_t grey[40 * 30];
    poise_image img = {.plane = {grey}, .stride = {40}, .w = 40, .h = 30, .format = POISE_GRAY};
    static const float beyond[4] = {-50, 10, 1e30f, 20}, outside[4] = {50, 0, 60, 10},
                       empty[4] = {9, 9, 9, 20}, broken[4] = {0, 0, NAN, 5};
    int n = 0;
    char text[PS_EXPLAIN_TEXT];
    ps_detector *d;
    open_net("models/onnx/ultralight_simplepose_256x192.onnx");
    assert_int_equal(ps_detector_open(session, NULL, &d), POISE_OK);
    assert_int_equal(ps_detector_fill(d, &img, beyond), POISE_OK);
    assert_true(d->box[0] == 0 && d->box[1] == 10 && d->box[2] == 40 && d->box[3] == 20);
    assert_int_equal(ps_detector_run_box(d, &img, beyond, NULL, found, 300, &n), POISE_OK);
    assert_non_null(strstr(ps_detector_explain(d, text), "crop:      50.0 x 66.7 at -5.0,-18.3 of 40 x 30"));
    assert_int_equal(ps_detector_run_box(d, &img, outside, NULL, found, 300, &n), POISE_BAD_ARGUMENT);
    assert_int_equal(ps_detector_run_box(d, &img, empty, NULL, found, 300, &n), POISE_BAD_ARGUMENT);
    assert_int_equal(ps_detector_run_box(d, &img, broken, NULL, found, 300, &n), POISE_BAD_ARGUMENT);
    ps_detector_close(d);
    close_net();
    open_net("models/onnx/fastestdet_352.onnx");
    assert_int_equal(ps_detector_open(session, NULL, &d), POISE_OK);
    assert_int_equal(ps_detector_run_box(d, &img, beyond, NULL, found, 300, &n), POISE_UNSUPPORTED);
    ps_detector_close(d);
    close_net();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus),
        cmocka_unit_test(fast_keeps_boxes), cmocka_unit_test(large_photo),
        cmocka_unit_test(takes_memory_once),
        cmocka_unit_test(equals_references),
        cmocka_unit_test(joints_equal_references),
        cmocka_unit_test(boxes_of_one_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
