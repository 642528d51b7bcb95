/* app/val_data.c - reads YOLO label directories and folders of classes. */
#include "app/val_data.h"

#include "app/cli.h"
#include "app/sources.h"
#include "runtime/file.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_FIELDS = 5 + 3 * POISE_MAX_KEYPOINTS };

/* Makes room for one more entry of `size` bytes. */
static poise_status grow(void **list, int n, int *cap, size_t size)
{
    if (n < *cap) return POISE_OK;
    int more = *cap ? 2 * *cap : 256;
    void *p = ps_realloc(*list, (size_t)more * size);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for a list of %d labels", more);
    *list = p;
    *cap = more;
    return POISE_OK;
}

poise_status ps_dataset_image(ps_dataset *d, const char *path, int32_t class_id)
{
    void *list = d->images;
    PS_TRY(grow(&list, d->n_images, &d->cap_images, sizeof *d->images));
    d->images = list;
    const char *copy = ps_heap_string(&d->heap, path, strlen(path));
    PS_REQUIRE(copy, POISE_NO_MEMORY, "no memory for the name of a file");
    d->images[d->n_images++] = (ps_labelled){.path = copy, .class_id = class_id};
    return POISE_OK;
}

poise_status ps_dataset_truth(ps_dataset *d, const ps_truth *t)
{
    void *list = d->truths;
    PS_TRY(grow(&list, d->n_truths, &d->cap_truths, sizeof *d->truths));
    d->truths = list;
    d->truths[d->n_truths++] = *t;
    return POISE_OK;
}

void ps_dataset_close(ps_dataset *d)
{
    ps_free(d->images);
    ps_free(d->truths);
    ps_heap_free(&d->heap);
    ps_npz_close(&d->pixels);
    *d = (ps_dataset){0};
}

void ps_dataset_scale(ps_dataset *d, int image, int w, int h)
{
    float fw = (float)w, fh = (float)h;
    for (int i = 0; d->relative && i < d->n_truths; i++) {
        ps_truth *t = &d->truths[i];
        if (t->image != image) continue;
        t->x1 *= fw, t->x2 *= fw, t->y1 *= fh, t->y2 *= fh;
        t->area = (t->x2 - t->x1) * (t->y2 - t->y1) * 0.53f; /* an outline fills about half of its box */
        poise_keypoint *k = (poise_keypoint *)(uintptr_t)t->keypoint;
        for (int p = 0; p < t->n_keypoints; p++) k[p].x *= fw, k[p].y *= fh;
    }
}

/* ---- YOLO text labels ------------------------------------------------------------------------------ */

/* The keypoints behind a box, with 3 or 2 numbers each; none when the count of fields is another. */
static poise_status read_keypoints(ps_dataset *d, const ps_task *t, const float *f, int n, ps_truth *o)
{
    int k = t->n_keypoints, each = k && n == 5 + 3 * k ? 3 : k && n == 5 + 2 * k ? 2 : 0;
    if (!each) return POISE_OK;
    poise_keypoint *p = ps_heap_push(&d->heap, (size_t)k * sizeof *p);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for keypoints");
    for (int i = 0; i < k; i++, f += each) p[i] = (poise_keypoint){f[0], f[1], each == 2 || f[2] > 0 ? 1.0f : 0.0f};
    o->keypoint = p;
    o->n_keypoints = k;
    d->keypoints = true;
    return POISE_OK;
}

/* "class x1 y1 x2 y2 x3 y3 ...": the box around an outline. */
static void outline_box(const float *f, int n, ps_truth *o)
{
    o->x1 = o->x2 = f[1], o->y1 = o->y2 = f[2];
    for (int i = 3; i + 1 < n; i += 2) {
        o->x1 = fminf(o->x1, f[i]), o->x2 = fmaxf(o->x2, f[i]);
        o->y1 = fminf(o->y1, f[i + 1]), o->y2 = fmaxf(o->y2, f[i + 1]);
    }
}

static poise_status label(ps_dataset *d, const ps_task *t, int image, const float *f, int n)
{
    PS_REQUIRE(n >= 5, POISE_IO, "a line has %d numbers where class, centre and size are 5", n);
    if (d->wanted && !ps_classes_has(d->wanted, (double)f[0])) return POISE_OK;
    PS_REQUIRE(f[0] >= 0 && f[0] < (float)t->n_classes && f[0] == floorf(f[0]), POISE_IO,
               "class %g, but the network has classes 0 to %d", (double)f[0], t->n_classes - 1);
    ps_truth o = {.image = image, .class_id = (int32_t)f[0]};
    o.x1 = f[1] - f[3] / 2, o.x2 = f[1] + f[3] / 2;
    o.y1 = f[2] - f[4] / 2, o.y2 = f[2] + f[4] / 2;
    PS_TRY(read_keypoints(d, t, f + 5, n, &o));
    if (!o.keypoint && n >= 7 && n % 2) outline_box(f, n, &o);
    return ps_dataset_truth(d, &o);
}

