/* tests/test_task.c - what a network means: names, metadata, shapes, and writing it down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/decode.h"
#include "runtime/memory.h"

/* ---- names ---- */

static void expect_names(const char *text, int n, ...)
{
    ps_names names;
    if (ps_names_parse(text, &names) != POISE_OK) fail_msg("%s: %s", text, poise_error_text());
    assert_int_equal(names.n, n);
    va_list list;
    va_start(list, n);
    for (int i = 0; i < n; i++) {
        const char *want = va_arg(list, const char *);
        if (want)
            assert_string_equal(names.name[i], want);
        else
            assert_null(names.name[i]);
    }
    va_end(list);
    char *again = ps_names_text(&names);
    ps_names copy;
    assert_int_equal(ps_names_parse(again, &copy), POISE_OK);
    assert_int_equal(copy.n, names.n);
    for (int i = 0; i < n; i++)
        if (names.name[i]) assert_string_equal(copy.name[i], names.name[i]);
    ps_free(again);
    ps_names_free(&copy);
    ps_names_free(&names);
}

static void reads_names(void **state)
{
    (void)state;
    expect_names("{0: 'person', 1: 'bicycle'}", 2, "person", "bicycle");
    expect_names("{0: \"driver's seat\", 1: 'a \\'b\\' c'}", 2, "driver's seat", "a 'b' c");
    expect_names("{\"0\": \"x\", \"1\": \"y\"}", 2, "x", "y");
    expect_names("{2: 'c', 0: 'a'}", 3, "a", NULL, "c");
    expect_names("['a', \"b\", 'c,d',]", 3, "a", "b", "c,d");
    expect_names("('one',)", 1, "one");
    expect_names("person, traffic light", 2, "person", "traffic light");
    expect_names("{0: person, 1: car}", 2, "person", "car");
    expect_names(" { 0 : 'x' } \n", 1, "x");
    expect_names("{0: '\\u00e9t\\u00e9', 1: '\\x41'}", 2, "\xc3\xa9t\xc3\xa9", "A");
    expect_names("{0: ''}", 1, "");
    expect_names("{0: 'line\\nbreak'}", 1, "line break");
}

static void refuses_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "{}",
                                      "[]",
                                      "{0",
                                      "{0:",
                                      "{0: '",
                                      "{0: 'a",
                                      "{0: 'a'",
                                      "{0 'a'}",
                                      "{0: 'a'} x",
                                      "{-1: 'a'}",
                                      "{65536: 'a'}",
                                      "{99999999999999999999: 'a'}",
                                      "['a' 'b']",
                                      "{0: 'a', 1}",
                                      "{a: 'b'}",
                                      "['\\x4']",
                                      "{0: '\\u12",
                                      ",",
                                      "{0: 'a',, 1: 'b'}",
                                      "{'0: 'a'}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ps_names n;
        if (ps_names_parse(bad[i], &n) == POISE_OK) fail_msg("\"%s\" was read", bad[i]);
        assert_null(n.name);
    }
    /* Every prefix of a good one, in a block of exactly its size. */
    static const char good[] = "{0: 'per\\'son', 1: \"bi\\u00e9cycle\", 17: plain}";
    for (size_t k = 1; k + 1 < sizeof good; k++) {
        char *copy = calloc(k + 1, 1);
        memcpy(copy, good, k);
        ps_names n;
        assert_int_not_equal(ps_names_parse(copy, &n), POISE_OK);
        free(copy);
    }
}

static void reads_numbers(void **state)
{
    (void)state;
    float v[4];
    assert_int_equal(ps_numbers("[640, 320]", v, 4), 2);
    assert_true(v[0] == 640 && v[1] == 320);
    assert_int_equal(ps_numbers("(17, 3)", v, 4), 2);
    assert_int_equal(ps_numbers("0.485 .456 1e-1", v, 4), 3);
    assert_int_equal(ps_numbers("", v, 4), 0);
    assert_int_equal(ps_numbers("1 2 3 4 5", v, 4), -1);
    assert_int_equal(ps_numbers("nan", v, 4), -1);
    assert_int_equal(ps_numbers("inf", v, 4), -1);
    assert_int_equal(ps_numbers("1, x", v, 4), -1);
}

/* ---- tasks ---- */

typedef struct keys {
    char text[40][2][256]; /* key, value */
    int n;
} keys;

static const char *find(const void *ctx, const char *key)
{
    const keys *k = ctx;
    for (int i = 0; i < k->n; i++)
        if (!strcmp(k->text[i][0], key)) return k->text[i][1];
    return NULL;
}

static poise_status put(void *ctx, const char *key, const char *value)
{
    keys *k = ctx;
    assert_true(k->n < 40 && !find(k, key));
    snprintf(k->text[k->n][0], 256, "%s", key);
    snprintf(k->text[k->n++][1], 256, "%s", value);
    return POISE_OK;
}

static keys K;
static ps_io io;

