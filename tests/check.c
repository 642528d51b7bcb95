/* tests/check.c - runs the kernels of every ISA on this machine through their checks.
 *
 *   check [--isa=NAME] [--slot=GLOB] [--seed=N] [--bench] [--count[=LABELS]] [-v]
 *
 * Walks the ISAs weakest first; whenever a slot changes hands, the newcomer is checked.  With --bench it is timed
 * as well, if it passed, against the peak of its ISA and with the processor's counters where there are any.  With --count
 * what would be timed, and has a label like LABELS, runs once for an emulator that counts (docs/TESTING.md).  Behind the ISAs, "amx_emulated" is what ops/amx has, over tiles in plain C, and "avxvnni_emulated" what ops/avxvnni has. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "tests/amx_emulated.h"
#include "tests/avxvnni_emulated.h"
#include "tests/check.h"

#include "app/peak.h"
#include "runtime/clock.h"
#include "runtime/cpu.h"
#include "runtime/threads.h"

#include <fnmatch.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const size_t check_sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  11, 15, 16,  17,  23,  24,   25,
                              31, 32, 33, 47, 48, 49, 63, 64, 65, 96, 97, 127, 130, 255, 1000, SIZE_MAX};

static uint32_t seed = 1;
static sigjmp_buf escape;

uint32_t check_rand(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}

size_t check_below(size_t n)
{
    return check_rand() % n;
}

float check_uniform(float lo, float hi)
{
    return lo + (hi - lo) * (float)(check_rand() >> 8) * 0x1p-24f;
}

/* Guarded memory. */

enum { FILL = 0x99, MAX_MAPS = 256 };
static struct {
    uint8_t *at;
    size_t size;
} maps[MAX_MAPS];
static int n_maps;

uint8_t *check_bytes(size_t n, bool front)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inside = (n / page + 1) * page, all = inside + 2 * page;
    uint8_t *m = n_maps < MAX_MAPS
                     ? mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                     : MAP_FAILED;
    if (m == MAP_FAILED || mprotect(m, page, PROT_NONE) || mprotect(m + page + inside, page, PROT_NONE)) {
        fprintf(stderr, "check: no memory for %zu guarded bytes (%d blocks in use)\n", n, n_maps);
        exit(2);
    }
    maps[n_maps].at = m;
    maps[n_maps++].size = all;
    memset(m + page, FILL, inside);
    return front ? m + page : m + page + inside - n;
}

float *check_floats(size_t n, bool front)
{
    return (float *)(void *)check_bytes(n * sizeof(float), front);
}

float *check_random(size_t n, bool front, float lo, float hi)
{
    float *x = check_floats(n, front);
    for (size_t i = 0; i < n; i++) x[i] = check_uniform(lo, hi);
    return x;
}

void check_release(void)
{
    while (n_maps) {
        n_maps--;
        munmap(maps[n_maps].at, maps[n_maps].size);
    }
}

/* Verdicts. */

void check_fail(check *c, const char *fmt, ...)
{
    if (c->failed) return;
    c->failed = true;
    va_list ap;
    va_start(ap, fmt);
    printf("FAIL %s_%s: ", c->slot, c->isa);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
}

bool check_near(check *c, const char *what, size_t index, float got, double want, double tolerance)
{
    double g = (double)got;
    if (isnan(want) ? isnan(g) : g == want || fabs(g - want) <= tolerance) return true;
    if (isinf(g) && fabs(want) > (double)FLT_MAX && signbit(g) == signbit(want)) return true;
    check_fail(c, "%s [%zu]: %.9g, should be %.9g +- %.3g", what, index, g, want, tolerance);
    return false;
}

bool check_same(check *c, const char *what, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(x + i, y + i, sizeof *x) == 0) continue;
        check_fail(c, "%s [%zu]: %.9g or %.9g, by where the work is cut", what, i, (double)x[i],
                   (double)y[i]);
        return false;
    }
    return true;
}

bool check_gaps(check *c, const float *y, size_t rows, size_t n, size_t ld)
{
    for (size_t i = 0; i + 1 < rows; i++) {
        const uint8_t *gap = (const uint8_t *)(y + i * ld + n);
        for (size_t j = 0; j < (ld - n) * sizeof *y; j++) {
            if (gap[j] == FILL) continue;
            check_fail(c, "row %zu: wrote %zu bytes behind its %zu elements", i, j + 1, n);
            return false;
        }
    }
    return true;
}

