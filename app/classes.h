/* app/classes.h - the value of --classes: "0,2", "[0, 2]" or "person,car". */
#ifndef PS_APP_CLASSES_H
#define PS_APP_CLASSES_H

#include "models/task.h"

typedef struct ps_classes {
    int32_t *list; /* NULL, n = 0: all */
    int n;
} ps_classes;

/* Also sets the classes of o, which keeps the list.  Without text nothing happens.  Release either way. */
poise_status ps_classes_read(ps_classes *c, const char *text, const ps_task *t, poise_detect_options *o);
void ps_classes_free(ps_classes *c);
/* Whether a label's class is wanted; it may be one that the network does not have. */
bool ps_classes_has(const ps_classes *c, double class_id);

#endif
