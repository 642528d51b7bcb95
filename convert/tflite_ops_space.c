/* convert/tflite_ops_space.c - TFLite operators on images as such: borders, sizes, blocks of pixels. */
#include "convert/tflite_import.h"

#include <string.h>

/* ---- borders ---- */

/* The begins and ends of input 1, [rank,2]; false when they are not right. */
static bool read_pads(ps_tflite_call *n, int32_t rank, int32_t *begin, int32_t *end)
{
    size_t count;
    const int64_t *pads = ps_tflite_const(n, 1, "paddings", &count);
    if (!pads || count != 2 * (size_t)rank || rank > POISE_MAX_DIMS) {
        PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "%zu paddings for %d dimensions", count, rank);
        return false;
    }
    for (int i = 0; i < rank; i++) {
        begin[i] = ps_emit_clamp32(pads[2 * i]);
        end[i] = ps_emit_clamp32(pads[2 * i + 1]);
        if (begin[i] < 0 || end[i] < 0) PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "a padding of %lld", (long long)(begin[i] < 0 ? begin[i] : end[i]));
    }
    return n->e.status == POISE_OK;
}

/* The convolution without borders of its own that alone reads the result, which has the scale of what it is made of: it can
 * take borders itself, and nothing is moved.  NULL = there is none. */
static const ps_tflite_node *only_convolution(const ps_tflite_call *n)
{
    enum { CONV_2D = 3, DEPTHWISE_CONV_2D = 4, VALID = 1 };
    const ps_tflite_slot *s = &n->c->slots[n->node->out[0]];
    const ps_tflite_tensor *x = ps_tflite_input(n, 0), *y = ps_tflite_output(n, 0);
    if (s->readers != 1 || s->reader < 0) return NULL;
    const ps_tflite_node *reader = &n->c->model.nodes[s->reader];
    bool codes = ps_tflite_is_quantised(y);
    if ((reader->code != CONV_2D && reader->code != DEPTHWISE_CONV_2D) || reader->in[0] != n->node->out[0]) return NULL;
    if (ps_flat_i8(&n->c->model.file, reader->options, 0, 0) != VALID) return NULL;
    bool same = codes == ps_tflite_is_quantised(x) &&
                (!codes || (x->scale[0] == y->scale[0] && ps_tflite_zero(x) == ps_tflite_zero(y)));
    return same ? reader : NULL;
}

/* PAD, PADV2 (with a value as input 2), MIRROR_PAD with REFLECT. */
static void pad_as(ps_tflite_call *n, int mode, const int32_t *begin, const int32_t *end, int32_t value)
{
    ps_tflite_order order = n->c->slots[n->node->in[0]].order;
    int32_t x = ps_tflite_in_as(n, 0, order);
    ps_pad_params p = {.mode = mode, .rank = ps_emit_value(&n->e, x).rank};
    for (int i = 0; i < p.rank; i++) {
        p.begin[ps_tflite_axis_in(order, i)] = begin[i];
        p.end[ps_tflite_axis_in(order, i)] = end[i];
    }
    int32_t in[2] = {x, value};
    ps_tflite_result(n, 0, ps_emit_node(&n->e, &ps_op_pad, &p, value == PS_ABSENT ? 1 : 2, in), order);
}

static void pad(ps_tflite_call *n)
{
    ps_value x = ps_tflite_shape(n, 0);
    int32_t begin[POISE_MAX_DIMS], end[POISE_MAX_DIMS];
    if (!read_pads(n, x.rank, begin, end)) return;
    bool image = x.rank == 4 && !begin[0] && !end[0] && !begin[3] && !end[3];
    if (n->node->n_in < 3 && image && only_convolution(n)) {
        ps_tflite_slot *s = &n->c->slots[n->node->out[0]];
        s->pad_of = n->node->in[0];
        memcpy(s->pad, (const int32_t[]){begin[1], begin[2], end[1], end[2]}, sizeof s->pad);
        s->ready = true;
        return;
    }
    int32_t value = ps_tflite_in(n, 2);
    if (value >= 0) value = ps_emit_reshape(&n->e, value, 0, NULL);
    pad_as(n, PS_PAD_CONSTANT, begin, end, value);
}

