/* app/peak_spins.c - nothing but multiply-adds in registers, as each ISA of ops/ does them. */
#include "app/peak_spins.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define IN_REGISTER "+v"
#elif defined(__aarch64__) || (defined(__arm__) && defined(__ARM_FP))
#include <arm_neon.h>
#define IN_REGISTER "+w"
#endif

/* Latency 4, two a cycle: 8 chains would do.  More than that would not stay in ARMv7's 16 registers. */
#ifdef __arm__
enum { CHAINS = 8, STEPS = 256 };
#define ALL_CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
#else
enum { CHAINS = 12, STEPS = 256 };
#define ALL_CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#endif

#if defined(IN_REGISTER)
/* One operation for each of the chains is written out, so that they stay in registers. */
#define DECLARE(i) c##i = x,
#define HIDE(i) __asm__("" : IN_REGISTER(c##i)); /* else they are one chain to the compiler */
#define ADD(i) end_of_list += c##i;

#define SPIN(isa, flags, type, step)                                             \
    flags __attribute__((noinline)) static void spin_##isa(float *out)           \
    {                                                                            \
        type x = (type){0} + 0.999f, y = (type){0} + 1e-3f;                      \
        type ALL_CHAINS(DECLARE) end_of_list = x;                                \
        ALL_CHAINS(HIDE)                                                         \
        for (int i = 0; i < STEPS; i++) {                                        \
            ALL_CHAINS(step)                                                     \
        }                                                                        \
        ALL_CHAINS(ADD)                                                          \
        memcpy(out, &end_of_list, sizeof end_of_list);                           \
        __asm__("" : : "r"(out) : "memory"); /* or nobody would miss the call */ \
    }

#endif

#if defined(__x86_64__) || defined(__aarch64__)
typedef float four __attribute__((vector_size(16)));
#define STEP_c(i) c##i = c##i * x + y;
SPIN(c, , four, STEP_c)
#else
#define spin_c NULL
#endif

/* Factors that the compiler cannot see through, or it would multiply once. */
#define HIDE_OTHER(y) __asm__("" : IN_REGISTER(y));

#if !defined(__x86_64__) && defined(IN_REGISTER)
#ifdef __aarch64__
#define BASELINE
#define UPPER(a, b, sum) vmlal_high_s8(sum, a, b)
#else
#define BASELINE __attribute__((target("fpu=neon-vfpv4")))
#define UPPER(a, b, sum) vmlal_s8(sum, vget_high_s8(a), vget_high_s8(b))
#endif
/* The same as SPIN for sums of another type than the factors. */
#define ZERO(i) c##i = {0},
#define SUM(isa, flags, sums, factors, step)                                     \
    flags __attribute__((noinline)) static void spin_##isa(float *out)           \
    {                                                                            \
        factors x, y;                                                            \
        sums ALL_CHAINS(ZERO) end_of_list = {0};                                 \
        memset(&x, 0x3c, sizeof x);                                              \
        memset(&y, 0x3c, sizeof y);                                              \
        ALL_CHAINS(HIDE)                                                         \
        for (int i = 0; i < STEPS; i++) {                                        \
            ALL_CHAINS(step)                                                     \
        }                                                                        \
        ALL_CHAINS(ADD)                                                          \
        memcpy(out, &end_of_list, sizeof end_of_list);                           \
        __asm__("" : : "r"(out) : "memory");                                     \
    }

#define STEP_neon(i) c##i = vfmaq_f32(c##i, x, y);
SUM(neon, BASELINE, float32x4_t, float32x4_t, STEP_neon)
/* Two products of bytes in 16 bits, then both into 32. */
#define STEP_u8_neon(i) HIDE_OTHER(y) c##i = vpadalq_s16(c##i, UPPER(x, y, vmull_s8(vget_low_s8(x), vget_low_s8(y))));
SUM(u8_neon, BASELINE, int32x4_t, int8x16_t, STEP_u8_neon)
#endif

