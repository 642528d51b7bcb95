/* tests/packed_net.h - networks with every kind of packed weights as files, packed for a target, opened and run. */
#ifndef PS_TESTS_PACKED_NET_H
#define PS_TESTS_PACKED_NET_H

#include "tests/graph_build.h"

#include "nn/model.h"

#define OK(call) (assert_int_equal(call, POISE_OK))

typedef struct pn_file {
    uint8_t *at;
    size_t size;
} pn_file;

enum { PN_OUT_MOST = 4096 };
typedef struct pn_result {
    float y[PN_OUT_MOST];
    size_t n;
} pn_result;

/* All stop the test on failure. */
void pn_drop(pn_file *b);
pn_file pn_copy_of(const pn_file *b);
pn_file pn_file_of(ps_graph *g); /* which is freed */
pn_file pn_pack(const pn_file *plain, const char *targets, bool only);

/* Winograd's 3x3, 1x1, depthwise, groups, transposed, products; constants that stay as they are. */
pn_file pn_float_net(void);
/* The same of codes. */
pn_file pn_int8_net(void);
/* These, and the first with weights of 16 and of 8 bits, to be widened. */
enum { PN_NETS = 4 };
pn_file pn_net_of(int i);
/* Records a precision in the file. */
void pn_write_precision(pn_file *b, poise_precision p);

poise_model *pn_opened(const pn_file *b, poise_precision p);
void pn_run_opened(poise_model *m, pn_result *r);
void pn_run(const pn_file *b, poise_precision p, pn_result *r);
void pn_same(const pn_result *a, const pn_result *b);
/* All weights that are packed are so in these bytes. */
void pn_all_ready(const poise_model *m, const uint8_t *at, size_t size);

#endif
