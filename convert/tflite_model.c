/* convert/tflite_model.c - reads the tables of a TFLite file: field numbers are those of its schema, version 3. */
#include "convert/tflite_model.h"
#include "nn/tensor.h"

#include <string.h>

#define OOM ps_fail(POISE_NO_MEMORY, "no memory to read the TFLite file")
#define DAMAGED "not a valid TFLite file: "

/* Field numbers. */
enum { MODEL_VERSION, MODEL_CODES, MODEL_GRAPHS, MODEL_DESCRIPTION, MODEL_BUFFERS, MODEL_META = 6 };
enum { CODE_OLD, CODE_CUSTOM, CODE_NEW = 3 };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_NODES };
enum { TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANT, TENSOR_VARIABLE, TENSOR_SPARSE, TENSOR_SIGNATURE };
enum { QUANT_SCALE = 2, QUANT_ZERO = 3, QUANT_AXIS = 6 };
enum { NODE_CODE, NODE_IN, NODE_OUT, NODE_OPTIONS = 4 };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
enum { META_NAME, META_BUFFER };

typedef struct reader {
    ps_flat *f;
    ps_heap *heap;
    ps_flat_vector codes, buffers;
    size_t budget; /* bytes that may still be copied: tables that share others copy them again and again */
} reader;

static const struct {
    int32_t number;
    poise_type type;
    const char *name;
} types[] = {
    {PS_TFLITE_F32, POISE_F32, "float32"}, {PS_TFLITE_F16, POISE_F16, "float16"},   {PS_TFLITE_I32, POISE_I32, "int32"},
    {PS_TFLITE_U8, POISE_U8, "uint8"},     {PS_TFLITE_I64, POISE_I64, "int64"},     {5, POISE_NONE, "string"},
    {PS_TFLITE_BOOL, POISE_BOOL, "bool"},  {PS_TFLITE_I16, POISE_NONE, "int16"},    {8, POISE_NONE, "complex64"},
    {PS_TFLITE_I8, POISE_I8, "int8"},      {PS_TFLITE_F64, POISE_F64, "float64"},   {11, POISE_NONE, "complex128"},
    {12, POISE_NONE, "uint64"},            {13, POISE_NONE, "resource"},            {14, POISE_NONE, "variant"},
    {15, POISE_NONE, "uint32"},            {16, POISE_NONE, "uint16"},              {PS_TFLITE_I4, POISE_NONE, "int4"},
};

poise_type ps_tflite_type(int32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == type) return types[i].type;
    return POISE_NONE;
}

const char *ps_tflite_type_name(int32_t type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == type) return types[i].name;
    return "unknown";
}

bool ps_tflite_is(const uint8_t *bytes, size_t size)
{
    return size >= 8 && !memcmp(bytes + 4, "TFL3", 4);
}

static poise_status sound(const reader *r)
{
    PS_REQUIRE(!r->f->bad, POISE_BAD_MODEL, DAMAGED "%s", r->f->bad);
    return POISE_OK;
}

/* `n` entries of `size` bytes on the heap. */
static void *take(reader *r, size_t n, size_t size)
{
    size_t bytes;
    if (!ps_size_mul(&bytes, n, size) || bytes > r->budget) return NULL;
    r->budget -= bytes;
    return ps_heap_push(r->heap, bytes);
}

static poise_status text(reader *r, ps_flat_table t, int id, const char *what, const char **out)
{
    ps_flat_vector v = ps_flat_list(r->f, t, id, 1);
    *out = "";
    PS_TRY(sound(r));
    if (!v.n) return POISE_OK;
    PS_REQUIRE(v.n <= PS_TFLITE_MAX_NAME && !memchr(v.p, 0, v.n), POISE_BAD_MODEL, DAMAGED "the name of %s is damaged", what);
    char *copy = take(r, v.n + 1, 1);
    if (!copy) return OOM;
    memcpy(copy, v.p, v.n);
    *out = copy;
    return POISE_OK;
}

/* A vector of int32 that names tensors (-1 = absent where `optional`). */
static poise_status ports(reader *r, ps_flat_table t, int id, int32_t tensors, bool optional, int32_t **out, int32_t *n)
{
    ps_flat_vector v = ps_flat_list(r->f, t, id, 4);
    PS_TRY(sound(r));
    PS_REQUIRE(v.n <= PS_TFLITE_MAX_PORTS, POISE_UNSUPPORTED, "%u inputs or outputs in one place, at most %d", v.n,
               PS_TFLITE_MAX_PORTS);
    *out = take(r, v.n, sizeof **out);
    if (!*out) return OOM;
    for (uint32_t i = 0; i < v.n; i++) {
        int32_t at = ps_flat_i32_at(v, i);
        PS_REQUIRE((at >= 0 && at < tensors) || (optional && at == -1), POISE_BAD_MODEL,
                   DAMAGED "there is no tensor %d, it has %d", at, tensors);
        (*out)[i] = at;
    }
    *n = (int32_t)v.n;
    return POISE_OK;
}

