/* tests/test_sessions.c - several sessions of several threads of the program, and numbers of threads chosen by trying. */
#include "nn/session.h"
#include "tests/graph_build.h"

#include <pthread.h>
#include <string.h>

enum { CALLERS = 4, RUNS = 25 };

static void *bytes;
static size_t size;

static int make_network(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t x = gb_input(&g, GB_DIMS(1, 24, 40, 40));
    x = gb_conv(&g, x, 32, 3, 1, 1, true);
    x = gb_conv(&g, x, 32, 3, 1, 32, true);
    x = gb_conv(&g, x, 64, 1, 0, 1, true);
    x = gb_unary(&g, PS_ACT_SILU, 0, 0, x);
    gb_output(&g, gb_conv(&g, x, 24, 3, 1, 1, true));
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    ps_graph_free(&g);
    return 0;
}

static int free_network(void **state)
{
    (void)state;
    ps_free(bytes);
    return 0;
}

typedef struct caller {
    const poise_model *model;
    const float *want;
    const char *failed;
} caller;

static poise_model *open_with(int threads)
{
    poise_model *m;
    const poise_options o = {.threads = threads};
    if (poise_model_open_memory(bytes, size, &o, &m)) fail_msg("%s", poise_error_text());
    return m;
}

static void run(const poise_model *m, float *y)
{
    poise_session *s;
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    ps_session_fill_noise(s);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), y);
    poise_session_close(s);
}

static size_t outputs(const poise_model *m)
{
    poise_tensor t;
    poise_model_output(m, 0, &t);
    return poise_tensor_count(&t);
}

static void *call(void *arg)
{
    caller *c = arg;
    poise_session *s;
    size_t n = outputs(c->model);
    float *y = ps_alloc(n * sizeof *y);
    if (poise_session_open(c->model, &s) || !y) return c->failed = "no session", NULL;
    for (int i = 0; i < RUNS && !c->failed; i++) {
        ps_session_fill_noise(s);
        poise_session_run(s);
        poise_tensor_read(poise_session_output(s, 0), y);
        if (memcmp(y, c->want, n * sizeof *y) != 0) c->failed = "other bits than alone with one thread";
    }
    poise_session_close(s);
    ps_free(y);
    return NULL;
}

/* Models of 1 to 4 threads, all at the same time. */
static void give_the_same_bits_side_by_side(void **state)
{
    (void)state;
    poise_model *m[CALLERS];
    caller c[CALLERS];
    pthread_t id[CALLERS];
    for (int i = 0; i < CALLERS; i++) m[i] = open_with(i + 1);
    float *want = ps_alloc(outputs(m[0]) * sizeof *want);
    assert_non_null(want);
    run(m[0], want);
    for (int i = 0; i < CALLERS; i++) {
        c[i] = (caller){.model = m[i], .want = want};
        assert_int_equal(pthread_create(&id[i], NULL, call, &c[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) pthread_join(id[i], NULL);
    for (int i = 0; i < CALLERS; i++) {
        if (c[i].failed) fail_msg("caller %d: %s", i, c[i].failed);
        poise_model_close(m[i]);
    }
    ps_free(want);
}

static void threads_are_chosen_by_trying(void **state)
{
    (void)state;
    poise_model *one = open_with(1), *best = open_with(POISE_THREADS_AUTO), *same;
    assert_in_range(best->threads, 1, ps_cores());
    assert_non_null(strstr(best->tried, "thread"));
    same = open_with(best->threads);
    poise_memory a, b;
    poise_model_memory(best, &a);
    poise_model_memory(same, &b);
    assert_memory_equal(&a, &b, sizeof a); /* planned as if that number had been asked for */
    size_t n = outputs(one) * sizeof(float);
    float *x = ps_alloc(n), *y = ps_alloc(n);
    run(one, x);
    run(best, y);
    assert_memory_equal(x, y, n);
    ps_free(x);
    ps_free(y);
    poise_model_close(one);
    poise_model_close(best);
    poise_model_close(same);
    const poise_options wrong = {.threads = -2};
    assert_int_equal(poise_model_open_memory(bytes, size, &wrong, &one), POISE_BAD_ARGUMENT);
}

/* Every number up to the one a model was opened with plans anew what it needs. */
static void threads_can_be_planned_again(void **state)
{
    (void)state;
    poise_model *m = open_with(4), *fresh;
    for (int threads = 1; threads <= 5; threads++) {
        assert_int_equal(ps_model_set_threads(m, threads), POISE_OK);
        fresh = open_with(threads);
        assert_int_equal(m->scratch_bytes, fresh->scratch_bytes);
        poise_model_close(fresh);
    }
    poise_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(give_the_same_bits_side_by_side),
        cmocka_unit_test(threads_are_chosen_by_trying),
        cmocka_unit_test(threads_can_be_planned_again),
    };
    return cmocka_run_group_tests_name("sessions", tests, make_network, free_network);
}
