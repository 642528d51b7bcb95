/* models/image_plain.c - the formats without compression, read and written by hand: PPM, PGM, BMP. */
#include "models/image.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

/* ---- PPM and PGM ---- */

typedef struct text {
    const uint8_t *p;
    size_t n, at;
} text;

/* The next decimal number, after blanks and comments; -1 at the end, for anything else or above 10^9. */
static int64_t next_number(text *t)
{
    for (; t->at < t->n; t->at++) {
        uint8_t c = t->p[t->at];
        if (c == '#')
            while (t->at < t->n && t->p[t->at] != '\n') t->at++;
        else if (c != ' ' && (c < '\t' || c > '\r'))
            break;
    }
    int64_t v = -1;
    for (; t->at < t->n && t->p[t->at] >= '0' && t->p[t->at] <= '9' && v < 1000000000; t->at++)
        v = (v < 0 ? 0 : v * 10) + (t->p[t->at] - '0');
    return v <= 1000000000 ? v : -1;
}

/* One sample, scaled to 0..255; -1 when the file ends. */
static int next_sample(text *t, bool ascii, int64_t top)
{
    int64_t v;
    if (ascii) {
        v = next_number(t);
    } else {
        size_t bytes = top > 255 ? 2 : 1;
        if (bytes > t->n - t->at) return -1;
        v = bytes == 2 ? t->p[t->at] << 8 | t->p[t->at + 1] : t->p[t->at];
        t->at += bytes;
    }
    if (v < 0) return -1;
    if (v > top) v = top;
    return (int)(top == 255 ? v : (v * 255 + top / 2) / top);
}

poise_status ps_pnm_read(const uint8_t *p, size_t n, poise_image *out)
{
    bool ascii = p[1] <= '3', grey = p[1] == '2' || p[1] == '5';
    text t = {p, n, 2};
    int64_t w = next_number(&t), h = next_number(&t), top = next_number(&t);
    PS_REQUIRE(w >= 0 && h >= 0 && top >= 1 && top <= 65535, POISE_IO,
               "damaged PPM: no width, height and largest value");
    t.at += !ascii; /* exactly one blank before the samples */
    size_t samples, smallest = ascii || top <= 255 ? 1 : 2;
    PS_REQUIRE(ps_size_mul(&samples, (size_t)w, (size_t)h) && ps_size_mul(&samples, samples, grey ? 1 : 3) &&
                   ps_size_mul(&smallest, samples, smallest) && t.at <= n && smallest <= n - t.at,
               POISE_IO, "truncated PPM: %zu bytes cannot hold %lld x %lld pixels", n, (long long)w,
               (long long)h);
    PS_TRY(ps_image_alloc(out, (uint64_t)w, (uint64_t)h, POISE_RGB));
    uint8_t *d = out->plane[0];
    for (size_t i = 0; i < samples; i++) {
        int v = next_sample(&t, ascii, top);
        if (v < 0) {
            poise_image_close(out);
            return ps_fail(POISE_IO, "truncated PPM: sample %zu of %zu is missing", i, samples);
        }
        for (int c = 0; c < (grey ? 3 : 1); c++) *d++ = (uint8_t)v;
    }
    return POISE_OK;
}

poise_status ps_pnm_write(const poise_image *img, uint8_t **bytes, size_t *size)
{
    char head[64];
    int n = snprintf(head, sizeof head, "P%d\n%d %d\n255\n", img->format == POISE_GRAY ? 5 : 6, img->w, img->h);
    size_t row = (size_t)img->w * (size_t)ps_format_step(img->format), all;
    PS_REQUIRE(ps_size_mul(&all, row, (size_t)img->h) && ps_size_add(&all, all, (size_t)n) &&
                   (*bytes = ps_alloc(all)) != NULL,
               POISE_NO_MEMORY, "no memory to write a picture of %d x %d pixels", img->w, img->h);
    memcpy(*bytes, head, (size_t)n);
    for (int32_t y = 0; y < img->h; y++)
        memcpy(*bytes + (size_t)n + (size_t)y * row, img->plane[0] + y * img->stride[0], row);
    *size = all;
    return POISE_OK;
}

/* ---- BMP ---- */

enum { BMP_RGB = 0, BMP_BITFIELDS = 3 };

