/* app/bench_report.h - poise bench --report: one file about a machine and what networks take on it, to be sent to others.
 *
 * docs/PORTING-A-BOARD.md describes it.  Nothing in it tells whose machine or whose network it is: no names of hosts, users,
 * files and nodes. */
#ifndef PS_APP_BENCH_REPORT_H
#define PS_APP_BENCH_REPORT_H

#include "app/cli.h"
#include "app/json.h"

/* Begins as soon as the machine is idle; rows are written as they are measured, into a file without a name. */
typedef struct ps_report {
    const char *path;
    FILE *f;
    ps_json json; /* the array "networks" is open */
} ps_report;

/* Fails when `path` cannot be written, before anything is measured. */
poise_status ps_report_begin(ps_report *r, const ps_args *a);
/* Closes the report and makes it appear at its path. */
poise_status ps_report_end(ps_report *r);
/* Forgets it; fine after ps_report_end. */
void ps_report_drop(ps_report *r);

#endif
