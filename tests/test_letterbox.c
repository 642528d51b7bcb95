/* tests/test_letterbox.c - where pictures lie in the network's input, and what their pixels become. */
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
#include "models/letterbox.h"
#include "nn/tensor.h"
#include "runtime/memory.h"

static const ps_pixels plain = {.border = 114, .scale = 1, .std = {1, 1, 1}};

typedef struct expected {
    ps_fit fit;
    int side, w, h, s_w, s_h, new_w, new_h, left, top;
} expected;

static void geometry_is_the_trained_one(void **state)
{
    (void)state;
    static const expected cases[] = {
        {PS_FIT_CENTER, 0, 640, 480, 640, 640, 640, 480, 0, 80}, /* no scaling, 80 above and below */
        {PS_FIT_CENTER, 0, 480, 640, 640, 640, 480, 640, 80, 0},
        {PS_FIT_CENTER, 0, 810, 1080, 640, 640, 480, 640, 80, 0},
        {PS_FIT_CENTER, 0, 1280, 720, 640, 640, 640, 360, 0, 140},
        {PS_FIT_CENTER, 0, 500, 333, 640, 640, 640, 426, 0, 107}, /* 426.24 */
        {PS_FIT_CENTER, 0, 333, 500, 640, 640, 426, 640, 107, 0},
        {PS_FIT_CENTER, 0, 612, 612, 640, 640, 640, 640, 0, 0},
        {PS_FIT_CENTER, 0, 1281, 1001, 640, 640, 640, 500, 0, 70}, /* 500.12 */
        {PS_FIT_CENTER, 0, 640, 427, 320, 320, 320, 214, 0, 53},   /* 213.5 is rounded to even */
        {PS_FIT_CENTER, 0, 640, 425, 320, 320, 320, 212, 0, 54},   /* 212.5 too */
        {PS_FIT_CENTER, 0, 640, 426, 320, 320, 320, 213, 0, 53},   /* 53.5 - 0.1 above, 54 below */
        {PS_FIT_CENTER, 0, 1, 100000, 640, 640, 1, 640, 319, 0},
        {PS_FIT_CENTER, 0, 640, 480, 192, 256, 192, 144, 0, 56},
        {PS_FIT_TOPLEFT, 0, 640, 480, 416, 416, 416, 312, 0, 0},
        {PS_FIT_TOPLEFT, 0, 500, 333, 416, 416, 416, 277, 0, 0}, /* 277.06 */
        {PS_FIT_TOPLEFT, 0, 333, 500, 416, 416, 277, 416, 0, 0},
        {PS_FIT_STRETCH, 0, 640, 480, 352, 352, 352, 352, 0, 0},
        {PS_FIT_CROP, 0, 640, 480, 224, 224, 341, 256, -58, -16}, /* 117 / 2 = 58.5 is rounded to even */
        {PS_FIT_CROP, 224, 500, 333, 224, 224, 336, 224, -56, 0},
        {PS_FIT_CROP, 0, 256, 256, 224, 224, 256, 256, -16, -16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const expected *e = &cases[i];
        ps_geometry g = ps_geometry_make(e->fit, e->side, e->w, e->h, e->s_w, e->s_h);
        if (g.new_w != e->new_w || g.new_h != e->new_h || g.left != e->left || g.top != e->top)
            fail_msg("case %zu: %dx%d at %d,%d", i, g.new_w, g.new_h, g.left, g.top);
    }
}

static void goes_back(void **state)
{
    (void)state;
    for (int fit = 0; fit < PS_FIT_COUNT; fit++)
        for (int w = 7; w < 3000; w = w * 3 / 2)
            for (int h = 5; h < 3000; h = h * 2 + 1) {
                ps_geometry g = ps_geometry_make((ps_fit)fit, 0, w, h, 640, 480);
                for (int i = 0; i <= 4; i++) {
                    float x = (float)w * (float)i / 4, y = (float)h * (float)i / 4;
                    float nx = (float)g.left + x / (float)g.back_x, ny = (float)g.top + y / (float)g.back_y;
                    assert_true(fabsf(ps_geometry_x(&g, nx) - x) < 2e-3f + x * 1e-4f);
                    assert_true(fabsf(ps_geometry_y(&g, ny) - y) < 2e-3f + y * 1e-4f);
                }
                assert_true(fabs(w / g.back_x - g.new_w) < 1 && fabs(h / g.back_y - g.new_h) < 1);
                assert_true(ps_geometry_x(&g, -1e9f) == 0 && ps_geometry_x(&g, 1e9f) == (float)w);
                assert_true(ps_geometry_y(&g, NAN) == 0 && ps_geometry_y(&g, INFINITY) == (float)h);
            }
}

/* A person's surroundings: the centre stays, the aspect is the input's, a quarter is added. */
static void surrounds_boxes(void **state)
{
    (void)state;
    static const float tall[4] = {100, 100, 160, 260}, wide[4] = {0, 50, 400, 90},
                       dot[4] = {5, 5, 5.001f, 5.001f};
    ps_geometry g = ps_geometry_around(tall, 640, 480, 192, 256); /* 160 high: 120 x 160, then 150 x 200 */
    assert_true(fabs(g.step_x * 192 - 150) < 1e-9 && fabs(g.step_y * 256 - 200) < 1e-9);
    assert_true(fabs(g.start_x - 55) < 1e-9 && fabs(g.start_y - 80) < 1e-9);
    assert_true(fabsf(ps_geometry_x(&g, 96) - 130) < 1e-4f && fabsf(ps_geometry_y(&g, 128) - 180) < 1e-4f);
    assert_true(fabsf(ps_geometry_x(&g, 192) - 205) < 1e-4f && fabsf(ps_geometry_y(&g, 0) - 80) < 1e-4f);
    g = ps_geometry_around(wide, 640, 480, 192, 256); /* 400 wide: 400 x 533.3, then 500 x 666.7 */
    assert_true(fabs(g.start_x + 50) < 1e-9 && fabs(g.start_y - (70 - 1000 / 3.0)) < 1e-9);
    assert_true(ps_geometry_x(&g, 0) == 0 && ps_geometry_y(&g, 0) == 0); /* clipped */
    g = ps_geometry_around(dot, 640, 480, 192, 256);
    assert_true(fabsf(ps_geometry_x(&g, 0) - 5) < 2e-3f && fabsf(ps_geometry_x(&g, 192) - 5) < 2e-3f);
}

/* ---- pixels ---- */

static poise_tensor tensor(void *data, poise_type type, int c, int h, int w, bool last)
{
    poise_tensor t = {.data = data, .type = type, .rank = 4, .dim = {1, c, h, w}};
    if (last)
        ps_strides_channels_last(&t, c);
    else
        ps_strides_row_major(&t);
    return t;
}

static poise_image noise(int w, int h, int channels)
{
    poise_image img;
    assert_int_equal(ps_image_alloc(&img, (uint64_t)w, (uint64_t)h, channels == 1 ? POISE_GRAY : POISE_RGB), POISE_OK);
    uint32_t v = (uint32_t)(w * 31 + h);
    for (int i = 0; i < w * h * channels; i++)
        v = v * 1664525u + 1013904223u, img.plane[0][i] = (uint8_t)(v >> 24);
    return img;
}

/* `box`: what is to be seen, or NULL for the whole picture. */
static void fill_part(const poise_image *img, const float *box, const ps_pixels *px, int threads,
                      const poise_tensor *t)
{
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ps_letterbox lb = {0};
    ps_image_dims d;
    assert_int_equal(ps_image_dims_of(t, &d), POISE_OK);
    ps_geometry g = box ? ps_geometry_around(box, img->w, img->h, d.w, d.h)
                        : ps_geometry_make(px->fit, px->short_side, img->w, img->h, d.w, d.h);
    assert_int_equal(ps_letterbox_plan(&lb, px, &g, threads), POISE_OK);
    assert_int_equal(ps_letterbox_run(&lb, &k, img, t), POISE_OK);
    ps_letterbox_free(&lb);
}

static void fill(const poise_image *img, const ps_pixels *px, int threads, const poise_tensor *t)
{
    fill_part(img, NULL, px, threads, t);
}

/* The two definitions again, in double and without tables: area = the normalised triangle, rounded after
 * each direction; point = two taps, rounded once at the end. */
static double area_at(const double *v, int n, int out, int i)
{
    double scale = (double)n / out, reach = scale > 1 ? scale : 1, sum = 0, all = 0;
    for (int s = 0; s < n; s++) {
        double w = 1 - fabs((s + 0.5 - (i + 0.5) * scale) / reach);
        if (w > 0) sum += w * v[s], all += w;
    }
    return sum / all;
}

static double point_at(const double *v, int n, int out, int i)
{
    double x = (i + 0.5) * n / out - 0.5;
    if (x < 0) x = 0;
    if (x > n - 1) x = n - 1;
    int s = (int)x, e = s + 1 < n ? s + 1 : s;
    return v[s] + (x - s) * (v[e] - v[s]);
}

static double scaled_at(const poise_image *img, ps_filter f, int w, int h, int x, int y, int c)
{
    static double row[4096], column[4096];
    for (int sy = 0; sy < img->h; sy++) {
        for (int sx = 0; sx < img->w; sx++) row[sx] = img->plane[0][sy * img->stride[0] + sx * ps_format_step(img->format) + c];
        column[sy] =
            f == PS_FILTER_AREA ? floor(area_at(row, img->w, w, x) + 0.5) : point_at(row, img->w, w, x);
    }
    return f == PS_FILTER_AREA ? area_at(column, img->h, h, y) : point_at(column, img->h, h, y);
}

static void scales_as_defined(void **state)
{
    (void)state;
    static const int size[][4] = {{40, 30, 20, 15}, {33, 47, 16, 16}, {9, 7, 32, 48}, {50, 3, 16, 16},
                                  {64, 48, 64, 48}, {1, 1, 8, 8},     {300, 2, 7, 5}, {5, 400, 12, 9}};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (int f = 0; f < PS_FILTER_COUNT; f++)
            for (int channels = 1; channels <= 3; channels += 2) {
                const int *s = size[i];
                poise_image img = noise(s[0], s[1], channels);
                float *data = calloc((size_t)(3 * s[2] * s[3]), sizeof *data);
                poise_tensor t = tensor(data, POISE_F32, 3, s[3], s[2], true);
                ps_pixels px = plain;
                px.fit = PS_FIT_STRETCH, px.filter = (ps_filter)f;
                fill(&img, &px, 1, &t);
                for (int y = 0; y < s[3]; y++)
                    for (int x = 0; x < s[2]; x++)
                        for (int c = 0; c < 3; c++) {
                            double want = scaled_at(&img, px.filter, s[2], s[3], x, y, channels == 3 ? c : 0);
                            double got = (double)data[(y * s[2] + x) * 3 + c];
                            if (fabs(want - got) > 1.01)
                                fail_msg("case %zu filter %d: %d,%d,%d: %g, not %g", i, f, x, y, c, got,
                                         want);
                        }
                free(data);
                poise_image_close(&img);
            }
}

/* Parts of pictures, inside and beyond the edges, enlarged and shrunk: pixel i of the input shows the source around
 * start + (i + 0.5) * step, and the border where that is outside. */
static void shows_parts_as_defined(void **state)
{
    (void)state;
    static const float boxes[][4] = {{10, 5, 30, 25},     {0, 0, 40, 30},           {-0.0f, 20, 3, 30},
                                     {38.5f, 29, 40, 30}, {12.25f, 7.5f, 12.5f, 8}, {0, 14, 40, 15}};
    poise_image img = noise(40, 30, 3);
    static uint8_t got[24 * 32 * 3];
    poise_tensor t = {.data = got, .type = POISE_U8, .rank = 4, .dim = {1, 32, 24, 3}};
    ps_strides_row_major(&t);
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        ps_pixels px = plain;
        px.filter = PS_FILTER_POINT;
        fill_part(&img, boxes[i], &px, 2, &t);
        ps_geometry g = ps_geometry_around(boxes[i], 40, 30, 24, 32);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 24; x++)
                for (int c = 0; c < 3; c++) {
                    double sx = g.start_x + (x + 0.5) * g.step_x, sy = g.start_y + (y + 0.5) * g.step_y,
                           want = 114;
                    if (sx >= 0 && sx < 40 && sy >= 0 && sy < 30) {
                        int xs[2] = {(int)floor(sx - 0.5), 0}, ys[2] = {(int)floor(sy - 0.5), 0};
                        double fx = sx - 0.5 - xs[0], fy = sy - 0.5 - ys[0], v[2];
                        xs[1] = xs[0] < 39 ? xs[0] + 1 : 39, ys[1] = ys[0] < 29 ? ys[0] + 1 : 29;
                        if (xs[0] < 0) xs[0] = 0;
                        if (ys[0] < 0) ys[0] = 0;
                        for (int r = 0; r < 2; r++) {
                            const uint8_t *p = img.plane[0] + ys[r] * img.stride[0] + c;
                            v[r] = p[xs[0] * 3] * (1 - fx) + p[xs[1] * 3] * fx;
                        }
                        want = v[0] * (1 - fy) + v[1] * fy;
                    }
                    double is = got[(y * 24 + x) * 3 + c];
                    if (fabs(is - want) > 1.01)
                        fail_msg("box %zu: %d,%d,%d: %g, not %g", i, x, y, c, is, want);
                }
        px.filter = PS_FILTER_AREA; /* shrinking takes more pixels; the border stays where it was */
        static uint8_t point[sizeof got];
        memcpy(point, got, sizeof got);
        fill_part(&img, boxes[i], &px, 1, &t);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 24; x++) {
                double sx = g.start_x + (x + 0.5) * g.step_x, sy = g.start_y + (y + 0.5) * g.step_y;
                bool inside = sx >= 0 && sx < 40 && sy >= 0 && sy < 30;
                if (!inside) assert_memory_equal(&got[(y * 24 + x) * 3], &point[(y * 24 + x) * 3], 3);
            }
    }
    poise_image_close(&img);
}

