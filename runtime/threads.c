/* runtime/threads.c - ps_parallel, cores, and the floating-point mode of a thread; the only file that knows OpenMP. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "runtime/pool.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
/* FTZ (bit 15) and DAZ (bit 6) of MXCSR.  One denormal activation costs ~150 cycles; a peer whose
 * build leaves these bits alone takes twice the time on networks that decay towards zero. */
unsigned ps_fp_flush_denormals(void)
{
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040u);
    return mode;
}
void ps_fp_restore(unsigned mode)
{
    _mm_setcsr(mode);
}
#elif defined(__aarch64__)
unsigned ps_fp_flush_denormals(void)
{
    unsigned long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" ::"r"(mode | (1ul << 24)));
    return (unsigned)mode;
}
void ps_fp_restore(unsigned mode)
{
    __asm__ volatile("msr fpcr, %0" ::"r"((unsigned long)mode));
}
#else /* NEON on armv7 flushes denormals always */
unsigned ps_fp_flush_denormals(void)
{
    return 0;
}
void ps_fp_restore(unsigned mode)
{
    (void)mode;
}
#endif

int ps_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return n < 1 ? 1 : n > PS_MAX_THREADS ? PS_MAX_THREADS : n;
}

/* Two machines can be under ps_parallel: our pool, and OpenMP where it is built in and $POISE_THREADING=openmp asks for
 * it.  OpenMP ends a region with a barrier, where a thread that lost its core to another program holds everybody up:
 * YOLOv8n 640 on two shared cores takes 615 ms (median of 20) against the pool's 65; on idle ones 29 against 32. */
#if PS_WITH_OPENMP
#include <omp.h>

static void openmp_parallel(int threads, int n, ps_body *body, void *ctx)
{
    atomic_int next = 0;
#pragma omp parallel num_threads(threads)
    {
        unsigned mode = ps_fp_flush_denormals();
        int thread = omp_get_thread_num();
        for (int i; (i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < n;)
            body(ctx, i, i + 1, thread);
        ps_fp_restore(mode);
    }
}
#else
static void openmp_parallel(int threads, int n, ps_body *body, void *ctx)
{
    (void)threads;
    body(ctx, 0, n, 0);
}
#endif

static const char *const threadings[] = {"pool", "openmp"};
enum { POOL, OPENMP, UNKNOWN, N_THREADINGS = PS_WITH_OPENMP ? 2 : 1 };

/* Asks the environment once. */
static int threading(void)
{
    static atomic_int choice = -1;
    int c = atomic_load_explicit(&choice, memory_order_relaxed);
    if (c < 0) {
        const char *want = getenv("POISE_THREADING");
        for (c = 0; want && *want && c < N_THREADINGS && strcmp(want, threadings[c]); c++) continue;
        if (c == N_THREADINGS) c = UNKNOWN;
        atomic_store_explicit(&choice, c, memory_order_relaxed);
    }
    return c;
}

const char *ps_threading(void)
{
    int c = threading();
    return c == UNKNOWN ? NULL : threadings[c];
}

void ps_threads_start(int threads)
{
    if (threading() != OPENMP) ps_pool_start(threads); /* OpenMP starts its own when the first region needs them */
}

void ps_parallel(int threads, int n, ps_body *body, void *ctx)
{
    if (n <= 0) return;
    if (threads > n) threads = n;
    unsigned mode = ps_fp_flush_denormals();
    if (threads <= 1) body(ctx, 0, n, 0);
    else if (threading() == OPENMP) openmp_parallel(threads, n, body, ctx);
    else if (!ps_pool_run(threads, n, body, ctx)) body(ctx, 0, n, 0);
    ps_fp_restore(mode);
}
