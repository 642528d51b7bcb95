/* tests/test_machine.c - what doctor and reports say of boards, from folders that look like their sysfs. */
#include "app/machine.h"
#include "fake_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CPU "/sys/devices/system/cpu/"
#define THERMAL "/sys/class/thermal/"

static int begin(void **state)
{
    static fake_tree t;
    fake_tree_begin(&t);
    *state = &t;
    return 0;
}

static int end(void **state)
{
    fake_tree_end(*state);
    return 0;
}

static void zone(const fake_tree *t, int i, const char *kind, const char *temp)
{
    char path[128];
    snprintf(path, sizeof path, THERMAL "thermal_zone%d/type", i);
    fake_tree_file(t, path, "%s\n", kind);
    snprintf(path, sizeof path, THERMAL "thermal_zone%d/temp", i);
    fake_tree_file(t, path, "%s\n", temp);
}

static void cooler(const fake_tree *t, int i, const char *kind, int now, int most)
{
    char path[128];
    snprintf(path, sizeof path, THERMAL "cooling_device%d/type", i);
    fake_tree_file(t, path, "%s\n", kind);
    snprintf(path, sizeof path, THERMAL "cooling_device%d/cur_state", i);
    fake_tree_file(t, path, "%d\n", now);
    snprintf(path, sizeof path, THERMAL "cooling_device%d/max_state", i);
    fake_tree_file(t, path, "%d\n", most);
}

static void cpu_file(const fake_tree *t, int cpu, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, CPU "cpu%d/%s", cpu, name);
    fake_tree_file(t, path, "%s\n", text);
}

static void rk3399(const fake_tree *t)
{
    fake_tree_file(t, CPU "online", "0-5\n");
    for (int i = 0; i < 6; i++) {
        fake_tree_core(t, i, i < 4 ? 485 : 1024, i < 4 ? 1416000 : 1800000, i < 4 ? 0xd03 : 0xd08);
        cpu_file(t, i, "cpufreq/cpuinfo_min_freq", "408000");
        cpu_file(t, i, "cpufreq/scaling_max_freq", i < 4 ? "1416000" : "1608000");
        cpu_file(t, i, "cpufreq/scaling_cur_freq", i == 4 ? "1600000" : "1200000");
        cpu_file(t, i, "cpufreq/scaling_governor", "schedutil");
    }
    cpu_file(t, 4, "cache/index0/level", "1");
    cpu_file(t, 4, "cache/index0/type", "Data");
    cpu_file(t, 4, "cache/index0/size", "32K");
    cpu_file(t, 4, "cache/index1/level", "2");
    cpu_file(t, 4, "cache/index1/type", "Unified");
    cpu_file(t, 4, "cache/index1/size", "1024K");
    cpu_file(t, 4, "cache/index1/shared_cpu_list", "4-5");
    fake_tree_file(t, "/proc/device-tree/model", "Pine64 RockPro64 v2.1");
    fake_tree_file(t, "/proc/cpuinfo", "processor\t: 0\nSerial\t: 00000000deadbeef\n");
    fake_tree_file(t, "/proc/meminfo", "MemTotal:        3926088 kB\nMemFree: 1 kB\nMemAvailable:    3500000 kB\n");
    fake_tree_file(t, "/proc/sys/kernel/osrelease", "6.1.43-built-by-alice\n");
    zone(t, 0, "cpu-thermal", "84375");
    fake_tree_file(t, THERMAL "thermal_zone0/trip_point_0_type", "passive\n");
    fake_tree_file(t, THERMAL "thermal_zone0/trip_point_0_temp", "80000\n");
    fake_tree_file(t, THERMAL "thermal_zone0/trip_point_1_type", "critical\n");
    fake_tree_file(t, THERMAL "thermal_zone0/trip_point_1_temp", "95000\n");
    zone(t, 3, "gpu-thermal", "52000");
    cooler(t, 0, "pwm-fan", 2, 4);
    cooler(t, 2, "cpufreq-cpu4", 1, 8);
}

/* What print writes, or the JSON object. */
static const char *written(const ps_machine *m, bool json)
{
    static char text[8192];
    FILE *f = tmpfile();
    assert_non_null(f);
    ps_json j = ps_json_begin(f);
    if (json) {
        ps_json_object(&j, NULL);
        ps_machine_json(&j, m);
        ps_json_end(&j);
    } else {
        ps_machine_print(f, m);
    }
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part)) fail_msg("'%s' is not in:\n%s", part, text);
}

static void a_board_is_told_by_its_clusters(void **state)
{
    const fake_tree *t = *state;
    ps_machine m;
    rk3399(t);
    ps_machine_read(t->root, &m);
    assert_int_equal(m.big, 0x30);
    const char *text = written(&m, false);
    assert_has(text, "board        Pine64 RockPro64 v2.1\n");
    assert_has(text, "cpu          2 x Cortex-A72 + 4 x Cortex-A53\n");
    assert_has(text, "CPUs 4-5: Cortex-A72 r0p4, capacity 1024, 408-1800 MHz limited to 1608 (now 1400), governor schedutil\n");
    assert_has(text, "CPUs 0-3: Cortex-A53 r0p4, capacity 485, 408-1416 MHz (now 1200), governor schedutil\n");
    assert_has(text, "L2 Unified     1024K  of CPUs 4-5\n");
    assert_has(text, "memory       3834 MB, 3418 MB available\n");
    assert_has(text, "temperature  cpu-thermal 84.4 C, slows down at 80, stops at 95\n");
    assert_has(text, "temperature  gpu-thermal 52.0 C\n");
    assert_has(text, "cooling      pwm-fan at 2 of 4\n");
    assert_has(text, "throttled    yes: cpufreq-cpu4 at 1 of 8\n");
    text = written(&m, true);
    assert_has(text, "\"kernel\":\"6.1.43\"");
    assert_has(text, "\"throttled\":\"cpufreq-cpu4 at 1 of 8\"");
    assert_has(text, "\"celsius\":84.375");
    assert_null(strstr(text, "alice"));
    assert_null(strstr(text, "deadbeef"));
}