static poise_status lines(ps_dataset *d, const ps_task *t, int image, char *text)
{
    int line = 0;
    for (char *next; text && *text; text = next) {
        float f[MAX_FIELDS];
        int n = 0;
        next = strchr(text, '\n');
        if (next) *next++ = 0;
        line++;
        for (char *end; n < MAX_FIELDS; text = end) {
            f[n] = strtof(text, &end);
            if (end == text) break;
            PS_REQUIRE(isfinite(f[n]), POISE_IO, "line %d: a number is not finite", line);
            n++;
        }
        text += strspn(text, " \t\r");
        PS_REQUIRE(!*text || n == MAX_FIELDS, POISE_IO, "line %d: '%.20s' is not a number", line, text);
        poise_status s = n ? label(d, t, image, f, n) : POISE_OK;
        if (s) return ps_fail_in(s, "line %d", line);
    }
    return POISE_OK;
}

/* An image without a label file shows nothing that counts. */
static poise_status label_file(ps_dataset *d, const ps_task *t, int image, const char *path)
{
    struct stat st;
    ps_file f;
    if (stat(path, &st)) return POISE_OK;
    PS_TRY(ps_file_map(path, &f));
    char *text = ps_alloc(f.size + 1);
    poise_status s = text ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for %zu bytes", f.size);
    if (!s) {
        memcpy(text, f.bytes, f.size);
        s = lines(d, t, image, text);
    }
    ps_free(text);
    ps_file_unmap(&f);
    return s ? ps_fail_in(s, "%s", path) : POISE_OK;
}

static poise_status yolo(ps_dataset *d, const char *dir, const ps_task *t)
{
    char path[PS_PATH_TEXT];
    ps_sources files = {0};
    d->relative = true;
    snprintf(path, sizeof path, "%s/images", dir);
    poise_status s = ps_sources_add(&files, path);
    for (int i = 0; !s && i < files.n; i++) {
        const char *base = ps_cli_base(files.path[i]), *dot = strrchr(base, '.');
        int n = snprintf(path, sizeof path, "%s/labels/%.*s.txt", dir, (int)(dot - base), base);
        if (n < 0 || n >= PS_PATH_TEXT) s = ps_fail(POISE_IO, "%.60s...: the path is too long", dir);
        if (!s) s = ps_dataset_image(d, files.path[i], -1);
        if (!s) s = label_file(d, t, i, path);
    }
    ps_sources_free(&files);
    if (!s && !d->n_truths) s = ps_fail(POISE_IO, "%s/labels: no labels for the images in %s/images", dir, dir);
    return s;
}

/* ---- whole images ---------------------------------------------------------------------------------- */

/* 1000 classes of ImageNet behind one for the background, which names say where there are some. */
static int32_t with_background(const ps_task *t, int32_t class_id)
{
    const char *first = t->names.n ? t->names.name[0] : "background";
    return class_id + (t->n_classes == 1001 && first && !strcasecmp(first, "background"));
}

/* The class that a folder or the beginning of a file name means: its name, or its number. */
static int32_t class_of(const ps_task *t, const char *text, size_t n)
{
    for (int32_t i = 0; i < t->names.n; i++)
        if (t->names.name[i] && strlen(t->names.name[i]) == n && !strncasecmp(t->names.name[i], text, n)) return i;
    long v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)text[i]) || i > 8) return -1;
        v = v * 10 + (text[i] - '0');
    }
    int32_t c = with_background(t, (int32_t)v);
    return n && c < t->n_classes ? c : -1;
}

/* Adds the images of a directory: of one class, or (folder < 0) with the class in their names. */
static poise_status add_images(ps_dataset *d, const char *dir, int32_t folder, const ps_task *t)
{
    ps_sources files = {0};
    poise_status s = ps_sources_add(&files, dir);
    for (int i = 0; !s && i < files.n; i++) {
        const char *base = ps_cli_base(files.path[i]);
        int32_t c = folder >= 0 ? folder : class_of(t, base, strcspn(base, "_-. "));
        if (c < 0)
            s = ps_fail(POISE_IO, "%s: the name begins with no class of the network (a name, or 0 to %d)",
                        files.path[i], t->n_classes - 1);
        else s = ps_dataset_image(d, files.path[i], c);
    }
    ps_sources_free(&files);
    return s;
}

