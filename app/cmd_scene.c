/* app/cmd_scene.c - the verb scene: drawn pictures and films, and the truth about them. */
#include "app/cli.h"
#include "app/scene_truth.h"
#include "runtime/clock.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>
#include <strings.h>

enum { FILM_FRAMES = 100, JPEG_QUALITY = 92 };

typedef enum kind { PICTURE, FILM, DIRECTORY } kind;

typedef struct job {
    const char *out;
    kind kind;
    ps_scene_options o;
    ps_scene *scene;
    poise_image img;
    ps_truth_file truth;
    ps_outfile film;
    double drawing; /* milliseconds */
} job;

static kind kind_of(const char *path)
{
    static const char *const pictures[] = {".png", ".jpg", ".jpeg", ".bmp", ".ppm"};
    const char *dot = strrchr(ps_cli_base(path), '.');
    for (size_t i = 0; dot && i < sizeof pictures / sizeof *pictures; i++)
        if (!strcasecmp(dot, pictures[i])) return PICTURE;
    return dot && !strcasecmp(dot, ".y4m") ? FILM : DIRECTORY;
}

/* What the truth calls picture `frame`. */
static void name_of(const void *ctx, int frame, char name[PS_SCENE_NAME])
{
    const job *j = ctx;
    if (j->kind == PICTURE) snprintf(name, PS_SCENE_NAME, "%.290s", ps_cli_base(j->out));
    else if (j->kind == FILM) snprintf(name, PS_SCENE_NAME, "%.280s#%d", ps_cli_base(j->out), frame);
    else snprintf(name, PS_SCENE_NAME, "%06d.png", frame + 1);
}

/* Rows of 4:2:0 video in BT.601's limited range, chroma in the middle of four pixels. */
static void write_frame(FILE *f, const poise_image *img)
{
    const uint8_t *p = img->plane[0];
    ptrdiff_t row = img->stride[0];
    fputs("FRAME\n", f);
    for (int y = 0; y < img->h; y++)
        for (int x = 0; x < img->w; x++) {
            const uint8_t *c = p + y * row + 3 * x;
            fputc((66 * c[0] + 129 * c[1] + 25 * c[2] + 128 + (16 << 8)) >> 8, f);
        }
    for (int plane = 0; plane < 2; plane++) {
        const int r = plane ? 112 : -38, g = plane ? -94 : -74, b = plane ? -18 : 112;
        for (int y = 0; y < img->h; y += 2)
            for (int x = 0; x < img->w; x += 2) {
                int sum = 0, right = x + 1 < img->w, below = y + 1 < img->h;
                for (int i = 0; i < 4; i++) {
                    const uint8_t *c = p + (y + i / 2 * below) * row + 3 * (x + i % 2 * right);
                    sum += r * c[0] + g * c[1] + b * c[2];
                }
                fputc((sum + 512 + (128 << 10)) >> 10, f);
            }
    }
}

static poise_status begin_film(job *j)
{
    PS_TRY(ps_cli_create(&j->film, j->out));
    fprintf(j->film.f, "YUV4MPEG2 W%d H%d F%d:1000 Ip A1:1 C420jpeg\n", j->o.width, j->o.height, (int)(j->o.fps * 1000.0 + 0.5));
    return POISE_OK;
}

static poise_status save(job *j, int frame)
{
    if (j->kind == FILM) {
        write_frame(j->film.f, &j->img);
        PS_REQUIRE(!ferror(j->film.f), POISE_IO, "%s: cannot write", j->out);
        return POISE_OK;
    }
    if (j->kind == PICTURE) return poise_image_save(&j->img, j->out, JPEG_QUALITY);
    char path[PS_PATH_TEXT], name[PS_SCENE_NAME];
    name_of(j, frame, name);
    int n = snprintf(path, sizeof path, "%s/%s", j->out, name);
    PS_REQUIRE(n > 0 && n < PS_PATH_TEXT, POISE_IO, "%.60s...: the path is too long", j->out);
    return poise_image_save(&j->img, path, JPEG_QUALITY);
}

/* Picture `frame` of the scene is picture i of what is written. */
static poise_status draw_one(job *j, int frame, int i)
{
    ps_scene_frame f;
    double began = ps_clock_ms();
    ps_scene_draw(j->scene, frame, &j->img, &f);
    j->drawing += ps_clock_ms() - began;
    PS_TRY(save(j, i));
    ps_truth_add(&j->truth, i, &f);
    return POISE_OK;
}

static poise_status draw_all(job *j, int frames)
{
    if (j->kind == PICTURE) return draw_one(j, frames / 2, 0);
    for (int i = 0; i < j->o.frames; i++) PS_TRY(draw_one(j, i, i));
    return POISE_OK;
}

/* What is in the middle of a film that is `frames` long, of one scene after the other. */
static poise_status draw_stills(job *j, int frames)
{
    ps_scene_options o = j->o;
    for (int i = 0; i < j->o.frames; i++) {
        ps_scene_free(j->scene);
        o.seed = j->o.seed + (uint64_t)i;
        o.frames = frames;
        PS_TRY(ps_scene_new(&o, &j->scene));
        PS_TRY(draw_one(j, frames / 2, i));
    }
    return POISE_OK;
}

static poise_status draw(job *j, const ps_args *a)
{
    int frames = j->kind == PICTURE || a->stills || !a->frames ? FILM_FRAMES : a->frames;
    PS_REQUIRE(!a->stills || j->kind == DIRECTORY, POISE_BAD_ARGUMENT, "--stills needs a directory to write to, not %s", j->out);
    PS_REQUIRE(j->kind != PICTURE || !a->frames, POISE_BAD_ARGUMENT, "--frames needs a film or a directory to write to, not %s", j->out);
    j->o.frames = frames;
    PS_TRY(ps_scene_new(&j->o, &j->scene));
    j->o.frames = j->kind == PICTURE ? 1 : a->frames ? a->frames : FILM_FRAMES;
    size_t row = 3 * (size_t)j->o.width;
    j->img = (poise_image){.w = j->o.width, .h = j->o.height, .plane = {ps_alloc(row * (size_t)j->o.height)}, .stride = {(ptrdiff_t)row}};
    PS_REQUIRE(j->img.plane[0], POISE_NO_MEMORY, "a picture of %dx%d does not fit into memory", j->o.width, j->o.height);
    if (j->kind == DIRECTORY) PS_TRY(ps_file_make_directory(j->out));
    PS_TRY(ps_truth_open(&j->truth, a->truth, &j->o, a->stills ? NULL : ps_scene_camera_of(j->scene)));
    if (j->kind == FILM) PS_TRY(begin_film(j));
    PS_TRY(a->stills ? draw_stills(j, frames) : draw_all(j, frames));
    return ps_cli_commit(&j->film);
}

int ps_cmd_scene(const ps_args *a)
{
    job j = {.out = a->words.v[0], .kind = kind_of(a->words.v[0])};
    j.o = (ps_scene_options){.seed = (uint64_t)a->seed, .people = a->people, .vehicles = a->vehicles, .fps = (double)a->fps,
                             .width = a->size.w ? a->size.w : 640, .height = a->size.h ? a->size.h : 480};
    poise_status s = ps_truth_close(&j.truth, draw(&j, a), name_of, &j);
    ps_cli_discard(&j.film);
    ps_free(j.img.plane[0]);
    ps_scene_free(j.scene);
    if (s) return ps_cli_fail(s);
    ps_cli_note(a, "%s: %d picture%s, %.1f ms each", j.out, j.o.frames, j.o.frames == 1 ? "" : "s", j.drawing / j.o.frames);
    return PS_EXIT_OK;
}
