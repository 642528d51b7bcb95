/* models/image_exif.c - finds the orientation tag in a JPEG's EXIF block, and nothing else. */
#include "models/image.h"

#include <string.h>

typedef struct tiff {
    const uint8_t *p;
    size_t n;
    bool big; /* big-endian */
} tiff;

static unsigned u16_at(const tiff *t, size_t at)
{
    return t->big ? (unsigned)(t->p[at] << 8 | t->p[at + 1]) : (unsigned)(t->p[at + 1] << 8 | t->p[at]);
}

static uint32_t u32_at(const tiff *t, size_t at)
{
    uint32_t a = u16_at(t, at), b = u16_at(t, at + 2);
    return t->big ? a << 16 | b : b << 16 | a;
}

int ps_exif_of_tiff(const uint8_t *p, size_t n)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4 };
    if (n < 8) return 1;
    tiff t = {p, n, p[0] == 'M'};
    if ((memcmp(p, "II", 2) && memcmp(p, "MM", 2)) || u16_at(&t, 2) != 42) return 1;
    size_t ifd = u32_at(&t, 4);
    if (ifd > n - 2) return 1;
    size_t count = u16_at(&t, ifd), fits = (n - ifd - 2) / 12;
    for (size_t i = 0; i < count && i < fits; i++) {
        size_t at = ifd + 2 + i * 12;
        if (u16_at(&t, at) != ORIENTATION) continue;
        unsigned type = u16_at(&t, at + 2);
        uint32_t v = type == SHORT ? u16_at(&t, at + 8) : type == LONG ? u32_at(&t, at + 8) : 1;
        return v >= 1 && v <= 8 ? (int)v : 1;
    }
    return 1;
}

int ps_exif_of_jpeg(const uint8_t *p, size_t n)
{
    enum { APP1 = 0xe1, SOS = 0xda, EOI = 0xd9 };
    size_t at = 2;
    while (at + 4 <= n && p[at] == 0xff) {
        int marker = p[at + 1];
        if (marker == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (marker == SOS || marker == EOI) break;
        size_t len = (size_t)p[at + 2] << 8 | p[at + 3];
        if (len < 2 || len > n - at - 2) break;
        if (marker == APP1 && len >= 8 && !memcmp(p + at + 4, "Exif\0\0", 6))
            return ps_exif_of_tiff(p + at + 10, len - 8);
        at += 2 + len;
    }
    return 1;
}
