/* tests/fuzz/fuzz_onnx.c - ONNX files through import, optimisation, file, model and a run. */
#include "tests/fuzz/fuzz.h"

#include "convert/input_codes.h"
#include "convert/onnx.h"
#include "convert/optimize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_graph g = {0};
    void *bytes = NULL;
    size_t n = 0;
    if (size > 1 << 20) return 0;
    if (ps_onnx_read(&g, data, size, NULL) == POISE_OK && ps_optimize(&g) == POISE_OK &&
        ps_input_codes(&g) == POISE_OK && ps_format_write(&g, &bytes, &n) == POISE_OK)
        fuzz_run_model(bytes, n);
    ps_free(bytes);
    ps_graph_free(&g);
    return 0;
}
