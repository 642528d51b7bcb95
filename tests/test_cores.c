/* tests/test_cores.c - which cores a model runs on: boards as sysfs shows them, masks, threads that stay where they are told. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "fake_tree.h"
#include "nn/session.h"
#include "runtime/cores.h"
#include "runtime/threads.h"
#include "runtime/topology.h"
#include "tiny_onnx.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { A53 = 0xd03, A55 = 0xd05, A72 = 0xd08, A76 = 0xd0b, A7 = 0xc07, A15 = 0xc0f };
#define ALL UINT64_MAX
#define ONLINE "/sys/devices/system/cpu/online"

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

static void cores(const fake_tree *t, int from, int to, int capacity, int khz, unsigned part)
{
    for (int i = from; i <= to; i++) fake_tree_core(t, i, capacity, khz, part);
}

static uint64_t big(const fake_tree *t, uint64_t allowed)
{
    ps_topology topology;
    ps_topology_read(t->root, &topology);
    return ps_topology_big(&topology, allowed);
}

static void capacities_tell_big_from_little(void **state)
{
    const fake_tree *t = *state; /* RK3399 */
    fake_tree_file(t, ONLINE, "0-5\n");
    cores(t, 0, 3, 485, 1416000, A53);
    cores(t, 4, 5, 1024, 1800000, A72);
    assert_int_equal(big(t, ALL), 0x30);
    assert_int_equal(big(t, 0x0f), 0);    /* taskset on the small ones: they are alike */
    assert_int_equal(big(t, 0x1c), 0x10);
    ps_topology topology;
    ps_cluster c[PS_MAX_CLUSTERS];
    ps_topology_read(t->root, &topology);
    assert_int_equal(ps_topology_clusters(&topology, c), 2);
    assert_int_equal(c[0].cpus, 0x30);
    assert_int_equal(c[0].core->part, A72);
    assert_int_equal(c[1].cpus, 0x0f);
    assert_int_equal(c[1].core->revision, 4);
    assert_string_equal(ps_arm_part_name(c[1].core->implementer, c[1].core->part), "Cortex-A53");
}

static void the_prime_core_is_not_left_alone(void **state)
{
    const fake_tree *t = *state; /* DynamIQ: 4 + 3 + 1 */
    fake_tree_file(t, ONLINE, "0-7\n");
    cores(t, 0, 3, 384, 1785600, A55);
    cores(t, 4, 6, 871, 2419200, A76);
    cores(t, 7, 7, 1024, 2841600, A76);
    assert_int_equal(big(t, ALL), 0xf0);
    ps_topology topology;
    ps_cluster c[PS_MAX_CLUSTERS];
    ps_topology_read(t->root, &topology);
    assert_int_equal(ps_topology_clusters(&topology, c), 3);
    assert_int_equal(c[0].cpus, 0x80);
    assert_int_equal(c[2].cpus, 0x0f);
}

static void two_clusters_of_one_speed_are_one(void **state)
{
    const fake_tree *t = *state; /* A53 4 + 4 at one clock */
    fake_tree_file(t, ONLINE, "0-7\n");
    cores(t, 0, 7, 1024, 1700000, A53);
    assert_int_equal(big(t, ALL), 0);
    cores(t, 0, 3, 1024, 1000000, A53); /* at two, and a device tree without capacities */
    assert_int_equal(big(t, ALL), 0xf0);
}

static void parts_and_clocks_stand_in_for_capacities(void **state)
{
    const fake_tree *t = *state; /* a vendor's kernel 4.4 on an RK3399 */
    fake_tree_file(t, ONLINE, "0-5\n");
    cores(t, 0, 3, 0, 1416000, A53);
    cores(t, 4, 5, 0, 1800000, A72);
    assert_int_equal(big(t, ALL), 0x30);
}

