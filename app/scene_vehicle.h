/* app/scene_vehicle.h - cars of drawn scenes: boxes on wheels that drive along a road. */
#ifndef PS_APP_SCENE_VEHICLE_H
#define PS_APP_SCENE_VEHICLE_H

#include "app/scene_body.h"

typedef struct ps_vehicle {
    float x, y;   /* metres: its middle at time 0 */
    float speed;  /* metres a second, to the right; negative: to the left */
    float length, width, body, roof; /* metres; heights of the body's and the roof's upper edge */
    ps_colour paint;
} ps_vehicle;

void ps_vehicle_make(ps_rand *r, ps_vehicle *v);
void ps_vehicle_paint(const ps_vehicle *v, float seconds, const ps_scene_camera *c, ps_canvas *canvas);
/* A road to the right and left, its middle `ahead` metres away. */
void ps_road_paint(float ahead, const ps_scene_camera *c, ps_canvas *canvas);

#endif
