/* nn/format.c - reads .poise files and believes nothing in them. */
#include "nn/format.h"

#include "nn/model.h"
#include "nn/packed.h"

#include <string.h>

typedef ps_format_part section;

typedef struct reader {
    ps_graph *g;
    ps_file_header h;
    section part[PS_FORMAT_PARTS];
    ps_packed *packed; /* what the file has of it; NULL = the caller wants none */
    bool *ready; /* per value: constant, input, or computed by a node that was read */
    size_t strings, lists; /* bytes and entries that may still be read: parts may be shared, but not to make
                            * a small file large in memory */
} reader;

uint64_t ps_format_checksum(const void *bytes, size_t n, void (*passed)(const void *p, size_t n))
{
    enum { STRETCH = 1 << 20 };
    /* Four independent lanes of multiply and rotate: several GB/s, so that checking 12 MB of weights takes
     * less than packing them.  The constants are odd with evenly spread bits (golden ratio, sqrt 2 - 1). */
    const uint64_t a = 0x9e3779b97f4a7c15u, b = 0x6a09e667f3bcc909u;
    const uint8_t *p = bytes;
    uint64_t lane[4] = {a, b, a ^ b, a + b}, x;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (int k = 0; k < 4; k++) {
            memcpy(&x, p + i + 8 * k, 8);
            lane[k] = (lane[k] ^ x) * a;
            lane[k] ^= lane[k] >> 29;
        }
        if (passed && i && i % STRETCH == 0) passed(p + i - STRETCH, STRETCH);
    }
    if (passed) passed(p + i / STRETCH * STRETCH, n - i / STRETCH * STRETCH);
    for (; i < n; i++) lane[0] = (lane[0] ^ p[i]) * b, lane[0] ^= lane[0] >> 31;
    uint64_t h = n * a;
    for (int k = 0; k < 4; k++) h = (h ^ lane[k]) * b, h ^= h >> 32;
    return h;
}

uint64_t ps_format_network(const ps_file_header *h, const ps_format_part part[PS_FORMAT_PARTS])
{
    enum { ENDS = 2, KINDS = PS_SECTION_META };
    uint64_t all[ENDS + 2 * KINDS] = {(uint64_t)h->inputs << 32 | h->n_inputs, (uint64_t)h->outputs << 32 | h->n_outputs};
    for (int k = 1; k <= KINDS; k++) {
        all[ENDS + 2 * k - 2] = part[k].size;
        all[ENDS + 2 * k - 1] = ps_format_checksum(part[k].bytes, part[k].size, NULL);
    }
    return ps_format_checksum(all, sizeof all, NULL);
}

bool ps_format_is(const void *bytes, size_t size)
{
    return size >= sizeof ps_format_magic && !memcmp(bytes, ps_format_magic, sizeof ps_format_magic);
}

#define BAD(cond, ...) PS_REQUIRE(cond, POISE_BAD_MODEL, __VA_ARGS__)

static poise_status read_header(reader *r, const uint8_t *bytes, size_t size)
{
    BAD(size >= sizeof r->h && ps_format_is(bytes, size), "not a .poise file (%zu bytes)", size);
    memcpy(&r->h, bytes, sizeof r->h);
    PS_REQUIRE(r->h.version == PS_FORMAT_VERSION, POISE_UNSUPPORTED, "is of format version %u, this build reads %d",
               r->h.version, PS_FORMAT_VERSION);
    BAD(r->h.file_size == size, "should have %llu bytes, has %zu: it is cut short or damaged",
        (unsigned long long)r->h.file_size, size);
    BAD(r->h.n_sections <= PS_FORMAT_SECTIONS && sizeof r->h + r->h.n_sections * sizeof(ps_file_section) <= size,
        "says it has %u sections", r->h.n_sections);
    return POISE_OK;
}

