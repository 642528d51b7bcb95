/* app/scene.h - drawn scenes: people and vehicles on a plane seen by a known camera, and the truth about every picture. */
#ifndef PS_APP_SCENE_H
#define PS_APP_SCENE_H

#include "poise.h"

#include <stdbool.h>
#include <stdint.h>

enum { PS_SCENE_JOINTS = 17, PS_SCENE_PEOPLE = 32, PS_SCENE_VEHICLES = 16, PS_SCENE_OBJECTS = PS_SCENE_PEOPLE + PS_SCENE_VEHICLES };

typedef struct ps_scene_options {
    uint64_t seed;
    int width, height;    /* 32..4096 */
    int people, vehicles; /* -1 = some, as the seed says: 1 to 6 people, no vehicle */
    int frames;           /* of the film, >= 1 */
    double fps;
} ps_scene_options;

/* One object in one picture.  Box in pixels, of what would be seen if nothing stood in front; keypoints as in COCO: x, y, and
 * 2 visible, 1 hidden by another object, 0 outside or on the side of the head that is turned away. */
typedef struct ps_scene_truth {
    int id;      /* the same in all frames; from 1 */
    bool person; /* else a vehicle */
    float box[4];
    float keypoint[PS_SCENE_JOINTS][3];
    float kmh;
    float ground[2];     /* metres to the right of the camera, and ahead of it */
    float hidden;        /* share of its pixels behind others */
    long pixels;         /* that are seen */
    bool hardly;         /* less than a quarter, or fewer than 25 pixels, of it are seen */
} ps_scene_truth;

typedef struct ps_scene_frame {
    int n;
    ps_scene_truth object[PS_SCENE_OBJECTS]; /* those of which a pixel is in the picture */
} ps_scene_frame;

/* A pinhole camera at (0, 0, height) that looks along the plane, pitched down. */
typedef struct ps_scene_camera {
    float focal, cx, cy; /* pixels */
    float height;        /* metres */
    float pitch;         /* degrees */
    double to_image[9];  /* homography, row-major: metres on the plane (right, ahead, 1) to pixels */
} ps_scene_camera;

typedef struct ps_scene ps_scene;

/* The options must be valid. */
poise_status ps_scene_new(const ps_scene_options *o, ps_scene **out);
void ps_scene_free(ps_scene *s);
const ps_scene_camera *ps_scene_camera_of(const ps_scene *s);
/* Picture `frame` into img, RGB of the size of the options; any order of frames gives the same. */
void ps_scene_draw(ps_scene *s, int frame, const poise_image *img, ps_scene_frame *truth);

#endif
