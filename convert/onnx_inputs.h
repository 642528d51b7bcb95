/* convert/onnx_inputs.h - gives every input of an ONNX graph its one shape. */
#ifndef PS_CONVERT_ONNX_INPUTS_H
#define PS_CONVERT_ONNX_INPUTS_H

#include "convert/onnx_import.h"

/* Checks that every NAME=1x3x... of the options names an input and is well formed. */
poise_status ps_onnx_check_shapes(const ps_onnx *c);

/* Sets type and dimensions of an input from its declaration and the options:
 * NAME=shape first; else the declared dimensions, where a symbolic first dimension is a batch of 1 and an
 * image's symbolic height and width come from imgsz (given, or recorded in the metadata). */
poise_status ps_onnx_bind_input(const ps_onnx *c, const ps_onnx_info *info, ps_value *v);

#endif
