/* runtime/file.h - files read as one block, files written all or not at all. */
#ifndef PS_RUNTIME_FILE_H
#define PS_RUNTIME_FILE_H

#include "poise.h"

#include <stdbool.h>

typedef struct ps_file {
    const uint8_t *bytes; /* page-aligned, read-only */
    size_t size;
} ps_file;

/* Maps a regular file.  An empty file gives size 0 and a valid pointer. */
poise_status ps_file_map(const char *path, ps_file *out);
void ps_file_unmap(ps_file *f);

/* Writes `size` bytes to a temporary file beside `path` and renames it: `path` is whole or untouched. */
poise_status ps_file_write(const char *path, const void *bytes, size_t size);

/* Creates a directory and those above it; one that exists is fine. */
poise_status ps_file_make_directory(const char *path);

#endif
