/* runtime/threads.h - how work is spread over cores. */
#ifndef PS_RUNTIME_THREADS_H
#define PS_RUNTIME_THREADS_H

enum { PS_MAX_THREADS = 64 };

/* One piece of work: chunks [begin, end) of those given to ps_parallel, on thread 0..threads-1. */
typedef void ps_body(void *ctx, int begin, int end, int thread);

/* Calls body until chunks 0..n-1 are done, each exactly once, on at most `threads` threads; returns when
 * all are.  Chunks are claimed as threads come free, so a result must not depend on which thread or
 * which call does a chunk.  Denormals are flushed to zero inside body.  Not to be nested. */
void ps_parallel(int threads, int n, ps_body *body, void *ctx);

/* Makes sure that ps_parallel has `threads` threads at hand (fewer if the system refuses), so that running starts
 * none.  Called when a model is opened. */
void ps_threads_start(int threads);

/* What is under ps_parallel: "pool", or "openmp" where it is built in and $POISE_THREADING asks for it.  NULL when
 * $POISE_THREADING asks for something else, which opening a model refuses. */
const char *ps_threading(void);

/* Cores this process may use, 1..PS_MAX_THREADS. */
int ps_cores(void);

/* Flush-to-zero and denormals-are-zero for this thread; returns the mode to give back to ps_fp_restore. */
unsigned ps_fp_flush_denormals(void);
void ps_fp_restore(unsigned mode);

#endif
