/* app/save.c - writes annotated pictures, labels and crops into a numbered directory. */
#include "app/save.h"

#include "app/cli.h"
#include "app/draw.h"
#include "runtime/file.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JPEG_QUALITY = 90, NUMBERS = 10000 };

/* Creates `path` and sets *made; or not, where something of that name is there already.  mkdir decides, so that
 * two commands at the same time never share a directory. */
static poise_status make_new(const char *path, bool *made)
{
    char above[sizeof((ps_save *)0)->dir];
    snprintf(above, sizeof above, "%s", path);
    above[strlen(path) - strlen(ps_cli_base(path))] = 0;
    PS_TRY(ps_file_make_directory(above));
    *made = !mkdir(path, 0777);
    PS_REQUIRE(*made || errno == EEXIST, POISE_IO, "%s: cannot create the directory: %s", path, strerror(errno));
    return POISE_OK;
}

/* runs/detect/predict, then predict2, predict3 ... as Ultralytics numbers them. */
static poise_status make_dir(ps_save *s, const ps_frame *f)
{
    const ps_args *a = s->args;
    char project[512];
    if (a->project) snprintf(project, sizeof project, "%s", a->project);
    else snprintf(project, sizeof project, "runs/%s", ps_task_names[f->by->task.kind]);
    const char *name = a->name ? a->name : "predict";
    int n = (int)strnlen(name, sizeof s->dir);
    while (n > 1 && name[n - 1] == '/') n--;
    PS_REQUIRE(strlen(project) + strlen(name) < sizeof s->dir - 16 && (!a->project || strlen(a->project) < 511),
               POISE_BAD_ARGUMENT, "--project and --name are too long");
    for (int i = 1; i < NUMBERS; i++) {
        bool made = false;
        if (i == 1) snprintf(s->dir, sizeof s->dir, "%s/%.*s", project, n, name);
        else snprintf(s->dir, sizeof s->dir, "%s/%.*s%d", project, n, name, i);
        if (a->exist_ok) return ps_file_make_directory(s->dir);
        PS_TRY(make_new(s->dir, &made));
        if (made) return POISE_OK;
    }
    return ps_fail(POISE_IO, "%s: %s to %s%d are all there already", project, name, name, NUMBERS - 1);
}

/* Sets the stem of the files of a frame. */
static poise_status name_files(ps_save *s, const ps_frame *f)
{
    char stem[sizeof s->stem];
    const char *base = ps_cli_base(f->source), *dot = strrchr(base, '.');
    int n = snprintf(stem, sizeof stem, "%.*s", dot ? (int)(dot - base) : (int)strlen(base), base);
    PS_REQUIRE(n >= 0 && (size_t)n < sizeof stem, POISE_IO, "%.60s...: the name is too long", base);
    return ps_unique_name(&s->names, stem, s->stem, sizeof s->stem);
}

/* "<dir>/<folder><stem><ending>" */
static poise_status file_name(const ps_save *s, const char *folder, const char *ending, char path[PS_PATH_TEXT])
{
    int n = snprintf(path, PS_PATH_TEXT, "%s/%s%s%s", s->dir, folder, s->stem, ending);
    PS_REQUIRE(n > 0 && n < PS_PATH_TEXT, POISE_IO, "%.60s...: the path is too long", s->stem);
    return POISE_OK;
}

static poise_status save_labels(const ps_save *s, const ps_frame *f)
{
    char path[PS_PATH_TEXT];
    snprintf(path, sizeof path, "%s/labels", s->dir);
    PS_TRY(ps_file_make_directory(path));
    PS_TRY(file_name(s, "labels/", ".txt", path));
    if (!f->n) { /* nothing found, no file: not one of an earlier run either */
        PS_REQUIRE(!unlink(path) || errno == ENOENT, POISE_IO, "%s: cannot remove: %s", path, strerror(errno));
        return POISE_OK;
    }
    ps_outfile o;
    PS_TRY(ps_cli_create(&o, path));
    ps_results_labels(o.f, f, s->args->save_conf);
    return ps_cli_commit(&o);
}

