/* tests/check_pixels.c - checks the conversion of 8-bit pixels. */
#include "tests/check.h"

#include <math.h>

void check_pixels_f32(check *c)
{
    ps_pixels_f32_fn *f = (ps_pixels_f32_fn *)c->neu;
    static const uint8_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 1, 0}};
    const float mul[3] = {1.0f / 255, 0.0171f, -0.5f}, add[3] = {0.0f, -2.1f, 3.0f};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (int o = 0; o < 3; o++) {
            size_t ldy = 3 + (check_below(2) ? check_below(5) : 0);
            bool front = check_below(2);
            uint8_t *x = check_bytes(*n * 3, front);
            for (size_t i = 0; i < *n * 3; i++) x[i] = (uint8_t)check_rand();
            float *y = check_floats(*n ? (*n - 1) * ldy + 3 : 0, front);
            f(*n, x, orders[o], mul, add, y, (ptrdiff_t)ldy);
            for (size_t i = 0; i < *n * 3; i++) {
                double product = (double)x[i / 3 * 3 + orders[o][i % 3]] * (double)mul[i % 3];
                double want = product + (double)add[i % 3],
                       tolerance = (double)FLT_EPSILON * (fabs(product) + fabs(want));
                if (!check_near(c, "value", i, y[i / 3 * ldy + i % 3], want, tolerance)) return;
            }
            if (*n && !check_gaps(c, y, *n, 3, ldy)) return;
            check_release();
        }
    }
    if (!c->bench) return;
    const uint8_t *x = check_bytes(640 * 3, true);
    float *y = check_floats(640 * 3, true);
    CHECK_BENCH(c, "640 pixels", 640 * 15.0, "GB/s", f(640, x, orders[0], mul, add, y, 3),
                ((ps_pixels_f32_fn *)c->ref)(640, x, orders[0], mul, add, y, 3));
}
