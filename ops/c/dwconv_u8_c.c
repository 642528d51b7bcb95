/* ops/c/dwconv_u8_c.c - reference depthwise convolution of bytes. */
#include "ops/c/isa_c.h"
#include "ops/requant.h"

enum { BLOCK = 64, PIXELS = 16 };

typedef struct window {
    size_t c, kh, kw;
    const uint8_t *const *rows;
    ptrdiff_t ldtap;
    const int8_t *wt;
} window;

/* n sums of the window that begins `at` elements into its rows. */
static void sums(const window *d, ptrdiff_t at, size_t j0, size_t n, int32_t *acc)
{
    for (size_t j = 0; j < n; j++) acc[j] = 0;
    for (size_t dy = 0; dy < d->kh; dy++)
        for (size_t dx = 0; dx < d->kw; dx++) {
            const uint8_t *x = d->rows[dy] + at + (ptrdiff_t)dx * d->ldtap + j0;
            const int8_t *f = d->wt + (dy * d->kw + dx) * d->c + j0;
            for (size_t j = 0; j < n; j++) acc[j] += x[j] * f[j];
        }
}

void ps_dwconv_u8_c(size_t w, size_t c, size_t kh, size_t kw, const uint8_t *const *rows, ptrdiff_t ldx,
                    ptrdiff_t ldtap, const int8_t *wt, void *y, ptrdiff_t ldy, const ps_requant *q)
{
    const window d = {c, kh, kw, rows, ldtap, wt};
    const ptrdiff_t size = q->to_f32 ? (ptrdiff_t)sizeof(float) : 1;
    for (size_t i0 = 0; i0 < w; i0 += PIXELS)
        for (size_t j0 = 0; j0 < c; j0 += BLOCK) {
            int32_t acc[PIXELS * BLOCK];
            size_t m = w - i0 < PIXELS ? w - i0 : PIXELS, n = c - j0 < BLOCK ? c - j0 : BLOCK;
            ps_requant part = ps_requant_part(q, i0, j0);
            for (size_t i = 0; i < m; i++) sums(&d, (ptrdiff_t)(i0 + i) * ldx, j0, n, acc + i * BLOCK);
            ps_requant_c(m, n, acc, BLOCK, (char *)y + ((ptrdiff_t)i0 * ldy + (ptrdiff_t)j0) * size, ldy, &part);
        }
}