const char *ps_save_ending(bool png)
{
    if (PS_WITH_PNG && (png || !PS_WITH_JPEG)) return ".png";
    return PS_WITH_JPEG ? ".jpg" : ".bmp";
}

/* Letters that are safe in the name of a directory. */
static void safe(char *name)
{
    for (; *name; name++)
        if (*name == '/' || *name == '\\' || (unsigned char)*name < 32) *name = '_';
}

/* "<dir>/crops/<class>/<stem>.jpg" (or what else is written), or <stem>_2.jpg ... for objects after the first; its directory is made. */
static poise_status crop_name(ps_save *s, const ps_frame *f, int i, char path[PS_PATH_TEXT])
{
    char wanted[PS_PATH_TEXT], name[80], number[16], ending[24] = "";
    snprintf(name, sizeof name, "%s", ps_results_name(f, f->found[i].class_id, number));
    safe(name);
    if (name[0] == '.') name[0] = '_';
    snprintf(wanted, sizeof wanted, "%s/crops/%s", s->dir, name);
    PS_TRY(ps_file_make_directory(wanted));
    if (i) snprintf(ending, sizeof ending, "_%d", i + 1);
    int n = snprintf(wanted, sizeof wanted, "%s/crops/%s/%s%s", s->dir, name, s->stem, ending);
    PS_REQUIRE(n > 0 && (size_t)n < sizeof wanted - 8, POISE_IO, "%.60s...: the path is too long", s->stem);
    PS_TRY(ps_unique_name(&s->names, wanted, path, PS_PATH_TEXT - 4));
    memcpy(path + strlen(path), ps_save_ending(false), sizeof ".jpg");
    return POISE_OK;
}

static poise_status save_crop(ps_save *s, const ps_frame *f, int i, const poise_image *img)
{
    const poise_object *o = &f->found[i];
    int x1 = (int)o->x1, y1 = (int)o->y1, x2 = (int)(o->x2 + 0.999f), y2 = (int)(o->y2 + 0.999f);
    if (x1 < 0) x1 = 0;
    if (y1 < 0) y1 = 0;
    if (x2 > img->w) x2 = img->w;
    if (y2 > img->h) y2 = img->h;
    if (x2 <= x1 || y2 <= y1) return POISE_OK;
    char path[PS_PATH_TEXT];
    PS_TRY(crop_name(s, f, i, path));
    poise_image part = *img;
    part.plane[0] += y1 * img->stride[0] + (ptrdiff_t)x1 * 3;
    part.w = x2 - x1, part.h = y2 - y1, part.own = 0;
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
    PS_TRY(file_name(s, "", ps_save_ending(png), path));
    return poise_image_save(img, path, JPEG_QUALITY);
}

static poise_status save_frame(ps_save *s, const ps_frame *f, poise_image *img)
{
    const ps_args *a = s->args;
    poise_status made = *s->dir ? POISE_OK : make_dir(s, f);
    if (made) *s->dir = 0;
    PS_TRY(made);
    PS_TRY(name_files(s, f));
    if (a->save_txt) PS_TRY(save_labels(s, f));
    for (int i = 0; a->save_crop && f->by->task.kind != PS_TASK_CLASSIFY && i < f->n; i++)
        PS_TRY(save_crop(s, f, i, img));
    return a->save ? save_picture(s, f, img) : POISE_OK;
}

poise_status ps_save_frame(ps_save *s, const ps_frame *f, poise_image *img)
{
    const ps_args *a = s->args;
    if (!a->save && !a->save_txt && !a->save_crop) return POISE_OK;
    ps_cli_hold();
    poise_status status = save_frame(s, f, img);
    ps_cli_release();
    return status;
}

void ps_save_free(ps_save *s)
{
    ps_unique_free(&s->names);
}
