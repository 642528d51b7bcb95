/* convert/tflite_wire.h - FlatBuffers read in place: tables, their fields, strings and vectors.
 *
 *     ps_flat f = ps_flat_of(bytes, size);
 *     ps_flat_table root = ps_flat_root(&f);
 *     int32_t v = ps_flat_i32(&f, root, 0, 1);
 *     if (f.bad) the file is damaged: f.bad says how
 *
 * Every offset, vtable and vector is checked against the file before it is followed; what does not fit sets f.bad (the
 * first damage stays) and reads as absent.  Nothing is copied and nothing recurses: callers walk a schema of fixed depth,
 * so that offsets which run in circles lead nowhere.  Offsets that many fields share are legal: who copies what they
 * point to counts what he copies. */
#ifndef PS_CONVERT_TFLITE_WIRE_H
#define PS_CONVERT_TFLITE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ps_flat {
    const uint8_t *bytes;
    size_t size;
    const char *bad; /* NULL, or what is wrong */
} ps_flat;

/* A table: all 0 when absent, and then every field of it is absent too. */
typedef struct ps_flat_table {
    size_t at, vtable;             /* in the file */
    uint16_t size, vtable_size;    /* bytes of both */
} ps_flat_table;

/* `n` elements at p, unaligned; for a vector of tables p holds their offsets. */
typedef struct ps_flat_vector {
    const uint8_t *p;
    uint32_t n;
} ps_flat_vector;

static inline ps_flat ps_flat_of(const uint8_t *bytes, size_t size)
{
    return (ps_flat){bytes, size, NULL};
}

static inline bool ps_flat_has(ps_flat_table t)
{
    return t.vtable_size != 0;
}

/* The table that the file begins with. */
ps_flat_table ps_flat_root(ps_flat *f);

/* Field `id` (its number in the schema, from 0) of a table, or `otherwise` when it is absent. */
int32_t ps_flat_i8(ps_flat *f, ps_flat_table t, int id, int32_t otherwise);
int32_t ps_flat_i32(ps_flat *f, ps_flat_table t, int id, int32_t otherwise);
uint64_t ps_flat_u64(ps_flat *f, ps_flat_table t, int id, uint64_t otherwise);
float ps_flat_f32(ps_flat *f, ps_flat_table t, int id, float otherwise);
/* A table, or an absent one. */
ps_flat_table ps_flat_child(ps_flat *f, ps_flat_table t, int id);
/* A vector of elements of `size` bytes (4 for tables and strings), empty with p NULL when absent.  Strings are vectors of
 * size 1. */
ps_flat_vector ps_flat_list(ps_flat *f, ps_flat_table t, int id, size_t size);
/* Element i < v.n of a vector of tables. */
ps_flat_table ps_flat_item(ps_flat *f, ps_flat_vector v, uint32_t i);

/* Elements of vectors of numbers, i < v.n. */
int32_t ps_flat_i32_at(ps_flat_vector v, uint32_t i);
int64_t ps_flat_i64_at(ps_flat_vector v, uint32_t i);
float ps_flat_f32_at(ps_flat_vector v, uint32_t i);

#endif
