/* app/bench_soak.h - poise bench --soak: a network again and again, until the board is as hot as it gets. */
#ifndef PS_APP_BENCH_SOAK_H
#define PS_APP_BENCH_SOAK_H

#include "app/json.h"
#include "app/sensors.h"
#include "nn/session.h"

/* A minute, or half of a shorter soak. */
typedef struct ps_soak_slice {
    double seconds;      /* it took */
    int runs;
    double median, p99;  /* ms */
    double celsius, mhz; /* means of readings a second: of the hottest zone, of the cores' clocks; 0: not known */
    int readings, throttled; /* of those, when something slowed the cores down */
} ps_soak_slice;

typedef struct ps_soak {
    int n;
    ps_soak_slice *slice; /* from ps_alloc */
    char why[PS_THROTTLE_TEXT]; /* what slowed the cores down last; "" = nothing did */
} ps_soak;

/* Runs for so many seconds.  `root`: where sysfs is; `cpus`: whose clocks are read; `table`: whether every slice is printed
 * when it is over, and the first against the last. */
poise_status ps_soak_run(poise_session *s, const char *root, uint64_t cpus, int seconds, bool table, ps_soak *out);
void ps_soak_csv(const ps_soak *k);
/* As the member "soak" of the object that is open. */
void ps_soak_json(ps_json *j, const ps_soak *k);
void ps_soak_free(ps_soak *k);

#endif
