/* tests/tflite_run.h - runs a TFLite file that a test describes, and compares what comes out. */
#ifndef PS_TESTS_TFLITE_RUN_H
#define PS_TESTS_TFLITE_RUN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nn/op.h"
#include "tests/tiny_tflite.h"

enum { TR_MOST = 4096 }; /* elements of all inputs or outputs */

extern tfl t;                             /* the file of the test that runs */
extern double tr_in[TFL_PORTS][TR_MOST]; /* contents of its inputs, row-major */
extern double tr_got[TR_MOST];           /* its outputs, one after another, */
extern int tr_n_got;                     /* so many elements */

/* An empty file, and numbers of both signs in tr_in. */
void tr_fresh(void);
/* Reads a file (the bytes are freed), optimises it when asked to, and runs it; all stop the test on failure. */
void tr_run_bytes(void *bytes, size_t size, bool optimise);
void tr_run(bool optimise); /* t */
/* The outputs of t as the file is, and optimised: |got - want| <= tolerance * (1 + |want|). */
void tr_expect(int n, const double *want, double tolerance);
/* Whether the graph that t becomes has such an operator. */
bool tr_has(const ps_op *op);
/* Reading t must end so, with a text that contains `part`. */
void tr_says(poise_status want, const char *part);

/* An int32 constant. */
int tr_ints(int n, const int32_t *v);
#define INTS(...) tr_ints((int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), (const int32_t[]){__VA_ARGS__})
#define WANT(tolerance, ...) \
    tr_expect((int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (const double[]){__VA_ARGS__}, tolerance)

#endif
