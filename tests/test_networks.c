/* tests/test_networks.c - real networks against the recorded outputs of another runtime, on every ISA of this
 * machine; the same bits for any number of threads; plans close to their lower bound.
 * Needs foreign data ($POISE_ASSETS, else ../shared/assets); what is absent is skipped by name.
 *
 * test_networks [NAME...]: with names, those networks alone and on the best kernels alone, for emulators. */
#include "nn/session.h"
#include "runtime/cpu.h"
#include "runtime/memory.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#if PS_WITH_JSON && PS_WITH_PNG
#include <jansson.h>

/* How the recorded picture becomes the network's input: out = (pixel*scale - mean) / std.  Results agree to 1e-4 of the
 * largest magnitude, or to some codes where the network gives codes. */
typedef struct network {
    const char *name;
    int bgr;
    float scale, mean[3], std[3];
    const char *kind; /* "tflite"; NULL: "onnx" */
    double codes;
} network;

static const network networks[] = {
    {"yolov8n_640_fp32_recovered", 0, 1 / 255.0f, {0, 0, 0}, {1, 1, 1}, NULL, 0},
    {"yolox_nano_416", 1, 1, {0, 0, 0}, {1, 1, 1}, NULL, 0},
    {"fastestdet_352", 1, 1 / 255.0f, {0, 0, 0}, {1, 1, 1}, NULL, 0},
    {"ultralight_simplepose_256x192", 0, 1 / 255.0f, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, NULL, 0},
    {"face_landmark_192_f32", 0, 1 / 255.0f, {0, 0, 0}, {1, 1, 1}, "tflite", 0},
    {"resnet8_cifar_f32", 0, 1, {0, 0, 0}, {1, 1, 1}, "tflite", 0},
    /* between two classes one code before the softmax is 11 behind it */
    {"resnet8_cifar_int8", 0, 1, {128, 128, 128}, {1, 1, 1}, "tflite", 16},
};

static int compared, skipped;
static char **only; /* NULL: all */

static bool chosen(const char *name)
{
    bool found = !only;
    for (char **o = only; o && *o && !found; o++) found = !strcmp(*o, name);
    return found;
}

static const char *asset(const char *rest, char *buf, size_t size)
{
    const char *root = getenv("POISE_ASSETS");
    snprintf(buf, size, "%s/%s", root ? root : "../shared/assets", rest);
    return buf;
}

static poise_model *open_network(const char *name, const char *kind, const char *isa, int threads)
{
    char rest[128], path[512];
    if (!kind) kind = "onnx";
    snprintf(rest, sizeof rest, "models/%s/%s.%s", kind, name, kind);
    poise_model *m = NULL;
    poise_options o = {.threads = threads, .isa = isa};
    if (poise_model_open_any(asset(rest, path, sizeof path), NULL, &o, &m) != POISE_OK) fail_msg("%s", poise_error_text());
    return m;
}

static void fill_input(poise_session *s, const network *n, const char *png)
{
    char path[512];
    poise_image img;
    assert_int_equal(poise_image_open(asset(png, path, sizeof path), &img), POISE_OK);
    const poise_tensor *t = poise_session_input(s, 0);
    int row = n->kind ? 1 : 2, column = row + 1, channel = n->kind ? 3 : 1; /* TFLite: [1,h,w,3] */
    assert_int_equal(t->dim[row], img.h);
    assert_int_equal(t->dim[column], img.w);
    for (int y = 0; y < img.h; y++)
        for (int x = 0; x < img.w; x++)
            for (int c = 0; c < 3; c++) {
                float p = img.plane[0][y * img.stride[0] + x * 3 + (n->bgr ? 2 - c : c)];
                ptrdiff_t at = c * t->stride[channel] + y * t->stride[row] + x * t->stride[column];
                float v = (p * n->scale - n->mean[c]) / n->std[c];
                if (t->type == POISE_I8) ((int8_t *)t->data)[at] = (int8_t)v;
                else ((float *)t->data)[at] = v;
            }
    poise_image_close(&img);
}

static float *read_output(poise_session *s, int i, size_t *count)
{
    const poise_tensor *t = poise_session_output(s, i);
    *count = poise_tensor_count(t);
    float *out = ps_alloc_array(*count, sizeof *out);
    poise_tensor_read(t, out);
    if (t->type == POISE_I8) /* codes, from the last one on: they lie in the same memory */
        for (size_t k = *count; k-- > 0;) out[k] = ((const int8_t *)out)[k];
    return out;
}

static void compare_list(const network *n, const float *got, size_t count, const json_t *o, const char *at,
                         const char *want, double largest)
{
    json_t *index = json_object_get(o, at);
    const json_t *value = json_object_get(o, want);
    size_t k;
    json_t *v;
    assert_true(json_array_size(index) > 0);
    json_array_foreach(index, k, v)
    {
        size_t i = (size_t)json_integer_value(v);
        double w = json_number_value(json_array_get(value, k));
        assert_true(i < count);
        if (!(fabs((double)got[i] - w) <= (n->codes > 0 ? n->codes : 1e-4 * largest)))
            fail_msg("%s: element %zu is %g, recorded %g (largest magnitude %g)", n->name, i, (double)got[i], w, largest);
        compared++;
    }
}

