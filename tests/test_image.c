/* tests/test_image.c - pictures: round trips, orientation, damaged and hostile files. */
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

#include "models/image.h"
#include "runtime/file.h"
#include "runtime/memory.h"

/* Four flat quadrants: red, green / blue, white; 8x8 blocks so that JPEG keeps them. */
static poise_image quadrants(int w, int h, int channels)
{
    static const uint8_t colour[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    poise_image img;
    assert_int_equal(ps_image_alloc(&img, (uint64_t)w, (uint64_t)h, channels == 1 ? POISE_GRAY : POISE_RGB), POISE_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            memcpy(img.plane[0] + y * img.stride[0] + x * channels, colour[(y >= h / 2) * 2 + (x >= w / 2)],
                   (size_t)channels);
    return img;
}

static char at_corner(const poise_image *img, int right, int bottom)
{
    const uint8_t *p = img->plane[0] + (bottom ? img->h - 2 : 1) * img->stride[0] + (right ? img->w - 2 : 1) * 3;
    bool r = p[0] > 128, g = p[1] > 128, b = p[2] > 128;
    return r && g && b ? 'w' : r ? 'r' : g ? 'g' : b ? 'b' : '?';
}

static void corners(const poise_image *img, char out[5])
{
    for (int i = 0; i < 4; i++) out[i] = at_corner(img, i & 1, i >> 1);
    out[4] = 0;
}

static void round_trip(const char *ending, int w, int h, int channels, int tolerance)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/test_image.%ld%s", (long)getpid(), ending);
    poise_image img = quadrants(w, h, channels), back;
    for (int i = 0; i < w * h * channels; i++) /* noise; a smooth slope for the format that loses detail */
        img.plane[0][i] = (uint8_t)(tolerance ? i / channels % w * 4 + i % channels * 20 : i * 37);
    assert_int_equal(poise_image_save(&img, path, 95), POISE_OK);
    assert_int_equal(poise_image_open(path, &back), POISE_OK);
    unlink(path);
    assert_int_equal(back.w, w);
    assert_int_equal(back.h, h);
    assert_int_equal(back.format, POISE_RGB);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w * 3; x++) {
            int want = img.plane[0][y * img.stride[0] + (channels == 3 ? x : x / 3)];
            int got = back.plane[0][y * back.stride[0] + x];
            assert_true(abs(want - got) <= tolerance);
        }
    poise_image_close(&img);
    poise_image_close(&back);
}

