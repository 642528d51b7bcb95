/* runtime/pool.c - threads of our own under ps_parallel; the only file that knows pthreads.
 *
 * One pool serves all sessions.  A job is one 64-bit ticket: generation, threads, chunks, next chunk.  Whoever
 * increments it has claimed a chunk, so a thread that sleeps or was descheduled holds nothing up: the caller waits
 * only for chunks that somebody has claimed.  Workers look for a new ticket for SPIN_US, then sleep; so does the caller.  A second
 * caller at the same time finds the pool taken and does its work alone: no more threads than asked for ever run. */
#include "runtime/pool.h"

#include "runtime/clock.h"
#include "runtime/cores.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    NEXT_BITS = 20, /* of a ticket: next chunk, chunks, threads; the generation has the rest */
    MOST_CHUNKS = (1 << NEXT_BITS) - 1,
    THREAD_SHIFT = 2 * NEXT_BITS,
    THREAD_BITS = 7,
    SPIN_US = 50, /* longer than the serial gaps of a network, shorter than anybody's time slice */
};

static struct {
    _Atomic uint64_t ticket;
    _Atomic int done, sleepers, workers;
    _Atomic uint64_t cpus; /* what the job's caller stays on, and so do those who work for it */
    _Atomic int waits; /* the caller sleeps until all chunks of its job are done */
    ps_body *body; /* of the ticket's generation: not changed before all its chunks are done */
    void *ctx;
    atomic_flag taken;
    pthread_mutex_t lock;
    pthread_cond_t work, finished;
} pool = {.taken = ATOMIC_FLAG_INIT,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .work = PTHREAD_COND_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Does chunks of the current job until none is left for `thread`.  A claim that succeeds is one of the job whose
 * ticket was incremented, and that job cannot end before the chunk is done: body and ctx are its own. */
static void work(int thread)
{
    uint64_t t = atomic_load(&pool.ticket);
    for (;;) {
        int next = (int)(t & MOST_CHUNKS), n = (int)(t >> NEXT_BITS & MOST_CHUNKS);
        int threads = (int)(t >> THREAD_SHIFT & ((1 << THREAD_BITS) - 1));
        if (next >= n || thread >= threads) return;
        if (!atomic_compare_exchange_weak(&pool.ticket, &t, t + 1)) continue;
        pool.body(pool.ctx, next, next + 1, thread);
        if (atomic_fetch_add(&pool.done, 1) + 1 == n && atomic_load(&pool.waits)) {
            pthread_mutex_lock(&pool.lock);
            pthread_cond_signal(&pool.finished);
            pthread_mutex_unlock(&pool.lock);
        }
        t = atomic_load(&pool.ticket);
    }
}

static void sleep_until_work(uint64_t seen)
{
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.sleepers, 1);
    while ((atomic_load(&pool.ticket) ^ seen) >> (THREAD_SHIFT + THREAD_BITS) == 0)
        pthread_cond_wait(&pool.work, &pool.lock);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void *worker(void *arg)
{
    int thread = (int)(intptr_t)arg;
    ps_fp_flush_denormals();
    for (;;) {
        uint64_t seen = atomic_load(&pool.ticket);
        ps_cpus_pin(atomic_load(&pool.cpus));
        work(thread);
        double until = ps_clock_ms() + SPIN_US * 1e-3;
        while ((atomic_load(&pool.ticket) ^ seen) >> (THREAD_SHIFT + THREAD_BITS) == 0) {
            for (int i = 0; i < 64; i++) relax();
            if (ps_clock_ms() < until) continue;
            sleep_until_work(seen);
            break;
        }
    }
    return NULL;
}

/* A stack of twice what is used, rather than of 8 MB as is usual: where address space is limited it counts.  Sanitizers have
 * frames of their own size. */
static const pthread_attr_t *small_stack(pthread_attr_t *attr)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
    (void)attr;
    return NULL;
#else
    if (pthread_attr_init(attr)) return NULL;
    return pthread_attr_setstacksize(attr, 2 * PS_STACK_BYTES) ? NULL : attr;
#endif
}

void ps_pool_start(int threads)
{
    pthread_attr_t attr;
    sigset_t all, old; /* signals are the program's own threads' business */
    sigfillset(&all);
    pthread_mutex_lock(&pool.lock);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    uint64_t cpus = ps_cpus_pin(0); /* they inherit where this one may run */
    int have = atomic_load(&pool.workers);
    const pthread_attr_t *small = small_stack(&attr);
    for (; have < threads - 1 && have < PS_MAX_THREADS - 1; have++) {
        pthread_t id;
        if (pthread_create(&id, small, worker, (void *)(intptr_t)(have + 1))) break; /* fewer will do */
        pthread_detach(id);
    }
    ps_cpus_pin(cpus);
    atomic_store(&pool.workers, have);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_mutex_unlock(&pool.lock);
}

/* A chunk is claimed by a worker that may have lost its core: the caller lets it have this one. */
static void sleep_until_done(int n)
{
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waits, 1);
    while (atomic_load(&pool.done) < n) pthread_cond_wait(&pool.finished, &pool.lock);
    atomic_store(&pool.waits, 0);
    pthread_mutex_unlock(&pool.lock);
}

static void run_job(int threads, int n, ps_body *body, void *ctx)
{
    uint64_t generation = (atomic_load(&pool.ticket) >> (THREAD_SHIFT + THREAD_BITS)) + 1;
    pool.body = body;
    pool.ctx = ctx;
    atomic_store(&pool.done, 0);
    atomic_store(&pool.cpus, ps_cpus_pinned());
    atomic_store(&pool.ticket, generation << (THREAD_SHIFT + THREAD_BITS) | (uint64_t)threads << THREAD_SHIFT |
                                   (uint64_t)n << NEXT_BITS);
    if (atomic_load(&pool.sleepers)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.lock);
    }
    work(0);
    double until = ps_clock_ms() + SPIN_US * 1e-3;
    while (atomic_load(&pool.done) < n && ps_clock_ms() < until)
        for (int i = 0; i < 16; i++) relax();
    if (atomic_load(&pool.done) < n) sleep_until_done(n);
}

/* Chunk numbers of a part of a job that is larger than a ticket can count. */
typedef struct part {
    ps_body *body;
    void *ctx;
    int from;
} part;

static void run_part(void *ctx, int begin, int end, int thread)
{
    const part *p = ctx;
    p->body(p->ctx, p->from + begin, p->from + end, thread);
}

bool ps_pool_run(int threads, int n, ps_body *body, void *ctx)
{
    if (atomic_load(&pool.workers) < threads - 1) ps_pool_start(threads);
    if (atomic_flag_test_and_set(&pool.taken)) return false;
    int most = atomic_load(&pool.workers) + 1;
    for (int from = 0; from < n; from += MOST_CHUNKS) {
        part p = {body, ctx, from};
        run_job(threads < most ? threads : most, n - from < MOST_CHUNKS ? n - from : MOST_CHUNKS, run_part, &p);
    }
    atomic_flag_clear(&pool.taken);
    return true;
}
