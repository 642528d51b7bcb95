/* app/peak.c - measures the peaks of this machine: short bursts, of which the fastest counts. */
#include "app/peak.h"

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/status.h"
#include "runtime/threads.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define IN_REGISTER "+v"
#elif defined(__aarch64__) || defined(__ARM_NEON)
#define IN_REGISTER "+w"
#endif

/* ---- arithmetic ---- */

enum { CHAINS = 12, STEPS = 256 }; /* latency 4, two a cycle: 8 chains would do */

typedef void spin_fn(float *out);

#if defined(IN_REGISTER)
/* One operation for each of the chains, written out so that they stay in registers. */
#define ALL_CHAINS(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
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

typedef float four __attribute__((vector_size(16)));
#define STEP_c(i) c##i = c##i * x + y;
SPIN(c, , four, STEP_c)
#else
#define spin_c NULL
#endif

#if defined(__x86_64__)
#define STEP_avx2(i) c##i = _mm256_fmadd_ps(c##i, x, y);
#define STEP_avx512(i) c##i = _mm512_fmadd_ps(c##i, x, y);
SPIN(avx2, __attribute__((target("avx2,fma"))), __m256, STEP_avx2)
SPIN(avx512, __attribute__((target("avx512f"))), __m512, STEP_avx512)
/* Sums of products of bytes, in registers that are called floats; hidden factors, or the compiler would multiply
 * once. */
#define HIDE_OTHER(y) __asm__("" : IN_REGISTER(y));
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

typedef struct spin_of {
    const char *isa;
    spin_fn *spin;
    double macs; /* of one call */
    int reps;    /* 1 or 2 ms: an interrupt spoils few of the tries */
} spin_of;

static const spin_of spins[] = {
    {"c", spin_c, 4 * CHAINS * STEPS, 2000},
#if defined(__x86_64__)
    {"sse4", spin_c, 4 * CHAINS * STEPS, 2000}, /* the same instructions */
    {"avx2", spin_avx2, 8 * CHAINS * STEPS, 2000},
    {"avx512", spin_avx512, 16 * CHAINS * STEPS, 2000},
    {"avx512bf16", spin_avx512bf16, 32 * CHAINS * STEPS, 2000},
    {"amx", spin_amx, TILE_MACS * TILE_CHAINS * STEPS, 150},
#endif
    {NULL, NULL, 0, 0}};

static const spin_of spins_u8[] = {
#if defined(__x86_64__)
    {"sse4", spin_u8_sse4, 16 * CHAINS * STEPS, 2000},
    {"avx2", spin_u8_avx2, 32 * CHAINS * STEPS, 1000},
    {"avxvnni", spin_u8_avxvnni, 32 * CHAINS * STEPS, 2000},
    {"avx512", spin_u8_avx512, 64 * CHAINS * STEPS, 1000},
    {"avx512vnni", spin_u8_avx512vnni, 64 * CHAINS * STEPS, 2000},
    {"amx", spin_u8_amx, 2 * TILE_MACS * TILE_CHAINS * STEPS, 150},
#endif
    {NULL, NULL, 0, 0}};

typedef struct burst {
    spin_fn *spin;
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

static double peak_of(const spin_of *s, const char *isa, int threads)
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
    return peak_of(spins, isa, threads);
}

double ps_peak_u8(const char *isa, int threads)
{
    return peak_of(spins_u8, isa, threads);
}

/* ---- memory ---- */

/* Caches of core 0 as Linux tells them, nearest first; elsewhere what most cores have. */
static int find_caches(ps_peak_level *level, int most)
{
    int n = 0;
    for (int i = 0; i < 8 && n < most; i++) {
        char path[96], type[16] = "";
        int depth = 0, shared = 0;
        long kb = 0;
        const char *const part[] = {"level", "size", "type"};
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, part[k]);
            FILE *f = fopen(path, "r");
            if (!f) break;
            int got = k == 0 ? fscanf(f, "%d", &depth) : k == 1 ? fscanf(f, "%ldK", &kb) : fscanf(f, "%15s", type);
            shared += got == 1;
            fclose(f);
        }
        if (shared != 3 || !strcmp(type, "Instruction") || kb <= 0 || kb > 1 << 22) continue;
        snprintf(level[n].name, sizeof level[n].name, "L%d", depth);
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

poise_status ps_peaks_measure(const char *isa, const char *isa_bf16, const char *isa_u8, int threads, ps_peaks *p)
{
    const size_t most = (size_t)256 << 20; /* three times the last cache, within reason */
    *p = (ps_peaks){.gflops = ps_peak_flops(isa, threads), .gflops_bf16 = isa_bf16 ? ps_peak_flops(isa_bf16, threads) : 0};
    if (isa_u8) p->gops_u8 = ps_peak_u8(isa_u8, threads);
    if (p->gflops_bf16 <= p->gflops) p->gflops_bf16 = 0; /* it is computed as floats */
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
