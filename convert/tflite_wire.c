/* convert/tflite_wire.c - follows FlatBuffers' offsets; the only file that knows vtables. */
#include "convert/tflite_wire.h"

#include <string.h>

static void damage(ps_flat *f, const char *what)
{
    if (!f->bad) f->bad = what;
}

static bool inside(const ps_flat *f, size_t at, size_t n)
{
    return at <= f->size && n <= f->size - at;
}

static uint64_t number(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static ps_flat_table table_at(ps_flat *f, size_t at)
{
    ps_flat_table none = {0}, t = {.at = at};
    if (!inside(f, at, 4)) {
        damage(f, "a table lies outside the file");
        return none;
    }
    int64_t vtable = (int64_t)at - (int32_t)(uint32_t)number(f->bytes + at, 4);
    if (vtable < 0 || !inside(f, (size_t)vtable, 4)) {
        damage(f, "a vtable lies outside the file");
        return none;
    }
    t.vtable = (size_t)vtable;
    t.vtable_size = (uint16_t)number(f->bytes + t.vtable, 2);
    t.size = (uint16_t)number(f->bytes + t.vtable + 2, 2);
    if (t.vtable_size < 4 || t.vtable_size % 2 || !inside(f, t.vtable, t.vtable_size)) {
        damage(f, "a vtable has an impossible size");
        return none;
    }
    if (t.size < 4 || !inside(f, at, t.size)) {
        damage(f, "a table has an impossible size");
        return none;
    }
    return t;
}

/* Where a field of `size` bytes is, or NULL. */
static const uint8_t *field(ps_flat *f, ps_flat_table t, int id, unsigned size)
{
    size_t entry = 4 + 2 * (size_t)id;
    if (entry + 2 > t.vtable_size) return NULL;
    unsigned offset = (unsigned)number(f->bytes + t.vtable + entry, 2);
    if (!offset) return NULL;
    if (offset < 4 || offset + size > t.size) {
        damage(f, "a field lies outside its table");
        return NULL;
    }
    return f->bytes + t.at + offset;
}

/* What the offset stored at p points to; 0 when that is outside the file. */
static size_t target(ps_flat *f, const uint8_t *p)
{
    size_t at = (size_t)(p - f->bytes);
    uint64_t offset = number(p, 4);
    if (offset && offset < f->size - at) return at + (size_t)offset;
    damage(f, "an offset points outside the file");
    return 0;
}

ps_flat_table ps_flat_root(ps_flat *f)
{
    if (!inside(f, 0, 8)) {
        damage(f, "it is cut off");
        return (ps_flat_table){0};
    }
    size_t at = target(f, f->bytes);
    return at ? table_at(f, at) : (ps_flat_table){0};
}

int32_t ps_flat_i8(ps_flat *f, ps_flat_table t, int id, int32_t otherwise)
{
    const uint8_t *p = field(f, t, id, 1);
    return p ? (int8_t)*p : otherwise;
}

int32_t ps_flat_i32(ps_flat *f, ps_flat_table t, int id, int32_t otherwise)
{
    const uint8_t *p = field(f, t, id, 4);
    return p ? (int32_t)(uint32_t)number(p, 4) : otherwise;
}

uint64_t ps_flat_u64(ps_flat *f, ps_flat_table t, int id, uint64_t otherwise)
{
    const uint8_t *p = field(f, t, id, 8);
    return p ? number(p, 8) : otherwise;
}

static float float_of(const uint8_t *p)
{
    uint32_t bits = (uint32_t)number(p, 4);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

float ps_flat_f32(ps_flat *f, ps_flat_table t, int id, float otherwise)
{
    const uint8_t *p = field(f, t, id, 4);
    return p ? float_of(p) : otherwise;
}

ps_flat_table ps_flat_child(ps_flat *f, ps_flat_table t, int id)
{
    const uint8_t *p = field(f, t, id, 4);
    size_t at = p ? target(f, p) : 0;
    return at ? table_at(f, at) : (ps_flat_table){0};
}

ps_flat_vector ps_flat_list(ps_flat *f, ps_flat_table t, int id, size_t size)
{
    ps_flat_vector none = {0};
    const uint8_t *p = field(f, t, id, 4);
    size_t at = p ? target(f, p) : 0;
    if (!at) return none;
    if (!inside(f, at, 4)) {
        damage(f, "a vector lies outside the file");
        return none;
    }
    uint64_t n = number(f->bytes + at, 4);
    if (n > (f->size - at - 4) / size) {
        damage(f, "a vector goes past the end of the file");
        return none;
    }
    return (ps_flat_vector){f->bytes + at + 4, (uint32_t)n};
}

ps_flat_table ps_flat_item(ps_flat *f, ps_flat_vector v, uint32_t i)
{
    size_t at = target(f, v.p + 4 * (size_t)i);
    return at ? table_at(f, at) : (ps_flat_table){0};
}

int32_t ps_flat_i32_at(ps_flat_vector v, uint32_t i)
{
    return (int32_t)(uint32_t)number(v.p + 4 * (size_t)i, 4);
}

int64_t ps_flat_i64_at(ps_flat_vector v, uint32_t i)
{
    return (int64_t)number(v.p + 8 * (size_t)i, 8);
}

float ps_flat_f32_at(ps_flat_vector v, uint32_t i)
{
    return float_of(v.p + 4 * (size_t)i);
}
