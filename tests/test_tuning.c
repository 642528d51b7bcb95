/* tests/test_tuning.c - tuning files: their text, which model and machine they are for, where they are found, and that
 * every way of computing a network gives the same answer. */
#include "convert/tune_file.h"
#include "nn/session.h"
#include "tests/graph_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/poise-tuning-XXXXXX";
static char cache[64], model[64], beside[64], elsewhere[64];
static void *bytes;
static size_t size;

/* Two 3x3 convolutions of which one is transformed by rule and one is not, a 1x1 and a product. */
static int make_network(void **state)
{
    (void)state;
    ps_graph g = {0};
    int32_t x = gb_input(&g, GB_DIMS(1, 16, 16, 16));
    x = gb_conv(&g, x, 32, 3, 1, 1, true);
    x = gb_conv(&g, x, 160, 3, 1, 1, true);
    x = gb_conv(&g, x, 160, 3, 1, 1, true);
    x = gb_conv(&g, x, 8, 1, 0, 1, true);
    x = gb_reshape(&g, x, GB_DIMS(8, 256));
    gb_output(&g, gb_matmul(&g, x, 40));
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    ps_graph_free(&g);
    assert_non_null(mkdtemp(dir));
    snprintf(cache, sizeof cache, "%s/cache", dir);
    snprintf(model, sizeof model, "%s/net.poise", dir);
    snprintf(beside, sizeof beside, "%s/net.tune", dir);
    snprintf(elsewhere, sizeof elsewhere, "%s/other", dir);
    setenv("POISE_CACHE", cache, 1);
    return ps_file_write(model, bytes, size);
}

static int remove_all(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", dir);
    ps_free(bytes);
    return system(command);
}

/* ---- text ---- */

#define HEAD "poise tuning 1\nversion 0.1.0\ncpu maker/1/2/3\nisa c\nprecision exact\nthreads 2\nnetwork 00000000000000ab\n"

static void reads_what_it_writes(void **state)
{
    (void)state;
    static const char text[] = HEAD "node 00000000000000ff direct\nnode 0000000000000001 winograd4@avx2 a remark -> b\nend\n";
    static const char *const what[] = {"first \n line", "second"};
    ps_tuning t, again;
    void *written;
    size_t n;
    assert_int_equal(ps_tuning_parse(text, sizeof text - 1, &t), POISE_OK);
    assert_string_equal(t.version, "0.1.0");
    assert_string_equal(t.cpu, "maker/1/2/3");
    assert_string_equal(t.isa, "c");
    assert_string_equal(t.precision, "exact");
    assert_int_equal(t.threads, 2);
    assert_int_equal(t.network, 0xab);
    assert_int_equal(t.n, 2); /* in the order of their signatures */
    assert_int_equal(t.nodes[0].node, 1);
    assert_string_equal(t.nodes[0].way, "winograd4@avx2");
    assert_string_equal(t.nodes[1].way, "direct");
    assert_int_equal(ps_tuning_write(&t, what, &written, &n), POISE_OK);
    assert_int_equal(ps_tuning_parse(written, n, &again), POISE_OK);
    assert_int_equal(again.n, 2);
    assert_memory_equal(again.nodes, t.nodes, 2 * sizeof *t.nodes);
    ps_tuning_free(&again);
    ps_tuning_free(&t);
    ps_free(written);
}

static void refuses_damaged_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "without 'end'"},
        {"\x7f"
         "ELF\n",
         "not text"},
        {"poise tuning 2\n", "not a tuning file"},
        {"poise tuning 1\ncpu x\n", "must be 'version'"},
        {"poise tuning 1\nversion a b\n", "not a word"},
        {"poise tuning 1\nversion 1\ncpu x\nisa c\nprecision exact\nthreads 0\n", "number of threads"},
        {"poise tuning 1\nversion 1\ncpu x\nisa c\nprecision exact\nthreads 999999999999\n", "number of threads"},
        {"poise tuning 1\nversion 1\ncpu x\nisa c\nprecision exact\nthreads 1\nnetwork abc\n", "hexadecimal"},
        {HEAD, "without 'end'"},
        {HEAD "end", "without 'end'"},
        {HEAD "end\nmore\n", "behind 'end'"},
        {HEAD "edon 00000000000000ff direct\nend\n", "neither a node"},
        {HEAD "node 00000000000000ff\nend\n", "no way"},
        {HEAD "node 00000000000000ff  direct\nend\n", "no way"},
        {HEAD "node 00000000000000ffdirect\nend\n", "hexadecimal"},
        {HEAD "node 00000000000000ff abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\nend\n", "no way"},
        {HEAD "node 00000000000000ff a\nnode 00000000000000ff b\nend\n", "twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ps_tuning t;
        if (ps_tuning_parse(cases[i].text, strlen(cases[i].text), &t) == POISE_OK) fail_msg("case %zu was accepted", i);
        if (!strstr(poise_error_text(), cases[i].says)) fail_msg("case %zu: %s", i, poise_error_text());
        assert_null(t.nodes);
    }
    char *large = ps_alloc(1 << 21);
    ps_tuning t;
    memset(large, 'x', 1 << 21);
    assert_int_equal(ps_tuning_parse(large, 1 << 21, &t), POISE_BAD_MODEL);
    assert_int_equal(ps_tuning_parse(large, 1 << 10, &t), POISE_BAD_MODEL);
    ps_free(large);
}

