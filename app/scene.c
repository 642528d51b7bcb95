/* app/scene.c - drawn scenes: the camera, who stands and drives where, one picture, and the truth about it. */
#include "app/scene.h"

#include "app/scene_body.h"
#include "app/scene_vehicle.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <string.h>

enum { STREAM_WORLD = 1, STREAM_PEOPLE, STREAM_PERSON, STREAM_VEHICLE, STREAM_NOISE, EXPOSURES = 3 };

struct ps_scene {
    ps_scene_options o;
    ps_scene_camera camera;
    int people, vehicles;
    ps_person person[PS_SCENE_PEOPLE];
    ps_vehicle vehicle[PS_SCENE_VEHICLES];
    float road, noise, soft, light[3];
    uint8_t *background, *exposure[EXPOSURES];
    uint16_t *owner;
    int16_t *work;
};

ps_spot ps_scene_project(const ps_scene_camera *c, ps_vec p)
{
    float cosine = ps_cosine(c->pitch), sine = ps_sine(c->pitch), below = c->height - p.z;
    ps_spot s = {.depth = p.y * cosine + below * sine};
    if (s.depth < 0.05f) return (ps_spot){.depth = -1.0f};
    s.scale = c->focal / s.depth;
    s.x = c->cx + p.x * s.scale;
    s.y = c->cy + (below * cosine - p.y * sine) * s.scale;
    return s;
}

static void set_homography(ps_scene_camera *c)
{
    double cosine = (double)ps_cosine(c->pitch), sine = (double)ps_sine(c->pitch), h = (double)c->height;
    double f = (double)c->focal, cx = (double)c->cx, cy = (double)c->cy;
    const double m[9] = {f, cx * cosine, cx * h * sine, 0, cy * cosine - f * sine, cy * h * sine + f * h * cosine, 0, cosine, h * sine};
    memcpy(c->to_image, m, sizeof m);
}

/* The horizon in the upper part of the picture, a little above the eyes of most people. */
static int set_camera(ps_scene *s, ps_rand *r)
{
    float h = (float)s->o.height, horizon = h * ps_rand_in(r, 0.12f, 0.42f);
    ps_scene_camera *c = &s->camera;
    c->focal = h * ps_rand_in(r, 1.0f, 1.6f);
    c->cx = 0.5f * (float)s->o.width;
    c->cy = 0.5f * h;
    c->height = ps_rand_in(r, 1.5f, 3.2f);
    for (int i = 0; i < 90; i++) /* the pitch, in tenths of a degree, whose horizon is nearest */
        for (int k = 0; k < 10; k++) {
            float pitch = (float)i + 0.1f * (float)k;
            if (c->focal * ps_sine(pitch) <= (c->cy - horizon) * ps_cosine(pitch)) c->pitch = pitch;
        }
    set_homography(c);
    return (int)horizon;
}

/* So far away that it has the height that was drawn, if its feet are then in the picture. */
static void place_person(ps_scene *s, ps_rand *r, ps_person *p)
{
    const ps_scene_camera *c = &s->camera;
    float h = (float)s->o.height, tall = h * ps_rand_in(r, 0.2f, 0.85f), lowest = h * ps_rand_in(r, 0.8f, 1.04f);
    float distance = c->focal * p->height / tall, middle = 0.5f * (float)(s->o.frames - 1) / (float)s->o.fps;
    while (distance < 60.0f && ps_scene_project(c, (ps_vec){0, distance, 0}).y > lowest) distance += 0.05f;
    float x = (ps_rand_in(r, 0.06f, 0.94f) * (float)s->o.width - c->cx) * distance / c->focal;
    p->x = x - ps_cosine(p->heading) * p->speed * middle;
    p->y = distance - ps_sine(p->heading) * p->speed * middle;
    if (p->y < 0.8f) p->heading = -p->heading, p->y = distance + (distance - p->y);
}

static void place_vehicle(ps_scene *s, ps_rand *r, ps_vehicle *v, int i)
{
    const ps_scene_camera *c = &s->camera;
    float middle = 0.5f * (float)(s->o.frames - 1) / (float)s->o.fps, kmh = ps_rand_in(r, 15.0f, 65.0f);
    v->speed = kmh / 3.6f * (i % 2 ? 1.0f : -1.0f);
    v->y = s->road + (i % 2 ? -1.75f : 1.75f); /* they keep to the right */
    float x = (ps_rand_in(r, 0.1f, 0.9f) * (float)s->o.width - c->cx) * v->y / c->focal;
    for (int k = i - 2; k >= 0; k -= 2) { /* not into one that is there */
        const ps_vehicle *other = &s->vehicle[k];
        float theirs = other->x + other->speed * middle;
        if (fabsf(theirs - x) < 7.0f) x = theirs + 7.5f;
        v->speed = other->speed;
    }
    v->x = x - v->speed * middle;
}

