/* tests/test_quantize.c - the quantiser on small networks: ranges, weights, equalisation, biases, what stays float, files. */
#include "convert/quantizer.h"
#include "tests/graph_build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ps_graph g;

static int set_up(void **state)
{
    (void)state;
    g = (ps_graph){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ps_graph_free(&g);
    return 0;
}

static void ok(poise_status s)
{
    if (s != POISE_OK) fail_msg("%s", poise_error_text());
}

static float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / (float)(1 << 24);
}

/* ---- ranges ---- */

/* 10000 numbers of -1..1 and one of `far`. */
static ps_seen spread_out(float far, uint32_t *bins)
{
    uint32_t seed = 7;
    ps_seen s = {.lo = -1, .hi = far, .bins = bins};
    memset(bins, 0, PS_BINS * sizeof *bins);
    for (int i = 0; i < 10000; i++) {
        float x = 2 * noise(&seed) - 1;
        bins[(int)((x - s.lo) / (s.hi - s.lo) * (PS_BINS - 1))]++;
    }
    bins[PS_BINS - 1]++;
    return s;
}

static void ranges_leave_out_what_is_rare(void **state)
{
    (void)state;
    static uint32_t bins[PS_BINS];
    float lo, hi;
    ps_seen s = spread_out(30, bins);
    const ps_seen *all = &s;
    ok(ps_range_choose(POISE_RANGES_MINMAX, &all, 1, &lo, &hi));
    assert_true(lo == -1 && hi == 30);
    s.bins[PS_BINS - 1] = 0; /* nothing of 20000 there: the percentile stops at 1 */
    ok(ps_range_choose(POISE_RANGES_PERCENTILE, &all, 1, &lo, &hi));
    assert_true(fabsf(hi - 1) < 0.05f && fabsf(lo + 1) < 0.05f);
    s = spread_out(3, bins); /* worth its error: cutting one number of 3 costs less than wider steps for 10000 */
    ok(ps_range_choose(POISE_RANGES_MSE, &all, 1, &lo, &hi));
    assert_true(hi < 3 && hi > 0.9f && lo < -0.9f);
}

static void codes_hold_zero_exactly(void **state)
{
    (void)state;
    const float lo[] = {-0.278f, 0, -5, 0, -1}, hi[] = {9.3f, 6, 0, 0, 0.001f};
    for (int i = 0; i < 5; i++) {
        ps_code c;
        ps_range_code(lo[i], hi[i], &c);
        assert_true(c.scale > 0 && c.zero >= 0 && c.zero <= 255);
        assert_true(fabsf(c.scale * (float)(255 - c.zero) - hi[i]) <= (hi[i] > lo[i] ? c.scale : 1));
        assert_true(fabsf(-c.scale * (float)c.zero - lo[i]) <= c.scale);
    }
}

/* ---- weights ---- */

static void pairs_of_weights_fit_sixteen_bits(void **state)
{
    (void)state;
    enum { TAPS = 9, C = 21 };
    float w[TAPS * C];
    int8_t codes[TAPS * C], full[TAPS * C];
    uint32_t seed = 3;
    double cost[2] = {0};
    for (int round = 0; round < 200; round++) {
        bool clip = round % 2;
        for (int i = 0; i < TAPS * C; i++) w[i] = (noise(&seed) - (round % 3 ? 0.5f : 0.2f)) * (noise(&seed) < 0.1f ? 4 : 1);
        float s = ps_quantize_row(w, TAPS, C, true, clip, codes), f = ps_quantize_row(w, TAPS, C, false, clip, full);
        double narrow = 0, wide = 0;
        for (int t = 0; t < TAPS; t++)
            for (int i = 0; i < C; i++) {
                int a = codes[t * C + i], b = i % 2 == 0 && i + 1 < C ? codes[t * C + i + 1] : 0;
                int up = (a > 0 ? a : 0) + (b > 0 ? b : 0), down = (a < 0 ? -a : 0) + (b < 0 ? -b : 0);
                assert_true(255 * up <= 32767 && 255 * down <= 32767);
                narrow += pow((double)(w[t * C + i] - s * (float)a), 2);
                wide += pow((double)(w[t * C + i] - f * (float)full[t * C + i]), 2);
            }
        cost[0] += wide;
        cost[1] += narrow;
    }
    assert_true(cost[0] < cost[1]); /* the rule has its price */
}

