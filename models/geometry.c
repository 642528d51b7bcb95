/* models/geometry.c - letterbox arithmetic. */
#include "models/geometry.h"

#include <math.h>
#include <stdbool.h>

const char *const ps_fit_names[PS_FIT_COUNT] = {"center", "topleft", "stretch", "crop"};

static int32_t at_least_1(double v)
{
    return v < 1 ? 1 : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

/* All but what tells how the source is scaled. */
static ps_geometry plain(int32_t src_w, int32_t src_h, int32_t dst_w, int32_t dst_h)
{
    return (ps_geometry){.src_w = src_w,
                         .src_h = src_h,
                         .dst_w = dst_w,
                         .dst_h = dst_h,
                         .new_w = dst_w,
                         .new_h = dst_h,
                         .img_w = src_w,
                         .img_h = src_h,
                         .shrink = 1};
}

ps_geometry ps_geometry_make(ps_fit fit, int32_t short_side, int32_t src_w, int32_t src_h, int32_t dst_w,
                             int32_t dst_h)
{
    ps_geometry g = plain(src_w, src_h, dst_w, dst_h);
    double rw = (double)dst_w / src_w, rh = (double)dst_h / src_h, r = rw < rh ? rw : rh;
    if (fit == PS_FIT_CENTER) {
        g.new_w = at_least_1(nearbyint(src_w * r));
        g.new_h = at_least_1(nearbyint(src_h * r));
        g.left = (int32_t)nearbyint((dst_w - g.new_w) / 2.0 - 0.1);
        g.top = (int32_t)nearbyint((dst_h - g.new_h) / 2.0 - 0.1);
    } else if (fit == PS_FIT_TOPLEFT) {
        g.new_w = at_least_1(src_w * r);
        g.new_h = at_least_1(src_h * r);
    } else if (fit == PS_FIT_CROP) {
        int32_t side = src_w < src_h ? src_w : src_h, to = dst_w > dst_h ? dst_w : dst_h;
        if (!short_side) short_side = (int32_t)nearbyint(to * 8.0 / 7);
        if (short_side > to) to = short_side;
        g.new_w = src_w == side ? to : at_least_1((double)to * src_w / side);
        g.new_h = src_h == side ? to : at_least_1((double)to * src_h / side);
        g.left = -(int32_t)nearbyint((g.new_w - dst_w) / 2.0);
        g.top = -(int32_t)nearbyint((g.new_h - dst_h) / 2.0);
    }
    g.step_x = (double)src_w / g.new_w;
    g.step_y = (double)src_h / g.new_h;
    bool kept = fit == PS_FIT_CENTER || fit == PS_FIT_TOPLEFT;
    g.back_x = kept ? 1 / r : g.step_x;
    g.back_y = kept ? 1 / r : g.step_y;
    return g;
}

ps_geometry ps_geometry_around(const float box[4], int32_t src_w, int32_t src_h, int32_t dst_w, int32_t dst_h)
{
    static const double wider = 1.25;
    ps_geometry g = plain(src_w, src_h, dst_w, dst_h);
    double w = (double)box[2] - (double)box[0], h = (double)box[3] - (double)box[1];
    double sx = w / dst_w, sy = h / dst_h, step = wider * (sx > sy ? sx : sy);
    g.step_x = g.step_y = g.back_x = g.back_y = step;
    g.start_x = ((double)box[0] + (double)box[2] - step * dst_w) / 2;
    g.start_y = ((double)box[1] + (double)box[3] - step * dst_h) / 2;
    return g;
}

int32_t ps_image_full_w(const poise_image *img)
{
    return img->full_w > 0 ? img->full_w : img->w;
}

int32_t ps_image_full_h(const poise_image *img)
{
    return img->full_h > 0 ? img->full_h : img->h;
}

void ps_geometry_of_image(ps_geometry *g, const poise_image *img)
{
    g->img_w = img->w, g->img_h = img->h;
    if (img->full_w <= 0) return;
    g->origin_x = (double)img->left, g->origin_y = (double)img->top;
    g->shrink = (double)img->shrink;
}

static float back(float v, int32_t corner, double start, double step, int32_t src)
{
    double x = start + ((double)v - corner) * step;
    return x > 0 ? (float)(x < src ? x : src) : 0; /* NaN becomes 0 */
}

float ps_geometry_x(const ps_geometry *g, float x)
{
    return back(x, g->left, g->start_x, g->back_x, g->src_w);
}

float ps_geometry_y(const ps_geometry *g, float y)
{
    return back(y, g->top, g->start_y, g->back_y, g->src_h);
}
