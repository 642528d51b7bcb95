/* tests/test_model.c - a small network from graph to result: file, plan, session; no allocation in run, a clean
 * failure of every allocation in open; damaged and hostile files. */
#include "nn/format.h"
#include "nn/params.h"
#include "nn/session.h"
#include "runtime/cpu.h"
#include "runtime/file.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static uint32_t seed = 1;

static float uniform(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static int32_t constant(ps_graph *g, const char *name, int rank, const int32_t *dim)
{
    int32_t v;
    assert_int_equal(ps_graph_constant(g, name, POISE_F32, rank, dim, NULL, &v), POISE_OK);
    float *p = (float *)(uintptr_t)g->values[v].data;
    for (size_t i = 0; i < ps_value_count(&g->values[v]); i++) p[i] = 0.3f * uniform();
    return v;
}

static int32_t add(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in)
{
    int32_t out;
    char name[32];
    snprintf(name, sizeof name, "%s_%d", op->name, g->n_nodes);
    assert_int_equal(ps_graph_value(g, name, &out), POISE_OK);
    assert_int_equal(ps_graph_node(g, op, name, params, n_in, in, 1, &out), POISE_OK);
    if (ps_graph_infer(g, g->n_nodes - 1) != POISE_OK) fail_msg("%s", poise_error_text());
    return out;
}

static int32_t conv(ps_graph *g, int32_t x, int c, int o, int k, int stride, int act, int32_t residual)
{
    ps_conv_params p = {.kernel = {k, k}, .stride = {stride, stride}, .dilation = {1, 1}, .group = 1,
                        .pad = {k / 2, k / 2, k / 2, k / 2}, .fused = {.act = act}};
    int32_t in[4] = {x, constant(g, "w", 4, (int32_t[]){o, c, k, k}), constant(g, "b", 1, &o), residual};
    return add(g, &ps_op_conv, &p, residual < 0 ? 3 : 4, in);
}

static int32_t slice_channels(ps_graph *g, int32_t x, int from, int count)
{
    const ps_value *v = &g->values[x];
    ps_slice_params p = {.rank = 4, .step = {1, 1, 1, 1}};
    memcpy(p.size, v->dim, sizeof p.size);
    p.start[1] = from;
    p.size[1] = count;
    return add(g, &ps_op_slice, &p, 1, &x);
}

static int32_t concat(ps_graph *g, int axis, int n, const int32_t *in)
{
    return add(g, &ps_op_concat, &(ps_axis_params){axis}, n, in);
}

static int32_t reshape(ps_graph *g, int32_t x, int rank, const int32_t *dim)
{
    ps_shape_params p = {.rank = rank};
    memcpy(p.dim, dim, (size_t)rank * sizeof *dim);
    return add(g, &ps_op_reshape, &p, 1, &x);
}

/* A detector in small: stem, a block whose parts are concatenated, a pool, upsampling, two levels whose maps are
 * flattened and joined, a softmax. */
static void build(ps_graph *g)
{
    int32_t x, a, b, c, d, e, f, both;
    assert_int_equal(ps_graph_value(g, "images", &x), POISE_OK);
    g->values[x].type = POISE_F32;
    g->values[x].rank = 4;
    memcpy(g->values[x].dim, (int32_t[]){1, 3, 32, 48}, 16);
    assert_int_equal(ps_graph_input(g, x), POISE_OK);
    a = conv(g, x, 3, 16, 3, 2, PS_ACT_SILU, -1); /* 16 x 16 x 24 */
    b = conv(g, a, 16, 32, 1, 1, PS_ACT_RELU, -1);
    c = slice_channels(g, b, 16, 16);
    d = conv(g, c, 16, 16, 3, 1, PS_ACT_SILU, c);
    e = concat(g, 1, 2, (int32_t[]){b, d}); /* 48 */
    ps_pool_params pool = {.kind = PS_POOL_MAX, .kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}};
    f = add(g, &ps_op_pool, &pool, 1, &e); /* 48 x 8 x 12 */
    f = conv(g, f, 48, 20, 3, 1, PS_ACT_NONE, -1);
    ps_resize_params up = {.mode = PS_RESIZE_NEAREST, .coord = PS_COORD_ASYMMETRIC, .nearest = PS_NEAREST_FLOOR, .rank = 4,
                           .dim = {1, 20, 16, 24}, .scale = {1, 1, 2, 2}};
    a = add(g, &ps_op_resize, &up, 1, &f);
    both = concat(g, 1, 2, (int32_t[]){a, e}); /* 68 */
    b = conv(g, both, 68, 20, 1, 1, PS_ACT_NONE, -1);
    c = reshape(g, b, 3, (int32_t[]){1, 20, 384});
    d = reshape(g, f, 3, (int32_t[]){1, 20, 96});
    e = concat(g, 2, 2, (int32_t[]){c, d});
    f = add(g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, 1}, 1, &e);
    assert_int_equal(ps_graph_output(g, f), POISE_OK);
    assert_int_equal(ps_graph_output(g, e), POISE_OK);
    assert_int_equal(ps_graph_set_meta(g, "task", "detect"), POISE_OK);
}

