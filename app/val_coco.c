/* app/val_coco.c - reads COCO annotation files. */
#include "app/val_data.h"

#if !PS_WITH_JSON

poise_status ps_dataset_coco(ps_dataset *d, const char *path, const ps_task *t)
{
    (void)d, (void)t;
    return ps_fail(POISE_UNSUPPORTED, "%s: this poise was built without a JSON reader (jansson)", path);
}

#else

#include "app/cli.h"
#include "app/coco.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct known {
    json_int_t id;
    int index;
} known;

typedef struct reader {
    ps_dataset *d;
    const ps_task *t;
    const char *path;
    known *images, *categories;
    int n_images, n_categories;
} reader;

static int by_id(const void *a, const void *b)
{
    const known *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int lookup(const known *list, int n, json_int_t id)
{
    const known key = {id, 0}, *at = n ? bsearch(&key, list, (size_t)n, sizeof *list, by_id) : NULL;
    return at ? at->index : -1;
}

/* Images lie beside the annotations, in a folder beside them, or in one beside their folder. */
static bool find_image(const reader *r, const char *name, char path[PS_PATH_TEXT])
{
    static const char *const places[] = {"", "images/", "../images/", "../", "val2017/", "../val2017/"};
    int dir = (int)(ps_cli_base(r->path) - r->path);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(path, PS_PATH_TEXT, "%.*s%s%s", dir, r->path, places[i], name);
        if (n > 0 && n < PS_PATH_TEXT && !access(path, R_OK)) return true;
    }
    return false;
}

static poise_status read_images(reader *r, const json_t *list)
{
    size_t n = json_array_size(list);
    r->images = ps_alloc_array(n, sizeof *r->images);
    PS_REQUIRE(r->images, POISE_NO_MEMORY, "no memory for %zu images", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i), *id = json_object_get(o, "id");
        const char *name = json_string_value(json_object_get(o, "file_name"));
        char path[PS_PATH_TEXT];
        PS_REQUIRE(name && json_is_integer(id), POISE_IO, "image %zu has no file_name or id", i);
        if (!find_image(r, name, path)) {
            r->d->missing++;
            continue;
        }
        r->images[r->n_images++] = (known){json_integer_value(id), r->d->n_images};
        PS_TRY(ps_dataset_image(r->d, path, -1));
    }
    PS_REQUIRE(r->d->n_images, POISE_IO, "none of its %zu images is beside it or in images/", n);
    qsort(r->images, (size_t)r->n_images, sizeof *r->images, by_id);
    return POISE_OK;
}

/* The network's class for a category: the same name; else COCO's numbering; else none. */
static int class_for(const ps_task *t, const char *name, json_int_t id)
{
    for (int32_t i = 0; name && i < t->names.n; i++)
        if (t->names.name[i] && !strcmp(t->names.name[i], name)) return i;
    bool numbered = t->n_classes == PS_COCO_CLASSES || (t->n_classes == 1 && id == 1);
    return numbered && id >= 1 && id <= 90 ? ps_coco_class((int)id) : -1;
}

static poise_status read_categories(reader *r, const json_t *list)
{
    size_t n = json_array_size(list);
    int used = 0;
    r->categories = ps_alloc_array(n, sizeof *r->categories);
    PS_REQUIRE(r->categories, POISE_NO_MEMORY, "no memory for %zu categories", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i), *id = json_object_get(o, "id");
        PS_REQUIRE(json_is_integer(id), POISE_IO, "category %zu has no id", i);
        int c = class_for(r->t, json_string_value(json_object_get(o, "name")), json_integer_value(id));
        r->categories[r->n_categories++] = (known){json_integer_value(id), c};
        used += c >= 0;
    }
    PS_REQUIRE(used, POISE_IO, "none of its %zu categories is a class of the network", n);
    qsort(r->categories, n, sizeof *r->categories, by_id);
    return POISE_OK;
}

static poise_status read_keypoints(reader *r, const json_t *list, ps_truth *t)
{
    size_t n = json_array_size(list) / 3;
    if (!n || n != (size_t)r->t->n_keypoints) return POISE_OK;
    poise_keypoint *p = ps_heap_push(&r->d->heap, n * sizeof *p);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for keypoints");
    for (size_t i = 0; i < n; i++)
        p[i] = (poise_keypoint){(float)json_number_value(json_array_get(list, 3 * i)),
                                (float)json_number_value(json_array_get(list, 3 * i + 1)),
                                (float)json_number_value(json_array_get(list, 3 * i + 2))};
    t->keypoint = p;
    t->n_keypoints = (int)n;
    r->d->keypoints = true;
    return POISE_OK;
}

static poise_status read_annotation(reader *r, const json_t *o)
{
    const json_t *box = json_object_get(o, "bbox");
    int image = lookup(r->images, r->n_images, json_integer_value(json_object_get(o, "image_id")));
    int c = lookup(r->categories, r->n_categories, json_integer_value(json_object_get(o, "category_id")));
    if (image < 0 || c < 0 || (r->d->wanted && !ps_classes_has(r->d->wanted, c))) return POISE_OK;
    PS_REQUIRE(json_array_size(box) == 4, POISE_IO, "an annotation has no bbox of 4 numbers");
    float v[4];
    for (size_t i = 0; i < 4; i++) {
        v[i] = (float)json_number_value(json_array_get(box, i));
        PS_REQUIRE(isfinite(v[i]), POISE_IO, "a bbox is not finite");
    }
    ps_truth t = {.image = image, .class_id = c, .x1 = v[0], .y1 = v[1], .x2 = v[0] + v[2], .y2 = v[1] + v[3]};
    t.area = (float)json_number_value(json_object_get(o, "area"));
    t.crowd = json_integer_value(json_object_get(o, "iscrowd")) != 0;
    PS_TRY(read_keypoints(r, json_object_get(o, "keypoints"), &t));
    return ps_dataset_truth(r->d, &t);
}

static poise_status read_all(reader *r, const json_t *root)
{
    const json_t *list = json_object_get(root, "annotations");
    PS_REQUIRE(json_is_array(list) && json_is_array(json_object_get(root, "images")) &&
                   json_is_array(json_object_get(root, "categories")),
               POISE_IO, "not a COCO file: images, annotations or categories is missing");
    PS_TRY(read_images(r, json_object_get(root, "images")));
    PS_TRY(read_categories(r, json_object_get(root, "categories")));
    for (size_t i = 0; i < json_array_size(list); i++) PS_TRY(read_annotation(r, json_array_get(list, i)));
    return POISE_OK;
}

poise_status ps_dataset_coco(ps_dataset *d, const char *path, const ps_task *t)
{
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);
    PS_REQUIRE(root, POISE_IO, "%s: line %d: %.100s", path, why.line, why.text);
    reader r = {.d = d, .t = t, .path = path};
    poise_status s = read_all(&r, root);
    json_decref(root);
    ps_free(r.images);
    ps_free(r.categories);
    return s ? ps_fail_in(s, "%s", path) : POISE_OK;
}

#endif
