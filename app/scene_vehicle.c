/* app/scene_vehicle.c - cars of drawn scenes, and their road. */
#include "app/scene_vehicle.h"

void ps_vehicle_make(ps_rand *r, ps_vehicle *v)
{
    bool van = ps_rand_below(r, 4) == 0;
    *v = (ps_vehicle){.length = van ? ps_rand_in(r, 4.8f, 5.8f) : ps_rand_in(r, 3.6f, 4.7f),
                      .width = ps_rand_in(r, 1.65f, 1.95f),
                      .body = van ? 1.1f : 0.85f,
                      .roof = van ? ps_rand_in(r, 1.9f, 2.3f) : ps_rand_in(r, 1.38f, 1.55f)};
    uint8_t c[3];
    for (int i = 0; i < 3; i++) c[i] = (uint8_t)(25 + ps_rand_below(r, 215));
    v->paint = (ps_colour){c[0], c[1], c[2]};
}

static void polygon(const ps_scene_camera *c, ps_canvas *canvas, int n, const ps_vec *p, ps_colour colour, float brightness)
{
    float xy[8][2];
    for (int i = 0; i < n; i++) {
        ps_spot s = ps_scene_project(c, p[i]);
        if (s.depth <= 0.05f) return;
        xy[i][0] = s.x, xy[i][1] = s.y;
    }
    ps_paint_polygon(canvas, n, (const float(*)[2])xy, colour, brightness);
}

/* A part from x0 to x1 at the bottom and a0 to a1 at the top, whose sides are seen: the one to the camera, the end that is
 * turned to it, the top. */
typedef struct block {
    float x0, x1, a0, a1, near, far, bottom, top;
} block;

static void paint_block(const ps_scene_camera *c, ps_canvas *canvas, const block *b, ps_colour colour, const float shade[3])
{
    ps_vec upper[] = {{b->a0, b->near, b->top}, {b->a1, b->near, b->top}, {b->a1, b->far, b->top}, {b->a0, b->far, b->top}};
    ps_vec side[] = {{b->x0, b->near, b->bottom}, {b->x1, b->near, b->bottom}, {b->a1, b->near, b->top}, {b->a0, b->near, b->top}};
    ps_vec left[] = {{b->x0, b->near, b->bottom}, {b->x0, b->far, b->bottom}, {b->a0, b->far, b->top}, {b->a0, b->near, b->top}};
    ps_vec right[] = {{b->x1, b->near, b->bottom}, {b->x1, b->far, b->bottom}, {b->a1, b->far, b->top}, {b->a1, b->near, b->top}};
    if (c->height > b->top) polygon(c, canvas, 4, upper, colour, shade[0]);
    if (b->x0 > 0.0f) polygon(c, canvas, 4, left, colour, shade[2]);
    if (b->x1 < 0.0f) polygon(c, canvas, 4, right, colour, shade[2]);
    polygon(c, canvas, 4, side, colour, shade[1]);
}

static void wheel(const ps_scene_camera *c, ps_canvas *canvas, float x, float y)
{
    const ps_colour tyre = {28, 28, 30}, rim = {150, 150, 155};
    ps_spot s = ps_scene_project(c, (ps_vec){x, y, 0.32f});
    if (s.depth <= 0.05f) return;
    ps_paint_capsule(canvas, s.x, s.y, s.x, s.y, 0.32f * s.scale, 0.32f * s.scale, tyre);
    ps_paint_capsule(canvas, s.x, s.y, s.x, s.y, 0.17f * s.scale, 0.17f * s.scale, rim);
}

void ps_vehicle_paint(const ps_vehicle *v, float seconds, const ps_scene_camera *c, ps_canvas *canvas)
{
    const ps_colour glass = {45, 58, 68}, dark = {22, 22, 22};
    const float shade[3] = {1.1f, 0.9f, 0.7f}, of_glass[3] = {1.0f, 1.0f, 0.8f};
    float x = v->x + v->speed * seconds, half = 0.5f * v->length, near = v->y - 0.5f * v->width, far = v->y + 0.5f * v->width;
    float nose = v->speed < 0.0f ? -1.0f : 1.0f; /* the bonnet is in front */
    float front = x + nose * half * (v->body > 1.0f ? 0.75f : 0.4f), back = x - nose * half * 0.92f;
    float wind = front - nose * 0.55f, rear = back + nose * 0.25f;
    bool right = nose > 0.0f;
    block under = {x - half, x + half, x - half, x + half, near, far, 0.0f, 0.25f};
    block body = {x - half, x + half, x - half, x + half, near, far, 0.25f, v->body};
    block cabin = {right ? back : front, right ? front : back, right ? rear : wind, right ? wind : rear, near + 0.05f, far - 0.05f,
                   v->body, v->roof - 0.12f};
    block roof = {cabin.a0, cabin.a1, cabin.a0, cabin.a1, near + 0.05f, far - 0.05f, v->roof - 0.12f, v->roof};
    paint_block(c, canvas, &under, dark, of_glass);
    paint_block(c, canvas, &body, v->paint, shade);
    paint_block(c, canvas, &cabin, glass, of_glass);
    paint_block(c, canvas, &roof, v->paint, shade);
    wheel(c, canvas, x - 0.6f * half, near);
    wheel(c, canvas, x + 0.6f * half, near);
}

void ps_road_paint(float ahead, const ps_scene_camera *c, ps_canvas *canvas)
{
    const ps_colour asphalt = {88, 88, 92}, line = {225, 225, 220};
    const float wide = 300.0f;
    ps_vec strip[] = {{-wide, ahead - 3.5f, 0}, {wide, ahead - 3.5f, 0}, {wide, ahead + 3.5f, 0}, {-wide, ahead + 3.5f, 0}};
    polygon(c, canvas, 4, strip, asphalt, 1.0f);
    for (int i = -25; i <= 25; i++) {
        float x = 6.0f * (float)i;
        ps_vec dash[] = {{x, ahead - 0.07f, 0}, {x + 3.0f, ahead - 0.07f, 0}, {x + 3.0f, ahead + 0.07f, 0}, {x, ahead + 0.07f, 0}};
        polygon(c, canvas, 4, dash, line, 1.0f);
    }
}
