/* convert/inflate.c - DEFLATE, one bit at a time: for metadata and test data, not for hot paths. */
#include "convert/inflate.h"

#include <string.h>

enum { LONGEST = 15, LITERALS = 288, DISTANCES = 30, END = 256 };

typedef struct reader {
    const uint8_t *at, *end;
    uint32_t held;
    unsigned n; /* bits held */
    bool bad;
} reader;

static unsigned take(reader *r, unsigned n)
{
    while (r->n < n) {
        if (r->at == r->end) {
            r->bad = true;
            return 0;
        }
        r->held |= (uint32_t)*r->at++ << r->n;
        r->n += 8;
    }
    unsigned v = r->held & ((1u << n) - 1);
    r->held >>= n;
    r->n -= n;
    return v;
}

/* A prefix code: how many words there are of each length, and their symbols in the order of the words. */
typedef struct code {
    uint16_t count[LONGEST + 1], symbol[LITERALS];
} code;

static bool build(code *c, const uint8_t *length, int n)
{
    uint16_t at[LONGEST + 2] = {0};
    int left = 1;
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n; i++) c->count[length[i]]++;
    c->count[0] = 0;
    for (int l = 1; l <= LONGEST; l++) {
        left = 2 * left - c->count[l];
        if (left < 0) return false; /* more words than there can be */
        at[l + 1] = (uint16_t)(at[l] + c->count[l]);
    }
    for (int i = 0; i < n; i++)
        if (length[i]) c->symbol[at[length[i]]++] = (uint16_t)i;
    return true;
}

static int symbol(reader *r, const code *c)
{
    int word = 0, first = 0, index = 0;
    for (int l = 1; l <= LONGEST && !r->bad; l++) {
        word |= (int)take(r, 1);
        if (word - first < c->count[l]) return c->symbol[index + word - first];
        index += c->count[l];
        first = (first + c->count[l]) * 2;
        word *= 2;
    }
    r->bad = true;
    return END;
}

/* The codes that a block of its own brings along. */
static bool read_codes(reader *r, code *literal, code *distance)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t length[LITERALS + 32] = {0};
    code lengths;
    int literals = (int)take(r, 5) + 257, distances = (int)take(r, 5) + 1, given = (int)take(r, 4) + 4;
    if (literals > LITERALS - 2 || distances > DISTANCES) return false;
    for (int i = 0; i < given; i++) length[order[i]] = (uint8_t)take(r, 3);
    if (!build(&lengths, length, 19)) return false;
    memset(length, 0, sizeof length);
    for (int i = 0; i < literals + distances && !r->bad;) {
        int s = symbol(r, &lengths), times = 1;
        uint8_t l = (uint8_t)(s < 16 ? s : 0);
        if (s == 16) {
            if (!i) return false;
            l = length[i - 1];
            times = 3 + (int)take(r, 2);
        }
        if (s == 17) times = 3 + (int)take(r, 3);
        if (s == 18) times = 11 + (int)take(r, 7);
        if (s > 18 || i + times > literals + distances) return false;
        while (times--) length[i++] = l;
    }
    return build(literal, length, literals) && build(distance, length + literals, distances) && !r->bad;
}

static void fixed_codes(code *literal, code *distance)
{
    uint8_t length[LITERALS];
    for (int i = 0; i < LITERALS; i++) length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    build(literal, length, LITERALS);
    memset(length, 5, DISTANCES);
    build(distance, length, DISTANCES);
}

/* A block of words; false on damage. */
static bool block(reader *r, const code *literal, const code *distance, uint8_t *out, size_t size, size_t *at)
{
    static const uint16_t base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                      31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint16_t far[30] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                     193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
        int s = symbol(r, literal);
        if (r->bad) return false;
        if (s == END) return true;
        if (s < END) {
            if (*at == size) return false;
            out[(*at)++] = (uint8_t)s;
            continue;
        }
        if ((s -= 257) >= 29) return false;
        size_t n = base[s] + take(r, s < 8 || s == 28 ? 0 : (unsigned)s / 4 - 1);
        int d = symbol(r, distance);
        if (r->bad || d >= DISTANCES) return false;
        size_t back = far[d] + take(r, d < 4 ? 0 : (unsigned)d / 2 - 1);
        if (r->bad || back > *at || n > size - *at) return false;
        for (; n; n--, (*at)++) out[*at] = out[*at - back];
    }
}

static bool stored(reader *r, uint8_t *out, size_t size, size_t *at)
{
    r->held = r->n = 0;
    if (r->end - r->at < 4) return false;
    size_t n = (size_t)(r->at[0] | r->at[1] << 8);
    r->at += 4;
    if (n > (size_t)(r->end - r->at) || n > size - *at) return false;
    if (n) memcpy(out + *at, r->at, n);
    r->at += n;
    *at += n;
    return true;
}

bool ps_inflate(const uint8_t *in, size_t n, uint8_t *out, size_t size)
{
    reader r = {.at = in, .end = in + n};
    code literal, distance;
    size_t at = 0;
    for (bool last = false; !last;) {
        last = take(&r, 1);
        unsigned kind = take(&r, 2);
        bool good = !r.bad && kind < 3;
        if (good && kind == 0) good = stored(&r, out, size, &at);
        if (good && kind == 1) fixed_codes(&literal, &distance);
        if (good && kind == 2) good = read_codes(&r, &literal, &distance);
        if (good && kind) good = block(&r, &literal, &distance, out, size, &at);
        if (!good) return false;
    }
    return at == size;
}
