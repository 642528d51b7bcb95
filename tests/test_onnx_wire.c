/* tests/test_onnx_wire.c - protobuf's wire format from hand-made bytes, sound and hostile. */
#include "convert/onnx_model.h"
#include "convert/onnx_wire.h"
#include "convert/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define WIRE(...) ps_wire_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void reads_fields_in_order(void **state)
{
    (void)state;
    ps_wire w =
        WIRE(0x08, 0x96, 0x01, 0x12, 0x02, 'h', 'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 1, 0, 0, 0, 0, 0, 0, 0x80);
    ps_wire_field f;
    assert_true(ps_wire_next(&w, &f));
    assert_int_equal(f.number, 1);
    assert_int_equal(f.value, 150);
    assert_true(ps_wire_next(&w, &f));
    assert_int_equal(f.number, 2);
    assert_int_equal(ps_wire_left(&f.bytes), 2);
    assert_memory_equal(f.bytes.at, "hi", 2);
    assert_true(ps_wire_next(&w, &f));
    assert_true(ps_wire_float(f.value) == 1.0F);
    assert_true(ps_wire_next(&w, &f));
    assert_true(f.value == 0x8000000000000001u);
    assert_false(ps_wire_next(&w, &f));
    assert_null(w.bad);
}

static void refuses(ps_wire w)
{
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
    }
    assert_non_null(w.bad);
    assert_false(ps_wire_next(&w, &f)); /* and stays at the end */
}

static void refuses_damage(void **state)
{
    (void)state;
    refuses(WIRE(0x08));                                                                /* no value */
    refuses(WIRE(0x08, 0x80));                                                          /* a varint cut off */
    refuses(WIRE(0x80, 0x80));                                                          /* a key cut off */
    refuses(WIRE(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2));       /* 65 bits */
    refuses(WIRE(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1)); /* 11 bytes */
    refuses(WIRE(0x12, 0x05, 'a')); /* longer than what is there */
    refuses(WIRE(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)); /* 2^64 - 1 bytes */
    refuses(WIRE(0x0d, 1, 2, 3));                                                 /* 32 bits cut off */
    refuses(WIRE(0x09, 1, 2, 3, 4, 5, 6, 7));                                     /* 64 bits cut off */
    refuses(WIRE(0x0b, 0x0c));                                                    /* a group */
    refuses(WIRE(0x0e, 0));                                                       /* wire type 6 */
    refuses(WIRE(0x00, 0));                                                       /* field number 0 */
}

static void a_child_cannot_read_beyond_its_parent(void **state)
{
    (void)state;
    ps_wire w = WIRE(0x0a, 0x02, 0x12, 0x04, 'a', 'b', 'c', 'd');
    ps_wire_field f, g;
    assert_true(ps_wire_next(&w, &f));
    assert_false(ps_wire_next(&f.bytes, &g));
    assert_non_null(f.bytes.bad);
}

static void numbers_packed_and_single(void **state)
{
    (void)state;
    ps_wire w = WIRE(0x0a, 0x03, 0x01, 0xac, 0x02, 0x08, 0x07);
    ps_wire_field f;
    uint64_t v;
    assert_true(ps_wire_next(&w, &f));
    assert_int_equal(ps_wire_numbers(&w, &f, PS_WIRE_VARINT), 2);
    assert_true(ps_wire_number(&w, &f, PS_WIRE_VARINT, &v) && v == 1);
    assert_true(ps_wire_number(&w, &f, PS_WIRE_VARINT, &v) && v == 300);
    assert_false(ps_wire_number(&w, &f, PS_WIRE_VARINT, &v));
    assert_true(ps_wire_next(&w, &f));
    assert_int_equal(ps_wire_numbers(&w, &f, PS_WIRE_VARINT), 1);
    assert_true(ps_wire_number(&w, &f, PS_WIRE_VARINT, &v) && v == 7);
    assert_false(ps_wire_number(&w, &f, PS_WIRE_VARINT, &v));
    assert_null(w.bad);
}