/* ---- tensors ---- */

/* The contents of buffer `index`; in files of more than 2 GB they lie behind the tables. */
static poise_status buffer(reader *r, int32_t index, const uint8_t **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    PS_REQUIRE(index >= 0 && (uint32_t)index < r->buffers.n, POISE_BAD_MODEL, DAMAGED "there is no buffer %d, it has %u", index,
               r->buffers.n);
    ps_flat_table b = ps_flat_item(r->f, r->buffers, (uint32_t)index);
    ps_flat_vector v = ps_flat_list(r->f, b, BUFFER_DATA, 1);
    uint64_t offset = ps_flat_u64(r->f, b, BUFFER_OFFSET, 0), n = ps_flat_u64(r->f, b, BUFFER_SIZE, 0);
    PS_TRY(sound(r));
    if (v.n) {
        *data = v.p;
        *size = v.n;
    } else if (offset > 1 && n) {
        PS_REQUIRE(offset <= r->f->size && n <= r->f->size - offset, POISE_BAD_MODEL,
                   DAMAGED "buffer %d lies outside the file", index);
        *data = r->f->bytes + offset;
        *size = (size_t)n;
    }
    return POISE_OK;
}

static poise_status shape(reader *r, ps_flat_table t, ps_tflite_tensor *to)
{
    ps_flat_vector v = ps_flat_list(r->f, t, TENSOR_SHAPE, 4), s = ps_flat_list(r->f, t, TENSOR_SIGNATURE, 4);
    PS_TRY(sound(r));
    PS_REQUIRE(v.n <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "tensor '%s' has %u dimensions, at most %d", to->name, v.n,
               POISE_MAX_DIMS);
    to->rank = (int32_t)v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        to->dim[i] = ps_flat_i32_at(v, i);
        to->free_dims |= i < s.n && ps_flat_i32_at(s, i) < 0;
        PS_REQUIRE(to->dim[i] >= 0, POISE_BAD_MODEL, "tensor '%s' has a dimension of %d", to->name, to->dim[i]);
    }
    char dims[PS_SHAPE_TEXT];
    PS_REQUIRE(ps_dims_count(to->rank, to->dim, &to->count), POISE_BAD_MODEL, "tensor '%s' is too large: %s", to->name,
               ps_shape_text(to->rank, to->dim, dims));
    return POISE_OK;
}

static poise_status quantisation(reader *r, ps_flat_table t, ps_tflite_tensor *to)
{
    ps_flat_table q = ps_flat_child(r->f, t, TENSOR_QUANT);
    ps_flat_vector scale = ps_flat_list(r->f, q, QUANT_SCALE, 4), zero = ps_flat_list(r->f, q, QUANT_ZERO, 8);
    to->axis = ps_flat_i32(r->f, q, QUANT_AXIS, 0);
    PS_TRY(sound(r));
    if (!scale.n) return POISE_OK;
    PS_REQUIRE(scale.n <= to->count || scale.n == 1, POISE_BAD_MODEL, "tensor '%s' has %u scales for %zu elements", to->name,
               scale.n, to->count);
    PS_REQUIRE(zero.n == scale.n || zero.n <= 1, POISE_BAD_MODEL, "tensor '%s' has %u scales and %u zero points", to->name,
               scale.n, zero.n);
    float *s = take(r, scale.n, sizeof *s);
    int64_t *z = take(r, scale.n, sizeof *z);
    if (!s || !z) return OOM;
    for (uint32_t i = 0; i < scale.n; i++) {
        s[i] = ps_flat_f32_at(scale, i);
        z[i] = zero.n ? ps_flat_i64_at(zero, zero.n == 1 ? 0 : i) : 0;
    }
    to->n_scales = (int32_t)scale.n;
    to->scale = s;
    to->zero = z;
    return POISE_OK;
}

static poise_status tensor(reader *r, ps_flat_table t, ps_tflite_tensor *to)
{
    PS_TRY(text(r, t, TENSOR_NAME, "a tensor", &to->name));
    to->type = ps_flat_i8(r->f, t, TENSOR_TYPE, 0);
    to->variable = ps_flat_i8(r->f, t, TENSOR_VARIABLE, 0) != 0;
    to->sparse = ps_flat_has(ps_flat_child(r->f, t, TENSOR_SPARSE));
    PS_TRY(shape(r, t, to));
    PS_TRY(quantisation(r, t, to));
    return buffer(r, ps_flat_i32(r->f, t, TENSOR_BUFFER, 0), &to->data, &to->data_size);
}

/* ---- operators ---- */

