/* app/scene_body.h - people of drawn scenes: how they look, how they move, how they are painted. */
#ifndef PS_APP_SCENE_BODY_H
#define PS_APP_SCENE_BODY_H

#include "app/scene.h"
#include "app/scene_paint.h"

/* Where something is on the picture, and how many pixels a metre is there; depth in metres, > 0 in front of the camera. */
typedef struct ps_spot {
    float x, y, scale, depth;
} ps_spot;
ps_spot ps_scene_project(const ps_scene_camera *c, ps_vec p);

typedef enum ps_act_of { PS_STANDS, PS_WALKS, PS_RUNS, PS_JUMPS } ps_act_of;

/* Degrees.  Swings and bends are forwards, raises to the limb's own side. */
typedef struct ps_limb {
    float swing, raise, bend, bend_side;
} ps_limb;

typedef struct ps_person {
    float height, girth; /* metres; 1 = as wide as most */
    ps_act_of act;
    float x, y;       /* metres, at time 0 */
    float heading;    /* degrees: 0 to the right, 90 away from the camera */
    float speed;      /* metres a second */
    float cadence, phase; /* strides a second; degrees at time 0 */
    float lean, side, head_tilt, head_turn;
    ps_limb arm[2], leg[2]; /* left, right: of one who stands; what a gait adds to */
    ps_colour top, bottom, skin, hair, shoe;
    bool short_sleeves, shorts;
} ps_person;

void ps_person_make(ps_rand *r, ps_person *p);

/* A body at one moment, in metres. */
typedef struct ps_body {
    ps_vec joint[PS_SCENE_JOINTS], neck, head, hip, toe[2];
    ps_vec ahead, left, face, face_left; /* directions of the body and of the head, of length 1 */
    float unit;                          /* height / 7.6 */
} ps_body;

void ps_person_at(const ps_person *p, float seconds, ps_body *b);
/* Which points of the face are turned to the camera, which stands at (0, 0). */
void ps_body_faces(const ps_body *b, bool seen[5]);
void ps_person_paint(const ps_person *p, const ps_body *b, const ps_scene_camera *c, ps_canvas *canvas);

#endif
