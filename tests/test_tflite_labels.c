/* tests/test_tflite_labels.c - what exporters append to a TFLite file: zip files with labels or notes, packed and damaged. */
#include "convert/inflate.h"
#include "convert/tflite.h"
#include "runtime/memory.h"
#include "tests/tflite_run.h"

static const char notes[] = "{\"names\": {\"0\": \"cat\", \"1\": \"dog\"}}";

/* What zlib makes of `notes` with its fixed codes. */
static const uint8_t fixed[] = {
    0xab, 0x56, 0xca, 0x4b, 0xcc, 0x4d, 0x2d, 0x56, 0xb2, 0x52, 0xa8, 0x56, 0x32, 0x00, 0x92, 0x4a, 0xc9, 0x89, 0x25, 0x4a,
    0x3a, 0x0a, 0x4a, 0x86, 0x20, 0x76, 0x4a, 0x7e, 0xba, 0x52, 0x6d, 0x2d, 0x00};

/* What zlib makes of letters() with codes of its own. */
static const uint8_t dynamic[] = {
    0x3d, 0x91, 0x0b, 0x12, 0xc4, 0x30, 0x08, 0x42, 0xcf, 0x8a, 0x9a, 0xcf, 0xfd, 0x4f, 0xb0, 0x3e, 0x4c, 0x37, 0x33, 0x9d,
    0x56, 0x8b, 0x80, 0x44, 0x8a, 0x50, 0x48, 0xbc, 0xfa, 0x64, 0xc5, 0xd6, 0x75, 0x11, 0xd9, 0x8f, 0x2a, 0x2b, 0xe7, 0x5b,
    0x51, 0x46, 0xd0, 0xbd, 0xca, 0x86, 0xac, 0xca, 0x4d, 0xa5, 0x45, 0x57, 0xf4, 0xe0, 0x0a, 0x0e, 0x75, 0x74, 0x9b, 0x0e,
    0x14, 0xe1, 0xbe, 0x51, 0x14, 0x05, 0x59, 0x9a, 0x2e, 0x55, 0x70, 0x97, 0xaa, 0x55, 0x96, 0xa8, 0x10, 0x6d, 0xec, 0xd6,
    0xca, 0xd2, 0x0d, 0xb0, 0x71, 0xf4, 0x8e, 0xa5, 0x00, 0x9e, 0x66, 0x1e, 0x09, 0x10, 0x89, 0x4e, 0xff, 0x28, 0xfc, 0x78,
    0xa1, 0x8a, 0xb5, 0xde, 0xcc, 0xd1, 0x74, 0x59, 0xeb, 0x2d, 0x77, 0x9f, 0xbf, 0x3b, 0xd6, 0x98, 0xd4, 0xde, 0xb6, 0xdd,
    0x3e, 0xae, 0xed, 0xab, 0x5d, 0x99, 0xea, 0xb8, 0x62, 0x8c, 0x9f, 0x42, 0x28, 0xac, 0xe4, 0xef, 0x6e, 0x05, 0xbe, 0x02,
    0x99, 0x74, 0x40, 0x99, 0x33, 0xe8, 0x32, 0x87, 0x2c, 0x1f, 0x05, 0x0a, 0xb7, 0xbe, 0x75, 0x30, 0xd4, 0xfe, 0x0c, 0x3c,
    0x2f, 0x10, 0xb0, 0xc3, 0xce, 0xdc, 0x65, 0x26, 0x79, 0x57, 0xd9, 0xfb, 0x04, 0xf9, 0x02, 0x8d, 0xef, 0xe6, 0xec, 0x28,
    0x47, 0x61, 0xae, 0x8f, 0x31, 0x92, 0xe1, 0xae, 0x6c, 0x79, 0x7b, 0x27, 0x1b, 0x1c, 0xc7, 0x9c, 0x3b, 0x8e, 0x66, 0xd0,
    0x09, 0xda, 0xfa, 0xbb, 0xd1, 0x11, 0x61, 0x86, 0x88, 0x9d, 0x77, 0xa3, 0xe2, 0x9f, 0x86, 0x89, 0xed, 0xa2, 0x26, 0xd8,
    0xa9, 0xf6, 0x0f};

static void letters(uint8_t *to)
{
    uint32_t x = 12345;
    for (int i = 0; i < 600; i++) {
        x = (x * 1103515245u + 12345u) & 0x7fffffff;
        unsigned v = (x >> 16) % 64;
        to[i] = (uint8_t)(97 + (v < 32 ? 0 : v < 48 ? 1 : v < 56 ? 2 : v < 60 ? 3 : v - 56));
    }
}

