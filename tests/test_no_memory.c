/* tests/test_no_memory.c - the k-th allocation fails, for every k: conversion, opening, the first picture.  Each time
 * a clean POISE_NO_MEMORY (leaks are for AddressSanitizer to find), and success once there is enough. */
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"
#include "tests/tiny_tflite.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST = 100000 };
static char path[64];

/* Kinds of ONNX, then of TFLite. */
static void write_network(int kind)
{
    void *bytes;
    size_t size;
    poise_status s = kind < TINY_COUNT ? tiny_onnx_make(kind, &bytes, &size) : tiny_tflite_make(kind - TINY_COUNT, &bytes, &size);
    assert_int_equal(s, POISE_OK);
    snprintf(path, sizeof path, "/tmp/poise-test-%d.onnx", (int)getpid());
    assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
    ps_free(bytes);
}

/* s with only k allocations: true when it went well. */
static bool enough(poise_status s, long k)
{
    ps_alloc_limit(-1);
    if (s == POISE_OK) return true;
    if (s != POISE_NO_MEMORY) fail_msg("allocation %ld fails: status %d, %s", k, s, poise_error_text());
    assert_true(*poise_error_text());
    return false;
}

static void conversion(void **state)
{
    (void)state;
    for (int kind = 0; kind < TINY_COUNT + TINY_TFLITE_COUNT; kind++) {
        long k = 0;
        int free_size = kind == TINY_SHAPES ? 16 : 0;
        poise_convert_options o = {.imgsz_h = free_size, .imgsz_w = free_size};
        write_network(kind);
        for (;; k++) {
            void *bytes = NULL;
            size_t size;
            ps_alloc_limit(k);
            poise_status s = poise_convert(path, &o, &bytes, &size);
            if (s != POISE_OK) assert_null(bytes);
            poise_free(bytes);
            if (enough(s, k)) break;
            assert_true(k < MOST);
        }
        assert_true(k > 10); /* the limit did reach the converter */
        unlink(path);
    }
}

static void opening(void **state)
{
    (void)state;
    write_network(TINY_DETECT);
    for (long k = 0;; k++) {
        poise_model *m = NULL;
        ps_alloc_limit(k);
        poise_status s = poise_model_open_any(path, NULL, NULL, &m);
        if (s != POISE_OK) assert_null(m);
        poise_model_close(m);
        if (enough(s, k)) break;
        assert_true(k < MOST);
    }
    unlink(path);
}

static void first_picture(void **state)
{
    (void)state;
    static uint8_t pixels[48 * 36 * 3];
    const poise_image img = {.plane = {pixels}, .stride = {48 * 3}, .w = 48, .h = 36};
    poise_model *m;
    write_network(TINY_DETECT);
    assert_int_equal(poise_model_open_any(path, NULL, NULL, &m), POISE_OK);
    long k = 0;
    for (;; k++) {
        poise_session *s;
        poise_object found[8];
        int n = -1;
        assert_int_equal(poise_session_open(m, &s), POISE_OK);
        ps_alloc_limit(k);
        poise_status st = poise_detect(s, &img, NULL, found, 8, &n);
        bool done = enough(st, k);
        assert_int_equal(n, done ? TINY_BOXES : 0);
        if (!done) { /* the session is as good as before */
            assert_int_equal(poise_detect(s, &img, NULL, found, 8, &n), POISE_OK);
            assert_int_equal(n, TINY_BOXES);
        }
        poise_session_close(s);
        if (done) break;
        assert_true(k < MOST);
    }
    assert_true(k > 1);
    poise_model_close(m);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversion),
        cmocka_unit_test(opening),
        cmocka_unit_test(first_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