static void *file;
static size_t file_size;

static int make_file(void **state)
{
    (void)state;
    ps_graph g = {0};
    seed = 1;
    build(&g);
    assert_int_equal(ps_format_write(&g, &file, &file_size), POISE_OK);
    ps_graph_free(&g);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    ps_free(file);
    return 0;
}

enum { OUT = 20 * 480 };

static void run_model(const poise_options *o, float *out)
{
    static float image[3 * 32 * 48];
    poise_model *m;
    poise_session *s;
    if (poise_model_open_memory(file, file_size, o, &m) != POISE_OK) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    seed = 5;
    for (size_t i = 0; i < 3 * 32 * 48; i++) image[i] = uniform();
    for (int again = 0; again < 2; again++) { /* the second run finds what the first left in the arena */
        poise_tensor_write(poise_session_input(s, 0), image);
        size_t before = ps_alloc_count();
        poise_session_run(s);
        assert_int_equal(ps_alloc_count(), before);
        assert_int_equal(poise_tensor_count(poise_session_output(s, 0)), OUT);
        poise_tensor_read(poise_session_output(s, 0), out + again * OUT);
    }
    assert_memory_equal(out, out + OUT, OUT * sizeof *out);
    poise_session_close(s);
    poise_model_close(m);
}

static void every_isa_gives_the_result_of_c(void **state)
{
    (void)state;
    static float want[2 * OUT], got[2 * OUT];
    run_model(&(poise_options){.threads = 1, .isa = "c"}, want);
    for (int i = 0; i < 480; i++) { /* a softmax over the 20 channels */
        double sum = 0;
        for (int c = 0; c < 20; c++) sum += (double)want[c * 480 + i];
        assert_true(fabs(sum - 1) < 1e-5);
    }
    unsigned have = ps_cpu_flags();
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        if ((isa->need & have) != isa->need) continue;
        run_model(&(poise_options){.threads = 1, .isa = isa->name}, got);
        for (int i = 0; i < OUT; i++)
            if (!(fabsf(got[i] - want[i]) < 1e-5f)) fail_msg("%s: element %d is %g, C says %g", isa->name, i, (double)got[i], (double)want[i]);
    }
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    static float one[2 * OUT], many[2 * OUT];
    run_model(&(poise_options){.threads = 1}, one);
    for (int threads = 2; threads <= 8; threads *= 2) {
        run_model(&(poise_options){.threads = threads}, many);
        assert_memory_equal(one, many, OUT * sizeof *one);
    }
}

enum { ROW = 6 };

