/* models/image_jpeg.c - JPEG through the TurboJPEG interface; the only file that knows it. */
#include "models/image.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>

#if PS_WITH_JPEG
#include <turbojpeg.h>

/* Whether the compressed data have an end marker.  In entropy-coded data 0xff is always followed by 0 or a
 * restart marker, so a plain search behind the first scan's header is right. */
static bool has_end(const uint8_t *p, size_t n)
{
    size_t at = 2;
    while (at + 4 <= n && p[at] == 0xff && p[at + 1] != 0xda) at += 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
    for (; at + 1 < n; at++)
        if (p[at] == 0xff && p[at + 1] == 0xd9) return true;
    return false;
}

/* CMYK as Adobe writes it (255 = no ink) to RGB, in place; rows shrink from 4 to 3 bytes a pixel. */
static void cmyk_to_rgb(poise_image *img)
{
    size_t n = (size_t)img->w * (size_t)img->h;
    const uint8_t *s = img->plane[0];
    uint8_t *d = img->plane[0];
    for (size_t i = 0; i < n; i++, s += 4, d += 3) {
        unsigned k = s[3];
        for (int c = 0; c < 3; c++) d[c] = (uint8_t)((s[c] * k + 127) / 255);
    }
    img->format = POISE_RGB;
    img->stride[0] = (ptrdiff_t)img->w * 3;
}

/* By how much the sides are divided: 8, 4, 2 or 1.  The factors between would be read by slower transforms. */
static int divisor(const ps_shrink *s, const ps_turn *t, int w, int h)
{
    double most = s ? s->most(s->ctx, t->swap ? h : w, t->swap ? w : h) : 1;
    return most >= 8 ? 8 : most >= 4 ? 4 : most >= 2 ? 2 : 1;
}

static poise_status decode(tjhandle tj, const uint8_t *p, size_t n, const ps_shrink *s, poise_image *out)
{
    int w = 0, h = 0, sampling = 0, space = 0;
    PS_REQUIRE(n <= (unsigned long)-1, POISE_UNSUPPORTED, "JPEG of %zu bytes", n);
    PS_REQUIRE(!tjDecompressHeader3(tj, p, (unsigned long)n, &w, &h, &sampling, &space), POISE_IO,
               "damaged JPEG: %s", tjGetErrorStr2(tj));
    bool cmyk = space == TJCS_CMYK || space == TJCS_YCCK;
    int orientation = ps_exif_of_jpeg(p, n);
    ps_turn turn = ps_turn_of(orientation);
    int by = divisor(s, &turn, w, h), small_w = (w + by - 1) / by, small_h = (h + by - 1) / by;
    PS_TRY(ps_image_check_size((uint64_t)w, (uint64_t)h)); /* a progressive file needs memory for all of it */
    PS_TRY(ps_image_alloc(out, (uint64_t)small_w, (uint64_t)small_h, cmyk ? POISE_RGBA : POISE_RGB));
    int flags = 0;
#ifdef TJFLAG_LIMITSCANS
    flags |= TJFLAG_LIMITSCANS; /* a few bytes may ask for thousands of passes over the whole picture */
#endif
    int bad = tjDecompress2(tj, p, (unsigned long)n, out->plane[0], small_w, (int)out->stride[0], small_h,
                            cmyk ? TJPF_CMYK : TJPF_RGB, flags);
    if (bad) {
        /* Real cameras write a few stray bytes before a marker, which is a warning only; missing data is not. */
        const char *why = tjGetErrorStr2(tj);
        bool cut = strstr(why, "remature end") || !has_end(p, n);
        if (cut || tjGetErrorCode(tj) != TJERR_WARNING) {
            poise_image_close(out);
            return ps_fail(POISE_IO, "%s JPEG: %s", cut ? "truncated" : "damaged", why);
        }
    }
    if (cmyk) cmyk_to_rgb(out);
    PS_TRY(ps_image_turn(out, orientation));
    if (by == 1) return POISE_OK;
    /* Smaller pixels at the right and lower edge may lie partly outside the picture; turned, at the left or above. */
    float right = (float)small_w - (float)w / (float)by, down = (float)small_h - (float)h / (float)by;
    float out_x = turn.flip_x ? right : 0, out_y = turn.flip_y ? down : 0;
    out->full_w = turn.swap ? h : w, out->full_h = turn.swap ? w : h;
    out->left = turn.swap ? out_y : out_x, out->top = turn.swap ? out_x : out_y;
    out->shrink = (float)by;
    return POISE_OK;
}

poise_status ps_jpeg_read(const uint8_t *p, size_t n, const ps_shrink *s, poise_image *out)
{
    tjhandle tj = tjInitDecompress();
    PS_REQUIRE(tj, POISE_NO_MEMORY, "no memory for a JPEG reader");
    poise_status st = decode(tj, p, n, s, out);
    tjDestroy(tj);
    if (st != POISE_OK) poise_image_close(out);
    return st;
}

poise_status ps_jpeg_write(const poise_image *img, int quality, uint8_t **bytes, size_t *size)
{
    PS_REQUIRE(img->w <= 65500 && img->h <= 65500, POISE_UNSUPPORTED,
               "a JPEG has at most 65500 x 65500 pixels, not %d x %d", img->w, img->h);
    PS_REQUIRE(img->stride[0] <= INT32_MAX, POISE_UNSUPPORTED, "rows of %td bytes", img->stride[0]);
    int q = quality <= 0 ? 92 : quality > 100 ? 100 : quality;
    bool grey = img->format == POISE_GRAY;
    tjhandle tj = tjInitCompress();
    PS_REQUIRE(tj, POISE_NO_MEMORY, "no memory for a JPEG writer");
    unsigned char *out = NULL;
    unsigned long n = 0;
    int bad = tjCompress2(tj, img->plane[0], img->w, (int)img->stride[0], img->h, grey ? TJPF_GRAY : TJPF_RGB,
                          &out, &n, grey ? TJSAMP_GRAY : TJSAMP_420, q, 0);
    poise_status st = POISE_OK;
    if (bad)
        st = ps_fail(POISE_IO, "cannot make a JPEG: %s", tjGetErrorStr2(tj));
    else if (!(*bytes = ps_alloc(n)))
        st = ps_fail(POISE_NO_MEMORY, "no memory for a JPEG of %lu bytes", n);
    if (st == POISE_OK) memcpy(*bytes, out, *size = n);
    tjFree(out);
    tjDestroy(tj);
    return st;
}

#else

static poise_status absent(void)
{
    return ps_fail(POISE_UNSUPPORTED, "this build reads and writes %sPPM and BMP only; built without JPEG",
                   PS_WITH_PNG ? "PNG, " : "");
}
poise_status ps_jpeg_read(const uint8_t *p, size_t n, const ps_shrink *s, poise_image *out)
{
    (void)p, (void)n, (void)s, (void)out;
    return absent();
}
poise_status ps_jpeg_write(const poise_image *img, int quality, uint8_t **bytes, size_t *size)
{
    (void)img, (void)quality, (void)bytes, (void)size;
    return absent();
}

#endif
