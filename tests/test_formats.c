/* tests/test_formats.c - pictures in every format of pixels, and smaller versions of pictures, in the network's input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/image.h"
#include "models/image_rows.h"
#include "models/letterbox.h"
#include "nn/tensor.h"
#include "runtime/cpu.h"

enum { W = 61, H = 43, IN_W = 33, IN_H = 40 };

static uint8_t bytes[W * H * 4 + 64];
static uint32_t noise_seed;

static uint8_t noise(void)
{
    noise_seed = noise_seed * 1664525u + 1013904223u;
    return (uint8_t)(noise_seed >> 24);
}

/* The picture in a 3 x 40 x 33 input, with the kernels of this machine or, `c`, the plain ones. */
static void fill(const poise_image *img, const ps_pixels *px, bool c, float *out)
{
    ps_kernels k;
    ps_letterbox lb = {0};
    ps_kernels_select(&k, c ? 0 : ps_cpu_flags());
    poise_tensor t = {.data = out, .type = POISE_F32, .rank = 4, .dim = {1, 3, IN_H, IN_W}};
    ps_strides_channels_last(&t, 3);
    ps_geometry g = ps_geometry_make(px->fit, 0, ps_image_full_w(img), ps_image_full_h(img), IN_W, IN_H);
    ps_geometry_of_image(&g, img);
    assert_int_equal(ps_letterbox_plan(&lb, px, &g, 1), POISE_OK);
    assert_int_equal(ps_letterbox_run(&lb, &k, img, &t), POISE_OK);
    ps_letterbox_free(&lb);
}

static float most_apart(const float *a, const float *b)
{
    float most = 0;
    for (int i = 0; i < 3 * IN_W * IN_H; i++) most = fmaxf(most, fabsf(a[i] - b[i]));
    return most;
}

static ps_pixels pixels_of(int round)
{
    return (ps_pixels){.fit = round & 1 ? PS_FIT_CENTER : PS_FIT_STRETCH,
                       .filter = round & 2 ? PS_FILTER_POINT : PS_FILTER_AREA,
                       .bgr = round >> 2 & 1,
                       .border = 114,
                       .scale = 1,
                       .std = {1, 1, 1}};
}

static poise_image noise_rgb(void)
{
    poise_image img;
    assert_int_equal(ps_image_alloc(&img, W, H, POISE_RGB), POISE_OK);
    for (int i = 0; i < W * H * 3; i++) img.plane[0][i] = noise();
    return img;
}

/* The same pixels in another order or with a byte more give the same input. */
static void interleaved(void **state)
{
    (void)state;
    static float want[3 * IN_W * IN_H], got[3 * IN_W * IN_H];
    static const struct {
        int format, step, order[3];
    } kinds[] = {{POISE_BGR, 3, {2, 1, 0}}, {POISE_RGBA, 4, {0, 1, 2}}, {POISE_BGRA, 4, {2, 1, 0}}};
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            ps_pixels px = pixels_of(round);
            poise_image img = noise_rgb(), other = {.w = W, .h = H, .format = kinds[i].format};
            other.plane[0] = bytes, other.stride[0] = W * kinds[i].step + 1;
            if (W * 4 + 1 > (int)(sizeof bytes / H)) other.stride[0]--;
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++)
                    for (int c = 0; c < 3; c++)
                        bytes[y * other.stride[0] + x * kinds[i].step + kinds[i].order[c]] =
                            img.plane[0][y * img.stride[0] + 3 * x + c];
            fill(&img, &px, true, want);
            fill(&other, &px, false, got);
            assert_true(most_apart(want, got) == 0);
            poise_image_close(&img);
        }
}

/* What the standards say, in double: Kr and Kb, the range, 128. */
static void rgb_of(double y, double u, double v, int colour, uint8_t rgb[3])
{
    double kr = colour & POISE_BT709 ? 0.2126 : 0.299, kb = colour & POISE_BT709 ? 0.0722 : 0.114;
    bool full = colour & POISE_FULL_RANGE;
    double luma = full ? y : (y - 16) * 255 / 219, pb = (u - 128) / (full ? 255 : 224) * 255 * 2,
           pr = (v - 128) / (full ? 255 : 224) * 255 * 2;
    double r = luma + (1 - kr) * pr, b = luma + (1 - kb) * pb, g = (luma - kr * r - kb * b) / (1 - kr - kb);
    double of[3] = {r, g, b};
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)fmin(fmax(floor(of[c] + 0.5), 0), 255);
}

/* Video as NV12 and I420, within a level of converting first and scaling then; odd sizes have a chroma sample more. */
static void video(void **state)
{
    (void)state;
    enum { CW = (W + 1) / 2, CH = (H + 1) / 2 };
    static uint8_t y[H * W], uv[CH * (2 * CW + 3)], u[CH * CW], v[CH * CW];
    static float want[3 * IN_W * IN_H], got[3 * IN_W * IN_H];
    for (int round = 0; round < 32; round++) {
        ps_pixels px = pixels_of(round % 8);
        int colour = round / 8;
        poise_image rgb;
        assert_int_equal(ps_image_alloc(&rgb, W, H, POISE_RGB), POISE_OK);
        for (int i = 0; i < H * W; i++) y[i] = noise();
        for (int i = 0; i < CH * CW; i++) {
            uint8_t *p = uv + i / CW * (2 * CW + 3) + i % CW * 2;
            p[0] = u[i] = noise(), p[1] = v[i] = noise();
        }
        for (int i = 0; i < H * W; i++) {
            int c = i / W / 2 * CW + i % W / 2;
            rgb_of(y[i], u[c], v[c], colour, rgb.plane[0] + 3 * i);
        }
        poise_image nv12 = {{y, uv, NULL}, {W, 2 * CW + 3, 0},   .w = W,
                            .h = H,        .format = POISE_NV12, .colour = colour};
        poise_image i420 = {{y, u, v}, {W, CW, CW}, .w = W, .h = H, .format = POISE_I420, .colour = colour};
        fill(&rgb, &px, true, want);
        fill(&nv12, &px, false, got);
        assert_true(most_apart(want, got) <= 1);
        fill(&nv12, &px, true, want);
        assert_true(most_apart(want, got) == 0);
        fill(&i420, &px, false, got);
        assert_true(most_apart(want, got) == 0);
        poise_image_close(&rgb);
    }
}

