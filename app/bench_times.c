/* app/bench_times.c - quantiles of times. */
#include "app/bench_times.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void ps_times_sort(double *ms, int n)
{
    qsort(ms, (size_t)n, sizeof *ms, ascending);
}

double ps_times_quantile(const double *sorted, int n, double q)
{
    int i = (int)(q * n + 0.999999) - 1;
    return sorted[i < 0 ? 0 : i >= n ? n - 1 : i];
}