static poise_status class_folders(ps_dataset *d, const char *dir, const ps_task *t)
{
    DIR *list = opendir(dir);
    int folders = 0;
    PS_REQUIRE(list, POISE_IO, "%s: cannot read the directory", dir);
    poise_status s = POISE_OK;
    for (struct dirent *e; !s && (e = readdir(list));) {
        char path[PS_PATH_TEXT];
        struct stat st;
        int n = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || n < 0 || n >= PS_PATH_TEXT || stat(path, &st) || !S_ISDIR(st.st_mode)) continue;
        int32_t c = class_of(t, e->d_name, strlen(e->d_name));
        if (c < 0) s = ps_fail(POISE_IO, "%s: no class of the network has this name or number", path);
        else s = add_images(d, path, c, t);
        folders++;
    }
    closedir(list);
    return s || folders ? s : add_images(d, dir, -1, t);
}

/* ---- arrays ---------------------------------------------------------------------------------------- */

static int64_t label_at(const poise_tensor *y, int32_t i)
{
    switch (y->type) {
    case POISE_U8: return ((const uint8_t *)y->data)[i];
    case POISE_I32: return ((const int32_t *)y->data)[i];
    default: return ((const int64_t *)y->data)[i];
    }
}

static poise_status array_images(ps_dataset *d, const char *path, const poise_tensor *x, const poise_tensor *y, const ps_task *t)
{
    PS_REQUIRE(x->type == POISE_U8 && x->rank == 4 && x->dim[3] == 3 && x->dim[1] > 0 && x->dim[2] > 0, POISE_IO,
               "X must be u8 of [images,h,w,3]");
    PS_REQUIRE((y->type == POISE_U8 || y->type == POISE_I32 || y->type == POISE_I64) && poise_tensor_count(y) == (size_t)x->dim[0],
               POISE_IO, "Y must hold one whole number for each of %d images", x->dim[0]);
    size_t each = (size_t)x->dim[1] * (size_t)x->dim[2] * 3;
    for (int32_t i = 0; i < x->dim[0]; i++) {
        int64_t v = label_at(y, i);
        PS_REQUIRE(v >= 0 && v < t->n_classes, POISE_IO, "Y[%d] is %lld: the network has classes 0 to %d", i, (long long)v,
                   t->n_classes - 1);
        PS_TRY(ps_dataset_image(d, path, (int32_t)v));
        ps_labelled *l = &d->images[d->n_images - 1];
        l->rgb = (const uint8_t *)x->data + (size_t)i * each;
        l->w = x->dim[2], l->h = x->dim[1];
    }
    return POISE_OK;
}

/* Images X and classes Y of an npz file. */
static poise_status arrays(ps_dataset *d, const char *path, const ps_task *t)
{
    ps_file f;
    ps_npz y;
    PS_TRY(ps_file_map(path, &f));
    poise_status s = ps_npz_read(f.bytes, f.size, "X", &d->pixels);
    if (!s) s = ps_npz_read(f.bytes, f.size, "Y", &y);
    ps_file_unmap(&f);
    if (s) return ps_fail_in(s, "%s", path);
    s = array_images(d, path, &d->pixels.array.tensor, &y.array.tensor, t);
    ps_npz_close(&y);
    return s ? ps_fail_in(s, "%s", path) : POISE_OK;
}

poise_status ps_dataset_open(const char *path, const ps_task *t, const ps_classes *wanted, ps_dataset *out)
{
    struct stat st;
    char inner[PS_PATH_TEXT];
    *out = (ps_dataset){.wanted = wanted};
    PS_REQUIRE(!stat(path, &st), POISE_IO, "%s: no such file or directory", path);
    PS_REQUIRE(strlen(path) < sizeof inner - 16, POISE_IO, "the path of the dataset is too long");
    snprintf(inner, sizeof inner, "%s/images", path);
    const char *dot = strrchr(path, '.');
    bool npz = dot && !strcmp(dot, ".npz");
    poise_status s;
    if (t->kind == PS_TASK_CLASSIFY && S_ISDIR(st.st_mode)) s = class_folders(out, path, t);
    else if (t->kind == PS_TASK_CLASSIFY && npz) s = arrays(out, path, t);
    else if (t->kind == PS_TASK_CLASSIFY) s = ps_fail(POISE_BAD_ARGUMENT, "%s: a classifier needs a directory or an .npz file", path);
    else if (!S_ISDIR(st.st_mode)) s = ps_dataset_coco(out, path, t);
    else if (!stat(inner, &st)) s = yolo(out, path, t);
    else s = ps_fail(POISE_BAD_ARGUMENT, "%s: neither a directory with images/ and labels/ nor a COCO .json file", path);
    if (s) ps_dataset_close(out);
    return s;
}