static void compare_case(const network *n, const json_t *one, const char *isa)
{
    poise_model *m = open_network(n->name, n->kind, isa, 2);
    poise_session *s;
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    fill_input(s, n, json_string_value(json_object_get(one, "input")));
    poise_session_run(s);
    const json_t *outputs = json_object_get(one, "outputs");
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *o = json_array_get(outputs, i);
        size_t count;
        float *got = read_output(s, (int)i, &count);
        double lo = json_number_value(json_object_get(o, "min")), hi = json_number_value(json_object_get(o, "max"));
        double largest = fmax(fabs(lo), fabs(hi));
        compare_list(n, got, count, o, "sample_idx", "sample", largest);
        compare_list(n, got, count, o, "top_idx", "top", largest);
        ps_free(got);
    }
    poise_session_close(s);
    poise_model_close(m);
}

/* NULL where it is absent or not wanted. */
static json_t *load_golden(const char *name)
{
    char rest[128], path[512];
    if (!chosen(name)) return NULL;
    snprintf(rest, sizeof rest, "golden/%s.json", name);
    json_error_t e;
    json_t *root = json_load_file(asset(rest, path, sizeof path), 0, &e);
    if (!root) {
        printf("SKIP %s: %s is absent\n", name, path);
        skipped++;
    }
    return root;
}

static void outputs_match_the_recorded_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        json_t *root = load_golden(networks[i].name);
        if (!root) continue;
        unsigned have = ps_cpu_flags();
        const json_t *cases = json_object_get(root, "cases");
        const ps_isa *best = ps_isas;
        for (const ps_isa *isa = ps_isas; isa->name; isa++)
            if ((isa->need & have) == isa->need) best = isa;
        for (const ps_isa *isa = ps_isas; isa->name; isa++) {
            if ((isa->need & have) != isa->need) continue;
            if (only && isa != best) continue;
            for (size_t k = 0; k < json_array_size(cases); k++)
                compare_case(&networks[i], json_array_get(cases, k), isa->name);
        }
        json_decref(root);
    }
    printf("%d recorded values compared, %d networks skipped\n", compared, skipped);
}

static void threads_do_not_change_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        json_t *root = load_golden(networks[i].name);
        if (!root) continue;
        const char *png = json_string_value(json_object_get(json_array_get(json_object_get(root, "cases"), 0), "input"));
        float *first = NULL;
        size_t n_first = 0;
        for (int threads = 1; threads <= 4; threads *= 2) {
            poise_model *m = open_network(networks[i].name, networks[i].kind, NULL, threads);
            poise_session *s;
            assert_int_equal(poise_session_open(m, &s), POISE_OK);
            for (int again = 0; again < 2; again++) {
                fill_input(s, &networks[i], png);
                size_t before = ps_alloc_count(), count;
                poise_session_run(s);
                assert_int_equal(ps_alloc_count(), before);
                float *got = read_output(s, 0, &count);
                if (!first) first = got, n_first = count;
                else {
                    assert_int_equal(count, n_first);
                    assert_memory_equal(got, first, count * sizeof *got);
                    ps_free(got);
                }
            }
            poise_session_close(s);
            poise_model_close(m);
        }
        ps_free(first);
        json_decref(root);
    }
}

static void plans_are_close_to_their_bound(void **state)
{
    (void)state;
    static const char *const names[] = {"yolov8n_640_fp32_recovered", "yolo11n_320_fp32_recovered", "yolox_nano_416",
                                        "fastestdet_352", "ultralight_simplepose_256x192", "person-reid-retail-0288"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char rest[128], path[512];
        if (!chosen(names[i])) continue;
        snprintf(rest, sizeof rest, "models/onnx/%s.onnx", names[i]);
        FILE *f = fopen(asset(rest, path, sizeof path), "rb");
        if (!f) {
            printf("SKIP %s: %s is absent\n", names[i], path);
            continue;
        }
        fclose(f);
        poise_model *m = open_network(names[i], NULL, NULL, 1);
        poise_memory need;
        poise_model_memory(m, &need);
        printf("%-32s arena %9zu  bound %9zu  ratio %.3f  peak %.1f MB\n", names[i], need.arena, need.lower_bound,
               (double)need.arena / (double)need.lower_bound, (double)need.peak / 1e6);
        assert_true((double)need.arena <= 1.10 * (double)need.lower_bound);
        poise_model_close(m);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) only = argv + 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_match_the_recorded_ones),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(plans_are_close_to_their_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    printf("SKIP test_networks: built without PNG or jansson\n");
    return 0;
}
#endif