static void normalises_and_borders(void **state)
{
    (void)state;
    uint8_t rgb[2 * 1 * 3] = {10, 20, 30, 40, 50, 60};
    poise_image img = {.plane = {rgb}, .stride = {6}, .w = 2, .h = 1};
    float data[3 * 2 * 2];
    poise_tensor t = tensor(data, POISE_F32, 3, 2, 2, false);
    ps_pixels px = {
        .fit = PS_FIT_TOPLEFT, .border = 114, .scale = 0.5f, .bgr = 1, .mean = {1, 2, 3}, .std = {2, 4, 8}};
    fill(&img, &px, 1, &t);
    static const float want[12] = {(15 - 1) / 2.f, (30 - 1) / 2.f, 28,       28,
                                   (10 - 2) / 4.f, (25 - 2) / 4.f, 55 / 4.f, 55 / 4.f,
                                   (5 - 3) / 8.f,  (20 - 3) / 8.f, 54 / 8.f, 54 / 8.f};
    for (int i = 0; i < 12; i++) assert_true(fabsf(data[i] - want[i]) < 1e-5f);
    uint8_t bytes[12];
    poise_tensor u = {.data = bytes, .type = POISE_U8, .rank = 4, .dim = {1, 2, 2, 3}};
    ps_strides_row_major(&u);
    px.bgr = 0;
    fill(&img, &px, 1, &u);
    static const uint8_t bytes_want[12] = {10, 20, 30, 40, 50, 60, 114, 114, 114, 114, 114, 114};
    assert_memory_equal(bytes, bytes_want, 12);
    float grey[4];
    poise_tensor g = tensor(grey, POISE_F32, 1, 2, 2, false);
    px = plain;
    fill(&img, &px, 1, &g);
    assert_true(grey[0] == 18 && grey[2] == 114); /* half a row above is none: the border lies below */
    px.fit = PS_FIT_STRETCH;
    fill(&img, &px, 1, &g);
    assert_true(grey[0] == 18 && grey[1] == 48); /* .299 .587 .114 */
}

