/* ops/targets.h - processors that weights can be packed for, this one or another. */
#ifndef PS_OPS_TARGETS_H
#define PS_OPS_TARGETS_H

#include "ops/kernels.h"

typedef struct ps_target {
    const char *name; /* "cortex-a53" */
    const char *arch; /* "x86_64", "aarch64", "arm": what kernels are built for it */
    unsigned flags;   /* PS_CPU_* of those that it runs */
} ps_target;

extern const ps_target ps_targets[]; /* ends with name == NULL */

const ps_target *ps_target_find(const char *name); /* NULL = unknown */
/* All names, with blanks between them, into buf. */
enum { PS_TARGETS_TEXT = 640 };
const char *ps_target_names(char buf[PS_TARGETS_TEXT]);
/* The first of this build's architecture that a processor with these flags (ps_cpu_flags) packs as; NULL = none. */
const ps_target *ps_target_here(unsigned flags);

/* A table to pack weights with: functions of C, with the tiles and `fast` of the target's own tables (ops/tiles.h), for which
 * packing makes the bytes that it makes there.  Running it would be wrong. */
void ps_target_kernels(const ps_target *t, ps_kernels *k);

#endif
