/* convert/quantizer.h - the parts of the quantiser (quantize.c puts them in their order).
 *
 * Everything is decided on the graph of the open float model, whose values are numbered as in the prepared bytes; nodes are
 * numbered as they run there. */
#ifndef PS_CONVERT_QUANTIZER_H
#define PS_CONVERT_QUANTIZER_H

#include "nn/model.h"
#include "nn/params.h"
#include "nn/session.h"

enum { PS_BINS = 2048 };

/* The numbers that a value had, over all samples. */
typedef struct ps_seen {
    float lo, hi;    /* the extremes of the finite ones, and 0: lo <= 0 <= hi */
    uint32_t *bins;  /* PS_BINS of equal width from lo to hi, or NULL */
    uint64_t zeros;  /* exact ones: they have a code of their own, and are in no bin */
    uint64_t broken; /* infinite or not a number */
    bool no_bytes, no_units; /* some is no whole number from 0 to 255; some no multiple of 1/255 from 0 to 1 */
} ps_seen;

/* How a value is to be stored. */
typedef struct ps_code {
    bool on;       /* as codes: some integer operator reads it */
    bool own;      /* its maker rounds it: it is not merely moved from values of the same scale */
    int32_t group; /* a value: all of a group have one scale */
    float scale;
    int32_t zero;
} ps_code;

/* A convolution or product with constant weights: what becomes integer arithmetic. */
typedef struct ps_product {
    int32_t node;            /* its number in the model */
    int32_t x, w, bias, y;   /* values */
    int32_t o, c, taps;      /* outputs; inputs of each output; positions of the window */
    int32_t row;             /* taps that lie behind one another when they are multiplied: a row of the window, or 1 */
    ptrdiff_t so, sc, st;    /* steps in the weights, in elements */
    int32_t group;           /* output j reads inputs from (j / (o / group)) * c on */
    bool depthwise;          /* one input each */
    bool is_float;           /* left as it is, by wish or by what it costs */
    bool asked;              /* by wish */
    uint64_t macs;
    double *mean;            /* [taps][group * c]: sums, then means of the inputs under each tap */
    uint64_t positions;      /* summed up in mean */
    int8_t *codes;           /* as the weights lie */
    float *scale;            /* [o] */
    float *shift;            /* [o], to be added to the bias */
    double harm;             /* what rounding this one alone back to float saves, in error of the outputs */
    double weight_noise, weight_power; /* of the weights, for the report */
    double noise, power;     /* of the output */
} ps_product;

typedef struct ps_quantizer {
    const poise_quantize_options *o;
    ps_heap heap;
    void *bytes, *fake_bytes; /* .poise, prepared; and with rounded weights */
    size_t size;
    poise_model *model, *fake_model;
    poise_session *session, *fake; /* the same network, exact and with rounded weights */
    int32_t *maker;     /* per value: the node, -1 for inputs and constants */
    int32_t *product_of; /* per node: index of its product, or -1 */
    ps_seen *seen;      /* per value */
    ps_code *code;      /* per value */
    bool *integer;      /* per node: computed on codes */
    ps_product *products;
    int32_t n_products;
    int equalised;      /* pairs */
    float **held;       /* per input of the network: the last sample, dense */
} ps_quantizer;

/* ---- quantize_open.c: a network with every bias and no shared weights, open; and its products ---- */
/* Whether node n is a product with constant weights, and how those lie. */
bool ps_product_of(const ps_graph *g, const ps_node *n, ps_product *p);
/* Fails for a network that has codes or other weights than floats. */
poise_status ps_quantize_check_float(const ps_graph *g);
poise_status ps_quantizer_open(ps_quantizer *q, const void *bytes, size_t size);
/* Opens q->fake: the network as it is now, to be changed. */
poise_status ps_quantizer_copy(ps_quantizer *q);
void ps_quantizer_close(ps_quantizer *q);
/* Contents of a constant, to be changed in q->bytes or (fake) in q->fake_bytes. */
float *ps_quantizer_constant(const ps_quantizer *q, int32_t v, bool fake);
/* Makes the checksum of q->bytes right again. */
void ps_quantizer_seal(ps_quantizer *q);
/* Packs the weights of a node again, which have changed where they are. */
void ps_quantizer_repack(const poise_session *s, int32_t node);

/* ---- calibrate.c: running the samples and looking at values ---- */

