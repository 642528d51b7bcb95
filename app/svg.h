/* app/svg.h - a picture of a memory plan. */
#ifndef PS_APP_SVG_H
#define PS_APP_SVG_H

#include "nn/model.h"

/* Writes a standalone SVG file: x = node, y = offset in the arena, one rectangle for each block while its
 * contents matter, coloured by the operator that makes it, with its names and bytes as a title. */
poise_status ps_svg_plan(const poise_model *m, const char *title, const char *path);

#endif