/* Of a file whose packed weights are used, what is used is checked: the weights that they were made of need not be read. */
static poise_status check_sum(const reader *r, const uint8_t *bytes, size_t size, const ps_kernels *k)
{
    if (r->packed) PS_TRY(ps_packed_find(r->packed, &r->h, r->part, bytes, k));
    if (r->packed && r->packed->head) return POISE_OK;
    uint64_t sum = ps_format_checksum(bytes + sizeof r->h, size - sizeof r->h, r->g->mapped ? ps_memory_release : NULL);
    BAD(r->h.checksum == sum, PS_FORMAT_DAMAGED);
    return POISE_OK;
}

static poise_status read_sections(reader *r, const uint8_t *bytes, size_t size)
{
    for (int k = 0; k < PS_FORMAT_PARTS; k++) r->part[k] = (section){bytes, 0}; /* what is not there is empty */
    for (uint32_t i = 0; i < r->h.n_sections; i++) {
        ps_file_section s;
        memcpy(&s, bytes + sizeof r->h + i * sizeof s, sizeof s);
        BAD(s.offset % PS_ALIGN == 0 && s.offset <= size && s.size <= size - s.offset,
            "section %u lies outside the file (offset %llu, size %llu)", s.kind, (unsigned long long)s.offset,
            (unsigned long long)s.size);
        if (s.kind >= 1 && s.kind < PS_FORMAT_PARTS) r->part[s.kind] = (section){bytes + s.offset, (size_t)s.size};
    }
    r->strings = 2 * r->part[PS_SECTION_STRINGS].size + 65536;
    r->lists = r->part[PS_SECTION_LISTS].size / sizeof(int32_t);
    return POISE_OK;
}

static poise_status read_string(reader *r, uint32_t at, const char **out)
{
    const section *s = &r->part[PS_SECTION_STRINGS];
    size_t most = at < s->size ? s->size - at : 0;
    const uint8_t *end = most ? memchr(s->bytes + at, 0, most < r->strings ? most : r->strings) : NULL;
    BAD(end || most <= r->strings, "its strings are shared too often");
    BAD(end, "string %u lies outside its section", at);
    *out = (const char *)s->bytes + at;
    r->strings -= (size_t)(end - s->bytes) - at;
    return POISE_OK;
}

/* n value indices from LISTS; -1 only where `optional`. */
static poise_status read_list(reader *r, uint32_t at, uint32_t n, bool optional, const int32_t **out)
{
    const section *s = &r->part[PS_SECTION_LISTS];
    size_t entries = s->size / sizeof(int32_t);
    BAD(at <= entries && n <= entries - at, "a list of %u values lies outside its section", n);
    BAD(n <= r->lists, "its lists are shared too often");
    r->lists -= n;
    *out = (const int32_t *)(const void *)s->bytes + at;
    for (uint32_t i = 0; i < n; i++)
        BAD((*out)[i] >= (optional ? -1 : 0) && (*out)[i] < r->g->n_values, "value %d does not exist", (*out)[i]);
    return POISE_OK;
}

/* Weights that only a section PACKED has: nobody may read what they are (check_packed_only). */
static poise_status read_packed_only(const reader *r, ps_value *v)
{
    char why[PS_PACKED_TEXT];
    PS_REQUIRE(r->packed && r->packed->head, POISE_UNSUPPORTED, "%s", ps_packed_only_text(r->packed, why));
    v->data = ps_packed_only;
    return POISE_OK;
}

static poise_status read_constant(const reader *r, const ps_file_value *f, int32_t at, ps_value *v)
{
    const section *s = &r->part[PS_SECTION_WEIGHTS];
    size_t bytes = ps_value_bytes(v);
    const void *data = r->packed ? ps_packed_constant(r->packed, at, bytes) : NULL;
    if (data) v->data = data;
    if (data) return POISE_OK;
    if (f->constant == PS_CONSTANT_PACKED) return read_packed_only(r, v);
    BAD(f->offset % PS_ALIGN == 0 && f->offset <= s->size && bytes <= s->size - f->offset,
        "constant '%s' of %zu bytes lies outside the weights", v->name, bytes);
    v->data = s->bytes + f->offset;
    return POISE_OK;
}

