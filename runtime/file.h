/* runtime/file.h - files read as one block, files written all or not at all. */
#ifndef PS_RUNTIME_FILE_H
#define PS_RUNTIME_FILE_H

#include "poise.h"

#include <stdbool.h>

typedef struct ps_file {
    const uint8_t *bytes; /* page-aligned, read-only */
    size_t size;
} ps_file;

/* Maps a regular file, or gives the built-in one of that name.  An empty file gives size 0 and a valid pointer. */
poise_status ps_file_map(const char *path, ps_file *out);
void ps_file_unmap(ps_file *f);

/* From now on `name` is these bytes, page-aligned and for ever there, in place of a file.  One name a program, set before
 * there are threads. */
void ps_file_builtin(const char *name, const void *bytes, size_t size);

/* Writes `size` bytes to a temporary file beside `path` and renames it: `path` is whole or untouched. */
poise_status ps_file_write(const char *path, const void *bytes, size_t size);

/* Creates a directory and those above it; one that exists is fine. */
poise_status ps_file_make_directory(const char *path);

#endif
