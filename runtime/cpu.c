/* runtime/cpu.c - processor detection on x86: with cpu_arm.c the only files that ask the CPU or the system what it is. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* syscall */
#endif
#include "runtime/cpu.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* One register (0 eax .. 3 edx) of leaf 7. */
static unsigned leaf7(unsigned sub, int reg)
{
    unsigned r[4] = {0};
    if (!__get_cpuid_count(7, sub, &r[0], &r[1], &r[2], &r[3])) return 0;
    return r[reg];
}

static bool has(unsigned word, int bit)
{
    return word >> bit & 1;
}

/* Intel's cores have one unit for dot products of bfloat16 where they have two for floats: on Sapphire Rapids 76 GFLOP/s
 * against 158.  AMD's do twice as many (Zen 4: 236 against 117). */
static bool dot_products_pay(void)
{
    unsigned a, b = 0, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && (b == signature_AMD_ebx || b == 0x6F677948u /* "Hygo" */);
}

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

/* Linux gives the 8 kB of tile registers (state component 18) to processes that ask; threads made later inherit that. */
static bool tiles_permitted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
static bool tiles_permitted(void)
{
    return false;
}
#endif

/* Whether the processor has tiles and multiplies bfloat16 and bytes in them, and the system saves them (XCR0 bits 17 and 18). */
static bool has_tiles(void)
{
    enum { AMX_BF16 = 22, AMX_TILE = 24, AMX_INT8 = 25, OSXSAVE = 27 };
    unsigned a, b, c = 0, d, edx = leaf7(0, 3), low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, OSXSAVE)) return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return has(edx, AMX_TILE) && has(edx, AMX_BF16) && has(edx, AMX_INT8) && (low >> 17 & 3) == 3;
}

bool ps_cpu_amx_refused(void)
{
    return has_tiles() && !(ps_cpu_flags() & PS_CPU_amx);
}

/* What AVX-512 has beside its foundation. */
static unsigned avx512_flags(void)
{
    enum { AVX512_VBMI = 1, AVX512_VNNI = 11, AVX512_BF16 = 5 };
    unsigned f = has(leaf7(0, 2), AVX512_VNNI) ? PS_CPU_avx512vnni : 0;
    if (has(leaf7(0, 2), AVX512_VBMI)) f |= PS_CPU_avx512vbmi;
    if (!has(leaf7(1, 0), AVX512_BF16)) return f;
    if (dot_products_pay()) f |= PS_CPU_avx512bf16;
    if (has_tiles() && tiles_permitted()) f |= PS_CPU_amx;
    return f;
}

void ps_cpu_id(char *buf, size_t size)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    char vendor[13] = "unknown";
    if (__get_cpuid(0, &a, &b, &c, &d)) {
        memcpy(vendor, &b, 4);
        memcpy(vendor + 4, &d, 4);
        memcpy(vendor + 8, &c, 4);
    }
    for (char *p = vendor; *p; p++)
        if (*p <= ' ' || *p > '~') *p = '_';
    a = 0;
    __get_cpuid(1, &a, &b, &c, &d);
    unsigned family = a >> 8 & 15, model = a >> 4 & 15; /* extended fields as the manuals of both makers say */
    if (family == 15 || family == 6) model |= (a >> 16 & 15) << 4;
    if (family == 15) family += a >> 20 & 255;
    snprintf(buf, size, "%s/%u/%u/%x", vendor, family, model, ps_cpu_flags());
}

unsigned ps_cpu_flags(void)
{
    enum { AVX_VNNI = 4 };
    unsigned f = 0;
    __builtin_cpu_init(); /* also checks XCR0, i.e. that the system saves the wide registers */
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3")) f |= PS_CPU_sse4;
    if (!f) return 0;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) f |= PS_CPU_avx2 | (has(leaf7(1, 0), AVX_VNNI) ? PS_CPU_avxvnni : 0);
    else return f;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        f |= PS_CPU_avx512 | avx512_flags();
    return f;
}
#else
extern int ps_cpu_is_empty; /* cpu_arm.c has the rest; a file of C needs a declaration */
#endif
