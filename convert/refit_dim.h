/* convert/refit_dim.h - what a dimension is made of, so that it can be told what it becomes for another image size. */
#ifndef PS_CONVERT_REFIT_DIM_H
#define PS_CONVERT_REFIT_DIM_H

#include "runtime/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { PS_REFIT_ATOMS = 12 };

/* A dimension is a sum of parts (what was concatenated), each a product of atoms (what was merged, outermost first), and
 * an atom is `was` in the file and `is` for the new size.  8400 at 640x640 is 80*80 + 40*40 + 20*20. */
typedef struct ps_refit_dim {
    int32_t n; /* atoms; atom i belongs to part[i], which counts up from 0 */
    int32_t was[PS_REFIT_ATOMS], is[PS_REFIT_ATOMS], part[PS_REFIT_ATOMS];
} ps_refit_dim;

ps_refit_dim ps_refit_atom(int32_t was, int32_t is);
int32_t ps_refit_parts(const ps_refit_dim *d);
/* The size of part p, or with p = -1 of the whole dimension; `new`: for the new size. */
int32_t ps_refit_extent(const ps_refit_dim *d, int p, bool new);
bool ps_refit_changed(const ps_refit_dim *d);
/* a + b, as concatenation puts them.  False: too many atoms. */
bool ps_refit_append(ps_refit_dim *a, const ps_refit_dim *b);

/* The dimensions y[n_y], known to be `dim` in the file, of what is reshaped from x[n_x].  False where an atom that changes
 * would have to be cut, or a sum. */
bool ps_refit_reshape(const ps_refit_dim *x, int n_x, const int32_t *dim, int n_y, ps_refit_dim *y);

/* ---- constants ---- */

/* Continues the constant `from` (row-major, its dimensions d[rank] as they were) to `to` (as they are).  False where it is
 * not, along the dimensions that change, at each part linear in the positions of the atoms that change, with slopes that
 * are 0 or powers of two from 1/2 to 256 and quarters as values at 0: such as grids of anchor points in cells or pixels.
 * Other slopes could be shares of the old size. */
bool ps_refit_grid(const ps_refit_dim *d, int rank, const float *from, float *to);

#endif
