/* app/scene_truth.c - the truth of a scene as a COCO annotation file, readable by `val` and others, with more: who is who from
 * frame to frame, speeds, where on the ground, how much of it is hidden; and the camera. */
#include "app/scene_truth.h"

#include "runtime/status.h"

enum { PERSON = 1, CAR = 3 }; /* COCO's numbers */

static const char *const joints[PS_SCENE_JOINTS] = {
    "nose",        "left_eye",   "right_eye",   "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist",  "right_wrist", "left_hip",   "right_hip", "left_knee", "right_knee",   "left_ankle",     "right_ankle"};

static const int bones[][2] = {{16, 14}, {14, 12}, {17, 15}, {15, 13}, {12, 13}, {6, 12}, {7, 13}, {6, 7}, {6, 8},
                               {7, 9},   {8, 10},  {9, 11},  {2, 3},   {1, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6}, {5, 7}};

static void write_categories(ps_json *j)
{
    ps_json_array(j, "categories");
    ps_json_object(j, NULL);
    ps_json_int(j, "id", PERSON);
    ps_json_text(j, "name", "person");
    ps_json_array(j, "keypoints");
    for (int i = 0; i < PS_SCENE_JOINTS; i++) ps_json_text(j, NULL, joints[i]);
    ps_json_end(j);
    ps_json_array(j, "skeleton");
    for (size_t i = 0; i < sizeof bones / sizeof *bones; i++) {
        ps_json_array(j, NULL);
        for (int k = 0; k < 2; k++) ps_json_int(j, NULL, bones[i][k]);
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_end(j);
    ps_json_object(j, NULL);
    ps_json_int(j, "id", CAR);
    ps_json_text(j, "name", "car");
    ps_json_end(j);
    ps_json_end(j);
}

static void write_camera(ps_json *j, const ps_scene_camera *c)
{
    ps_json_object(j, "camera");
    ps_json_number(j, "focal_pixels", (double)c->focal, 7);
    ps_json_number(j, "height_metres", (double)c->height, 7);
    ps_json_number(j, "pitch_degrees", (double)c->pitch, 7);
    ps_json_array(j, "ground_to_image");
    for (int i = 0; i < 9; i++) ps_json_number(j, NULL, c->to_image[i], 9);
    ps_json_end(j);
    ps_json_end(j);
}

poise_status ps_truth_open(ps_truth_file *t, const char *path, const ps_scene_options *o, const ps_scene_camera *camera)
{
    *t = (ps_truth_file){.o = o};
    if (!path) return POISE_OK;
    PS_TRY(ps_cli_create(&t->out, path));
    t->json = ps_json_begin(t->out.f);
    ps_json_object(&t->json, NULL);
    ps_json_object(&t->json, "info");
    ps_json_text(&t->json, "description", "a drawn scene");
    ps_json_int(&t->json, "seed", (int64_t)o->seed);
    ps_json_number(&t->json, "fps", o->fps, 9);
    if (camera) write_camera(&t->json, camera);
    ps_json_end(&t->json);
    write_categories(&t->json);
    ps_json_array(&t->json, "annotations");
    return POISE_OK;
}

static void write_numbers(ps_json *j, const char *key, int n, const float *v, int digits)
{
    ps_json_array(j, key);
    for (int i = 0; i < n; i++) ps_json_number(j, NULL, (double)v[i], digits);
    ps_json_end(j);
}

static void write_object(ps_truth_file *t, int frame, const ps_scene_truth *o)
{
    ps_json *j = &t->json;
    const float box[4] = {o->box[0], o->box[1], o->box[2] - o->box[0], o->box[3] - o->box[1]};
    int labelled = 0;
    ps_json_object(j, NULL);
    ps_json_int(j, "id", ++t->objects);
    ps_json_int(j, "image_id", frame + 1);
    ps_json_int(j, "category_id", o->person ? PERSON : CAR);
    ps_json_int(j, "track_id", o->id);
    write_numbers(j, "bbox", 4, box, 7);
    ps_json_int(j, "area", o->pixels);
    ps_json_int(j, "iscrowd", o->hardly);
    if (o->person) {
        ps_json_array(j, "keypoints");
        for (int i = 0; i < PS_SCENE_JOINTS; i++) {
            for (int k = 0; k < 2; k++) ps_json_number(j, NULL, (double)o->keypoint[i][k], 7);
            ps_json_int(j, NULL, (int)o->keypoint[i][2]);
            labelled += o->keypoint[i][2] > 0.0f;
        }
        ps_json_end(j);
        ps_json_int(j, "num_keypoints", labelled);
    }
    ps_json_number(j, "speed_kmh", (double)o->kmh, 6);
    write_numbers(j, "ground_metres", 2, o->ground, 6);
    ps_json_number(j, "occlusion", (double)o->hidden, 4);
    ps_json_end(j);
}

void ps_truth_add(ps_truth_file *t, int frame, const ps_scene_frame *f)
{
    for (int i = 0; t->out.f && i < f->n; i++) write_object(t, frame, &f->object[i]);
}

static void write_images(ps_truth_file *t, ps_scene_namer *namer, const void *ctx)
{
    ps_json *j = &t->json;
    ps_json_array(j, "images");
    for (int frame = 0; frame < t->o->frames; frame++) {
        char name[PS_SCENE_NAME];
        namer(ctx, frame, name);
        ps_json_object(j, NULL);
        ps_json_int(j, "id", frame + 1);
        ps_json_text(j, "file_name", name);
        ps_json_int(j, "width", t->o->width);
        ps_json_int(j, "height", t->o->height);
        ps_json_int(j, "frame", frame);
        ps_json_end(j);
    }
    ps_json_end(j);
}

poise_status ps_truth_close(ps_truth_file *t, poise_status status, ps_scene_namer *namer, const void *ctx)
{
    if (!t->out.f) return status;
    if (status) {
        ps_cli_discard(&t->out);
        return status;
    }
    ps_json_end(&t->json);
    write_images(t, namer, ctx);
    ps_json_end(&t->json);
    fputc('\n', t->out.f);
    return ps_cli_commit(&t->out);
}
