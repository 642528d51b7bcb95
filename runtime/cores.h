/* runtime/cores.h - which cores a model runs on. */
#ifndef PS_RUNTIME_CORES_H
#define PS_RUNTIME_CORES_H

#include <stdbool.h>
#include <stdint.h>

/* Cores this process may use, 1..PS_MAX_THREADS: those of its affinity mask, and no more than its control groups have
 * time for. */
int ps_cores(void);
/* Cores' worth of time that the control groups listed in the file `groups` (/proc/self/cgroup) allow, rounded to the
 * nearest number, at least 1; 0 = no limit.  `mount` is where their files are (/sys/fs/cgroup). */
int ps_group_cores(const char *groups, const char *mount);

/* The cores of a model. */
typedef struct ps_crew {
    uint64_t cpus; /* to stay on: those asked for, or the big ones where cores differ; 0 = wherever the system likes */
    bool asked;
    int cores, most; /* threads by default, and the most worth trying */
} ps_crew;

/* `asked` 0: by rule.  False: this process may use none of those asked for. */
bool ps_crew_choose(uint64_t asked, ps_crew *out);
/* What that many threads stay on: more threads than big cores use all cores, unless told otherwise. */
uint64_t ps_crew_cpus(const ps_crew *c, int threads);

/* Keeps the calling thread on these CPUs from now on; 0: on those that it had before.  Gives what was said last, and asks
 * nothing of the system when that is the same. */
uint64_t ps_cpus_pin(uint64_t cpus);
/* What was said last. */
uint64_t ps_cpus_pinned(void);

#endif
