/* ops/c/gemm_u8_c.c - reference product of bytes, and of what becomes of its sums. */
#include "ops/c/isa_c.h"
#include "ops/requant.h"

enum { NR = PS_C_NR };

void ps_requant_planned_c(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy, const ps_requant *q,
                          const ps_requant_plan *p)
{
    for (size_t i = 0; i < m; i++, x += ldx) {
        const uint8_t *r = q->residual ? q->residual + (ptrdiff_t)i * q->ldr : NULL;
        for (size_t j = 0; j < n; j++) {
            float real = ps_requant_real(p, q, j, x[j], r ? r[j] : 0);
            ptrdiff_t at = (ptrdiff_t)i * ldy + (ptrdiff_t)j;
            if (q->to_f32) ((float *)y)[at] = real;
            else ((uint8_t *)y)[at] = ps_requant_code(p, q, real);
        }
    }
}

void ps_requant_c(size_t m, size_t n, const int32_t *x, ptrdiff_t ldx, void *y, ptrdiff_t ldy, const ps_requant *q)
{
    ps_requant_plan p;
    ps_requant_prepare(&p, q);
    ps_requant_planned_c(m, n, x, ldx, y, ldy, q, &p);
}

/* Sums of one row with one panel. */
static void sums(size_t k, size_t taps, const uint8_t *const *a, ptrdiff_t at, const int8_t *b, int32_t acc[NR])
{
    uint32_t s[NR] = {0};
    for (size_t t = 0; t < taps; t++)
        for (size_t p = 0; p < k; p += 4, b += 4 * NR) {
            const uint8_t *x = a[t] + (at + (ptrdiff_t)p);
            for (size_t j = 0; j < NR; j++)
                s[j] += (uint32_t)(x[0] * b[4 * j] + x[1] * b[4 * j + 1] + x[2] * b[4 * j + 2] + x[3] * b[4 * j + 3]);
        }
    for (size_t j = 0; j < NR; j++) acc[j] = (int32_t)s[j];
}

void ps_gemm_u8_c(size_t m, size_t n, size_t k, size_t taps, const uint8_t *const *a, ptrdiff_t lda, const int8_t *b,
                  ptrdiff_t panel, void *c, ptrdiff_t ldc, const ps_requant *q)
{
    size_t size = q->to_f32 ? sizeof(float) : 1;
    ps_requant_plan p;
    ps_requant_prepare(&p, q);
    for (size_t j = 0; j < n; j += NR, b += panel)
        for (size_t i = 0; i < m; i++) {
            int32_t acc[NR];
            ps_requant part = ps_requant_part(q, i, j);
            sums(k, taps, a, (ptrdiff_t)i * lda, b, acc);
            ps_requant_planned_c(1, n - j < NR ? n - j : NR, acc, NR,
                                 (char *)c + ((ptrdiff_t)i * ldc + (ptrdiff_t)j) * (ptrdiff_t)size, ldc, &part, &p);
        }
}
