/* runtime/cpu_arm.c - processor detection on ARM: the system's word for it, and the cores' part numbers. */
#include "runtime/cpu.h"

#if defined(__aarch64__) || defined(__arm__)
#include "runtime/topology.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

bool ps_cpu_amx_refused(void)
{
    return false;
}

typedef struct feature {
    int bit;
    const char *name;
} feature;

/* Names of the bits that are set, each behind a blank but the first. */
static int list_features(const feature *f, unsigned long caps, char *buf, size_t size, int at)
{
    for (; f->name; f++)
        if (caps >> f->bit & 1 && at >= 0 && (size_t)at < size)
            at += snprintf(buf + at, size - (size_t)at, "%s%s", at ? " " : "", f->name);
    return at;
}

#ifdef __aarch64__
/* Those bits of AT_HWCAP and AT_HWCAP2 that arithmetic has to do with. */
static const feature features[] = {{0, "fp"}, {1, "asimd"}, {9, "fphp"}, {10, "asimdhp"}, {12, "asimdrdm"}, {20, "asimddp"},
                                   {22, "sve"}, {23, "asimdfhm"}, {0, NULL}};
static const feature more_features[] = {{1, "sve2"}, {9, "svei8mm"}, {12, "svebf16"}, {13, "i8mm"}, {14, "bf16"}, {0, NULL}};

unsigned ps_cpu_midr(void)
{
    enum { CPUID = 11 }; /* Linux answers for the register */
    unsigned long id = 0;
    if (getauxval(AT_HWCAP) >> CPUID & 1) __asm__("mrs %0, midr_el1" : "=r"(id));
    return (unsigned)id;
}

/* Whether all cores issue in the order of the program: kernels are chosen once for all threads, and those for such cores
 * cost the others little. */
static bool all_in_order(void)
{
    ps_topology t;
    ps_core own;
    ps_topology_read("", &t);
    ps_core_from_midr(ps_cpu_midr(), &own);
    bool known = t.online && t.core[__builtin_ctzll(t.online)].implementer;
    return known ? ps_topology_in_order(&t) : ps_arm_part_in_order(own.implementer, own.part);
}

static unsigned ask_system(void)
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
static const feature features[] = {{6, "vfp"}, {13, "vfpv3"}, {14, "vfpv3d16"}, {16, "vfpv4"}, {12, "neon"}, {17, "idiva"},
                                   {19, "vfpd32"}, {23, "asimdhp"}, {24, "asimddp"}, {26, "asimdbf16"}, {27, "i8mm"}, {0, NULL}};
static const feature more_features[] = {{0, NULL}};

unsigned ps_cpu_midr(void)
{
    return 0; /* not for programs */
}

static unsigned ask_system(void)
{
    enum { NEON = 12, VFPV4 = 16 };
    unsigned long caps = getauxval(AT_HWCAP);
    return (caps >> NEON & 1) && (caps >> VFPV4 & 1) ? PS_CPU_neon : 0;
}
#endif

unsigned ps_cpu_flags(void)
{
    static atomic_uint flags, asked;
    if (!atomic_load_explicit(&asked, memory_order_acquire)) {
        atomic_store_explicit(&flags, ask_system(), memory_order_relaxed);
        atomic_store_explicit(&asked, 1, memory_order_release);
    }
    return atomic_load_explicit(&flags, memory_order_relaxed);
}

void ps_cpu_features(char *buf, size_t size)
{
    *buf = 0;
    int at = list_features(features, getauxval(AT_HWCAP), buf, size, 0);
    list_features(more_features, getauxval(AT_HWCAP2), buf, size, at);
}

void ps_cpu_id(char *buf, size_t size)
{
    char text[32];
    unsigned id = 0;
    if (ps_sysfs_line(text, sizeof text, "", "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1"))
        id = (unsigned)strtoul(text, NULL, 16);
    snprintf(buf, size, "arm/%x/%x", id ? id : ps_cpu_midr(), ps_cpu_flags());
}
#else
unsigned ps_cpu_midr(void)
{
    return 0;
}

void ps_cpu_features(char *buf, size_t size)
{
    (void)size;
    *buf = 0;
}

#if !defined(__x86_64__) && !defined(__i386__)
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
#endif
#endif
