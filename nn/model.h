/* nn/model.h - an opened model: graph, plan, packed weights.  Read-only once open. */
#ifndef PS_NN_MODEL_H
#define PS_NN_MODEL_H

#include "nn/gate.h"
#include "nn/op.h"
#include "nn/packed.h"
#include "nn/plan.h"
#include "nn/precision.h"
#include "runtime/cores.h"
#include "runtime/file.h"

/* How a node is computed. */
typedef struct ps_choice {
    const char *name; /* its operator's for the variant; NULL when the operator has one way only */
    int16_t variant;
    bool weaker; /* with the kernels of the instruction set below */
} ps_choice;

struct poise_model {
    ps_graph graph;
    ps_kernels kernels;
    ps_kernels weaker;  /* those of the ISA below, for nodes that are faster with them; name NULL = none worth trying */
    ps_choice *choices; /* per node */
    int threads;
    ps_crew crew; /* where they run */
    poise_precision precision;     /* as asked for, by the caller or the file */
    char precision_text[PS_PRECISION_TEXT]; /* and what it runs on */
    ps_plan plan;
    ps_gate gate; /* what need not be computed where no score passes */
    const void **packed; /* per node: what pack() wrote, or NULL */
    uint8_t *weights;    /* the block behind `packed`, then constants that are used as they are */
    size_t packed_bytes, constant_bytes; /* of both; constants in memory of the caller are used in place there */
    ps_packed ready;     /* what the file has packed for these kernels; its weights and constants are used where they are, */
    size_t ready_bytes;  /* so many bytes of them */
    int32_t n_packed, n_ready; /* nodes with packed weights, those of them that are ready */
    poise_type narrowed; /* what the fast precision made values, with nodes of casts: bf16, f16 or POISE_NONE */
    size_t scratch_bytes, opening_bytes;
    char tuning[256]; /* a line about the tuning file in use, or why there is none; "" = none was found */
    char tried[256];  /* a line about the numbers of threads that were tried; "" = none */
    ps_file file; /* mapped file, or size 0 */
    void *own;    /* bytes that were converted in memory, or NULL */
};

/* Pointers of all nodes' tensors: how many a session needs, and filling them in. */
size_t ps_model_links(const poise_model *m);
/* Builds the call of every node over `tensors` (one per value); `links` has ps_model_links() entries. */
void ps_model_calls(const poise_model *m, poise_tensor *tensors, const poise_tensor **links, ps_call *calls);

/* Plans working space for another number of threads; no session may be open. */
poise_status ps_model_set_threads(poise_model *m, int threads);
/* Tries numbers of threads up to the model's and sets the best (nn/threads_auto.c). */
poise_status ps_model_choose_threads(poise_model *m);

/* Choice i of a node, of whose call k and variant do not matter: 0 is what is taken by rule, variants with the model's
 * own kernels come first, those with weaker ones behind.  False past the last. */
bool ps_choice_at(const poise_model *m, const ps_node *n, const ps_call *c, int i, ps_choice *out);
bool ps_choice_is_rule(const ps_choice *c);
/* For every node, of its ways with the model's own kernels, the one whose packed weights and working space are least. */
void ps_choose_frugal(poise_model *m, const ps_call *calls);
/* "winograd4" or "direct@avx2" into buf; "" for an operator that has one way only. */
enum { PS_CHOICE_TEXT = 40 };
const char *ps_choice_text(const poise_model *m, const ps_choice *c, char buf[PS_CHOICE_TEXT]);

/* As poise_model_open_memory with kernels of the caller's, which need not be those of this machine, for one who wants the
 * packed weights: without tuning, and without use of what may be packed in the file. */
poise_status ps_model_open_packing(const void *bytes, size_t size, const poise_options *o, const ps_kernels *k, poise_model **out);
/* As poise_model_open_memory, but the model takes `bytes` (from ps_alloc) over, also on failure; `path` (or NULL) is where
 * they came from. */
poise_status ps_model_adopt(void *bytes, size_t size, const char *path, const poise_options *o, poise_model **out);

/* Opens a graph whose constants lie in the mapped file, or in its own heap; the model takes both over, also on failure. */
poise_status ps_model_adopt_graph(ps_graph *g, ps_file *file, const char *path, const poise_options *o, poise_model **out);

/* The .poise file of a graph (nn/format.c): `bytes` from ps_alloc, 64-byte aligned.  With g->last_use the contents of
 * its constants are lost. */
poise_status ps_format_write(const ps_graph *g, void **bytes, size_t *size);
/* Fills an empty graph from the bytes of a .poise file; constants point into `bytes`.  Believes nothing:
 * every shape is inferred again and compared. */
poise_status ps_format_read(ps_graph *g, const void *bytes, size_t size);
/* Whether the bytes begin like a .poise file. */
bool ps_format_is(const void *bytes, size_t size);

#endif
