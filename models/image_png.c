/* models/image_png.c - PNG through libpng; the only file that knows it. */
#include "models/image.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

#if PS_WITH_PNG
#include <png.h>
#include <setjmp.h>

/* libpng leaves its functions by longjmp: everything that must survive that lies here, outside the function
 * that calls setjmp. */
typedef struct reader {
    const uint8_t *p;
    size_t n, at;
    poise_image *img;
    poise_status status; /* of ours, when it was not libpng that failed */
    int orientation;
    char why[96];
} reader;

typedef struct writer {
    const poise_image *img;
    uint8_t *bytes;
    size_t size, cap;
    char why[96];
} writer;

static void on_read_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->why, sizeof r->why, "%s", text);
    png_longjmp(png, 1);
}

static void on_write_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    snprintf(w->why, sizeof w->why, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text; /* a library does not print */
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->n - r->at) png_error(png, "the file ends early");
    memcpy(to, r->p + r->at, n);
    r->at += n;
}

/* Everything becomes 8-bit RGB.  Alpha is dropped, as the usual readers of training pictures do. */
static void ask_for_rgb(png_structp png)
{
    png_set_palette_to_rgb(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
}

static bool read_all(png_structp png, png_infop info, reader *r)
{
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_user_limits(png, (png_uint_32)PS_MAX_PIXELS, (png_uint_32)PS_MAX_PIXELS);
    png_set_chunk_malloc_max(png, 8u << 20);
    png_set_chunk_cache_max(png, 64);
    png_set_read_fn(png, r, on_read);
    png_read_info(png, info);
    r->status = ps_image_alloc(r->img, png_get_image_width(png, info), png_get_image_height(png, info), POISE_RGB);
    if (r->status != POISE_OK) return false;
    ask_for_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != (size_t)r->img->stride[0]) png_error(png, "unexpected row size");
    for (int pass = 0; pass < passes; pass++)
        for (int32_t y = 0; y < r->img->h; y++) png_read_row(png, r->img->plane[0] + y * r->img->stride[0], NULL);
    png_read_end(png, info);
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 n = 0;
    png_bytep exif = NULL;
    if (png_get_eXIf_1(png, info, &n, &exif) && exif) r->orientation = ps_exif_of_tiff(exif, n);
#endif
    return true;
}

poise_status ps_png_read(const uint8_t *p, size_t n, poise_image *out)
{
    reader r = {.p = p, .n = n, .img = out, .status = POISE_OK, .orientation = 1};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_read_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && read_all(png, info, &r);
    png_destroy_read_struct(png ? &png : NULL, info ? &info : NULL, NULL);
    if (ok) r.status = ps_image_turn(out, r.orientation);
    if (ok && r.status == POISE_OK) return POISE_OK;
    poise_image_close(out);
    if (r.status != POISE_OK) return r.status;
    PS_REQUIRE(r.why[0], POISE_NO_MEMORY, "no memory for a PNG reader");
    return ps_fail(POISE_IO, "%s PNG: %s", r.at == n || strstr(r.why, "early") ? "truncated" : "damaged",
                   r.why);
}

static void on_write(png_structp png, png_bytep from, size_t n)
{
    writer *w = png_get_io_ptr(png);
    size_t need;
    if (!ps_size_add(&need, w->size, n)) png_error(png, "too large");
    if (need > w->cap) {
        size_t cap = need + need / 2 + 65536;
        void *more = ps_realloc(w->bytes, cap);
        if (!more) png_error(png, "no memory");
        w->bytes = more;
        w->cap = cap;
    }
    memcpy(w->bytes + w->size, from, n);
    w->size = need;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static bool write_whole(png_structp png, png_infop info, writer *w)
{
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, w, on_write, on_flush);
    png_set_IHDR(png, info, (png_uint_32)w->img->w, (png_uint_32)w->img->h, 8,
                 w->img->format == POISE_GRAY ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, 4);
    png_write_info(png, info);
    for (int32_t y = 0; y < w->img->h; y++) png_write_row(png, w->img->plane[0] + y * w->img->stride[0]);
    png_write_end(png, info);
    return true;
}

poise_status ps_png_write(const poise_image *img, uint8_t **bytes, size_t *size)
{
    writer w = {.img = img};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_write_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && write_whole(png, info, &w);
    png_destroy_write_struct(png ? &png : NULL, info ? &info : NULL);
    if (!ok) {
        ps_free(w.bytes);
        return ps_fail(POISE_NO_MEMORY, "cannot make a PNG: %s", w.why[0] ? w.why : "no memory");
    }
    *bytes = w.bytes;
    *size = w.size;
    return POISE_OK;
}

#else

static poise_status absent(void)
{
    return ps_fail(POISE_UNSUPPORTED, "this build reads and writes %sPPM and BMP only; built without PNG",
                   PS_WITH_JPEG ? "JPEG, " : "");
}
poise_status ps_png_read(const uint8_t *p, size_t n, poise_image *out)
{
    (void)p, (void)n, (void)out;
    return absent();
}
poise_status ps_png_write(const poise_image *img, uint8_t **bytes, size_t *size)
{
    (void)img, (void)bytes, (void)size;
    return absent();
}

#endif