/* x + constant * every second of another, backwards: two constants that stay as they are, one through a view. */
static void *file_of_constants(size_t *size)
{
    ps_graph g = {0};
    int32_t x, y, c;
    void *bytes;
    assert_int_equal(ps_graph_value(&g, "x", &x), POISE_OK);
    g.values[x].type = POISE_F32;
    g.values[x].rank = 2;
    memcpy(g.values[x].dim, (int32_t[]){1, ROW}, 8);
    assert_int_equal(ps_graph_input(&g, x), POISE_OK);
    c = constant(&g, "far", 2, (int32_t[]){1, 2 * ROW});
    c = add(&g, &ps_op_slice, &(ps_slice_params){.rank = 2, .start = {0, 2 * ROW - 1}, .size = {1, ROW}, .step = {1, -2}}, 1, &c);
    y = add(&g, &ps_op_binary, &(ps_binary_params){PS_BINARY_MUL}, 2, (int32_t[]){c, constant(&g, "near", 2, (int32_t[]){1, ROW})});
    y = add(&g, &ps_op_binary, &(ps_binary_params){PS_BINARY_ADD}, 2, (int32_t[]){x, y});
    assert_int_equal(ps_graph_output(&g, y), POISE_OK);
    assert_int_equal(ps_format_write(&g, &bytes, size), POISE_OK);
    ps_graph_free(&g);
    return bytes;
}

/* Runs and closes a model; of `bytes` (NULL: any) none may be in use. */
static void run_constants(poise_model *m, const uint8_t *bytes, size_t size, float *y)
{
    poise_session *s;
    const float x[ROW] = {1, 2, 3, 4, 5, 6};
    for (int32_t v = 0; bytes && v < m->graph.n_values; v++) {
        const uint8_t *p = m->plan.places[v].tensor.data;
        assert_true(!p || p < bytes || p >= bytes + size);
    }
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    poise_tensor_write(poise_session_input(s, 0), x);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), y);
    poise_session_close(s);
    poise_model_close(m);
}

/* Of a file, or of bytes that are the model's own, nothing is needed once it is open; a caller's memory is used as it is. */
static void constants_leave_the_file(void **state)
{
    (void)state;
    size_t size;
    poise_model *m;
    float want[ROW], got[ROW];
    char path[64];
    seed = 3;
    void *bytes = file_of_constants(&size);
    assert_int_equal(poise_model_open_memory(bytes, size, NULL, &m), POISE_OK);
    run_constants(m, NULL, 0, want);
    snprintf(path, sizeof path, "/tmp/poise-test-model-%d.poise", (int)getpid());
    assert_int_equal(ps_file_write(path, bytes, size), POISE_OK);
    assert_int_equal(poise_model_open(path, &(poise_options){.precision = POISE_FAST}, &m), POISE_OK);
    run_constants(m, m->file.bytes, m->file.size, got); /* constants of its own making are in neither */
    for (int i = 0; i < ROW; i++) assert_true(fabsf(got[i] - want[i]) < 0.1f);
    assert_int_equal(poise_model_open(path, NULL, &m), POISE_OK);
    unlink(path);
    run_constants(m, m->file.bytes, m->file.size, got);
    assert_memory_equal(got, want, sizeof want);
    assert_int_equal(ps_model_adopt(bytes, size, NULL, NULL, &m), POISE_OK);
    run_constants(m, m->own, size, got);
    assert_memory_equal(got, want, sizeof want);
}

/* The two parts of the first concatenation, and the maps joined at the end, are written where they belong. */
static void concatenations_cost_nothing(void **state)
{
    (void)state;
    poise_model *m;
    assert_int_equal(poise_model_open_memory(file, file_size, NULL, &m), POISE_OK);
    const ps_graph *g = &m->graph;
    int in_place = 0, parts = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        if (n->op != &ps_op_concat) continue;
        for (int k = 0; k < n->n_in; k++, parts++)
            in_place += m->plan.places[n->in[k]].block == m->plan.places[n->out[0]].block;
    }
    assert_int_equal(parts, 6);
    assert_true(in_place >= 5); /* the block e is in two concatenations and can be placed in one */
    poise_memory need;
    poise_model_memory(m, &need);
    assert_true(need.arena >= need.lower_bound);
    assert_true((double)need.arena <= 1.1 * (double)need.lower_bound);
    assert_int_equal(need.peak, need.weights + need.arena + need.scratch + need.overhead);
    poise_model_close(m);
}