#if defined(__aarch64__)
#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 8
#define STEP_neonfp16(i) c##i = vfmaq_f16(c##i, x, y);
#define STEP_u8_neondot(i) c##i = vdotq_s32(c##i, x, y);
SUM(neonfp16, __attribute__((target("arch=armv8.2-a+fp16"))), float16x8_t, float16x8_t, STEP_neonfp16)
SUM(u8_neondot, __attribute__((target("arch=armv8.2-a+dotprod"))), int32x4_t, int8x16_t, STEP_u8_neondot)
#else
#define spin_neonfp16 NULL
#define spin_u8_neondot NULL
#endif
#if defined(__clang__) ? __clang_major__ >= 16 : __GNUC__ >= 10
#define STEP_neonbf16(i) c##i = vbfmmlaq_f32(c##i, x, y);
#define STEP_u8_neoni8mm(i) c##i = vmmlaq_s32(c##i, x, y);
SUM(neonbf16, __attribute__((target("arch=armv8.2-a+bf16"))), float32x4_t, bfloat16x8_t, STEP_neonbf16)
SUM(u8_neoni8mm, __attribute__((target("arch=armv8.2-a+i8mm"))), int32x4_t, int8x16_t, STEP_u8_neoni8mm)
#else
#define spin_neonbf16 NULL
#define spin_u8_neoni8mm NULL
#endif
#endif

#if defined(__x86_64__)
#define STEP_avx2(i) c##i = _mm256_fmadd_ps(c##i, x, y);
#define STEP_avx512(i) c##i = _mm512_fmadd_ps(c##i, x, y);
SPIN(avx2, __attribute__((target("avx2,fma"))), __m256, STEP_avx2)
SPIN(avx512, __attribute__((target("avx512f"))), __m512, STEP_avx512)
/* Sums of products of bytes, in registers that are called floats. */
#define STEP_u8_sse4(i) \
    HIDE_OTHER(y) c##i = (__m128)_mm_add_epi32((__m128i)c##i, _mm_madd_epi16(_mm_maddubs_epi16((__m128i)x, (__m128i)y), (__m128i)x));
#define STEP_u8_avx2(i) \
    HIDE_OTHER(y) c##i = (__m256)_mm256_add_epi32((__m256i)c##i, _mm256_madd_epi16(_mm256_maddubs_epi16((__m256i)x, (__m256i)y), (__m256i)x));
SPIN(u8_sse4, __attribute__((target("ssse3"))), __m128, STEP_u8_sse4)
SPIN(u8_avx2, __attribute__((target("avx2"))), __m256, STEP_u8_avx2)
#define STEP_u8_avx512(i) \
    HIDE_OTHER(y) c##i = (__m512)_mm512_add_epi32((__m512i)c##i, _mm512_madd_epi16(_mm512_maddubs_epi16((__m512i)x, (__m512i)y), (__m512i)x));
SPIN(u8_avx512, __attribute__((target("avx512f,avx512bw"))), __m512, STEP_u8_avx512)
#if defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11
#define STEP_u8_avxvnni(i) c##i = (__m256)_mm256_dpbusd_avx_epi32((__m256i)c##i, (__m256i)x, (__m256i)y);
SPIN(u8_avxvnni, __attribute__((target("avx2,avxvnni"))), __m256, STEP_u8_avxvnni)
#else
#define spin_u8_avxvnni NULL
#endif
#if defined(__clang__) ? __clang_major__ >= 7 : __GNUC__ >= 8
#define STEP_u8_avx512vnni(i) c##i = (__m512)_mm512_dpbusd_epi32((__m512i)c##i, (__m512i)x, (__m512i)y);
SPIN(u8_avx512vnni, __attribute__((target("avx512f,avx512bw,avx512vnni"))), __m512, STEP_u8_avx512vnni)
#else
#define spin_u8_avx512vnni NULL
#endif
#if defined(__clang__) ? __clang_major__ >= 9 : __GNUC__ >= 10
#define STEP_avx512bf16(i) c##i = _mm512_dpbf16_ps(c##i, (__m512bh)x, (__m512bh)y);
SPIN(avx512bf16, __attribute__((target("avx512f,avx512bw,avx512bf16"))), __m512, STEP_avx512bf16)
#else
#define spin_avx512bf16 NULL
#endif
#if defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11
enum { TILE_CHAINS = 6, TILE_MACS = 16 * 16 * 32 };
/* Sums in six tiles of 16 x 16: one product begins every 16 cycles and takes 52. */
__attribute__((target("amx-tile"))) static void all_tiles(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } c = {.palette = 1};
    for (int i = 0; i < 8; i++) c.bytes[i] = 64, c.rows[i] = 16;
    _tile_loadconfig(&c);
    _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
    _tile_zero(4); _tile_zero(5); _tile_zero(6); _tile_zero(7);
}

