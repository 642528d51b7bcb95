/* app/quantize_report.h - what quantising a network came to, for people and programs. */
#ifndef PS_APP_QUANTIZE_REPORT_H
#define PS_APP_QUANTIZE_REPORT_H

#include "app/agreement.h"
#include "app/args.h"

typedef struct ps_quantize_result {
    poise_quantized quantized;
    ps_agreement agreement;
    size_t bytes_before, bytes_after;
    int samples;
} ps_quantize_result;

/* Prints to stdout: a table of layers, the worst, agreement, sizes; or JSON with -o json. */
void ps_quantize_print(const ps_args *a, const ps_quantize_result *r);

#endif
