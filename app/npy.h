/* app/npy.h - NumPy .npy files: dense row-major tensors with a text header. */
#ifndef PS_APP_NPY_H
#define PS_APP_NPY_H

#include "runtime/file.h"

typedef struct ps_npy {
    poise_tensor tensor; /* row-major; data points into the file, or to `own` */
    ps_file file;
    void *own; /* an aligned copy, where the file's data begins at an odd address */
} ps_npy;

/* Reads the bytes of a file, versions 1 to 3, little-endian f4 f8 f2 i4 i8 u1 i1 b1.  Trusts nothing.
 * The tensor may point into `bytes`.  Fortran order, big-endian and other types are refused by name. */
poise_status ps_npy_parse(const void *bytes, size_t size, ps_npy *out);
poise_status ps_npy_open(const char *path, ps_npy *out);
void ps_npy_close(ps_npy *n);

/* The bytes of a file with t's elements in row-major order (release with ps_free). */
poise_status ps_npy_bytes(const poise_tensor *t, void **bytes, size_t *size);

#endif
