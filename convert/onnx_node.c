/* convert/onnx_node.c - what translators use: reading one ONNX node, and its results. */
#include "convert/onnx_import.h"

#include <string.h>

/* ---- attributes ---- */

const ps_onnx_attribute *ps_onnx_attr(ps_onnx_call *n, const char *name, int type)
{
    if (n->status != POISE_OK) return NULL;
    for (int i = 0; i < n->node->n_attributes; i++) {
        const ps_onnx_attribute *a = &n->node->attributes[i];
        if (strcmp(a->name, name)) continue;
        if (a->type == type) return a;
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "attribute '%s' has type %d, it must have %d", name, a->type, type);
        return NULL;
    }
    return NULL;
}

int64_t ps_onnx_int(ps_onnx_call *n, const char *name, int64_t otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_INT);
    return a ? a->i : otherwise;
}

bool ps_onnx_flag(ps_onnx_call *n, const char *name, bool otherwise)
{
    return ps_onnx_int(n, name, otherwise) != 0;
}

float ps_onnx_float(ps_onnx_call *n, const char *name, float otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_FLOAT);
    return a ? a->f : otherwise;
}

const char *ps_onnx_text(ps_onnx_call *n, const char *name, const char *otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_STRING);
    return a ? a->s : otherwise;
}

int ps_onnx_choice(ps_onnx_call *n, const char *name, const char *otherwise, const char *const *list)
{
    const char *s = ps_onnx_text(n, name, otherwise);
    for (int i = 0; list[i]; i++)
        if (!strcmp(s, list[i])) return i;
    PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "%s '%.40s' is not supported", name, s);
    return 0;
}

const int64_t *ps_onnx_ints(ps_onnx_call *n, const char *name, size_t *count)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_INTS);
    *count = a ? a->n_ints : 0;
    return a ? a->ints : NULL;
}

/* ---- inputs ---- */

int32_t ps_onnx_in(const ps_onnx_call *n, int i)
{
    if (n->status != POISE_OK) return PS_BROKEN;
    return i >= 0 && i < n->node->n_in ? n->in[i] : PS_ABSENT;
}

bool ps_onnx_has_out(const ps_onnx_call *n, int i)
{
    return i < n->node->n_out && *n->node->out[i];
}

const int64_t *ps_onnx_const_ints(ps_onnx_call *n, int i, const char *what, size_t *count)
{
    return ps_emit_ints(&n->e, ps_onnx_in(n, i), what, count);
}

const float *ps_onnx_const_floats(ps_onnx_call *n, int i, const char *what, size_t *count)
{
    return ps_emit_floats(&n->e, ps_onnx_in(n, i), what, count);
}

int32_t ps_onnx_axes(ps_onnx_call *n, int i, int32_t rank, bool *given)
{
    size_t count = 0;
    const int64_t *axes = ps_onnx_ints(n, "axes", &count);
    if (!axes && i >= 0) axes = ps_onnx_const_ints(n, i, "axes", &count);
    *given = axes != NULL && count > 0;
    int32_t mask = 0;
    for (size_t j = 0; j < count && n->status == POISE_OK; j++) mask |= 1 << ps_onnx_axis(n, axes[j], rank);
    return mask;
}

void ps_onnx_result(ps_onnx_call *n, int k, int32_t value)
{
    if (n->status != POISE_OK || !ps_onnx_has_out(n, k)) return;
    n->out[k] = value;
    ps_value *v = value >= 0 ? &n->c->g->values[value] : NULL;
    if (!v || *v->name) return;
    v->name = ps_heap_string(&n->c->g->heap, n->node->out[k], strlen(n->node->out[k]));
    if (!v->name) {
        v->name = "";
        PS_ONNX_FAIL(n, POISE_NO_MEMORY, "no memory for a name");
    }
}
