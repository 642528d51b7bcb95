/* bench/peer_sgemm.c - cblas_sgemm (OpenBLAS) on products that are given on stdin.
 *
 * A line "m n k" each; answers with the least milliseconds of c[m,n] = a[m,k] * b[k,n], a line each.
 * OPENBLAS_NUM_THREADS sets the threads. */
#include "bench/peer_time.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct product {
    int m, n, k;
    float *a, *b, *c;
} product;

static void multiply(void *ctx)
{
    const product *p = ctx;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0, p->c, p->n);
}

static float *numbers(int rows, int columns)
{
    size_t n = (size_t)rows * (size_t)columns;
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)(i % 17) / 16 - 0.5f;
    return x;
}

int main(void)
{
    product p;
    while (scanf("%d %d %d", &p.m, &p.n, &p.k) == 3) {
        if (p.m < 1 || p.n < 1 || p.k < 1) return 2;
        p.a = numbers(p.m, p.k), p.b = numbers(p.k, p.n), p.c = numbers(p.m, p.n);
        if (!p.a || !p.b || !p.c) return 1;
        printf("%.6f\n", least_ms(multiply, &p, 60));
        free(p.a), free(p.b), free(p.c);
    }
    return 0;
}
