/* convert/onnx_inputs.c - binds the dynamic dimensions of inputs. */
#include "convert/onnx_inputs.h"
#include "convert/shape_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_initialiser(const ps_onnx *c, const char *name)
{
    for (int32_t i = 0; i < c->model.n_tensors; i++)
        if (!strcmp(c->model.tensors[i].name, name)) return true;
    return false;
}

poise_status ps_onnx_check_shapes(const ps_onnx *c)
{
    if (!c->o || !c->o->n_shapes) return POISE_OK;
    const char **names = ps_alloc_array((size_t)c->model.n_inputs, sizeof *names);
    PS_REQUIRE(names, POISE_NO_MEMORY, "no memory to convert the ONNX file");
    int32_t n = 0;
    for (int32_t i = 0; i < c->model.n_inputs; i++)
        if (!is_initialiser(c, c->model.inputs[i].name)) names[n++] = c->model.inputs[i].name;
    poise_status s = ps_shape_options_check(c->o, n, names);
    ps_free(names);
    return s;
}

/* Height and width from the options, or from metadata like "[640, 480]" or "640". */
static bool image_size(const ps_onnx *c, int32_t *h, int32_t *w)
{
    if (c->o && c->o->imgsz_h > 0 && c->o->imgsz_w > 0) {
        *h = c->o->imgsz_h, *w = c->o->imgsz_w;
        return true;
    }
    for (int32_t i = 0; i < c->model.n_meta; i++) {
        if (strcmp(c->model.meta[2 * i], "imgsz")) continue;
        int a = 0, b = 0, n = sscanf(c->model.meta[2 * i + 1], " [ %d , %d", &a, &b);
        if (n < 1) n = sscanf(c->model.meta[2 * i + 1], "%d", &a);
        if (n == 1) b = a;
        *h = a, *w = b;
        return n >= 1 && a > 0 && b > 0;
    }
    return false;
}

static poise_status dynamic(const ps_onnx_info *info, const char *why)
{
    char shape[160];
    size_t used = 0;
    shape[0] = 0;
    for (int32_t i = 0; i < info->rank && used + 20 < sizeof shape; i++)
        used += info->dim[i] < 0
                    ? (size_t)snprintf(shape + used, sizeof shape - used, "%s%.12s", i ? "x" : "",
                                       *info->symbol[i] ? info->symbol[i] : "?")
                    : (size_t)snprintf(shape + used, sizeof shape - used, "%s%d", i ? "x" : "", info->dim[i]);
    return ps_fail(POISE_BAD_ARGUMENT, "input '%.100s' has no fixed size (%s): %s", info->name,
                   info->rank < 0 ? "unknown rank" : shape, why);
}

/* Symbolic dimensions of one image: [n,c,h,w], or [n,h,w,c] where the last is known to be 1, 3 or 4. */
static poise_status bind_image(const ps_onnx *c, const ps_onnx_info *info, ps_value *v)
{
    int32_t h = 0, w = 0;
    bool last = v->dim[1] < 0 && (v->dim[3] == 1 || v->dim[3] == 3 || v->dim[3] == 4);
    int ih = last ? 1 : 2, iw = last ? 2 : 3;
    if (v->dim[ih] < 0 || v->dim[iw] < 0) {
        if (!image_size(c, &h, &w))
            return dynamic(info, "give the image size (imgsz=HxW) or --shape NAME=1x3x640x640");
        if (v->dim[ih] < 0) v->dim[ih] = h;
        if (v->dim[iw] < 0) v->dim[iw] = w;
    }
    if (!last && v->dim[1] < 0) v->dim[1] = 3;
    return POISE_OK;
}

poise_status ps_onnx_bind_input(const ps_onnx *c, const ps_onnx_info *info, ps_value *v)
{
    v->type = ps_onnx_type(info->type);
    PS_REQUIRE(v->type != POISE_NONE, POISE_UNSUPPORTED, "input '%s' has type %s, which is not supported",
               info->name, ps_onnx_type_name(info->type));
    if (ps_shape_option(c->o, info->name, &v->rank, v->dim)) {
        PS_REQUIRE(info->rank < 0 || info->rank == v->rank, POISE_BAD_ARGUMENT,
                   "input '%s' has %d dimensions, --shape gives it %d", info->name, info->rank, v->rank);
    } else {
        if (info->rank < 0) return dynamic(info, "give --shape NAME=1x3x640x640");
        v->rank = info->rank;
        memcpy(v->dim, info->dim, sizeof v->dim);
        if (v->rank > 1 && v->dim[0] < 0) v->dim[0] = 1;
        if (v->rank == 4) PS_TRY(bind_image(c, info, v));
        for (int32_t i = 0; i < v->rank; i++)
            if (v->dim[i] < 0) return dynamic(info, "give --shape NAME=SIZE, for example 1x3x640x640");
    }
    size_t count;
    PS_REQUIRE(ps_dims_count(v->rank, v->dim, &count), POISE_BAD_ARGUMENT, "input '%s' is too large",
               info->name);
    return POISE_OK;
}
