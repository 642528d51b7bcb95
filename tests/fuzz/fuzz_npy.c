/* tests/fuzz/fuzz_npy.c - .npy files; what was accepted is written again and must read the same. */
#include "tests/fuzz/fuzz.h"

#include "app/npy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_npy first, second;
    void *bytes;
    size_t n;
    if (ps_npy_parse(data, size, &first) != POISE_OK) return 0;
    if (ps_npy_bytes(&first.tensor, &bytes, &n) == POISE_OK) {
        size_t content = poise_tensor_count(&first.tensor) * poise_type_size(first.tensor.type);
        if (ps_npy_parse(bytes, n, &second) != POISE_OK || second.tensor.type != first.tensor.type ||
            second.tensor.rank != first.tensor.rank ||
            (content && memcmp(second.tensor.data, first.tensor.data, content) != 0))
            abort();
        ps_npy_close(&second);
        ps_free(bytes);
    }
    ps_npy_close(&first);
    return 0;
}
