/* tests/test_input_codes.c - pictures as codes: inputs of quantised networks, letterbox into them, outputs out of them, and
 * the warning about boxes and scores with one scale. */
#include "tests/onnx_build.h"

#include "app/warn.h"
#include "convert/input_codes.h"
#include "models/detector.h"
#include "nn/model.h"
#include "nn/op.h"
#include "nn/tensor.h"
#include "runtime/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t picture[4] = {1, 3, 8, 8};

static void scalar(pb *graph, const char *name, float v)
{
    pb_floats(graph, name, 0, NULL, 1, &v);
}

/* x -> codes -> floats -> Relu -> y */
static void quantised(pb *graph, int rank, const int64_t *dim)
{
    pb_info(graph, 11, "x", rank, dim);
    scalar(graph, "s", 1 / 255.0F);
    pb_node(graph, "QuantizeLinear", "x s", "q");
    pb_node(graph, "DequantizeLinear", "q s", "r");
    pb_node(graph, "Relu", "r", "y");
    pb_info(graph, 12, "y", 0, NULL);
}

static void pictures_become_codes(void **state)
{
    (void)state;
    pb graph = {0};
    ps_graph g;
    quantised(&graph, 4, picture);
    assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
    int nodes = g.n_nodes;
    assert_int_equal(ps_input_codes(&g), POISE_OK);
    const ps_value *x = &g.values[g.inputs[0]];
    assert_int_equal(x->type, POISE_U8);
    assert_true(x->scale == 1 / 255.0F && x->zero == 0);
    assert_int_equal(g.n_nodes, nodes - 1);
    for (int i = 0; i < g.n_nodes; i++) assert_int_equal(ps_graph_infer(&g, i), POISE_OK);
    assert_string_equal(ps_graph_get_meta(&g, "poise.input"), "f32");
    ps_graph_free(&g);
}

/* Vectors, inputs that somebody reads as floats, and those that are quantised in two ways stay. */
static void other_inputs_stay(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        pb graph = {0};
        ps_graph g;
        quantised(&graph, kind ? 4 : 2, kind ? picture : (const int64_t[]){1, 3});
        scalar(&graph, "t", 0.5F);
        pb_node(&graph, kind == 1 ? "Relu" : "QuantizeLinear", kind == 1 ? "x" : "x t", "z");
        if (kind) pb_info(&graph, 12, "z", 0, NULL);
        assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
        assert_int_equal(ps_input_codes(&g), POISE_OK);
        assert_int_equal(g.values[g.inputs[0]].type, POISE_F32);
        assert_null(ps_graph_get_meta(&g, "poise.input"));
        ps_graph_free(&g);
    }
}

/* ---- letterbox ---- */

static void fill(const poise_image *img, const ps_pixels *px, const poise_tensor *t)
{
    ps_kernels k;
    ps_letterbox lb = {0};
    ps_image_dims d;
    ps_kernels_select(&k, 0);
    assert_int_equal(ps_image_dims_of(t, &d), POISE_OK);
    ps_geometry g = ps_geometry_make(px->fit, 0, img->w, img->h, d.w, d.h);
    assert_int_equal(ps_letterbox_plan(&lb, px, &g, 1), POISE_OK);
    assert_int_equal(ps_letterbox_run(&lb, &k, img, t), POISE_OK);
    ps_letterbox_free(&lb);
}

/* Codes are those of the floats that an f32 input gets; plain u8 takes bytes as they are. */
static void codes_of_pixels(void **state)
{
    (void)state;
    enum { W = 9, H = 6, N = 12 * 12 * 3 };
    static const struct {
        poise_type type;
        float scale;
        int32_t zero;
        ps_pixels px;
    } cases[] = {
        {POISE_U8, 1 / 255.0F, 0, {.border = 114, .scale = 1 / 255.0F, .std = {1, 1, 1}}},
        {POISE_U8, 0.02F, 114, {.bgr = 1, .border = 114, .scale = 1 / 255.0F, .mean = {.5F, .4F, .4F}, .std = {.2F, .3F, .2F}}},
        {POISE_I8, 1 / 255.0F, -128, {.border = 7, .scale = 1 / 255.0F, .std = {1, 1, 1}}},
        {POISE_I8, 3, 5, {.fit = PS_FIT_STRETCH, .scale = 1, .mean = {100, 100, 100}, .std = {1, 1, .1F}}},
        {POISE_U8, 0, 0, {.border = 9, .scale = 1 / 255.0F, .std = {1, 1, 1}}},
    };
    uint8_t rgb[W * H * 3];
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i * 37 + i / 5);
    poise_image img = {.plane = {rgb}, .stride = {W * 3}, .w = W, .h = H, .format = POISE_RGB};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int layout = 0; layout < 3; layout++) { /* NHWC; NCHW in rows of pixels; NCHW in planes */
            static float real[N];
            static uint8_t code[N];
            poise_tensor f = {.data = real, .type = POISE_F32, .rank = 4, .dim = {1, 3, 12, 12}};
            if (!layout) f.dim[1] = 12, f.dim[3] = 3;
            if (layout == 1) ps_strides_channels_last(&f, 3);
            else ps_strides_row_major(&f);
            poise_tensor q = f;
            q.data = code, q.type = cases[i].type, q.scale = cases[i].scale, q.zero = cases[i].zero;
            fill(&img, &cases[i].px, &f);
            fill(&img, &cases[i].px, &q);
            int low = q.type == POISE_I8 ? -128 : 0;
            for (int k = 0; k < N; k++) {
                float want = q.scale > 0 ? rintf(real[k] / q.scale) + (float)q.zero : rintf(real[k] * 255);
                int got = q.type == POISE_I8 ? (int8_t)code[k] : code[k];
                want = want < (float)low ? (float)low : want > (float)(low + 255) ? (float)(low + 255) : want;
                if ((float)got != want) fail_msg("case %zu, layout %d: %g is %d, not %g", i, layout, (double)real[k], got, (double)want);
            }
        }
}

