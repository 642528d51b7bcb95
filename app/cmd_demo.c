/* app/cmd_demo.c - the verb demo: a drawn scene, the network inside the command, and a picture of what it found. */
#include "app/account.h"
#include "app/cli.h"
#include "app/draw.h"
#include "app/embedded.h"
#include "app/nets.h"
#include "app/save.h"
#include "app/scene.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/process.h"
#include "runtime/status.h"

#include <string.h>

enum { WIDTH = 640, HEIGHT = 480, FRAMES = 100, PEOPLE = 5, RUNS = 20, MOST = 32, JPEG_QUALITY = 92, PICTURE_TEXT = 20 };

typedef struct demo {
    ps_args args;
    const char *words[1];
    ps_nets nets;
    ps_scene *scene;
    poise_image img;
    ps_scene_frame truth;
    poise_object found[MOST];
    int n;
    double ms[4]; /* drawing, and the fastest run: before the network, in it, behind it */
} demo;

static const char *picture_of(const ps_args *a, char name[PICTURE_TEXT])
{
    if (a->words.n) return a->words.v[0];
    snprintf(name, PICTURE_TEXT, "poise-demo%s", ps_save_ending(false));
    return name;
}

static poise_status draw_scene(demo *d)
{
    ps_scene_options o = {.seed = (uint64_t)d->args.seed, .width = WIDTH, .height = HEIGHT, .people = PEOPLE, .frames = FRAMES, .fps = 25};
    double from = ps_clock_ms();
    d->img = (poise_image){.w = WIDTH, .h = HEIGHT, .plane = {ps_alloc(3 * WIDTH * HEIGHT)}, .stride = {3 * WIDTH}};
    PS_REQUIRE(d->img.plane[0], POISE_NO_MEMORY, "no memory for a picture");
    PS_TRY(ps_scene_new(&o, &d->scene));
    ps_scene_draw(d->scene, FRAMES / 2, &d->img, &d->truth);
    ps_scene_free(d->scene);
    d->scene = NULL;
    d->ms[0] = ps_clock_ms() - from;
    return POISE_OK;
}

static poise_status look(demo *d)
{
    const poise_detect_options o = {.conf = 0.35f, .iou = 0.5f, .max_det = MOST};
    for (int i = 0; i < RUNS; i++) {
        ps_detector *by = ps_nets_for(&d->nets, WIDTH, HEIGHT);
        if (!by) return POISE_NO_MEMORY;
        PS_TRY(ps_detector_run(by, &d->img, &o, d->found, MOST, &d->n));
        const double ms[3] = {by->pre_ms, by->run_ms, by->post_ms};
        for (int k = 0; k < 3; k++)
            if (!i || ms[k] < d->ms[k + 1]) d->ms[k + 1] = ms[k];
    }
    return POISE_OK;
}

static void annotate(demo *d)
{
    const ps_draw_options o = {0, 1, 1, 1};
    for (int i = d->n - 1; i >= 0; i--) ps_draw_object(&d->img, &d->found[i], "person", &o);
}

static void tell(const demo *d, const char *picture)
{
    const poise_model *m = d->nets.net[0].model;
    ps_account all;
    char planned[PS_BYTES_TEXT], held[PS_BYTES_TEXT];
    ps_account_of(&d->args, m, &all);
    printf("people      %d drawn, %d found\n", d->truth.n, d->n);
    for (int i = 0; i < d->n; i++) {
        const poise_object *o = &d->found[i];
        int joints = 0;
        for (int k = 0; k < o->n_keypoints; k++) joints += o->keypoint[k].conf >= 0.5f;
        printf("  %.2f       box %4.0f %4.0f %4.0f %4.0f, %d of %d joints\n", (double)o->conf, (double)o->x1, (double)o->y1, (double)o->x2,
               (double)o->y2, joints, o->n_keypoints);
    }
    printf("times       %.1f ms to draw; the fastest of %d: %.2f ms scaling, %.2f ms network, %.2f ms reading its answer\n", d->ms[0],
           RUNS, d->ms[1], d->ms[2], d->ms[3]);
    printf("memory      %s planned, %s held at most, the picture and its drawing with it\n", ps_cli_bytes(all.total, planned),
           ps_cli_bytes(ps_process_most(), held));
    printf("kernels     %s\n", poise_model_kernels(m));
    const char *ending = ps_save_ending(false), *net = PS_WITH_ONNX ? "yolov8n.onnx" : "yolov8n.poise";
    printf("picture     %s\n\n", picture);
    printf("next        poise predict photo%s --save          people in a photo of yours\n", ending);
    printf("            poise predict %s photo%s %*swith a network of yours\n", net, ending, PS_WITH_ONNX ? 3 : 2, "");
    printf("            poise scene film.y4m --people 6         more to look at\n"
           "            poise help\n");
}

static poise_status run(demo *d, const ps_args *a)
{
    char name[PICTURE_TEXT];
    const char *picture = picture_of(a, name);
    PS_REQUIRE(PS_WITH_EMBED, POISE_UNSUPPORTED, "this poise was built without a network of its own (EMBED=0)");
    d->args = *a;
    d->words[0] = PS_DEFAULT_MODEL;
    d->args.words = (ps_texts){1, d->words};
    PS_TRY(draw_scene(d));
    d->nets.lean = true;
    PS_TRY(ps_nets_open(&d->nets, &d->args));
    PS_TRY(look(d));
    annotate(d);
    PS_TRY(poise_image_save(&d->img, picture, JPEG_QUALITY));
    tell(d, picture);
    return POISE_OK;
}

int ps_cmd_demo(const ps_args *a)
{
    demo *d = ps_alloc(sizeof *d);
    if (!d) return ps_cli_error(POISE_NO_MEMORY, "no memory for a demonstration");
    memset(d, 0, sizeof *d);
    int code = ps_cli_fail(run(d, a));
    ps_nets_close(&d->nets);
    ps_scene_free(d->scene);
    ps_free(d->img.plane[0]);
    ps_free(d);
    return code;
}