static poise_status read_values(reader *r)
{
    const section *s = &r->part[PS_SECTION_VALUES];
    size_t n = s->size / sizeof(ps_file_value), count;
    BAD(s->size % sizeof(ps_file_value) == 0 && n < INT32_MAX, "its table of values has %zu bytes", s->size);
    for (size_t i = 0; i < n; i++) {
        ps_file_value f;
        const char *name = "";
        int32_t at;
        memcpy(&f, s->bytes + i * sizeof f, sizeof f);
        PS_TRY(read_string(r, f.name, &name));
        BAD(poise_type_size((poise_type)f.type) && ps_dims_count(f.rank, f.dim, &count),
            "value '%s' has type %d and rank %d, or too many elements", name, f.type, f.rank);
        PS_TRY(ps_graph_value(r->g, name, &at));
        ps_value *v = &r->g->values[at];
        v->type = (poise_type)f.type;
        v->rank = f.rank;
        memcpy(v->dim, f.dim, sizeof v->dim);
        for (int d = v->rank; d < POISE_MAX_DIMS; d++) v->dim[d] = 0;
        BAD((f.scale == 0 && f.zero == 0) || ps_scale_is_legal(v->type, f.scale, f.zero),
            "value '%s' of %s has scale %g and zero point %d", name, poise_type_name(v->type), (double)f.scale, f.zero);
        v->scale = f.scale;
        v->zero = f.zero;
        if (f.constant) PS_TRY(read_constant(r, &f, at, v));
    }
    r->ready = ps_alloc(n + 1);
    PS_REQUIRE(r->ready, POISE_NO_MEMORY, "no memory for %zu values", n);
    for (size_t i = 0; i < n; i++) r->ready[i] = r->g->values[i].data != NULL;
    return POISE_OK;
}

static poise_status read_ends(reader *r)
{
    const int32_t *list;
    PS_TRY(read_list(r, r->h.inputs, r->h.n_inputs, false, &list));
    for (uint32_t i = 0; i < r->h.n_inputs; i++) {
        BAD(!r->ready[list[i]], "input '%s' is a constant, or named twice", r->g->values[list[i]].name);
        r->ready[list[i]] = true;
        PS_TRY(ps_graph_input(r->g, list[i]));
    }
    PS_TRY(read_list(r, r->h.outputs, r->h.n_outputs, false, &list));
    for (uint32_t i = 0; i < r->h.n_outputs; i++) {
        BAD(r->g->values[list[i]].data != ps_packed_only, "output '%s' is only packed", r->g->values[list[i]].name);
        PS_TRY(ps_graph_output(r->g, list[i]));
    }
    return POISE_OK;
}

/* Whatever the file says of a node's outputs, inference decides; the file must agree. */
static poise_status infer_again(ps_graph *g, int32_t node)
{
    const ps_node *n = &g->nodes[node];
    ps_value said[4];
    for (int k = 0; k < n->n_out && k < 4; k++)
        if (n->out[k] >= 0) said[k] = g->values[n->out[k]];
    PS_TRY(ps_graph_infer(g, node));
    for (int k = 0; k < n->n_out && k < 4; k++) {
        if (n->out[k] < 0) continue;
        const ps_value *v = &g->values[n->out[k]];
        char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
        BAD(v->type == said[k].type && v->rank == said[k].rank && !memcmp(v->dim, said[k].dim, sizeof v->dim),
            "node '%s' gives %s %s, the file says %s %s", n->name, poise_type_name(v->type),
            ps_shape_text(v->rank, v->dim, a), poise_type_name(said[k].type), ps_shape_text(said[k].rank, said[k].dim, b));
    }
    return POISE_OK;
}

/* Weights that are packed and nothing else stand where an operator packs them; no rule of infer() looks at their numbers. */
static poise_status check_packed_only(const reader *r, const ps_file_node *f, const ps_op *op, const char *name, const int32_t *in)
{
    for (uint32_t k = 0; k < f->n_in; k++)
        BAD(in[k] < 0 || r->g->values[in[k]].data != ps_packed_only || (k == 1 && op->layout),
            "node '%s' (%s) reads '%s', which is only packed", name, op->name, r->g->values[in[k]].name);
    return POISE_OK;
}