/* What a file's model and a session of it take, as the account has it; and that much is enough, while a byte less is not. */
static void the_account_is_exact(void **state)
{
    (void)state;
    char path[64];
    poise_model *m;
    poise_session *s;
    poise_memory need;
    snprintf(path, sizeof path, "/tmp/poise-test-%ld.poise", (long)getpid());
    assert_int_equal(ps_file_write(path, file, file_size), POISE_OK);
    size_t before = ps_memory_taken();
    for (int threads = 1; threads <= 4; threads += 3) {
        poise_options o = {.threads = threads};
        ps_memory_mark();
        assert_int_equal(poise_model_open(path, &o, &m), POISE_OK);
        size_t opening = ps_memory_most() - before;
        poise_model_memory(m, &need);
        assert_true(opening <= need.opening || opening <= need.peak);
        assert_int_equal(poise_session_open(m, &s), POISE_OK);
        assert_int_equal(ps_memory_taken() - before, need.peak);
        poise_session_close(s);
        poise_model_close(m);
        assert_int_equal(ps_memory_taken(), before);
        o.max_memory = need.peak > need.opening ? need.peak : need.opening;
        ps_memory_limit(before + (opening > need.peak ? opening : need.peak));
        assert_int_equal(poise_model_open(path, &o, &m), POISE_OK);
        assert_int_equal(poise_session_open(m, &s), POISE_OK);
        assert_int_equal(ps_memory_left(), opening > need.peak ? opening - need.peak : 0);
        poise_session_close(s);
        ps_memory_limit(ps_memory_taken() + ps_alloc_size(poise_session_size(m)) - 1);
        assert_int_equal(poise_session_open(m, &s), POISE_NO_MEMORY);
        poise_model_close(m);
        ps_memory_limit(0);
        o.max_memory--;
        assert_int_equal(poise_model_open(path, &o, &m), POISE_NO_MEMORY);
        assert_int_equal(ps_memory_taken(), before);
    }
    unlink(path);
}

static void sessions_fit_in_the_callers_memory(void **state)
{
    (void)state;
    poise_model *m;
    poise_session *s;
    assert_int_equal(poise_model_open_memory(file, file_size, NULL, &m), POISE_OK);
    size_t size = poise_session_size(m);
    uint8_t *block = ps_alloc(size + 64);
    memset(block + size, 0x5a, 64);
    size_t before = ps_alloc_count();
    assert_int_equal(poise_session_init(m, block, size - 1, &s), POISE_NO_MEMORY);
    assert_int_equal(poise_session_init(m, block + 1, size, &s), POISE_BAD_ARGUMENT);
    assert_int_equal(poise_session_init(m, block, size, &s), POISE_OK);
    memset((void *)poise_session_input(s, 0)->data, 0, 4);
    poise_session_run(s);
    assert_int_equal(ps_alloc_count(), before);
    for (int i = 0; i < 64; i++) assert_int_equal(block[size + (size_t)i], 0x5a);
    poise_session_close(s);
    poise_model_close(m);
    ps_free(block);
}

