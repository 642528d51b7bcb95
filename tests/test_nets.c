/* tests/test_nets.c - the shapes in which predict opens a network. */
#include "tests/graph_build.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/account.h"
#include "app/downscale.h"
#include "app/nets.h"
#include "nn/model.h"

static char path[64];

/* Cells of 8, 16 and 32 pixels of a square of 128: [1,4+2,cells], as YOLOv8 answers. */
static void write_net(void)
{
    ps_graph g = {0};
    void *bytes;
    size_t size;
    int32_t x = gb_input(&g, GB_DIMS(1, 3, 128, 128)), level[3];
    for (int i = 0; i < 3; i++) {
        int32_t s = 8 << i, in[2] = {x, gb_random(&g, GB_DIMS(6, 3, s, s), 0, 0.1f)};
        ps_conv_params p = {.kernel = {s, s}, .stride = {s, s}, .dilation = {1, 1}, .group = 1};
        level[i] = gb_reshape(&g, gb_node(&g, &ps_op_conv, &p, 2, in), GB_DIMS(1, 6, 128 / s * (128 / s)));
    }
    gb_output(&g, gb_concat(&g, 2, 3, level));
    assert_int_equal(ps_graph_set_meta(&g, "poise.task", "detect"), POISE_OK);
    assert_int_equal(ps_graph_set_meta(&g, "poise.decoder", "yolov8"), POISE_OK);
    assert_int_equal(ps_graph_set_meta(&g, "names", "{0: 'a', 1: 'b'}"), POISE_OK);
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    snprintf(path, sizeof path, "/tmp/test_nets.%ld.poise", (long)getpid());
    assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
    poise_free(bytes);
    ps_graph_free(&g);
}

static ps_args args_of(const char **words, bool rect, size_t max_mem)
{
    *words = path;
    return (ps_args){.words = {1, words}, .threads = 1, .quiet = true, .rect = rect, .max_mem = max_mem};
}

static void expect(ps_nets *n, int32_t w, int32_t h, int32_t net_w, int32_t net_h)
{
    const ps_detector *d = ps_nets_for(n, w, h);
    if (d->task.in_w != net_w || d->task.in_h != net_h)
        fail_msg("%d x %d pixels: a network of %d x %d, not %d x %d", w, h, d->task.in_w, d->task.in_h, net_w,
                 net_h);
    assert_true(n->n >= 1 && n->n <= PS_MAX_NETS);
}

static void rectangles_of(bool lean)
{
    const char *words;
    const ps_args a = args_of(&words, true, 0);
    ps_nets n = {.lean = lean};
    write_net();
    if (ps_nets_open(&n, &a)) fail_msg("%s", poise_error_text());
    if (lean) { /* one network at a time, until pictures have two shapes */
        expect(&n, 1920, 1080, 128, 96);
        assert_int_equal(n.n, 1);
        expect(&n, 1000, 1000, 128, 128);
        assert_int_equal(n.n, 2);
    }
    for (int round = 0; round < 2; round++) { /* more shapes than are kept */
        expect(&n, 1000, 1000, 128, 128);
        expect(&n, 1920, 1080, 128, 96); /* 72 rows */
        expect(&n, 500, 1000, 64, 128);
        expect(&n, 1000, 500, 128, 64);
        expect(&n, 4000, 100, 128, 32);
        expect(&n, 100, 4000, 32, 128);
        expect(&n, 20, 19, 128, 128);
    }
    assert_int_equal(n.n, PS_MAX_NETS);
    /* A picture in the network of its shape gives answers, in its pixels. */
    static uint8_t pixels[100 * 50 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7919 >> 4);
    poise_image img = {.plane = {pixels}, .stride = {300}, .w = 100, .h = 50};
    static poise_object found[300];
    int m = 0;
    ps_detector *d = ps_nets_for(&n, img.w, img.h);
    assert_int_equal(ps_detector_run(d, &img, &(poise_detect_options){.conf = 1e-6f}, found, 300, &m),
                     POISE_OK);
    assert_true(m > 0);
    for (int i = 0; i < m; i++) assert_true(found[i].x2 <= 100 && found[i].y2 <= 50);
    ps_nets_close(&n);
    unlink(path);
}