static poise_status read_node(reader *r, const ps_file_node *f)
{
    const section *params = &r->part[PS_SECTION_PARAMS];
    const ps_op *op = ps_op_by_id(f->op);
    const char *name = "";
    const int32_t *in, *out;
    PS_TRY(read_string(r, f->name, &name));
    PS_REQUIRE(op, POISE_UNSUPPORTED, "node '%s' is of operator %u, which this build does not know", name, f->op);
    BAD(f->params_size == op->param_bytes && f->params <= params->size && f->params_size <= params->size - f->params,
        "node '%s' (%s) has %u bytes of parameters, takes %u", name, op->name, f->params_size, op->param_bytes);
    PS_TRY(read_list(r, f->in, f->n_in, true, &in));
    PS_TRY(read_list(r, f->out, f->n_out, true, &out));
    for (uint32_t i = 0; i < f->n_in; i++)
        BAD(in[i] < 0 || r->ready[in[i]], "node '%s' reads '%s' before it is computed", name, r->g->values[in[i]].name);
    for (uint32_t i = 0; i < f->n_out; i++) {
        if (out[i] < 0) continue;
        BAD(!r->ready[out[i]], "node '%s' computes '%s', which exists already", name, r->g->values[out[i]].name);
        r->ready[out[i]] = true;
    }
    PS_TRY(check_packed_only(r, f, op, name, in));
    PS_TRY(ps_graph_node(r->g, op, name, params->bytes + f->params, (int)f->n_in, in, (int)f->n_out, out));
    return infer_again(r->g, r->g->n_nodes - 1);
}

static poise_status read_nodes(reader *r)
{
    const section *s = &r->part[PS_SECTION_NODES];
    BAD(s->size % sizeof(ps_file_node) == 0, "its table of nodes has %zu bytes", s->size);
    for (size_t at = 0; at < s->size; at += sizeof(ps_file_node)) {
        ps_file_node f;
        memcpy(&f, s->bytes + at, sizeof f);
        PS_TRY(read_node(r, &f));
    }
    for (int32_t i = 0; i < r->g->n_outputs; i++)
        BAD(r->ready[r->g->outputs[i]], "output '%s' is never computed", r->g->values[r->g->outputs[i]].name);
    return POISE_OK;
}

static poise_status read_meta(reader *r)
{
    const section *s = &r->part[PS_SECTION_META];
    BAD(s->size % sizeof(ps_file_meta) == 0 && s->size / sizeof(ps_file_meta) <= 4096, "its metadata has %zu bytes", s->size);
    for (size_t at = 0; at < s->size; at += sizeof(ps_file_meta)) {
        ps_file_meta f;
        const char *key = "", *value = "";
        memcpy(&f, s->bytes + at, sizeof f);
        PS_TRY(read_string(r, f.key, &key));
        PS_TRY(read_string(r, f.value, &value));
        PS_TRY(ps_graph_set_meta(r->g, key, value));
    }
    return POISE_OK;
}

static poise_status read_all(reader *r, const void *bytes, size_t size, const ps_kernels *k)
{
    PS_TRY(read_header(r, bytes, size));
    PS_TRY(read_sections(r, bytes, size));
    PS_TRY(check_sum(r, bytes, size, k));
    PS_TRY(read_values(r));
    PS_TRY(read_ends(r));
    PS_TRY(read_nodes(r));
    return read_meta(r);
}

poise_status ps_format_read_packed(ps_graph *g, const void *bytes, size_t size, const ps_kernels *k, ps_packed *packed)
{
    reader r = {.g = g, .packed = packed};
    poise_status s = read_all(&r, bytes, size, k);
    ps_free(r.ready);
    return s;
}

poise_status ps_format_read(ps_graph *g, const void *bytes, size_t size)
{
    return ps_format_read_packed(g, bytes, size, NULL, NULL);
}
