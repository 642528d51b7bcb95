/* app/scene_figure.c - paints people of drawn scenes: shaded capsules for limbs, clothes and a face, from far to near. */
#include "app/scene_body.h"

enum { SHOULDER = 5, ELBOW = 7, WRIST = 9, HIP = 11, KNEE = 13, ANKLE = 15 };

typedef struct figure {
    const ps_person *p;
    const ps_body *b;
    const ps_scene_camera *camera;
    ps_canvas *canvas;
} figure;

/* Radii in units of the body. */
static void capsule(const figure *f, ps_vec a, ps_vec b, float ra, float rb, ps_colour c)
{
    ps_spot s = ps_scene_project(f->camera, a), t = ps_scene_project(f->camera, b);
    if (s.depth <= 0.0f || t.depth <= 0.0f) return;
    ps_paint_capsule(f->canvas, s.x, s.y, t.x, t.y, ra * f->b->unit * s.scale, rb * f->b->unit * t.scale, c);
}

static ps_colour darker(ps_colour c, float much)
{
    return (ps_colour){(uint8_t)((float)c.r * much), (uint8_t)((float)c.g * much), (uint8_t)((float)c.b * much)};
}

static void leg(const figure *f, int side)
{
    const ps_vec *j = f->b->joint;
    capsule(f, j[HIP + side], j[KNEE + side], 0.4f, 0.27f, f->p->bottom);
    capsule(f, j[KNEE + side], j[ANKLE + side], 0.26f, 0.16f, f->p->shorts ? f->p->skin : f->p->bottom);
    capsule(f, j[ANKLE + side], f->b->toe[side], 0.16f, 0.13f, f->p->shoe);
}

static void arm(const figure *f, int side)
{
    const ps_vec *j = f->b->joint, elbow = j[ELBOW + side], wrist = j[WRIST + side];
    ps_vec hand = ps_vec_along(wrist, ps_vec_along(wrist, elbow, -1.0f), 0.18f);
    capsule(f, j[SHOULDER + side], elbow, 0.23f, 0.19f, f->p->top);
    capsule(f, elbow, wrist, 0.18f, 0.13f, f->p->short_sleeves ? f->p->skin : f->p->top);
    capsule(f, wrist, hand, 0.14f, 0.12f, f->p->skin);
}

static ps_vec between(ps_vec a, ps_vec b, float t)
{
    return ps_vec_add(ps_vec_times(a, 1.0f - t), ps_vec_times(b, t));
}

static void torso(const figure *f)
{
    const ps_vec *j = f->b->joint, down = {0.0f, 0.0f, -0.1f * f->b->unit};
    static const float across[] = {0.1f, 0.9f, 0.3f, 0.7f, 0.5f}; /* from shoulder to hip; the middle in front */
    for (int i = 0; i < 5; i++) {
        float t = across[i];
        ps_vec a = ps_vec_add(between(j[SHOULDER], j[SHOULDER + 1], t), down), b = ps_vec_add(between(j[HIP], j[HIP + 1], t), down);
        capsule(f, a, b, 0.4f * f->p->girth, 0.36f * f->p->girth, f->p->top);
    }
    capsule(f, between(j[HIP], j[HIP + 1], 0.15f), between(j[HIP], j[HIP + 1], 0.85f), 0.33f * f->p->girth, 0.33f * f->p->girth,
            f->p->bottom);
}

/* `ahead`, `left` and `up` of the head's middle, in units. */
static ps_vec at_head(const figure *f, float ahead, float left, float up)
{
    ps_vec v = ps_vec_along(f->b->head, f->b->face, ahead * f->b->unit);
    v = ps_vec_along(v, f->b->face_left, left * f->b->unit);
    v.z += up * f->b->unit;
    return v;
}

static void head(const figure *f)
{
    const ps_colour eye = {25, 20, 20}, lips = {150, 60, 60};
    const ps_vec *j = f->b->joint;
    bool seen[5];
    ps_body_faces(f->b, seen);
    bool face = seen[0] || seen[1] || seen[2];
    capsule(f, ps_vec_along(f->b->neck, (ps_vec){0, 0, 1}, -0.1f * f->b->unit), at_head(f, 0, 0, -0.3f), 0.18f, 0.17f, f->p->skin);
    capsule(f, at_head(f, 0, 0, 0.08f), at_head(f, 0, 0, -0.12f), 0.43f, 0.38f, face ? f->p->skin : f->p->hair);
    if (face) {
        capsule(f, at_head(f, -0.12f, 0, 0.28f), at_head(f, 0, 0, 0.24f), 0.38f, 0.36f, f->p->hair);
        for (int i = 1; i < 3; i++)
            if (seen[i]) capsule(f, j[i], j[i], 0.06f, 0.06f, eye);
        if (seen[0]) {
            capsule(f, j[0], at_head(f, 0.42f, 0, -0.15f), 0.07f, 0.08f, darker(f->p->skin, 0.82f));
            capsule(f, at_head(f, 0.36f, -0.1f, -0.28f), at_head(f, 0.36f, 0.1f, -0.28f), 0.035f, 0.035f, lips);
        }
    }
    for (int i = 3; i < 5; i++)
        if (seen[i]) capsule(f, j[i], ps_vec_along(j[i], (ps_vec){0, 0, 1}, -0.08f * f->b->unit), 0.09f, 0.07f, darker(f->p->skin, 0.9f));
}

static float depth_of_arm(const figure *f, int side)
{
    const ps_vec *j = f->b->joint;
    return ps_scene_project(f->camera, j[ELBOW + side]).depth + ps_scene_project(f->camera, j[WRIST + side]).depth;
}

void ps_person_paint(const ps_person *p, const ps_body *b, const ps_scene_camera *c, ps_canvas *canvas)
{
    figure f = {p, b, c, canvas};
    const ps_vec *j = b->joint;
    ps_spot left = ps_scene_project(c, j[KNEE]), right = ps_scene_project(c, j[KNEE + 1]);
    int far_leg = left.depth > right.depth ? 0 : 1;
    float middle = 2.0f * ps_scene_project(c, b->hip).depth, arms[2] = {depth_of_arm(&f, 0), depth_of_arm(&f, 1)};
    int far_arm = arms[0] > arms[1] ? 0 : 1;
    leg(&f, far_leg);
    leg(&f, 1 - far_leg);
    if (arms[far_arm] > middle) arm(&f, far_arm);
    if (arms[1 - far_arm] > middle) arm(&f, 1 - far_arm);
    torso(&f);
    if (arms[far_arm] <= middle) arm(&f, far_arm);
    head(&f);
    if (arms[1 - far_arm] <= middle) arm(&f, 1 - far_arm);
}
