/* convert/onnx_tensor.c - reads TensorProto: dimensions, and contents in all the ways ONNX writes them. */
#include "convert/onnx_model.h"
#include "nn/tensor.h"

#include <string.h>

static const struct {
    poise_type type;
    const char *name;
} types[] = {
    {POISE_NONE, "undefined"},
    {POISE_F32, "float"},
    {POISE_U8, "uint8"},
    {POISE_I8, "int8"},
    {POISE_NONE, "uint16"},
    {POISE_NONE, "int16"},
    {POISE_I32, "int32"},
    {POISE_I64, "int64"},
    {POISE_NONE, "string"},
    {POISE_BOOL, "bool"},
    {POISE_F16, "float16"},
    {POISE_F64, "double"},
    {POISE_NONE, "uint32"},
    {POISE_NONE, "uint64"},
    {POISE_NONE, "complex64"},
    {POISE_NONE, "complex128"},
    {POISE_NONE, "bfloat16"},
    {POISE_NONE, "float8e4m3fn"},
    {POISE_NONE, "float8e4m3fnuz"},
    {POISE_NONE, "float8e5m2"},
    {POISE_NONE, "float8e5m2fnuz"},
    {POISE_NONE, "uint4"},
    {POISE_NONE, "int4"},
};
enum { TYPES = sizeof types / sizeof *types };

poise_type ps_onnx_type(int32_t type)
{
    return type > 0 && type < TYPES ? types[type].type : POISE_NONE;
}

poise_type ps_onnx_storage_type(int32_t type)
{
    switch (type) {
    case PS_ONNX_U16:
    case PS_ONNX_I16: return POISE_I32;
    case PS_ONNX_U4: return POISE_U8;
    case PS_ONNX_I4: return POISE_I8;
    default: return ps_onnx_type(type);
    }
}

const char *ps_onnx_type_name(int32_t type)
{
    return type > 0 && type < TYPES ? types[type].name : "not a tensor";
}

static poise_status add_dimension(ps_onnx_tensor *t, uint64_t v)
{
    if (t->rank == POISE_MAX_DIMS)
        return ps_fail(POISE_UNSUPPORTED, "tensor '%s' has more than %d dimensions", t->name, POISE_MAX_DIMS);
    PS_REQUIRE(v <= INT32_MAX, POISE_BAD_MODEL, "tensor '%s' has a dimension of %lld", t->name, (long long)v);
    t->dim[t->rank++] = (int32_t)v;
    return POISE_OK;
}

static poise_status tensor_name(ps_onnx_tensor *t, ps_heap *heap, const ps_wire_field *f)
{
    size_t n = ps_wire_left(&f->bytes);
    PS_REQUIRE(f->type == PS_WIRE_BYTES && n <= PS_ONNX_MAX_NAME && (!n || !memchr(f->bytes.at, 0, n)),
               POISE_BAD_MODEL, "not a valid ONNX file: a tensor's name is damaged");
    t->name = ps_heap_string(heap, (const char *)f->bytes.at, n);
    PS_REQUIRE(t->name, POISE_NO_MEMORY, "no memory to read the ONNX file");
    return POISE_OK;
}

poise_status ps_onnx_tensor_read(ps_onnx_tensor *t, ps_heap *heap, ps_wire w)
{
    *t = (ps_onnx_tensor){.name = "", .message = w};
    ps_wire_field f;
    uint64_t v, external = 0;
    while (ps_wire_next(&w, &f)) {
        switch (f.number) {
        case 1:
            while (ps_wire_number(&w, &f, PS_WIRE_VARINT, &v)) PS_TRY(add_dimension(t, v));
            break;
        case 2: t->type = f.type == PS_WIRE_VARINT && f.value < 100 ? (int32_t)f.value : 0; break;
        case 8: PS_TRY(tensor_name(t, heap, &f)); break;
        case 9:
            PS_REQUIRE(f.type == PS_WIRE_BYTES, POISE_BAD_MODEL, "tensor '%s' has damaged raw data", t->name);
            t->raw = f.bytes.at;
            t->raw_size = ps_wire_left(&f.bytes);
            break;
        case 13: external = 1; break;
        case 14: external |= f.value; break;
        default: break;
        }
    }
    PS_REQUIRE(!w.bad, POISE_BAD_MODEL, "not a valid ONNX file: tensor '%s': %s", t->name, w.bad);
    PS_REQUIRE(!external, POISE_UNSUPPORTED,
               "tensor '%s' is in a file of its own (external data): save the network as one .onnx file",
               t->name);
    char shape[PS_SHAPE_TEXT];
    PS_REQUIRE(ps_dims_count(t->rank, t->dim, &t->count), POISE_BAD_MODEL, "tensor '%s' is too large: %s",
               t->name, ps_shape_text(t->rank, t->dim, shape));
    return POISE_OK;
}