static void numbers_of_the_wrong_type(void **state)
{
    (void)state;
    ps_wire w = WIRE(0x0a, 0x03, 1, 2, 3);
    ps_wire_field f;
    uint64_t v;
    assert_true(ps_wire_next(&w, &f));
    assert_int_equal(ps_wire_numbers(&w, &f, PS_WIRE_32), 0); /* 3 bytes are no whole float */
    assert_non_null(w.bad);
    w = WIRE(0x08, 1);
    assert_true(ps_wire_next(&w, &f));
    assert_false(ps_wire_number(&w, &f, PS_WIRE_32, &v));
    assert_non_null(w.bad);
}

/* ---- tensors ---- */

static poise_status read_tensor(ps_wire w, ps_onnx_tensor *t, ps_heap *heap, const void **data)
{
    *data = NULL;
    PS_TRY(ps_onnx_tensor_read(t, heap, w));
    return ps_onnx_tensor_data(t, heap, data);
}

static void tensors_typed_and_raw(void **state)
{
    (void)state;
    ps_heap heap = {0};
    ps_onnx_tensor t;
    const void *data;
    ps_wire raw = WIRE(0x08, 2, 0x10, 6, 0x42, 1, 'x', 0x4a, 8, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
    assert_int_equal(read_tensor(raw, &t, &heap, &data), POISE_OK);
    assert_string_equal(t.name, "x");
    assert_int_equal(((const int32_t *)data)[0], 1);
    assert_int_equal(((const int32_t *)data)[1], -1);
    ps_wire packed = WIRE(0x0a, 2, 1, 2, 0x10, 7, 0x3a, 2, 5, 6); /* dims packed too */
    assert_int_equal(read_tensor(packed, &t, &heap, &data), POISE_OK);
    assert_int_equal(t.rank, 2);
    assert_true(((const int64_t *)data)[0] == 5 && ((const int64_t *)data)[1] == 6);
    ps_wire single = WIRE(0x10, 1, 0x25, 0, 0, 0x80, 0x3f); /* a scalar */
    assert_int_equal(read_tensor(single, &t, &heap, &data), POISE_OK);
    assert_true(*(const float *)data == 1.0F);
    ps_heap_free(&heap);
}

static void hostile_tensors(void **state)
{
    (void)state;
    ps_heap heap = {0};
    ps_onnx_tensor t;
    const void *data;
    const ps_wire bad[] = {
        WIRE(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x10, 1), /* a dimension of -1 */
        WIRE(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x10, 1),                      /* of 2^40 */
        WIRE(0x08, 0x80, 0x80, 0x04, 0x08, 0x80, 0x80, 0x04, 0x10, 1),                /* 2^16 x 2^16 */
        WIRE(0x08, 0xff, 0xff, 0xff, 0xff, 7, 0x10, 1, 0x4a, 0), /* 2^31 - 1 without data */
        WIRE(0x08, 0xff, 0xff, 0xff, 0xff, 7, 0x10, 1),          /* the same, not raw */
        WIRE(0x08, 2, 0x10, 1, 0x4a, 7, 1, 2, 3, 4, 5, 6, 7),    /* 7 bytes for 2 floats */
        WIRE(0x08, 2, 0x10, 7, 0x3a, 1, 5),                      /* 1 number for 2 */
        WIRE(0x08, 1, 0x10, 7, 0x3a, 2, 5, 0x80),                /* a number cut off */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_tensor(bad[i], &t, &heap, &data), POISE_BAD_MODEL);
    assert_int_equal(read_tensor(WIRE(0x08, 1, 0x10, 8, 0x32, 1, 'a'), &t, &heap, &data), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "string"));
    assert_int_equal(read_tensor(WIRE(0x08, 1, 0x10, 1, 0x70, 1), &t, &heap, &data), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "external"));
    ps_heap_free(&heap);
}

static void sha256_of_known_texts(void **state)
{
    (void)state;
    char hex[65];
    ps_sha256_hex("", 0, NULL, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ps_sha256_hex("abc", 3, NULL, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ps_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, NULL, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields_in_order),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(a_child_cannot_read_beyond_its_parent),
        cmocka_unit_test(numbers_packed_and_single),
        cmocka_unit_test(numbers_of_the_wrong_type),
        cmocka_unit_test(tensors_typed_and_raw),
        cmocka_unit_test(hostile_tensors),
        cmocka_unit_test(sha256_of_known_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