static void people_the_scene(ps_scene *s)
{
    static const int often[] = {1, 1, 2, 2, 3, 4, 6};
    ps_rand r = ps_rand_of(s->o.seed, STREAM_PEOPLE, 0);
    int some = often[ps_rand_below(&r, 7)];
    s->people = s->o.people < 0 ? some : s->o.people;
    s->vehicles = s->o.vehicles < 0 ? 0 : s->o.vehicles;
    for (int i = 0; i < s->people; i++) {
        ps_rand of = ps_rand_of(s->o.seed, STREAM_PERSON, (uint32_t)i);
        ps_person_make(&of, &s->person[i]);
        place_person(s, &of, &s->person[i]);
    }
    for (int i = 0; i < s->vehicles; i++) {
        ps_rand of = ps_rand_of(s->o.seed, STREAM_VEHICLE, (uint32_t)i);
        ps_vehicle_make(&of, &s->vehicle[i]);
        place_vehicle(s, &of, &s->vehicle[i], i);
    }
}

static ps_canvas canvas_on(const ps_scene *s, uint8_t *rgb)
{
    return (ps_canvas){.w = s->o.width, .h = s->o.height, .rgb = rgb, .light = {s->light[0], s->light[1], s->light[2]}};
}

poise_status ps_scene_new(const ps_scene_options *o, ps_scene **out)
{
    size_t pixels = (size_t)o->width * (size_t)o->height, size = sizeof(ps_scene) + 64;
    size += pixels * (3 * (1 + EXPOSURES) + sizeof(uint16_t)) + 12 * (size_t)o->width * sizeof(int16_t);
    ps_scene *s = ps_alloc(size);
    *out = NULL;
    PS_REQUIRE(s, POISE_NO_MEMORY, "a scene of %dx%d needs %zu bytes", o->width, o->height, size);
    memset(s, 0, sizeof *s);
    s->o = *o;
    s->owner = (uint16_t *)(void *)((char *)s + (sizeof *s + 63) / 64 * 64);
    s->work = (int16_t *)(void *)(s->owner + pixels);
    s->background = (uint8_t *)(s->work + 12 * (size_t)o->width);
    for (int i = 0; i < EXPOSURES; i++) s->exposure[i] = s->background + 3 * pixels * (size_t)(i + 1);
    ps_rand r = ps_rand_of(o->seed, STREAM_WORLD, 0);
    int horizon = set_camera(s, &r);
    s->light[0] = ps_rand_in(&r, -0.6f, 0.6f);
    s->light[1] = ps_rand_in(&r, -0.7f, 0.1f);
    s->light[2] = 0.7f;
    s->noise = ps_rand_in(&r, 0.0f, 8.0f);
    s->soft = ps_rand_in(&r, 0.005f, 0.26f);
    s->road = ps_rand_in(&r, 10.0f, 17.0f);
    people_the_scene(s);
    ps_canvas c = canvas_on(s, s->background);
    ps_paint_background(&c, &r, horizon);
    if (s->vehicles) ps_road_paint(s->road, &s->camera, &c);
    *out = s;
    return POISE_OK;
}

void ps_scene_free(ps_scene *s)
{
    ps_free(s);
}

const ps_scene_camera *ps_scene_camera_of(const ps_scene *s)
{
    return &s->camera;
}

/* Someone or something at one moment. */
typedef struct thing {
    int index; /* people first, then vehicles */
    float depth;
    ps_body body;
} thing;

/* All of them, the farthest first. */
static int things_at(const ps_scene *s, float seconds, thing *t)
{
    int n = 0;
    for (int i = 0; i < s->people + s->vehicles; i++) {
        thing it = {.index = i};
        if (i < s->people) {
            ps_person_at(&s->person[i], seconds, &it.body);
            it.depth = ps_scene_project(&s->camera, it.body.hip).depth;
        } else {
            const ps_vehicle *v = &s->vehicle[i - s->people];
            it.depth = ps_scene_project(&s->camera, (ps_vec){v->x + v->speed * seconds, v->y, 0.8f}).depth;
        }
        if (it.depth < 0.6f) continue; /* beside the camera or behind it */
        int at = n++;
        for (; at > 0 && t[at - 1].depth < it.depth; at--) t[at] = t[at - 1];
        t[at] = it;
    }
    return n;
}

static void shadow(const ps_scene *s, const thing *t, float seconds, ps_canvas *c)
{
    if (t->index < s->people) {
        const ps_person *p = &s->person[t->index];
        ps_spot foot = ps_scene_project(&s->camera, (ps_vec){t->body.hip.x, t->body.hip.y, 0});
        if (foot.depth > 0) ps_paint_shadow(c, foot.x, foot.y, 0.13f * p->height * foot.scale, 0.03f * p->height * foot.scale, 0.6f);
    } else {
        const ps_vehicle *v = &s->vehicle[t->index - s->people];
        ps_spot under = ps_scene_project(&s->camera, (ps_vec){v->x + v->speed * seconds, v->y, 0});
        if (under.depth > 0) ps_paint_shadow(c, under.x, under.y, 0.55f * v->length * under.scale, 0.12f * v->length * under.scale, 0.55f);
    }
}

