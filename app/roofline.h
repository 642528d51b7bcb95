/* app/roofline.h - what each step of a model takes, beside what this machine could do at most: poise bench --layers. */
#ifndef PS_APP_ROOFLINE_H
#define PS_APP_ROOFLINE_H

#include "app/json.h"
#include "app/peak.h"
#include "nn/model.h"

typedef struct ps_step {
    double ms;
    double flops;     /* 2 for each multiply-add of convolutions and products; 0 for other operators */
    double bytes;     /* of distinct inputs and outputs, and of weights as they are read: each once */
    double gflops, gb_s;
    double intensity; /* flops for each byte */
    double bound;     /* percent: the least time by the peaks, of the time taken */
} ps_step;

/* Node i, which took `ms`. */
ps_step ps_step_of(const poise_model *m, const ps_peaks *p, int32_t i, double ms);

/* The table of all nodes that run, with the peaks above and operators summed below; the same as CSV; as the members
 * "peaks" and "layers" of the JSON object that is open.  ms: per node. */
void ps_roofline_table(const poise_model *m, const ps_peaks *p, const double *ms);
void ps_roofline_csv(const poise_model *m, const ps_peaks *p, const double *ms);
/* `names`: also what the file calls the nodes. */
void ps_roofline_json(ps_json *j, const poise_model *m, const ps_peaks *p, const double *ms, bool names);

#endif
