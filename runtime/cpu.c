/* runtime/cpu.c - processor detection: the only file that asks the CPU or the system what it is. */
#include "runtime/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
unsigned ps_cpu_flags(void)
{
    unsigned f = 0;
    __builtin_cpu_init(); /* also checks XCR0, i.e. that the system saves the wide registers */
    if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3")) f |= PS_CPU_sse4;
    if (!f) return 0;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) f |= PS_CPU_avx2;
    else return f;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        f |= PS_CPU_avx512;
    return f;
}
#elif defined(__aarch64__)
unsigned ps_cpu_flags(void)
{
    return PS_CPU_neon;
}
#elif defined(__arm__)
#include <sys/auxv.h>
unsigned ps_cpu_flags(void)
{
    enum { HWCAP_NEON_BIT = 12, HWCAP_VFPV4_BIT = 16 };
    unsigned long need = 1ul << HWCAP_NEON_BIT | 1ul << HWCAP_VFPV4_BIT;
    return (getauxval(AT_HWCAP) & need) == need ? PS_CPU_neon : 0;
}
#else
unsigned ps_cpu_flags(void)
{
    return 0;
}
#endif
