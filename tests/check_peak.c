/* tests/check_peak.c - how many multiply-adds a second this core does in each ISA, with no memory in the way. */
#include "tests/check.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

enum { CHAINS = 12, STEPS = 256 }; /* latency 4, two a cycle: 8 chains would do */

/* One operation for each of the chains, written out so that they stay in registers. */
#define ALL_CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)

#define PEAK(isa, flags, type, set, step, store)                                 \
    __attribute__((target(flags), noinline)) static void spin_##isa(float *out)  \
    {                                                                            \
        type x = set(0.999f), y = set(1e-3f);                                    \
        type ALL_CHAINS(DECLARE) end_of_list = x;                                \
        ALL_CHAINS(HIDE) /* else they are one chain to the compiler */           \
        for (int i = 0; i < STEPS; i++) {                                        \
            ALL_CHAINS(step)                                                     \
        }                                                                        \
        ALL_CHAINS(ADD_##isa)                                                    \
        store(out, end_of_list);                                                 \
        __asm__("" : : "r"(out) : "memory"); /* or nobody would miss the call */ \
    }
#define DECLARE(i) c##i = x,
#define HIDE(i) __asm__("" : "+v"(c##i));
#define ADD_sse4(i) end_of_list = _mm_add_ps(end_of_list, c##i);
#define ADD_avx2(i) end_of_list = _mm256_add_ps(end_of_list, c##i);
#define ADD_avx512bf16 ADD_avx512
#define ADD_avx512(i) end_of_list = _mm512_add_ps(end_of_list, c##i);
#define STEP_sse4(i) c##i = _mm_add_ps(y, _mm_mul_ps(c##i, x));
#define STEP_avx2(i) c##i = _mm256_fmadd_ps(c##i, x, y);
#define STEP_avx512(i) c##i = _mm512_fmadd_ps(c##i, x, y);

PEAK(sse4, "sse4.1", __m128, _mm_set1_ps, STEP_sse4, _mm_storeu_ps)
PEAK(avx2, "avx2,fma", __m256, _mm256_set1_ps, STEP_avx2, _mm256_storeu_ps)
PEAK(avx512, "avx512f", __m512, _mm512_set1_ps, STEP_avx512, _mm512_storeu_ps)

#if defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10
#define STEP_avx512bf16(i) c##i = _mm512_dpbf16_ps(c##i, (__m512bh)x, (__m512bh)y);
PEAK(avx512bf16, "avx512f,avx512bw,avx512bf16", __m512, _mm512_set1_ps, STEP_avx512bf16, _mm512_storeu_ps)
#else
#define spin_avx512bf16(out) (void)(out)
#endif

double check_peak(const char *isa)
{
    float out[16];
    check_timer t = {0};
    double lanes = 4;
    if (!strcmp(isa, "sse4")) {
        while (check_timing(&t)) spin_sse4(out);
    } else if (!strcmp(isa, "avx2")) {
        lanes = 8;
        while (check_timing(&t)) spin_avx2(out);
    } else if (!strcmp(isa, "avx512")) {
        lanes = 16;
        while (check_timing(&t)) spin_avx512(out);
    } else if (!strcmp(isa, "avx512bf16")) {
        lanes = 32; /* pairs */
        while (check_timing(&t)) spin_avx512bf16(out);
    } else {
        return 0.0;
    }
    return 2.0 * lanes * CHAINS * STEPS / t.best;
}

#else

double check_peak(const char *isa)
{
    (void)isa;
    return 0.0;
}

#endif
