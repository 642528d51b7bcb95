/* app/machine.c - gathers and tells what this machine is. */
#include "app/machine.h"

#include "runtime/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPU "/sys/devices/system/cpu/cpu%d/"

static int lowest(uint64_t cpus)
{
    return cpus ? __builtin_ctzll(cpus) : 0;
}

static int count(uint64_t cpus)
{
    return __builtin_popcountll(cpus);
}

/* ---- reading ---- */

static void read_caches(const char *root, int cpu, ps_machine_cluster *c)
{
    for (int i = 0; i < PS_MACHINE_CACHES; i++) {
        ps_cache *k = &c->cache[c->n_caches];
        char text[PS_CPU_LIST_TEXT];
        long level;
        bool beyond;
        if (!ps_sysfs_number(&level, 1, 9, root, CPU "cache/index%d/level", cpu, i)) return;
        if (!ps_sysfs_line(k->kind, sizeof k->kind, root, CPU "cache/index%d/type", cpu, i)) continue;
        if (!ps_sysfs_line(k->size, sizeof k->size, root, CPU "cache/index%d/size", cpu, i)) continue;
        k->level = (int)level;
        if (!ps_sysfs_line(text, sizeof text, root, CPU "cache/index%d/shared_cpu_list", cpu, i) ||
            !ps_cpu_list(text, &k->cpus, &beyond))
            k->cpus = 0;
        c->n_caches++;
    }
}

static void read_cluster(const char *root, const ps_cluster *from, ps_machine_cluster *c)
{
    int cpu = lowest(from->cpus);
    long khz;
    *c = (ps_machine_cluster){.cpus = from->cpus, .core = *from->core, .mhz = ps_sensors_mhz(root, from->cpus)};
    if (ps_sysfs_number(&khz, 1, 100000000, root, CPU "cpufreq/cpuinfo_min_freq", cpu)) c->least_khz = (int)khz;
    if (ps_sysfs_number(&khz, 1, 100000000, root, CPU "cpufreq/scaling_max_freq", cpu)) c->limit_khz = (int)khz;
    ps_sysfs_line(c->governor, sizeof c->governor, root, CPU "cpufreq/scaling_governor", cpu);
    read_caches(root, cpu, c);
}

/* What the cores say of themselves, where sysfs does not. */
static void ask_core(ps_machine *m)
{
    unsigned midr = ps_cpu_midr();
    for (int i = 0; midr && i < m->n_clusters; i++)
        if (!m->cluster[i].core.implementer) ps_core_from_midr(midr, &m->cluster[i].core);
}

enum { NAME = 48 };

/* "Cortex-A72"; "" where cores have no part numbers. */
static const char *part_name(const ps_core *c, char buf[NAME])
{
    const char *name = ps_arm_part_name(c->implementer, c->part);
    *buf = 0;
    if (name) snprintf(buf, NAME, "%s", name);
    else if (c->implementer) snprintf(buf, NAME, "part 0x%03x of implementer 0x%02x", c->part, c->implementer);
    return buf;
}

/* "Cortex-A72 r0p3" */
static const char *core_name(const ps_core *c, char buf[NAME])
{
    size_t n = strlen(part_name(c, buf));
    if (n) snprintf(buf + n, NAME - n, " r%dp%d", c->variant, c->revision);
    return buf;
}

/* "2 x Cortex-A72 + 4 x Cortex-A53"; false where cores have no such names. */
static bool cpu_of_cores(ps_machine *m)
{
    int at = 0, size = (int)sizeof m->cpu;
    for (int i = 0; i < m->n_clusters && at < size; i++) {
        char name[NAME];
        if (!*part_name(&m->cluster[i].core, name)) return false;
        at += snprintf(m->cpu + at, (size_t)(size - at), "%s%d x %s", i ? " + " : "", count(m->cluster[i].cpus), name);
    }
    return m->n_clusters > 0;
}

