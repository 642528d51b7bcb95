/* tests/test_soak.c - bench --soak: slices, what is read beside them, quantiles. */
#include "app/bench_soak.h"
#include "app/bench_times.h"
#include "fake_tree.h"
#include "tiny_onnx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define ZONE "/sys/class/thermal/thermal_zone0/"
#define COOLER "/sys/class/thermal/cooling_device0/"

static void quantiles_are_values_that_were_seen(void **state)
{
    (void)state;
    double ms[] = {5, 1, 4, 2, 3};
    ps_times_sort(ms, 5);
    assert_true(ms[0] < 1.5 && ms[4] > 4.5);
    assert_true(ps_times_quantile(ms, 5, 0.5) == 3);
    assert_true(ps_times_quantile(ms, 5, 0.99) == 5);
    assert_true(ps_times_quantile(ms, 5, 0) == 1);
    assert_true(ps_times_quantile(ms, 1, 0.5) == 1);
}

static void open_tiny(poise_model **m, poise_session **s)
{
    void *bytes;
    size_t size;
    char path[64];
    assert_int_equal(tiny_onnx_make(TINY_CLASSIFY, &bytes, &size), POISE_OK);
    snprintf(path, sizeof path, "/tmp/test_soak.%ld.onnx", (long)getpid());
    assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
    poise_free(bytes);
    poise_options o = {.threads = 1};
    assert_int_equal(poise_model_open_any(path, NULL, &o, m), POISE_OK);
    assert_int_equal(poise_session_open(*m, s), POISE_OK);
    remove(path);
}

static void soak(const char *root, ps_soak *k)
{
    poise_model *m;
    poise_session *s;
    open_tiny(&m, &s);
    assert_int_equal(ps_soak_run(s, root, 3, 2, false, k), POISE_OK);
    poise_session_close(s);
    poise_model_close(m);
}

static void slices_hold_times_and_readings(void **state)
{
    (void)state;
    fake_tree t;
    ps_soak k;
    fake_tree_begin(&t);
    fake_tree_file(&t, ZONE "temp", "81500\n");
    fake_tree_file(&t, COOLER "type", "cpufreq-cpu0\n");
    fake_tree_file(&t, COOLER "cur_state", "2\n");
    fake_tree_file(&t, COOLER "max_state", "5\n");
    fake_tree_file(&t, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n");
    fake_tree_file(&t, "/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1500000\n");
    fake_tree_file(&t, "/sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "9000000\n"); /* is not asked for */
    soak(t.root, &k);
    assert_int_equal(k.n, 2);
    assert_string_equal(k.why, "cpufreq-cpu0 at 2 of 5");
    for (int i = 0; i < k.n; i++) {
        const ps_soak_slice *l = &k.slice[i];
        assert_true(l->runs >= l->readings); /* usually 10^5 of them, more than MOST_TIMES; one where others have the core */
        assert_true(l->seconds > 0 && l->median > 0 && l->p99 >= l->median);
        assert_true(l->celsius > 81.4 && l->celsius < 81.6);
        assert_true(l->mhz > 1249 && l->mhz < 1251);
        assert_true(l->readings >= 1 && l->throttled == l->readings);
    }
    ps_soak_free(&k);
    fake_tree_end(&t);
}

static void a_system_that_tells_nothing(void **state)
{
    (void)state;
    fake_tree t;
    ps_soak k;
    fake_tree_begin(&t);
    soak(t.root, &k);
    assert_int_equal(k.n, 2);
    assert_true(k.slice[0].celsius <= 0 && k.slice[0].mhz <= 0);
    assert_int_equal(k.slice[1].throttled, 0);
    assert_string_equal(k.why, "");
    ps_soak_free(&k);
    fake_tree_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_values_that_were_seen),
        cmocka_unit_test(slices_hold_times_and_readings),
        cmocka_unit_test(a_system_that_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