/* x with `begin` elements before it and `end` behind it, mirrored with those at the ends. */
static int32_t mirrored(ps_tflite_call *n, int32_t x, int32_t axis, int32_t begin, int32_t end)
{
    ps_value v = ps_emit_value(&n->e, x);
    ps_axis_params join = {axis};
    int32_t part[3], count = 0, dim = v.dim[axis];
    ps_slice_params p = {.rank = v.rank};
    for (int i = 0; i < v.rank; i++) p.step[i] = 1, p.size[i] = v.dim[i];
    if (begin > dim || end > dim) PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "borders of %d and %d of an axis of %d", begin, end, dim);
    p.start[axis] = begin - 1, p.size[axis] = begin, p.step[axis] = begin > 1 ? -1 : 1;
    if (begin) part[count++] = PS_EMIT_NODE(&n->e, &ps_op_slice, &p, x);
    part[count++] = x;
    p.start[axis] = dim - 1, p.size[axis] = end, p.step[axis] = end > 1 ? -1 : 1;
    if (end) part[count++] = PS_EMIT_NODE(&n->e, &ps_op_slice, &p, x);
    return count > 1 ? ps_emit_node(&n->e, &ps_op_concat, &join, count, part) : x;
}

/* Option: REFLECT, without the elements at the ends, or SYMMETRIC. */
static void mirror_pad(ps_tflite_call *n)
{
    ps_value v = ps_tflite_shape(n, 0);
    int32_t begin[POISE_MAX_DIMS], end[POISE_MAX_DIMS], mode = ps_tflite_byte(n, 0, 0);
    PS_TFLITE_REQUIRE(n, mode == 0 || mode == 1, POISE_UNSUPPORTED, "mode %d", mode);
    if (!read_pads(n, v.rank, begin, end)) return;
    if (mode == 0) {
        for (int i = 0; i < v.rank; i++)
            PS_TFLITE_REQUIRE(n, begin[i] < v.dim[i] && end[i] < v.dim[i], POISE_BAD_MODEL,
                              "borders of %d and %d of an axis of %d", begin[i], end[i], v.dim[i]);
        pad_as(n, PS_PAD_REFLECT, begin, end, PS_ABSENT);
        return;
    }
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE);
    for (int i = 0; i < v.rank && n->e.status == POISE_OK; i++) x = mirrored(n, x, i, begin[i], end[i]);
    ps_tflite_result(n, 0, x, PS_TFLITE_FILE);
}

/* ---- sizes ---- */

/* Where pixels of the result come from, by the options align_corners and half_pixel_centers. */
static void set_coordinates(ps_tflite_call *n, ps_resize_params *p, bool corners, bool half)
{
    bool nearest = p->mode == PS_RESIZE_NEAREST;
    PS_TFLITE_REQUIRE(n, !(corners && half), POISE_UNSUPPORTED, "align_corners together with half_pixel_centers");
    p->coord = corners  ? PS_COORD_ALIGN_CORNERS
               : half   ? (nearest ? PS_COORD_TF_HALF_PIXEL_NN : PS_COORD_HALF_PIXEL)
                        : PS_COORD_ASYMMETRIC;
    p->nearest = corners ? PS_NEAREST_ROUND_PREFER_CEIL : PS_NEAREST_FLOOR;
}

