/* tests/test_onnx_import.c - hand-made ONNX files through the importer: what it makes of them, what it says. */
#include "convert/onnx_import.h"
#include "tests/onnx_build.h"

#include <stdio.h>
#include <string.h>

static const int64_t small[4] = {1, 3, 4, 4};

static void a_small_graph(void **state)
{
    (void)state;
    pb graph = {0};
    ps_graph g;
    pb_info(&graph, 11, "x", 4, small);
    pb_node(&graph, "Relu", "a", "y"); /* out of order on purpose */
    pb_node(&graph, "Neg", "x", "a");
    pb_info(&graph, 12, "y", 0, NULL);
    assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
    assert_int_equal(g.n_nodes, 2);
    assert_int_equal(g.n_inputs, 1);
    const ps_value *y = &g.values[g.outputs[0]];
    assert_string_equal(y->name, "y");
    assert_int_equal(y->rank, 4);
    assert_int_equal(y->dim[1], 3);
    assert_string_equal(ps_graph_get_meta(&g, "source.opset"), "13");
    assert_int_equal(strlen(ps_graph_get_meta(&g, "source.sha256")), 64);
    ps_graph_free(&g);
}

static void shapes_are_constants(void **state)
{
    (void)state;
    pb graph = {0};
    ps_graph g;
    pb_info(&graph, 11, "x", 4, small);
    pb_node(&graph, "Shape", "x", "s");
    pb_node(&graph, "ConstantOfShape", "s", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
    assert_int_equal(g.n_nodes, 1); /* the copy that makes a constant an output */
    assert_int_equal(g.values[g.outputs[0]].dim[3], 4);
    ps_graph_free(&g);
}

/* 0.7f is less than 7/10, but 10 * 0.7f is 7 in float, in which sizes are computed. */
static void sizes_are_computed_in_float(void **state)
{
    (void)state;
    pb graph = {0}, n = {0};
    ps_graph g;
    pb_info(&graph, 11, "x", 3, (const int64_t[]){1, 1, 10});
    pb_floats(&graph, "s", 1, (const int64_t[]){3}, 3, (const float[]){1, 1, 0.7F});
    pb_text(&n, 1, "x"), pb_text(&n, 1, ""), pb_text(&n, 1, "s"), pb_text(&n, 2, "y"), pb_text(&n, 4, "Resize");
    pb_child(&graph, 1, &n);
    pb_info(&graph, 12, "y", 0, NULL);
    assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
    assert_int_equal(g.values[g.outputs[0]].dim[2], 7);
    ps_graph_free(&g);
}

/* 3 -> 7 pixels by the window, 6 asked for: the one too many is cut off at the begin, with SAME_UPPER at the end. */
static void transposed_pads_of_an_output_shape(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        pb graph = {0}, n = {0}, a = {0};
        ps_graph g;
        pb_info(&graph, 11, "x", 3, (const int64_t[]){1, 1, 3});
        pb_floats(&graph, "w", 3, (const int64_t[]){1, 1, 3}, 3, (const float[]){1, 2, 3});
        pb_text(&n, 1, "x"), pb_text(&n, 1, "w"), pb_text(&n, 2, "y"), pb_text(&n, 4, "ConvTranspose");
        pb_integers(&n, "strides", 1, (const int64_t[]){2});
        if (!way) pb_integers(&n, "output_shape", 1, (const int64_t[]){6});
        pb_text(&a, 1, "auto_pad"), pb_text(&a, 4, way == 2 ? "SAME_UPPER" : "SAME_LOWER"), pb_number(&a, 20, 3);
        if (way) pb_child(&n, 5, &a);
        pb_child(&graph, 1, &n);
        pb_info(&graph, 12, "y", 0, NULL);
        assert_int_equal(pb_read(&graph, 13, NULL, &g), POISE_OK);
        const ps_conv_transpose_params *p = g.nodes[0].params;
        assert_int_equal(p->pad[1], way == 2 ? 0 : 1);
        assert_int_equal(p->pad[3], way == 2 ? 1 : 0);
        assert_int_equal(g.values[g.outputs[0]].dim[2], 6);
        ps_graph_free(&g);
    }
}