/* ---- whom it fits ---- */

/* A tuning that computes every node of the model by choice k where it has one. */
static ps_tuning every(int k)
{
    poise_model *m;
    poise_session *s;
    const poise_options o = {.threads = 1, .tuning = "none"};
    assert_int_equal(poise_model_open_memory(bytes, size, &o, &m), POISE_OK);
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    ps_tuning t = ps_tuning_here(m, s->calls);
    t.nodes = ps_alloc_array((size_t)m->graph.n_nodes, sizeof *t.nodes);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        ps_choice c;
        if (!m->graph.nodes[i].op->variant || !ps_choice_at(m, &m->graph.nodes[i], &s->calls[i], k, &c)) continue;
        t.nodes[t.n].node = ps_node_signature(&m->graph.nodes[i], &s->calls[i]);
        ps_choice_text(m, &c, t.nodes[t.n++].way);
    }
    ps_tuning_sort(&t);
    poise_session_close(s);
    poise_model_close(m);
    return t;
}

static void save(const ps_tuning *t, const char *path)
{
    static const char *const what[8] = {"", "", "", "", "", "", "", ""};
    void *text;
    size_t n;
    assert_true(t->n <= 8);
    assert_int_equal(ps_tuning_write(t, what, &text, &n), POISE_OK);
    assert_int_equal(ps_file_write(path, text, n), POISE_OK);
    ps_free(text);
}

static void run(poise_model *m, float *y)
{
    poise_session *s;
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    ps_session_fill_noise(s);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), y);
    poise_session_close(s);
}

enum { OUTPUTS = 8 * 40 };

static void every_way_gives_the_same(void **state)
{
    (void)state;
    static float want[OUTPUTS], got[OUTPUTS], again[OUTPUTS];
    poise_model *m;
    const poise_options one = {.threads = 1, .tuning = "none"}, two = {.threads = 2, .tuning = "none"};
    assert_int_equal(poise_model_open_memory(bytes, size, &one, &m), POISE_OK);
    run(m, want);
    poise_model_close(m);
    double most = 0;
    for (int i = 0; i < OUTPUTS; i++)
        if (fabs((double)want[i]) > most) most = fabs((double)want[i]); /* gcc 12 for aarch64 fails over fmax here */
    int tried = 0;
    for (int k = 1;; k++) {
        ps_tuning t = every(k);
        int n = t.n;
        for (int i = 0; n && i < 2; i++) {
            assert_int_equal(ps_model_open_tuned(bytes, size, i ? &two : &one, &t, &m), POISE_OK);
            run(m, i ? again : got);
            poise_model_close(m);
        }
        ps_tuning_free(&t);
        if (!n) break;
        tried++;
        assert_memory_equal(got, again, sizeof got); /* whatever the threads */
        for (int i = 0; i < OUTPUTS; i++) assert_true(fabs((double)got[i] - (double)want[i]) <= 1e-4 * most);
    }
    assert_true(tried >= 1); /* at least winograd4 for direct */
}

static void refuse(const char *path, const char *says)
{
    poise_model *m;
    const poise_options o = {.threads = 1, .tuning = path};
    if (poise_model_open(model, &o, &m) == POISE_OK) fail_msg("accepted a tuning that must be refused (%s)", says);
    assert_null(m);
    if (!strstr(poise_error_text(), says)) fail_msg("\"%s\" does not say \"%s\"", poise_error_text(), says);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const char *const says[] = {"for poise", "for CPU", "for ISA", "for precision", "another network", "which it has not"};
    for (int i = 0; i < 6; i++) {
        ps_tuning t = every(1);
        char *const words[] = {t.version, t.cpu, t.isa, t.precision};
        assert_true(t.n > 0);
        if (i < 4) snprintf(words[i], PS_TUNING_WORD, "other");
        else if (i == 4) t.network ^= 1;
        else snprintf(t.nodes[0].way, sizeof t.nodes[0].way, "magic");
        save(&t, elsewhere);
        refuse(elsewhere, says[i]);
        ps_tuning_free(&t);
    }
    refuse("/nonexistent/file", "/nonexistent/file");
    assert_int_equal(ps_file_write(elsewhere, "\1\2\3\n", 4), POISE_OK);
    refuse(elsewhere, "not text");
}

