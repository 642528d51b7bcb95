/* runtime/cpu_arm.c - processor detection on ARM: the system's word for it, and the cores' part numbers. */
#include "runtime/cpu.h"

#if defined(__aarch64__) || defined(__arm__)
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

bool ps_cpu_amx_refused(void)
{
    return false;
}

/* The main ID register (MIDR) of core `cpu`, 0 where the system does not tell. */
static unsigned long core_id(int cpu)
{
    char path[80], line[32];
    unsigned long id = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/regs/identification/midr_el1", cpu);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    if (fgets(line, sizeof line, f)) id = strtoul(line, NULL, 0);
    fclose(f);
    return id;
}

#ifdef __aarch64__
/* Of the core this thread runs on; Linux answers for the register where it says so. */
static unsigned long own_id(void)
{
    enum { HWCAP_CPUID_BIT = 11 };
    unsigned long id = 0;
    if (getauxval(AT_HWCAP) >> HWCAP_CPUID_BIT & 1) __asm__("mrs %0, midr_el1" : "=r"(id));
    return id;
}

/* Arm's cores that issue in the order of the program: A34, A35, A53, A55, A510, A520. */
static bool issues_in_order(unsigned long id)
{
    static const unsigned parts[] = {0xd02, 0xd04, 0xd03, 0xd05, 0xd46, 0xd80};
    enum { ARM = 0x41 };
    if ((id >> 24 & 255) != ARM) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if ((id >> 4 & 0xfff) == parts[i]) return true;
    return false;
}

/* Whether all cores do: kernels are chosen once for all threads, and those for such cores cost the others little. */
static bool all_in_order(void)
{
    enum { MOST = 256 };
    bool any = false;
    for (int cpu = 0; cpu < MOST; cpu++) {
        unsigned long id = core_id(cpu);
        if (!id) break;
        if (!issues_in_order(id)) return false;
        any = true;
    }
    return any || issues_in_order(own_id());
}

unsigned ps_cpu_flags(void)
{
    enum { ASIMD = 1, ASIMD_HALF = 10, ASIMD_DOT = 20 }; /* bits of AT_HWCAP */
    enum { I8MM = 13, BF16 = 14 };                       /* ... of AT_HWCAP2 */
    unsigned long caps = getauxval(AT_HWCAP), more = getauxval(AT_HWCAP2);
    unsigned f = 0;
    if (!(caps >> ASIMD & 1)) return 0;
    f |= PS_CPU_neon;
    if (all_in_order()) f |= PS_CPU_neon_inorder;
    if (caps >> ASIMD_HALF & 1) f |= PS_CPU_neonfp16;
    if (caps >> ASIMD_DOT & 1) f |= PS_CPU_neondot;
    if (more >> BF16 & 1) f |= PS_CPU_neonbf16;
    if (more >> I8MM & 1 && f & PS_CPU_neondot) f |= PS_CPU_neoni8mm;
    return f;
}
#else
unsigned ps_cpu_flags(void)
{
    enum { NEON = 12, VFPV4 = 16 };
    unsigned long caps = getauxval(AT_HWCAP);
    return (caps >> NEON & 1) && (caps >> VFPV4 & 1) ? PS_CPU_neon : 0;
}

static unsigned long own_id(void)
{
    return 0;
}
#endif

void ps_cpu_id(char *buf, size_t size)
{
    unsigned long id = core_id(0);
    snprintf(buf, size, "arm/%lx/%x", id ? id : own_id(), ps_cpu_flags());
}
#elif !defined(__x86_64__) && !defined(__i386__)
#include <stdio.h>

bool ps_cpu_amx_refused(void)
{
    return false;
}

unsigned ps_cpu_flags(void)
{
    return 0;
}

void ps_cpu_id(char *buf, size_t size)
{
    snprintf(buf, size, "unknown/0");
}
#else
extern int ps_cpu_arm_is_empty; /* a file of C needs a declaration */
#endif
