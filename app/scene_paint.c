/* app/scene_paint.c - shaded capsules, polygons and backgrounds, and which object each pixel shows. */
#include "app/scene_paint.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

void ps_canvas_begin(ps_canvas *c, uint16_t object)
{
    c->object = object;
    c->own = 0;
    c->x0 = c->y0 = INT_MAX;
    c->x1 = c->y1 = 0;
}

static uint8_t byte_of(float x)
{
    return (uint8_t)ps_clampf(x + 0.5f, 0.0f, 255.0f);
}

/* The colour's share of a pixel; more than half of it makes the pixel the object's. */
static void blend(ps_canvas *c, int x, int y, const float colour[3], float share)
{
    size_t at = (size_t)y * (size_t)c->w + (size_t)x;
    uint8_t *p = c->rgb + 3 * at;
    for (int i = 0; i < 3; i++) p[i] = byte_of((float)p[i] + (ps_clampf(colour[i], 0.0f, 255.0f) - (float)p[i]) * share);
    if (!c->owner || share <= 0.5f) return;
    if (c->owner[at] != c->object) c->own++;
    c->owner[at] = c->object;
    if (x < c->x0) c->x0 = x;
    if (x >= c->x1) c->x1 = x + 1;
    if (y < c->y0) c->y0 = y;
    if (y >= c->y1) c->y1 = y + 1;
}

/* Whole numbers within [0, limit] that begin and end a range of pixels. */
static int from_pixel(float x, int limit)
{
    return (int)ps_clampf(floorf(x), 0.0f, (float)limit);
}
static int to_pixel(float x, int limit)
{
    return (int)ps_clampf(floorf(x) + 2.0f, 0.0f, (float)limit);
}

/* The part of [0, 1] where |p + t*d| <= r; false: none. */
static bool near(float p, float d, float r, float *t0, float *t1)
{
    *t0 = 0.0f, *t1 = 1.0f;
    if (fabsf(d) < 1e-6f) return fabsf(p) <= r;
    float a = (-r - p) / d, b = (r - p) / d;
    if (a > b) {
        float swap = a;
        a = b, b = swap;
    }
    if (a > *t0) *t0 = a;
    if (b < *t1) *t1 = b;
    return *t0 <= *t1;
}

void ps_paint_capsule(ps_canvas *c, float ax, float ay, float bx, float by, float ra, float rb, ps_colour colour)
{
    float most = (ra > rb ? ra : rb) + 1.0f, dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
    if (!(most < 1e5f) || !(fabsf(ax) + fabsf(ay) + fabsf(bx) + fabsf(by) < 1e6f)) return;
    float scale = 1.0f / (length > 1e-6f ? length : 1e-6f);
    int y0 = from_pixel((ay < by ? ay : by) - most, c->h), y1 = to_pixel((ay > by ? ay : by) + most, c->h);
    for (int y = y0; y < y1; y++) {
        float t0, t1;
        if (!near(ay - (float)y, dy, most, &t0, &t1)) continue;
        float xa = ax + dx * t0, xb = ax + dx * t1;
        int x0 = from_pixel((xa < xb ? xa : xb) - most, c->w), x1 = to_pixel((xa > xb ? xa : xb) + most, c->w);
        for (int x = x0; x < x1; x++) {
            float t = ps_clampf((((float)x - ax) * dx + ((float)y - ay) * dy) * scale, 0.0f, 1.0f);
            float r = ra + (rb - ra) * t, inverse = 1.0f / (r > 0.5f ? r : 0.5f);
            float ex = ((float)x - ax - t * dx) * inverse, ey = ((float)y - ay - t * dy) * inverse, q = ex * ex + ey * ey;
            float share = ps_clampf((1.0f - sqrtf(q)) * r + 0.5f, 0.0f, 1.0f);
            if (share <= 0.0f) continue;
            float nz = sqrtf(q < 1.0f ? 1.0f - q : 0.0f);
            float s = ps_clampf(0.45f + 0.6f * (ex * c->light[0] + ey * c->light[1] + nz * c->light[2]), 0.25f, 1.25f);
            blend(c, x, y, (float[3]){(float)colour.r * s, (float)colour.g * s, (float)colour.b * s}, share);
        }
    }
}

