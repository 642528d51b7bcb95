/* app/warn.h - what is wrong with a network that runs all the same. */
#ifndef PS_APP_WARN_H
#define PS_APP_WARN_H

#include "models/task.h"
#include "nn/graph.h"

/* One line on boxes and scores that are stored with one scale, which leaves no scores; false when there is nothing to
 * say. */
enum { PS_WARN_TEXT = 320 };
bool ps_warn_scales(const ps_graph *g, const ps_task *t, char text[PS_WARN_TEXT]);

#endif