static void clipped_weights_are_nearer(void **state)
{
    (void)state;
    enum { N = 256 };
    float w[N];
    int8_t codes[N];
    uint32_t seed = 5;
    double sum[2] = {0};
    for (int i = 0; i < N; i++) w[i] = (noise(&seed) + noise(&seed) + noise(&seed) - 1.5f) * (i ? 1 : 6);
    for (int clip = 0; clip < 2; clip++) {
        float s = ps_quantize_row(w, 1, N, false, clip, codes);
        for (int i = 0; i < N; i++) sum[clip] += pow((double)(w[i] - s * (float)codes[i]), 2);
    }
    assert_true(sum[1] <= sum[0]);
}

/* ---- whole networks ---- */

static poise_status fill_noise(void *ctx, int sample, poise_session *s)
{
    const poise_tensor *t = poise_session_input(s, 0);
    uint32_t seed = (uint32_t)sample * 77 + 1;
    size_t n = poise_tensor_count(t);
    float *x = ps_alloc_array(n, sizeof *x);
    uint8_t *codes = ps_alloc(n);
    (void)ctx;
    for (size_t i = 0; i < n; i++) {
        codes[i] = (uint8_t)rintf(noise(&seed) * 255);
        x[i] = (float)codes[i] / 255;
    }
    if (t->type == POISE_U8) poise_tensor_write(t, codes); /* once quantised, pixels are its input */
    else poise_tensor_write(t, x);
    ps_free(x);
    ps_free(codes);
    return POISE_OK;
}

static poise_quantize_options options(void)
{
    return (poise_quantize_options){.fill = fill_noise, .samples = 4, .threads = 1};
}

static void *bytes_of(size_t *size)
{
    void *bytes;
    ok(ps_format_write(&g, &bytes, size));
    return bytes;
}

static int32_t conv_act(int32_t x, int32_t out, int32_t kernel, int32_t group, int act, float b)
{
    int32_t y = gb_conv(&g, x, out, kernel, kernel / 2, group, true);
    ps_conv_params *p = g.nodes[g.n_nodes - 1].params;
    p->fused = (ps_fused){.act = act, .b = b};
    return y;
}

/* Two heads over a concatenation of two branches. */
static void build_detector(void)
{
    int32_t x = conv_act(gb_input(&g, GB_DIMS(1, 3, 16, 16)), 8, 3, 1, PS_ACT_SILU, 0);
    int32_t a = gb_slice(&g, x, 1, 0, 4), b = conv_act(gb_slice(&g, x, 1, 4, 4), 4, 3, 1, PS_ACT_SILU, 0);
    int32_t y = conv_act(gb_concat(&g, 1, 2, (int32_t[]){a, b}), 8, 1, 1, PS_ACT_SILU, 0);
    gb_output(&g, conv_act(y, 4, 1, 1, PS_ACT_NONE, 0));
    gb_output(&g, gb_unary(&g, PS_ACT_SIGMOID, 0, 0, conv_act(y, 5, 1, 1, PS_ACT_NONE, 0)));
}

/* Runs bytes on sample 9 and gives output k, dense. */
static float *answer(const void *bytes, size_t size, int k, size_t *n)
{
    poise_model *m;
    poise_session *s;
    ok(poise_model_open_memory(bytes, size, &(poise_options){.threads = 1}, &m));
    ok(poise_session_open(m, &s));
    ok(fill_noise(NULL, 9, s));
    poise_session_run(s);
    const poise_tensor *t = poise_session_output(s, k);
    assert_int_equal(t->type, POISE_F32);
    *n = poise_tensor_count(t);
    float *y = ps_alloc_array(*n, sizeof *y);
    poise_tensor_read(t, y);
    poise_session_close(s);
    poise_model_close(m);
    return y;
}

/* Signal to noise of output k. */
static double quality(const void *a, size_t na, const void *b, size_t nb, int k, double *mean_error)
{
    size_t n;
    float *x = answer(a, na, k, &n), *y = answer(b, nb, k, &n);
    double power = 0, error = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        power += (double)(x[i] * x[i]);
        error += (double)((x[i] - y[i]) * (x[i] - y[i]));
        sum += (double)(y[i] - x[i]);
    }
    if (mean_error) *mean_error = fabs(sum / (double)n);
    ps_free(x);
    ps_free(y);
    return 10 * log10(power / error);
}

