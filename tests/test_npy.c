/* tests/test_npy.c - .npy files: what is written can be read, and what is damaged is refused. */
#include "app/npy.h"

#include "nn/tensor.h"
#include "runtime/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A file of version `version` with this header text and n bytes of data, all 1; freed by the caller. */
static uint8_t *make(int version, const char *header, size_t data, size_t *size)
{
    size_t head = version == 1 ? 10 : 12, n = strlen(header);
    uint8_t *b = malloc(head + n + data + 1);
    assert_non_null(b);
    memcpy(b, "\x93NUMPY", 6);
    b[6] = (uint8_t)version, b[7] = 0;
    b[8] = (uint8_t)n, b[9] = (uint8_t)(n >> 8);
    if (version > 1) b[10] = b[11] = 0;
    memcpy(b + head, header, n);
    memset(b + head + n, 1, data);
    *size = head + n + data;
    return b;
}

static poise_status parse(int version, const char *header, size_t data)
{
    size_t size;
    uint8_t *b = make(version, header, data, &size);
    ps_npy n;
    poise_status s = ps_npy_parse(b, size, &n);
    ps_npy_close(&n);
    free(b);
    return s;
}

static void refused(const char *header, size_t data, const char *part)
{
    assert_int_equal(parse(1, header, data), POISE_IO);
    if (!strstr(poise_error_text(), part)) fail_msg("'%s' lacks '%s'", poise_error_text(), part);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_F32, POISE_F64, POISE_F16, POISE_I32,
                                       POISE_I64, POISE_U8,  POISE_I8,  POISE_BOOL};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        for (int rank = 0; rank <= 4; rank++) {
            poise_tensor t = {.type = types[k], .rank = rank, .dim = {2, 3, 1, 5}};
            ps_strides_row_major(&t);
            size_t bytes = poise_tensor_count(&t) * poise_type_size(t.type), size;
            uint8_t data[30 * 8];
            for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)(i * 7);
            t.data = data;
            void *file;
            assert_int_equal(ps_npy_bytes(&t, &file, &size), POISE_OK);
            assert_int_equal((size - bytes) % 64, 0);
            ps_npy n;
            assert_int_equal(ps_npy_parse(file, size, &n), POISE_OK);
            assert_true(n.tensor.type == t.type && n.tensor.rank == rank);
            assert_memory_equal(n.tensor.dim, t.dim, (size_t)rank * sizeof *t.dim);
            assert_memory_equal(n.tensor.data, data, bytes);
            ps_npy_close(&n);
            ps_free(file);
        }
}

/* Strides of the tensor do not show in the file. */
static void test_channels_last(void **state)
{
    (void)state;
    float data[2 * 6] = {0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15};
    poise_tensor t = {.data = data, .type = POISE_F32, .rank = 4, .dim = {1, 2, 2, 3}};
    ps_strides_channels_last(&t, 2);
    void *file;
    size_t size;
    assert_int_equal(ps_npy_bytes(&t, &file, &size), POISE_OK);
    ps_npy n;
    assert_int_equal(ps_npy_parse(file, size, &n), POISE_OK);
    for (int i = 0; i < 12; i++) assert_true(((float *)n.tensor.data)[i] == (float)(i / 6 * 10 + i % 6));
    ps_npy_close(&n);
    ps_free(file);
}

static void test_forms(void **state)
{
    (void)state;
    assert_int_equal(parse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), POISE_OK);
    assert_int_equal(parse(2, "{\"shape\":(4,),\"descr\":\"|u1\",\"fortran_order\":False}\n", 4), POISE_OK);
    assert_int_equal(parse(3, "{'descr': '<i8', 'fortran_order': False, 'shape': ()}   \n", 8), POISE_OK);
    assert_int_equal(parse(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", 0), POISE_OK);
    /* data at an odd address must be copied, not read in place */
    assert_int_equal(parse(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} ", 8), POISE_OK);
}

static void test_hostile(void **state)
{
    (void)state;
    refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, "Fortran order");
    refused("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "big-endian");
    refused("{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", 16, "f4 f8");
    refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "records");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "needs 24");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "needs 24");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "not a number");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", 4, "2^31-1");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647), }", 4, "too large");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4, "dimensions");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': 3, }", 4, "not a tuple");
    refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3", 4, "not closed");
    refused("{'descr': '<f4', 'fortran_order': False, }", 4, "missing");
    refused("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4, "neither");
    refused("{'descr': '<f4', 'extra': 1}", 4, "unknown key");
    refused("", 4, "not a dictionary");
    assert_int_equal(parse(4, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4), POISE_IO);
    assert_int_equal(parse(0, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4), POISE_IO);
}

/* Every file that is cut short, and every file with one byte changed, is read or refused without harm. */
static void test_damaged(void **state)
{
    (void)state;
    size_t size;
    uint8_t *b = make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, &size);
    for (size_t n = 0; n < size; n++) {
        uint8_t *cut = malloc(n + 1); /* its end is the end of the block: over-reads show under a sanitizer */
        assert_non_null(cut);
        memcpy(cut, b, n);
        ps_npy npy;
        assert_int_not_equal(ps_npy_parse(cut, n, &npy), POISE_OK);
        ps_npy_close(&npy);
        free(cut);
    }
    for (size_t i = 0; i < size - 24; i++)
        for (int v = 0; v < 256; v += 5) {
            uint8_t was = b[i];
            b[i] = (uint8_t)v;
            ps_npy npy;
            if (ps_npy_parse(b, size, &npy) == POISE_OK)
                assert_true(poise_tensor_count(&npy.tensor) * poise_type_size(npy.tensor.type) <= 24);
            ps_npy_close(&npy);
            b[i] = was;
        }
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_channels_last),
                                       cmocka_unit_test(test_forms), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