static poise_status node(reader *r, ps_flat_table t, int32_t tensors, ps_tflite_node *to)
{
    int32_t code = ps_flat_i32(r->f, t, NODE_CODE, 0);
    PS_REQUIRE(code >= 0 && (uint32_t)code < r->codes.n, POISE_BAD_MODEL, DAMAGED "there is no operator code %d, it has %u", code,
               r->codes.n);
    ps_flat_table c = ps_flat_item(r->f, r->codes, (uint32_t)code);
    int32_t old = ps_flat_i8(r->f, c, CODE_OLD, 0), new = ps_flat_i32(r->f, c, CODE_NEW, 0);
    to->code = new > old ? new : old; /* numbers above 127 are only in the new field */
    PS_TRY(text(r, c, CODE_CUSTOM, "an operator", &to->custom));
    PS_TRY(ports(r, t, NODE_IN, tensors, true, &to->in, &to->n_in));
    PS_TRY(ports(r, t, NODE_OUT, tensors, false, &to->out, &to->n_out));
    to->options = ps_flat_child(r->f, t, NODE_OPTIONS);
    return sound(r);
}

/* ---- the whole ---- */

static poise_status graph(reader *r, ps_flat_table g, ps_tflite_model *m)
{
    ps_flat_vector tensors = ps_flat_list(r->f, g, GRAPH_TENSORS, 4), nodes = ps_flat_list(r->f, g, GRAPH_NODES, 4);
    PS_TRY(sound(r));
    PS_REQUIRE(tensors.n <= PS_TFLITE_MAX_TENSORS && nodes.n <= PS_TFLITE_MAX_OPS, POISE_UNSUPPORTED,
               "the TFLite file has %u tensors and %u operators, at most %d", tensors.n, nodes.n, PS_TFLITE_MAX_OPS);
    m->tensors = take(r, tensors.n, sizeof *m->tensors);
    m->nodes = take(r, nodes.n, sizeof *m->nodes);
    if (!m->tensors || !m->nodes) return OOM;
    m->n_tensors = (int32_t)tensors.n;
    m->n_nodes = (int32_t)nodes.n;
    for (int32_t i = 0; i < m->n_tensors; i++) PS_TRY(tensor(r, ps_flat_item(r->f, tensors, (uint32_t)i), &m->tensors[i]));
    for (int32_t i = 0; i < m->n_nodes; i++)
        PS_TRY(node(r, ps_flat_item(r->f, nodes, (uint32_t)i), m->n_tensors, &m->nodes[i]));
    PS_TRY(ports(r, g, GRAPH_INPUTS, m->n_tensors, false, &m->inputs, &m->n_inputs));
    return ports(r, g, GRAPH_OUTPUTS, m->n_tensors, false, &m->outputs, &m->n_outputs);
}

static poise_status metadata(reader *r, ps_flat_table root, ps_tflite_model *m)
{
    ps_flat_vector v = ps_flat_list(r->f, root, MODEL_META, 4);
    PS_TRY(sound(r));
    m->meta = take(r, v.n, sizeof *m->meta);
    if (!m->meta) return OOM;
    m->n_meta = (int32_t)v.n;
    for (uint32_t i = 0; i < v.n; i++) {
        ps_flat_table t = ps_flat_item(r->f, v, i);
        PS_TRY(text(r, t, META_NAME, "metadata", &m->meta[i].name));
        PS_TRY(buffer(r, ps_flat_i32(r->f, t, META_BUFFER, 0), &m->meta[i].data, &m->meta[i].size));
    }
    return POISE_OK;
}

poise_status ps_tflite_model_read(ps_tflite_model *m, ps_heap *heap, const uint8_t *bytes, size_t size)
{
    *m = (ps_tflite_model){.file = ps_flat_of(bytes, size), .description = ""};
    PS_REQUIRE(ps_tflite_is(bytes, size), POISE_BAD_MODEL, DAMAGED "it does not begin with TFL3");
    reader r = {.f = &m->file, .heap = heap, .budget = ((size_t)1 << 20) + (size < SIZE_MAX / 128 ? 64 * size : 0)};
    ps_flat_table root = ps_flat_root(r.f);
    int32_t version = ps_flat_i32(r.f, root, MODEL_VERSION, 0);
    r.codes = ps_flat_list(r.f, root, MODEL_CODES, 4);
    r.buffers = ps_flat_list(r.f, root, MODEL_BUFFERS, 4);
    ps_flat_vector graphs = ps_flat_list(r.f, root, MODEL_GRAPHS, 4);
    PS_TRY(sound(&r));
    PS_REQUIRE(version == 3, POISE_UNSUPPORTED, "the TFLite file has schema version %d, 3 is supported", version);
    PS_REQUIRE(graphs.n, POISE_BAD_MODEL, "the TFLite file has no graph");
    m->n_subgraphs = (int32_t)graphs.n;
    PS_TRY(text(&r, root, MODEL_DESCRIPTION, "the file", &m->description));
    PS_TRY(graph(&r, ps_flat_item(r.f, graphs, 0), m));
    return metadata(&r, root, m);
}
