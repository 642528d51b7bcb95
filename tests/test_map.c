/* tests/test_map.c - average precision on cases that were worked out by hand. */
#include "app/coco.h"
#include "app/val_pck.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const ps_similarity boxes = {0};

static void near_to(double got, double want)
{
    if (fabs(got - want) > 1e-9) fail_msg("%.12f is not %.12f", got, want);
}

/* A 10 x 10 object at x, and a guess of the same size. */
static ps_truth truth(int image, int class_id, float x)
{
    return (ps_truth){.image = image, .class_id = class_id, .x1 = x, .y1 = 0, .x2 = x + 10, .y2 = 10, .area = 100};
}

static ps_guess guess(int image, int class_id, float x, float score)
{
    return (ps_guess){image, class_id, score, x, 0, x + 10, 10, NULL};
}

static ps_precision of(ps_truth *t, int nt, const ps_guess *g, int ng, int max_det)
{
    ps_precision p;
    assert_int_equal(ps_precision_of(t, nt, g, ng, max_det, &boxes, &p), POISE_OK);
    return p;
}

static void test_perfect(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(0, 1, 50), truth(1, 0, 20)};
    ps_guess g[] = {guess(1, 0, 20, 0.5f), guess(0, 0, 0, 0.9f), guess(0, 1, 50, 0.1f)};
    ps_precision p = of(t, 3, g, 3, 100);
    near_to(p.ap, 1);
    near_to(p.ap50, 1);
    near_to(p.recall, 1);
    assert_int_equal(p.classes, 2);
}

static void test_nothing(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0)};
    ps_guess g[] = {guess(0, 0, 0, 0.9f)};
    near_to(of(t, 1, g, 0, 100).ap, 0);
    near_to(of(t, 0, g, 1, 100).ap, -1);
    assert_int_equal(of(t, 0, g, 0, 100).classes, 0);
}

/* Shifted by 2 of 10: IoU 8/12 = 0.667 passes .50 .55 .60 .65, i.e. 4 of 10 thresholds. */
static void test_thresholds(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0)};
    ps_guess g[] = {guess(0, 0, 2, 0.9f)};
    ps_precision p = of(t, 1, g, 1, 100);
    near_to(ps_truth_iou(&g[0], &t[0]), 8.0 / 12);
    near_to(p.ap, 0.4);
    near_to(p.ap50, 1);
    near_to(p.ap75, 0);
}

/* Right, wrong, right with two objects: precision 1 up to recall 0.5 (51 of the 101 points: 0 ... 0.50), then
 * 2/3 for the other 50. */
static void test_interpolation(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(1, 0, 0)};
    ps_guess g[] = {guess(0, 0, 0, 0.9f), guess(0, 0, 500, 0.8f), guess(1, 0, 0, 0.7f)};
    near_to(of(t, 2, g, 3, 100).ap, (51 + 50 * 2.0 / 3) / 101);
}

/* A wrong guess first: precision 1/2 at recall 1, everywhere by interpolation. */
static void test_wrong_first(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0)};
    ps_guess g[] = {guess(0, 0, 500, 0.9f), guess(0, 0, 0, 0.8f)};
    near_to(of(t, 1, g, 2, 100).ap, 0.5);
}

/* An object is found once; the second guess on it is wrong, but comes after full recall and costs nothing. */
static void test_duplicates(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(1, 0, 0)};
    ps_guess g[] = {guess(0, 0, 0, 0.9f), guess(0, 0, 0, 0.8f), guess(1, 0, 0, 0.7f)};
    near_to(of(t, 2, g, 3, 100).ap, (51 + 50 * 2.0 / 3) / 101);
    g[1].score = 0.1f;
    near_to(of(t, 2, g, 3, 100).ap, 1);
}

/* A class without truth is no class; a class without guesses counts 0. */
static void test_classes(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 3, 0), truth(0, 7, 50)};
    ps_guess g[] = {guess(0, 3, 0, 0.9f), guess(0, 5, 0, 0.9f)};
    ps_precision p = of(t, 2, g, 2, 100);
    near_to(p.ap, 0.5);
    assert_int_equal(p.classes, 2);
}

