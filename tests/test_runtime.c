/* tests/test_runtime.c - memory, files, threads, error texts. */
#include "runtime/clock.h"
#include "runtime/cores.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/status.h"
#include "runtime/threads.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void blocks_are_aligned_and_zero(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 4096, 300000, 5000000};
    for (size_t i = 0; i < 7; i++) {
        uint8_t *p = ps_alloc(sizes[i]);
        assert_non_null(p);
        assert_int_equal((size_t)p % PS_ALIGN, 0);
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(p[k], 0);
        memset(p, 0xaa, sizes[i]);
        uint8_t *q = ps_realloc(p, sizes[i] * 2 + 100);
        assert_non_null(q);
        for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(q[k], 0xaa);
        for (size_t k = sizes[i]; k < sizes[i] * 2 + 100; k++) assert_int_equal(q[k], 0);
        ps_free(q);
    }
    assert_null(ps_alloc(SIZE_MAX));
    assert_null(ps_alloc_array(SIZE_MAX / 2, 3));
}

static void allocation_limits_fail_on_time(void **state)
{
    (void)state;
    ps_alloc_limit(2);
    void *a = ps_alloc(10), *b = ps_alloc(10), *c = ps_alloc(10);
    ps_alloc_limit(-1);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(c);
    ps_free(a);
    ps_free(b);
}

static void heaps_keep_pieces_apart(void **state)
{
    (void)state;
    ps_heap h = {0};
    uint8_t *p[300];
    for (int i = 0; i < 300; i++) {
        size_t n = (size_t)(i * 37 % 20000);
        p[i] = ps_heap_push(&h, n);
        assert_non_null(p[i]);
        memset(p[i], i & 255, n);
    }
    for (int i = 0; i < 300; i++)
        for (size_t k = 0; k < (size_t)(i * 37 % 20000); k++) assert_int_equal(p[i][k], i & 255);
    ps_heap_free(&h);
    assert_null(ps_heap_push(&h, SIZE_MAX - 3));
}

static void arenas_measure_and_refuse(void **state)
{
    (void)state;
    ps_arena measure = {0};
    ps_arena_push(&measure, 100);
    ps_arena_push(&measure, 1);
    assert_int_equal(measure.used, 129);
    _Alignas(64) static uint8_t block[192];
    ps_arena a = {.base = block, .cap = sizeof block};
    assert_ptr_equal(ps_arena_push(&a, 100), block);
    assert_ptr_equal(ps_arena_push(&a, 64), block + 128);
    assert_null(ps_arena_push(&a, 1));
    assert_null(ps_arena_push(&a, SIZE_MAX));
}

typedef struct tally {
    atomic_int done[1000];
    float denormal[64];
} tally;

static void count_chunks(void *ctx, int begin, int end, int thread)
{
    tally *t = ctx;
    volatile float tiny = 1e-38f, half = 0.01f;
    for (int i = begin; i < end; i++) atomic_fetch_add(&t->done[i], 1);
    t->denormal[thread] = tiny * half; /* 1e-40 unless denormals are flushed */
}

static void every_chunk_is_done_once(void **state)
{
    (void)state;
    ps_threads_start(5, 5);
    for (int threads = 1; threads <= 5; threads++)
        for (int n = 0; n <= 1000; n = n * 3 + 1) {
            tally t = {0};
            ps_parallel(threads, n, count_chunks, &t);
            for (int i = 0; i < 1000; i++) assert_int_equal(atomic_load(&t.done[i]), i < n);
#if defined(__SSE2__)
            for (int i = 0; i < threads; i++) assert_true(t.denormal[i] == 0.0f);
#endif
        }
    volatile float tiny = 1e-38f, half = 0.01f;
    assert_true(tiny * half != 0.0f); /* the caller's mode is as it was */
}

typedef struct meeting {
    atomic_int here;
    int thread[2];
    float denormal[2];
} meeting;

