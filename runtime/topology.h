/* runtime/topology.h - the cores of this machine, which differ on big.LITTLE boards. */
#ifndef PS_RUNTIME_TOPOLOGY_H
#define PS_RUNTIME_TOPOLOGY_H

#include "runtime/sysfs.h"

typedef struct ps_core {
    uint8_t implementer; /* of ARM's MIDR: 0x41 = ARM; 0: not known, as all that follows */
    uint16_t part;
    uint8_t variant, revision; /* "r0p4" */
    int capacity;              /* speed beside other cores, 1024 is the fastest; 0: not known */
    int khz;                   /* the most it may be clocked at; 0: not known */
} ps_core;

typedef struct ps_topology {
    uint64_t online, present; /* CPUs */
    ps_core core[PS_MAX_CPUS]; /* of those online */
} ps_topology;

/* Reads sysfs and /proc/cpuinfo below `root` ("" for this machine). */
void ps_topology_read(const char *root, ps_topology *t);

/* Those of `allowed` that are online and have at least two thirds of the speed of the fastest; 0: they are all alike. */
uint64_t ps_topology_big(const ps_topology *t, uint64_t allowed);

/* Whether all cores are known to issue instructions in order. */
bool ps_topology_in_order(const ps_topology *t);

/* Cores of the same kind and speed. */
enum { PS_MAX_CLUSTERS = 8 };
typedef struct ps_cluster {
    uint64_t cpus;
    const ps_core *core; /* one of them */
} ps_cluster;
/* Fastest first; at most PS_MAX_CLUSTERS, what is left is in the last. */
int ps_topology_clusters(const ps_topology *t, ps_cluster out[PS_MAX_CLUSTERS]);

/* Fills implementer, part, variant and revision from a main ID register: bits 31..24, 15..4, 23..20, 3..0. */
void ps_core_from_midr(unsigned midr, ps_core *c);
/* "Cortex-A72"; NULL for a part that is not in our table (runtime/arm_parts.c). */
const char *ps_arm_part_name(int implementer, int part);
/* Whether it issues instructions in order. */
bool ps_arm_part_in_order(int implementer, int part);

#endif
