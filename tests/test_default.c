/* tests/test_default.c - the network in the command on drawn scenes, end to end: how much of them it finds, in 8 bits and in
 * floats, on one thread and several, in pictures that are turned or cut, and nobody where nobody is. */
#include "app/embedded.h"
#include "app/scene.h"
#include "app/val_map.h"
#include "models/image.h"
#include "runtime/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { W = 640, H = 480, SCENES = 60, FRAMES = 100, MOST = 100, PEOPLE = PS_SCENE_PEOPLE };

static uint8_t pixels[3 * W * H];

static poise_image draw(uint64_t seed, int people, ps_scene_frame *f)
{
    ps_scene *s;
    poise_image img = {.w = W, .h = H, .plane = {pixels}, .stride = {3 * W}};
    ps_scene_options o = {.seed = seed, .width = W, .height = H, .people = people, .frames = FRAMES, .fps = 25};
    assert_int_equal(ps_scene_new(&o, &s), POISE_OK);
    ps_scene_draw(s, FRAMES / 2, &img, f);
    ps_scene_free(s);
    return img;
}

typedef struct network {
    poise_model *model;
    poise_session *session;
} network;

static network open(const char *path, int threads)
{
    network n;
    poise_options o = {.threads = threads};
    if (poise_model_open_any(path, NULL, &o, &n.model)) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(n.model, &n.session), POISE_OK);
    return n;
}

static void shut(network *n)
{
    poise_session_close(n->session);
    poise_model_close(n->model);
}

static int look(network *n, const poise_image *img, float conf, poise_object *found)
{
    poise_detect_options o = {.conf = conf, .iou = 0.6f, .max_det = MOST};
    int count;
    if (poise_detect(n->session, img, &o, found, MOST, &count)) fail_msg("%s", poise_error_text());
    return count;
}

/* Everything that is there and everything that was said, over all scenes. */
typedef struct record {
    ps_truth truth[SCENES * PEOPLE];
    poise_keypoint joints[SCENES * PEOPLE][PS_SCENE_JOINTS], guessed[SCENES * MOST][PS_SCENE_JOINTS];
    ps_guess guess[SCENES * MOST];
    int n_truth, n_guess;
} record;

static void keep_truth(record *r, int image, const ps_scene_frame *f)
{
    for (int i = 0; i < f->n; i++) {
        const ps_scene_truth *o = &f->object[i];
        poise_keypoint *k = r->joints[r->n_truth];
        for (int j = 0; j < PS_SCENE_JOINTS; j++) k[j] = (poise_keypoint){o->keypoint[j][0], o->keypoint[j][1], o->keypoint[j][2]};
        r->truth[r->n_truth++] = (ps_truth){.image = image, .x1 = o->box[0], .y1 = o->box[1], .x2 = o->box[2], .y2 = o->box[3],
                                            .area = (o->box[2] - o->box[0]) * (o->box[3] - o->box[1]) * 0.53f, .ignore = o->hardly,
                                            .n_keypoints = PS_SCENE_JOINTS, .keypoint = k};
    }
}

static void keep_found(record *r, int image, const poise_object *found, int n)
{
    for (int i = 0; i < n; i++) {
        const poise_object *o = &found[i];
        memcpy(r->guessed[r->n_guess], o->keypoint, sizeof r->guessed[0]);
        r->guess[r->n_guess] = (ps_guess){image, 0, o->conf, o->x1, o->y1, o->x2, o->y2, r->guessed[r->n_guess]};
        r->n_guess++;
    }
}

static ps_precision judge(const char *path, bool keypoints)
{
    static const double sigma[PS_SCENE_JOINTS] = {.026, .025, .025, .035, .035, .079, .079, .072, .072,
                                                  .062, .062, .107, .107, .087, .087, .089, .089};
    const ps_similarity by = {keypoints, sigma, PS_SCENE_JOINTS};
    record *r = ps_alloc(sizeof *r);
    network n = open(path, 2);
    ps_precision p;
    assert_non_null(r);
    memset(r, 0, sizeof *r);
    for (int i = 0; i < SCENES; i++) {
        ps_scene_frame f;
        poise_object found[MOST];
        poise_image img = draw((uint64_t)i + 1, -1, &f);
        keep_truth(r, i, &f);
        keep_found(r, i, found, look(&n, &img, 0.001f, found));
    }
    assert_int_equal(ps_precision_of(r->truth, r->n_truth, r->guess, r->n_guess, MOST, &by, &p), POISE_OK);
    shut(&n);
    ps_free(r);
    printf("%s: %s AP50 %.3f, AP %.3f\n", path, keypoints ? "keypoints" : "boxes", p.ap50, p.ap);
    return p;
}

/* Measured: boxes AP50 0.889, AP 0.436, keypoints AP50 0.272. */
static void test_finds_people(void **state)
{
    (void)state;
    ps_precision p = judge(PS_DEFAULT_MODEL, false), joints = judge(PS_DEFAULT_MODEL, true);
    assert_true(p.ap50 > 0.87 && p.ap > 0.42);
    assert_true(joints.ap50 > 0.25);
}