/* The line about its tuning, and how many nodes are not computed by rule. */
static int opened(const poise_options *o, char *line, size_t n)
{
    poise_model *m;
    assert_int_equal(poise_model_open(model, o, &m), POISE_OK);
    int changed = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) changed += !ps_choice_is_rule(&m->choices[i]);
    snprintf(line, n, "%s", m->tuning);
    poise_model_close(m);
    return changed;
}

static void is_found_where_it_belongs(void **state)
{
    (void)state;
    char line[256], path[4096];
    poise_options o = {.threads = 1};
    assert_int_equal(opened(&o, line, sizeof line), 0);
    assert_string_equal(line, "");
    ps_tuning t = every(1);
    assert_int_equal(ps_tuning_cache_path(&t, true, path, sizeof path), POISE_OK);
    save(&t, path);
    int changed = opened(&o, line, sizeof line);
    assert_true(changed > 0);
    assert_non_null(strstr(line, cache));
    save(&t, beside); /* goes before the cache */
    assert_int_equal(opened(&o, line, sizeof line), changed);
    assert_non_null(strstr(line, beside));
    t.network ^= 1; /* of another network: the cache again */
    save(&t, beside);
    assert_int_equal(opened(&o, line, sizeof line), changed);
    assert_non_null(strstr(line, cache));
    unlink(path);
    assert_int_equal(opened(&o, line, sizeof line), 0);
    assert_non_null(strstr(line, "no tuning: "));
    assert_non_null(strstr(line, "another network"));
    o.tuning = "none";
    assert_int_equal(opened(&o, line, sizeof line), 0);
    assert_string_equal(line, "");
    unlink(beside);
    ps_tuning_free(&t);
}

/* ---- the tuner ---- */

static void tunes_and_opens_the_result(void **state)
{
    (void)state;
    ps_tuned_model t;
    char line[256], written[4096];
    poise_options o = {.threads = 1};
    assert_int_equal(ps_tune_file(model, NULL, &o, 2, &t), POISE_OK);
    assert_true(t.n >= 3 && t.n <= 5 && t.ways >= 2);
    assert_int_equal(t.total.nodes, 5);
    assert_true(t.total.before_ms > 0 && t.total.after_ms > 0 && t.total.after_ms <= t.total.before_ms);
    int changed = 0;
    for (int32_t i = 0; i < t.n; i++) changed += t.kinds[i].best ? t.kinds[i].count : 0;
    assert_int_equal(changed, t.total.changed);
    assert_int_equal(ps_tune_save(&t, elsewhere, written, sizeof written), POISE_OK);
    assert_string_equal(written, elsewhere);
    o.tuning = elsewhere;
    assert_int_equal(opened(&o, line, sizeof line), changed);
    ps_tune_free(&t);
    poise_tuned total;
    assert_int_equal(poise_model_tune(model, NULL, NULL, 1, NULL, &total), POISE_OK);
    assert_int_equal(total.nodes, 5);
    assert_int_equal(poise_model_tune("/nonexistent", NULL, NULL, 1, NULL, NULL), POISE_IO);
    assert_int_equal(poise_model_tune(model, NULL, NULL, 1, "/nonexistent/x.tune", NULL), POISE_IO);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const poise_options o = {.threads = 1};
    for (long k = 0;; k++) {
        ps_alloc_limit(k);
        poise_status s = poise_model_tune(model, NULL, &o, 1, elsewhere, NULL);
        ps_alloc_limit(-1);
        if (s == POISE_OK) break;
        assert_int_equal(s, POISE_NO_MEMORY);
        assert_true(k < 10000);
    }
    ps_tuning t = every(1);
    save(&t, elsewhere);
    ps_tuning_free(&t);
    const poise_options tuned = {.threads = 1, .tuning = elsewhere};
    for (long k = 0;; k++) {
        poise_model *m;
        ps_alloc_limit(k);
        poise_status s = poise_model_open(model, &tuned, &m);
        ps_alloc_limit(-1);
        poise_model_close(m);
        if (s == POISE_OK) break;
        assert_int_equal(s, POISE_NO_MEMORY);
        assert_null(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),       cmocka_unit_test(refuses_damaged_text),
        cmocka_unit_test(every_way_gives_the_same),   cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(is_found_where_it_belongs),  cmocka_unit_test(tunes_and_opens_the_result),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("tuning", tests, make_network, remove_all);
}