/* Guesses inside a crowd count neither as right nor as wrong, however many they are. */
static void test_crowd(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(0, 0, 100)};
    t[1].x2 = 400;
    t[1].crowd = true;
    ps_guess g[] = {guess(0, 0, 150, 0.9f), guess(0, 0, 200, 0.8f), guess(0, 0, 0, 0.7f)};
    near_to(of(t, 2, g, 3, 100).ap, 1);
    t[0] = truth(0, 0, 100), t[1] = truth(0, 0, 0);
    t[0].x2 = 400; /* the same without the crowd flag: two wrong ones first, and one object missed */
    near_to(of(t, 2, g, 3, 100).ap50, 51 * (1.0 / 3) / 101);
}

/* Only the best guesses of an image and class count. */
static void test_max_det(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(1, 0, 0)};
    ps_guess g[] = {guess(0, 0, 0, 0.5f), guess(0, 0, 500, 0.9f), guess(1, 0, 0, 0.4f)};
    near_to(of(t, 2, g, 3, 1).ap50, 51 * 0.5 / 101);
}

/* The better of two overlapping objects is taken, and the other stays free for the next guess. */
static void test_best_overlap(void **state)
{
    (void)state;
    ps_truth t[] = {truth(0, 0, 0), truth(0, 0, 3)};
    ps_guess g[] = {guess(0, 0, 3, 0.9f), guess(0, 0, 0, 0.8f)};
    near_to(of(t, 2, g, 2, 100).ap, 1);
}

/* All joints off by d: OKS is the mean of exp(-d^2 / (2 area k^2)). */
static void test_oks(void **state)
{
    (void)state;
    poise_keypoint want[PS_COCO_JOINTS], got[PS_COCO_JOINTS];
    double sum = 0, seen = 0;
    for (int i = 0; i < PS_COCO_JOINTS; i++) {
        want[i] = (poise_keypoint){(float)i, 5, i % 3 ? 1.0f : 0.0f};
        got[i] = (poise_keypoint){(float)i + 3, 9, 0.5f}; /* 5 away */
        double k = 2 * ps_coco_sigmas[i];
        if (i % 3) sum += exp(-25 / (2 * 3000 * k * k)), seen++;
    }
    ps_similarity by = {true, ps_coco_sigmas, PS_COCO_JOINTS};
    ps_truth t = truth(0, 0, 0);
    t.area = 3000, t.n_keypoints = PS_COCO_JOINTS, t.keypoint = want;
    ps_guess g = guess(0, 0, 0, 0.9f);
    g.keypoint = got;
    assert_true(fabs(ps_truth_oks(&g, &t, &by) - sum / seen) < 1e-6);
    ps_precision p;
    assert_int_equal(ps_precision_of(&t, 1, &g, 1, 20, &by, &p), POISE_OK);
    int passed = 0;
    for (int i = 0; i < 10; i++) passed += sum / seen >= 0.5 + 0.05 * i;
    near_to(p.ap, passed / 10.0);
    assert_true(passed > 0 && passed < 10);
    t.ignore = true;
    assert_int_equal(ps_precision_of(&t, 1, &g, 1, 20, &by, &p), POISE_OK);
    near_to(p.ap, -1);
}

/* Somebody with a torso of 100 (60 across, 80 down) at x, and a guess whose first `right` joints are just near enough
 * and whose others are just too far away. */
typedef struct person {
    poise_keypoint want[PS_COCO_JOINTS], got[PS_COCO_JOINTS];
    ps_truth truth;
    ps_guess guess;
} person;

