/* app/save.c - writes annotated pictures, labels and crops into a numbered directory. */
#include "app/save.h"

#include "app/cli.h"
#include "app/draw.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { JPEG_QUALITY = 90, NUMBERS = 10000 };

/* runs/detect/predict, then predict2, predict3 ... as Ultralytics numbers them. */
static poise_status make_dir(ps_save *s, const ps_frame *f)
{
    const ps_args *a = s->args;
    char project[512];
    if (a->project) snprintf(project, sizeof project, "%s", a->project);
    else snprintf(project, sizeof project, "runs/%s", ps_task_names[f->by->task.kind]);
    const char *name = a->name ? a->name : "predict";
    PS_REQUIRE(strlen(project) + strlen(name) < sizeof s->dir - 16 && (!a->project || strlen(a->project) < 511),
               POISE_BAD_ARGUMENT, "--project and --name are too long");
    for (int i = 1; i < NUMBERS; i++) {
        struct stat st;
        if (i == 1) snprintf(s->dir, sizeof s->dir, "%s/%s", project, name);
        else snprintf(s->dir, sizeof s->dir, "%s/%s%d", project, name, i);
        if (a->exist_ok || stat(s->dir, &st)) return ps_cli_mkdir(s->dir);
    }
    return ps_fail(POISE_IO, "%s: %s to %s%d are all there already", project, name, name, NUMBERS - 1);
}

/* "<dir>/<folder><stem><ending>" */
static poise_status file_name(const ps_save *s, const ps_frame *f, const char *folder, const char *ending,
                              char path[PS_PATH_TEXT])
{
    const char *base = ps_cli_base(f->source), *dot = strrchr(base, '.');
    int stem = dot ? (int)(dot - base) : (int)strlen(base);
    int n = snprintf(path, PS_PATH_TEXT, "%s/%s%.*s%s", s->dir, folder, stem, base, ending);
    PS_REQUIRE(n > 0 && n < PS_PATH_TEXT, POISE_IO, "%.60s...: the path is too long", base);
    return POISE_OK;
}

static poise_status save_labels(const ps_save *s, const ps_frame *f)
{
    char path[PS_PATH_TEXT];
    snprintf(path, sizeof path, "%s/labels", s->dir);
    PS_TRY(ps_cli_mkdir(path));
    if (!f->n) return POISE_OK;
    PS_TRY(file_name(s, f, "labels/", ".txt", path));
    ps_outfile o;
    PS_TRY(ps_cli_create(&o, path));
    ps_results_labels(o.f, f, s->args->save_conf);
    return ps_cli_commit(&o);
}

/* Letters that are safe in the name of a directory. */
static void safe(char *name)
{
    for (; *name; name++)
        if (*name == '/' || *name == '\\' || (unsigned char)*name < 32) *name = '_';
}

static poise_status save_crop(const ps_save *s, const ps_frame *f, int i, const poise_image *img)
{
    const poise_object *o = &f->found[i];
    int x1 = (int)o->x1, y1 = (int)o->y1, x2 = (int)(o->x2 + 0.999f), y2 = (int)(o->y2 + 0.999f);
    if (x1 < 0) x1 = 0;
    if (y1 < 0) y1 = 0;
    if (x2 > img->w) x2 = img->w;
    if (y2 > img->h) y2 = img->h;
    if (x2 <= x1 || y2 <= y1) return POISE_OK;
    char path[PS_PATH_TEXT], folder[128], name[80], number[16], ending[24];
    snprintf(name, sizeof name, "%s", ps_results_name(f, o->class_id, number));
    safe(name);
    if (name[0] == '.') name[0] = '_';
    snprintf(folder, sizeof folder, "crops/%s/", name);
    snprintf(path, sizeof path, "%s/%s", s->dir, folder);
    PS_TRY(ps_cli_mkdir(path));
    if (i) snprintf(ending, sizeof ending, "_%d.jpg", i + 1);
    else snprintf(ending, sizeof ending, ".jpg");
    PS_TRY(file_name(s, f, folder, ending, path));
    poise_image part = {img->pixels + y1 * img->stride + (ptrdiff_t)x1 * 3, x2 - x1, y2 - y1, 3, img->stride, 0};
    return poise_image_save(&part, path, JPEG_QUALITY);
}

static poise_status save_picture(const ps_save *s, const ps_frame *f, poise_image *img)
{
    const ps_args *a = s->args;
    ps_draw_options d = {a->line_width, a->show_boxes, a->show_labels, a->show_conf};
    char path[PS_PATH_TEXT], number[16];
    for (int i = f->n - 1; i >= 0; i--) { /* the best last, on top */
        const char *name = ps_results_name(f, f->found[i].class_id, number);
        if (f->by->task.kind != PS_TASK_CLASSIFY) ps_draw_object(img, &f->found[i], name, &d);
        else if (i < 5) ps_draw_class(img, i, &f->found[i], name, &d);
    }
    const char *dot = strrchr(ps_cli_base(f->source), '.');
    bool png = dot && !strcasecmp(dot, ".png");
    PS_TRY(file_name(s, f, "", png ? ".png" : ".jpg", path));
    return poise_image_save(img, path, JPEG_QUALITY);
}

poise_status ps_save_frame(ps_save *s, const ps_frame *f, poise_image *img)
{
    const ps_args *a = s->args;
    if (!a->save && !a->save_txt && !a->save_crop) return POISE_OK;
    if (!*s->dir) PS_TRY(make_dir(s, f));
    if (a->save_txt) PS_TRY(save_labels(s, f));
    for (int i = 0; a->save_crop && f->by->task.kind != PS_TASK_CLASSIFY && i < f->n; i++)
        PS_TRY(save_crop(s, f, i, img));
    return a->save ? save_picture(s, f, img) : POISE_OK;
}
