/* bench/peer_time.h - the least time of a call, for programs that measure other libraries. */
#ifndef PS_BENCH_PEER_TIME_H
#define PS_BENCH_PEER_TIME_H

#include "runtime/clock.h"

/* Milliseconds: two runs to warm up, then as many as fit into `budget` ms, at least five. */
static inline double least_ms(void (*call)(void *), void *ctx, double budget)
{
    double best = 0, begin = 0;
    for (int i = -2; i < 5 || ps_clock_ms() - begin < budget; i++) {
        double from = ps_clock_ms();
        call(ctx);
        double ms = ps_clock_ms() - from;
        if (i == 0) begin = from, best = ms;
        else if (i > 0 && ms < best) best = ms;
    }
    return best;
}

#endif
