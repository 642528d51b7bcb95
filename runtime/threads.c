/* runtime/threads.c - ps_parallel and the floating-point mode of a thread; the only file that knows OpenMP. */
#include "runtime/cores.h"
#include "runtime/pool.h"

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
#elif defined(__arm__) && defined(__ARM_FP)
/* ARMv7's NEON flushes always; so that scalars give the same. */
unsigned ps_fp_flush_denormals(void)
{
    unsigned mode;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(mode));
    __asm__ volatile("vmsr fpscr, %0" ::"r"(mode | (1u << 24)));
    return mode;
}
void ps_fp_restore(unsigned mode)
{
    __asm__ volatile("vmsr fpscr, %0" ::"r"(mode));
}
#else
unsigned ps_fp_flush_denormals(void)
{
    return 0;
}
void ps_fp_restore(unsigned mode)
{
    (void)mode;
}
#endif

/* Two machines can be under ps_parallel: our pool, and OpenMP where it is built in and $POISE_THREADING=openmp asks for
 * it.  OpenMP ends a region with a barrier, where a thread that lost its core to another program holds everybody up:
 * YOLOv8n 640 on two shared cores takes 615 ms (median of 20) against the pool's 65; on idle ones 29 against 32. */
#if PS_WITH_OPENMP
#include <omp.h>

/* One team at a time, as with the pool: OpenMP would start one for every caller. */
static bool openmp_parallel(int threads, int n, ps_body *body, void *ctx)
{
    static atomic_flag taken = ATOMIC_FLAG_INIT;
    atomic_int next = 0;
    if (atomic_flag_test_and_set(&taken)) return false;
    uint64_t cpus = ps_cpus_pin(0); /* threads that it makes inherit where this one may run */
#pragma omp parallel num_threads(threads)
    {
        unsigned mode = ps_fp_flush_denormals();
        ps_cpus_pin(cpus);
        int thread = omp_get_thread_num();
        for (int i; (i = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed)) < n;)
            body(ctx, i, i + 1, thread);
        ps_fp_restore(mode);
    }
    atomic_flag_clear(&taken);
    return true;
}
#else
static bool openmp_parallel(int threads, int n, ps_body *body, void *ctx)
{
    (void)threads, (void)n, (void)body, (void)ctx;
    return false;
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

static atomic_int cores_now; /* those of the model that was opened last */
static atomic_int callers;   /* threads that run a session now */

void ps_threads_start(int threads, int cores)
{
    atomic_store_explicit(&cores_now, cores, memory_order_relaxed);
    if (threading() != OPENMP) ps_pool_start(threads); /* OpenMP starts its own when the first region needs them */
}

ps_caller ps_caller_begin(uint64_t cpus)
{
    atomic_fetch_add_explicit(&callers, 1, memory_order_relaxed);
    return (ps_caller){ps_fp_flush_denormals(), ps_cpus_pin(cpus)};
}

void ps_caller_end(ps_caller c)
{
    ps_cpus_pin(c.cpus);
    ps_fp_restore(c.mode);
    atomic_fetch_sub_explicit(&callers, 1, memory_order_relaxed);
}

/* Threads of a region: a program that runs several sessions at once has threads of its own, and each of them takes a core
 * that is no longer there for others to share in. */
static int threads_left(int threads)
{
    int others = atomic_load_explicit(&callers, memory_order_relaxed) - 1;
    if (others <= 0) return threads;
    int left = atomic_load_explicit(&cores_now, memory_order_relaxed) - others;
    return left < 1 ? 1 : left < threads ? left : threads;
}

void ps_parallel(int threads, int n, ps_body *body, void *ctx)
{
    if (n <= 0) return;
    if (threads > n) threads = n;
    if (threads > 1) threads = threads_left(threads);
    unsigned mode = ps_fp_flush_denormals();
    if (threads <= 1 || !(threading() == OPENMP ? openmp_parallel : ps_pool_run)(threads, n, body, ctx)) body(ctx, 0, n, 0);
    ps_fp_restore(mode);
}
