/* convert/tune_file.h - tuning whatever can be opened. */
#ifndef PS_CONVERT_TUNE_FILE_H
#define PS_CONVERT_TUNE_FILE_H

#include "nn/tune.h"

/* ps_tune on a .poise file, or on what poise_convert makes of another. */
poise_status ps_tune_file(const char *path, const poise_convert_options *co, const poise_options *o, int runs,
                          ps_tuned_model *out);

#endif
