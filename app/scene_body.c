/* app/scene_body.c - people of drawn scenes: how they look and move.  A body is 7.6 units high: feet to hip 3.9, hip to neck
 * 2.5, neck to the middle of the head 0.85. */
#include "app/scene_body.h"

enum { NOSE, EYE, EAR = 3, SHOULDER = 5, ELBOW = 7, WRIST = 9, HIP = 11, KNEE = 13, ANKLE = 15 }; /* + 1: the right one */

static const float UPPER_ARM = 1.35f, FOREARM = 1.2f, THIGH = 1.85f, SHIN = 1.8f, SOLE = 0.25f;

static const ps_colour skins[] = {{241, 194, 160}, {224, 172, 130}, {198, 134, 90}, {141, 85, 50}, {90, 56, 37}, {255, 219, 190}};
static const ps_colour hairs[] = {{20, 16, 14}, {60, 40, 25}, {110, 75, 40}, {180, 140, 80}, {130, 130, 130}, {90, 30, 20}};

static ps_colour cloth(ps_rand *r)
{
    uint8_t c[3];
    for (int i = 0; i < 3; i++) c[i] = (uint8_t)(15 + ps_rand_below(r, 225));
    return (ps_colour){c[0], c[1], c[2]};
}

/* An arm hangs, is held to the side or above, or points anywhere. */
static ps_limb some_arm(ps_rand *r)
{
    int kind = ps_rand_below(r, 100);
    ps_limb a = {.raise = 6.0f};
    if (kind < 55) {
        a.swing = ps_rand_normal(r, 0.0f, 14.0f);
        a.raise += ps_rand_normal(r, 4.0f, 6.0f);
        a.bend = ps_rand_in(r, 0.0f, 35.0f);
    } else if (kind < 85) {
        a.raise = ps_rand_in(r, 55.0f, 170.0f);
        a.bend_side = ps_rand_in(r, -20.0f, 90.0f);
        if (a.raise + a.bend_side > 190.0f) a.bend_side = 190.0f - a.raise;
    } else {
        a.swing = ps_rand_in(r, -40.0f, 80.0f);
        a.raise = ps_rand_in(r, 0.0f, 40.0f);
        a.bend = ps_rand_in(r, 0.0f, 110.0f);
    }
    return a;
}

static void stance(ps_rand *r, ps_person *p)
{
    float wide = p->act == PS_STANDS && ps_rand_below(r, 3) == 0 ? 14.0f : 4.0f;
    for (int i = 0; i < 2; i++) {
        p->arm[i] = some_arm(r);
        p->leg[i].raise = 3.0f + fabsf(ps_rand_normal(r, 0.0f, wide));
        p->leg[i].swing = ps_rand_normal(r, 0.0f, wide);
        p->leg[i].bend = fabsf(ps_rand_normal(r, 0.0f, wide));
    }
}

