/* ops/c/pixels_c.c - reference conversion of 8-bit pixels. */
#include "ops/c/isa_c.h"

void ps_pixels_f32_c(size_t n, const uint8_t *x, const uint8_t order[3], const float mul[3],
                     const float add[3], float *y, ptrdiff_t ldy)
{
    for (size_t i = 0; i < n; i++, x += 3, y += ldy)
        for (size_t j = 0; j < 3; j++) y[j] = (float)x[order[j]] * mul[j] + add[j];
}