static void network(int h, int w, int rank, int a, int b, int c)
{
    memset(&K, 0, sizeof K);
    memset(&io, 0, sizeof io);
    io.input = (poise_tensor){.type = POISE_F32, .rank = 4, .dim = {1, 3, h, w}};
    io.out[0] = (poise_tensor){.type = POISE_F32, .rank = rank, .dim = {1, a, b, c}};
    io.n_inputs = io.n_outputs = 1;
    io.meta = find;
    io.ctx = &K;
}

static void chosen(const char *decoder, ps_task_kind kind, int classes, int points)
{
    ps_task t;
    if (ps_task_resolve_io(&io, NULL, &t) != POISE_OK) fail_msg("%s: %s", decoder, poise_error_text());
    assert_string_equal(t.decoder->name, decoder);
    assert_int_equal(t.kind, kind);
    assert_int_equal(t.n_classes, classes);
    assert_int_equal(t.n_keypoints, points);
    ps_task_free(&t);
}

static void shapes_choose(void **state)
{
    (void)state;
    network(640, 640, 3, 84, 8400, 0), chosen("yolov8", PS_TASK_DETECT, 80, 0);
    network(640, 640, 3, 8400, 84, 0), chosen("yolov8", PS_TASK_DETECT, 80, 0);
    network(320, 320, 3, 84, 2100, 0), chosen("yolov8", PS_TASK_DETECT, 80, 0);
    network(640, 640, 3, 5, 8000, 0), chosen("yolov8", PS_TASK_DETECT, 1, 0); /* strides 8 and 16 only */
    network(640, 480, 3, 7, 6300, 0), chosen("yolov8", PS_TASK_DETECT, 3, 0);
    network(256, 256, 3, 56, 1344, 0), chosen("yolov8", PS_TASK_POSE, 1, 17);
    network(640, 640, 3, 25200, 85, 0), chosen("yolov5", PS_TASK_DETECT, 80, 0);
    network(640, 640, 3, 25200, 6, 0), chosen("yolov5", PS_TASK_DETECT, 1, 0);
    network(640, 640, 3, 300, 6, 0), chosen("end2end", PS_TASK_DETECT, 80, 0);
    network(416, 416, 3, 3549, 85, 0), chosen("yolox", PS_TASK_DETECT, 80, 0);
    network(416, 416, 3, 3598, 112, 0), chosen("nanodet-plus", PS_TASK_DETECT, 80, 0);
    network(320, 320, 3, 2100, 112, 0), chosen("nanodet", PS_TASK_DETECT, 80, 0);
    network(352, 352, 4, 85, 22, 22), chosen("fastestdet", PS_TASK_DETECT, 80, 0);
    network(256, 192, 4, 17, 64, 48), chosen("heatmap", PS_TASK_POSE, 1, 17);
    network(224, 224, 2, 1000, 0, 0), chosen("classify", PS_TASK_CLASSIFY, 1000, 0);
    network(640, 640, 3, 300, 6, 0), put(&K, "names", "{0: 'a', 1: 'b'}"), put(&K, "end2end", "True");
    chosen("end2end", PS_TASK_DETECT, 2, 0);
    network(640, 640, 3, 8400, 6, 0), put(&K, "names", "{0: 'a', 1: 'b'}"),
        chosen("yolov8", PS_TASK_DETECT, 2, 0);
    network(640, 640, 3, 8400, 7, 0), put(&K, "names", "{0: 'a', 1: 'b'}"),
        chosen("yolox", PS_TASK_DETECT, 2, 0);
    network(224, 224, 2, 10, 0, 0), put(&K, "task", "classify"), chosen("classify", PS_TASK_CLASSIFY, 10, 0);
    network(640, 640, 3, 59, 8400, 0), put(&K, "task", "pose"), put(&K, "kpt_shape", "[17, 3]"),
        put(&K, "names", "a,b,c,d");
    chosen("yolov8", PS_TASK_POSE, 4, 17);
}

static void refused(const ps_task_options *o, const char *word)
{
    ps_task t;
    assert_int_not_equal(ps_task_resolve_io(&io, o, &t), POISE_OK);
    if (!strstr(poise_error_text(), word)) fail_msg("\"%s\" does not say \"%s\"", poise_error_text(), word);
}