/* 32-bit kernels have no registers in sysfs, and list those cores that are online. */
static void cpuinfo_names_parts(void **state)
{
    const fake_tree *t = *state;
    char text[2048] = "", one[128];
    for (int i = 0; i < 6; i++) {
        snprintf(one, sizeof one, "processor\t: %d\nCPU implementer\t: 0x41\nCPU variant\t: 0x0\nCPU part\t: 0x%x\nCPU revision\t: 3\n\n",
                 i < 3 ? i : i + 1, i < 3 ? A7 : A15);
        strcat(text, one);
    }
    fake_tree_file(t, ONLINE, "0-2,4-6\n");
    fake_tree_file(t, "/proc/cpuinfo", "%sHardware\t: ODROID-XU4\n", text);
    assert_int_equal(big(t, ALL), 0x70);
}

static void offline_cores_do_not_count(void **state)
{
    const fake_tree *t = *state;
    fake_tree_file(t, ONLINE, "0-3\n");
    fake_tree_file(t, "/sys/devices/system/cpu/present", "0-5\n");
    cores(t, 0, 3, 485, 1416000, A53);
    cores(t, 4, 5, 1024, 1800000, A72);
    assert_int_equal(big(t, ALL), 0);
    fake_tree_file(t, ONLINE, "0,3,5\n");
    assert_int_equal(big(t, ALL), 0x20);
}

static void what_is_not_known_is_alike(void **state)
{
    const fake_tree *t = *state;
    assert_int_equal(big(t, ALL), 0); /* no sysfs at all */
    fake_tree_file(t, ONLINE, "0-3\n");
    assert_int_equal(big(t, ALL), 0);
    cores(t, 0, 1, 0, 5000000, 0); /* favoured cores of an x86 */
    cores(t, 2, 3, 0, 3000000, 0);
    assert_int_equal(big(t, ALL), 0);
    fake_tree_core(t, 0, 1024, 0, 0); /* capacities of some only */
    assert_int_equal(big(t, ALL), 0);
}

static void nonsense_in_files_is_absence(void **state)
{
    const fake_tree *t = *state;
    static const char *const lists[] = {"", "\n", "0-", "-3", "3-0", "0,,1", "abc", "0 1", "99999999999999999999-1"};
    uint64_t cpus;
    bool beyond;
    char text[PS_CPU_LIST_TEXT];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) assert_false(ps_cpu_list(lists[i], &cpus, &beyond));
    assert_true(ps_cpu_list("0-127", &cpus, &beyond));
    assert_true(beyond && cpus == ALL);
    assert_true(ps_cpu_list("63,0-2,5", &cpus, &beyond));
    assert_false(beyond);
    assert_string_equal(ps_cpu_list_text(cpus, text), "0-2,5,63");
    ps_cpu_list_text(0x5555555555555555u, text); /* the longest are those without neighbours, and of pairs */
    assert_int_equal(strlen(text), 90);
    ps_cpu_list_text(0xb6db6db6db6db6dbu, text);
    assert_true(strlen(text) < PS_CPU_LIST_TEXT - 8);
    fake_tree_file(t, ONLINE, "0-1\n");
    for (int i = 0; i < 2; i++) fake_tree_core(t, i, -5, 2000000000, 0);
    fake_tree_file(t, "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
    fake_tree_file(t, "/proc/cpuinfo", "CPU implementer\nCPU part :\n\x01\x02:::\n");
    assert_int_equal(big(t, ALL), 0);
    ps_topology topology;
    ps_topology_read(t->root, &topology);
    assert_int_equal(topology.core[0].khz, 0);
    assert_int_equal(topology.core[0].capacity, 0);
    assert_int_equal(topology.core[0].implementer, 0);
    char line[8];
    fake_tree_file(t, "/long", "0123456789\nmore");
    assert_true(ps_sysfs_line(line, sizeof line, t->root, "/long"));
    assert_string_equal(line, "0123456");
    fake_tree_file(t, "/bell", "a\x1b[2Jb\n");
    assert_true(ps_sysfs_line(line, sizeof line, t->root, "/bell"));
    assert_string_equal(line, "a?[2Jb");
    assert_false(ps_sysfs_line(line, sizeof line, t->root, "/sys")); /* a folder */
}

/* What this thread may run on. */
static uint64_t mine(void)
{
    cpu_set_t set;
    uint64_t cpus = 0;
    CPU_ZERO(&set);
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (unsigned i = 0; i < PS_MAX_CPUS; i++)
        if (CPU_ISSET(i, &set)) cpus |= (uint64_t)1 << i;
    return cpus;
}

