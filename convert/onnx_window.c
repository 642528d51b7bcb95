/* convert/onnx_window.c - reads the window attributes of convolutions and pools. */
#include "convert/onnx_window.h"

#include <string.h>

static void read_list(ps_onnx_call *n, const char *name, int count, int32_t *out)
{
    size_t given;
    const int64_t *v = ps_onnx_ints(n, name, &given);
    if (!v || !given) return;
    if (given != (size_t)count) {
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "%s has %zu entries, it must have %d", name, given, count);
        return;
    }
    for (int i = 0; i < count; i++) out[i] = ps_onnx_clamp32(v[i]);
}

void ps_onnx_window_read(ps_onnx_call *n, const ps_value *x, const ps_value *w, ps_onnx_window *win)
{
    static const char *const ways[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "", NULL};
    *win = (ps_onnx_window){.rank = 1, .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    PS_ONNX_REQUIRE(n, x->rank >= 3, POISE_BAD_MODEL, "its input has %d dimensions, at least 3 are right",
                    x->rank);
    PS_ONNX_REQUIRE(n, x->rank <= 4, POISE_UNSUPPORTED, "%d spatial dimensions (1 and 2 are supported)",
                    x->rank - 2);
    win->rank = x->rank - 2;
    if (w) {
        PS_ONNX_REQUIRE(n, w->rank == x->rank, POISE_BAD_MODEL,
                        "its weights have %d dimensions, its input has %d", w->rank, x->rank);
        memcpy(win->kernel, w->dim + 2, (size_t)win->rank * sizeof *win->kernel);
    } else {
        PS_ONNX_REQUIRE(n, ps_onnx_attr(n, "kernel_shape", PS_ONNX_ATTR_INTS), POISE_BAD_MODEL,
                        "it has no kernel_shape");
    }
    read_list(n, "kernel_shape", win->rank, win->kernel);
    read_list(n, "strides", win->rank, win->stride);
    read_list(n, "dilations", win->rank, win->dilation);
    read_list(n, "pads", 2 * win->rank, win->pad);
    int way = ps_onnx_choice(n, "auto_pad", "NOTSET", ways);
    win->auto_pad = way == 4 ? PS_ONNX_NOTSET : way;
    for (int i = 0; i < win->rank; i++) {
        PS_ONNX_REQUIRE(n, win->kernel[i] > 0 && win->stride[i] > 0 && win->dilation[i] > 0, POISE_BAD_MODEL,
                        "kernel %d, stride %d and dilation %d must be positive", win->kernel[i],
                        win->stride[i], win->dilation[i]);
        PS_ONNX_REQUIRE(n, !w || win->kernel[i] == w->dim[i + 2], POISE_BAD_MODEL,
                        "kernel_shape says %d, its weights say %d", win->kernel[i], w->dim[i + 2]);
    }
}

void ps_onnx_window_pad(ps_onnx_call *n, const ps_value *x, ps_onnx_window *win)
{
    if (n->status != POISE_OK) return;
    if (win->auto_pad == PS_ONNX_VALID) memset(win->pad, 0, sizeof win->pad);
    if (win->auto_pad < PS_ONNX_SAME_UPPER) return;
    for (int i = 0; i < win->rank; i++) {
        int64_t in = x->dim[i + 2], out = (in + win->stride[i] - 1) / win->stride[i];
        int64_t total =
            (out - 1) * win->stride[i] + (int64_t)win->dilation[i] * (win->kernel[i] - 1) + 1 - in;
        if (total < 0) total = 0;
        PS_ONNX_REQUIRE(n, total < INT32_MAX, POISE_BAD_MODEL, "a kernel of %d with dilation %d",
                        win->kernel[i], win->dilation[i]);
        int64_t less = total / 2, more = total - less;
        bool upper = win->auto_pad == PS_ONNX_SAME_UPPER;
        win->pad[i] = (int32_t)(upper ? less : more);
        win->pad[i + win->rank] = (int32_t)(upper ? more : less);
    }
}

void ps_onnx_window_store(const ps_onnx_window *win, int32_t kernel[2], int32_t stride[2],
                          int32_t dilation[2], int32_t pad[4])
{
    int last = win->rank - 1;
    bool two = win->rank == 2;
    kernel[0] = two ? win->kernel[0] : 1, kernel[1] = win->kernel[last];
    stride[0] = two ? win->stride[0] : 1, stride[1] = win->stride[last];
    dilation[0] = two ? win->dilation[0] : 1, dilation[1] = win->dilation[last];
    pad[0] = two ? win->pad[0] : 0, pad[1] = win->pad[last];
    pad[2] = two ? win->pad[win->rank] : 0, pad[3] = win->pad[win->rank + last];
}