typedef struct bmp {
    const uint8_t *rows, *palette;
    size_t row;       /* bytes of a stored row */
    uint32_t colours; /* in the palette */
    int bits, entry;  /* bits of a pixel; bytes of a palette entry */
    uint32_t w, h;
    bool top_down;
} bmp;

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}
static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static poise_status bmp_header(const uint8_t *p, size_t n, bmp *b)
{
    PS_REQUIRE(n >= 26, POISE_IO, "truncated BMP: %zu bytes", n);
    uint32_t pixels_at = le32(p + 10), head = le32(p + 14), compression = BMP_RGB;
    PS_REQUIRE((head == 12 || (head >= 40 && head <= 256)) && head <= n - 14, POISE_IO,
               "damaged BMP: header of %u bytes", head);
    bool old = head == 12;
    int64_t h = old ? (int64_t)le16(p + 20) : (int32_t)le32(p + 22);
    b->w = old ? le16(p + 18) : le32(p + 18);
    b->h = (uint32_t)(h < 0 ? -h : h);
    b->top_down = h < 0;
    b->bits = (int)le16(p + (old ? 24 : 28));
    if (!old) compression = le32(p + 30);
    /* Bit fields are accepted where they say what 32 bits mean anyway. */
    bool usual = compression == BMP_RGB ||
                 (compression == BMP_BITFIELDS && b->bits == 32 && n >= 66 && le32(p + 54) == 0xff0000 &&
                  le32(p + 58) == 0xff00 && le32(p + 62) == 0xff);
    PS_REQUIRE(usual && (b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 24 || b->bits == 32),
               POISE_UNSUPPORTED,
               "BMP with %d bits a pixel and compression %u: uncompressed 1, 4, 8, 24 or 32 are read",
               b->bits, compression);
    b->entry = old ? 3 : 4;
    b->palette = p + 14 + head;
    b->colours = b->bits > 8 ? 0 : 1u << b->bits;
    size_t room = (n - 14 - head) / (size_t)b->entry;
    if (b->colours > room) b->colours = (uint32_t)room;
    b->row = ((size_t)b->w * (size_t)b->bits + 31) / 32 * 4;
    size_t all;
    PS_REQUIRE(pixels_at <= n && ps_size_mul(&all, b->row, b->h) && all <= n - pixels_at, POISE_IO,
               "truncated BMP: %zu bytes cannot hold %u x %u pixels", n, b->w, b->h);
    b->rows = p + pixels_at;
    return POISE_OK;
}

poise_status ps_bmp_read(const uint8_t *p, size_t n, poise_image *out)
{
    bmp b = {0};
    PS_TRY(bmp_header(p, n, &b));
    PS_TRY(ps_image_alloc(out, b.w, b.h, POISE_RGB));
    for (uint32_t y = 0; y < b.h; y++) {
        const uint8_t *s = b.rows + (b.top_down ? y : b.h - 1 - y) * b.row;
        uint8_t *d = out->plane[0] + (ptrdiff_t)y * out->stride[0];
        for (uint32_t x = 0; x < b.w; x++, d += 3) {
            const uint8_t *bgr;
            static const uint8_t black[3];
            if (b.bits >= 24) {
                bgr = s + (size_t)x * (size_t)(b.bits / 8);
            } else {
                uint32_t bit = x * (uint32_t)b.bits;
                uint32_t i = (uint32_t)s[bit / 8] >> (8 - (uint32_t)b.bits - bit % 8) & ((1u << b.bits) - 1);
                bgr = i < b.colours ? b.palette + (size_t)i * (size_t)b.entry : black;
            }
            d[0] = bgr[2], d[1] = bgr[1], d[2] = bgr[0];
        }
    }
    return POISE_OK;
}

static void put32(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

poise_status ps_bmp_write(const poise_image *img, uint8_t **bytes, size_t *size)
{
    enum { HEAD = 54 };
    size_t row = ((size_t)img->w * 3 + 3) / 4 * 4, all;
    PS_REQUIRE(ps_size_mul(&all, row, (size_t)img->h) && all <= INT32_MAX - HEAD, POISE_UNSUPPORTED,
               "a BMP of %d x %d pixels would exceed 2 GB", img->w, img->h);
    all += HEAD;
    uint8_t *p = *bytes = ps_alloc(all);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory to write a picture of %d x %d pixels", img->w, img->h);
    memcpy(p, "BM", 2);
    put32(p + 2, all);
    put32(p + 10, HEAD);
    put32(p + 14, 40);
    put32(p + 18, (size_t)img->w);
    put32(p + 22, (size_t)img->h);
    p[26] = 1, p[28] = 24;
    put32(p + 34, all - HEAD);
    int c1 = img->format == POISE_RGB ? 1 : 0, c2 = 2 * c1;
    for (int32_t y = 0; y < img->h; y++) {
        const uint8_t *s = img->plane[0] + y * img->stride[0];
        uint8_t *d = p + HEAD + (size_t)(img->h - 1 - y) * row;
        for (int32_t x = 0; x < img->w; x++, s += ps_format_step(img->format), d += 3)
            d[0] = s[c2], d[1] = s[c1], d[2] = s[0];
    }
    *size = all;
    return POISE_OK;
}
