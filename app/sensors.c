/* app/sensors.c - reads thermal zones, cooling devices and clocks. */
#include "app/sensors.h"

#include "runtime/sysfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THERMAL "/sys/class/thermal/"

enum { NUMBERS = 64, TRIPS = 16 }; /* of zones and coolers, and of a zone's trip points, that are looked at */

/* Thousandths of a degree; old vendors' kernels give whole ones.  0: nonsense, or not there. */
static double celsius(long v)
{
    return v >= -200 && v <= 200 ? (double)v : (double)v / 1000;
}

static void read_trips(const char *root, int number, ps_zone *z)
{
    for (int i = 0; i < TRIPS; i++) {
        char kind[16];
        long v;
        if (!ps_sysfs_line(kind, sizeof kind, root, THERMAL "thermal_zone%d/trip_point_%d_type", number, i)) return;
        if (!ps_sysfs_number(&v, 1, 200000, root, THERMAL "thermal_zone%d/trip_point_%d_temp", number, i)) continue;
        double *at = !strcmp(kind, "passive") ? &z->passive : !strcmp(kind, "critical") ? &z->critical : NULL;
        if (at && (*at == 0 || celsius(v) < *at)) *at = celsius(v);
    }
}

static void read_zone(const char *root, int number, ps_sensors *s)
{
    ps_zone z = {.kind = ""};
    long v;
    if (!ps_sysfs_number(&v, -60000, 200000, root, THERMAL "thermal_zone%d/temp", number)) return;
    z.now = celsius(v);
    if (!ps_sysfs_line(z.kind, sizeof z.kind, root, THERMAL "thermal_zone%d/type", number))
        snprintf(z.kind, sizeof z.kind, "zone %d", number);
    read_trips(root, number, &z);
    s->zone[s->n_zones++] = z;
}

static void read_cooler(const char *root, int number, ps_sensors *s)
{
    ps_cooler c;
    long now, most;
    if (!ps_sysfs_line(c.kind, sizeof c.kind, root, THERMAL "cooling_device%d/type", number)) return;
    if (!ps_sysfs_number(&most, 1, 100000, root, THERMAL "cooling_device%d/max_state", number)) return;
    if (!ps_sysfs_number(&now, 0, most, root, THERMAL "cooling_device%d/cur_state", number)) return;
    c.now = (int)now, c.most = (int)most;
    s->cooler[s->n_coolers++] = c;
}

/* Voltage is watched by a hwmon driver of that name; the firmware's own account is there with the board maker's kernel. */
static void read_raspberry(const char *root, ps_sensors *s)
{
    char text[32];
    s->low_power = s->firmware = -1;
    for (int i = 0; i < NUMBERS && s->low_power < 0; i++) {
        long v;
        if (!ps_sysfs_line(text, sizeof text, root, "/sys/class/hwmon/hwmon%d/name", i) || strcmp(text, "rpi_volt")) continue;
        if (ps_sysfs_number(&v, 0, 1, root, "/sys/class/hwmon/hwmon%d/in0_lcrit_alarm", i)) s->low_power = (int)v;
    }
    if (ps_sysfs_line(text, sizeof text, root, "/sys/devices/platform/soc/soc:firmware/get_throttled"))
        s->firmware = (int)(strtoul(text, NULL, 16) & 0xfffff);
}

void ps_sensors_read(const char *root, ps_sensors *s)
{
    *s = (ps_sensors){0};
    for (int i = 0; i < NUMBERS && s->n_zones < PS_MAX_ZONES; i++) read_zone(root, i, s);
    for (int i = 0; i < NUMBERS && s->n_coolers < PS_MAX_COOLERS; i++) read_cooler(root, i, s);
    read_raspberry(root, s);
}

double ps_sensors_hottest(const ps_sensors *s)
{
    double most = 0;
    for (int i = 0; i < s->n_zones; i++)
        if (!i || s->zone[i].now > most) most = s->zone[i].now;
    return most;
}

/* Fans are coolers too, and so are the clocks of other units. */
static bool slows_cores(const ps_cooler *c)
{
    return c->now > 0 && (strstr(c->kind, "cpufreq") || !strcmp(c->kind, "Processor"));
}

bool ps_sensors_throttled(const ps_sensors *s, char why[PS_THROTTLE_TEXT])
{
    enum { NOW = 15 }; /* under-voltage, clock capped, throttled, soft limit; the same from bit 16 on: since it was started */
    for (int i = 0; i < s->n_coolers; i++)
        if (slows_cores(&s->cooler[i])) {
            snprintf(why, PS_THROTTLE_TEXT, "%s at %d of %d", s->cooler[i].kind, s->cooler[i].now, s->cooler[i].most);
            return true;
        }
    if (s->low_power == 1) snprintf(why, PS_THROTTLE_TEXT, "less than 4.63 V");
    else if (s->firmware > 0 && s->firmware & NOW) snprintf(why, PS_THROTTLE_TEXT, "firmware, get_throttled 0x%x", (unsigned)s->firmware);
    else return false;
    return true;
}

double ps_sensors_mhz(const char *root, uint64_t cpus)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < PS_MAX_CPUS; i++) {
        long khz;
        if (!(cpus >> i & 1)) continue;
        if (!ps_sysfs_number(&khz, 1, 100000000, root, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", i)) continue;
        sum += (double)khz / 1000;
        n++;
    }
    return n ? sum / n : 0;
}