static void a_crew_is_what_is_asked_for_or_big(void **state)
{
    (void)state;
    ps_crew c = {.cpus = 0xf0, .cores = 4, .most = 8};
    assert_int_equal(ps_crew_cpus(&c, 4), 0xf0);
    assert_int_equal(ps_crew_cpus(&c, 5), 0); /* more threads than big cores: everywhere */
    c.asked = true;
    assert_int_equal(ps_crew_cpus(&c, 5), 0xf0);
    assert_true(ps_crew_choose(ALL, &c));
    assert_true(c.asked);
    assert_in_range(c.cores, 1, PS_MAX_THREADS);
    assert_int_equal(c.cores, c.most);
    assert_true(ps_crew_choose(0, &c));
    assert_false(c.asked);
    assert_int_equal(c.most, ps_cores());
    assert_false(ps_crew_choose(~mine(), &c));
}

static atomic_int strays;

static void look(void *ctx, int from, int to, int thread)
{
    (void)from, (void)to, (void)thread;
    if (mine() != *(const uint64_t *)ctx) atomic_fetch_add(&strays, 1);
    usleep(200); /* so that others get chunks */
}

/* After each node of a run: its thread is where the model's are. */
static void watch(void *ctx, int32_t node)
{
    look(ctx, node, node, 0);
}

static void threads_stay_where_they_are_told(void **state)
{
    (void)state;
    uint64_t all = mine(), one = all & ~(all - 1), other = all & ~one ? all & ~one : one;
    for (int i = 0; i < 3; i++) {
        ps_caller outer = ps_caller_begin(one); /* the first one makes the threads */
        ps_parallel(4, 64, look, &one);
        ps_caller inner = ps_caller_begin(other); /* a session within a region of another */
        ps_parallel(4, 64, look, &other);
        ps_caller_end(inner);
        assert_int_equal(mine(), one);
        ps_caller_end(outer);
        assert_int_equal(mine(), all); /* the caller's own affinity is given back */
        ps_parallel(4, 64, look, &all);
    }
    assert_int_equal(atomic_load(&strays), 0);
}

static void a_model_takes_the_cores_of_its_mask(void **state)
{
    (void)state;
    if (!PS_WITH_ONNX) skip();
    uint64_t all = mine(), one = all & ~(all - 1);
    poise_options o = {.cpu_mask = one};
    poise_model *m;
    poise_session *s;
    void *onnx, *bytes;
    size_t size;
    char path[64];
    assert_int_equal(tiny_onnx_make(TINY_CLASSIFY, &onnx, &size), POISE_OK);
    snprintf(path, sizeof path, "/tmp/test_cores.%ld.onnx", (long)getpid());
    assert_int_equal(ps_file_write(path, onnx, size), POISE_OK);
    poise_free(onnx);
    assert_int_equal(poise_convert(path, NULL, &bytes, &size), POISE_OK);
    remove(path);
    assert_int_equal(poise_model_open_memory(bytes, size, &o, &m), POISE_OK);
    assert_int_equal(m->threads, 1);
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    ps_session_run_watched(s, watch, &one);
    assert_int_equal(atomic_load(&strays), 0);
    assert_int_equal(mine(), all);
    poise_session_close(s);
    poise_model_close(m);
    o.cpu_mask = ~all;
    if (o.cpu_mask) assert_int_equal(poise_model_open_memory(bytes, size, &o, &m), POISE_BAD_ARGUMENT);
    poise_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(capacities_tell_big_from_little, begin, end),
        cmocka_unit_test_setup_teardown(the_prime_core_is_not_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(two_clusters_of_one_speed_are_one, begin, end),
        cmocka_unit_test_setup_teardown(parts_and_clocks_stand_in_for_capacities, begin, end),
        cmocka_unit_test_setup_teardown(cpuinfo_names_parts, begin, end),
        cmocka_unit_test_setup_teardown(offline_cores_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_alike, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_in_files_is_absence, begin, end),
        cmocka_unit_test(a_crew_is_what_is_asked_for_or_big),
        cmocka_unit_test(threads_stay_where_they_are_told),
        cmocka_unit_test(a_model_takes_the_cores_of_its_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
