/* app/sensors.h - temperatures, what holds the cores back because of them, and clocks, as sysfs tells them.  `root` is "" or a
 * folder that stands for "/"; what is not there is not mentioned. */
#ifndef PS_APP_SENSORS_H
#define PS_APP_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

enum { PS_MAX_ZONES = 24, PS_MAX_COOLERS = 24, PS_KIND_CHARS = 32 };

typedef struct ps_zone {
    char kind[PS_KIND_CHARS]; /* "cpu-thermal" */
    double now;               /* degrees Celsius, as are: */
    double passive, critical; /* from where on cores are slowed down, and the board switched off; 0: not known */
} ps_zone;

/* A fan, or a limit on clocks: 0 = does nothing. */
typedef struct ps_cooler {
    char kind[PS_KIND_CHARS]; /* "cpufreq-cpu0" */
    int now, most;
} ps_cooler;

typedef struct ps_sensors {
    int n_zones, n_coolers;
    ps_zone zone[PS_MAX_ZONES];
    ps_cooler cooler[PS_MAX_COOLERS];
    int firmware;  /* Raspberry Pi: bits of get_throttled; -1: not known */
    int low_power; /* Raspberry Pi: 1 = less than 4.63 V now; -1: not known */
} ps_sensors;

void ps_sensors_read(const char *root, ps_sensors *s);

/* The hottest zone now; 0: none is known. */
double ps_sensors_hottest(const ps_sensors *s);
/* Whether anything slows the cores down now; `why` says what. */
enum { PS_THROTTLE_TEXT = 96 };
bool ps_sensors_throttled(const ps_sensors *s, char why[PS_THROTTLE_TEXT]);

/* Mean clock of these CPUs now; 0: not known. */
double ps_sensors_mhz(const char *root, uint64_t cpus);

#endif
