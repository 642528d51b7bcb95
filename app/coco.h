/* app/coco.h - facts of the COCO data set: category numbers, joints, sizes of joints. */
#ifndef PS_APP_COCO_H
#define PS_APP_COCO_H

enum { PS_COCO_CLASSES = 80, PS_COCO_JOINTS = 17 };

/* COCO category id (1..90, with gaps) of class 0..79, and back (-1 for an id that is not used). */
int ps_coco_category(int class_id);
int ps_coco_class(int category);

/* How far annotators disagree on a joint, in units of the object's size: the k of OKS is twice this. */
extern const double ps_coco_sigmas[PS_COCO_JOINTS];

#endif
