/* app/unique.h - names of files that one command writes, none given twice. */
#ifndef PS_APP_UNIQUE_H
#define PS_APP_UNIQUE_H

#include "runtime/status.h"

#include <stddef.h>

/* The names given so far; begins as zeros. */
typedef struct ps_unique {
    struct ps_unique_entry *table;
    size_t n, cap; /* cap is 0 or a power of two */
} ps_unique;

/* `wanted` into out, or where it was given before "wanted-2", "wanted-3" ...  Fails when there is no memory
 * or the name does not fit. */
poise_status ps_unique_name(ps_unique *u, const char *wanted, char *out, size_t size);
void ps_unique_free(ps_unique *u);

#endif
