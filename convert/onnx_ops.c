/* convert/onnx_ops.c - finds the translator of an ONNX operator among the families. */
#include "convert/onnx_import.h"

#include <string.h>

static const ps_onnx_op *const families[] = {
    ps_onnx_ops_math, ps_onnx_ops_conv,  ps_onnx_ops_norm,  ps_onnx_ops_reduce, ps_onnx_ops_shape,
    ps_onnx_ops_move, ps_onnx_ops_index, ps_onnx_ops_const, ps_onnx_ops_image,  ps_onnx_ops_einsum,
    ps_onnx_ops_quant, ps_onnx_ops_qlinear,
};

const ps_onnx_op *ps_onnx_op_at(int i)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const ps_onnx_op *o = families[f]; o->name; o++)
            if (i-- == 0) return o;
    return NULL;
}

const ps_onnx_op *ps_onnx_op_find(const char *domain, const char *name, int64_t opset)
{
    const ps_onnx_op *o;
    if (!strcmp(domain, "ai.onnx")) domain = "";
    for (int i = 0; (o = ps_onnx_op_at(i)); i++) {
        if (strcmp(o->name, name) || strcmp(o->domain ? o->domain : "", domain)) continue;
        if (o->domain || (opset >= o->since && (!o->until || opset <= o->until))) return o;
    }
    return NULL;
}
