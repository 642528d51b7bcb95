/* models/image.c - pictures from and to files: which format, limits, orientation. */
#include "models/image.h"

#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>
#include <strings.h>

poise_status ps_image_check_size(uint64_t w, uint64_t h)
{
    PS_REQUIRE(w && h, POISE_IO, "the picture is %llu x %llu pixels: it has no area", (unsigned long long)w,
               (unsigned long long)h);
    PS_REQUIRE(w <= PS_MAX_SIDE && h <= PS_MAX_SIDE && w * h <= PS_MAX_PIXELS, POISE_UNSUPPORTED,
               "the picture is %llu x %llu pixels: at most %llu million (%llu a side) are read",
               (unsigned long long)w, (unsigned long long)h, PS_MAX_PIXELS / 1000000, PS_MAX_SIDE);
    return POISE_OK;
}

poise_status ps_image_alloc(poise_image *img, uint64_t w, uint64_t h, poise_format format)
{
    PS_TRY(ps_image_check_size(w, h));
    size_t row = (size_t)w * (size_t)ps_format_step((int32_t)format);
    uint8_t *pixels = ps_alloc_array(row, (size_t)h);
    PS_REQUIRE(pixels, POISE_NO_MEMORY, "no memory for a picture of %llu x %llu pixels",
               (unsigned long long)w, (unsigned long long)h);
    *img = (poise_image){.plane = {pixels},
                         .stride = {(ptrdiff_t)row},
                         .w = (int32_t)w,
                         .h = (int32_t)h,
                         .format = (int32_t)format,
                         .own = 1};
    return POISE_OK;
}

void poise_image_close(poise_image *img)
{
    if (!img) return;
    if (img->own) ps_free(img->plane[0]);
    *img = (poise_image){0};
}

ps_turn ps_turn_of(int orientation)
{
    return (ps_turn){.swap = orientation >= 5 && orientation <= 8,
                     .flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8,
                     .flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7};
}

/* Where pixel (0,0) of the upright picture lies in the stored one, and the steps for +x and +y there. */
static void turn_steps(const poise_image *s, int orientation, ptrdiff_t *first, ptrdiff_t *dx, ptrdiff_t *dy)
{
    ptrdiff_t right = (ptrdiff_t)(s->w - 1) * 3, down = (ptrdiff_t)(s->h - 1) * s->stride[0];
    ps_turn t = ps_turn_of(orientation);
    ptrdiff_t sx = t.flip_x ? -3 : 3, sy = t.flip_y ? -s->stride[0] : s->stride[0];
    *first = (t.flip_x ? right : 0) + (t.flip_y ? down : 0);
    *dx = t.swap ? sy : sx;
    *dy = t.swap ? sx : sy;
}

poise_status ps_image_turn(poise_image *img, int orientation)
{
    enum { BLOCK = 32 }; /* pixels square: source lines stay in the cache when x and y are swapped */
    if (orientation < 2 || orientation > 8) return POISE_OK;
    bool swap = orientation >= 5;
    poise_image out;
    PS_TRY(ps_image_alloc(&out, (uint64_t)(swap ? img->h : img->w), (uint64_t)(swap ? img->w : img->h), POISE_RGB));
    ptrdiff_t first, dx, dy;
    turn_steps(img, orientation, &first, &dx, &dy);
    for (int32_t by = 0; by < out.h; by += BLOCK)
        for (int32_t bx = 0; bx < out.w; bx += BLOCK)
            for (int32_t y = by; y < out.h && y < by + BLOCK; y++)
                for (int32_t x = bx; x < out.w && x < bx + BLOCK; x++)
                    memcpy(out.plane[0] + y * out.stride[0] + (ptrdiff_t)x * 3,
                           img->plane[0] + first + x * dx + y * dy, 3);
    poise_image_close(img);
    *img = out;
    return POISE_OK;
}

