/* runtime/topology.c - which cores there are, and which of them are big. */
#include "runtime/topology.h"

#include <stdlib.h>
#include <string.h>

#define CPUS "/sys/devices/system/cpu/"

static uint64_t cpus_of(const char *root, const char *name)
{
    char text[256];
    uint64_t cpus;
    bool beyond;
    return ps_sysfs_line(text, sizeof text, root, CPUS "%s", name) && ps_cpu_list(text, &cpus, &beyond) ? cpus : 0;
}

void ps_core_from_midr(unsigned midr, ps_core *c)
{
    c->implementer = (uint8_t)(midr >> 24);
    c->variant = midr >> 20 & 15;
    c->part = midr >> 4 & 0xfff;
    c->revision = midr & 15;
}

static bool from_midr(const char *root, int cpu, ps_core *c)
{
    char text[32];
    if (!ps_sysfs_line(text, sizeof text, root, CPUS "cpu%d/regs/identification/midr_el1", cpu)) return false;
    ps_core_from_midr((unsigned)strtoul(text, NULL, 16), c);
    return c->implementer != 0;
}

/* Entry `nth` of /proc/cpuinfo, which lists the cores that are online. */
static void from_cpuinfo(const char *root, int nth, ps_core *c)
{
    static const char *const keys[] = {"CPU implementer", "CPU variant", "CPU part", "CPU revision"};
    unsigned long v[4] = {0};
    char text[32];
    for (int i = 0; i < 4; i++) {
        if (!ps_sysfs_field(text, sizeof text, root, "/proc/cpuinfo", keys[i], nth)) return;
        v[i] = strtoul(text, NULL, 0);
    }
    *c = (ps_core){(uint8_t)v[0], v[2] & 0xfff, v[1] & 15, v[3] & 15, c->capacity, c->khz};
}

void ps_topology_read(const char *root, ps_topology *t)
{
    *t = (ps_topology){.online = cpus_of(root, "online"), .present = cpus_of(root, "present")};
    if (!t->online) t->online = t->present; /* kernels without hotplug */
    t->present |= t->online;
    int nth = 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        long v;
        ps_core *c = &t->core[i];
        if (!(t->online >> i & 1)) continue;
        if (ps_sysfs_number(&v, 1, 1 << 16, root, CPUS "cpu%d/cpu_capacity", i)) c->capacity = (int)v;
        if (ps_sysfs_number(&v, 1, 100000000, root, CPUS "cpu%d/cpufreq/cpuinfo_max_freq", i)) c->khz = (int)v;
        if (!from_midr(root, i, c)) from_cpuinfo(root, nth, c);
        nth++;
    }
}

/* Whether capacities say anything: without capacity-dmips-mhz in the device tree they are 1024 for all. */
static bool capacities_differ(const ps_topology *t, uint64_t cpus)
{
    int least = 1 << 30, most = 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        if (!(cpus >> i & 1)) continue;
        if (t->core[i].capacity < least) least = t->core[i].capacity;
        if (t->core[i].capacity > most) most = t->core[i].capacity;
    }
    return least > 0 && least < most;
}

/* A core that issues in order does about half as much in a clock as one that does not: device trees say 485 of 1024 for
 * an A53 beside an A72, 530 for an A55 beside an A76, 592 for an A53 beside an A73. */
static double speed_by_clock(const ps_core *c)
{
    return (c->khz ? c->khz : 1) * (ps_arm_part_in_order(c->implementer, c->part) ? 0.5 : 1);
}

/* Clocks alone say nothing: on x86 the favoured cores of many that are alike are marked by them. */
static bool clocks_compare(const ps_topology *t, uint64_t cpus)
{
    bool clocks = false, none = false;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        if (!(cpus >> i & 1)) continue;
        if (!ps_arm_part_name(t->core[i].implementer, t->core[i].part)) return false;
        if (t->core[i].khz) clocks = true;
        else none = true;
    }
    return !(clocks && none);
}

uint64_t ps_topology_big(const ps_topology *t, uint64_t allowed)
{
    uint64_t cpus = t->online & allowed, big = 0;
    bool capacities = capacities_differ(t, cpus);
    double speed[PS_MAX_CPUS] = {0}, most = 0;
    if (!capacities && !clocks_compare(t, cpus)) return 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        if (!(cpus >> i & 1)) continue;
        speed[i] = capacities ? t->core[i].capacity : speed_by_clock(&t->core[i]);
        if (speed[i] > most) most = speed[i];
    }
    for (int i = 0; i < PS_MAX_CPUS; i++)
        if (cpus >> i & 1 && 3 * speed[i] >= 2 * most) big |= (uint64_t)1 << i;
    return big == cpus ? 0 : big;
}

bool ps_topology_in_order(const ps_topology *t)
{
    for (int i = 0; i < PS_MAX_CPUS; i++)
        if (t->online >> i & 1 && !ps_arm_part_in_order(t->core[i].implementer, t->core[i].part)) return false;
    return t->online != 0;
}

static bool alike(const ps_core *a, const ps_core *b)
{
    return a->implementer == b->implementer && a->part == b->part && a->capacity == b->capacity && a->khz == b->khz;
}

static bool faster(const ps_core *a, const ps_core *b)
{
    return a->capacity != b->capacity ? a->capacity > b->capacity : speed_by_clock(a) > speed_by_clock(b);
}

int ps_topology_clusters(const ps_topology *t, ps_cluster out[PS_MAX_CLUSTERS])
{
    int n = 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        int k = 0;
        if (!(t->online >> i & 1)) continue;
        while (k < n && !alike(&t->core[i], out[k].core)) k++;
        if (k == PS_MAX_CLUSTERS) k--;
        else if (k == n) out[n++] = (ps_cluster){0, &t->core[i]};
        out[k].cpus |= (uint64_t)1 << i;
    }
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && faster(out[k].core, out[k - 1].core); k--) {
            ps_cluster c = out[k];
            out[k] = out[k - 1], out[k - 1] = c;
        }
    return n;
}