static void a_network_keeps_its_answers(void **state)
{
    (void)state;
    size_t size, made_size;
    void *made;
    poise_quantized r;
    build_detector();
    void *bytes = bytes_of(&size);
    poise_quantize_options o = options();
    ok(poise_quantize(bytes, size, &o, &made, &made_size, &r));
    assert_int_equal(r.n_layers, 5);
    assert_int_equal(r.n_outputs, 2);
    for (int k = 0; k < 2; k++) {
        double db = quality(bytes, size, made, made_size, k, NULL);
        assert_true(db > 25);
        assert_true(fabs(db - r.output_db[k]) < 6); /* the report said so */
    }
    assert_true(r.float_macs >= 0 && r.float_macs <= 0.05);
    poise_free(r.memory);
    poise_free(made);
    ps_free(bytes);
}

static void heads_write_floats_and_concatenations_share_a_scale(void **state)
{
    (void)state;
    size_t size;
    build_detector();
    void *bytes = bytes_of(&size);
    poise_quantize_options o = options();
    ps_quantizer q = {.o = &o};
    ok(ps_quantizer_open(&q, bytes, size));
    ok(ps_quantize_find(&q));
    ok(ps_calibrate_ranges(&q));
    ok(ps_calibrate_histograms(&q));
    ok(ps_quantize_scales(&q));
    const ps_graph *m = &q.model->graph;
    for (int32_t i = 0; i < m->n_nodes; i++) {
        const ps_node *n = &m->nodes[i];
        const ps_code *y = &q.code[n->out[0]];
        if (n->op == &ps_op_unary) assert_false(y->on || q.code[n->in[0]].on);
        if (n->op != &ps_op_concat) continue;
        assert_true(y->on);
        for (int k = 0; k < n->n_in; k++) {
            assert_true(q.code[n->in[k]].on);
            assert_true(q.code[n->in[k]].scale >= y->scale && q.code[n->in[k]].scale <= y->scale);
            assert_int_equal(q.code[n->in[k]].zero, y->zero);
        }
    }
    for (int32_t k = 0; k < m->n_outputs; k++) assert_false(q.code[m->outputs[k]].on);
    const ps_code *in = &q.code[m->inputs[0]]; /* pixels in 0..1: nothing is rounded */
    assert_true(in->on && fabsf(in->scale - 1 / 255.0f) < 1e-9f && in->zero == 0);
    ps_quantizer_close(&q);
    ps_free(bytes);
}

/* ---- equalisation ---- */

static float *outputs_of(ps_quantizer *q, size_t *n)
{
    ok(ps_calibrate_fill(q, 9));
    poise_session_run(q->session);
    const poise_tensor *t = poise_session_output(q->session, 0);
    *n = poise_tensor_count(t);
    float *y = ps_alloc_array(*n, sizeof *y);
    poise_tensor_read(t, y);
    return y;
}

/* conv + activation, depthwise, conv; channels of the first differ by up to 64 times. */
static void build_depthwise(int act, float top)
{
    int32_t x = conv_act(gb_input(&g, GB_DIMS(1, 3, 12, 12)), 8, 1, 1, act, top);
    float *w = (float *)(uintptr_t)g.values[g.nodes[0].in[1]].data, *b = (float *)(uintptr_t)g.values[g.nodes[0].in[2]].data;
    for (int c = 0; c < 8; c++)
        for (int i = 0; i < 4; i++) *(i < 3 ? &w[c * 3 + i] : &b[c]) *= exp2f((float)c - 6);
    gb_output(&g, conv_act(conv_act(x, 8, 3, 8, act, top), 4, 1, 1, PS_ACT_NONE, 0));
}