static void packed_bytes(void **state)
{
    (void)state;
    static const uint8_t stored[] = {1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
    uint8_t out[600], want[600];
    letters(want);
    assert_true(ps_inflate(stored, sizeof stored, out, 3));
    assert_memory_equal(out, "abc", 3);
    assert_true(ps_inflate(fixed, sizeof fixed, out, sizeof notes - 1));
    assert_memory_equal(out, notes, sizeof notes - 1);
    assert_true(ps_inflate(dynamic, sizeof dynamic, out, 600));
    assert_memory_equal(out, want, 600);
    assert_false(ps_inflate(dynamic, sizeof dynamic, out, 599)); /* another size than is there */
    assert_false(ps_inflate(dynamic, sizeof dynamic - 2, out, 600));
    for (size_t i = 0; i < 8 * sizeof dynamic; i++) { /* any bit: nothing is written behind the end */
        uint8_t copy[sizeof dynamic], *room = ps_alloc(600);
        memcpy(copy, dynamic, sizeof copy);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        ps_inflate(copy, sizeof copy, room, 600);
        ps_free(room);
    }
}

/* ---- zip files ---- */

typedef struct file {
    uint8_t p[16384];
    size_t n;
} file;

static void put(file *f, const void *p, size_t n)
{
    assert_true(f->n + n <= sizeof f->p);
    memcpy(f->p + f->n, p, n);
    f->n += n;
}

static void put_number(file *f, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++, v >>= 8) put(f, &(uint8_t){(uint8_t)v}, 1);
}

/* A network with a zip file of one entry behind it. */
static void make(file *f, const char *name, int method, const void *data, size_t packed, size_t size)
{
    void *bytes;
    size_t n;
    f->n = 0;
    assert_int_equal(tiny_tflite_make(TINY_TFLITE_MOVES, &bytes, &n), POISE_OK);
    put(f, bytes, n);
    ps_free(bytes);
    for (int central = 0; central < 2; central++) {
        put_number(f, central ? 0x02014b50 : 0x04034b50, 4);
        put_number(f, 20, central ? 4 : 2);
        put_number(f, 0, 2);
        put_number(f, (uint32_t)method, 2);
        put_number(f, 0, 4), put_number(f, 0, 4);
        put_number(f, (uint32_t)packed, 4), put_number(f, (uint32_t)size, 4);
        put_number(f, (uint32_t)strlen(name), 2), put_number(f, 0, 2);
        if (central) put_number(f, 0, 4), put_number(f, 0, 4), put_number(f, 0, 2), put_number(f, (uint32_t)n, 4);
        put(f, name, strlen(name));
        if (!central) put(f, data, packed);
    }
    size_t directory = n + 30 + strlen(name) + packed;
    put_number(f, 0x06054b50, 4), put_number(f, 0, 4), put_number(f, 1, 2), put_number(f, 1, 2);
    put_number(f, (uint32_t)(f->n - 12 - directory), 4), put_number(f, (uint32_t)directory, 4), put_number(f, 0, 2);
}

static void expect_meta(const file *f, const char *key, const char *want)
{
    ps_graph g = {0};
    if (ps_tflite_read(&g, f->p, f->n, NULL) != POISE_OK) fail_msg("%s", poise_error_text());
    const char *got = ps_graph_get_meta(&g, key);
    if (want) assert_non_null(got);
    if (want) assert_string_equal(got, want);
    else assert_null(got);
    ps_graph_free(&g);
}

static void labels_and_notes(void **state)
{
    (void)state;
    static file f;
    static const char labels[] = "cat, big\r\nso \"called\"\nlast", more[] =
        "{'task': 'pose', 'imgsz': [64,\n 48], 'author': 'it\\'s me', 'names': {0: 'a', 1: 'b'}, 'kpt_shape': (17, 3)}";
    make(&f, "labels.txt", 0, labels, sizeof labels - 1, sizeof labels - 1);
    expect_meta(&f, "names", "[\"cat, big\", \"so \\\"called\\\"\", \"last\"]");
    make(&f, "metadata.json", 8, fixed, sizeof fixed, sizeof notes - 1);
    expect_meta(&f, "names", "{0: \"cat\", 1: \"dog\"}");
    make(&f, "temp_meta.txt", 0, more, sizeof more - 1, sizeof more - 1);
    expect_meta(&f, "task", "pose");
    expect_meta(&f, "imgsz", "[64, 48]");
    expect_meta(&f, "names", "{0: 'a', 1: 'b'}");
    expect_meta(&f, "kpt_shape", "(17, 3)");
    make(&f, "picture.png", 0, labels, sizeof labels - 1, sizeof labels - 1);
    expect_meta(&f, "names", NULL);
}

/* A zip file that cannot be read is left alone, and the network is read all the same. */
static void damaged_zip_files(void **state)
{
    (void)state;
    static file f;
    make(&f, "metadata.json", 8, fixed, sizeof fixed, sizeof notes - 1);
    size_t from = f.n - 22 - 46 - 13 - sizeof fixed - 30 - 13;
    for (size_t i = from; i < f.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            ps_graph g = {0};
            f.p[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(ps_tflite_read(&g, f.p, f.n, NULL), POISE_OK);
            ps_graph_free(&g);
            f.p[i] ^= (uint8_t)(1 << bit);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_bytes),
        cmocka_unit_test(labels_and_notes),
        cmocka_unit_test(damaged_zip_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
