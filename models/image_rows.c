/* models/image_rows.c - formats of pixels: what they need, and rows of NV12 and I420 in RGB. */
#include "models/image_rows.h"

#include "runtime/status.h"

poise_status ps_image_check(const poise_image *img)
{
    static const int planes[] = {[POISE_RGB] = 1,  [POISE_BGR] = 1,  [POISE_GRAY] = 1, [POISE_RGBA] = 1,
                                 [POISE_BGRA] = 1, [POISE_NV12] = 2, [POISE_I420] = 3};
    PS_REQUIRE(img->format >= 0 && img->format < (int)(sizeof planes / sizeof *planes), POISE_BAD_ARGUMENT,
               "a picture of format %d: formats 0 (RGB) to %d (I420) are known", img->format, POISE_I420);
    PS_REQUIRE(img->w > 0 && img->h > 0, POISE_BAD_ARGUMENT, "a picture of %d x %d pixels", img->w, img->h);
    for (int i = 0; i < planes[img->format]; i++)
        PS_REQUIRE(img->plane[i], POISE_BAD_ARGUMENT,
                   "a picture of format %d has %d planes, and plane %d is NULL", img->format,
                   planes[img->format], i);
    PS_REQUIRE(img->full_w <= 0 || (img->full_h > 0 && img->shrink >= 1), POISE_BAD_ARGUMENT,
               "a picture that stands for %d x %d pixels, made %g times smaller", img->full_w, img->full_h,
               (double)img->shrink);
    return POISE_OK;
}

ps_row_kind ps_row_kind_of(int32_t format)
{
    bool bgr = format == POISE_BGR || format == POISE_BGRA,
         planar = format == POISE_NV12 || format == POISE_I420;
    int step = format == POISE_GRAY ? 1 : format == POISE_RGBA || format == POISE_BGRA ? 4 : 3;
    return (ps_row_kind){step, bgr, planar};
}

/* From Y, U, V to R, G, B in 1/8192.  With Kr = 0.299, Kb = 0.114 (BT.601) or 0.2126, 0.0722 (BT.709):
 * R = y + 2(1-Kr) v, B = y + 2(1-Kb) u, and G from Y = Kr R + Kg G + Kb B.  Limited range stretches Y by 255/219 and
 * U, V by 255/224.  Source: ITU-R BT.601-7 section 2.5, BT.709-6 section 3. */
static const ps_yuv yuv_601 = {16, 9539, 13075, -3209, -6660, 16525};
static const ps_yuv yuv_709 = {16, 9539, 14686, -1747, -4366, 17305};
static const ps_yuv yuv_601_full = {0, 8192, 11485, -2819, -5850, 14516};
static const ps_yuv yuv_709_full = {0, 8192, 12901, -1535, -3835, 15201};

void ps_image_row_rgb(const ps_kernels *k, const poise_image *img, int32_t y, int32_t from, int32_t to,
                      uint8_t *rgb)
{
    bool nv12 = img->format == POISE_NV12, full = img->colour & POISE_FULL_RANGE;
    const ps_yuv *m = img->colour & POISE_BT709 ? (full ? &yuv_709_full : &yuv_709)
                      : full                    ? &yuv_601_full
                                                : &yuv_601;
    size_t step = nv12 ? 2 : 1;
    from &= ~1; /* pairs share their chroma */
    const uint8_t *luma = img->plane[0] + y * img->stride[0];
    const uint8_t *u = img->plane[1] + (y >> 1) * img->stride[1];
    const uint8_t *v = nv12 ? u + 1 : img->plane[2] + (y >> 1) * img->stride[2];
    size_t at = (size_t)(from >> 1) * step;
    k->yuv_rgb_u8((size_t)(to - from), luma + from, u + at, v + at, step, m, rgb + 3 * (size_t)from);
}