/* Inputs: x, size [height, width].  Bilinear has two old options before its own. */
static void resize(ps_tflite_call *n)
{
    int at = n->arg == PS_RESIZE_LINEAR ? 2 : 0;
    size_t count;
    ps_value v = ps_tflite_shape(n, 0);
    const int64_t *size = ps_tflite_const(n, 1, "size", &count);
    PS_TFLITE_REQUIRE(n, v.rank == 4 && size && count == 2, POISE_BAD_MODEL, "%zu sizes for %d dimensions", count, v.rank);
    int32_t x = ps_tflite_in_as(n, 0, PS_TFLITE_NCHW);
    ps_resize_params p = {.mode = n->arg, .rank = 4, .cubic_a = -0.75F};
    v = ps_emit_value(&n->e, x);
    memcpy(p.dim, v.dim, sizeof p.dim);
    for (int i = 0; i < 4; i++) p.scale[i] = 1, p.roi[4 + i] = 1;
    for (int i = 0; i < 2; i++) {
        PS_TFLITE_REQUIRE(n, size[i] > 0 && size[i] <= INT32_MAX && v.dim[i + 2] > 0, POISE_BAD_MODEL,
                          "a size of %lld for a dimension of %d", (long long)size[i], v.dim[i + 2]);
        p.dim[i + 2] = (int32_t)size[i];
        p.scale[i + 2] = (float)((double)size[i] / v.dim[i + 2]);
    }
    set_coordinates(n, &p, ps_tflite_byte(n, at, 0) != 0, ps_tflite_byte(n, at + 1, 0) != 0);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_resize, &p, x), PS_TFLITE_NCHW);
}

/* ---- blocks of pixels ---- */

static int32_t block_of(ps_tflite_call *n, const ps_value *x)
{
    int32_t b = ps_tflite_int(n, 0, 0);
    if (x->rank == 4 && b > 0 && b < 32768) return b;
    PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "a block of %d in %d dimensions", b, x->rank);
    return 1;
}

/* Channels are [row of the block][column][what is left]. */
static void depth_to_space(ps_tflite_call *n)
{
    int32_t y = ps_tflite_raw(n, 0, PS_TFLITE_NCHW);
    ps_value x = ps_emit_value(&n->e, y);
    int32_t b = block_of(n, &x), c = x.dim[1] / (b * b), h = x.dim[2], w = x.dim[3];
    PS_TFLITE_REQUIRE(n, x.dim[1] % (b * b) == 0, POISE_BAD_MODEL, "a block of %d in %d channels", b, x.dim[1]);
    y = ps_emit_reshape(&n->e, y, 6, (int32_t[]){x.dim[0], b, b, c, h, w});
    y = ps_emit_transpose(&n->e, y, 6, (int32_t[]){0, 3, 4, 1, 5, 2});
    int32_t dim[4] = {x.dim[0], c, ps_emit_clamp32((int64_t)h * b), ps_emit_clamp32((int64_t)w * b)};
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, y, 4, dim), PS_TFLITE_NCHW);
}

static void space_to_depth(ps_tflite_call *n)
{
    int32_t y = ps_tflite_raw(n, 0, PS_TFLITE_NCHW);
    ps_value x = ps_emit_value(&n->e, y);
    int32_t b = block_of(n, &x), h = x.dim[2] / b, w = x.dim[3] / b;
    PS_TFLITE_REQUIRE(n, x.dim[2] % b == 0 && x.dim[3] % b == 0, POISE_BAD_MODEL, "a block of %d in %dx%d", b, x.dim[2], x.dim[3]);
    y = ps_emit_reshape(&n->e, y, 6, (int32_t[]){x.dim[0], x.dim[1], h, b, w, b});
    y = ps_emit_transpose(&n->e, y, 6, (int32_t[]){0, 3, 5, 1, 2, 4});
    int32_t dim[4] = {x.dim[0], ps_emit_clamp32((int64_t)x.dim[1] * b * b), h, w};
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, y, 4, dim), PS_TFLITE_NCHW);
}

/* Inputs: x [n,..spatial..,rest], block [m], paddings or crops [m,2], m = 1 or 2.  Gives what both directions need. */
static bool read_blocks(ps_tflite_call *n, const ps_value *x, int32_t block[2], int32_t edge[4], int *m)
{
    size_t n_block, n_edge;
    const int64_t *b = ps_tflite_const(n, 1, "block_shape", &n_block), *e = ps_tflite_const(n, 2, n->arg ? "crops" : "paddings", &n_edge);
    bool right = b && e && (n_block == 1 || n_block == 2) && n_edge == 2 * n_block && x->rank > (int32_t)n_block && x->rank <= 4;
    *m = (int)n_block;
    for (size_t i = 0; right && i < n_block; i++) {
        right = b[i] > 0 && b[i] < 32768 && e[2 * i] >= 0 && e[2 * i + 1] >= 0;
        block[i] = (int32_t)b[i];
        edge[2 * i] = ps_emit_clamp32(e[2 * i]);
        edge[2 * i + 1] = ps_emit_clamp32(e[2 * i + 1]);
    }
    if (!right) PS_TFLITE_FAIL(n, POISE_UNSUPPORTED, "blocks of %zu dimensions, with %zu edges, in %d dimensions", n_block, n_edge, x->rank);
    return right && n->e.status == POISE_OK;
}

