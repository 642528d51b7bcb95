/* tests/test_gate.c - boxes computed only where scores pass: what is found in a graph, and that cells that pass get the
 * same bits. */
#include "tests/graph_build.h"

#include "convert/optimize.h"
#include "models/decode.h"
#include "nn/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 40, BINS = 4, ROWS = 4 + CLASSES, H0 = 37, W0 = 42, H1 = 13, W1 = 9, CELLS = H0 * W0 + H1 * W1 };
static const int32_t side[2][2] = {{H0, W0}, {H1, W1}};

typedef enum head { PLAIN, BRANCH_IS_OUTPUT, CELLS_MIXED, SPLIT_AFTER_JOIN, SOFT_ARGMAX, CODES, CODED_SCORES } head;

static int32_t flat(ps_graph *g, int32_t x)
{
    const ps_value *v = &g->values[x];
    return gb_reshape(g, x, GB_DIMS(1, v->dim[1], v->dim[2] * v->dim[3]));
}

/* A convolution with a window of `kernel`; of codes, to codes of `scale` or with 0 to numbers. */
static int32_t conv(ps_graph *g, head kind, int32_t x, int32_t out, int32_t kernel, float scale)
{
    if (kind < CODES) return gb_conv(g, x, out, kernel, kernel / 2, 1, true);
    int32_t y = gb_conv_int8(g, x, out, kernel, kernel / 2, 1);
    return scale > 0 ? gb_round(g, y, scale, 128) : y;
}

/* A YOLOv8 head on two levels: 3x3, 3x3, 1x1 to the bins of the box, 3x3, 1x1 to the scores. */
static void build(ps_graph *g, head kind)
{
    int32_t box[2], cls[2], first = -1, all_boxes, all_scores;
    for (int l = 0; l < 2; l++) {
        int32_t x = gb_input(g, GB_DIMS(1, 24, side[l][0], side[l][1]));
        if (kind >= CODES) x = gb_round(g, x, 0.0005f, 128);
        int32_t b = conv(g, kind, x, 24, 3, 0.01f);
        if (!l) first = b;
        b = conv(g, kind, conv(g, kind, b, 20, 3, 0.1f), 4 * BINS, 1, 0);
        int32_t c = conv(g, kind, conv(g, kind, x, 16, 3, 0.01f), CLASSES, 1, kind == CODED_SCORES ? 0.1f : 0);
        if (kind == SPLIT_AFTER_JOIN) {
            box[l] = flat(g, gb_concat(g, 1, 2, (int32_t[]){b, c}));
        } else {
            box[l] = flat(g, b);
            cls[l] = flat(g, c);
        }
    }
    all_boxes = gb_concat(g, 2, 2, box);
    if (kind == SPLIT_AFTER_JOIN) {
        all_scores = gb_slice(g, all_boxes, 1, 4 * BINS, CLASSES);
        all_boxes = gb_slice(g, all_boxes, 1, 0, 4 * BINS);
    } else {
        all_scores = gb_concat(g, 2, 2, cls);
    }
    int32_t y = gb_reshape(g, all_boxes, GB_DIMS(1, 4, BINS, CELLS));
    y = gb_transpose(g, y, 4, (int32_t[]){0, 2, 1, 3});
    if (kind == SOFT_ARGMAX) {
        y = gb_node(g, &ps_op_soft_argmax, &(ps_axis_params){1}, 2, (int32_t[]){y, gb_random(g, GB_DIMS(BINS), 0, 3)});
    } else {
        y = gb_node(g, &ps_op_softmax, &(ps_softmax_params){PS_SOFTMAX, kind == CELLS_MIXED ? 3 : 1}, 1, &y);
        y = gb_conv(g, y, 1, 1, 0, 1, false);
    }
    y = gb_reshape(g, y, GB_DIMS(1, 4, CELLS));
    y = gb_binary(g, PS_BINARY_MUL, y, gb_random(g, GB_DIMS(1, 1, CELLS), 1, 8));
    int32_t scores = gb_unary(g, PS_ACT_SIGMOID, 0, 0, all_scores);
    gb_output(g, gb_concat(g, 1, 2, (int32_t[]){y, scores}));
    if (kind == BRANCH_IS_OUTPUT) gb_output(g, first);
}