/* Where ONNX keeps the contents of a type when not raw: the field, and the wire type of its elements. */
static uint32_t typed_field(poise_type type, uint32_t *wire)
{
    *wire = type == POISE_F32 ? PS_WIRE_32 : type == POISE_F64 ? PS_WIRE_64 : PS_WIRE_VARINT;
    switch (type) {
    case POISE_F32: return 4;
    case POISE_I64: return 7;
    case POISE_F64: return 10;
    default: return 5; /* int32_data: every small integer, bool, and the bits of float16 */
    }
}

static void store(void *data, poise_type type, size_t i, uint64_t v)
{
    switch (type) {
    case POISE_F32: ((float *)data)[i] = ps_wire_float(v); break;
    case POISE_F64: ((double *)data)[i] = ps_wire_double(v); break;
    case POISE_I64: ((int64_t *)data)[i] = (int64_t)v; break;
    case POISE_I32: ((uint32_t *)data)[i] = (uint32_t)v; break;
    case POISE_F16: ((uint16_t *)data)[i] = (uint16_t)v; break;
    case POISE_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    default: ((uint8_t *)data)[i] = (uint8_t)v; break;
    }
}

static poise_status typed_data(const ps_onnx_tensor *t, poise_type type, void *data)
{
    ps_wire w = t->message;
    ps_wire_field f;
    uint32_t wire, field = typed_field(type, &wire);
    size_t n = 0;
    uint64_t v;
    while (ps_wire_next(&w, &f)) {
        if (f.number != field) continue;
        while (ps_wire_number(&w, &f, wire, &v)) {
            if (n < t->count) store(data, type, n, v);
            n++;
        }
    }
    PS_REQUIRE(!w.bad, POISE_BAD_MODEL, "tensor '%s': %s", t->name, w.bad);
    PS_REQUIRE(n == t->count, POISE_BAD_MODEL, "tensor '%s' has %zu elements, its dimensions ask for %zu",
               t->name, n, t->count);
    return POISE_OK;
}

/* ---- types without one of ours ---- */

/* Two 4-bit numbers a byte, the first in the low half. */
static void unpack_nibbles(size_t count, const uint8_t *x, bool is_signed, uint8_t *y)
{
    for (size_t i = 0; i < count; i++) {
        unsigned v = (unsigned)x[i / 2] >> (i & 1) * 4 & 15;
        y[i] = (uint8_t)(is_signed ? (v ^ 8) - 8 : v);
    }
}

static void widen_16(size_t count, const uint8_t *x, bool is_signed, int32_t *y)
{
    for (size_t i = 0; i < count; i++) {
        int32_t v = x[2 * i] | x[2 * i + 1] << 8;
        y[i] = is_signed && v >= 0x8000 ? v - 0x10000 : v;
    }
}

/* The elements of int32_data, `size` bytes of each. */
static poise_status typed_small(const ps_onnx_tensor *t, size_t n, size_t size, uint8_t *out)
{
    ps_wire w = t->message;
    ps_wire_field f;
    size_t i = 0;
    uint64_t v;
    while (ps_wire_next(&w, &f)) {
        if (f.number != 5) continue;
        for (; ps_wire_number(&w, &f, PS_WIRE_VARINT, &v); i++)
            for (size_t k = 0; k < size && i < n; k++) out[i * size + k] = (uint8_t)(v >> 8 * k);
    }
    PS_REQUIRE(!w.bad, POISE_BAD_MODEL, "tensor '%s': %s", t->name, w.bad);
    PS_REQUIRE(i == n, POISE_BAD_MODEL, "tensor '%s' has %zu elements of data, its dimensions ask for %zu", t->name, i, n);
    return POISE_OK;
}