/* The same bits for any strides and any number of threads, and again when the tables are reused. */
static void same_bits_everywhere(void **state)
{
    (void)state;
    enum { W = 96, H = 64 };
    static float first[3 * W * H], again[4 * W * H];
    poise_image img = noise(301, 203, 3);
    for (int f = 0; f < PS_FILTER_COUNT; f++)
        for (int fit = 0; fit < PS_FIT_COUNT; fit++) {
            ps_pixels px = {.fit = (ps_fit)fit,
                            .filter = (ps_filter)f,
                            .border = 114,
                            .scale = 1 / 255.f,
                            .std = {1, 1, 1}};
            poise_tensor a = tensor(first, POISE_F32, 3, H, W, true);
            fill(&img, &px, 1, &a);
            for (int threads = 1; threads <= 4; threads++)
                for (int layout = 0; layout < 3; layout++) {
                    poise_tensor b = tensor(again, POISE_F32, 3, H, W, layout > 0);
                    if (layout == 2) ps_strides_channels_last(&b, 4);
                    memset(again, 0xff, sizeof again);
                    fill(&img, &px, threads, &b);
                    for (int c = 0; c < 3; c++)
                        for (int y = 0; y < H; y++)
                            for (int x = 0; x < W; x++)
                                assert_memory_equal(
                                    &first[(y * W + x) * 3 + c],
                                    &again[c * b.stride[1] + y * b.stride[2] + x * b.stride[3]], 4);
                }
        }
    poise_image_close(&img);
}