void ps_person_make(ps_rand *r, ps_person *p)
{
    int act = ps_rand_below(r, 100);
    *p = (ps_person){.height = ps_rand_below(r, 8) ? ps_rand_normal(r, 1.72f, 0.08f) : ps_rand_in(r, 1.05f, 1.45f),
                     .girth = ps_rand_in(r, 0.88f, 1.25f),
                     .act = act < 40 ? PS_STANDS : act < 75 ? PS_WALKS : act < 90 ? PS_RUNS : PS_JUMPS,
                     .phase = ps_rand_in(r, 0.0f, 360.0f),
                     .lean = ps_rand_below(r, 5) ? ps_rand_normal(r, 3.0f, 5.0f) : ps_rand_normal(r, 12.0f, 12.0f),
                     .side = ps_rand_normal(r, 0.0f, 5.0f),
                     .head_tilt = ps_rand_normal(r, 0.0f, 7.0f),
                     .head_turn = ps_rand_normal(r, 0.0f, 14.0f),
                     .top = cloth(r),
                     .bottom = cloth(r),
                     .skin = skins[ps_rand_below(r, 6)],
                     .hair = hairs[ps_rand_below(r, 6)],
                     .shoe = cloth(r),
                     .short_sleeves = ps_rand_below(r, 10) < 4,
                     .shorts = ps_rand_below(r, 10) < 3};
    stance(r, p);
    switch (p->act) {
    case PS_STANDS: { /* towards the camera half of the time */
        static const float ways[] = {-90.0f, -90.0f, -90.0f, 90.0f, 0.0f, 180.0f};
        p->heading = ways[ps_rand_below(r, 6)] + ps_rand_normal(r, 0.0f, 14.0f);
        break;
    }
    case PS_JUMPS: p->heading = -90.0f + ps_rand_normal(r, 0.0f, 40.0f); break;
    case PS_WALKS:
    case PS_RUNS: /* mostly past the camera, so that people pass in front of each other */
        p->heading = ps_rand_below(r, 3) ? (float)(ps_rand_below(r, 2) * 180) + ps_rand_normal(r, 0.0f, 15.0f)
                                         : ps_rand_in(r, 0.0f, 360.0f);
        p->speed = p->act == PS_WALKS ? ps_rand_in(r, 0.9f, 1.8f) : ps_rand_in(r, 2.5f, 4.5f);
        break;
    }
    p->speed *= p->height / 1.72f;
    p->cadence = p->act == PS_RUNS ? 1.35f : p->act == PS_JUMPS ? 0.9f : 0.55f + 0.3f * p->speed;
    p->cadence *= 1.72f / p->height;
    if (p->act == PS_RUNS) p->lean = 10.0f + 0.5f * p->lean;
    if (p->act == PS_WALKS) p->lean *= 0.6f;
}

/* What walking, running and jumping make of arms and legs. */
static void move(const ps_person *p, float seconds, ps_limb arm[2], ps_limb leg[2], float *lift)
{
    float turns = seconds * p->cadence, phase = p->phase + 360.0f * (turns - floorf(turns));
    bool runs = p->act == PS_RUNS;
    *lift = 0.0f;
    for (int i = 0; i < 2; i++) {
        arm[i] = p->arm[i], leg[i] = p->leg[i];
        if (p->act == PS_WALKS || runs) {
            float s = ps_sine(phase + 180.0f * (float)i), forwards = ps_cosine(phase + 180.0f * (float)i);
            float reach = runs ? 38.0f : 16.0f + 7.0f * p->speed;
            leg[i] = (ps_limb){.swing = (runs ? 8.0f : 2.0f) + reach * s, .raise = 2.0f};
            leg[i].bend = (runs ? 18.0f : 5.0f) + (runs ? 80.0f : 48.0f) * (forwards > 0.0f ? forwards : 0.0f);
            if (arm[i].raise < 40.0f || runs) {
                arm[i] = (ps_limb){.swing = -(runs ? 34.0f : 14.0f + 5.0f * p->speed) * s, .raise = 8.0f};
                arm[i].bend = runs ? 80.0f : 14.0f + 8.0f * (1.0f - s);
            }
        } else if (p->act == PS_JUMPS) {
            float s = ps_sine(phase), up = s > 0.0f ? s : 0.0f, down = s < 0.0f ? -s : 0.0f;
            *lift = 0.32f * up * p->height / 1.72f;
            leg[i].bend += 55.0f * down + 18.0f * up;
            leg[i].swing += 28.0f * down;
            leg[i].raise += 10.0f * up;
            arm[i].raise = 15.0f + 110.0f * up;
            arm[i].swing = -20.0f * down;
        }
    }
}

/* From straight down, `raise` degrees to `side` and `swing` forwards. */
static ps_vec limb(const ps_body *b, float swing, float raise, float side)
{
    float c = ps_cosine(raise);
    ps_vec v = ps_vec_times(b->ahead, c * ps_sine(swing));
    v = ps_vec_along(v, b->left, side * ps_sine(raise));
    v.z -= c * ps_cosine(swing);
    return v;
}

static void place_face(ps_body *b, const ps_person *p)
{
    static const float at[5][3] = {{0.42f, 0.0f, -0.1f}, {0.3f, 0.16f, 0.05f}, {0.3f, -0.16f, 0.05f}, /* ahead, left, up */
                                   {-0.02f, 0.38f, -0.03f}, {-0.02f, -0.38f, -0.03f}};
    float turn = p->heading + p->head_turn;
    b->face = (ps_vec){ps_cosine(turn), ps_sine(turn), 0.0f};
    b->face_left = (ps_vec){-b->face.y, b->face.x, 0.0f};
    for (int i = 0; i < 5; i++) {
        ps_vec v = ps_vec_along(b->head, b->face, at[i][0] * b->unit);
        v = ps_vec_along(v, b->face_left, at[i][1] * b->unit);
        v.z += at[i][2] * b->unit;
        b->joint[NOSE + i] = v;
    }
}

