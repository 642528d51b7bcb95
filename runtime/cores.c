/* runtime/cores.c - how many cores this process may use.
 *
 * A container's quota is time, not cores: 200 ms of each 100 ms are two cores' worth.  More threads than that run into
 * the quota early in every period and then all stop, for up to a period: p99 grows by tens of milliseconds. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "runtime/threads.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 1024 };

/* The first line of mount/group/name. */
static bool read_line(const char *mount, const char *group, const char *name, char *line, int size)
{
    char path[PATH + 64];
    int n = snprintf(path, sizeof path, "%s%s/%s", mount, group, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "r") : NULL;
    if (!f) return false;
    bool ok = fgets(line, size, f) != NULL;
    fclose(f);
    return ok;
}

/* The quota of one group, in cores; 0 = none. */
static double quota_of(const char *mount, const char *group, bool unified)
{
    char line[128];
    double quota = 0, period = 0;
    if (unified) { /* "200000 100000", or "max 100000" */
        if (!read_line(mount, group, "cpu.max", line, sizeof line) || sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
    } else { /* -1 = none */
        if (!read_line(mount, group, "cpu.cfs_quota_us", line, sizeof line) || sscanf(line, "%lf", &quota) != 1) return 0;
        if (!read_line(mount, group, "cpu.cfs_period_us", line, sizeof line) || sscanf(line, "%lf", &period) != 1) return 0;
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

int ps_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    int quota = ps_group_cores("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota && quota < n) n = quota;
    return n < 1 ? 1 : n > PS_MAX_THREADS ? PS_MAX_THREADS : n;
}
