/* runtime/pool.h - threads of our own; ps_parallel (runtime/threads.h) is the way in for everybody else. */
#ifndef PS_RUNTIME_POOL_H
#define PS_RUNTIME_POOL_H

#include "runtime/threads.h"

#include <stdbool.h>

/* Starts workers until `threads` threads can work with the caller, or the system refuses. */
void ps_pool_start(int threads);
/* As ps_parallel for n >= 2 chunks, in the calling thread's floating-point mode; false: another caller has the pool and
 * nothing was done. */
bool ps_pool_run(int threads, int n, ps_body *body, void *ctx);

#endif
