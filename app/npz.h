/* app/npz.h - NumPy .npz files: a zip of .npy files. */
#ifndef PS_APP_NPZ_H
#define PS_APP_NPZ_H

#include "app/npy.h"

/* Reads the array `name` (without ".npy"), stored or deflated.  Trusts nothing; arrays of up to 1 GB.  Release it with
 * ps_npz_close. */
typedef struct ps_npz {
    ps_npy array;
    void *bytes; /* of the .npy file, unpacked */
} ps_npz;
poise_status ps_npz_read(const void *file, size_t size, const char *name, ps_npz *out);
void ps_npz_close(ps_npz *n);

#endif
