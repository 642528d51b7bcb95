/* tests/test_scene.c - drawn scenes: the same everywhere, and a truth that fits the picture. */
#include "app/scene.h"
#include "runtime/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { W = 320, H = 240 };

static ps_scene *scene_of(uint64_t seed, int people, int vehicles, int frames)
{
    ps_scene *s;
    ps_scene_options o = {.seed = seed, .width = W, .height = H, .people = people, .vehicles = vehicles, .frames = frames, .fps = 25};
    assert_int_equal(ps_scene_new(&o, &s), POISE_OK);
    return s;
}

static poise_image picture(void)
{
    static uint8_t pixels[3 * W * H];
    return (poise_image){.w = W, .h = H, .plane = {pixels}, .stride = {3 * W}};
}

/* FNV-1a. */
static uint64_t sum_of(const poise_image *img)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < 3 * W * H; i++) h = (h ^ img->plane[0][i]) * 0x100000001B3u;
    return h;
}

static void test_same_everywhere(void **state)
{
    (void)state;
    static const uint64_t want[] = {0x14301d8210057f57u, 0x6775886a690f0db1u, 0x13c54e4f12edd774u,
                                    0x31427e626f9e5c31u};
    poise_image img = picture();
    ps_scene_frame f;
    int wrong = 0;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        ps_scene *s = scene_of(i + 1, 4, i % 2 ? 3 : 0, 50);
        ps_scene_draw(s, 25, &img, &f);
        wrong += sum_of(&img) != want[i];
        if (sum_of(&img) != want[i]) printf("seed %zu: 0x%016llxu\n", i + 1, (unsigned long long)sum_of(&img));
        ps_scene_free(s);
    }
    assert_int_equal(wrong, 0);
}

/* Frames may be drawn in any order; another seed is another picture. */
static void test_order(void **state)
{
    (void)state;
    poise_image img = picture();
    ps_scene_frame f;
    ps_scene *s = scene_of(5, 3, 2, 20);
    ps_scene_draw(s, 7, &img, &f);
    uint64_t first = sum_of(&img);
    ps_scene_draw(s, 0, &img, &f);
    assert_true(sum_of(&img) != first);
    ps_scene_draw(s, 7, &img, &f);
    assert_true(sum_of(&img) == first);
    ps_scene_free(s);
    s = scene_of(6, 3, 2, 20);
    ps_scene_draw(s, 7, &img, &f);
    assert_true(sum_of(&img) != first);
    ps_scene_free(s);
}

static void check_object(const ps_scene_truth *o)
{
    int labelled = 0;
    assert_true(o->box[0] >= 0 && o->box[1] >= 0 && o->box[2] <= W && o->box[3] <= H);
    assert_true(o->box[2] > o->box[0] && o->box[3] > o->box[1]);
    assert_true(o->hidden >= 0 && o->hidden <= 1 && o->pixels >= 0 && o->kmh >= 0);
    float area = (o->box[2] - o->box[0]) * (o->box[3] - o->box[1]);
    assert_true((float)o->pixels <= area);
    for (int i = 0; i < PS_SCENE_JOINTS; i++) {
        const float *k = o->keypoint[i];
        labelled += k[2] > 0;
        if (k[2] == 0) assert_true(k[0] == 0 && k[1] == 0);
        else assert_true(k[0] > o->box[0] - 6 && k[0] < o->box[2] + 6 && k[1] > o->box[1] - 6 && k[1] < o->box[3] + 6);
    }
    if (!o->person) assert_int_equal(labelled, 0);
}

static void test_truth(void **state)
{
    (void)state;
    poise_image img = picture();
    int people = 0, cars = 0, hidden = 0, turned = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        ps_scene *s = scene_of(seed, 5, 2, 50);
        ps_scene_frame f;
        ps_scene_draw(s, 25, &img, &f);
        for (int i = 0; i < f.n; i++) {
            check_object(&f.object[i]);
            people += f.object[i].person, cars += !f.object[i].person;
            hidden += f.object[i].hidden > 0.3f;
            turned += f.object[i].person && f.object[i].keypoint[0][2] == 0;
        }
        ps_scene_free(s);
    }
    assert_true(people > 180 && cars > 60 && hidden > 10 && turned > 20);
}

/* Where the camera sees a point of the ground. */
static void on_image(const double *m, const float ground[2], double xy[2])
{
    double w = m[6] * (double)ground[0] + m[7] * (double)ground[1] + m[8];
    for (int i = 0; i < 2; i++) xy[i] = (m[3 * i] * (double)ground[0] + m[3 * i + 1] * (double)ground[1] + m[3 * i + 2]) / w;
}

/* The homography puts people who stand on the ground where their feet are, and what moves covers its speed. */
static void test_camera_and_speed(void **state)
{
    (void)state;
    poise_image img = picture();
    int feet = 0, moved = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        ps_scene *s = scene_of(seed, 4, 2, 50);
        const double *m = ps_scene_camera_of(s)->to_image;
        ps_scene_frame before, after;
        ps_scene_draw(s, 20, &img, &before);
        ps_scene_draw(s, 30, &img, &after);
        for (int i = 0; i < after.n; i++) {
            const ps_scene_truth *o = &after.object[i];
            const float *left = o->keypoint[15], *right = o->keypoint[16];
            double xy[2];
            on_image(m, o->ground, xy);
            if (o->person && left[2] > 0 && right[2] > 0) {
                double tall = (double)(o->box[3] - o->box[1]);
                assert_true(fabs(xy[0] - 0.5 * (double)(left[0] + right[0])) < 0.5 * tall);
                assert_true(xy[1] > (double)fminf(left[1], right[1]) - 0.25 * tall && xy[1] < (double)fmaxf(left[1], right[1]) + 0.4 * tall);
                feet++;
            }
            for (int k = 0; k < before.n; k++) {
                if (before.object[k].id != o->id) continue;
                double dx = (double)(o->ground[0] - before.object[k].ground[0]), dy = (double)(o->ground[1] - before.object[k].ground[1]);
                assert_true(fabs(hypot(dx, dy) / (10 / 25.0) * 3.6 - (double)o->kmh) < 0.05);
                moved += o->kmh > 2;
            }
        }
        ps_scene_free(s);
    }
    assert_true(feet > 20 && moved > 20);
}

static void test_empty(void **state)
{
    (void)state;
    poise_image img = picture();
    ps_scene *s = scene_of(3, 0, 0, 1);
    ps_scene_frame f;
    ps_scene_draw(s, 0, &img, &f);
    assert_int_equal(f.n, 0);
    ps_scene_free(s);
}

static void test_no_memory(void **state)
{
    (void)state;
    ps_scene *s;
    ps_scene_options o = {.seed = 1, .width = W, .height = H, .people = 1, .frames = 1, .fps = 25};
    ps_alloc_limit(0);
    assert_int_equal(ps_scene_new(&o, &s), POISE_NO_MEMORY);
    ps_alloc_limit(-1);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_everywhere), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_truth),           cmocka_unit_test(test_camera_and_speed),
                                       cmocka_unit_test(test_empty),           cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