static void limits_and_names_are_checked_first(void **state)
{
    (void)state;
    poise_model *m;
    assert_int_equal(poise_model_open_memory(file, file_size, &(poise_options){.max_memory = 1000}, &m), POISE_NO_MEMORY);
    assert_non_null(strstr(poise_error_text(), "the limit is 1000"));
    assert_null(m);
    assert_int_equal(poise_model_open_memory(file, file_size, &(poise_options){.isa = "pentium"}, &m), POISE_BAD_ARGUMENT);
    assert_non_null(strstr(poise_error_text(), "this build has c"));
    assert_int_equal(poise_model_open("/nowhere.poise", NULL, &m), POISE_IO);
    assert_non_null(strstr(poise_error_text(), "/nowhere.poise"));
    poise_tensor shape;
    assert_int_equal(poise_model_open_memory(file, file_size, NULL, &m), POISE_OK);
    assert_string_equal(poise_model_input(m, 0, &shape), "images");
    assert_int_equal(shape.dim[3], 48);
    assert_null(poise_model_input(m, 1, &shape));
    assert_string_equal(poise_model_metadata(m, "task"), "detect");
    assert_null(poise_model_metadata(m, "no such key"));
    poise_model_close(m);
}

/* Fails the k-th allocation of open and of a session for k = 0, 1, 2, ... until all succeed. */
static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (long k = 0;; k++) {
        poise_model *m = NULL;
        poise_session *s = NULL;
        ps_alloc_limit(k);
        poise_status st = poise_model_open_memory(file, file_size, NULL, &m);
        if (st == POISE_OK) st = poise_session_open(m, &s);
        ps_alloc_limit(-1);
        poise_session_close(s);
        poise_model_close(m);
        if (st == POISE_OK) {
            assert_true(k > 5);
            return;
        }
        assert_int_equal(st, POISE_NO_MEMORY);
        assert_true(k < 10000);
    }
}

static poise_status open_copy(uint8_t *bytes, size_t size, bool seal)
{
    poise_model *m = NULL;
    if (seal && size >= sizeof(ps_file_header)) {
        uint64_t sum = ps_format_checksum(bytes + sizeof(ps_file_header), size - sizeof(ps_file_header), NULL);
        memcpy(bytes + offsetof(ps_file_header, checksum), &sum, 8);
        memcpy(bytes + offsetof(ps_file_header, file_size), &(uint64_t){size}, 8);
    }
    poise_status s = poise_model_open_memory(bytes, size, NULL, &m);
    if (s != POISE_OK) assert_true(strlen(poise_error_text()) > 5);
    poise_model_close(m);
    return s;
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    uint8_t *copy = ps_alloc(file_size);
    for (size_t size = 0; size < file_size; size += 1 + size / 7) {
        memcpy(copy, file, file_size);
        assert_int_not_equal(open_copy(copy, size, false), POISE_OK);
    }
    for (size_t i = 0; i < file_size; i += 97) {
        memcpy(copy, file, file_size);
        copy[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_not_equal(open_copy(copy, file_size, false), POISE_OK);
    }
    ps_free(copy);
}

/* Random damage with a right checksum: any answer but a crash; sanitizers watch. */
static void hostile_files_do_no_harm(void **state)
{
    (void)state;
    uint8_t *copy = ps_alloc(file_size);
    size_t structure = file_size < 6000 ? file_size : 6000; /* header, tables, lists, parameters */
    seed = 99;
    for (int round = 0; round < 3000; round++) {
        memcpy(copy, file, file_size);
        for (int k = 0; k <= round % 4; k++) {
            seed = seed * 1664525u + 1013904223u;
            size_t at = 12 + (seed >> 8) % (structure - 16);
            static const uint32_t nasty[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 8, 64};
            if (seed & 128) memcpy(copy + at / 4 * 4, &nasty[seed % 8], 4);
            else copy[at] ^= (uint8_t)(1u << (seed % 8));
        }
        open_copy(copy, file_size, true);
    }
    ps_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_isa_gives_the_result_of_c),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(constants_leave_the_file),
        cmocka_unit_test(concatenations_cost_nothing),
        cmocka_unit_test(the_account_is_exact), cmocka_unit_test(sessions_fit_in_the_callers_memory),
        cmocka_unit_test(limits_and_names_are_checked_first),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(hostile_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