/* Each of two chunks waits until the other has begun as well. */
static void meet(void *ctx, int begin, int end, int thread)
{
    meeting *m = ctx;
    volatile float tiny = 1e-38f, half = 0.01f;
    for (int i = begin; i < end; i++) {
        m->thread[i] = thread;
        m->denormal[i] = tiny * half;
        atomic_fetch_add(&m->here, 1);
        for (double until = ps_clock_ms() + 10000; atomic_load(&m->here) < 2 && ps_clock_ms() < until;) sched_yield();
        if (atomic_load(&m->here) < 2) m->thread[i] = -1;
    }
}

static void chunks_run_at_the_same_time(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        meeting m = {.thread = {-2, -2}, .denormal = {1, 1}};
        ps_parallel(2, 2, meet, &m);
        assert_int_equal(m.thread[0] + m.thread[1], 1); /* threads 0 and 1 */
#if defined(__SSE2__)
        assert_true(m.denormal[0] == 0.0f && m.denormal[1] == 0.0f);
#endif
    }
}

static void *call_many_times(void *arg)
{
    static char failed[] = "a chunk was lost or done twice";
    (void)arg;
    for (int round = 0; round < 300; round++) {
        tally t = {0};
        ps_parallel(3, 50, count_chunks, &t);
        for (int i = 0; i < 1000; i++)
            if (atomic_load(&t.done[i]) != (i < 50)) return failed;
    }
    return NULL;
}

/* Sessions in several threads share the pool; who finds it taken works alone. */
static void callers_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t id[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&id[i], NULL, call_many_times, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(id[i], &failed);
        if (failed) fail_msg("%s", (const char *)failed);
    }
}

typedef struct crowd {
    atomic_int begun, running, most;
} crowd;

/* Counts how many threads are inside at once. */
static void be_counted(void *ctx, int begin, int end, int thread)
{
    crowd *c = ctx;
    (void)begin, (void)end, (void)thread;
    int now = atomic_fetch_add(&c->running, 1) + 1, most = atomic_load(&c->most);
    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now)) continue;
    for (double until = ps_clock_ms() + 0.2; ps_clock_ms() < until;) continue;
    atomic_fetch_sub(&c->running, 1);
}

static void *call_in_a_crowd(void *arg)
{
    crowd *c = arg;
    ps_caller caller = ps_caller_begin(0);
    atomic_fetch_add(&c->begun, 1);
    while (atomic_load(&c->begun) < 12) sched_yield(); /* all are there */
    for (int i = 0; i < 20; i++) ps_parallel(8, 8, be_counted, c);
    atomic_fetch_add(&c->begun, 1);
    while (atomic_load(&c->begun) < 24) sched_yield(); /* none leaves its core before all are done */
    ps_caller_end(caller);
    return NULL;
}

/* As many callers as cores or more: each has its own thread, and no worker helps. */
static void callers_take_the_cores(void **state)
{
    (void)state;
    enum { CALLERS = 12 };
    if (ps_cores() > CALLERS) skip();
    crowd c = {0};
    pthread_t id[CALLERS];
    ps_threads_start(8, ps_cores());
    for (int i = 0; i < CALLERS; i++) assert_int_equal(pthread_create(&id[i], NULL, call_in_a_crowd, &c), 0);
    for (int i = 0; i < CALLERS; i++) pthread_join(id[i], NULL);
    assert_true(atomic_load(&c.most) <= CALLERS);
}

static void inner(void *ctx, int begin, int end, int thread)
{
    atomic_int *n = ctx;
    assert_int_equal(thread, 0);
    atomic_fetch_add(n, end - begin);
}

static void outer(void *ctx, int begin, int end, int thread)
{
    (void)thread;
    for (int i = begin; i < end; i++) ps_parallel(4, 7, inner, ctx);
}

static void nested_regions_run_alone(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        atomic_int n = 0;
        ps_parallel(3, 9, outer, &n);
        assert_int_equal(atomic_load(&n), 63);
    }
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(ps_file_make_directory(path), POISE_OK);
    *slash = '/';
    assert_int_equal(ps_file_write(path, text, strlen(text)), POISE_OK);
}

