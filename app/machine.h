/* app/machine.h - what this machine is, for people (poise doctor) and for us (poise bench --report): nothing in it tells whose it
 * is.  `root` is "" or a folder that stands for "/". */
#ifndef PS_APP_MACHINE_H
#define PS_APP_MACHINE_H

#include "app/json.h"
#include "app/sensors.h"
#include "runtime/topology.h"

enum { PS_MACHINE_CACHES = 6 };

typedef struct ps_cache {
    int level;
    char kind[16], size[16]; /* "Data", "32K" */
    uint64_t cpus;           /* that share it; 0: not known */
} ps_cache;

typedef struct ps_machine_cluster {
    uint64_t cpus;
    ps_core core;
    int least_khz, limit_khz; /* 0: not known */
    double mhz;               /* now */
    char governor[24];
    int n_caches;
    ps_cache cache[PS_MACHINE_CACHES];
} ps_machine_cluster;

typedef struct ps_machine {
    char board[96];     /* of the device tree; "" where there is none */
    char cpu[96];       /* "2 x Cortex-A72 + 4 x Cortex-A53", or what /proc/cpuinfo calls it */
    char features[512]; /* of ARM, as Linux names them */
    char kernel[24];    /* "6.1.0": numbers only, what follows is anybody's */
    long memory_kb, available_kb;
    uint64_t online, present, big; /* CPUs; big 0: all are alike */
    int n_clusters;
    ps_machine_cluster cluster[PS_MAX_CLUSTERS];
    ps_sensors sensors;
} ps_machine;

void ps_machine_read(const char *root, ps_machine *m);
/* Lines for people; and the members "board" to "sensors" of the JSON object that is open. */
void ps_machine_print(FILE *f, const ps_machine *m);
void ps_machine_json(ps_json *j, const ps_machine *m);
/* The temperatures and what cools, as the members of the JSON object that is open. */
void ps_sensors_json(ps_json *j, const ps_sensors *s);

#endif
