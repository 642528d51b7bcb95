/* tests/test_foreign_int8.c - quantised networks of others, whole: photos in, what is on them out.
 * Needs foreign data ($POISE_ASSETS, else ../shared/assets); what is absent is skipped by name. */
#include "app/npz.h"
#include "models/detector.h"
#include "runtime/file.h"
#include "runtime/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static poise_model *model;
static poise_session *session;
static poise_object found[300];

static const char *asset(const char *name, char path[512])
{
    const char *root = getenv("POISE_ASSETS");
    snprintf(path, 512, "%s/%s", root ? root : "../shared/assets", name);
    return access(path, R_OK) ? NULL : path;
}

static void open_net(const char *name)
{
    char path[512];
    if (!asset(name, path) || !PS_WITH_JPEG || !PS_WITH_PNG) {
        print_message("SKIP: %s is absent, or built without JPEG and PNG\n", path);
        skip();
    }
    if (poise_model_open_any(path, NULL, NULL, &model)) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(model, &session), POISE_OK);
}

static void close_net(void)
{
    poise_session_close(session);
    poise_model_close(model);
}

static int detect(const char *photo, const float (*box)[4])
{
    char path[512];
    poise_image img;
    int n = 0;
    assert_non_null(asset(photo, path));
    assert_int_equal(poise_image_open(path, &img), POISE_OK);
    poise_status s = box ? poise_detect_boxes(session, &img, box, 1, NULL, found, 300, &n)
                         : poise_detect(session, &img, NULL, found, 300, &n);
    if (s) fail_msg("%s: %s", photo, poise_error_text());
    poise_image_close(&img);
    return n;
}

/* Whether one of n objects is of a class and within `far` pixels of a box. */
static bool is_there(int n, int class_id, float x1, float y1, float x2, float y2, float far)
{
    const float want[4] = {x1, y1, x2, y2};
    for (int i = 0; i < n; i++) {
        const float got[4] = {found[i].x1, found[i].y1, found[i].x2, found[i].y2};
        bool near = found[i].class_id == class_id;
        for (int k = 0; k < 4; k++) near = near && got[k] > want[k] - far && got[k] < want[k] + far;
        if (near) return true;
    }
    return false;
}

/* Boxes in pixels (ONNX, QDQ) and in 0..1 (TFLite): the bus and the three people in front of it. */
static void buses(void **state)
{
    (void)state;
    static const char *const nets[] = {"models/onnx/yolov8n_640_qdq_int8.onnx", "models/tflite/yolov8n_640_int8_f32io.tflite"};
    for (int i = 0; i < 2; i++) {
        open_net(nets[i]);
        poise_tensor in;
        poise_model_input(model, 0, &in);
        int n = detect("images/photos/bus.jpg", NULL);
        bool all = is_there(n, 5, 22, 231, 800, 750, 25) && is_there(n, 0, 50, 400, 245, 902, 25) &&
                   is_there(n, 0, 222, 406, 344, 857, 25) && is_there(n, 0, 671, 385, 808, 876, 25);
        if (!all) fail_msg("%s: not all of 4 among %d objects", nets[i], n);
        close_net();
    }
}

/* Keypoints in 0..1, u8 input. */
static void joints(void **state)
{
    (void)state;
    open_net("models/tflite/yolov8n-pose_320_u8in.tflite");
    poise_tensor in;
    poise_model_input(model, 0, &in);
    assert_int_equal(in.type, POISE_U8);
    int n = detect("images/photos/bus.jpg", NULL);
    assert_true(is_there(n, 0, 228, 404, 350, 860, 25));
    for (int i = 0; i < n; i++) {
        assert_int_equal(found[i].n_keypoints, 17);
        const poise_keypoint *k = found[i].keypoint;
        if (k[5].conf > 0.8f && k[11].conf > 0.8f) assert_true(k[5].y < k[11].y); /* shoulders above hips */
    }
    close_net();
}

/* The person who is shown: nose above ankles, and the ankles in the box. */
static void one_person(void **state)
{
    (void)state;
    static const float box[1][4] = {{50, 400, 245, 905}};
    open_net("models/tflite/movenet_lightning_192_int8.tflite");
    assert_int_equal(detect("images/photos/bus.jpg", box), 1);
    const poise_keypoint *k = found[0].keypoint;
    assert_true(k[0].x > 110 && k[0].x < 175 && k[0].y > 420 && k[0].y < 465);
    assert_true(k[15].y > 800 && k[15].y < 905 && k[16].y > 800 && k[16].y < 905);
    close_net();
}

static void faces(void **state)
{
    (void)state;
    open_net("models/tflite/face_detection_short_range_128.tflite");
    assert_int_equal(detect("images/face/face.jpg", NULL), 2);
    assert_true(is_there(2, 0, 253, 66, 356, 169, 8) && is_there(2, 0, 129, 98, 232, 201, 8));
    assert_string_equal(poise_class_name(session, 0), "face");
    for (int i = 0; i < 2; i++) /* eyes above the mouth */
        assert_true(found[i].n_keypoints == 6 && found[i].keypoint[0].y < found[i].keypoint[3].y);
    close_net();
}

/* ImageNet behind a class for the background; 36 of 40 is what the network has in floats, too. */
static void classes(void **state)
{
    (void)state;
    int right = 0;
    open_net("models/tflite/mobilenet_v2_224_u8.tflite");
    for (int c = 0; c < 1000; c += 25) {
        char photo[64];
        snprintf(photo, sizeof photo, "images/imagenet40/%04d.jpg", c);
        assert_true(detect(photo, NULL) >= 1);
        right += found[0].class_id == c + 1;
    }
    if (right < 35) fail_msg("%d of 40 are right", right);
    close_net();
}

/* 74 of 100, as LiteRT has it, or one image more or less. */
static void cifar(void **state)
{
    (void)state;
    char path[512];
    ps_file f;
    ps_npz x, y;
    int right = 0;
    open_net("models/tflite/resnet8_cifar_int8.tflite");
    assert_non_null(asset("images/cifar10_100.npz", path));
    assert_int_equal(ps_file_map(path, &f), POISE_OK);
    assert_int_equal(ps_npz_read(f.bytes, f.size, "X", &x), POISE_OK);
    assert_int_equal(ps_npz_read(f.bytes, f.size, "Y", &y), POISE_OK);
    const uint8_t *pixels = x.array.tensor.data;
    poise_tensor in = *poise_session_input(session, 0);
    static int8_t codes[32 * 32 * 3];
    for (int i = 0; i < 100; i++) {
        for (size_t k = 0; k < sizeof codes; k++) codes[k] = (int8_t)(pixels[(size_t)i * sizeof codes + k] - 128);
        poise_tensor_write(&in, codes);
        poise_session_run(session);
        int8_t score[10];
        int best = 0;
        poise_tensor_read(poise_session_output(session, 0), score);
        for (int c = 1; c < 10; c++)
            if (score[c] > score[best]) best = c;
        right += best == ((const int64_t *)y.array.tensor.data)[i];
    }
    if (right < 73 || right > 75) fail_msg("%d of 100 are right", right);
    ps_npz_close(&x);
    ps_npz_close(&y);
    ps_file_unmap(&f);
    close_net();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buses), cmocka_unit_test(joints),  cmocka_unit_test(one_person),
        cmocka_unit_test(faces), cmocka_unit_test(classes), cmocka_unit_test(cifar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