static void paint(const ps_scene *s, const thing *t, float seconds, ps_canvas *c)
{
    shadow(s, t, seconds, c);
    if (t->index < s->people) ps_person_paint(&s->person[t->index], &t->body, &s->camera, c);
    else ps_vehicle_paint(&s->vehicle[t->index - s->people], seconds, &s->camera, c);
}

/* What is known of a thing before nearer ones are painted. */
static void begin_truth(const ps_scene *s, const thing *t, float seconds, const ps_canvas *c, ps_scene_truth *truth)
{
    *truth = (ps_scene_truth){.id = t->index + 1, .person = t->index < s->people,
                              .box = {(float)c->x0, (float)c->y0, (float)c->x1, (float)c->y1}, .pixels = c->own};
    if (!truth->person) {
        const ps_vehicle *v = &s->vehicle[t->index - s->people];
        truth->kmh = fabsf(v->speed) * 3.6f;
        truth->ground[0] = v->x + v->speed * seconds;
        truth->ground[1] = v->y;
        return;
    }
    bool seen[5];
    ps_body_faces(&t->body, seen);
    truth->kmh = s->person[t->index].speed * 3.6f;
    truth->ground[0] = t->body.hip.x;
    truth->ground[1] = t->body.hip.y;
    for (int i = 0; i < PS_SCENE_JOINTS; i++) {
        ps_spot at = ps_scene_project(&s->camera, t->body.joint[i]);
        bool inside = at.depth > 0 && at.x >= 0 && at.y >= 0 && at.x < (float)c->w && at.y < (float)c->h;
        if (!inside || (i < 5 && !seen[i])) continue;
        truth->keypoint[i][0] = at.x;
        truth->keypoint[i][1] = at.y;
        truth->keypoint[i][2] = 2.0f;
    }
}

/* ... and after: who hides how much of it. */
static void end_truth(const ps_scene *s, const int rank[], ps_scene_truth *truth)
{
    size_t w = (size_t)s->o.width;
    long seen = 0, own = truth->pixels;
    for (int y = (int)truth->box[1]; y < (int)truth->box[3]; y++)
        for (int x = (int)truth->box[0]; x < (int)truth->box[2]; x++) seen += s->owner[(size_t)y * w + (size_t)x] == truth->id;
    truth->pixels = seen;
    truth->hidden = 1.0f - (float)seen / (float)own;
    truth->hardly = seen < 25 || 4 * seen < own;
    for (int i = 0; i < PS_SCENE_JOINTS; i++) {
        float *k = truth->keypoint[i];
        if (k[2] < 2.0f) continue;
        int there = s->owner[(size_t)k[1] * w + (size_t)k[0]];
        if (there != truth->id && there && rank[there] > rank[truth->id]) k[2] = 1.0f;
    }
}

void ps_scene_draw(ps_scene *s, int frame, const poise_image *img, ps_scene_frame *truth)
{
    thing things[PS_SCENE_OBJECTS];
    int rank[PS_SCENE_OBJECTS + 1] = {0};
    size_t pixels = (size_t)s->o.width * (size_t)s->o.height;
    const uint8_t *pictures[EXPOSURES];
    truth->n = 0;
    memset(s->owner, 0, pixels * sizeof *s->owner);
    for (int e = 0; e < EXPOSURES; e++) { /* the shutter is open for half of a frame */
        float seconds = ((float)frame + 0.25f * (float)(e - 1)) / (float)s->o.fps;
        ps_canvas c = canvas_on(s, s->exposure[e]);
        int n = things_at(s, seconds, things);
        memcpy(c.rgb, s->background, 3 * pixels);
        if (e == EXPOSURES / 2) c.owner = s->owner;
        for (int i = 0; i < n; i++) {
            ps_canvas_begin(&c, (uint16_t)(things[i].index + 1));
            paint(s, &things[i], seconds, &c);
            if (!c.owner || !c.own) continue;
            rank[things[i].index + 1] = i;
            begin_truth(s, &things[i], seconds, &c, &truth->object[truth->n++]);
        }
        pictures[e] = c.rgb;
    }
    for (int i = 0; i < truth->n; i++) end_truth(s, rank, &truth->object[i]);
    uint64_t key = s->o.seed * 0x9E3779B97F4A7C15u + (uint64_t)frame * 0xD1B54A32D192ED03u + STREAM_NOISE;
    ps_paint_camera(s->o.width, s->o.height, EXPOSURES, pictures, s->noise, s->soft, key, s->work, img->plane[0]);
}
