/* runtime/threads.c - the only file that knows OpenMP and the floating-point mode of a thread. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "runtime/threads.h"

#include <sched.h>
#include <stdatomic.h>

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

static void serial(int n, ps_body *body, void *ctx)
{
    unsigned mode = ps_fp_flush_denormals();
    body(ctx, 0, n, 0);
    ps_fp_restore(mode);
}

#ifdef _OPENMP
#include <omp.h>
void ps_parallel(int threads, int n, ps_body *body, void *ctx)
{
    if (n <= 0) return;
    if (threads > n) threads = n;
    if (threads <= 1) {
        serial(n, body, ctx);
        return;
    }
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
void ps_parallel(int threads, int n, ps_body *body, void *ctx)
{
    (void)threads;
    if (n > 0) serial(n, body, ctx);
}
#endif