/* Fills the inputs of q->session with a sample; ps_calibrate_hold keeps them, for ps_fake_run. */
poise_status ps_calibrate_fill(ps_quantizer *q, int sample);
poise_status ps_calibrate_hold(ps_quantizer *q);
poise_status ps_calibrate_ranges(ps_quantizer *q);     /* seen: lo, hi */
poise_status ps_calibrate_histograms(ps_quantizer *q); /* seen: bins; and the products' means */
/* The largest magnitude in each of `channels` channels (dimension 1) of every value that wants[v], over some samples:
 * most[v] points to that many floats, or is NULL. */
poise_status ps_calibrate_channels(ps_quantizer *q, float *const *most);
int ps_calibrate_samples(const ps_quantizer *q, int most); /* so many, spread over all: sample i of n is */
int ps_calibrate_sample(const ps_quantizer *q, int i, int n);
void ps_calibrate_progress(const ps_quantizer *q, const char *what, int done, int total);

/* ---- calibrate_range.c: from numbers to a scale ---- */

/* The range for values that share a scale, by o->ranges. */
poise_status ps_range_choose(int ranges, const ps_seen *const *seen, int n, float *lo, float *hi);
void ps_range_code(float lo, float hi, ps_code *out);

/* ---- quantize_find.c: which nodes compute on codes, and which values share a scale ---- */
poise_status ps_quantize_find(ps_quantizer *q);   /* integer, code.on, own, group */
poise_status ps_quantize_scales(ps_quantizer *q); /* code.scale, zero, as o->ranges says or, for MSE, to begin with */
/* A scale for the group whose head is v, and setting one. */
poise_status ps_quantize_range(const ps_quantizer *q, int32_t v, int ranges, ps_code *out);
void ps_quantize_set(ps_quantizer *q, int32_t v, const ps_code *c);

/* ---- quantize_weights.c ---- */

/* Codes and scales of all weights; shift from the means of the inputs. */
poise_status ps_quantize_weights(ps_quantizer *q);
/* One output's numbers (inputs within taps: number t*c + i) into codes of -127..127; gives the scale.  pairs: neighbours of a
 * tap obey the rule of 16-bit sums: 255 * max(sum of positives, -sum of negatives) <= 32767.  clip: the scale of least squared error. */
float ps_quantize_row(const float *w, int32_t taps, int32_t c, bool pairs, bool clip, int8_t *codes);

/* ---- quantize_equal.c: equal ranges for the channels before a depthwise convolution ---- */
poise_status ps_quantize_equalise(ps_quantizer *q);

/* ---- quantize_fake.c: the network as if it were quantised, in floats ---- */
poise_status ps_fake_open(ps_quantizer *q);
/* Runs q->fake on the inputs that are held, rounding as q->code says; after each node, after (may be NULL) is called.  With
 * both, q->session, which was filled, runs beside it, node by node. */
void ps_fake_run(ps_quantizer *q, bool both, void (*after)(void *ctx, int32_t node), void *ctx);
/* Exact or rounded weights for a product, as is_float says. */
void ps_fake_weights(ps_quantizer *q, const ps_product *p);
/* Adds up what x and y (floats of the same dimensions) are and how they differ. */
typedef struct ps_error {
    double noise, power, cross, other; /* sums of (y - x)^2, x^2, x*y, y^2 */
} ps_error;
void ps_error_add(ps_error *e, const poise_tensor *x, const poise_tensor *y);

/* ---- quantize_refine.c: the error where the integer part ends, and ranges with less of it ---- */

/* Sums at the products that write floats, the last of every branch. */
typedef struct ps_ends {
    ps_quantizer *q;
    ps_error *error; /* per product */
    float **exact;   /* per product: what it should write, dense; NULL = no end; [samples] of them */
    int sample, samples;
    bool store;
    float ***inputs; /* [samples]: what ps_calibrate_hold kept */
    ps_heap heap;
} ps_ends;
/* Keeps what `samples` samples give exactly. */
poise_status ps_ends_open(ps_ends *e, ps_quantizer *q, int samples);
/* Errors now, each end's in relation to its power. */
double ps_ends_error(ps_ends *e);
int ps_ends_count(const ps_ends *e);
void ps_ends_close(ps_ends *e);
poise_status ps_quantize_refine(ps_ends *e);

/* ---- quantize_sense.c: who does the harm, and float for the worst ---- */
poise_status ps_quantize_sense(ps_ends *e, bool *changed);
/* Noise and power of every product, and of the network's outputs. */
poise_status ps_quantize_measure(ps_quantizer *q, ps_error *outputs);

/* ---- quantize_emit.c: the graph with its codes ---- */
poise_status ps_quantize_emit(ps_quantizer *q, ps_graph *out);

#endif
