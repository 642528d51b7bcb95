/* convert/onnx_model.c - reads ModelProto and what is inside it, except tensors. */
#include "convert/onnx_model.h"

#include <string.h>

#define OOM ps_fail(POISE_NO_MEMORY, "no memory to read the ONNX file")

static poise_status damaged(const ps_wire *w, const char *what)
{
    return ps_fail(POISE_BAD_MODEL, "not a valid ONNX file: %s: %s", what, w->bad);
}

/* How many times fields `number` appear in a message. */
static poise_status count_fields(ps_wire w, uint32_t number, size_t most, const char *what, size_t *count)
{
    ps_wire_field f;
    size_t n = 0;
    while (ps_wire_next(&w, &f)) n += f.number == number;
    if (w.bad) return damaged(&w, what);
    PS_REQUIRE(n <= most, POISE_BAD_MODEL, "not a valid ONNX file: %zu entries in %s, at most %zu", n, what,
               most);
    *count = n;
    return POISE_OK;
}

static poise_status message(const ps_wire_field *f, const char *what)
{
    PS_REQUIRE(f->type == PS_WIRE_BYTES, POISE_BAD_MODEL, "not a valid ONNX file: %s has wire type %u", what,
               f->type);
    return POISE_OK;
}

static poise_status text(const ps_wire_field *f, ps_heap *heap, size_t most, const char *what,
                         const char **out)
{
    PS_TRY(message(f, what));
    size_t n = ps_wire_left(&f->bytes);
    PS_REQUIRE(n <= most, POISE_BAD_MODEL, "not a valid ONNX file: %s has %zu bytes, at most %zu", what, n,
               most);
    PS_REQUIRE(!memchr(f->bytes.at, 0, n), POISE_BAD_MODEL, "not a valid ONNX file: %s has a zero byte",
               what);
    *out = n ? ps_heap_string(heap, (const char *)f->bytes.at, n) : "";
    return *out ? POISE_OK : OOM;
}

static poise_status number(ps_wire *w, ps_wire_field *f, const char *what, int64_t *out)
{
    uint64_t v = 0;
    if (f->type != PS_WIRE_VARINT || !ps_wire_number(w, f, PS_WIRE_VARINT, &v))
        return ps_fail(POISE_BAD_MODEL, "not a valid ONNX file: %s is not a number", what);
    *out = (int64_t)v;
    return POISE_OK;
}

/* ---- attributes ---- */

static poise_status count_attribute(ps_onnx_attribute *a, ps_wire w)
{
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        if (f.number == 7) a->n_floats += ps_wire_numbers(&w, &f, PS_WIRE_32);
        if (f.number == 8) a->n_ints += ps_wire_numbers(&w, &f, PS_WIRE_VARINT);
    }
    if (w.bad) return damaged(&w, "an attribute");
    PS_REQUIRE(a->n_floats <= PS_ONNX_MAX_NUMBERS && a->n_ints <= PS_ONNX_MAX_NUMBERS, POISE_BAD_MODEL,
               "not a valid ONNX file: an attribute holds %zu numbers, at most %d",
               a->n_floats > a->n_ints ? a->n_floats : a->n_ints, PS_ONNX_MAX_NUMBERS);
    return POISE_OK;
}

/* Files of the first years have no type field: the value that is there tells. */
static int32_t guess_type(uint32_t field)
{
    switch (field) {
    case 2: return PS_ONNX_ATTR_FLOAT;
    case 3: return PS_ONNX_ATTR_INT;
    case 4: return PS_ONNX_ATTR_STRING;
    case 5: return PS_ONNX_ATTR_TENSOR;
    case 6: return 5;
    case 7: return PS_ONNX_ATTR_FLOATS;
    case 8: return PS_ONNX_ATTR_INTS;
    case 9: return PS_ONNX_ATTR_STRINGS;
    default: return 0;
    }
}

static poise_status attribute_tensor(ps_onnx_attribute *a, ps_heap *heap, const ps_wire_field *f)
{
    PS_TRY(message(f, "a tensor"));
    a->t = ps_heap_push(heap, sizeof *a->t);
    return a->t ? ps_onnx_tensor_read(a->t, heap, f->bytes) : OOM;
}

