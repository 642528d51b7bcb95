/* app/save.h - files that predict leaves behind: annotated pictures, labels, crops. */
#ifndef PS_APP_SAVE_H
#define PS_APP_SAVE_H

#include "app/args.h"
#include "app/results.h"
#include "app/unique.h"

typedef struct ps_save {
    const ps_args *args;
    char dir[768];   /* empty until the first file */
    char stem[256];  /* of the files of this frame */
    ps_unique names; /* images of one name in two directories: name.jpg, name-2.jpg */
} ps_save;

/* Saves what the options ask for; draws into img.  Makes the directory on the first call. */
poise_status ps_save_frame(ps_save *s, const ps_frame *f, poise_image *img);
/* ".jpg", or what else this build writes; ".png" where that is preferred and can be had. */
const char *ps_save_ending(bool png);
void ps_save_free(ps_save *s);

#endif
