/* convert/onnx_window.h - the attributes that convolutions and pools share: kernel, strides, dilations, pads. */
#ifndef PS_CONVERT_ONNX_WINDOW_H
#define PS_CONVERT_ONNX_WINDOW_H

#include "convert/onnx_import.h"

enum { PS_ONNX_NOTSET, PS_ONNX_VALID, PS_ONNX_SAME_UPPER, PS_ONNX_SAME_LOWER };

typedef struct ps_onnx_window {
    int rank; /* spatial dimensions: 1 or 2 */
    int auto_pad;
    int32_t kernel[2], stride[2], dilation[2];
    int32_t pad[4]; /* as ONNX has them: all begins, then all ends */
} ps_onnx_window;

/* Reads the attributes for input x; the kernel's size comes from weights `w` where the node does not say it
 * (NULL: it must).  On failure the window is 1x1, so that callers need not look. */
void ps_onnx_window_read(ps_onnx_call *n, const ps_value *x, const ps_value *w, ps_onnx_window *win);

/* Turns auto_pad into pads.  SAME means ceil(in / stride) outputs. */
void ps_onnx_window_pad(ps_onnx_call *n, const ps_value *x, ps_onnx_window *win);

/* In the order of nn/params.h: (h, w) and top, left, bottom, right. */
void ps_onnx_window_store(const ps_onnx_window *win, int32_t kernel[2], int32_t stride[2],
                          int32_t dilation[2], int32_t pad[4]);

#endif
