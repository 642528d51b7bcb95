/* runtime/cores.c - which cores a model runs on, and how many of them: the only file that reads or sets affinities.
 *
 * On big.LITTLE a model gets the big cores and stays on them: a region ends with its last chunk, and the scheduler moves
 * threads to small cores as soon as they have slept.
 *
 * A container's quota is time, not cores: 200 ms of each 100 ms are two cores' worth.  More threads than that run into
 * the quota early in every period and then all stop, for up to a period: p99 grows by tens of milliseconds. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "runtime/cores.h"

#include "runtime/threads.h"
#include "runtime/topology.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 1024 };

/* The quota of one group, in cores; 0 = none. */
static double quota_of(const char *mount, const char *group, bool unified)
{
    char line[128];
    double quota = 0, period = 0;
    if (unified) { /* "200000 100000", or "max 100000" */
        if (!ps_sysfs_line(line, sizeof line, mount, "%s/cpu.max", group) || sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
    } else { /* -1 = none */
        if (!ps_sysfs_line(line, sizeof line, mount, "%s/cpu.cfs_quota_us", group) || sscanf(line, "%lf", &quota) != 1) return 0;
        if (!ps_sysfs_line(line, sizeof line, mount, "%s/cpu.cfs_period_us", group) || sscanf(line, "%lf", &period) != 1) return 0;
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

/* The least quota of a group and of those above it. */
static double least_quota(const char *mount, char *group, bool unified)
{
    double least = 0;
    for (;;) {
        double q = quota_of(mount, group, unified);
        if (q > 0 && (least == 0 || q < least)) least = q;
        char *slash = strrchr(group, '/');
        if (!slash) return least;
        *slash = 0;
    }
}

/* Whether "cpu" is among the words of "cpu,cpuacct". */
static bool has_cpu(const char *list)
{
    for (;;) {
        size_t n = strcspn(list, ",");
        if (n == 3 && !memcmp(list, "cpu", 3)) return true;
        if (!list[n]) return false;
        list += n + 1;
    }
}

int ps_group_cores(const char *groups, const char *mount)
{
    char line[PATH];
    double least = 0;
    FILE *f = fopen(groups, "r");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) { /* number:controllers:/group */
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL, where[PATH];
        if (!group) continue;
        *group++ = 0;
        list++;
        group[strcspn(group, "\n")] = 0;
        bool unified = !*list;
        if (!unified && !has_cpu(list)) continue;
        int n = snprintf(where, sizeof where, "%s%s", mount, unified ? "" : "/cpu");
        if (n < 0 || (size_t)n >= sizeof where) continue;
        double q = least_quota(where, group, unified);
        if (q > 0 && (least == 0 || q < least)) least = q;
    }
    fclose(f);
    if (least == 0 || least >= PS_MAX_THREADS) return least == 0 ? 0 : PS_MAX_THREADS;
    return least < 1 ? 1 : (int)(least + 0.5);
}

/* ---- affinity ---- */

static int count(uint64_t cpus)
{
    return __builtin_popcountll(cpus);
}

/* What this thread may run on; *n also counts CPUs from PS_MAX_CPUS on. */
static uint64_t allowed(int *n)
{
    cpu_set_t set;
    uint64_t cpus = 0;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set)) CPU_SET(0, &set);
    for (unsigned i = 0; i < PS_MAX_CPUS; i++)
        if (CPU_ISSET(i, &set)) cpus |= (uint64_t)1 << i;
    *n = CPU_COUNT(&set);
    return cpus;
}

/* No more than there is time for. */
static int affordable(int n)
{
    int quota = ps_group_cores("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota && quota < n) n = quota;
    return n < 1 ? 1 : n > PS_MAX_THREADS ? PS_MAX_THREADS : n;
}

int ps_cores(void)
{
    int n;
    allowed(&n);
    return affordable(n);
}

#if defined(__x86_64__) || defined(__i386__)
/* The small cores of x86 hybrids stay in: chunks go to whoever is free. */
static uint64_t big_cores(uint64_t cpus)
{
    (void)cpus;
    return 0;
}
#else
static uint64_t big_cores(uint64_t cpus)
{
    ps_topology t;
    ps_topology_read("", &t);
    return ps_topology_big(&t, cpus);
}
#endif

bool ps_crew_choose(uint64_t asked, ps_crew *out)
{
    int n;
    uint64_t may = allowed(&n);
    *out = (ps_crew){.cpus = asked ? asked & may : big_cores(may), .asked = asked != 0};
    out->cores = affordable(out->cpus ? count(out->cpus) : n);
    out->most = affordable(asked ? count(out->cpus) : n);
    return !asked || out->cpus;
}

uint64_t ps_crew_cpus(const ps_crew *c, int threads)
{
    return c->asked || threads <= count(c->cpus) ? c->cpus : 0;
}

/* What this thread was told last, and what it could run on before; 0: it was told nothing. */
static _Thread_local uint64_t pinned;
static _Thread_local cpu_set_t before;

uint64_t ps_cpus_pin(uint64_t cpus)
{
    uint64_t was = pinned;
    if (cpus == was) return was;
    cpu_set_t set;
    if (!was && sched_getaffinity(0, sizeof before, &before)) return was;
    if (cpus) {
        CPU_ZERO(&set);
        for (unsigned i = 0; i < PS_MAX_CPUS; i++)
            if (cpus >> i & 1) CPU_SET(i, &set);
    }
    sched_setaffinity(0, sizeof set, cpus ? &set : &before); /* refused when all of them went offline: runs where it can */
    pinned = cpus;
    return was;
}

uint64_t ps_cpus_pinned(void)
{
    return pinned;
}