void ps_person_at(const ps_person *p, float seconds, ps_body *b)
{
    ps_limb arm[2], leg[2];
    float lift, u = b->unit = p->height / 7.6f, lowest = 0.0f;
    move(p, seconds, arm, leg, &lift);
    b->ahead = (ps_vec){ps_cosine(p->heading), ps_sine(p->heading), 0.0f};
    b->left = (ps_vec){-b->ahead.y, b->ahead.x, 0.0f};
    b->hip = (ps_vec){p->x + b->ahead.x * p->speed * seconds, p->y + b->ahead.y * p->speed * seconds, 0.0f};
    for (int i = 0; i < 2; i++) { /* legs hang from the hip; then the lower foot stands */
        float side = i ? -1.0f : 1.0f;
        ps_vec *j = b->joint;
        j[HIP + i] = ps_vec_along(b->hip, b->left, side * 0.55f * u);
        j[KNEE + i] = ps_vec_along(j[HIP + i], limb(b, leg[i].swing, leg[i].raise, side), THIGH * u);
        j[ANKLE + i] = ps_vec_along(j[KNEE + i], limb(b, leg[i].swing - leg[i].bend, leg[i].raise, side), SHIN * u);
        b->toe[i] = ps_vec_along(j[ANKLE + i], b->ahead, 0.3f * u);
        b->toe[i].z -= 0.1f * u;
        lowest = j[ANKLE + i].z < lowest ? j[ANKLE + i].z : lowest;
    }
    float raise = SOLE * u - lowest + lift;
    for (int i = 0; i < 2; i++) {
        b->joint[HIP + i].z += raise, b->joint[KNEE + i].z += raise, b->joint[ANKLE + i].z += raise;
        b->toe[i].z += raise;
    }
    b->hip.z += raise;
    ps_vec spine = ps_vec_times(limb(b, -p->lean, p->side, -1.0f), -1.0f);
    ps_vec tilted = ps_vec_times(limb(b, -p->lean * 0.4f, p->side + p->head_tilt, -1.0f), -1.0f);
    b->neck = ps_vec_along(b->hip, spine, 2.5f * u);
    b->head = ps_vec_along(b->neck, tilted, 0.85f * u);
    for (int i = 0; i < 2; i++) {
        float side = i ? -1.0f : 1.0f;
        ps_vec *j = b->joint;
        j[SHOULDER + i] = ps_vec_along(b->neck, b->left, side * 0.95f * u * p->girth);
        j[SHOULDER + i].z -= 0.15f * u;
        j[ELBOW + i] = ps_vec_along(j[SHOULDER + i], limb(b, arm[i].swing, arm[i].raise, side), UPPER_ARM * u);
        ps_vec fore = limb(b, arm[i].swing + arm[i].bend, arm[i].raise + arm[i].bend_side, side);
        j[WRIST + i] = ps_vec_along(j[ELBOW + i], fore, FOREARM * u);
    }
    place_face(b, p);
}

void ps_body_faces(const ps_body *b, bool seen[5])
{
    /* How a point's side of the head is turned: nose, eyes, ears.  From the front both ears are seen, and from behind. */
    static const float turned[5][3] = {{1.0f, 0.0f, -0.1f}, {0.88f, 0.47f, -0.1f}, {0.88f, -0.47f, -0.1f},
                                       {0.0f, 1.0f, -0.45f}, {0.0f, -1.0f, -0.45f}};
    ps_vec to = {-b->head.x, -b->head.y, 0.0f};
    float size = sqrtf(ps_vec_dot(to, to));
    for (int i = 0; i < 5; i++) {
        float d = turned[i][0] * ps_vec_dot(b->face, to) + turned[i][1] * ps_vec_dot(b->face_left, to);
        seen[i] = d > turned[i][2] * size;
    }
}
