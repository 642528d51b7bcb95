/* tests/test_quantize_networks.c - a real detector in 8 bits: calibrated on some pictures, it sees in others what the float
 * network sees.  Needs foreign data ($POISE_ASSETS, else ../shared/assets); what is absent is skipped by name. */
#include "app/agreement.h"
#include "nn/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { PICTURES = 12 };

static const char *asset(const char *rest, char buf[512])
{
    const char *root = getenv("POISE_ASSETS");
    snprintf(buf, 512, "%s/%s", root ? root : "../shared/assets", rest);
    return buf;
}

static void ok(poise_status s)
{
    if (s != POISE_OK) fail_msg("%s", poise_error_text());
}

typedef struct net {
    poise_model *m;
    poise_session *s;
    ps_detector *d;
} net;

static net open_net(const void *bytes, size_t size)
{
    net n;
    ok(poise_model_open_memory(bytes, size, NULL, &n.m));
    ok(poise_session_open(n.m, &n.s));
    ok(ps_detector_open(n.s, NULL, &n.d));
    return n;
}

static void close_net(net *n)
{
    ps_detector_close(n->d);
    poise_session_close(n->s);
    poise_model_close(n->m);
}

typedef struct source {
    ps_calib calib;
    ps_detector *d;
} source;

static poise_status fill(void *ctx, int sample, poise_session *s)
{
    source *from = ctx;
    poise_image img;
    if (!from->d) ok(ps_detector_open(s, NULL, &from->d));
    ok(ps_calib_image(&from->calib, sample, &img));
    ok(ps_detector_fill(from->d, &img, NULL));
    poise_image_close(&img);
    return POISE_OK;
}

static void silent(void *ctx, int done, int total)
{
    (void)ctx;
    (void)done;
    (void)total;
}

static void a_detector_sees_the_same(void **state)
{
    (void)state;
    char model[512], calib[512], other[512];
    asset("models/onnx/yolo11n_320_fp32_recovered.onnx", model);
    if (!PS_WITH_JPEG || access(model, R_OK)) {
        print_message("SKIP a_detector_sees_the_same: needs JPEG and %s\n", model);
        skip();
    }
    void *bytes, *made;
    size_t size, made_size;
    source from = {0};
    ok(poise_convert(model, NULL, &bytes, &size));
    ok(ps_calib_open(&from.calib, asset("images/calib60", calib), PICTURES, 0));
    poise_quantize_options o = {
        .fill = fill, .ctx = &from, .samples = PICTURES, .ranges = POISE_RANGES_PERCENTILE, .float_budget = -1};
    ok(poise_quantize(bytes, size, &o, &made, &made_size, NULL));
    ps_detector_close(from.d);
    ps_calib_close(&from.calib);
    assert_true(made_size < size * 3 / 10);
    net a = open_net(bytes, size), b = open_net(made, made_size);
    ps_agreement g;
    ok(ps_calib_open(&from.calib, asset("images/coco_val128/images", other), 2 * PICTURES, 0));
    ok(ps_agreement_measure(a.d, b.d, &from.calib, 2 * PICTURES, silent, NULL, &g));
    print_message("agreement %.3f: %d of %d objects, IoU %.3f\n", g.score, g.matched, g.found, g.iou);
    assert_int_equal(g.pictures, 2 * PICTURES);
    assert_true(g.found > 100 && g.score > 0.93 && g.iou > 0.92);
    ps_calib_close(&from.calib);
    close_net(&a);
    close_net(&b);
    poise_free(bytes);
    poise_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_detector_sees_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
