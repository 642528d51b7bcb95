/* runtime/threads.h - how work is spread over cores. */
#ifndef PS_RUNTIME_THREADS_H
#define PS_RUNTIME_THREADS_H

#include <stdint.h>

enum { PS_MAX_THREADS = 64 };

/* Stack that a call of the library uses at most (tests/test_stack.c measures it): rows of depthwise windows keep as many vectors
 * as a window has taps, of 64 bytes each with AVX-512.  Nothing recurses on input, and nothing is sized by it. */
#if defined(__x86_64__)
enum { PS_STACK_BYTES = 128 * 1024 };
#else
enum { PS_STACK_BYTES = 64 * 1024 };
#endif

/* One piece of work: chunks [begin, end) of those given to ps_parallel, on thread 0..threads-1. */
typedef void ps_body(void *ctx, int begin, int end, int thread);

/* Calls body until chunks 0..n-1 are done, each exactly once, on at most `threads` threads; returns when
 * all are.  Chunks are claimed as threads come free, so a result must not depend on which thread or
 * which call does a chunk.  Denormals are flushed to zero inside body.  Whoever calls it while another region runs (from
 * another thread, or from inside body) does its chunks alone. */
void ps_parallel(int threads, int n, ps_body *body, void *ctx);

/* Makes sure that ps_parallel has `threads` threads at hand (fewer if the system refuses), so that running starts
 * none; there are `cores` cores for them.  Called when a model is opened. */
void ps_threads_start(int threads, int cores);

/* Around everything that calls ps_parallel again and again (a run of a session): denormals are flushed, the thread and
 * those that work for it stay on `cpus` (0: anywhere), and as long as several threads of the program are between them,
 * regions leave each of them a core.  What begin gives is for end, which restores what was. */
typedef struct ps_caller {
    unsigned mode;
    uint64_t cpus;
} ps_caller;
ps_caller ps_caller_begin(uint64_t cpus);
void ps_caller_end(ps_caller c);

/* What is under ps_parallel: "pool", or "openmp" where it is built in and $POISE_THREADING asks for it.  NULL when
 * $POISE_THREADING asks for something else, which opening a model refuses. */
const char *ps_threading(void);

/* Flush-to-zero and denormals-are-zero for this thread; returns the mode to give back to ps_fp_restore. */
unsigned ps_fp_flush_denormals(void);
void ps_fp_restore(unsigned mode);

#endif