static poise_status attribute_read(ps_onnx_attribute *a, ps_heap *heap, ps_wire w)
{
    *a = (ps_onnx_attribute){.name = "", .s = ""};
    PS_TRY(count_attribute(a, w));
    a->floats = ps_heap_push(heap, a->n_floats * sizeof(float));
    a->ints = ps_heap_push(heap, a->n_ints * sizeof(int64_t));
    if (!a->floats || !a->ints) return OOM;
    size_t n_f = 0, n_i = 0;
    int64_t type = 0;
    int32_t guess = 0;
    uint64_t v;
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        if (guess_type(f.number)) guess = guess_type(f.number);
        switch (f.number) {
        case 1: PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "an attribute's name", &a->name)); break;
        case 2:
            PS_REQUIRE(f.type == PS_WIRE_32, POISE_BAD_MODEL,
                       "not a valid ONNX file: attribute '%s' is not a float", a->name);
            a->f = ps_wire_float(f.value);
            break;
        case 3: PS_TRY(number(&w, &f, "an attribute", &a->i)); break;
        case 4: /* bytes rather than text: kept up to the first zero */
            PS_TRY(message(&f, "a string attribute"));
            PS_REQUIRE(ps_wire_left(&f.bytes) <= PS_ONNX_MAX_TEXT, POISE_BAD_MODEL,
                       "not a valid ONNX file: attribute '%s' is too long", a->name);
            a->s = ps_heap_string(heap, (const char *)f.bytes.at, ps_wire_left(&f.bytes));
            if (!a->s) return OOM;
            break;
        case 5: PS_TRY(attribute_tensor(a, heap, &f)); break;
        case 7:
            while (ps_wire_number(&w, &f, PS_WIRE_32, &v)) a->floats[n_f++] = ps_wire_float(v);
            break;
        case 8:
            while (ps_wire_number(&w, &f, PS_WIRE_VARINT, &v)) a->ints[n_i++] = (int64_t)v;
            break;
        case 20: PS_TRY(number(&w, &f, "an attribute's type", &type)); break;
        default: break;
        }
    }
    a->type = type > 0 && type < 100 ? (int32_t)type : guess;
    if (a->type == PS_ONNX_ATTR_TENSOR && !a->t)
        return ps_fail(POISE_BAD_MODEL, "not a valid ONNX file: attribute '%s' has no tensor", a->name);
    return POISE_OK;
}

/* ---- nodes ---- */

static poise_status ports(ps_wire w, uint32_t field, ps_heap *heap, const char ***out, int32_t *count)
{
    size_t n = 0;
    PS_TRY(count_fields(w, field, PS_ONNX_MAX_PORTS, "a node", &n));
    *out = ps_heap_push(heap, n * sizeof **out);
    if (!*out) return OOM;
    ps_wire_field f;
    *count = 0;
    while (ps_wire_next(&w, &f))
        if (f.number == field)
            PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a value's name", &(*out)[(*count)++]));
    return POISE_OK;
}

static poise_status node_read(ps_onnx_node *n, ps_heap *heap, ps_wire w)
{
    *n = (ps_onnx_node){.name = "", .op = "", .domain = ""};
    PS_TRY(ports(w, 1, heap, &n->in, &n->n_in));
    PS_TRY(ports(w, 2, heap, &n->out, &n->n_out));
    size_t count = 0;
    PS_TRY(count_fields(w, 5, PS_ONNX_MAX_ATTRIBUTES, "the attributes of a node", &count));
    n->attributes = ps_heap_push(heap, count * sizeof *n->attributes);
    if (!n->attributes) return OOM;
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        switch (f.number) {
        case 3: PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a node's name", &n->name)); break;
        case 4: PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a node's operator", &n->op)); break;
        case 5:
            PS_TRY(message(&f, "an attribute"));
            PS_TRY(attribute_read(&n->attributes[n->n_attributes++], heap, f.bytes));
            break;
        case 7: PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a node's domain", &n->domain)); break;
        default: break;
        }
    }
    return POISE_OK;
}