static void quotas_of_control_groups(void **state)
{
    (void)state;
    char dir[] = "/tmp/poise-groups-XXXXXX", groups[64], command[64];
    assert_non_null(mkdtemp(dir));
    snprintf(groups, sizeof groups, "%s/groups", dir);
    assert_int_equal(ps_group_cores(groups, dir), 0); /* no such file: no limit */
    put_file(dir, "groups", "0::/a/b\n");
    assert_int_equal(ps_group_cores(groups, dir), 0);
    put_file(dir, "a/b/cpu.max", "max 100000\n");
    assert_int_equal(ps_group_cores(groups, dir), 0);
    put_file(dir, "a/b/cpu.max", "260000 100000\n");
    assert_int_equal(ps_group_cores(groups, dir), 3);
    put_file(dir, "a/cpu.max", "140000 100000\n"); /* the least on the way up counts */
    assert_int_equal(ps_group_cores(groups, dir), 1);
    put_file(dir, "a/cpu.max", "10000 100000\n");
    assert_int_equal(ps_group_cores(groups, dir), 1); /* never none */
    put_file(dir, "a/cpu.max", "rubbish\n");
    assert_int_equal(ps_group_cores(groups, dir), 3);
    put_file(dir, "groups", "5:memory:/m\n3:cpuset:/x\n2:cpuacct,cpu:/v1\nrubbish\n0::/\n"); /* version 1 */
    assert_int_equal(ps_group_cores(groups, dir), 0);
    put_file(dir, "cpu/v1/cpu.cfs_quota_us", "-1\n");
    put_file(dir, "cpu/v1/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ps_group_cores(groups, dir), 0);
    put_file(dir, "cpu/v1/cpu.cfs_quota_us", "400000\n");
    assert_int_equal(ps_group_cores(groups, dir), 4);
    put_file(dir, "cpu/v1/cpu.cfs_period_us", "1\n");
    assert_int_equal(ps_group_cores(groups, dir), PS_MAX_THREADS);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void error_texts_nest(void **state)
{
    (void)state;
    assert_int_equal(ps_fail(POISE_IO, "value %d is wrong", 7), POISE_IO);
    ps_fail_in(POISE_IO, "node '%s'", "x");
    assert_string_equal(poise_error_text(), "node 'x': value 7 is wrong");
    char longest[6000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    ps_fail(POISE_IO, "%s", longest);
    ps_fail_in(POISE_IO, "%s", longest);
    assert_true(strlen(poise_error_text()) < 4096);
}

static void files_are_whole_or_untouched(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/poise-test-%ld", (long)getpid());
    assert_int_equal(ps_file_write(path, "hello", 5), POISE_OK);
    ps_file f;
    assert_int_equal(ps_file_map(path, &f), POISE_OK);
    assert_int_equal(f.size, 5);
    assert_memory_equal(f.bytes, "hello", 5);
    ps_file_unmap(&f);
    unlink(path);
    assert_int_equal(ps_file_write("/nowhere/at/all", "x", 1), POISE_IO);
    assert_int_equal(ps_file_map("/nowhere/at/all", &f), POISE_IO);
    assert_int_equal(ps_file_map("/tmp", &f), POISE_IO);
    assert_non_null(strstr(poise_error_text(), "/tmp"));
}

static void the_clock_goes_forward(void **state)
{
    (void)state;
    double t = ps_clock_ms();
    assert_true(ps_clock_ms() >= t);
    assert_true(ps_cores() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_zero),    cmocka_unit_test(allocation_limits_fail_on_time),
        cmocka_unit_test(heaps_keep_pieces_apart),        cmocka_unit_test(arenas_measure_and_refuse),
        cmocka_unit_test(every_chunk_is_done_once),       cmocka_unit_test(error_texts_nest),
        cmocka_unit_test(chunks_run_at_the_same_time),
        cmocka_unit_test(callers_do_not_disturb_each_other), cmocka_unit_test(callers_take_the_cores),
        cmocka_unit_test(nested_regions_run_alone),          cmocka_unit_test(quotas_of_control_groups),
        cmocka_unit_test(files_are_whole_or_untouched),   cmocka_unit_test(the_clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
