/* convert/onnx_ops_image.c - ONNX operators that sample images: Resize, Upsample, GridSample, RoiAlign. */
#include "convert/onnx_import.h"

#include <math.h>
#include <string.h>

static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", "bicubic", NULL};

static int resize_mode(ps_onnx_call *n)
{
    static const int kinds[] = {PS_RESIZE_NEAREST, PS_RESIZE_LINEAR, PS_RESIZE_CUBIC, PS_RESIZE_LINEAR,
                                PS_RESIZE_CUBIC};
    return kinds[ps_onnx_choice(n, "mode", "nearest", modes)];
}

/* In float, as everybody else does: 10 * 0.7f is 7 there, and less in double. */
static int32_t scaled(ps_onnx_call *n, int32_t dim, float extent, float scale)
{
    float d = floorf((float)dim * extent * scale);
    if (scale > 0 && d >= 0 && d < 0x1p31f) return (int32_t)d;
    PS_ONNX_FAIL(n, POISE_BAD_MODEL, "a scale of %g for a dimension of %d", (double)scale, dim);
    return 0;
}

static void use_scales(ps_onnx_call *n, ps_resize_params *p, const ps_value *x, const int32_t *axis,
                       size_t count, const float *scales)
{
    for (size_t i = 0; i < count; i++) {
        int32_t a = axis[i];
        bool crop = p->coord == PS_COORD_TF_CROP;
        float extent = crop ? p->roi[p->rank + a] - p->roi[a] : 1;
        p->dim[a] = scaled(n, x->dim[a], extent, scales[i]);
        p->scale[a] = scales[i];
    }
}

/* Sizes; with keep_aspect_ratio_policy one scale for all axes, the smallest or the largest. */
static void use_sizes(ps_onnx_call *n, ps_resize_params *p, const ps_value *x, const int32_t *axis,
                      size_t count, const int64_t *sizes)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int policy = ps_onnx_choice(n, "keep_aspect_ratio_policy", "stretch", policies);
    double scale = policy == 1 ? (double)INFINITY : 0;
    for (size_t i = 0; i < count; i++) {
        int32_t dim = x->dim[axis[i]];
        PS_ONNX_REQUIRE(n, sizes[i] >= 0 && sizes[i] <= INT32_MAX && dim > 0, POISE_BAD_MODEL,
                        "a size of %lld for a dimension of %d", (long long)sizes[i], dim);
        double s = (double)sizes[i] / dim;
        scale = policy == 1 ? fmin(scale, s) : fmax(scale, s);
    }
    for (size_t i = 0; i < count; i++) {
        int32_t a = axis[i];
        double d = policy ? floor(scale * x->dim[a] + 0.5) : (double)sizes[i];
        PS_ONNX_REQUIRE(n, d <= INT32_MAX, POISE_BAD_MODEL, "a size of %g", d);
        p->dim[a] = (int32_t)d;
        p->scale[a] = policy ? (float)scale : (float)(d / x->dim[a]);
    }
}

static void resize_attributes(ps_onnx_call *n, ps_resize_params *p)
{
    static const char *const coords[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
        "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    p->mode = resize_mode(n);
    p->coord = ps_onnx_choice(n, "coordinate_transformation_mode", "half_pixel", coords);
    p->nearest = ps_onnx_choice(n, "nearest_mode", "round_prefer_floor", nearest);
    p->exclude_outside = ps_onnx_flag(n, "exclude_outside", false);
    p->antialias = ps_onnx_flag(n, "antialias", false);
    p->cubic_a = ps_onnx_float(n, "cubic_coeff_a", -0.75F);
    p->extrapolation = ps_onnx_float(n, "extrapolation_value", 0);
}

/* The axes that scales, sizes and roi speak of: attribute `axes` (18), else all. */
static size_t resize_axes(ps_onnx_call *n, int32_t rank, int32_t *axis)
{
    size_t count;
    const int64_t *given = ps_onnx_ints(n, "axes", &count);
    if (!given || !count) {
        for (int32_t i = 0; i < rank; i++) axis[i] = i;
        return (size_t)rank;
    }
    if (count > (size_t)rank) PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%zu axes of %d dimensions", count, rank);
    for (size_t i = 0; i < count && n->status == POISE_OK; i++) axis[i] = ps_onnx_axis(n, given[i], rank);
    return n->status == POISE_OK ? count : 0;
}

static void use_roi(ps_onnx_call *n, ps_resize_params *p, const int32_t *axis, size_t count)
{
    for (int32_t i = 0; i < p->rank; i++) p->roi[p->rank + i] = 1;
    if (p->coord != PS_COORD_TF_CROP) return;
    size_t given;
    const float *roi = ps_onnx_const_floats(n, 1, "roi", &given);
    PS_ONNX_REQUIRE(n, roi && given == 2 * count, POISE_BAD_MODEL, "roi has %zu numbers for %zu axes", given,
                    count);
    for (size_t i = 0; i < count; i++) p->roi[axis[i]] = roi[i], p->roi[p->rank + axis[i]] = roi[i + count];
}

/* X, roi, scales, sizes. */
static void resize(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    ps_resize_params p = {.rank = x.rank};
    int32_t axis[POISE_MAX_DIMS] = {0};
    size_t n_scales, n_sizes, count = resize_axes(n, x.rank, axis);
    memcpy(p.dim, x.dim, sizeof p.dim);
    for (int i = 0; i < x.rank; i++) p.scale[i] = 1;
    resize_attributes(n, &p);
    use_roi(n, &p, axis, count);
    const float *scales = ps_onnx_const_floats(n, 2, "scales", &n_scales);
    const int64_t *sizes = ps_onnx_const_ints(n, 3, "sizes", &n_sizes);
    if (n->status != POISE_OK) return;
    bool by_size = sizes && n_sizes > 0;
    PS_ONNX_REQUIRE(n, by_size ? n_sizes == count : scales && n_scales == count, POISE_BAD_MODEL,
                    "%zu scales and %zu sizes for %zu axes", n_scales, n_sizes, count);
    if (by_size)
        use_sizes(n, &p, &x, axis, count, sizes);
    else
        use_scales(n, &p, &x, axis, count, scales);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_resize, &p, ps_onnx_in(n, 0)));
}

