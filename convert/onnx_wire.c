/* convert/onnx_wire.c - reads protobuf's wire format; the only file that knows varints. */
#include "convert/onnx_wire.h"

#include <string.h>

static bool damage(ps_wire *w, const char *what)
{
    w->bad = what;
    w->at = w->end;
    return false;
}

static bool varint(ps_wire *w, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->at == w->end) return damage(w, "a number is cut off");
        uint8_t b = *w->at++;
        if (shift == 63 && b > 1) return damage(w, "a number has more than 64 bits");
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *out = v;
            return true;
        }
    }
    return damage(w, "a number has more than 64 bits");
}

static bool fixed(ps_wire *w, unsigned size, uint64_t *out)
{
    if (ps_wire_left(w) < size) return damage(w, "a number is cut off");
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint64_t)w->at[i] << (8 * i);
    w->at += size;
    *out = v;
    return true;
}

static bool value_of(ps_wire *w, uint32_t type, uint64_t *out)
{
    switch (type) {
    case PS_WIRE_VARINT: return varint(w, out);
    case PS_WIRE_64: return fixed(w, 8, out);
    case PS_WIRE_32: return fixed(w, 4, out);
    case 3:
    case 4: return damage(w, "it has a group, which ONNX does not use");
    default: return damage(w, "it has an unknown wire type");
    }
}

bool ps_wire_next(ps_wire *w, ps_wire_field *f)
{
    uint64_t key, size;
    if (w->at == w->end || !varint(w, &key)) return false;
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff) return damage(w, "a field number is out of range");
    *f = (ps_wire_field){.number = (uint32_t)(key >> 3), .type = (uint32_t)(key & 7)};
    if (f->type != PS_WIRE_BYTES) return value_of(w, f->type, &f->value);
    if (!varint(w, &size)) return false;
    if (size > ps_wire_left(w)) return damage(w, "a length goes past the end");
    f->bytes = ps_wire_of(w->at, (size_t)size);
    w->at += size;
    return true;
}

bool ps_wire_number(ps_wire *w, ps_wire_field *f, uint32_t type, uint64_t *value)
{
    if (f->type == PS_WIRE_BYTES) {
        if (f->bytes.at == f->bytes.end) return false;
        if (value_of(&f->bytes, type, value)) return true;
        return damage(w, f->bytes.bad);
    }
    if (f->number == 0) return false; /* the single one was given */
    if (f->type != type) return damage(w, "a field has the wrong wire type");
    f->number = 0;
    *value = f->value;
    return true;
}

size_t ps_wire_numbers(ps_wire *w, const ps_wire_field *f, uint32_t type)
{
    ps_wire_field copy = *f;
    uint64_t v;
    size_t n = 0;
    if (f->type == PS_WIRE_BYTES && type != PS_WIRE_VARINT) {
        size_t size = type == PS_WIRE_64 ? 8 : 4;
        if (ps_wire_left(&f->bytes) % size)
            damage(w, "a packed array is cut off");
        else
            n = ps_wire_left(&f->bytes) / size;
        return n;
    }
    while (ps_wire_number(w, &copy, type, &v)) n++;
    return w->bad ? 0 : n;
}

float ps_wire_float(uint64_t value)
{
    uint32_t bits = (uint32_t)value;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

double ps_wire_double(uint64_t value)
{
    double d;
    memcpy(&d, &value, sizeof d);
    return d;
}