/* A part of the picture looks only at the columns it needs. */
static void part_of_video(void **state)
{
    (void)state;
    static uint8_t y[H * W], uv[(H + 1) / 2 * (W + 1)];
    static float whole[3 * IN_W * IN_H], part[3 * IN_W * IN_H];
    ps_kernels k;
    ps_kernels_select(&k, ps_cpu_flags());
    for (size_t i = 0; i < sizeof y; i++) y[i] = noise();
    for (size_t i = 0; i < sizeof uv; i++) uv[i] = noise();
    poise_image img = {{y, uv, NULL}, {W, W + 1, 0}, .w = W, .h = H, .format = POISE_NV12}, rgb;
    assert_int_equal(ps_image_alloc(&rgb, W, H, POISE_RGB), POISE_OK);
    for (int i = 0; i < H; i++) ps_image_row_rgb(&k, &img, i, 0, W, rgb.plane[0] + i * rgb.stride[0]);
    for (int from = 0; from < 40; from += 7) {
        const float box[4] = {(float)from, 5, (float)from + 11.5f, 20};
        ps_pixels px = pixels_of(0);
        ps_geometry g = ps_geometry_around(box, W, H, IN_W, IN_H);
        for (int i = 0; i < 2; i++) {
            ps_letterbox lb = {0};
            poise_tensor t = {
                .data = i ? part : whole, .type = POISE_F32, .rank = 4, .dim = {1, 3, IN_H, IN_W}};
            ps_strides_channels_last(&t, 3);
            assert_int_equal(ps_letterbox_plan(&lb, &px, &g, 1), POISE_OK);
            assert_int_equal(ps_letterbox_run(&lb, &k, i ? &img : &rgb, &t), POISE_OK);
            ps_letterbox_free(&lb);
        }
        assert_true(most_apart(whole, part) == 0);
    }
    poise_image_close(&rgb);
}

/* A version of half the size, whose corner lies at (-0.5, 0), shows the network what the picture does. */
static void smaller_version(void **state)
{
    (void)state;
    enum { FULL_W = 121, FULL_H = 160, SMALL_W = 61, SMALL_H = 80 };
    static float want[3 * IN_W * IN_H], got[3 * IN_W * IN_H];
    poise_image full, small;
    assert_int_equal(ps_image_alloc(&full, FULL_W, FULL_H, POISE_RGB), POISE_OK);
    assert_int_equal(ps_image_alloc(&small, SMALL_W, SMALL_H, POISE_RGB), POISE_OK);
    for (int y = 0; y < FULL_H; y++)
        for (int x = 0; x < FULL_W; x++) {
            uint8_t *p = full.plane[0] + y * full.stride[0] + 3 * x;
            p[0] = (uint8_t)(2 * x), p[1] = (uint8_t)y, p[2] = (uint8_t)(x + y / 2);
        }
    for (int y = 0; y < SMALL_H; y++) /* pixel x here shows pixels 2x - 1 and 2x there */
        for (int x = 0; x < SMALL_W; x++)
            for (int c = 0; c < 3; c++) {
                const uint8_t *p = full.plane[0] + 2 * y * full.stride[0] + 3 * 2 * x + c, *q = x ? p - 3 : p;
                small.plane[0][y * small.stride[0] + 3 * x + c] =
                    (uint8_t)((p[0] + q[0] + p[full.stride[0]] + q[full.stride[0]] + 2) / 4);
            }
    small.full_w = FULL_W, small.full_h = FULL_H, small.shrink = 2, small.left = 0.5f;
    for (int round = 0; round < 4; round++) {
        ps_pixels px = pixels_of(round & 1);
        fill(&full, &px, false, want);
        fill(&small, &px, false, got);
        assert_true(most_apart(want, got) <= 1); /* a pixel of the picture is 2 levels */
    }
    ps_geometry g = ps_geometry_make(PS_FIT_CENTER, 0, FULL_W, FULL_H, IN_W, IN_H);
    ps_geometry_of_image(&g, &small);
    assert_true(ps_geometry_x(&g, IN_W) <= FULL_W && ps_geometry_x(&g, IN_W) > SMALL_W + 1);
    poise_image_close(&full);
    poise_image_close(&small);
}

static void refuses(void **state)
{
    (void)state;
    poise_image good = {{bytes, bytes, bytes}, {W, W, W}, .w = W, .h = H}, img = good;
    assert_int_equal(ps_image_check(&img), POISE_OK);
    img.format = 7;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
    assert_non_null(strstr(poise_error_text(), "format 7"));
    img.format = -1;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
    img = good, img.format = POISE_I420, img.plane[2] = NULL;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
    assert_non_null(strstr(poise_error_text(), "plane 2 is NULL"));
    img.format = POISE_NV12;
    assert_int_equal(ps_image_check(&img), POISE_OK);
    img.plane[1] = NULL;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
    img = good, img.h = 0;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
    img = good, img.full_w = 100, img.full_h = 100;
    assert_int_equal(ps_image_check(&img), POISE_BAD_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interleaved),     cmocka_unit_test(video),   cmocka_unit_test(part_of_video),
        cmocka_unit_test(smaller_version), cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
