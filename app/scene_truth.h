/* app/scene_truth.h - the truth of a scene as a COCO annotation file. */
#ifndef PS_APP_SCENE_TRUTH_H
#define PS_APP_SCENE_TRUTH_H

#include "app/cli.h"
#include "app/json.h"
#include "app/scene.h"

typedef struct ps_truth_file {
    ps_outfile out;
    ps_json json;
    const ps_scene_options *o;
    int objects;
} ps_truth_file;

/* The name of the file, or of what is like one, that shows picture `frame`. */
enum { PS_SCENE_NAME = 300 };
typedef void ps_scene_namer(const void *ctx, int frame, char name[PS_SCENE_NAME]);

/* Without a path nothing is written, and what follows does nothing.  camera: NULL where every picture has its own. */
poise_status ps_truth_open(ps_truth_file *t, const char *path, const ps_scene_options *o, const ps_scene_camera *camera);
void ps_truth_add(ps_truth_file *t, int frame, const ps_scene_frame *f);
/* The file appears, unless `status` says that something failed; gives that back, or what failed here. */
poise_status ps_truth_close(ps_truth_file *t, poise_status status, ps_scene_namer *namer, const void *ctx);

#endif