static void dynamic_inputs(void **state)
{
    (void)state;
    static const int64_t symbolic[4] = {-1, 3, -1, -1};
    pb graph = {0};
    ps_graph g;
    pb_info(&graph, 11, "x", 4, symbolic);
    pb_node(&graph, "Relu", "x", "y");
    pb_info(&graph, 12, "y", 0, NULL);
    pb_says(POISE_BAD_ARGUMENT, "input 'x'", &graph, 13, NULL);
    const poise_convert_options size = {.imgsz_h = 32, .imgsz_w = 64};
    assert_int_equal(pb_read(&graph, 13, &size, &g), POISE_OK);
    const int32_t want[4] = {1, 3, 32, 64};
    assert_memory_equal(g.values[g.inputs[0]].dim, want, sizeof want);
    ps_graph_free(&g);
    const poise_convert_options shape = {.shapes = (const char *const[]){"x=2x3x8x8"}, .n_shapes = 1};
    assert_int_equal(pb_read(&graph, 13, &shape, &g), POISE_OK);
    assert_int_equal(g.values[g.outputs[0]].dim[0], 2);
    ps_graph_free(&g);
    const poise_convert_options other = {.shapes = (const char *const[]){"z=1"}, .n_shapes = 1};
    pb_says(POISE_BAD_ARGUMENT, "the inputs are: x", &graph, 13, &other);
    const poise_convert_options odd = {.shapes = (const char *const[]){"x=1x-3"}, .n_shapes = 1};
    pb_says(POISE_BAD_ARGUMENT, "NAME=1x3x640x640", &graph, 13, &odd);
    const poise_convert_options rank = {.shapes = (const char *const[]){"x=3"}, .n_shapes = 1};
    pb_says(POISE_BAD_ARGUMENT, "4 dimensions", &graph, 13, &rank);
    const poise_convert_options huge = {.shapes = (const char *const[]){"x=1x3x99999x99999"}, .n_shapes = 1};
    pb_says(POISE_BAD_ARGUMENT, "too large", &graph, 13, &huge);
}

static void broken_graphs(void **state)
{
    (void)state;
    pb cycle = {0}, twice = {0}, missing = {0}, self = {0}, none = {0};
    pb_info(&cycle, 12, "a", 0, NULL);
    pb_node(&cycle, "Relu", "b", "a");
    pb_node(&cycle, "Relu", "a", "b");
    pb_says(POISE_BAD_MODEL, "cycle", &cycle, 13, NULL);
    pb_info(&self, 12, "a", 0, NULL);
    pb_node(&self, "Relu", "a", "a");
    pb_says(POISE_BAD_MODEL, "cycle", &self, 13, NULL);
    pb_info(&twice, 11, "x", 4, small);
    pb_node(&twice, "Relu", "x", "y");
    pb_node(&twice, "Neg", "x", "y");
    pb_says(POISE_BAD_MODEL, "'y' is made twice", &twice, 13, NULL);
    pb_info(&missing, 12, "y", 0, NULL);
    pb_node(&missing, "Relu", "nowhere", "y");
    pb_says(POISE_BAD_MODEL, "'nowhere', which nothing makes", &missing, 13, NULL);
    pb_info(&none, 11, "x", 4, small);
    pb_says(POISE_BAD_MODEL, "no outputs", &none, 13, NULL);
    pb_says(POISE_UNSUPPORTED, "opset 22", &none, 22, NULL);
    pb_says(POISE_UNSUPPORTED, "opset 6", &none, 6, NULL);
}

