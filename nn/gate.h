/* nn/gate.h - the parts of a detector that matter only where its scores pass: branches of boxes and keypoints.
 *
 * YOLOv8 and its kin end in a class branch and a box branch at each level of the pyramid, joined into one output
 * [1, rows, cells].  A reader that keeps cells above a threshold never looks at the boxes of others, so their
 * convolutions need to run only where a class passed, widened by the windows of the convolutions behind them. */
#ifndef PS_NN_GATE_H
#define PS_NN_GATE_H

#include "nn/graph.h"
#include "nn/op.h"

enum { PS_GATE_LEVELS = 8 };

typedef struct ps_gate_level {
    int32_t node, value; /* logits: channels [first, first + n) of value [1,c,h,w], which node computes */
    int32_t first, n;
    int32_t h, w;
} ps_gate_level;

/* A convolution whose outputs matter only at some cells of its level. */
typedef struct ps_gate_node {
    int32_t node, level;
    bool read;   /* by the assembly of the output: needed at the cells that pass */
    size_t mask; /* its h*w bytes begin here in the masks of a session */
} ps_gate_node;

typedef struct ps_gate {
    int32_t first_row, n_rows; /* of output 0 [1,rows,cells]: sigmoids of the logits */
    int32_t n_levels, n_nodes; /* n_nodes == 0: the graph has no such parts */
    ps_gate_level level[PS_GATE_LEVELS];
    ps_gate_node *nodes; /* in the order of the graph */
    size_t cells, bytes; /* of a session's masks: where the cells that passed begin, and all */
    ps_heap heap;
} ps_gate;

/* Finds them and moves them, and what hangs on them, behind the rest of the graph.  Only operators that are known to
 * keep the cells apart may lie between them and the output; a graph of another kind is left as it is. */
poise_status ps_gate_find(ps_gate *gate, ps_graph *g);
void ps_gate_free(ps_gate *gate);

/* Multiply-accumulates of the gated nodes. */
uint64_t ps_gate_macs(const ps_gate *gate, const ps_graph *g);

/* After `node` has run: if it computed logits, marks the cells of its level where one of them is above `logit` (or no
 * number) and tells the level's gated calls where they are needed.  A call that is needed at more than half of its
 * cells computes all.  Gives the cells marked. */
int64_t ps_gate_mark(const ps_gate *gate, const ps_graph *g, int32_t node, float logit, const poise_tensor *tensors,
                     uint8_t *masks, ps_call *calls);
/* All of them compute everything again. */
void ps_gate_clear(const ps_gate *gate, ps_call *calls);

#endif