/* ---- value infos ---- */

static poise_status dimension_read(ps_onnx_info *v, ps_heap *heap, ps_wire w)
{
    ps_wire_field f;
    int64_t d = 0;
    if (v->rank == POISE_MAX_DIMS)
        return ps_fail(POISE_UNSUPPORTED, "'%s' has more than %d dimensions", v->name, POISE_MAX_DIMS);
    int32_t i = v->rank++;
    v->dim[i] = -1;
    v->symbol[i] = "";
    while (ps_wire_next(&w, &f)) {
        if (f.number == 1) {
            PS_TRY(number(&w, &f, "a dimension", &d));
            /* some exporters write -1 for a symbolic dimension */
            PS_REQUIRE(d >= -1 && d <= INT32_MAX, POISE_BAD_MODEL, "'%s' has a dimension of %lld", v->name,
                       (long long)d);
            v->dim[i] = (int32_t)d;
        }
        if (f.number == 2) PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a dimension's name", &v->symbol[i]));
    }
    return w.bad ? damaged(&w, "a dimension") : POISE_OK;
}

static poise_status shape_read(ps_onnx_info *v, ps_heap *heap, ps_wire w)
{
    ps_wire_field f;
    v->rank = 0;
    while (ps_wire_next(&w, &f)) {
        if (f.number != 1) continue;
        PS_TRY(message(&f, "a dimension"));
        PS_TRY(dimension_read(v, heap, f.bytes));
    }
    return w.bad ? damaged(&w, "a shape") : POISE_OK;
}

static poise_status tensor_type_read(ps_onnx_info *v, ps_heap *heap, ps_wire w)
{
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        int64_t type = 0;
        if (f.number == 1) {
            PS_TRY(number(&w, &f, "an element type", &type));
            v->type = type > 0 && type < 100 ? (int32_t)type : 0;
        }
        if (f.number == 2) {
            PS_TRY(message(&f, "a shape"));
            PS_TRY(shape_read(v, heap, f.bytes));
        }
    }
    return w.bad ? damaged(&w, "a type") : POISE_OK;
}

static poise_status info_read(ps_onnx_info *v, ps_heap *heap, ps_wire w)
{
    *v = (ps_onnx_info){.name = "", .rank = -1};
    ps_wire_field f, g;
    while (ps_wire_next(&w, &f)) {
        if (f.number == 1) PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a value's name", &v->name));
        if (f.number != 2) continue;
        PS_TRY(message(&f, "a type"));
        while (ps_wire_next(&f.bytes, &g)) {
            if (g.number != 1) continue;
            PS_TRY(message(&g, "a tensor type"));
            PS_TRY(tensor_type_read(v, heap, g.bytes));
        }
        if (f.bytes.bad) return damaged(&f.bytes, "a type");
    }
    return w.bad ? damaged(&w, "a value") : POISE_OK;
}

/* ---- graph and model ---- */

static poise_status graph_lists(ps_onnx_model *m, ps_heap *heap, ps_wire w)
{
    size_t nodes = 0, tensors = 0, inputs = 0, outputs = 0, sparse = 0;
    PS_TRY(count_fields(w, 1, PS_ONNX_MAX_NODES, "the nodes", &nodes));
    PS_TRY(count_fields(w, 5, PS_ONNX_MAX_TENSORS, "the initialisers", &tensors));
    PS_TRY(count_fields(w, 11, PS_ONNX_MAX_TENSORS, "the inputs", &inputs));
    PS_TRY(count_fields(w, 12, PS_ONNX_MAX_TENSORS, "the outputs", &outputs));
    PS_TRY(count_fields(w, 15, PS_ONNX_MAX_TENSORS, "the sparse initialisers", &sparse));
    PS_REQUIRE(!sparse, POISE_UNSUPPORTED, "the ONNX file has sparse initialisers, which are not supported");
    m->nodes = ps_heap_push(heap, nodes * sizeof *m->nodes);
    m->tensors = ps_heap_push(heap, tensors * sizeof *m->tensors);
    m->inputs = ps_heap_push(heap, inputs * sizeof *m->inputs);
    m->outputs = ps_heap_push(heap, outputs * sizeof *m->outputs);
    return m->nodes && m->tensors && m->inputs && m->outputs ? POISE_OK : OOM;
}

