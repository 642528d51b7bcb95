/* app/bench_times.h - what many times of the same thing come to. */
#ifndef PS_APP_BENCH_TIMES_H
#define PS_APP_BENCH_TIMES_H

void ps_times_sort(double *ms, int n);
/* The smallest value that at least a share q of the sorted values does not exceed. */
double ps_times_quantile(const double *sorted, int n, double q);

#endif
