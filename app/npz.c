/* app/npz.c - reads one member of a zip file: central directory, then stored bytes or deflate (RFC 1951). */
#include "app/npz.h"

#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>

static const size_t most = (size_t)1 << 30;

/* ---- deflate ---- */

enum { BITS = 15, LITERALS = 288, DISTANCES = 30 };

typedef struct inflate {
    const uint8_t *in, *end;
    uint32_t bits; /* read, not used: `held` of them */
    int held;
    bool bad; /* the input is over, or makes no sense */
    uint8_t *out;
    size_t made, size;
} inflate;

typedef struct codes {
    uint16_t count[BITS + 1], symbol[LITERALS]; /* of each length; in order of code */
} codes;

static uint32_t take_bits(inflate *z, int n)
{
    while (z->held < n && !z->bad) {
        z->bad = z->in == z->end;
        if (!z->bad) z->bits |= (uint32_t)*z->in++ << z->held, z->held += 8;
    }
    if (z->bad) return 0;
    uint32_t v = z->bits & ((1u << n) - 1);
    z->bits >>= n;
    z->held -= n;
    return v;
}

/* False when more codes of a length are given than there are. */
static bool make_codes(codes *c, const uint8_t *length, int n)
{
    uint16_t at[BITS + 1] = {0};
    memset(c->count, 0, sizeof c->count);
    for (int i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    int left = 1;
    for (int b = 1; b <= BITS; b++) {
        left = left * 2 - c->count[b];
        if (left < 0) return false;
        if (b < BITS) at[b + 1] = (uint16_t)(at[b] + c->count[b]);
    }
    for (int i = 0; i < n; i++)
        if (length[i]) c->symbol[at[length[i]]++] = (uint16_t)i;
    return true;
}

static int decode(inflate *z, const codes *c)
{
    int code = 0, first = 0, index = 0;
    for (int b = 1; b <= BITS && !z->bad; b++) {
        code |= (int)take_bits(z, 1);
        if (code - c->count[b] < first) return c->symbol[index + code - first];
        index += c->count[b];
        first = (first + c->count[b]) * 2;
        code *= 2;
    }
    z->bad = true;
    return 0;
}

static void put(inflate *z, uint8_t v)
{
    if (z->made == z->size) z->bad = true;
    else z->out[z->made++] = v;
}

static void copy_back(inflate *z, size_t length, size_t distance)
{
    if (distance > z->made || length > z->size - z->made) {
        z->bad = true;
        return;
    }
    for (; length; length--, z->made++) z->out[z->made] = z->out[z->made - distance];
}

static void coded_block(inflate *z, const codes *literals, const codes *distances)
{
    static const uint16_t base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    while (!z->bad) {
        int s = decode(z, literals);
        if (z->bad || s == 256) return;
        if (s < 256) {
            put(z, (uint8_t)s);
            continue;
        }
        z->bad = s - 257 >= 29;
        if (z->bad) return;
        size_t length = base[s - 257] + take_bits(z, extra[s - 257]);
        int d = decode(z, distances);
        z->bad = z->bad || d >= DISTANCES;
        if (z->bad) return;
        int more = d < 4 ? 0 : d / 2 - 1;
        size_t distance = (d < 4 ? (size_t)d : (size_t)(2 + d % 2) << more) + 1 + take_bits(z, more);
        copy_back(z, length, distance);
    }
}

static void fixed_block(inflate *z)
{
    uint8_t length[LITERALS];
    codes literals, distances;
    for (int i = 0; i < LITERALS; i++) length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    make_codes(&literals, length, LITERALS);
    memset(length, 5, DISTANCES);
    make_codes(&distances, length, DISTANCES);
    coded_block(z, &literals, &distances);
}

static void dynamic_block(inflate *z)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t length[LITERALS + 32] = {0};
    codes literals, distances;
    int n = (int)take_bits(z, 5) + 257, d = (int)take_bits(z, 5) + 1, k = (int)take_bits(z, 4) + 4;
    for (int i = 0; i < k; i++) length[order[i]] = (uint8_t)take_bits(z, 3);
    z->bad = z->bad || n > 286 || d > DISTANCES || !make_codes(&literals, length, 19);
    for (int i = 0; i < n + d && !z->bad;) {
        int s = decode(z, &literals), times = 1;
        uint8_t v = (uint8_t)s;
        if (s >= 16) {
            z->bad = z->bad || (s == 16 && !i);
            v = s == 16 && i ? length[i - 1] : 0;
            times = s == 16 ? 3 + (int)take_bits(z, 2) : s == 17 ? 3 + (int)take_bits(z, 3) : 11 + (int)take_bits(z, 7);
        }
        z->bad = z->bad || i + times > n + d;
        for (; times && !z->bad; times--) length[i++] = v;
    }
    if (z->bad) return;
    uint8_t copy[DISTANCES];
    memcpy(copy, length + n, (size_t)d);
    z->bad = !make_codes(&literals, length, n) || !make_codes(&distances, copy, d);
    if (!z->bad) coded_block(z, &literals, &distances);
}

static void stored_block(inflate *z)
{
    z->bits = 0, z->held = 0;
    if (z->end - z->in < 4) {
        z->bad = true;
        return;
    }
    size_t n = (size_t)z->in[0] | (size_t)z->in[1] << 8;
    z->in += 4;
    z->bad = n > (size_t)(z->end - z->in) || n > z->size - z->made;
    if (z->bad) return;
    if (n) memcpy(z->out + z->made, z->in, n);
    z->in += n;
    z->made += n;
}

/* Whether exactly `size` bytes came out. */
static bool inflate_all(const uint8_t *in, size_t n, uint8_t *out, size_t size)
{
    inflate z = {.in = in, .end = in + n, .out = out, .size = size};
    for (bool last = false; !last && !z.bad;) {
        last = take_bits(&z, 1);
        switch (take_bits(&z, 2)) {
        case 0: stored_block(&z); break;
        case 1: fixed_block(&z); break;
        case 2: dynamic_block(&z); break;
        default: z.bad = true;
        }
    }
    return !z.bad && z.made == size;
}

/* ---- zip ---- */

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
    if (m->method == 8) ok = inflate_all(b + at, m->packed, p, m->size);
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