/* ---- whole networks ---- */

static poise_object found[10];

static int detect(poise_model *m, poise_image *img)
{
    poise_session *s;
    int n;
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    if (poise_detect(s, img, NULL, found, 10, &n)) fail_msg("%s", poise_error_text());
    poise_session_close(s);
    return n;
}

/* A network of bytes for a byte: its input means -1..1, which nobody needs to know; its answers are probabilities of 8 bits. */
static void bytes_in_bytes_out(void **state)
{
    (void)state;
    for (int type = PB_U8; type <= PB_I8; type++) {
        pb graph = {0};
        uint8_t zero[1] = {type == PB_U8 ? 128 : 0}, low[1] = {type == PB_U8 ? 0 : 128};
        pb_typed_info(&graph, 11, "x", type, 4, picture);
        scalar(&graph, "s", 1 / 128.0F);
        pb_constant(&graph, "z", type, 0, NULL, 1, zero);
        scalar(&graph, "os", 1 / 256.0F);
        pb_constant(&graph, "oz", type, 0, NULL, 1, low);
        pb_node(&graph, "DequantizeLinear", "x s z", "r");
        pb_node(&graph, "GlobalAveragePool", "r", "m");
        pb_node(&graph, "Flatten", "m", "f");
        pb_node(&graph, "Softmax", "f", "p");
        pb_node(&graph, "QuantizeLinear", "p os oz", "y");
        pb_info(&graph, 12, "y", 0, NULL);
        poise_model *m = pb_open(&graph, 13);
        uint8_t green[3] = {0, 255, 0};
        poise_image img = {.plane = {green}, .stride = {3}, .w = 1, .h = 1, .format = POISE_RGB};
        assert_int_equal(detect(m, &img), 3);
        assert_int_equal(found[0].class_id, 1);
        float wanted = expf(255 / 128.0F) / (expf(255 / 128.0F) + 2); /* of -1, .99, -1 */
        assert_float_equal(found[0].conf, wanted, 0.004F);
        poise_model_close(m);
    }
}

/* ---- the warning ---- */

/* A detector of 1 class whose answer was stored with `scale`; apart: scores behind codes of their own. */
static bool warned(float scale, bool apart, char text[PS_WARN_TEXT])
{
    static const int64_t dim[3] = {1, 4, 8400}, one[3] = {1, 1, 8400};
    pb graph = {0};
    ps_task t;
    pb_info(&graph, 11, "x", 4, (const int64_t[]){1, 3, 640, 640});
    pb_info(&graph, 11, "boxes", 3, dim);
    pb_info(&graph, 11, "scores", 3, one);
    scalar(&graph, "s", scale);
    pb concat = pb_begin("Concat", "boxes scores", "c");
    pb_integer(&concat, "axis", 1);
    pb_end(&graph, &concat);
    pb_node(&graph, "QuantizeLinear", "c s", "q");
    pb_node(&graph, "DequantizeLinear", "q s", apart ? "other" : "y");
    if (apart) pb_node(&graph, "Relu", "c", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    poise_model *m = pb_open(&graph, 13);
    poise_tensor out;
    poise_model_output(m, 0, &out);
    ps_io io = {.n_inputs = 1, .n_outputs = 1, .out = {out}, .input = {.type = POISE_F32, .rank = 4, .dim = {1, 3, 640, 640}}};
    assert_int_equal(ps_task_resolve_io(&io, &(ps_task_options){.decoder = "yolov8"}, &t), POISE_OK);
    bool yes = ps_warn_scales(&m->graph, &t, text);
    ps_task_free(&t);
    poise_model_close(m);
    return yes;
}

static void one_scale_for_all(void **state)
{
    (void)state;
    char text[PS_WARN_TEXT];
    assert_true(warned(2.5F, false, text));
    assert_non_null(strstr(text, "multiples of 2.5, so that nothing is found"));
    assert_null(strchr(text, '\n'));
    assert_true(warned(0.06F, false, text));
    assert_non_null(strstr(text, "little is found"));
    assert_false(warned(1 / 255.0F, false, text)); /* boxes of 0..1 */
    assert_false(warned(2.5F, true, text));
}

/* The file that shows it: valid, runs, finds nothing. */
static void the_negative_file(void **state)
{
    (void)state;
    const char *root = getenv("POISE_ASSETS");
    char path[512], text[PS_WARN_TEXT];
    poise_model *m;
    ps_task t;
    for (int good = 0; good < 2; good++) {
        snprintf(path, sizeof path, "%s/models/%s.onnx", root ? root : "../shared/assets",
                 good ? "onnx/yolov8n_640_qdq_int8" : "negative/yolov8n_640_qdq_all_scores_zero");
        FILE *f = fopen(path, "rb");
        if (!f) {
            print_message("SKIP the_negative_file: %s is absent\n", path);
            skip();
        }
        fclose(f);
        assert_int_equal(poise_model_open_any(path, NULL, NULL, &m), POISE_OK);
        assert_int_equal(ps_task_resolve(m, NULL, &t), POISE_OK);
        assert_int_equal(ps_warn_scales(&m->graph, &t, text), !good);
        poise_tensor in;
        poise_model_input(m, 0, &in);
        assert_int_equal(in.type, POISE_U8);
        ps_task_free(&t);
        poise_model_close(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_become_codes), cmocka_unit_test(other_inputs_stay), cmocka_unit_test(codes_of_pixels),
        cmocka_unit_test(bytes_in_bytes_out),    cmocka_unit_test(one_scale_for_all), cmocka_unit_test(the_negative_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