static poise_model *open_kind(head kind, int threads)
{
    ps_graph g = {0};
    void *bytes;
    size_t size;
    poise_model *m;
    build(&g, kind);
    if (kind >= CODES) {
        assert_int_equal(ps_optimize(&g), POISE_OK);
        assert_int_equal(g.values[gb_first(&g, &ps_op_conv)->in[0]].type, POISE_U8);
    }
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    ps_graph_free(&g);
    if (ps_model_adopt(bytes, size, NULL, &(poise_options){.threads = threads}, &m)) fail_msg("%s", poise_error_text());
    return m;
}

static void finds_branches(void **state)
{
    (void)state;
    static const struct {
        head kind;
        int nodes;
    } cases[] = {{PLAIN, 6}, {SPLIT_AFTER_JOIN, 6}, {BRANCH_IS_OUTPUT, 5}, {CELLS_MIXED, 0}, {SOFT_ARGMAX, 6}, {CODES, 6},
                 {CODED_SCORES, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        poise_model *m = open_kind(cases[i].kind, 1);
        if (m->gate.n_nodes != cases[i].nodes)
            fail_msg("case %zu: %d nodes, not %d", i, m->gate.n_nodes, cases[i].nodes);
        assert_int_equal(m->gate.first_row, 4);
        assert_int_equal(m->gate.n_rows, CLASSES);
        assert_int_equal(m->gate.n_levels, 2);
        assert_int_equal(m->graph.values[m->gate.level[0].value].type, cases[i].kind == CODED_SCORES ? POISE_U8 : POISE_F32);
        poise_model_close(m);
    }
}

static void fill(poise_session *s, uint32_t seed)
{
    static float x[24 * H0 * W0];
    for (int l = 0; l < 2; l++) {
        const poise_tensor *t = poise_session_input(s, l);
        for (size_t i = 0; i < poise_tensor_count(t); i++) {
            seed = seed * 1664525u + 1013904223u;
            x[i] = 0.05f * ((float)(seed >> 8) / 8388608.0f - 1.0f);
        }
        poise_tensor_write(t, x);
    }
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float best_of(const float *out, int cell)
{
    float best = 0;
    for (int c = 0; c < CLASSES; c++)
        if (out[(4 + c) * CELLS + cell] > best) best = out[(4 + c) * CELLS + cell];
    return best;
}

/* Runs one picture with and without the gate, after another picture so that what is left out shows. */
static void compare(head kind, int threads, float share)
{
    static float whole[ROWS * CELLS], part[ROWS * CELLS], best[CELLS];
    poise_model *m = open_kind(kind, threads);
    poise_session *s;
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    fill(s, 1);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), whole);
    assert_true(s->marked < 0);
    for (int i = 0; i < CELLS; i++) best[i] = best_of(whole, i);
    qsort(best, CELLS, sizeof *best, rising);
    float least = best[(int)((1 - share) * (CELLS - 1))];
    fill(s, 2);
    poise_session_run(s);
    fill(s, 1);
    ps_session_run_gated(s, ps_logit(least - 1e-6f) - 1e-3f);
    poise_tensor_read(poise_session_output(s, 0), part);
    int passed = 0, stale = 0;
    for (int i = 0; i < CELLS; i++) {
        bool pass = best_of(whole, i) >= least, same = true;
        for (int r = 0; r < ROWS; r++) {
            bool equal = !memcmp(&whole[r * CELLS + i], &part[r * CELLS + i], sizeof(float));
            if (r >= 4) assert_true(equal); /* scores are always computed */
            same = same && equal;
        }
        if (pass && !same) fail_msg("kind %d, %d threads, share %g: cell %d differs", kind, threads, (double)share, i);
        passed += pass;
        stale += !same;
    }
    if (passed < (int)(share * CELLS) || (m->gate.n_nodes && s->marked < passed))
        fail_msg("kind %d, share %g: %d passed, %lld marked, least %g", kind, (double)share, passed, (long long)s->marked, (double)least);
    if (share < 0.1f && kind != CELLS_MIXED) assert_true(stale > CELLS / 4);
    fill(s, 1);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), part);
    assert_memory_equal(part, whole, sizeof part);
    poise_session_close(s);
    poise_model_close(m);
}

static void same_bits_where_scores_pass(void **state)
{
    (void)state;
    static const float share[] = {0.002f, 0.05f, 0.4f, 1};
    for (int k = PLAIN; k <= CODED_SCORES; k++)
        for (int threads = 1; threads <= 3; threads += 2)
            for (int i = 0; i < 4; i++) compare((head)k, threads, share[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_branches),
        cmocka_unit_test(same_bits_where_scores_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
