/* convert/shape_option.h - the "NAME=1x3x640x640" of the options, for the inputs of any foreign file. */
#ifndef PS_CONVERT_SHAPE_OPTION_H
#define PS_CONVERT_SHAPE_OPTION_H

#include "runtime/status.h"

#include <stdbool.h>

/* Checks that every shape of the options (may be NULL) is well formed and names one of n inputs. */
poise_status ps_shape_options_check(const poise_convert_options *o, int32_t n, const char *const *names);

/* The shape that the options give an input; false, and nothing is changed, when they do not. */
bool ps_shape_option(const poise_convert_options *o, const char *input, int32_t *rank, int32_t *dim);

#endif
