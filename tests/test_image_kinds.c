/* tests/test_image_kinds.c - the kinds of PNG and JPEG that are not plain RGB: all become RGB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "models/image.h"

#if PS_WITH_PNG
#include <png.h>

static uint8_t file[1 << 16];
static size_t size;

static void on_write(png_structp png, png_bytep from, size_t n)
{
    (void)png;
    assert_true(size + n <= sizeof file);
    memcpy(file + size, from, n);
    size += n;
}

static void on_flush(png_structp png)
{
    (void)png;
}

enum { W = 13, H = 9 };

/* Byte i of every row is 2i; palette pixels are 0, 1, 2, 3, 0, ... in red, green, blue, grey. */
static void write_png(int type, int bits, int interlace)
{
    static const png_color colours[4] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {9, 9, 9}};
    static const png_byte alpha[4] = {0, 128, 255, 255};
    uint8_t row[W * 8];
    for (int k = 0; k < W * 8; k++)
        row[k] = (uint8_t)(type != PNG_COLOR_TYPE_PALETTE ? 2 * k : bits == 2 ? 0x1b : k & 3);
    size = 0;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, NULL, on_write, on_flush);
    png_set_IHDR(png, info, W, H, bits, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, colours, 4), png_set_tRNS(png, info, alpha, 4, NULL);
    png_write_info(png, info);
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
        for (int y = 0; y < H; y++) png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

static void every_kind_of_png(void **state)
{
    (void)state;
    static const struct {
        int type, bits;
        uint8_t second[3]; /* the pixel at x = 1 */
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, 8, {2, 2, 2}},        {PNG_COLOR_TYPE_GRAY, 16, {4, 4, 4}},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 8, {4, 4, 4}},  {PNG_COLOR_TYPE_GRAY_ALPHA, 16, {8, 8, 8}},
        {PNG_COLOR_TYPE_RGB, 8, {6, 8, 10}},        {PNG_COLOR_TYPE_RGB, 16, {12, 16, 20}},
        {PNG_COLOR_TYPE_RGB_ALPHA, 8, {8, 10, 12}}, {PNG_COLOR_TYPE_RGB_ALPHA, 16, {16, 20, 24}},
        {PNG_COLOR_TYPE_PALETTE, 8, {0, 255, 0}},   {PNG_COLOR_TYPE_PALETTE, 2, {0, 255, 0}},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int interlace = 0; interlace < 2; interlace++) {
            write_png(kinds[i].type, kinds[i].bits, interlace);
            poise_image img;
            if (poise_image_open_memory(file, size, &img) != POISE_OK)
                fail_msg("kind %zu: %s", i, poise_error_text());
            assert_true(img.w == W && img.h == H && img.format == POISE_RGB);
            for (int y = 0; y < H; y++)
                assert_memory_equal(img.plane[0] + y * img.stride[0] + 3, kinds[i].second, 3);
            poise_image_close(&img);
        }
}
#else
static void every_kind_of_png(void **state)
{
    (void)state;
    skip();
}
#endif

#if PS_WITH_JPEG
#include <turbojpeg.h>

static void cmyk_and_grey_jpeg(void **state)
{
    (void)state;
    /* As Adobe stores it, 255 is no ink: full yellow and magenta without black is red. */
    uint8_t cmyk[16 * 16 * 4], grey[16 * 16];
    for (int i = 0; i < 256; i++) memcpy(cmyk + 4 * i, "\xff\x00\x00\xff", 4), grey[i] = 77;
    for (int kind = 0; kind < 2; kind++) {
        tjhandle tj = tjInitCompress();
        unsigned char *jpeg = NULL;
        unsigned long n = 0;
        assert_int_equal(tjCompress2(tj, kind ? grey : cmyk, 16, 0, 16, kind ? TJPF_GRAY : TJPF_CMYK, &jpeg,
                                     &n, kind ? TJSAMP_GRAY : TJSAMP_444, 95, 0),
                         0);
        poise_image img;
        assert_int_equal(poise_image_open_memory(jpeg, n, &img), POISE_OK);
        assert_int_equal(img.format, POISE_RGB);
        static const uint8_t want[2][3] = {{255, 0, 0}, {77, 77, 77}};
        for (int i = 0; i < 256; i++)
            for (int c = 0; c < 3; c++) assert_true(abs(img.plane[0][3 * i + c] - want[kind][c]) <= 4);
        poise_image_close(&img);
        tjFree(jpeg);
        tjDestroy(tj);
    }
}
#else
static void cmyk_and_grey_jpeg(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_of_png),
                                       cmocka_unit_test(cmyk_and_grey_jpeg)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
