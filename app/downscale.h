/* app/downscale.h - what to do when a network does not fit into --max-mem. */
#ifndef PS_APP_DOWNSCALE_H
#define PS_APP_DOWNSCALE_H

#include "app/args.h"
#include "poise.h"

/* With --max-mem: whether the network of the command line fits, by its plan alone.  If not, finds the first that does of: fewer
 * threads, --frugal, a smaller image size (each with those before it).  With --allow-downscale changes the options to that and
 * says so, else fails with one line that tells it.  Networks that are not .poise files are left to whoever opens them. */
poise_status ps_downscale(const ps_verb *v, ps_args *a);

#endif