static void equal_channels_are_the_same_network(void **state)
{
    (void)state;
    static const struct { int act; float top; } cases[] = {{PS_ACT_RELU, 0}, {PS_ACT_CLIP, 6}, {PS_ACT_NONE, 0}};
    for (int i = 0; i < 3; i++) {
        size_t size, n;
        double db[2];
        g = (ps_graph){0};
        build_depthwise(cases[i].act, cases[i].top);
        void *bytes = bytes_of(&size);
        poise_quantize_options o = options();
        ps_quantizer q = {.o = &o};
        ok(ps_quantizer_open(&q, bytes, size));
        float *before = outputs_of(&q, &n);
        ok(ps_quantize_equalise(&q));
        float *after = outputs_of(&q, &n), most = 0;
        assert_int_equal(q.equalised, 1);
        for (size_t k = 0; k < n; k++) most = fmaxf(most, fabsf(before[k]));
        for (size_t k = 0; k < n; k++) assert_true(fabsf(before[k] - after[k]) <= 1e-5f * most);
        ps_free(before);
        ps_free(after);
        ps_quantizer_close(&q);
        for (int without = 0; without < 2; without++) {
            void *made;
            size_t made_size;
            o.no_equalise = without;
            o.float_budget = -1;
            ok(poise_quantize(bytes, size, &o, &made, &made_size, NULL));
            db[without] = quality(bytes, size, made, made_size, 0, NULL);
            poise_free(made);
        }
        assert_true(db[0] > db[1]);
        ps_free(bytes);
        ps_graph_free(&g);
    }
}

static void an_activation_that_bends_is_not_equalised(void **state)
{
    (void)state;
    size_t size;
    build_depthwise(PS_ACT_SILU, 0);
    void *bytes = bytes_of(&size);
    poise_quantize_options o = options();
    ps_quantizer q = {.o = &o};
    ok(ps_quantizer_open(&q, bytes, size));
    ok(ps_quantize_equalise(&q));
    assert_int_equal(q.equalised, 0);
    ps_quantizer_close(&q);
    ps_free(bytes);
}

/* ---- biases ---- */

static void corrected_biases_bring_the_mean_back(void **state)
{
    (void)state;
    size_t size;
    int32_t x = gb_input(&g, GB_DIMS(1, 3, 16, 16));
    gb_output(&g, conv_act(x, 16, 3, 1, PS_ACT_NONE, 0));
    float *w = (float *)(uintptr_t)g.values[g.nodes[0].in[1]].data;
    for (int i = 0; i < 16 * 27; i++) /* whatever is not the largest is rounded the same way */
        w[i] = i % 27 ? 0.004f : 1;
    void *bytes = bytes_of(&size);
    double error[2];
    for (int without = 0; without < 2; without++) {
        void *made;
        size_t made_size;
        poise_quantize_options o = options();
        o.no_bias = without;
        o.no_clip = 1;
        ok(poise_quantize(bytes, size, &o, &made, &made_size, NULL));
        quality(bytes, size, made, made_size, 0, &error[without]);
        poise_free(made);
    }
    assert_true(error[0] < 0.1 * error[1]);
    ps_free(bytes);
}

/* ---- wishes and refusals ---- */

static void refuse(const void *bytes, size_t size, const poise_quantize_options *o, poise_status s, const char *says)
{
    void *made = NULL;
    size_t made_size;
    assert_int_equal(poise_quantize(bytes, size, o, &made, &made_size, NULL), s);
    assert_null(made);
    if (!strstr(poise_error_text(), says)) fail_msg("'%s' lacks '%s'", poise_error_text(), says);
}

static void layers_stay_float_by_wish(void **state)
{
    (void)state;
    size_t size, made_size;
    void *made;
    poise_quantized r;
    build_detector();
    for (int32_t i = 0, k = 0; i < g.n_nodes; i++)
        if (g.nodes[i].op == &ps_op_conv) {
            char *name = ps_heap_push(&g.heap, 32);
            snprintf(name, 32, "/layer.%d/conv", k++);
            g.nodes[i].name = name;
        }
    void *bytes = bytes_of(&size);
    poise_quantize_options o = options();
    o.keep_float = (const char *[]){"/layer.1/*", "*.?/conv"};
    o.n_keep_float = 1;
    ok(poise_quantize(bytes, size, &o, &made, &made_size, &r));
    for (int i = 0; i < r.n_layers; i++) assert_int_equal(r.layers[i].integer, strcmp(r.layers[i].name, "/layer.1/conv") != 0);
    poise_free(r.memory);
    poise_free(made);
    o.keep_float = (const char *[]){"*.9/*"};
    refuse(bytes, size, &o, POISE_BAD_ARGUMENT, "'*.9/*'");
    ps_free(bytes);
}