__attribute__((target("amx-tile,amx-bf16"), noinline)) static void spin_amx(float *out)
{
    all_tiles();
    for (int i = 0; i < STEPS; i++) {
        _tile_dpbf16ps(0, 6, 7); _tile_dpbf16ps(1, 6, 7); _tile_dpbf16ps(2, 6, 7);
        _tile_dpbf16ps(3, 6, 7); _tile_dpbf16ps(4, 6, 7); _tile_dpbf16ps(5, 6, 7);
    }
    _tile_release();
    out[0] = 0;
}

__attribute__((target("amx-tile,amx-int8"), noinline)) static void spin_u8_amx(float *out)
{
    all_tiles();
    for (int i = 0; i < STEPS; i++) {
        _tile_dpbusd(0, 6, 7); _tile_dpbusd(1, 6, 7); _tile_dpbusd(2, 6, 7);
        _tile_dpbusd(3, 6, 7); _tile_dpbusd(4, 6, 7); _tile_dpbusd(5, 6, 7);
    }
    _tile_release();
    out[0] = 0;
}
#else
#define spin_amx NULL
#define spin_u8_amx NULL
enum { TILE_CHAINS = 0, TILE_MACS = 0 };
#endif
#endif

const ps_spin ps_spins[] = {
    {"c", spin_c, 4 * CHAINS * STEPS, 2000},
#if defined(__x86_64__)
    {"sse4", spin_c, 4 * CHAINS * STEPS, 2000}, /* the same instructions */
    {"avx2", spin_avx2, 8 * CHAINS * STEPS, 2000},
    {"avx512", spin_avx512, 16 * CHAINS * STEPS, 2000},
    {"avx512bf16", spin_avx512bf16, 32 * CHAINS * STEPS, 2000},
    {"amx", spin_amx, TILE_MACS * TILE_CHAINS * STEPS, 150},
#elif defined(IN_REGISTER)
    {"neon", spin_neon, 4 * CHAINS * STEPS, 1000},
    {"neon_inorder", spin_neon, 4 * CHAINS * STEPS, 500}, /* the same instructions */
#endif
#if defined(__aarch64__)
    {"neonfp16", spin_neonfp16, 8 * CHAINS * STEPS, 1000},
    {"neonbf16", spin_neonbf16, 16 * CHAINS * STEPS, 1000},
#endif
    {NULL, NULL, 0, 0}};

const ps_spin ps_spins_u8[] = {
#if defined(__x86_64__)
    {"sse4", spin_u8_sse4, 16 * CHAINS * STEPS, 2000},
    {"avx2", spin_u8_avx2, 32 * CHAINS * STEPS, 1000},
    {"avxvnni", spin_u8_avxvnni, 32 * CHAINS * STEPS, 2000},
    {"avx512", spin_u8_avx512, 64 * CHAINS * STEPS, 1000},
    {"avx512vnni", spin_u8_avx512vnni, 64 * CHAINS * STEPS, 2000},
    {"amx", spin_u8_amx, 2 * TILE_MACS * TILE_CHAINS * STEPS, 150},
#elif defined(IN_REGISTER)
    {"neon", spin_u8_neon, 16 * CHAINS * STEPS, 500},
    {"neon_inorder", spin_u8_neon, 16 * CHAINS * STEPS, 250},
#endif
#if defined(__aarch64__)
    {"neondot", spin_u8_neondot, 16 * CHAINS * STEPS, 1000},
    {"neoni8mm", spin_u8_neoni8mm, 32 * CHAINS * STEPS, 1000},
#endif
    {NULL, NULL, 0, 0}};