static void refuses_clearly(void **state)
{
    (void)state;
    network(256, 128, 2, 256, 0, 0),
        refused(NULL, "yolov8, end2end"); /* an embedding: the decoders are listed */
    network(640, 640, 3, 84, 8400, 0);
    refused(&(ps_task_options){.decoder = "yolov9000"}, "nanodet-plus");
    refused(&(ps_task_options){.task = "segment"}, "detect, pose, classify");
    refused(&(ps_task_options){.decoder = "fastestdet"}, "[1,5+classes,h,w]");
    refused(&(ps_task_options){.decoder = "heatmap"}, "1x84x8400");
    put(&K, "task", "obb"), refused(NULL, "\"obb\"");
    network(640, 640, 3, 84, 8400, 0), put(&K, "poise.mean", "1 2"), refused(NULL, "poise.mean");
    network(640, 640, 3, 84, 8400, 0), put(&K, "poise.std", "0 0 0"), refused(NULL, "poise.std");
    network(640, 640, 3, 84, 8400, 0), put(&K, "poise.letterbox", "sideways"),
        refused(NULL, "center, topleft, stretch, crop");
    network(640, 640, 3, 56, 8400, 0), put(&K, "task", "pose"), put(&K, "kpt_shape", "[900, 3]"),
        refused(NULL, "64");
    network(640, 640, 3, 84, 8400, 0), io.n_inputs = 2, refused(NULL, "2 inputs");
    network(640, 640, 3, 84, 8400, 0), io.input.dim[1] = 7, refused(NULL, "1x3xHxW");
    network(640, 640, 3, 84, 8400, 0), io.out[0].type = POISE_I64, refused(NULL, "no decoder");
    network(640, 640, 3, 84, 8400, 0), io.n_outputs = 0, refused(NULL, "no decoder");
}

/* Names that cannot be read do not stop a network. */
static void bad_names_are_ignored(void **state)
{
    (void)state;
    network(640, 640, 3, 84, 8400, 0);
    put(&K, "names", "{0: 'person");
    ps_task t;
    assert_int_equal(ps_task_resolve_io(&io, NULL, &t), POISE_OK);
    assert_int_equal(t.n_classes, 80);
    assert_string_equal(t.names.name[79], "toothbrush");
    ps_task_free(&t);
}

static void stores_and_reads_back(void **state)
{
    (void)state;
    static const int shape[][6] = {{640, 640, 3, 84, 8400, 0}, {416, 416, 3, 3549, 85, 0},
                                   {352, 352, 4, 85, 22, 22},  {256, 192, 4, 17, 64, 48},
                                   {224, 224, 2, 1000, 0, 0},  {416, 416, 3, 3598, 112, 0},
                                   {256, 256, 3, 56, 1344, 0}};
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
        const int *s = shape[i];
        network(s[0], s[1], s[2], s[3], s[4], s[5]);
        ps_task a, b;
        assert_int_equal(ps_task_resolve_io(&io, NULL, &a), POISE_OK);
        ps_names_free(&a.names); /* 80 names do not fit into a value of this test */
        ps_names_parse("['one', 'two']", &a.names);
        if (a.n_classes != 2) ps_names_free(&a.names);
        a.pixels.border = 17, a.pixels.bgr = !a.pixels.bgr, a.pixels.filter = PS_FILTER_POINT;
        a.boxes = PS_UNITS_PIXELS, a.scores = PS_SCORES_LOGITS, a.conf = 0.125f, a.iou = 0.5f;
        assert_int_equal(ps_task_store(&a, put, &K), POISE_OK);
        assert_int_equal(ps_task_resolve_io(&io, NULL, &b), POISE_OK);
        assert_ptr_equal(a.decoder, b.decoder);
        assert_int_equal(a.kind, b.kind);
        assert_memory_equal(&a.pixels, &b.pixels, sizeof a.pixels);
        assert_true(a.boxes == b.boxes && a.keypoints == b.keypoints && a.scores == b.scores);
        assert_true(a.conf == b.conf && a.iou == b.iou && a.offset == b.offset && a.bins == b.bins);
        assert_int_equal(a.n_keypoints, b.n_keypoints);
        assert_int_equal(a.n_classes, b.n_classes);
        ps_task_free(&a);
        ps_task_free(&b);
    }
}

static void names_survive_storing(void **state)
{
    (void)state;
    network(640, 640, 3, 6, 8400, 0);
    put(&K, "names", "{0: 'a', 1: \"b's\"}");
    ps_task t;
    assert_int_equal(ps_task_resolve_io(&io, NULL, &t), POISE_OK);
    K.n = 0;
    assert_int_equal(ps_task_store(&t, put, &K), POISE_OK);
    assert_string_equal(find(&K, "names"), "{0: 'a', 1: 'b\\'s'}");
    ps_task_free(&t);
}

/* Every allocation that fails gives a clean error. */
static void no_memory(void **state)
{
    (void)state;
    network(640, 640, 3, 84, 8400, 0);
    put(&K, "names", "{0: 'a'}");
    K.n = 0;
    ps_task t;
    ps_alloc_limit(0);
    assert_int_equal(ps_task_resolve_io(&io, NULL, &t), POISE_NO_MEMORY);
    ps_alloc_limit(-1);
    assert_null(t.names.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names),
        cmocka_unit_test(refuses_names),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(shapes_choose),
        cmocka_unit_test(refuses_clearly),
        cmocka_unit_test(bad_names_are_ignored),
        cmocka_unit_test(stores_and_reads_back),
        cmocka_unit_test(names_survive_storing),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