static poise_status fill_broken(void *ctx, int sample, poise_session *s)
{
    ok(fill_noise(ctx, sample, s));
    ((float *)poise_session_input(s, 0)->data)[5] = NAN;
    return POISE_OK;
}

static poise_status fill_fails(void *ctx, int sample, poise_session *s)
{
    (void)ctx;
    (void)s;
    return sample == 2 ? ps_fail(POISE_IO, "the picture is torn") : POISE_OK;
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    size_t size, made_size;
    void *made;
    build_detector();
    void *bytes = bytes_of(&size);
    poise_quantize_options o = options();
    ok(poise_quantize(bytes, size, &o, &made, &made_size, NULL));
    refuse(made, made_size, &o, POISE_BAD_ARGUMENT, "quantised already");
    poise_free(made);
    o.samples = 0;
    refuse(bytes, size, &o, POISE_BAD_ARGUMENT, "samples");
    o = options();
    o.fill = fill_broken;
    refuse(bytes, size, &o, POISE_BAD_ARGUMENT, "not a number");
    o.fill = fill_fails;
    refuse(bytes, size, &o, POISE_IO, "calibration sample 2: the picture is torn");
    refuse("POISE", 5, &o, POISE_BAD_MODEL, "");
    ps_free(bytes);
    ps_graph_free(&g);
    gb_output(&g, gb_unary(&g, PS_ACT_RELU, 0, 0, gb_input(&g, GB_DIMS(1, 3, 4, 4))));
    bytes = bytes_of(&size);
    o = options();
    refuse(bytes, size, &o, POISE_UNSUPPORTED, "nothing to quantise");
    ps_free(bytes);
}

/* ---- weights alone ---- */

static void weights_are_stored_in_fewer_bytes(void **state)
{
    (void)state;
    static const struct { poise_type type; double db; } cases[] = {{POISE_F16, 60}, {POISE_I8, 35}};
    int32_t x = conv_act(gb_input(&g, GB_DIMS(1, 3, 8, 8)), 32, 3, 1, PS_ACT_SILU, 0);
    x = gb_reshape(&g, conv_act(conv_act(x, 32, 3, 32, PS_ACT_RELU, 0), 16, 1, 1, PS_ACT_RELU, 0), GB_DIMS(16, 64));
    gb_output(&g, gb_matmul(&g, x, 128));
    size_t size, made_size;
    void *bytes = bytes_of(&size), *made;
    for (int i = 0; i < 2; i++) {
        ok(poise_store_weights(bytes, size, cases[i].type, &made, &made_size));
        assert_true(made_size < size);
        assert_true(quality(bytes, size, made, made_size, 0, NULL) > cases[i].db);
        assert_int_equal(poise_store_weights(made, made_size, POISE_F16, &(void *){NULL}, &(size_t){0}), POISE_BAD_ARGUMENT);
        poise_quantize_options o = options();
        refuse(made, made_size, &o, POISE_BAD_ARGUMENT, "already");
        poise_free(made);
    }
    assert_int_equal(poise_store_weights(bytes, size, POISE_BF16, &made, &made_size), POISE_BAD_ARGUMENT);
    ps_free(bytes);
}

static void a_weight_beyond_f16_is_refused(void **state)
{
    (void)state;
    size_t size, made_size;
    void *made;
    gb_output(&g, gb_matmul(&g, gb_input(&g, GB_DIMS(2, 4)), 3));
    ((float *)(uintptr_t)g.values[g.nodes[0].in[1]].data)[5] = -70000;
    void *bytes = bytes_of(&size);
    assert_int_equal(poise_store_weights(bytes, size, POISE_F16, &made, &made_size), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "-70000"));
    ps_free(bytes);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(ranges_leave_out_what_is_rare),
        T(codes_hold_zero_exactly),
        T(pairs_of_weights_fit_sixteen_bits),
        T(clipped_weights_are_nearer),
        T(a_network_keeps_its_answers),
        T(heads_write_floats_and_concatenations_share_a_scale),
        T(equal_channels_are_the_same_network),
        T(an_activation_that_bends_is_not_equalised),
        T(corrected_biases_bring_the_mean_back),
        T(layers_stay_float_by_wish),
        T(what_makes_no_sense_is_refused),
        T(weights_are_stored_in_fewer_bytes),
        T(a_weight_beyond_f16_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
