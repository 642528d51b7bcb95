/* app/progress.h - a bar for long work, on a terminal only. */
#ifndef PS_APP_PROGRESS_H
#define PS_APP_PROGRESS_H

#include <stdbool.h>

typedef struct ps_progress {
    const char *what;
    int total;
    bool on;
    double start, shown; /* ms */
} ps_progress;

/* Nothing is ever shown unless stderr is a terminal and `quiet` is false. */
ps_progress ps_progress_begin(const char *what, int total, bool quiet);
/* `done` of the total are done: bar, rate and the time that is left, at most ten times a second. */
void ps_progress_show(ps_progress *p, int done);
/* Takes the bar away again: before other lines are printed, and at the end. */
void ps_progress_clear(ps_progress *p);

#endif
