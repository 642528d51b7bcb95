/* tests/check.h - what a check_<slot>() has at hand: guarded memory, random numbers, tolerances, timing.
 *
 * A check compares c->neu with an oracle in double (and so also the C reference, which is checked first), on
 * awkward sizes, in memory whose ends are unmapped pages.  It returns after the first check_fail().  When
 * check_benched() says so it then times c->neu, and c->ref to compare. */
#ifndef PS_TESTS_CHECK_H
#define PS_TESTS_CHECK_H

#include "ops/kernels.h"

#include <float.h>

typedef void check_any_fn(void);

typedef struct check {
    const char *slot, *isa;
    check_any_fn *ref, *neu; /* cast back to ps_<slot>_fn */
    ps_tile ref_tile, tile;  /* of gemm_f32, gemm_bf16, gemm_f16 or gemm_u8 */
    bool eights;             /* gemm_u8 also takes weights in eights */
    double peak;             /* ps_peak_flops() of the ISA, when it is benched */
    double peak_read;        /* ps_peak_read() of it from L1 */
    double peak_u8;          /* ps_peak_u8() of it */
    const char *only;        /* with `count`: a pattern of the labels that are of interest */
    bool bench, count, failed; /* failed: no more of the check; from the beginning with `count`, which verifies nothing */
} check;

/* Behind what a check verifies: whether its benchmarks follow. */
static inline bool check_benched(check *c)
{
    if (c->count) c->failed = false;
    return c->bench && !c->failed;
}

/* Tails around every vector width; ends with SIZE_MAX. */
extern const size_t check_sizes[];

/* n floats that end (or, with `front`, begin) exactly at an unmapped page, filled with 0x99 bytes.  Freed by
 * the caller of the check, or by check_release. */
float *check_floats(size_t n, bool front);
uint8_t *check_bytes(size_t n, bool front);
void check_release(void);

uint32_t check_rand(void);
float check_uniform(float lo, float hi);
size_t check_below(size_t n); /* 0 <= result < n */
/* check_floats with uniform contents. */
float *check_random(size_t n, bool front, float lo, float hi);

void check_fail(check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* |got - want| <= tolerance; NaN must be met with NaN and infinity with the same infinity.  False: failed,
 * with a text that begins with what and index. */
bool check_near(check *c, const char *what, size_t index, float got, double want, double tolerance);
/* False: failed, because the memory between rows of n floats, ld apart, is no longer 0x99. */
bool check_gaps(check *c, const float *y, size_t rows, size_t n, size_t ld);
/* False: failed, because the two blocks differ in a bit. */
bool check_same(check *c, const char *what, const float *x, const float *y, size_t n);

/* Rounding of a sum of n terms whose absolute values add up to `terms`. */
static inline double check_sum_tolerance(size_t n, double terms)
{
    return ((double)n + 4.0) * (double)FLT_EPSILON * terms + (double)FLT_MIN;
}

/* Activations in double, and how far a kernel may be from them. */
double check_act(ps_act act, double a, double b, double x);
double check_act_tolerance(ps_act act, double a, double b, double x);
extern const char *const check_act_names[PS_ACT_COUNT];

/* check_timer t = {0}; while (check_timing(&t)) CALL;  then t.best and t.median are nanoseconds a call. */
typedef struct check_timer {
    double best, median, started, reading[15];
    size_t reps, left;
    int readings;
} check_timer;
bool check_timing(check_timer *t);

/* The processor's counters while a benchmark runs: all 0 where the system gives none, l1_misses -1 where only they are
 * missing.  check_perf_open says on stdout which there are. */
typedef struct check_counts {
    double cycles, instructions, l1_misses;
} check_counts;
void check_perf_open(void);
void check_perf_begin(void);
void check_perf_end(check_counts *c);

/* One line: label, times, work per nanosecond in `unit` and of the peak, counters, ratio to the reference. */
void check_report(check *c, const char *label, const check_timer *neu, const check_timer *ref, double work,
                  const char *unit, const check_counts *counts);

/* With --count instead of times: says on stdout what comes, and runs it once between two calls that bench/insn_count.c
 * sees.  False: not of interest. */
bool check_count_wanted(const check *c, const char *label, double work, const char *unit);
void check_count_begin(void);
void check_count_end(void);

#define CHECK_BENCH(c, label, work, unit, NEU, REF)       \
    do {                                                  \
        if ((c)->count) {                                 \
            if (!check_count_wanted(c, label, work, unit)) break; \
            check_count_begin();                          \
            NEU;                                          \
            check_count_end();                            \
            break;                                        \
        }                                                 \
        check_timer neu_ = {0}, ref_ = {0};               \
        check_counts counts_;                             \
        check_perf_begin();                               \
        while (check_timing(&neu_)) NEU;                  \
        check_perf_end(&counts_);                         \
        while (check_timing(&ref_)) REF;                  \
        check_report(c, label, &neu_, &ref_, work, unit, &counts_); \
    } while (0)

#define PS_SLOT(slot, ret, args) void check_##slot(check *c);
#include "ops/kernels.def"
#undef PS_SLOT

#endif