/* Timing: readings of at least 100 us each, of which the best and the middle one are kept. */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool check_timing(check_timer *t)
{
    enum { READINGS = sizeof t->reading / sizeof *t->reading };
    if (t->left > 1) {
        t->left--;
        return true;
    }
    double now = ps_clock_ms();
    if (t->reps) {
        double ms = now - t->started;
        if (ms < 0.1)
            t->reps *= 2; /* and it was warm-up */
        else
            t->reading[t->readings++] = 1e6 * ms / (double)t->reps;
    } else {
        t->reps = 1;
    }
    if (t->readings == READINGS || (t->readings > 2 && t->reps == 1 && now - t->started > 100.0)) {
        qsort(t->reading, (size_t)t->readings, sizeof *t->reading, by_value);
        t->best = t->reading[0];
        t->median = t->reading[t->readings / 2];
        return false;
    }
    t->left = t->reps;
    t->started = ps_clock_ms();
    return true;
}

void check_report(check *c, const char *label, const check_timer *neu, const check_timer *ref, double work,
                  const char *unit, const check_counts *counts)
{
    double rate = work / neu->best;
    printf("%-7s %-13s %-32s %11.1f ns (median %11.1f) %8.2f %s", c->isa, c->slot, label, neu->best,
           neu->median, rate, unit);
    if (!strcmp(unit, "GFLOP/s") && c->peak > 0.0) printf(" %3.0f %% of peak", 100.0 * rate / c->peak);
    if (!strcmp(unit, "GOP/s") && c->peak_u8 > 0.0) printf(" %3.0f %% of peak", 100.0 * rate / c->peak_u8);
    if (!strcmp(unit, "GB/s") && c->peak_read > 0.0) printf(" %3.0f %% of reading from L1", 100.0 * rate / c->peak_read);
    if (counts->cycles > 0.0) printf("  %.2f instructions a cycle", counts->instructions / counts->cycles);
    if (counts->cycles > 0.0 && counts->l1_misses >= 0.0)
        printf(", %.1f L1 misses in 1000", 1e3 * counts->l1_misses / (counts->instructions + 1.0));
    printf("  %.1fx c\n", ref->best / neu->best);
}

/* The run. */

static void on_signal(int s)
{
    siglongjmp(escape, s);
}

/* ARMv7's NEON flushes denormals, as all do in a session, so references must too; bfloat16's say what becomes of each. */
static bool flushes(const check *c)
{
#ifdef __arm__
    return !strstr(c->slot, "bf16");
#else
    return !c;
#endif
}

static void run(check *c, void (*body)(check *))
{
    const unsigned mode = ps_fp_flush_denormals();
    if (!flushes(c)) ps_fp_restore(mode);
    int s = sigsetjmp(escape, 1);
    if (s) {
        c->failed = false; /* as it is with --count */
        check_fail(c, "%s (outside its buffers, or not for this CPU)", strsignal(s));
    } else {
        body(c);
        if (c->count) c->failed = false;
    }
    ps_fp_restore(mode);
    check_release();
}

typedef struct options {
    const char *isa, *slot, *labels;
    bool bench, count, verbose;
    uint32_t seed;
} options;

static options parse(int argc, char **argv)
{
    options o = {NULL, "*", "*", false, false, false, 1};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--bench"))
            o.bench = true;
        else if (!strcmp(a, "--count") || !strncmp(a, "--count=", 8)) {
            o.bench = o.count = true;
            if (a[7]) o.labels = a + 8;
        } else if (!strcmp(a, "-v"))
            o.verbose = true;
        else if (!strncmp(a, "--isa=", 6))
            o.isa = a + 6;
        else if (!strncmp(a, "--slot=", 7))
            o.slot = a + 7;
        else if (!strncmp(a, "--seed=", 7))
            o.seed = (uint32_t)strtoul(a + 7, NULL, 0) | 1;
        else {
            fprintf(stderr,
                    "check: %s: not an option; [--isa=NAME] [--slot=GLOB] [--seed=N] [--bench] [--count[=LABELS]] [-v]\n", a);
            exit(2);
        }
    }
    unsigned all = ~0u;
    const char *known;
    if (o.isa && strcmp(o.isa, "amx_emulated") && strcmp(o.isa, "avxvnni_emulated") && !ps_kernels_cap(o.isa, &all, &known)) {
        fprintf(stderr, "check: --isa=%s: not one of %s\n", o.isa, known);
        exit(2);
    }
    return o;
}