static void keeps_pixels(void **state)
{
    (void)state;
    static const int size[][2] = {{1, 1}, {3, 5}, {32, 16}, {17, 33}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (int c = 1; c <= 3; c += 2) {
            round_trip(".ppm", size[i][0], size[i][1], c, 0);
            round_trip(".bmp", size[i][0], size[i][1], c, 0);
            if (PS_WITH_PNG) round_trip(".png", size[i][0], size[i][1], c, 0);
        }
    if (PS_WITH_JPEG) round_trip(".jpg", 32, 32, 3, 12);
    if (PS_WITH_JPEG) round_trip(".jpeg", 32, 32, 1, 12);
}

static void refuses_odd_names(void **state)
{
    (void)state;
    poise_image img = quadrants(4, 4, 3);
    assert_int_equal(poise_image_save(&img, "/tmp/a.b/picture", 90), POISE_BAD_ARGUMENT);
    assert_non_null(strstr(poise_error_text(), ".jpg"));
    assert_int_equal(poise_image_save(&img, "/nowhere-at-all/x.ppm", 90), POISE_IO);
    assert_non_null(strstr(poise_error_text(), "/nowhere-at-all/x.ppm"));
    poise_image_close(&img);
}

/* Inserts an APP1 block with the orientation behind the two bytes of SOI. */
static uint8_t *with_exif(const uint8_t *jpeg, size_t n, int orientation, bool big, size_t *size)
{
    uint8_t app[36] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
    static const uint8_t le[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3,
                                 0,   1,   0,  0, 0, 0, 0, 0, 0, 0, 0,    0, 0};
    static const uint8_t be[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0,
                                 3,   0,   0, 0,  1, 0, 0, 0, 0, 0, 0, 0,    0};
    memcpy(app + 10, big ? be : le, sizeof le);
    app[10 + (big ? 19 : 18)] = (uint8_t)orientation;
    uint8_t *out = malloc(n + sizeof app);
    memcpy(out, jpeg, 2);
    memcpy(out + 2, app, sizeof app);
    memcpy(out + 2 + sizeof app, jpeg + 2, n - 2);
    *size = n + sizeof app;
    return out;
}

static void turns_upright(void **state)
{
    (void)state;
    if (!PS_WITH_JPEG) skip();
    /* What lies at top-left, top-right, bottom-left, bottom-right of "rgbw" when shown (EXIF 2.3, 4.6.4). */
    static const char *const want[9] = {"rgbw", "rgbw", "grwb", "wbgr", "bwrg",
                                        "rbgw", "brwg", "wgbr", "gwrb"};
    poise_image img = quadrants(48, 32, 3);
    uint8_t *jpeg;
    size_t n;
    assert_int_equal(ps_jpeg_write(&img, 95, &jpeg, &n), POISE_OK);
    for (int o = 0; o <= 9; o++)
        for (int big = 0; big < 2; big++) {
            size_t size;
            uint8_t *turned = with_exif(jpeg, n, o, big, &size);
            poise_image out;
            assert_int_equal(poise_image_open_memory(turned, size, &out), POISE_OK);
            char got[5];
            corners(&out, got);
            assert_string_equal(got, want[o > 8 ? 0 : o]);
            bool swap = o >= 5 && o <= 8;
            assert_int_equal(out.w, swap ? 32 : 48);
            assert_int_equal(out.h, swap ? 48 : 32);
            poise_image_close(&out);
            free(turned);
        }
    ps_free(jpeg);
    poise_image_close(&img);
}

static double always(const void *ctx, int32_t w, int32_t h)
{
    assert_true(w > 0 && h > 0);
    return *(const double *)ctx;
}

/* Every pixel of a smaller version shows what it says it shows, whatever the orientation and the remainder of sides. */
static void smaller_pixels_lie_right(int orientation, double most, int by)
{
    enum { W = 101, H = 77 };
    poise_image img, full, out;
    uint8_t *jpeg;
    size_t n, size;
    assert_int_equal(ps_image_alloc(&img, W, H, POISE_RGB), POISE_OK);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            uint8_t *p = img.plane[0] + y * img.stride[0] + 3 * x;
            p[0] = p[2] = (uint8_t)(x * 2), p[1] = (uint8_t)(y * 3); /* slopes that tell where a pixel is from */
        }
    assert_int_equal(ps_jpeg_write(&img, 100, &jpeg, &n), POISE_OK);
    uint8_t *turned = with_exif(jpeg, n, orientation, true, &size);
    assert_int_equal(poise_image_open_memory(turned, size, &full), POISE_OK);
    assert_int_equal(ps_jpeg_read(turned, size, &(ps_shrink){always, &most}, &out), POISE_OK);
    if (by == 1) {
        assert_true(out.w == full.w && out.h == full.h && !out.full_w);
    } else {
        assert_true(out.full_w == full.w && out.full_h == full.h && out.shrink == (float)by);
        assert_true(out.w == (full.w + by - 1) / by && out.h == (full.h + by - 1) / by);
        for (int y = 0; y < out.h; y++)
            for (int x = 0; x < out.w; x++) {
                double fx = (x + 0.5 - (double)out.left) * by - 0.5, fy = (y + 0.5 - (double)out.top) * by - 0.5;
                if (fx < by || fy < by || fx > full.w - 1 - by || fy > full.h - 1 - by) continue;
                int ix = (int)fx, iy = (int)fy;
                for (int c = 0; c < 2; c++) {
                    const uint8_t *p = full.plane[0] + iy * full.stride[0] + 3 * ix + c;
                    double wx = fx - ix, wy = fy - iy;
                    double want = (p[0] * (1 - wx) + p[3] * wx) * (1 - wy) +
                                  (p[full.stride[0]] * (1 - wx) + p[full.stride[0] + 3] * wx) * wy;
                    assert_true(fabs(out.plane[0][y * out.stride[0] + 3 * x + c] - want) <= 4);
                }
            }
    }
    poise_image_close(&out);
    poise_image_close(&full);
    poise_image_close(&img);
    ps_free(jpeg);
    free(turned);
}