/* Constant integers of a tensor; NULL when it has another number of them. */
static const int64_t *numbers_of(ps_tflite_call *n, int32_t tensor, size_t count)
{
    size_t have;
    const ps_tflite_tensor *t = &n->c->model.tensors[tensor];
    if (!t->data || t->type != PS_TFLITE_I32) return NULL;
    const int64_t *v = ps_emit_ints(&n->e, ps_tflite_real(n->c, &n->e, tensor, PS_TFLITE_FILE), "block", &have);
    return have == count ? v : NULL;
}

/* SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND are one dilated convolution: it takes the paddings, less what is
 * cut off behind it, and the last operator gives what it reads. */
static bool is_dilation(ps_tflite_call *n, const int32_t block[2], const int32_t edge[4])
{
    enum { DEPTHWISE_CONV_2D = 4, BATCH_TO_SPACE_ND = 37 };
    const ps_tflite_node *conv = only_convolution(n);
    if (!conv || conv->n_out != 1) return false;
    ps_flat *f = &n->c->model.file;
    int at = conv->code == DEPTHWISE_CONV_2D ? 5 : 4;
    bool plain = ps_flat_i32(f, conv->options, 1, 0) == 1 && ps_flat_i32(f, conv->options, 2, 0) == 1 &&
                 ps_flat_i32(f, conv->options, at, 1) == 1 && ps_flat_i32(f, conv->options, at + 1, 1) == 1;
    const ps_tflite_slot *y = &n->c->slots[conv->out[0]];
    const ps_tflite_node *back = y->readers == 1 && y->reader >= 0 ? &n->c->model.nodes[y->reader] : NULL;
    if (!plain || !back || back->code != BATCH_TO_SPACE_ND || back->n_in != 3 || back->in[1] < 0 || back->in[2] < 0) return false;
    const int64_t *b = numbers_of(n, back->in[1], 2), *crop = numbers_of(n, back->in[2], 4);
    if (!b || !crop || b[0] != block[0] || b[1] != block[1]) return false;
    ps_tflite_slot *s = &n->c->slots[n->node->out[0]];
    for (int i = 0; i < 4; i++) { /* begin and end of rows, of columns -> top, left, bottom, right */
        int64_t left = edge[i] - crop[i];
        if (crop[i] < 0 || left < 0) return false;
        s->pad[i / 2 + i % 2 * 2] = (int32_t)left;
    }
    s->pad_of = n->node->in[0];
    memcpy(s->dilation, block, sizeof s->dilation);
    return s->ready = true;
}

static void space_to_batch(ps_tflite_call *n)
{
    int32_t x = ps_tflite_in(n, 0), block[2], edge[4], six[POISE_MAX_DIMS], perm[POISE_MAX_DIMS], dim[POISE_MAX_DIMS];
    ps_value v = ps_emit_value(&n->e, x);
    int m, rank = 0, at = 0;
    if (!read_blocks(n, &v, block, edge, &m)) return;
    if (m == 2 && v.rank == 4 && is_dilation(n, block, edge)) return;
    ps_pad_params p = {.mode = PS_PAD_CONSTANT, .rank = v.rank};
    for (int i = 0; i < m; i++) p.begin[i + 1] = edge[2 * i], p.end[i + 1] = edge[2 * i + 1];
    x = PS_EMIT_NODE(&n->e, &ps_op_pad, &p, x);
    v = ps_emit_value(&n->e, x);
    if (n->e.status != POISE_OK) return;
    six[rank++] = v.dim[0];
    int64_t images = v.dim[0];
    for (int i = 1; i < v.rank; i++) {
        bool spatial = i <= m;
        int32_t b = spatial ? block[i - 1] : 1;
        PS_TFLITE_REQUIRE(n, v.dim[i] % b == 0, POISE_BAD_MODEL, "a block of %d in %d pixels", b, v.dim[i]);
        dim[i] = six[rank++] = v.dim[i] / b;
        if (spatial) perm[at++] = rank, six[rank++] = b;
        images *= b;
    }
    perm[at++] = 0;
    for (int i = 1, from = 1; i < v.rank; from += i <= m ? 2 : 1, i++) perm[at++] = from;
    dim[0] = ps_emit_clamp32(images);
    x = ps_emit_transpose(&n->e, ps_emit_reshape(&n->e, x, rank, six), rank, perm);
    ps_tflite_result(n, 0, ps_emit_reshape(&n->e, x, v.rank, dim), PS_TFLITE_FILE);
}

