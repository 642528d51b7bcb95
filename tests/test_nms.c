/* tests/test_nms.c - overlap and suppression. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "models/nms.h"

static void overlap(void **state)
{
    (void)state;
    ps_candidate a = {0, 0, 10, 10, 1, 0, 0}, b = {5, 0, 15, 10, 1, 0, 0}, c = {10, 0, 20, 10, 1, 0, 0},
                 d = {2, 2, 4, 4, 1, 0, 0};
    assert_true(fabsf(ps_iou(&a, &b) - 50.f / 150) < 1e-6f); /* no +1 in the areas */
    assert_true(ps_iou(&a, &a) == 1);
    assert_true(ps_iou(&a, &c) == 0);
    assert_true(fabsf(ps_iou(&a, &d) - 0.04f) < 1e-6f);
    ps_candidate empty = {5, 5, 5, 5, 1, 0, 0}, odd = {NAN, 0, 10, 10, 1, 0, 0},
                 turned = {10, 10, 0, 0, 1, 0, 0};
    assert_true(ps_iou(&a, &empty) == 0 && ps_iou(&empty, &empty) == 0);
    assert_true(ps_iou(&a, &odd) == 0 && ps_iou(&a, &turned) == 0);
}

static const ps_candidate scene[] = {
    {0, 0, 100, 100, 0.9f, 0, 0},   {10, 0, 110, 100, 0.8f, 0, 1}, /* overlaps the first by 9/11 */
    {10, 0, 110, 100, 0.7f, 1, 2},  {200, 0, 300, 100, 0.6f, 0, 3},
    {250, 0, 350, 100, 0.5f, 0, 4}, /* by 1/3 */
    {12, 0, 112, 100, 0.4f, 1, 5},
};
enum { SCENE = sizeof scene / sizeof *scene };

static void expect(float iou, bool agnostic, int most, const char *cells)
{
    ps_candidate c[SCENE];
    memcpy(c, scene, sizeof c);
    int32_t n = ps_nms(c, SCENE, iou, agnostic, most);
    char got[SCENE + 1] = {0};
    for (int i = 0; i < n; i++) got[i] = (char)('0' + c[i].cell);
    assert_string_equal(got, cells);
}

static void suppresses(void **state)
{
    (void)state;
    expect(0.7f, false, 300, "0234");
    expect(0.7f, true, 300, "034");
    expect(0.82f, false, 300, "01234"); /* 9/11 = 0.818 is not above it; 5 overlaps 2 by 0.96 */
    expect(0.3f, false, 300, "023");
    expect(0.34f, false, 300, "0234");
    expect(1.0f, false, 300, "012345");
    expect(0.7f, false, 2, "02");
    expect(0.7f, false, 0, "");
}

/* Exactly at the threshold is kept: only more than iou is suppressed. */
static void limit_is_open(void **state)
{
    (void)state;
    ps_candidate c[2] = {{0, 0, 2, 1, 0.9f, 0, 0}, {1, 0, 2, 1, 0.8f, 0, 1}}; /* IoU = 0.5 */
    assert_int_equal(ps_nms(c, 2, 0.5f, false, 9), 2);
    assert_int_equal(ps_nms(c, 2, 0.49f, false, 9), 1);
    assert_int_equal(ps_nms(c, 0, 0.5f, false, 9), 0);
}

/* Of equal scores the first in order wins, whatever else is there. */
static void ties_follow_order(void **state)
{
    (void)state;
    ps_candidate c[3] = {{0, 0, 10, 10, 0.5f, 0, 7}, {1, 0, 11, 10, 0.5f, 0, 8}, {0, 1, 10, 11, 0.5f, 0, 9}};
    assert_int_equal(ps_nms(c, 3, 0.5f, false, 9), 1);
    assert_int_equal(c[0].cell, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap),
        cmocka_unit_test(suppresses),
        cmocka_unit_test(limit_is_open),
        cmocka_unit_test(ties_follow_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