static void reads_smaller_versions(void **state)
{
    (void)state;
    if (!PS_WITH_JPEG) skip();
    for (int o = 1; o <= 8; o++) {
        smaller_pixels_lie_right(o, 2, 2);
        smaller_pixels_lie_right(o, 7.9, 4);
        smaller_pixels_lie_right(o, 100, 8);
    }
    smaller_pixels_lie_right(6, 1.99, 1);
    smaller_pixels_lie_right(1, 0, 1);
}

static void bounds_exif(void **state)
{
    (void)state;
    /* An IFD that lies outside, one with more entries than bytes, one that is cut in the header. */
    static const uint8_t far[] = {'I', 'I', 42, 0, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t many[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0xff, 0xff, 1, 0x12, 0, 3};
    for (size_t n = 0; n <= sizeof far; n++) assert_int_equal(ps_exif_of_tiff(far, n), 1);
    for (size_t n = 0; n <= sizeof many; n++) assert_int_equal(ps_exif_of_tiff(many, n), 1);
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff, 'E', 'x', 'i', 'f'};
    for (size_t n = 2; n <= sizeof jpeg; n++) assert_int_equal(ps_exif_of_jpeg(jpeg, n), 1);
}

/* Every prefix of a file must fail with a line of text, never crash, never give a picture. */
static void refuses_prefixes(const uint8_t *p, size_t n, size_t step, const char *word)
{
    for (size_t k = 0; k + 2 < n; k += step) {
        uint8_t *copy = malloc(k ? k : 1); /* exact size: a sanitizer sees any over-read */
        memcpy(copy, p, k);
        poise_image out;
        poise_status st = poise_image_open_memory(copy, k, &out);
        assert_int_not_equal(st, POISE_OK);
        assert_null(out.plane[0]);
        assert_true(poise_error_text()[0] != 0);
        if (word && k > n * 9 / 10) assert_non_null(strstr(poise_error_text(), word));
        free(copy);
    }
}

static void flips_bits(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    unsigned seed = 1;
    for (int i = 0; i < 400; i++) {
        memcpy(copy, p, n);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1103515245u + 12345u;
            copy[seed % n] ^= (uint8_t)(1u << (seed >> 28 & 7));
        }
        poise_image out;
        if (poise_image_open_memory(copy, n, &out) == POISE_OK) {
            assert_true(out.w > 0 && out.h > 0);
            poise_image_close(&out);
        } else {
            assert_null(out.plane[0]);
        }
    }
    free(copy);
}

static void survives_damage(void **state)
{
    (void)state;
    poise_image img = quadrants(40, 24, 3);
    for (int i = 0; i < 40 * 24 * 3; i++) img.plane[0][i] = (uint8_t)(i * i >> 3);
    poise_status (*const write[])(const poise_image *, uint8_t **,
                                  size_t *) = {ps_pnm_write, ps_bmp_write, PS_WITH_PNG ? ps_png_write : NULL};
    for (int f = 0; f < 4; f++) {
        uint8_t *bytes;
        size_t n;
        if (f == 3 && !PS_WITH_JPEG) continue;
        if (f < 3 && !write[f]) continue;
        assert_int_equal(f == 3 ? ps_jpeg_write(&img, 90, &bytes, &n) : write[f](&img, &bytes, &n), POISE_OK);
        refuses_prefixes(bytes, n, 1, "truncated");
        flips_bits(bytes, n);
        ps_free(bytes);
    }
    poise_image_close(&img);
}

static void names_the_file(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/test_image.%ld.cut.ppm", (long)getpid());
    assert_int_equal(ps_file_write(path, "P6 9 9 255\nabc", 14), POISE_OK);
    poise_image out;
    assert_int_equal(poise_image_open(path, &out), POISE_IO);
    unlink(path);
    assert_non_null(strstr(poise_error_text(), path));
    assert_non_null(strstr(poise_error_text(), "truncated"));
    assert_int_equal(poise_image_open(path, &out), POISE_IO);
    assert_non_null(strstr(poise_error_text(), path));
}

static poise_status open_text(const char *text, size_t n)
{
    poise_image out;
    size_t before = ps_alloc_count();
    poise_status st = poise_image_open_memory(text, n, &out);
    if (st != POISE_OK) assert_int_equal(ps_alloc_count(), before); /* refused before anything is allocated */
    poise_image_close(&out);
    return st;
}