/* 4-bit tensors in bytes, 16-bit ones in 32 bits. */
static poise_status small_data(const ps_onnx_tensor *t, ps_heap *heap, const void **data)
{
    bool nibbles = t->type == PS_ONNX_U4 || t->type == PS_ONNX_I4;
    bool is_signed = t->type == PS_ONNX_I4 || t->type == PS_ONNX_I16;
    size_t n = nibbles ? t->count / 2 + t->count % 2 : t->count, size = nibbles ? 1 : 2, given = t->raw_size;
    PS_REQUIRE(!t->raw || given == n * size, POISE_BAD_MODEL,
               "tensor '%s' has %zu bytes of data, its dimensions ask for %zu", t->name, given, n * size);
    PS_REQUIRE(t->raw || n <= ps_wire_left(&t->message), POISE_BAD_MODEL,
               "tensor '%s' has too few elements: its dimensions ask for %zu", t->name, t->count);
    uint8_t *packed = t->raw ? NULL : ps_heap_push(heap, n * size + 1);
    uint8_t *copy = ps_heap_push(heap, t->count * (nibbles ? 1 : 4) + PS_ALIGN);
    PS_REQUIRE(copy && (t->raw || packed), POISE_NO_MEMORY, "no memory for tensor '%s'", t->name);
    copy = (uint8_t *)ps_round_up((size_t)copy, PS_ALIGN);
    if (!t->raw) PS_TRY(typed_small(t, n, size, packed));
    if (nibbles)
        unpack_nibbles(t->count, t->raw ? t->raw : packed, is_signed, copy);
    else
        widen_16(t->count, t->raw ? t->raw : packed, is_signed, (int32_t *)(void *)copy);
    *data = copy;
    return POISE_OK;
}

poise_status ps_onnx_tensor_data(const ps_onnx_tensor *t, ps_heap *heap, const void **data)
{
    poise_type type = ps_onnx_type(t->type);
    if (ps_onnx_storage_type(t->type) != type) return small_data(t, heap, data);
    size_t size = poise_type_size(type), bytes;
    PS_REQUIRE(type != POISE_NONE, POISE_UNSUPPORTED, "tensor '%s' has type %s, which is not supported",
               t->name, ps_onnx_type_name(t->type));
    PS_REQUIRE(ps_size_mul(&bytes, size, t->count), POISE_BAD_MODEL, "tensor '%s' is too large", t->name);
    if (t->raw) {
        PS_REQUIRE(t->raw_size == bytes, POISE_BAD_MODEL,
                   "tensor '%s' has %zu bytes of data, its dimensions ask for %zu", t->name, t->raw_size,
                   bytes);
        if (type != POISE_BOOL && (uintptr_t)t->raw % size == 0) {
            *data = t->raw;
            return POISE_OK;
        }
    } else if (t->count >
               ps_wire_left(&t->message)) { /* an element takes a byte or more: ask for no memory */
        return ps_fail(POISE_BAD_MODEL, "tensor '%s' has too few elements: its dimensions ask for %zu",
                       t->name, t->count);
    }
    uint8_t *copy = ps_heap_push(heap, bytes + PS_ALIGN);
    PS_REQUIRE(copy, POISE_NO_MEMORY, "no memory for tensor '%s' (%zu bytes)", t->name, bytes);
    copy = (uint8_t *)ps_round_up((size_t)copy, PS_ALIGN);
    *data = copy;
    if (!t->raw) return typed_data(t, type, copy);
    if (type == POISE_BOOL)
        for (size_t i = 0; i < bytes; i++) copy[i] = t->raw[i] != 0;
    else if (bytes)
        memcpy(copy, t->raw, bytes);
    return POISE_OK;
}
