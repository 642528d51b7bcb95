/* tests/decode_net.h - decoders on hand-made outputs: a network of nothing but its outputs. */
#ifndef PS_TESTS_DECODE_NET_H
#define PS_TESTS_DECODE_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/decode.h"

enum { DN_LAYOUTS = 3 }; /* row-major, channels-last with a gap, row-major backwards in the last dimension */

typedef struct net {
    ps_io io;
    const char *meta[16]; /* key, value, ..., NULL */
    ps_task task;
    ps_decode d;
    poise_tensor view[PS_MAX_OUTPUTS];
    void *memory[PS_MAX_OUTPUTS];
} dn_network;

extern dn_network dn_net; /* the one under test: too large for a frame */

void dn_begin(int h, int w);
void dn_say(const char *key, const char *value);
/* A zero output [1,a,b,c,d] of that rank; gives its dense values. */
float *dn_output(int rank, int a, int b, int c, int d);
/* Finds the decoder, which must be this one. */
void dn_resolve(const char *decoder);
/* Decodes the outputs, laid out in one of the ways. */
void dn_run(int layout, float conf, bool multi);
void dn_end(void);
void dn_expect(int i, int id, float score, float x1, float y1, float x2, float y2);
void dn_expect_point(const poise_keypoint *k, float x, float y, float conf);

#endif