static void test_like_floats(void **state)
{
    (void)state;
    if (!PS_WITH_ONNX) skip();
    ps_precision floats = judge("models/zoo/poise-person.onnx", false), codes = judge(PS_DEFAULT_MODEL, false);
    assert_true(codes.ap50 > floats.ap50 - 0.01 && codes.ap > floats.ap - 0.01);
}

static void test_threads(void **state)
{
    (void)state;
    network one = open(PS_DEFAULT_MODEL, 1), two = open(PS_DEFAULT_MODEL, 2);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        ps_scene_frame f;
        poise_object a[MOST], b[MOST];
        poise_image img = draw(seed, 4, &f);
        int n = look(&one, &img, 0.1f, a);
        assert_int_equal(look(&two, &img, 0.1f, b), n);
        for (int i = 0; i < n; i++) {
            assert_memory_equal(&a[i].x1, &b[i].x1, 4 * sizeof(float));
            assert_true(a[i].conf == b[i].conf);
        }
    }
    shut(&one);
    shut(&two);
}

static float overlap(const poise_object *a, const poise_object *b)
{
    ps_guess g = {.x1 = a->x1, .y1 = a->y1, .x2 = a->x2, .y2 = a->y2};
    ps_truth t = {.x1 = b->x1, .y1 = b->y1, .x2 = b->x2, .y2 = b->y2};
    return (float)ps_truth_iou(&g, &t);
}

/* How many of a, less dx and dy, are among b. */
static int matches(const poise_object *a, int n_a, const poise_object *b, int n_b, float dx, float dy, float least)
{
    int count = 0;
    for (int i = 0; i < n_a; i++) {
        poise_object moved = a[i];
        moved.x1 -= dx, moved.x2 -= dx, moved.y1 -= dy, moved.y2 -= dy;
        for (int k = 0; k < n_b; k++)
            if (overlap(&moved, &b[k]) > least) {
                count++;
                break;
            }
    }
    return count;
}

/* A picture that is stored on its side, as a camera's EXIF entry says, is the same picture. */
static void test_turned(void **state)
{
    (void)state;
    network n = open(PS_DEFAULT_MODEL, 1);
    for (int orientation = 2; orientation <= 8; orientation++) {
        static const int back[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
        ps_scene_frame f;
        poise_object upright[MOST], turned[MOST];
        poise_image img = draw(2, 4, &f), copy = {0};
        int count = look(&n, &img, 0.3f, upright);
        assert_int_equal(ps_image_alloc(&copy, W, H, POISE_RGB), POISE_OK);
        memcpy(copy.plane[0], pixels, sizeof pixels);
        assert_int_equal(ps_image_turn(&copy, back[orientation]), POISE_OK);
        assert_int_equal(ps_image_turn(&copy, orientation), POISE_OK);
        assert_int_equal(look(&n, &copy, 0.3f, turned), count);
        assert_int_equal(matches(upright, count, turned, count, 0, 0, 0.999f), count);
        poise_image_close(&copy);
    }
    shut(&n);
}

/* A part of the picture, by its strides: whoever is whole in it is still found. */
static void test_cropped(void **state)
{
    (void)state;
    enum { X = 60, Y = 40 };
    network n = open(PS_DEFAULT_MODEL, 1);
    int whole = 0, again = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        ps_scene_frame f;
        poise_object all[MOST], inside[MOST], part[MOST];
        poise_image img = draw(seed, 3, &f);
        int n_all = look(&n, &img, 0.45f, all), n_inside = 0;
        for (int i = 0; i < n_all; i++)
            if (all[i].x1 > X + 12 && all[i].x2 < W - X - 12 && all[i].y1 > Y + 8 && all[i].y2 < H - Y - 8) inside[n_inside++] = all[i];
        img.plane[0] += Y * img.stride[0] + 3 * X;
        img.w -= 2 * X, img.h -= 2 * Y;
        int n_part = look(&n, &img, 0.25f, part);
        whole += n_inside;
        again += matches(inside, n_inside, part, n_part, X, Y, 0.6f);
    }
    printf("%d of %d found again in a part of the picture\n", again, whole);
    assert_true(whole >= 8 && again * 10 >= whole * 9);
    shut(&n);
}

static void test_nobody(void **state)
{
    (void)state;
    network n = open(PS_DEFAULT_MODEL, 1);
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        ps_scene_frame f;
        poise_object found[MOST];
        poise_image img = draw(seed, 0, &f);
        int count = look(&n, &img, 0.35f, found);
        if (count && found[0].conf > 0.5f) fail_msg("seed %d: somebody, score %.3f, where nobody is", (int)seed, (double)found[0].conf);
        wrong += count > 0;
    }
    assert_true(wrong <= 1); /* a building with a score of 0.45 */
    shut(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds_people), cmocka_unit_test(test_like_floats),
                                       cmocka_unit_test(test_threads),      cmocka_unit_test(test_turned),
                                       cmocka_unit_test(test_cropped),      cmocka_unit_test(test_nobody)};
    ps_embedded_begin();
    if (!PS_WITH_EMBED) return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