static void rectangles(void **state)
{
    (void)state;
    rectangles_of(false);
    rectangles_of(true);
}

/* What the account has beside the plan, and of it for results. */
static size_t program_and_results(const ps_args *a, const ps_nets *n, size_t *results)
{
    ps_account all;
    ps_account_of(a, n->net[0].model, &all);
    *results = all.detector;
    return all.total - all.plan.peak;
}

static void squares(void **state)
{
    (void)state;
    const char *words;
    ps_args a = args_of(&words, false, 0);
    ps_nets n = {0};
    poise_memory mem;
    write_net();
    assert_int_equal(ps_nets_open(&n, &a), POISE_OK);
    expect(&n, 1920, 1080, 128, 128);
    poise_model_memory(n.net[0].model, &mem);
    /* With room for one network and two thirds of its activations beside, a rectangle of a quarter fits, one of three does not. */
    size_t results, beside = program_and_results(&a, &n, &results);
    size_t objects = ps_alloc_size(PS_MOST_FOUND * sizeof(poise_object)); /* they are the command's, and not taken here */
    size_t detector = results - objects;
    ps_nets_close(&n);
    a = args_of(&words, true, beside + mem.peak + mem.weights + mem.overhead + mem.arena * 2 / 3 + detector - objects);
    if (ps_nets_open(&n, &a)) fail_msg("%s", poise_error_text());
    expect(&n, 4000, 100, 128, 32);
    expect(&n, 1920, 1080, 128, 128);
    expect(&n, 100, 4000, 32, 128);
    assert_int_equal(n.n, 2);
    ps_nets_close(&n);
    a = args_of(&words, true, beside + mem.peak - 1);
    assert_int_equal(ps_nets_open(&n, &a), POISE_NO_MEMORY);
    ps_nets_close(&n);
    ps_memory_limit(0);
    unlink(path);
}

/* All that the network takes with these options. */
static size_t total_of(const ps_args *a)
{
    ps_nets n = {0};
    ps_account all;
    ps_args free_of_limits = *a;
    free_of_limits.max_mem = 0;
    if (ps_nets_open(&n, &free_of_limits)) fail_msg("%s", poise_error_text());
    ps_account_of(a, n.net[0].model, &all);
    ps_nets_close(&n);
    return all.total;
}

/* Under less and less memory: first as asked for, then with fewer threads, then smaller, at last not at all. */
static void smaller_where_allowed(void **state)
{
    (void)state;
    const char *words;
    const ps_verb *v = ps_verb_find("predict");
    ps_args a = args_of(&words, false, 0);
    write_net();
    a.threads = 4;
    size_t most = total_of(&a), steps = 0;
    int32_t side = 128, threads = 4;
    for (size_t limit = most;; limit -= 4096) {
        a = args_of(&words, false, limit);
        a.threads = 4;
        ps_args b = a;
        b.allow_downscale = true;
        poise_status refused = ps_downscale(v, &a);
        assert_int_equal(refused == POISE_OK, limit == most);
        if (refused) assert_non_null(strstr(poise_error_text(), "--max-mem is"));
        if (ps_downscale(v, &b) != POISE_OK) break;
        assert_true(total_of(&b) <= limit);
        assert_true(b.threads <= threads && (!b.imgsz.h || b.imgsz.h <= side));
        steps += b.threads < threads || (b.imgsz.h && b.imgsz.h < side);
        threads = b.threads;
        if (b.imgsz.h) side = b.imgsz.h;
    }
    assert_int_equal(threads, 1);
    assert_int_equal(side, 64);
    assert_true(steps >= 3);
    ps_memory_limit(0);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rectangles), cmocka_unit_test(squares), cmocka_unit_test(smaller_where_allowed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