static void fans_do_not_throttle(void **state)
{
    const fake_tree *t = *state;
    ps_sensors s;
    char why[PS_THROTTLE_TEXT];
    cooler(t, 0, "pwm-fan", 4, 4);
    cooler(t, 1, "thermal-cpufreq-0", 0, 3);
    cooler(t, 2, "thermal-devfreq-0", 2, 5);
    ps_sensors_read(t->root, &s);
    assert_int_equal(s.n_coolers, 3);
    assert_false(ps_sensors_throttled(&s, why));
    cooler(t, 1, "thermal-cpufreq-0", 3, 3);
    ps_sensors_read(t->root, &s);
    assert_true(ps_sensors_throttled(&s, why));
    assert_string_equal(why, "thermal-cpufreq-0 at 3 of 3");
}

static void a_raspberry_tells_of_low_voltage(void **state)
{
    const fake_tree *t = *state;
    ps_sensors s;
    char why[PS_THROTTLE_TEXT];
    fake_tree_file(t, "/sys/class/hwmon/hwmon0/name", "cpu_thermal\n");
    fake_tree_file(t, "/sys/class/hwmon/hwmon1/name", "rpi_volt\n");
    fake_tree_file(t, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
    fake_tree_file(t, "/sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n");
    ps_sensors_read(t->root, &s);
    assert_int_equal(s.low_power, 0);
    assert_int_equal(s.firmware, 0x50000);
    assert_false(ps_sensors_throttled(&s, why)); /* it was, but is not */
    fake_tree_file(t, "/sys/devices/platform/soc/soc:firmware/get_throttled", "50004\n");
    ps_sensors_read(t->root, &s);
    assert_true(ps_sensors_throttled(&s, why));
    fake_tree_file(t, "/sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
    ps_sensors_read(t->root, &s);
    assert_true(ps_sensors_throttled(&s, why));
    assert_string_equal(why, "less than 4.63 V");
}

static void nothing_is_said_of_what_is_not_there(void **state)
{
    const fake_tree *t = *state;
    ps_machine m;
    ps_machine_read(t->root, &m);
    assert_string_equal(written(&m, false), "cpu          unknown\n");
    assert_int_equal(ps_sensors_hottest(&m.sensors), 0);
    assert_true(ps_sensors_mhz(t->root, UINT64_MAX) <= 0);
    assert_has(written(&m, true), "\"temperatures\":[]");
}

static void nonsense_is_bounded(void **state)
{
    const fake_tree *t = *state;
    ps_sensors s;
    char many[64];
    memset(many, 'x', sizeof many - 1);
    many[sizeof many - 1] = 0;
    zone(t, 0, many, "61000");
    zone(t, 1, "off", "-274000");
    zone(t, 2, "text", "hot");
    zone(t, 4, "degrees", "47"); /* an old vendor's kernel */
    for (int i = 5; i < 40; i++) zone(t, i, "\x1b[31mred", "1000");
    cooler(t, 0, "cpufreq", 7, 3);
    cooler(t, 1, "cpufreq", 0, -1);
    cooler(t, 2, "Processor", 0, 2000000000);
    ps_sensors_read(t->root, &s);
    assert_int_equal(s.n_zones, PS_MAX_ZONES);
    assert_int_equal(s.n_coolers, 0);
    assert_int_equal(strlen(s.zone[0].kind), PS_KIND_CHARS - 1);
    assert_string_equal(s.zone[1].kind, "degrees");
    assert_true(s.zone[1].now > 46.9 && s.zone[1].now < 47.1);
    assert_string_equal(s.zone[2].kind, "?[31mred");
    assert_true(ps_sensors_hottest(&s) > 60.9);
    fake_tree_file(t, "/proc/meminfo", "MemTotal: -7 kB\nMemAvailable: lots\n");
    fake_tree_file(t, CPU "online", "0-63\n");
    for (int i = 0; i < 64; i++) fake_tree_core(t, i, 1 + i, 1000, 0xfff); /* more kinds than clusters */
    ps_machine m;
    ps_machine_read(t->root, &m);
    assert_int_equal(m.memory_kb, 0);
    assert_int_equal(m.n_clusters, PS_MAX_CLUSTERS);
    assert_int_equal(__builtin_popcountll(m.cluster[0].cpus | m.cluster[7].cpus), 64 - 6);
    assert_has(written(&m, false), "part 0xfff of implementer 0x41");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_board_is_told_by_its_clusters, begin, end),
        cmocka_unit_test_setup_teardown(fans_do_not_throttle, begin, end),
        cmocka_unit_test_setup_teardown(a_raspberry_tells_of_low_voltage, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_said_of_what_is_not_there, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_bounded, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
