/* tests/test_people.c - several people at once: the bits of one by one, in the order of their boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "models/detector.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"

enum { W = 120, H = 90, BOXES = 70 };

static uint8_t pixels[W * H * 3];
static const poise_image img = {.plane = {pixels}, .stride = {W * 3}, .w = W, .h = H};
static float box[BOXES][4];
static const float (*const boxes)[4] = (const float (*)[4])box; /* C before C23 adds no const to rows by itself */
static poise_object want[BOXES], got[BOXES];

static poise_model *open_net(const char *kind, int threads)
{
    char path[64];
    void *bytes;
    size_t size;
    poise_model *m;
    snprintf(path, sizeof path, "/tmp/test_people.%ld.onnx", (long)getpid());
    assert_int_equal(tiny_onnx_make(tiny_onnx_kind(kind), &bytes, &size), POISE_OK);
    assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
    ps_free(bytes);
    if (poise_model_open_any(path, NULL, &(poise_options){.threads = threads}, &m)) fail_msg("%s", poise_error_text());
    unlink(path);
    return m;
}

static void fill(void)
{
    uint32_t v = 1;
    for (size_t i = 0; i < sizeof pixels; i++) v = v * 1664525u + 1013904223u, pixels[i] = (uint8_t)(v >> 24);
    for (int i = 0; i < BOXES; i++) {
        box[i][0] = (float)(i % 10) * 9, box[i][1] = (float)(i / 10) * 10;
        box[i][2] = box[i][0] + 20 + (float)(i % 7), box[i][3] = box[i][1] + 25 + (float)(i % 5);
    }
}

static void same_bits(void **state)
{
    (void)state;
    const poise_detect_options o = {.conf = 0.3f}; /* some give none */
    int n = 0, m = 0;
    fill();
    for (int threads = 1; threads <= 4; threads++) {
        poise_model *model = open_net("pose", threads);
        poise_session *one, *many;
        ps_detector *d;
        assert_int_equal(poise_session_open(model, &one), POISE_OK);
        assert_int_equal(poise_session_open(model, &many), POISE_OK);
        assert_int_equal(ps_detector_open(one, NULL, &d), POISE_OK);
        for (int k = 0; k < 2; k++) { /* whatever the joints' scores, and with a threshold */
            const poise_detect_options *of = k ? &o : NULL;
            memset(want, 0, sizeof want);
            memset(got, 0, sizeof got);
            n = 0;
            for (int i = 0; i < BOXES; i++) {
                int some = 0;
                assert_int_equal(ps_detector_run_box(d, &img, box[i], of, &want[n], 1, &some), POISE_OK);
                n += some;
            }
            assert_int_equal(poise_detect_boxes(many, &img, boxes, BOXES, of, got, BOXES, &m), POISE_OK);
            assert_int_equal(n, m);
            for (int i = 0; i < n; i++) {
                assert_memory_equal(&want[i].x1, &got[i].x1, 4 * sizeof(float));
                assert_memory_equal(want[i].keypoint, got[i].keypoint, (size_t)want[i].n_keypoints * sizeof *want->keypoint);
                assert_true(want[i].conf == got[i].conf && want[i].n_keypoints > 0);
            }
        }
        assert_int_equal(poise_detect_boxes(many, &img, boxes, BOXES, NULL, got, BOXES, &m), POISE_OK);
        assert_int_equal(m, BOXES);
        assert_int_equal(poise_detect_boxes(many, &img, boxes, BOXES, NULL, got, 3, &m), POISE_OK); /* no more than fit */
        assert_int_equal(m, 3);
        assert_int_equal(poise_detect_boxes(many, &img, NULL, 0, NULL, got, 3, &m), POISE_OK);
        assert_int_equal(m, 0);
        box[66][2] = box[66][0];
        assert_int_equal(poise_detect_boxes(many, &img, boxes, BOXES, NULL, got, BOXES, &m), POISE_BAD_ARGUMENT);
        assert_non_null(strstr(poise_error_text(), "x1,y1,x2,y2 inside the picture"));
        fill();
        ps_alloc_limit(-1);
        ps_detector_close(d);
        poise_session_close(many);
        poise_session_close(one);
        poise_model_close(model);
    }
}

/* Without memory for more sessions, one after the other. */
static void without_memory(void **state)
{
    (void)state;
    poise_model *model = open_net("pose", 2);
    poise_session *s;
    int n = 0, first = 0;
    fill();
    assert_int_equal(poise_session_open(model, &s), POISE_OK);
    assert_int_equal(poise_detect_boxes(s, &img, boxes, 1, NULL, want, BOXES, &first), POISE_OK);
    for (long k = 0; k < 3; k++) {
        ps_alloc_limit(k);
        poise_status st = poise_detect_boxes(s, &img, boxes, 2, NULL, got, BOXES, &n);
        ps_alloc_limit(-1);
        assert_true(st == POISE_OK || st == POISE_NO_MEMORY);
        if (st == POISE_OK) assert_true(n == 2 && !memcmp(got[0].keypoint, want[0].keypoint, sizeof got[0].keypoint[0]));
    }
    poise_session_close(s);
    poise_model_close(model);
}

static void for_one_person_only(void **state)
{
    (void)state;
    poise_model *model = open_net("detect", 2);
    poise_session *s;
    int n = 0;
    fill();
    assert_int_equal(poise_session_open(model, &s), POISE_OK);
    assert_int_equal(poise_detect_boxes(s, &img, boxes, 2, NULL, got, BOXES, &n), POISE_UNSUPPORTED);
    assert_int_equal(poise_detect_boxes(s, &img, NULL, 2, NULL, got, BOXES, &n), POISE_BAD_ARGUMENT);
    poise_session_close(s);
    poise_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(without_memory),
                                       cmocka_unit_test(for_one_person_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
