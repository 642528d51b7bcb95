/* app/npz.c - reads one member of a zip file: central directory, then stored bytes or deflate. */
#include "app/npz.h"

#include "convert/inflate.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>

static const size_t most = (size_t)1 << 30;

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

typedef struct member {
    uint32_t method, crc, packed, size, local;
} member;

/* The entry of the central directory, which ends in 22 bytes and a comment. */
static bool find(const uint8_t *b, size_t size, const char *name, member *m)
{
    size_t n = strlen(name), end = size < 22 ? 0 : size - 22, least = end > 65535 ? end - 65535 : 0;
    if (size < 22) return false;
    while (end > least && u32(b + end) != 0x06054b50) end--;
    if (u32(b + end) != 0x06054b50) return false;
    size_t at = u32(b + end + 16);
    for (uint32_t left = u16(b + end + 10); left && at < end && end - at >= 46; left--) {
        const uint8_t *e = b + at;
        size_t text = u16(e + 28), more = u16(e + 30) + u16(e + 32);
        if (u32(e) != 0x02014b50 || text + more > end - at - 46) return false;
        *m = (member){u16(e + 10), u32(e + 16), u32(e + 20), u32(e + 24), u32(e + 42)};
        if (text == n && !memcmp(e + 46, name, n)) return !(u16(e + 8) & 1); /* encrypted */
        at += 46 + text + more;
    }
    return false;
}

static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (; n; n--) {
        c ^= *p++;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

static poise_status unpack(const uint8_t *b, size_t size, const char *name, const member *m, void **out)
{
    PS_REQUIRE(size >= 30 && m->local <= size - 30 && u32(b + m->local) == 0x04034b50, POISE_IO, "%s: damaged zip entry", name);
    size_t at = m->local + 30 + (size_t)u16(b + m->local + 26) + u16(b + m->local + 28);
    PS_REQUIRE(at <= size && m->packed <= size - at && m->size <= most, POISE_IO, "%s: does not lie in the file", name);
    PS_REQUIRE(m->method == 8 || (m->method == 0 && m->packed == m->size), POISE_UNSUPPORTED,
               "%s: compression %u; save it with numpy.savez", name, m->method);
    /* deflate makes at most 1032 bytes of one */
    PS_REQUIRE(m->size / 1032 <= m->packed, POISE_IO, "%s: does not unpack to %u bytes", name, m->size);
    uint8_t *p = ps_alloc((size_t)m->size + 1);
    PS_REQUIRE(p, POISE_NO_MEMORY, "%s: no memory for %u bytes", name, m->size);
    bool ok = true;
    if (m->method == 8) ok = ps_inflate(b + at, m->packed, p, m->size);
    else memcpy(p, b + at, m->size);
    if (ok && crc_of(p, m->size) == m->crc) {
        *out = p;
        return POISE_OK;
    }
    ps_free(p);
    return ps_fail(POISE_IO, "%s: its compressed data is damaged", name);
}

poise_status ps_npz_read(const void *file, size_t size, const char *name, ps_npz *out)
{
    char full[64];
    size_t n = strlen(name);
    *out = (ps_npz){0};
    PS_REQUIRE(n < sizeof full - 4, POISE_BAD_ARGUMENT, "the name of an array is too long");
    memcpy(full, name, n);
    memcpy(full + n, ".npy", 5);
    member m;
    PS_REQUIRE(find(file, size, full, &m), POISE_IO, "no array '%s' in this npz file", name);
    PS_TRY(unpack(file, size, full, &m, &out->bytes));
    poise_status s = ps_npy_parse(out->bytes, m.size, &out->array);
    if (s) ps_npz_close(out);
    return s ? ps_fail_in(s, "%s", full) : POISE_OK;
}

void ps_npz_close(ps_npz *n)
{
    ps_npy_close(&n->array);
    ps_free(n->bytes);
    *n = (ps_npz){0};
}