static poise_status plan(ps_letterbox *lb, const ps_pixels *px, int w, int h)
{
    ps_geometry g = ps_geometry_make(px->fit, 0, w, h, 64, 64);
    return ps_letterbox_plan(lb, px, &g, 2);
}

static void keeps_its_memory(void **state)
{
    (void)state;
    ps_letterbox lb = {0};
    ps_pixels px = plain;
    assert_int_equal(plan(&lb, &px, 1000, 700), POISE_OK);
    size_t before = ps_alloc_count();
    assert_int_equal(plan(&lb, &px, 1000, 700), POISE_OK);
    assert_int_equal(plan(&lb, &px, 500, 300), POISE_OK);
    assert_int_equal(ps_alloc_count(), before);
    ps_alloc_limit(0);
    assert_int_equal(plan(&lb, &px, 90000, 90000), POISE_NO_MEMORY);
    ps_alloc_limit(-1);
    ps_letterbox_free(&lb);
    poise_tensor t = {.type = POISE_F32, .rank = 2, .dim = {1, 1000}};
    ps_image_dims d;
    assert_int_equal(ps_image_dims_of(&t, &d), POISE_UNSUPPORTED);
}

/* Network inputs that the reference pipeline stored as pictures, from the same photos. */
static void equals_reference_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *photo, *input;
        ps_fit fit;
        float box[4]; /* of one person, or nothing */
    } cases[] = {
        {"images/coco/000000183709.jpg", "golden/yolov8n_640_fp32_recovered_in0.png", PS_FIT_CENTER, {0}},
        {"images/coco/000000183709.jpg", "golden/yolox_nano_416_in0.png", PS_FIT_TOPLEFT, {0}},
        {"images/coco/000000183709.jpg", "golden/fastestdet_352_in0.png", PS_FIT_STRETCH, {0}},
        {"images/coco/000000423617.jpg", "golden/fastestdet_352_in1.png", PS_FIT_STRETCH, {0}},
        {"images/coco/000000423617.jpg", "golden/yolo26n-pose_256_qdq_int8_in1.png", PS_FIT_CENTER, {0}},
        {"images/coco/000000165518.jpg",
         "golden/ultralight_simplepose_256x192_in0.png",
         0,
         {248.33f, 173.92f, 423.31f, 460.71f}},
        {"images/coco/000000397133.jpg",
         "golden/ultralight_simplepose_256x192_in1.png",
         0,
         {388.66f, 69.92f, 498.07f, 347.54f}},
    };
    const char *assets = getenv("POISE_ASSETS");
    if (!assets) assets = "../shared/assets";
    if (!PS_WITH_JPEG || !PS_WITH_PNG || access(assets, R_OK)) {
        print_message("SKIP equals_reference_inputs: needs JPEG, PNG and %s/golden\n", assets);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        poise_image photo, want;
        snprintf(path, sizeof path, "%s/%s", assets, cases[i].photo);
        assert_int_equal(poise_image_open(path, &photo), POISE_OK);
        snprintf(path, sizeof path, "%s/%s", assets, cases[i].input);
        assert_int_equal(poise_image_open(path, &want), POISE_OK);
        size_t n = (size_t)want.w * (size_t)want.h * 3, differ = 0, most = 0;
        uint8_t *got = malloc(n);
        poise_tensor t = {.data = got, .type = POISE_U8, .rank = 4, .dim = {1, want.h, want.w, 3}};
        ps_strides_row_major(&t);
        ps_pixels px = plain;
        px.fit = cases[i].fit;
        bool part =
            cases[i].box[2] > 0; /* the reference cuts off fractions where we round: half of the bytes */
        if (part) px.filter = PS_FILTER_POINT;
        fill_part(&photo, part ? cases[i].box : NULL, &px, 2, &t);
        for (size_t k = 0; k < n; k++) {
            int d = got[k] - want.plane[0][k];
            differ += part ? d < 0 || d > 1 : d != 0;
            if ((size_t)abs(d) > most) most = (size_t)abs(d);
        }
        if (differ > n / 1000 || most > 2)
            fail_msg("%s: %zu of %zu bytes differ, by %zu at most", cases[i].input, differ, n, most);
        free(got);
        poise_image_close(&photo);
        poise_image_close(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry_is_the_trained_one),
        cmocka_unit_test(goes_back),
        cmocka_unit_test(surrounds_boxes),
        cmocka_unit_test(shows_parts_as_defined),
        cmocka_unit_test(scales_as_defined),
        cmocka_unit_test(normalises_and_borders),
        cmocka_unit_test(same_bits_everywhere),
        cmocka_unit_test(keeps_its_memory),
        cmocka_unit_test(equals_reference_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
