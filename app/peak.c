/* app/peak.c - measures the peaks of this machine: short bursts, of which the fastest counts. */
#include "app/peak.h"

#include "app/peak_spins.h"
#include "runtime/clock.h"
#include "runtime/cores.h"
#include "runtime/memory.h"
#include "runtime/status.h"
#include "runtime/sysfs.h"
#include "runtime/threads.h"

#include <stdio.h>
#include <string.h>
#if defined(__arm__) && defined(__ARM_FP)
#include <arm_neon.h>
#endif

/* ---- arithmetic ---- */

typedef struct burst {
    ps_spin_fn *spin;
    int reps;
} burst;

static void run_burst(void *ctx, int begin, int end, int thread)
{
    const burst *b = ctx;
    float out[16];
    (void)thread;
    for (int i = begin; i < end; i++)
        for (int k = 0; k < b->reps; k++) b->spin(out);
}

/* The least time of `body` over one chunk for each thread. */
static double least_ms(int threads, ps_body *body, void *ctx)
{
    enum { TRIES = 12 };
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double from = ps_clock_ms();
        ps_parallel(threads, threads, body, ctx);
        double ms = ps_clock_ms() - from;
        if (!i || ms < best) best = ms;
    }
    return best;
}

static double peak_of(const ps_spin *s, const char *isa, int threads)
{
    for (; s->isa; s++) {
        if (strcmp(s->isa, isa) || !s->spin) continue;
        burst b = {s->spin, s->reps};
        double ms = least_ms(threads, run_burst, &b);
        return ms > 0 ? 2e-6 * s->macs * b.reps * threads / ms : 0;
    }
    return 0;
}

double ps_peak_flops(const char *isa, int threads)
{
    return peak_of(ps_spins, isa, threads);
}

double ps_peak_u8(const char *isa, int threads)
{
    return peak_of(ps_spins_u8, isa, threads);
}

/* ---- memory ---- */

/* Caches of a core that we may run on, as Linux tells them, nearest first; elsewhere what most cores have. */
static int find_caches(ps_peak_level *level, int most)
{
    int n = 0, cpu = ps_cpus_pinned() ? __builtin_ctzll(ps_cpus_pinned()) : 0;
    for (int i = 0; i < 8 && n < most; i++) {
        const char *index = "/sys/devices/system/cpu/cpu%d/cache/index%d/%s";
        char type[16];
        long depth, kb;
        if (!ps_sysfs_number(&depth, 1, 9, "", index, cpu, i, "level") || !ps_sysfs_number(&kb, 1, 1 << 22, "", index, cpu, i, "size"))
            continue;
        if (!ps_sysfs_line(type, sizeof type, "", index, cpu, i, "type") || !strcmp(type, "Instruction")) continue;
        snprintf(level[n].name, sizeof level[n].name, "L%ld", depth);
        level[n++].bytes = (size_t)kb * 1024;
    }
    if (n) return n;
    level[0] = (ps_peak_level){.name = "L1", .bytes = 32 * 1024};
    level[1] = (ps_peak_level){.name = "L2", .bytes = 512 * 1024};
    return 2;
}

typedef struct reading {
    const float *at;
    size_t floats; /* of each thread, a multiple of 256 */
    int reps;
    float (*read)(const float *p, size_t n);
} reading;

/* Sums in eight vectors, so that loads are all that takes time. */
#define EIGHT(DO, isa) DO(0, isa) DO(1, isa) DO(2, isa) DO(3, isa) DO(4, isa) DO(5, isa) DO(6, isa) DO(7, isa)
#define SUM(k, type) type sum##k = {0};
#define LOAD(k, type) memcpy(&x, p + i + (size_t)k * (sizeof x / sizeof *p), sizeof x), sum##k += x;
#define JOIN(k, type) all += sum##k;
#define READ(isa, flags, type)                                        \
    flags static float read_##isa(const float *p, size_t n)           \
    {                                                                 \
        type x, all = {0};                                            \
        EIGHT(SUM, type)                                              \
        for (size_t i = 0; i < n; i += 8 * sizeof x / sizeof *p) {    \
            EIGHT(LOAD, type)                                         \
        }                                                             \
        EIGHT(JOIN, type)                                             \
        return all[0];                                                \
    }
