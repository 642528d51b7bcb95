/* app/bench_tune.h - poise bench --tune. */
#ifndef PS_APP_BENCH_TUNE_H
#define PS_APP_BENCH_TUNE_H

#include "app/args.h"

poise_status ps_bench_tune(const ps_args *a);

#endif
