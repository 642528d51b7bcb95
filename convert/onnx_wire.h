/* convert/onnx_wire.h - protobuf's wire format, read in place: fields of one message, one after another.
 *
 *     ps_wire w = ps_wire_of(bytes, size);
 *     ps_wire_field f;
 *     while (ps_wire_next(&w, &f))
 *         if (f.number == 7) ...
 *     if (w.bad) the message is damaged: w.bad says how
 *
 * Nothing is copied and nothing recurses: a nested message is the `bytes` of a field, and cannot reach
 * beyond its parent.  Unknown fields are the caller's to ignore; groups (wire types 3 and 4, dead since
 * 2008) are damage. */
#ifndef PS_CONVERT_ONNX_WIRE_H
#define PS_CONVERT_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ps_wire {
    const uint8_t *at, *end;
    const char *bad; /* NULL, or what is wrong; then at == end */
} ps_wire;

enum { PS_WIRE_VARINT = 0, PS_WIRE_64 = 1, PS_WIRE_BYTES = 2, PS_WIRE_32 = 5 };

typedef struct ps_wire_field {
    uint32_t number;
    uint32_t type;  /* PS_WIRE_... */
    uint64_t value; /* of a varint, a 64-bit or a 32-bit field */
    ps_wire bytes;  /* of a length-delimited field: string, message or packed numbers */
} ps_wire_field;

static inline ps_wire ps_wire_of(const uint8_t *bytes, size_t size)
{
    return (ps_wire){bytes, bytes + size, NULL};
}

static inline size_t ps_wire_left(const ps_wire *w)
{
    return (size_t)(w->end - w->at);
}

/* The next field, or false at the end and at damage. */
bool ps_wire_next(ps_wire *w, ps_wire_field *f);

/* The next number of a repeated numeric field in `*f`, packed (f->bytes shrinks) or single: `type` is the
 * wire type of one element.  False when the field has no more; w->bad is set on damage or a wrong type. */
bool ps_wire_number(ps_wire *w, ps_wire_field *f, uint32_t type, uint64_t *value);

/* How many numbers such a field holds; 0 and w->bad on damage. */
size_t ps_wire_numbers(ps_wire *w, const ps_wire_field *f, uint32_t type);

float ps_wire_float(uint64_t value);
double ps_wire_double(uint64_t value);

#endif