typedef float wide4 __attribute__((vector_size(16)));
READ(c, , wide4)
#if defined(__x86_64__)
typedef float wide8 __attribute__((vector_size(32)));
typedef float wide16 __attribute__((vector_size(64)));
READ(avx2, __attribute__((target("avx2"))), wide8)
READ(avx512, __attribute__((target("avx512f"))), wide16)
#elif defined(__arm__) && defined(__ARM_FP)
READ(neon, __attribute__((target("fpu=neon-vfpv4"))), float32x4_t)
#endif

static void run_reading(void *ctx, int begin, int end, int thread)
{
    const reading *r = ctx;
    volatile float keep;
    (void)thread;
    for (int i = begin; i < end; i++)
        for (int k = 0; k < r->reps; k++) keep = r->read(r->at + (size_t)i * r->floats, r->floats);
    (void)keep;
}

static double bandwidth(reading r, size_t bytes, int threads)
{
    const double worth = 4e6; /* bytes of one try of one thread: from a cache that is 0.1 ms */
    r.floats = bytes < 1024 ? 256 : bytes / 1024 * 256;
    r.reps = (int)(worth / (4.0 * (double)r.floats)) + 1;
    double ms = least_ms(threads, run_reading, &r);
    return ms > 0 ? 4e-6 * (double)r.floats * r.reps * threads / ms : 0;
}

static reading reading_of(const char *isa, const float *at)
{
    reading r = {.at = at, .read = read_c};
#if defined(__x86_64__)
    if (!strncmp(isa, "avx512", 6)) r.read = read_avx512;
    else if (!strcmp(isa, "avx2")) r.read = read_avx2;
#elif defined(__arm__) && defined(__ARM_FP)
    if (!strcmp(isa, "neon")) r.read = read_neon;
#else
    (void)isa;
#endif
    return r;
}

/* Memory to read: pages that nobody has written would all be the same one. */
static float *something(size_t bytes)
{
    float *at = ps_alloc(bytes);
    if (at) memset(at, 0x3c, bytes);
    return at;
}

double ps_peak_read(const char *isa, size_t bytes)
{
    float *at = something(bytes + 1024);
    double gb_s = at ? bandwidth(reading_of(isa, at), bytes, 1) : 0;
    ps_free(at);
    return gb_s;
}

/* Bytes for each thread to read from a level: half of what it holds, so that it stays there. */
static size_t working_set(const ps_peak_level *l, bool shared, size_t all, int threads)
{
    size_t most = all / (size_t)threads, n = l->bytes == SIZE_MAX ? most : l->bytes / 2;
    if (shared && l->bytes != SIZE_MAX) n /= (size_t)threads;
    return n < most ? n : most;
}

poise_status ps_peaks_measure(const char *isa, const char *isa_half, const char *isa_u8, int threads, ps_peaks *p)
{
    const size_t most = (size_t)256 << 20; /* three times the last cache, within reason */
    *p = (ps_peaks){.gflops = ps_peak_flops(isa, threads), .gflops_half = isa_half ? ps_peak_flops(isa_half, threads) : 0};
    if (isa_u8) p->gops_u8 = ps_peak_u8(isa_u8, threads);
    if (p->gflops_half <= p->gflops) p->gflops_half = 0; /* it is computed as floats */
    p->n_levels = find_caches(p->level, PS_PEAK_LEVELS - 1);
    size_t last = p->level[p->n_levels - 1].bytes, all = last > most / 3 ? most : 3 * last, least = (size_t)threads << 20;
    p->level[p->n_levels++] = (ps_peak_level){.name = "DRAM", .bytes = SIZE_MAX};
    if (all < least) all = least;
    float *at = something(all);
    PS_REQUIRE(at, POISE_NO_MEMORY, "no memory to measure the bandwidth with (%zu bytes)", all);
    for (int i = 0; i < p->n_levels; i++) /* L3 and DRAM are everybody's */
        p->level[i].gb_s = bandwidth(reading_of(isa, at), working_set(&p->level[i], i >= 2, all, threads), threads);
    ps_free(at);
    return POISE_OK;
}

double ps_peaks_gb_s(const ps_peaks *p, double bytes)
{
    for (int i = 0; i + 1 < p->n_levels; i++)
        if (bytes <= (double)p->level[i].bytes) return p->level[i].gb_s;
    return p->n_levels ? p->level[p->n_levels - 1].gb_s : 0;
}