static poise_status graph_read(ps_onnx_model *m, ps_heap *heap, ps_wire w)
{
    m->n_nodes = m->n_tensors = m->n_inputs = m->n_outputs = 0;
    PS_TRY(graph_lists(m, heap, w));
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        if (f.number != 1 && f.number != 5 && f.number != 11 && f.number != 12) continue;
        PS_TRY(message(&f, "the graph"));
        if (f.number == 1) PS_TRY(node_read(&m->nodes[m->n_nodes++], heap, f.bytes));
        if (f.number == 5) PS_TRY(ps_onnx_tensor_read(&m->tensors[m->n_tensors++], heap, f.bytes));
        if (f.number == 11) PS_TRY(info_read(&m->inputs[m->n_inputs++], heap, f.bytes));
        if (f.number == 12) PS_TRY(info_read(&m->outputs[m->n_outputs++], heap, f.bytes));
    }
    return POISE_OK;
}

static poise_status opset_read(ps_onnx_model *m, ps_heap *heap, ps_wire w)
{
    const char *domain = "";
    int64_t version = 0;
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        if (f.number == 1) PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a domain", &domain));
        if (f.number == 2) PS_TRY(number(&w, &f, "an opset version", &version));
    }
    if (w.bad) return damaged(&w, "an opset");
    if (!*domain || !strcmp(domain, "ai.onnx")) m->opset = version;
    return POISE_OK;
}

static poise_status meta_read(const char **pair, ps_heap *heap, ps_wire w)
{
    ps_wire_field f;
    pair[0] = pair[1] = "";
    while (ps_wire_next(&w, &f)) {
        if (f.number == 1) PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "a metadata key", &pair[0]));
        if (f.number == 2) PS_TRY(text(&f, heap, PS_ONNX_MAX_TEXT, "a metadata value", &pair[1]));
    }
    return w.bad ? damaged(&w, "metadata") : POISE_OK;
}

poise_status ps_onnx_model_read(ps_onnx_model *m, ps_heap *heap, const uint8_t *bytes, size_t size)
{
    *m = (ps_onnx_model){.producer = "", .producer_version = ""};
    ps_wire w = ps_wire_of(bytes, size);
    size_t meta = 0, graphs = 0;
    PS_REQUIRE(size > 0, POISE_BAD_MODEL, "not a valid ONNX file: it is empty");
    PS_TRY(count_fields(w, 14, 4096, "the metadata", &meta));
    PS_TRY(count_fields(w, 7, 1, "the model's graphs", &graphs));
    PS_REQUIRE(graphs == 1, POISE_BAD_MODEL, "not a valid ONNX file: it has no graph");
    m->meta = ps_heap_push(heap, 2 * meta * sizeof *m->meta);
    if (!m->meta) return OOM;
    ps_wire_field f;
    while (ps_wire_next(&w, &f)) {
        switch (f.number) {
        case 1: PS_TRY(number(&w, &f, "the IR version", &m->ir_version)); break;
        case 2: PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "the producer", &m->producer)); break;
        case 3:
            PS_TRY(text(&f, heap, PS_ONNX_MAX_NAME, "the producer's version", &m->producer_version));
            break;
        case 7:
            PS_TRY(message(&f, "the graph"));
            PS_TRY(graph_read(m, heap, f.bytes));
            break;
        case 8:
            PS_TRY(message(&f, "an opset"));
            PS_TRY(opset_read(m, heap, f.bytes));
            break;
        case 14:
            PS_TRY(message(&f, "metadata"));
            PS_TRY(meta_read(m->meta + 2 * m->n_meta++, heap, f.bytes));
            break;
        default: break;
        }
    }
    return POISE_OK;
}