static void all_unsupported_nodes_are_listed(void **state)
{
    (void)state;
    pb graph = {0};
    pb_info(&graph, 11, "x", 4, small);
    pb_node(&graph, "LSTM", "x", "a");
    pb_node(&graph, "Relu", "a", "b");
    pb_node(&graph, "Gruesome", "b", "c");
    pb_node(&graph, "Reshape", "x", "d");
    pb_info(&graph, 12, "c", 0, NULL);
    /* Reshape without its shape breaks a rule of ONNX: that comes first */
    pb_says(POISE_BAD_MODEL, "node 'd' (Reshape)", &graph, 13, NULL);
    pb two = {0};
    pb_info(&two, 11, "x", 4, small);
    pb_node(&two, "LSTM", "x", "a");
    pb_node(&two, "Relu", "a", "b");
    pb_node(&two, "Gruesome", "b", "c");
    pb_info(&two, 12, "c", 0, NULL);
    pb_says(POISE_UNSUPPORTED, "2 nodes", &two, 13, NULL);
    pb_says(POISE_UNSUPPORTED, "'a' (LSTM, opset 13, feeds 'b')", &two, 13, NULL);
    pb_says(POISE_UNSUPPORTED, "'c' (Gruesome, opset 13, feeds 'an output')", &two, 13, NULL);
    pb many = {0};
    pb_info(&many, 11, "x", 4, small);
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        pb_node(&many, "Strange", "x", name);
    }
    pb_info(&many, 12, "n0", 0, NULL);
    pb_says(POISE_UNSUPPORTED, "200 nodes", &many, 13, NULL);
    pb_says(POISE_UNSUPPORTED, " more", &many, 13, NULL);
}

/* Every prefix and every bit flip of a sound file gives an answer, never a fault. */
static void damage_anywhere(void **state)
{
    (void)state;
    pb graph = {0}, file = {0}, version = {0};
    pb_info(&graph, 11, "x", 4, small);
    pb_node(&graph, "Shape", "x", "s");
    pb_node(&graph, "ConstantOfShape", "s", "c");
    pb_node(&graph, "Relu", "c", "y");
    pb_info(&graph, 12, "y", 4, small);
    pb_number(&version, 2, 13);
    pb_child(&file, 8, &version);
    pb_child(&file, 7, &graph);
    int good = 0;
    for (size_t n = 0; n < file.n; n++) {
        ps_graph g = {0};
        good += ps_onnx_read(&g, file.p, n, NULL) == POISE_OK;
        ps_graph_free(&g);
    }
    assert_int_equal(good, 0);
    for (size_t bit = 0; bit < 8 * file.n; bit++) {
        ps_graph g = {0};
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        good += ps_onnx_read(&g, file.p, file.n, NULL) == POISE_OK;
        file.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ps_graph_free(&g);
    }
    assert_in_range(good, 1, 8 * file.n - 1); /* some flips only change a size or a name */
}

/* No name has two translators for one opset. */
static void the_operator_table_is_sound(void **state)
{
    (void)state;
    const ps_onnx_op *a, *b;
    for (int i = 0; (a = ps_onnx_op_at(i)); i++) {
        assert_true(a->min_in <= a->max_in && a->translate);
        assert_true(!a->until || a->since <= a->until);
        for (int k = 0; k < i && (b = ps_onnx_op_at(k)); k++) {
            if (strcmp(a->name, b->name) || a->domain != b->domain) continue;
            int from = a->since > b->since ? a->since : b->since;
            assert_true((a->until && a->until < from) || (b->until && b->until < from));
        }
    }
    assert_ptr_equal(ps_onnx_op_find("", "Conv", 11), ps_onnx_op_find("ai.onnx", "Conv", 21));
    assert_ptr_not_equal(ps_onnx_op_find("", "Resize", 10), ps_onnx_op_find("", "Resize", 11));
    assert_null(ps_onnx_op_find("", "Upsample", 11));
    assert_null(ps_onnx_op_find("somewhere", "Conv", 11));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_graph),
        cmocka_unit_test(shapes_are_constants),
        cmocka_unit_test(sizes_are_computed_in_float),
        cmocka_unit_test(transposed_pads_of_an_output_shape),
        cmocka_unit_test(dynamic_inputs),
        cmocka_unit_test(broken_graphs),
        cmocka_unit_test(all_unsupported_nodes_are_listed),
        cmocka_unit_test(damage_anywhere),
        cmocka_unit_test(the_operator_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