void ps_paint_polygon(ps_canvas *c, int n, const float xy[][2], ps_colour colour, float brightness)
{
    float left = 1e6f, top = 1e6f, right = -1e6f, bottom = -1e6f, area = 0.0f, edge[8][3];
    for (int i = 0; i < n; i++) {
        const float *p = xy[i], *q = xy[(i + 1) % n];
        if (!(fabsf(p[0]) < 1e5f) || !(fabsf(p[1]) < 1e5f)) return;
        area += p[0] * q[1] - q[0] * p[1];
        left = p[0] < left ? p[0] : left, right = p[0] > right ? p[0] : right;
        top = p[1] < top ? p[1] : top, bottom = p[1] > bottom ? p[1] : bottom;
    }
    for (int i = 0; i < n; i++) { /* the distance from each edge, inside positive */
        const float *p = xy[i], *q = xy[(i + 1) % n];
        float ex = q[0] - p[0], ey = q[1] - p[1], size = sqrtf(ex * ex + ey * ey), s = size > 1e-6f ? 1.0f / size : 0.0f;
        if (area < 0.0f) s = -s;
        edge[i][0] = -ey * s, edge[i][1] = ex * s, edge[i][2] = (ey * p[0] - ex * p[1]) * s + (size > 1e-6f ? 0.5f : 1.0f);
    }
    const float shade[3] = {(float)colour.r * brightness, (float)colour.g * brightness, (float)colour.b * brightness};
    int y1 = to_pixel(bottom, c->h), x1 = to_pixel(right, c->w);
    for (int y = from_pixel(top, c->h); y < y1; y++)
        for (int x = from_pixel(left, c->w); x < x1; x++) {
            float share = 1.0f;
            for (int i = 0; i < n && share > 0.0f; i++) {
                float d = edge[i][0] * (float)x + edge[i][1] * (float)y + edge[i][2];
                share = d < share ? d : share;
            }
            if (share > 0.0f) blend(c, x, y, shade, share);
        }
}

void ps_paint_shadow(ps_canvas *c, float x, float y, float rx, float ry, float much)
{
    rx = rx < 1.0f ? 1.0f : rx, ry = ry < 1.0f ? 1.0f : ry;
    if (!(fabsf(x) + fabsf(y) + rx + ry < 1e6f)) return;
    int x1 = to_pixel(x + rx, c->w), y1 = to_pixel(y + ry, c->h);
    for (int j = from_pixel(y - ry, c->h); j < y1; j++)
        for (int i = from_pixel(x - rx, c->w); i < x1; i++) {
            float ex = ((float)i - x) / rx, ey = ((float)j - y) / ry;
            if (ex * ex + ey * ey > 1.0f) continue;
            uint8_t *p = c->rgb + 3 * ((size_t)j * (size_t)c->w + (size_t)i);
            for (int k = 0; k < 3; k++) p[k] = byte_of((float)p[k] * much);
        }
}

static void fill(ps_canvas *c, int x0, int y0, int x1, int y1, const float colour[3])
{
    for (int y = y0 < 0 ? 0 : y0; y < y1 && y < c->h; y++)
        for (int x = x0 < 0 ? 0 : x0; x < x1 && x < c->w; x++)
            for (int i = 0; i < 3; i++) c->rgb[3 * ((size_t)y * (size_t)c->w + (size_t)x) + (size_t)i] = byte_of(colour[i]);
}

static void building(ps_canvas *c, ps_rand *r, int horizon)
{
    int side = c->w < c->h ? c->w : c->h;
    int x = ps_rand_below(r, c->w), w = side / 20 + ps_rand_below(r, side / 3 + 1);
    int h = side / 15 + ps_rand_below(r, side / 2 + 1), foot = horizon + ps_rand_below(r, side / 12 + 1);
    int pane = side < 120 ? 2 : side / 50;
    float wall[3], window[3];
    float grey = ps_rand_in(r, 50.0f, 215.0f);
    for (int i = 0; i < 3; i++) wall[i] = 0.6f * grey + 0.4f * ps_rand_in(r, 30.0f, 230.0f), window[i] = wall[i] + 40.0f;
    fill(c, x, horizon - h, x + w, foot, wall);
    for (int wx = x + pane; wx + pane < x + w; wx += 2 * pane + 2)
        for (int wy = horizon - h + pane; wy + pane < horizon; wy += 3 * pane) fill(c, wx, wy, wx + pane, wy + pane + 2, window);
}

/* Numbers of a grid that has one for every 4 pixels. */
static void patch_corner(uint64_t key, float strength, int gx, int gy, float corner[3])
{
    ps_rand of = ps_rand_of(key, (uint32_t)gx, (uint32_t)gy);
    for (int k = 0; k < 3; k++) corner[k] = ps_rand_normal(&of, 0.0f, strength);
}

/* Added bilinearly between the four numbers around. */
static void patch(ps_canvas *c, int gx, int gy, float left[2][3], float right[2][3])
{
    for (int y = 4 * gy; y < 4 * gy + 4 && y < c->h; y++)
        for (int x = 4 * gx; x < 4 * gx + 4 && x < c->w; x++) {
            float fx = (float)(x % 4) * 0.25f, fy = (float)(y % 4) * 0.25f;
            uint8_t *p = c->rgb + 3 * ((size_t)y * (size_t)c->w + (size_t)x);
            for (int k = 0; k < 3; k++) {
                float top = left[0][k] + (right[0][k] - left[0][k]) * fx, bottom = left[1][k] + (right[1][k] - left[1][k]) * fx;
                p[k] = byte_of((float)p[k] + top + (bottom - top) * fy);
            }
        }
}

