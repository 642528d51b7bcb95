/* convert/refit.h - another image size for a network whose file fixes one. */
#ifndef PS_CONVERT_REFIT_H
#define PS_CONVERT_REFIT_H

#include "nn/graph.h"

/* Makes g, whose first input is one picture ([1,c,h,w]), a network for pictures of h x w, as the exporter would have
 * written it for that size: targets of reshapes and slices follow, and constants that are a grid (at each level linear
 * in the cell's column and row, such as anchor points and strides) are continued.  Everything else that knows the old size
 * makes it fail, with the node: POISE_UNSUPPORTED.  g is then to be freed.  Nothing happens when the size is h x w. */
poise_status ps_refit(ps_graph *g, int32_t h, int32_t w);

/* Whether g's first input is one picture; gives its size. */
bool ps_refit_size(const ps_graph *g, int32_t *h, int32_t *w);

#endif