static void read_names(const char *root, ps_machine *m)
{
    static const char *const keys[] = {"model name", "cpu model", "Processor", "uarch"};
    if (!ps_sysfs_line(m->board, sizeof m->board, root, "/proc/device-tree/model"))
        ps_sysfs_field(m->board, sizeof m->board, root, "/proc/cpuinfo", "Hardware", 0);
    if (!cpu_of_cores(m))
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (ps_sysfs_field(m->cpu, sizeof m->cpu, root, "/proc/cpuinfo", keys[i], 0)) break;
    ps_sysfs_line(m->kernel, sizeof m->kernel, root, "/proc/sys/kernel/osrelease");
    m->kernel[strspn(m->kernel, "0123456789.")] = 0;
}

static long kb_of(const char *root, const char *key)
{
    char text[32];
    long kb = ps_sysfs_field(text, sizeof text, root, "/proc/meminfo", key, 0) ? strtol(text, NULL, 10) : 0;
    return kb > 0 ? kb : 0;
}

void ps_machine_read(const char *root, ps_machine *m)
{
    ps_topology t;
    ps_cluster c[PS_MAX_CLUSTERS];
    *m = (ps_machine){.memory_kb = kb_of(root, "MemTotal"), .available_kb = kb_of(root, "MemAvailable")};
    ps_topology_read(root, &t);
    m->online = t.online, m->present = t.present;
    m->big = ps_topology_big(&t, UINT64_MAX);
    m->n_clusters = ps_topology_clusters(&t, c);
    for (int i = 0; i < m->n_clusters; i++) read_cluster(root, &c[i], &m->cluster[i]);
    if (!*root) {
        ask_core(m);
        ps_cpu_features(m->features, sizeof m->features);
    }
    read_names(root, m);
    ps_sensors_read(root, &m->sensors);
}

/* ---- lines ---- */

static void print_cluster(FILE *f, const ps_machine_cluster *c)
{
    char cpus[PS_CPU_LIST_TEXT], name[NAME];
    core_name(&c->core, name);
    bool any = *name || c->core.khz || *c->governor;
    if (any) {
        fprintf(f, "cores        CPUs %s:%s%s", ps_cpu_list_text(c->cpus, cpus), *name ? " " : "", name);
        if (c->core.capacity) fprintf(f, ", capacity %d", c->core.capacity);
        if (c->core.khz) fprintf(f, ", %d-%d MHz", c->least_khz / 1000, c->core.khz / 1000);
        if (c->limit_khz && c->limit_khz < c->core.khz) fprintf(f, " limited to %d", c->limit_khz / 1000);
        if (c->mhz > 0) fprintf(f, " (now %.0f)", c->mhz);
        if (*c->governor) fprintf(f, ", governor %s", c->governor);
        fputc('\n', f);
    }
    for (int i = 0; i < c->n_caches; i++) {
        const ps_cache *k = &c->cache[i];
        fprintf(f, "cache        L%d %-11s %-6s", k->level, k->kind, k->size);
        if (k->cpus) fprintf(f, " of CPUs %s", ps_cpu_list_text(k->cpus, cpus));
        fputc('\n', f);
    }
}

static void print_sensors(FILE *f, const ps_sensors *s)
{
    char why[PS_THROTTLE_TEXT];
    for (int i = 0; i < s->n_zones; i++) {
        const ps_zone *z = &s->zone[i];
        fprintf(f, "temperature  %s %.1f C", z->kind, z->now);
        if (z->passive > 0) fprintf(f, ", slows down at %.0f", z->passive);
        if (z->critical > 0) fprintf(f, ", stops at %.0f", z->critical);
        fputc('\n', f);
    }
    for (int i = 0; i < s->n_coolers; i++) fprintf(f, "cooling      %s at %d of %d\n", s->cooler[i].kind, s->cooler[i].now, s->cooler[i].most);
    if (ps_sensors_throttled(s, why)) fprintf(f, "throttled    yes: %s\n", why);
    else if (s->n_coolers || s->firmware >= 0 || s->low_power >= 0) fprintf(f, "throttled    no\n");
    if (s->firmware > 0) fprintf(f, "firmware     get_throttled 0x%x (now in bits 0-3, since it was started in 16-19)\n", (unsigned)s->firmware);
}

