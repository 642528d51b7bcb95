/* convert/onnx_ops_index.c - ONNX operators that read or write where other tensors say. */
#include "convert/onnx_import.h"

static void gather(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_axis_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", 0), ps_onnx_value(n, x).rank)};
    ps_onnx_result(n, 0,
                   PS_EMIT(n, n->arg ? &ps_op_gather_elements : &ps_op_gather, &p, x, ps_onnx_in(n, 1)));
}

static void gather_nd(ps_onnx_call *n)
{
    ps_gather_nd_params p = {ps_onnx_clamp32(ps_onnx_int(n, "batch_dims", 0))};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_gather_nd, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1)));
}

static void scatter(ps_onnx_call *n)
{
    static const char *const ways[] = {"none", "add", "mul", "max", "min", NULL};
    int32_t x = ps_onnx_in(n, 0);
    ps_scatter_params p = {.reduction = ps_onnx_choice(n, "reduction", "none", ways)};
    if (!n->arg) p.axis = ps_onnx_axis(n, ps_onnx_int(n, "axis", 0), ps_onnx_value(n, x).rank);
    const ps_op *op = n->arg ? &ps_op_scatter_nd : &ps_op_scatter_elements;
    ps_onnx_result(n, 0, PS_EMIT(n, op, &p, x, ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

static void one_hot(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    size_t count;
    const float *depth = ps_onnx_const_floats(n, 1, "depth", &count); /* any numeric type is legal */
    PS_ONNX_REQUIRE(n, depth && count == 1 && depth[0] >= 0 && depth[0] < 1e7F, POISE_BAD_MODEL,
                    "input 'depth' must be one number");
    ps_one_hot_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", -1), ps_onnx_value(n, x).rank + 1),
                           (int32_t)depth[0]};
    if (ps_onnx_value(n, x).type != POISE_I32) x = ps_onnx_cast(n, POISE_I64, x);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_one_hot, &p, x, ps_onnx_in(n, 2)));
}

static void non_zero(ps_onnx_call *n)
{
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_non_zero, NULL, ps_onnx_in(n, 0)));
}

/* One constant float, or what the standard assumes when it is absent. */
static float number(ps_onnx_call *n, int i, const char *what, float otherwise, bool *given)
{
    size_t count;
    const float *v = ps_onnx_const_floats(n, i, what, &count);
    if (v && count != 1) PS_ONNX_FAIL(n, POISE_BAD_MODEL, "input '%s' must be one number", what);
    *given = v != NULL;
    return v && count == 1 ? v[0] : otherwise;
}

static void nms(ps_onnx_call *n)
{
    size_t count;
    bool has_iou, has_score;
    const int64_t *most = ps_onnx_const_ints(n, 2, "max_output_boxes_per_class", &count);
    PS_ONNX_REQUIRE(n, !most || count == 1, POISE_BAD_MODEL, "max_output_boxes_per_class must be one number");
    ps_nms_params p = {.center_box = ps_onnx_flag(n, "center_point_box", false)};
    p.max_per_class = most && most[0] > 0 ? ps_onnx_clamp32(most[0]) : 0;
    p.iou = number(n, 3, "iou_threshold", 0, &has_iou);
    p.score = number(n, 4, "score_threshold", 0, &has_score);
    p.has_score = has_score;
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_nms, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1)));
}

/* With a constant condition it is a Gather. */
static void compress(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), hits = 0;
    ps_value v = ps_onnx_value(n, x);
    size_t count;
    const int64_t *keep = ps_onnx_const_ints(n, 1, "condition", &count);
    bool flat = !ps_onnx_attr(n, "axis", PS_ONNX_ATTR_INT);
    ps_axis_params p = {flat ? 0 : ps_onnx_axis(n, ps_onnx_int(n, "axis", 0), v.rank)};
    int32_t all = ps_onnx_product(&v, 0, v.rank);
    if (flat) x = ps_onnx_reshape(n, x, 1, &all);
    PS_ONNX_REQUIRE(n, keep && count <= (size_t)(flat ? all : v.dim[p.axis]), POISE_BAD_MODEL,
                    "a condition of %zu elements", count);
    int64_t *at = ps_heap_push(&n->c->heap, count * sizeof *at);
    PS_ONNX_REQUIRE(n, at, POISE_NO_MEMORY, "no memory");
    for (size_t i = 0; i < count; i++)
        if (keep[i]) at[hits++] = (int64_t)i;
    int32_t index = ps_onnx_constant(n, POISE_I64, 1, &hits, at);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_gather, &p, x, index));
}

const ps_onnx_op ps_onnx_ops_index[] = {
    {"Gather", 1, 0, 2, 2, gather, 0, NULL},
    {"GatherElements", 11, 0, 2, 2, gather, 1, NULL},
    {"GatherND", 11, 0, 2, 2, gather_nd, 0, NULL},
    {"Scatter", 9, 10, 3, 3, scatter, 0, NULL},
    {"ScatterElements", 11, 0, 3, 3, scatter, 0, NULL},
    {"ScatterND", 11, 0, 3, 3, scatter, 1, NULL},
    {"OneHot", 9, 0, 3, 3, one_hot, 0, NULL},
    {"NonZero", 9, 0, 1, 1, non_zero, 0, NULL},
    {"NonMaxSuppression", 10, 0, 2, 5, nms, 0, NULL},
    {"Compress", 9, 0, 2, 2, compress, 0, NULL},
    {.name = NULL},
};