/* Upsample, and Resize of opset 10: X and scales, the pixel at floor(y / scale). */
static void upsample(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    ps_resize_params p = {
        .rank = x.rank, .coord = PS_COORD_ASYMMETRIC, .nearest = PS_NEAREST_FLOOR, .cubic_a = -0.75F};
    int32_t axis[POISE_MAX_DIMS] = {0, 1, 2, 3, 4, 5, 6, 7};
    size_t count = 0;
    p.mode = resize_mode(n);
    const ps_onnx_attribute *a = n->opset < 9 ? ps_onnx_attr(n, "scales", PS_ONNX_ATTR_FLOATS) : NULL;
    const float *scales = a ? a->floats : ps_onnx_const_floats(n, 1, "scales", &count);
    if (a) count = a->n_floats;
    PS_ONNX_REQUIRE(n, scales && count == (size_t)x.rank, POISE_BAD_MODEL, "%zu scales for %d dimensions",
                    count, x.rank);
    for (int32_t i = 0; i < x.rank; i++) p.roi[x.rank + i] = 1;
    use_scales(n, &p, &x, axis, count, scales);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_resize, &p, ps_onnx_in(n, 0)));
}

static void grid_sample(ps_onnx_call *n)
{
    static const char *const names[] = {"bilinear", "nearest", "bicubic", "linear", "cubic", NULL};
    static const int kinds[] = {PS_GRID_LINEAR, PS_GRID_NEAREST, PS_GRID_CUBIC, PS_GRID_LINEAR,
                                PS_GRID_CUBIC};
    static const char *const borders[] = {"zeros", "border", "reflection", NULL};
    ps_grid_sample_params p = {kinds[ps_onnx_choice(n, "mode", "bilinear", names)],
                               ps_onnx_choice(n, "padding_mode", "zeros", borders),
                               ps_onnx_flag(n, "align_corners", false)};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_grid_sample, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1)));
}

static void roi_align(ps_onnx_call *n)
{
    static const char *const kinds[] = {"avg", "max", NULL};
    static const char *const coords[] = {"output_half_pixel", "half_pixel", NULL};
    ps_roi_align_params p = {
        .max = ps_onnx_choice(n, "mode", "avg", kinds),
        .half_pixel = ps_onnx_choice(n, "coordinate_transformation_mode",
                                     n->opset < 16 ? "output_half_pixel" : "half_pixel", coords),
        .out_h = ps_onnx_clamp32(ps_onnx_int(n, "output_height", 1)),
        .out_w = ps_onnx_clamp32(ps_onnx_int(n, "output_width", 1)),
        .sampling_ratio = ps_onnx_clamp32(ps_onnx_int(n, "sampling_ratio", 0)),
        .spatial_scale = ps_onnx_float(n, "spatial_scale", 1),
    };
    ps_onnx_result(n, 0,
                   PS_EMIT(n, &ps_op_roi_align, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

const ps_onnx_op ps_onnx_ops_image[] = {
    {"Upsample", 7, 9, 1, 2, upsample, 0, NULL},   {"Resize", 10, 10, 2, 2, upsample, 0, NULL},
    {"Resize", 11, 0, 1, 4, resize, 0, NULL},      {"GridSample", 16, 0, 2, 2, grid_sample, 0, NULL},
    {"RoiAlign", 10, 0, 3, 3, roi_align, 0, NULL}, {.name = NULL},
};