void ps_machine_print(FILE *f, const ps_machine *m)
{
    char cpus[PS_CPU_LIST_TEXT];
    if (*m->board) fprintf(f, "board        %s\n", m->board);
    fprintf(f, "cpu          %s\n", *m->cpu ? m->cpu : "unknown");
    for (int i = 0; i < m->n_clusters; i++) print_cluster(f, &m->cluster[i]);
    if (m->present & ~m->online) fprintf(f, "offline      CPUs %s\n", ps_cpu_list_text(m->present & ~m->online, cpus));
    if (*m->features) fprintf(f, "features     %s\n", m->features);
    if (m->memory_kb)
        fprintf(f, "memory       %.0f MB, %.0f MB available\n", (double)m->memory_kb / 1024, (double)m->available_kb / 1024);
    print_sensors(f, &m->sensors);
}

/* ---- JSON ---- */

static void json_cluster(ps_json *j, const ps_machine_cluster *c)
{
    char text[PS_CPU_LIST_TEXT], name[NAME];
    ps_json_object(j, NULL);
    ps_json_text(j, "cpus", ps_cpu_list_text(c->cpus, text));
    if (*core_name(&c->core, name)) ps_json_text(j, "core", name);
    if (c->core.capacity) ps_json_int(j, "capacity", c->core.capacity);
    if (c->least_khz) ps_json_int(j, "min_mhz", c->least_khz / 1000);
    if (c->core.khz) ps_json_int(j, "max_mhz", c->core.khz / 1000);
    if (c->limit_khz) ps_json_int(j, "limit_mhz", c->limit_khz / 1000);
    if (c->mhz > 0) ps_json_number(j, "mhz", c->mhz, 5);
    if (*c->governor) ps_json_text(j, "governor", c->governor);
    ps_json_array(j, "caches");
    for (int i = 0; i < c->n_caches; i++) {
        ps_json_object(j, NULL);
        ps_json_int(j, "level", c->cache[i].level);
        ps_json_text(j, "kind", c->cache[i].kind);
        ps_json_text(j, "size", c->cache[i].size);
        if (c->cache[i].cpus) ps_json_text(j, "cpus", ps_cpu_list_text(c->cache[i].cpus, text));
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_end(j);
}

void ps_sensors_json(ps_json *j, const ps_sensors *s)
{
    char why[PS_THROTTLE_TEXT];
    ps_json_array(j, "temperatures");
    for (int i = 0; i < s->n_zones; i++) {
        ps_json_object(j, NULL);
        ps_json_text(j, "kind", s->zone[i].kind);
        ps_json_number(j, "celsius", s->zone[i].now, 5);
        if (s->zone[i].passive > 0) ps_json_number(j, "passive", s->zone[i].passive, 5);
        if (s->zone[i].critical > 0) ps_json_number(j, "critical", s->zone[i].critical, 5);
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_array(j, "cooling");
    for (int i = 0; i < s->n_coolers; i++) {
        ps_json_object(j, NULL);
        ps_json_text(j, "kind", s->cooler[i].kind);
        ps_json_int(j, "state", s->cooler[i].now);
        ps_json_int(j, "of", s->cooler[i].most);
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_text(j, "throttled", ps_sensors_throttled(s, why) ? why : NULL);
    if (s->firmware >= 0) ps_json_int(j, "get_throttled", s->firmware);
    if (s->low_power >= 0) ps_json_bool(j, "low_power", s->low_power == 1);
}

void ps_machine_json(ps_json *j, const ps_machine *m)
{
    char cpus[PS_CPU_LIST_TEXT];
    if (*m->board) ps_json_text(j, "board", m->board);
    ps_json_text(j, "cpu", *m->cpu ? m->cpu : NULL);
    if (*m->features) ps_json_text(j, "features", m->features);
    if (*m->kernel) ps_json_text(j, "kernel", m->kernel);
    if (m->memory_kb) ps_json_int(j, "memory_mb", m->memory_kb / 1024);
    if (m->available_kb) ps_json_int(j, "available_mb", m->available_kb / 1024);
    ps_json_text(j, "online", ps_cpu_list_text(m->online, cpus));
    if (m->big) ps_json_text(j, "big", ps_cpu_list_text(m->big, cpus));
    ps_json_array(j, "clusters");
    for (int i = 0; i < m->n_clusters; i++) json_cluster(j, &m->cluster[i]);
    ps_json_end(j);
    ps_json_object(j, "sensors");
    ps_sensors_json(j, &m->sensors);
    ps_json_end(j);
}
