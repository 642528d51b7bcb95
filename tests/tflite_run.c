/* tests/tflite_run.c - a TFLite file through the reader, the optimiser, a model and a run. */
#include "tests/tflite_run.h"

#include "convert/optimize.h"
#include "convert/tflite.h"
#include "nn/session.h"

tfl t;
double tr_in[TFL_PORTS][TR_MOST], tr_got[TR_MOST];
int tr_n_got;

void tr_fresh(void)
{
    t = (tfl){0};
    for (int i = 0; i < TFL_PORTS; i++)
        for (int k = 0; k < TR_MOST; k++) tr_in[i][k] = ((k * 29 + i * 13 + 7) % 64 - 32) / 8.0;
}

static void store(const poise_tensor *to, const double *v)
{
    static double raw[TR_MOST]; /* row-major, of the tensor's type */
    size_t n = poise_tensor_count(to);
    for (size_t i = 0; i < n; i++) {
        switch (to->type) {
        case POISE_F32: ((float *)raw)[i] = (float)v[i]; break;
        case POISE_I32: ((int32_t *)raw)[i] = (int32_t)v[i]; break;
        case POISE_I64: ((int64_t *)raw)[i] = (int64_t)v[i]; break;
        case POISE_I8: ((int8_t *)raw)[i] = (int8_t)v[i]; break;
        default: ((uint8_t *)raw)[i] = (uint8_t)v[i]; break;
        }
    }
    poise_tensor_write(to, raw);
}

static void load(const poise_tensor *from)
{
    static double raw[TR_MOST];
    size_t n = poise_tensor_count(from);
    assert_true(tr_n_got + (int)n <= TR_MOST);
    poise_tensor_read(from, raw);
    for (size_t i = 0; i < n; i++) {
        double *v = &tr_got[tr_n_got++];
        switch (from->type) {
        case POISE_F32: *v = (double)((const float *)raw)[i]; break;
        case POISE_I32: *v = ((const int32_t *)raw)[i]; break;
        case POISE_I64: *v = (double)((const int64_t *)raw)[i]; break;
        case POISE_I8: *v = ((const int8_t *)raw)[i]; break;
        default: *v = ((const uint8_t *)raw)[i]; break;
        }
    }
}

void tr_run_bytes(void *bytes, size_t size, bool optimise)
{
    ps_graph g = {0};
    size_t n = 0;
    void *file = NULL;
    poise_model *m;
    poise_session *s;
    if (ps_tflite_read(&g, bytes, size, NULL) != POISE_OK || (optimise && ps_optimize(&g) != POISE_OK) ||
        ps_format_write(&g, &file, &n) != POISE_OK)
        fail_msg("%s", poise_error_text());
    ps_graph_free(&g);
    ps_free(bytes);
    if (poise_model_open_memory(file, n, &(poise_options){.threads = 1}, &m) != POISE_OK) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    for (int i = 0; i < poise_model_inputs(m); i++) store(poise_session_input(s, i), tr_in[i]);
    poise_session_run(s);
    tr_n_got = 0;
    for (int i = 0; i < poise_model_outputs(m); i++) load(poise_session_output(s, i));
    poise_session_close(s);
    poise_model_close(m);
    ps_free(file);
}

void tr_run(bool optimise)
{
    size_t size;
    void *bytes = tfl_finish(&t, &size);
    tr_run_bytes(bytes, size, optimise);
}

void tr_expect(int n, const double *want, double tolerance)
{
    for (int optimise = 0; optimise < 2; optimise++) {
        tr_run(optimise);
        assert_int_equal(tr_n_got, n);
        for (int i = 0; i < n; i++)
            if (!(fabs(tr_got[i] - want[i]) <= tolerance * (1 + fabs(want[i]))))
                fail_msg("operator %d, %s: element %d is %g, it should be %g", t.node[0].code,
                         optimise ? "optimised" : "as it is", i, tr_got[i], want[i]);
    }
}

int tr_ints(int n, const int32_t *v)
{
    return tfl_constant(&t, TFL_I32, TFL_DIMS(n), v);
}

bool tr_has(const ps_op *op)
{
    ps_graph g = {0};
    size_t size;
    void *bytes = tfl_finish(&t, &size);
    bool has = false;
    if (ps_tflite_read(&g, bytes, size, NULL) != POISE_OK) fail_msg("%s", poise_error_text());
    for (int32_t i = 0; i < g.n_nodes; i++) has |= g.nodes[i].op == op;
    ps_graph_free(&g);
    ps_free(bytes);
    return has;
}

void tr_says(poise_status want, const char *part)
{
    ps_graph g = {0};
    size_t size;
    void *bytes = tfl_finish(&t, &size);
    poise_status s = ps_tflite_read(&g, bytes, size, NULL);
    if (s != want || !strstr(poise_error_text(), part)) fail_msg("%d: '%s' does not say '%s'", s, poise_error_text(), part);
    ps_graph_free(&g);
    ps_free(bytes);
}