static void batch_to_space(ps_tflite_call *n)
{
    if (n->c->slots[n->node->in[0]].spread) {
        ps_tflite_order order = n->c->slots[n->node->in[0]].order;
        ps_tflite_result(n, 0, ps_tflite_raw(n, 0, order), order);
        return;
    }
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), block[2], edge[4], six[POISE_MAX_DIMS], perm[POISE_MAX_DIMS], dim[POISE_MAX_DIMS];
    ps_value v = ps_emit_value(&n->e, x);
    int m, rank = 0, at = 0;
    if (!read_blocks(n, &v, block, edge, &m)) return;
    int32_t blocks = m == 2 ? block[0] * block[1] : block[0];
    PS_TFLITE_REQUIRE(n, v.dim[0] % blocks == 0, POISE_BAD_MODEL, "%d images of %d parts", v.dim[0], blocks);
    for (int i = 0; i < m; i++) six[rank++] = block[i];
    for (int i = 0; i < v.rank; i++) six[rank++] = i ? v.dim[i] : v.dim[0] / blocks;
    perm[at++] = m;
    dim[0] = v.dim[0] / blocks;
    ps_slice_params p = {.rank = v.rank};
    for (int i = 1; i < v.rank; i++) {
        perm[at++] = m + i;
        if (i <= m) perm[at++] = i - 1;
        dim[i] = ps_emit_clamp32((int64_t)v.dim[i] * (i <= m ? block[i - 1] : 1));
    }
    for (int i = 0; i < v.rank; i++) {
        bool spatial = i > 0 && i <= m;
        int64_t left = (int64_t)dim[i] - (spatial ? (int64_t)edge[2 * i - 2] + edge[2 * i - 1] : 0);
        PS_TFLITE_REQUIRE(n, left >= 0, POISE_BAD_MODEL, "its crops leave nothing of %d pixels", dim[i]);
        p.start[i] = spatial ? edge[2 * i - 2] : 0, p.step[i] = 1, p.size[i] = (int32_t)left;
    }
    x = ps_emit_transpose(&n->e, ps_emit_reshape(&n->e, x, rank, six), rank, perm);
    x = ps_emit_reshape(&n->e, x, v.rank, dim);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_slice, &p, x), PS_TFLITE_FILE);
}

const ps_tflite_op ps_tflite_ops_space[] = {
    {"PAD", 34, 2, 2, pad, 0},
    {"PADV2", 60, 3, 3, pad, 0},
    {"MIRROR_PAD", 100, 2, 2, mirror_pad, 0},
    {"RESIZE_BILINEAR", 23, 2, 2, resize, PS_RESIZE_LINEAR},
    {"RESIZE_NEAREST_NEIGHBOR", 97, 2, 2, resize, PS_RESIZE_NEAREST},
    {"DEPTH_TO_SPACE", 5, 1, 1, depth_to_space, 0},
    {"SPACE_TO_DEPTH", 26, 1, 1, space_to_depth, 0},
    {"SPACE_TO_BATCH_ND", 38, 3, 3, space_to_batch, 0},
    {"BATCH_TO_SPACE_ND", 37, 3, 3, batch_to_space, 1},
    {.name = NULL},
};