/* The tile that a matrix product computes. */
static ps_tile tile_of(const ps_kernels *k, const char *slot)
{
    if (!strcmp(slot, "gemm_u8")) return k->gemm_u8_tile;
    if (!strcmp(slot, "gemm_f16")) return k->gemm_f16_tile;
    return !strcmp(slot, "gemm_bf16") ? k->gemm_bf16_tile : k->gemm_f32_tile;
}

/* What main has at hand. */
typedef struct session {
    options o;
    ps_kernels ref;
    int passed, failed;
} session;

/* The slots that `now`, the table of `isa`, has changed. */
static void check_table(session *s, const char *isa, const ps_kernels *before, const ps_kernels *now)
{
    if (s->o.isa && strcmp(s->o.isa, isa)) return;
    bool timed = s->o.bench && !s->o.count;
    double peak = timed ? ps_peak_flops(isa, 1) : 0.0, peak_read = timed ? ps_peak_read(isa, 16384) : 0.0;
    double peak_u8 = timed ? ps_peak_u8(isa, 1) : 0.0;
    if (peak_read > 0.0) printf("%-7s peak %.1f GFLOP/s, reads %.1f GB/s from L1\n", isa, peak, peak_read);
    if (peak_u8 > 0.0) printf("%-7s peak %.1f GOP/s of bytes\n", isa, peak_u8);
#define PS_SLOT(slot_, ret, args)                                                                \
    if (now->slot_ != before->slot_ && !fnmatch(s->o.slot, #slot_, 0)) {                         \
        check c = {.slot = #slot_,                                                               \
                   .isa = isa,                                                                   \
                   .ref = (check_any_fn *)s->ref.slot_,                                          \
                   .neu = (check_any_fn *)now->slot_,                                            \
                   .ref_tile = tile_of(&s->ref, #slot_),                                         \
                   .tile = tile_of(now, #slot_),                                                 \
                   .eights = now->fast & PS_FAST_EIGHTS,                                         \
                   .peak = peak,                                                                 \
                   .peak_read = peak_read,                                                       \
                   .peak_u8 = peak_u8,                                                           \
                   .only = s->o.labels,                                                          \
                   .bench = s->o.bench,                                                          \
                   .count = s->o.count,                                                          \
                   .failed = s->o.count};                                                        \
        run(&c, check_##slot_);                                                                  \
        if (s->o.verbose) printf("%-7s %-13s %s\n", isa, #slot_, c.failed ? "FAILED" : "ok");    \
        c.failed ? s->failed++ : s->passed++;                                                    \
    }
#include "ops/kernels.def"
#undef PS_SLOT
}

int main(int argc, char **argv)
{
    session s = {.o = parse(argc, argv)};
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGILL, on_signal);
    signal(SIGFPE, on_signal);
    seed = s.o.seed;

    if (s.o.bench && !s.o.count) check_perf_open();
    unsigned have = ps_cpu_flags(), flags = 0;
    ps_kernels before = {0}, now;
    ps_kernels_select(&s.ref, 0);
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        if ((isa->need & have) != isa->need) {
            printf("%-7s not on this CPU\n", isa->name);
            continue;
        }
        flags |= isa->need;
        ps_kernels_select(&now, flags);
        check_table(&s, isa->name, &before, &now);
        before = now;
    }
    amx_emulated_select(&now);
    check_table(&s, now.name_bf16, &before, &now);
    before = now;
    if (avxvnni_emulated_select(&now)) check_table(&s, now.name_u8, &before, &now);
    if (s.failed) printf("to repeat: --seed=%u\n", s.o.seed);
    if (!s.o.count) printf("%d passed, %d failed\n", s.passed, s.failed);
    return s.failed ? 1 : 0;
}