static void patches(ps_canvas *c, ps_rand *r)
{
    float strength = ps_rand_in(r, 2.0f, 18.0f), corner[2][2][3]; /* left and right, above and below */
    uint64_t key = (uint64_t)ps_rand_next(r) << 32;
    for (int gy = 0; 4 * gy < c->h; gy++) {
        for (int i = 0; i < 2; i++) patch_corner(key, strength, 0, gy + i, corner[0][i]);
        for (int gx = 0; 4 * gx < c->w; gx++) {
            for (int i = 0; i < 2; i++) patch_corner(key, strength, gx + 1, gy + i, corner[(gx + 1) % 2][i]);
            patch(c, gx, gy, corner[gx % 2], corner[(gx + 1) % 2]);
        }
    }
}

void ps_paint_background(ps_canvas *c, ps_rand *r, int horizon)
{
    float sky[3], haze[3], ground[3];
    float bright = ps_rand_in(r, 90.0f, 220.0f), floor_of = ps_rand_in(r, 50.0f, 200.0f); /* more grey than colour */
    for (int i = 0; i < 3; i++) {
        sky[i] = 0.6f * bright + 0.4f * ps_rand_in(r, 60.0f, 240.0f) + 14.0f * (float)i - 14.0f;
        haze[i] = 0.6f * bright + 0.4f * ps_rand_in(r, 120.0f, 255.0f);
        ground[i] = 0.65f * floor_of + 0.35f * ps_rand_in(r, 40.0f, 220.0f);
    }
    for (int y = 0; y < c->h; y++) {
        float t = (float)y / (float)c->h, colour[3];
        float depth = (float)(y - horizon) / (float)(c->h > horizon ? c->h - horizon : 1);
        for (int i = 0; i < 3; i++)
            colour[i] = y < horizon ? sky[i] * (1.0f - t) + haze[i] * t : ground[i] * (0.8f + 0.35f * depth);
        fill(c, 0, y, c->w, y + 1, colour);
    }
    for (int n = ps_rand_below(r, 9); n > 0; n--) building(c, r, horizon);
    patches(c, r);
}

/* Row y of the mean of the pictures, with noise. */
static void exposed_row(int w, int y, int n, const uint8_t *const *pictures, int strength, uint32_t key, int16_t *row)
{
    size_t from = 3 * (size_t)w * (size_t)y;
    uint32_t count = key + (uint32_t)from;
    for (size_t i = 0; i < 3 * (size_t)w; i++) {
        int sum = pictures[0][from + i];
        if (n == 3) sum = ((sum + pictures[1][from + i] + pictures[2][from + i]) * 21846 + 32768) >> 16;
        uint32_t h = (count + (uint32_t)i) * 0x9E3779B1u;
        h = (h ^ h >> 15) * 0x85EBCA77u;
        h = (h ^ h >> 13) * 0xC2B2AE3Du;
        int bytes = (int)((h >> 24) + (h >> 16 & 255u) + (h >> 8 & 255u) + (h & 255u)) - 510; /* deviation 147.8 */
        row[i] = (int16_t)(sum * 16 + ((bytes * strength) >> 8));
    }
}

/* The row blurred along itself, in 1/16. */
static void soften_row(int w, int side, const int16_t *row, int16_t *out)
{
    int middle = 256 - 2 * side, last = 3 * (w - 1);
    for (int i = 0; i < 3 * w; i++) {
        int a = row[i < 3 ? i : i - 3], b = row[i >= last ? i : i + 3];
        out[i] = (int16_t)((row[i] * middle + (a + b) * side + 128) >> 8);
    }
}

void ps_paint_camera(int w, int h, int n, const uint8_t *const *pictures, float noise, float soft, uint64_t key, int16_t *work,
                     uint8_t *out)
{
    int side = (int)(soft * 256.0f), middle = 256 - 2 * side, strength = (int)(noise * 16.0f * 256.0f / 147.8f);
    uint32_t hash = (uint32_t)(key * 0x9E3779B97F4A7C15u >> 32);
    int16_t *row = work, *ring[3];
    size_t step = 3 * (size_t)w;
    for (int i = 0; i < 3; i++) ring[i] = work + step * (size_t)(i + 1);
    for (int y = 0; y <= h; y++) {
        if (y < h) {
            exposed_row(w, y, n, pictures, strength, hash, row);
            soften_row(w, side, row, ring[y % 3]);
        }
        if (y == 0) continue;
        const int16_t *above = ring[(y < 2 ? 0 : y - 2) % 3], *at = ring[(y - 1) % 3], *below = ring[(y < h ? y : h - 1) % 3];
        uint8_t *to = out + step * (size_t)(y - 1);
        for (size_t i = 0; i < step; i++) {
            int v = (at[i] * middle + (above[i] + below[i]) * side + 2048) >> 12;
            to[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}