static void limits_size(void **state)
{
    (void)state;
    static const char huge[] = "P6 99999999 99999999 255\nabc", over[] = "P6 4294967296 4294967296 255\nabc";
    assert_int_equal(open_text(huge, sizeof huge), POISE_IO);
    assert_int_equal(open_text(over, sizeof over), POISE_IO);
    assert_int_equal(open_text("P6 0 5 255\n", 11), POISE_IO);
    assert_int_equal(open_text("P6 5 5 0\n", 9), POISE_IO);
    assert_int_equal(open_text("P6 -5 5 255\n", 12), POISE_IO);
    assert_int_equal(open_text("RIFF....WEBPVP8 ", 16), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "WebP"));
    poise_image img;
    assert_int_equal(ps_image_alloc(&img, 10001, 10000, POISE_RGB), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "at most 100 million"));
}

/* Headers that promise 30000 x 30000 pixels in a few bytes. */
static void refuses_bombs(void **state)
{
    (void)state;
    poise_image img = quadrants(16, 16, 3), out;
    uint8_t *bytes;
    size_t n;
    if (PS_WITH_JPEG) {
        assert_int_equal(ps_jpeg_write(&img, 90, &bytes, &n), POISE_OK);
        for (size_t i = 2; i + 9 < n; i++)
            if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) memcpy(bytes + i + 5, "\x75\x30\x75\x30", 4);
        size_t before = ps_alloc_count();
        assert_int_equal(poise_image_open_memory(bytes, n, &out), POISE_UNSUPPORTED);
        assert_int_equal(ps_alloc_count(), before);
        assert_non_null(strstr(poise_error_text(), "30000 x 30000"));
        ps_free(bytes);
    }
    if (PS_WITH_PNG) {
        assert_int_equal(ps_png_write(&img, &bytes, &n), POISE_OK);
        memcpy(bytes + 16, "\0\0\x75\x30\0\0\x75\x30", 8); /* the checksum is wrong too: refused either way */
        size_t before = ps_alloc_count();
        assert_int_not_equal(poise_image_open_memory(bytes, n, &out), POISE_OK);
        assert_int_equal(ps_alloc_count(), before);
        ps_free(bytes);
    }
    poise_image_close(&img);
}

static void reads_variants(void **state)
{
    (void)state;
    poise_image out;
    static const char ascii[] = "P3 # a comment\n2 1 15\n 15 15 0 7 3 9";
    assert_int_equal(poise_image_open_memory(ascii, sizeof ascii - 1, &out), POISE_OK);
    assert_memory_equal(out.plane[0], "\xff\xff\x00\x77\x33\x99", 6);
    poise_image_close(&out);
    static const char grey[] = "P5 2 1 255\n\x10\xf0";
    assert_int_equal(poise_image_open_memory(grey, sizeof grey - 1, &out), POISE_OK);
    assert_memory_equal(out.plane[0], "\x10\x10\x10\xf0\xf0\xf0", 6);
    poise_image_close(&out);
    static const char deep[] = "P5 1 1 65535\n\xff\xff";
    assert_int_equal(poise_image_open_memory(deep, sizeof deep - 1, &out), POISE_OK);
    assert_memory_equal(out.plane[0], "\xff\xff\xff", 3);
    poise_image_close(&out);
    /* One-bit BMP, bottom-up, palette black/orange: row 10000000. */
    uint8_t bmp[66] = {'B', 'M', 66, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 40,
                       0,   0,   0,  2, 0, 0, 0, 1, 0, 0, 0,  1, 0, 1};
    bmp[58] = 0, bmp[59] = 128, bmp[60] = 255;
    bmp[62] = 0x80;
    assert_int_equal(poise_image_open_memory(bmp, sizeof bmp, &out), POISE_OK);
    assert_memory_equal(out.plane[0], "\xff\x80\x00\x00\x00\x00", 6);
    poise_image_close(&out);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    if (PS_WITH_JPEG) skip();
    poise_image out;
    assert_int_equal(poise_image_open_memory("\xff\xd8\xff\xe0", 4, &out), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "built without JPEG"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_pixels),    cmocka_unit_test(refuses_odd_names),
        cmocka_unit_test(turns_upright),
        cmocka_unit_test(reads_smaller_versions),   cmocka_unit_test(bounds_exif),
        cmocka_unit_test(survives_damage), cmocka_unit_test(names_the_file),
        cmocka_unit_test(limits_size),     cmocka_unit_test(refuses_bombs),
        cmocka_unit_test(reads_variants),  cmocka_unit_test(says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
