/* tests/packed_net.c - networks with every kind of packed weights as files, packed for a target, opened and run. */
#include "tests/packed_net.h"

#include "convert/optimize.h"

#include <string.h>

void pn_drop(pn_file *b)
{
    ps_free(b->at);
    *b = (pn_file){0};
}

pn_file pn_copy_of(const pn_file *b)
{
    pn_file c = {ps_alloc(b->size), b->size};
    assert_non_null(c.at);
    memcpy(c.at, b->at, b->size);
    return c;
}

pn_file pn_file_of(ps_graph *g)
{
    pn_file b;
    void *at;
    OK(ps_format_write(g, &at, &b.size));
    b.at = at;
    ps_graph_free(g);
    return b;
}

pn_file pn_pack(const pn_file *plain, const char *targets, bool only)
{
    pn_file b;
    void *at;
    if (poise_pack(plain->at, plain->size, targets, only, &at, &b.size)) fail_msg("%s", poise_error_text());
    b.at = at;
    return b;
}

/* ---- networks with every kind of packed weights ---- */

enum { SIDE = 24 };

static int32_t transposed(ps_graph *g, int32_t x, int32_t out)
{
    ps_conv_transpose_params p = {.kernel = {3, 3}, .stride = {2, 2}, .dilation = {1, 1}, .pad = {1, 1, 1, 1},
                                  .out_pad = {1, 1}, .group = 1};
    int32_t in[2] = {x, gb_random(g, GB_DIMS(g->values[x].dim[1], out, 3, 3), -0.1f, 0.1f)};
    return gb_node(g, &ps_op_conv_transpose, &p, 2, in);
}

pn_file pn_float_net(void)
{
    ps_graph g = {0};
    gb_seed(11);
    int32_t x = gb_input(&g, GB_DIMS(1, 16, SIDE, SIDE));
    x = gb_unary(&g, PS_ACT_RELU, 0, 0, gb_conv(&g, x, 40, 3, 1, 1, true));
    x = gb_conv(&g, x, 40, 3, 1, 40, true);
    x = gb_binary(&g, PS_BINARY_ADD, x, gb_random(&g, GB_DIMS(1, 40, SIDE, SIDE), -1, 1));
    x = gb_conv(&g, x, 34, 3, 1, 2, true);
    x = gb_conv(&g, transposed(&g, x, 18), 7, 1, 0, 1, false);
    x = gb_matmul(&g, gb_reshape(&g, x, GB_DIMS(1, 7, 4 * SIDE * SIDE)), 33);
    gb_output(&g, gb_unary(&g, PS_ACT_SILU, 0, 0, x));
    return pn_file_of(&g);
}

pn_file pn_int8_net(void)
{
    ps_graph g = {0};
    gb_seed(12);
    int32_t x = gb_round(&g, gb_input(&g, GB_DIMS(1, 16, SIDE, SIDE)), 0.02f, 128);
    x = gb_round(&g, gb_conv_int8(&g, x, 32, 3, 1, 1), 2.5f, 120);
    x = gb_round(&g, gb_conv_int8(&g, x, 32, 3, 1, 32), 5.0f, 128);
    x = gb_round(&g, gb_conv_int8(&g, x, 13, 1, 0, 1), 20.0f, 100);
    x = gb_round(&g, gb_unary(&g, PS_ACT_SIGMOID, 0, 0, x), 1.0f / 256, 0);
    gb_output(&g, gb_mean(&g, x, 1 << 2 | 1 << 3));
    OK(ps_optimize(&g));
    return pn_file_of(&g);
}

static pn_file small_net(int type)
{
    pn_file plain = pn_float_net(), b;
    void *at;
    OK(poise_store_weights(plain.at, plain.size, type ? POISE_I8 : POISE_F16, &at, &b.size));
    b.at = at;
    pn_drop(&plain);
    return b;
}

pn_file pn_net_of(int i)
{
    return i == 0 ? pn_float_net() : i == 1 ? pn_int8_net() : small_net(i - 2);
}

/* ---- running ---- */

void pn_run_opened(poise_model *m, pn_result *r)
{
    poise_session *s;
    static float image[16 * SIDE * SIDE];
    for (size_t i = 0; i < sizeof image / sizeof *image; i++) image[i] = (float)(i * 7919 % 1000) / 500 - 1;
    OK(poise_session_open(m, &s));
    poise_tensor_write(poise_session_input(s, 0), image);
    poise_session_run(s);
    r->n = poise_tensor_count(poise_session_output(s, 0));
    assert_in_range(r->n, 1, PN_OUT_MOST);
    poise_tensor_read(poise_session_output(s, 0), r->y);
    poise_session_close(s);
}

poise_model *pn_opened(const pn_file *b, poise_precision p)
{
    poise_model *m;
    poise_options o = {.threads = 1, .precision = p};
    if (poise_model_open_memory(b->at, b->size, &o, &m)) fail_msg("%s", poise_error_text());
    return m;
}

void pn_run(const pn_file *b, poise_precision p, pn_result *r)
{
    poise_model *m = pn_opened(b, p);
    pn_run_opened(m, r);
    poise_model_close(m);
}

void pn_same(const pn_result *a, const pn_result *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->y, b->y, a->n * sizeof *a->y);
}

void pn_all_ready(const poise_model *m, const uint8_t *at, size_t size)
{
    assert_true(m->n_packed > 1);
    assert_int_equal(m->n_ready, m->n_packed);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const uint8_t *p = m->packed[i];
        if (!m->graph.nodes[i].op->layout) continue;
        assert_true(p >= at && p < at + size);
        assert_int_equal((size_t)p % PS_ALIGN, 0);
    }
}

void pn_write_precision(pn_file *b, poise_precision p)
{
    ps_graph g = {0};
    OK(ps_format_read(&g, b->at, b->size));
    OK(ps_graph_set_meta(&g, PS_PRECISION_KEY, poise_precision_name(p)));
    pn_file written = pn_file_of(&g);
    pn_drop(b);
    *b = written;
}
