/* app/sources.h - which image files the words on the command line mean. */
#ifndef PS_APP_SOURCES_H
#define PS_APP_SOURCES_H

#include "runtime/status.h"

#include <stdbool.h>

typedef struct ps_sources {
    char **path;
    int n, cap;
} ps_sources;

/* Adds what `word` means: a file (whatever its name), the images of a directory, or those that match a
 * pattern (* ? [ ]), sorted.  Fails with one line when there are none. */
poise_status ps_sources_add(ps_sources *s, const char *word);
void ps_sources_free(ps_sources *s);

/* Whether a name ends like an image's. */
bool ps_sources_is_image(const char *name);

#endif