/* Formats that people try, named so that the error helps. */
static const char *foreign_format(const uint8_t *p, size_t n)
{
    if (n >= 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4)) return "WebP";
    if (n >= 4 && !memcmp(p, "GIF8", 4)) return "GIF";
    if (n >= 4 && (!memcmp(p, "II*\0", 4) || !memcmp(p, "MM\0*", 4))) return "TIFF";
    if (n >= 12 && !memcmp(p + 4, "ftyp", 4)) return "HEIC, AVIF or MP4";
    if (n >= 4 && !memcmp(p, "\x1a\x45\xdf\xa3", 4)) return "Matroska";
    return NULL;
}

static poise_status read_bytes(const uint8_t *p, size_t size, const ps_shrink *s, poise_image *out)
{
    PS_REQUIRE(size >= 4, POISE_IO, "%zu bytes are no picture", size);
    if (p[0] == 0xff && p[1] == 0xd8) return ps_jpeg_read(p, size, s, out);
    if (!memcmp(p, "\x89PNG", 4)) return ps_png_read(p, size, out);
    if (p[0] == 'P' && p[1] >= '2' && p[1] <= '6' && p[1] != '4') return ps_pnm_read(p, size, out);
    if (p[0] == 'B' && p[1] == 'M') return ps_bmp_read(p, size, out);
    const char *foreign = foreign_format(p, size);
    PS_REQUIRE(!foreign, POISE_UNSUPPORTED, "this is %s: JPEG, PNG, PPM/PGM and BMP are read", foreign);
    return ps_fail(POISE_IO, "neither JPEG, PNG, PPM/PGM nor BMP: begins with %02x %02x %02x %02x", p[0],
                   p[1], p[2], p[3]);
}

poise_status poise_image_open_memory(const void *bytes, size_t size, poise_image *out)
{
    PS_REQUIRE(out && (bytes || !size), POISE_BAD_ARGUMENT, "poise_image_open_memory: a NULL argument");
    *out = (poise_image){0};
    return read_bytes(bytes, size, NULL, out);
}

poise_status poise_image_open(const char *path, poise_image *out)
{
    return ps_image_open_shrunk(path, NULL, out);
}

poise_status ps_image_open_shrunk(const char *path, const ps_shrink *s, poise_image *out)
{
    PS_REQUIRE(path && out, POISE_BAD_ARGUMENT, "poise_image_open: a NULL argument");
    *out = (poise_image){0};
    ps_file f;
    PS_TRY(ps_file_map(path, &f));
    poise_status st = read_bytes(f.bytes, f.size, s, out);
    ps_file_unmap(&f);
    return st == POISE_OK ? st : ps_fail_in(st, "%s", path);
}

static poise_status encode(const poise_image *img, const char *path, int quality, uint8_t **bytes,
                           size_t *size)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg")))
        return ps_jpeg_write(img, quality, bytes, size);
    if (dot && !strcasecmp(dot, ".png")) return ps_png_write(img, bytes, size);
    if (dot && (!strcasecmp(dot, ".ppm") || !strcasecmp(dot, ".pgm"))) return ps_pnm_write(img, bytes, size);
    if (dot && !strcasecmp(dot, ".bmp")) return ps_bmp_write(img, bytes, size);
    return ps_fail(POISE_BAD_ARGUMENT, "a picture's name ends in .jpg, .jpeg, .png, .ppm, .pgm or .bmp");
}

poise_status poise_image_save(const poise_image *img, const char *path, int jpeg_quality)
{
    PS_REQUIRE(img && path && img->plane[0], POISE_BAD_ARGUMENT, "poise_image_save: a NULL argument");
    PS_REQUIRE(img->w > 0 && img->h > 0 && (img->format == POISE_GRAY || img->format == POISE_RGB), POISE_BAD_ARGUMENT,
               "%s: cannot write %d x %d pixels of format %d: RGB and GRAY are written", path, img->w, img->h,
               img->format);
    uint8_t *bytes = NULL;
    size_t size = 0;
    poise_status st = encode(img, path, jpeg_quality, &bytes, &size);
    if (st != POISE_OK) return ps_fail_in(st, "%s", path);
    st = ps_file_write(path, bytes, size);
    ps_free(bytes);
    return st;
}