static void put_person(person *p, float x, int right)
{
    for (int i = 0; i < PS_COCO_JOINTS; i++) {
        p->want[i] = (poise_keypoint){x + (float)i, 50, 1};
        p->got[i] = p->want[i];
        p->got[i].y += i < right ? 19.9f : 20.1f;
    }
    p->want[5] = (poise_keypoint){x, 0, 1}, p->want[12] = (poise_keypoint){x + 60, 80, 1};
    p->got[5] = (poise_keypoint){x, right > 5 ? 19.9f : 20.1f, 1}, p->got[12] = (poise_keypoint){x + 60, right > 12 ? 99.9f : 100.1f, 1};
    p->truth = (ps_truth){.x1 = x, .x2 = x + 100, .y2 = 200, .area = 10000, .n_keypoints = PS_COCO_JOINTS, .keypoint = p->want};
    p->guess = (ps_guess){.score = 0.9f, .x1 = x, .x2 = x + 100, .y2 = 200, .keypoint = p->got};
}

static ps_pck pck_of(const person *p, int n, int n_guess)
{
    ps_truth t[4];
    ps_guess g[4];
    ps_precision boxes_found;
    for (int i = 0; i < n; i++) t[i] = p[n - 1 - i].truth, g[i] = p[i].guess;
    assert_int_equal(ps_precision_of(t, n, g, n_guess, 20, &boxes, &boxes_found), POISE_OK);
    return ps_pck_of(t, n);
}

static void test_pck(void **state)
{
    (void)state;
    person p[3];
    put_person(&p[0], 0, 10), put_person(&p[1], 500, 17), put_person(&p[2], 1000, 0);
    ps_pck all = pck_of(p, 3, 3), two = pck_of(p, 3, 2);
    near_to(all.share, 27 / 51.0);
    near_to(all.found_share, 27 / 51.0);
    near_to(two.share, 27 / 51.0); /* the third one's joints are wrong, found or not */
    near_to(two.found_share, 27 / 34.0);
    assert_int_equal(two.people, 3);
    assert_int_equal(two.found, 2);
    p[0].guess.x1 -= 120; /* an IoU of 100/220: not the same person */
    near_to(pck_of(p, 3, 3).share, 17 / 51.0);
}

static void test_pck_labels(void **state)
{
    (void)state;
    person p[2];
    put_person(&p[0], 0, 10), put_person(&p[1], 500, 17);
    p[0].want[0].conf = p[0].want[16].conf = 0; /* one that was right, one that was not */
    near_to(pck_of(p, 1, 1).share, 9 / 15.0);
    p[0].want[5].conf = 0; /* now from the right shoulder to the left hip: 5 across, of which 0.2 is nothing */
    near_to(pck_of(p, 1, 1).share, 0);
    p[0].want[6] = (poise_keypoint){0, 0, 1}, p[0].want[11] = (poise_keypoint){80, 60, 1}; /* 100 again, but both are elsewhere */
    near_to(pck_of(p, 1, 1).share, 7 / 14.0);
    p[0].want[6].conf = 0; /* no torso */
    near_to(pck_of(p, 1, 1).share, -1);
    near_to(pck_of(p, 2, 2).share, 1);
    p[1].truth.crowd = true;
    assert_int_equal(pck_of(p, 2, 2).people, 0);
    p[1].truth.crowd = false, p[1].truth.ignore = true;
    assert_int_equal(pck_of(p, 2, 2).people, 0);
    near_to(pck_of(p, 2, 2).found_share, -1);
}

static void test_categories(void **state)
{
    (void)state;
    int n = 0;
    for (int id = 0; id <= 91; id++) {
        int c = ps_coco_class(id);
        if (c < 0) continue;
        assert_int_equal(c, n++);
        assert_int_equal(ps_coco_category(c), id);
    }
    assert_int_equal(n, PS_COCO_CLASSES);
    assert_int_equal(ps_coco_category(11), 13); /* stop sign */
    assert_int_equal(ps_coco_category(79), 90); /* toothbrush */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perfect),     cmocka_unit_test(test_nothing),      cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_interpolation), cmocka_unit_test(test_wrong_first), cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_classes),     cmocka_unit_test(test_crowd),        cmocka_unit_test(test_max_det),
        cmocka_unit_test(test_best_overlap), cmocka_unit_test(test_oks),         cmocka_unit_test(test_pck),
        cmocka_unit_test(test_pck_labels),  cmocka_unit_test(test_categories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
