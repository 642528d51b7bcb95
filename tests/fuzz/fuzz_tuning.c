/* tests/fuzz/fuzz_tuning.c - tuning files; what was accepted is written again and must read the same. */
#include "tests/fuzz/fuzz.h"

#include "nn/tuning.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_tuning first, second;
    void *bytes;
    size_t n;
    if (ps_tuning_parse(data, size, &first) != POISE_OK) return 0;
    const char **what = ps_alloc_array((size_t)first.n + 1, sizeof *what);
    if (!what) return 0;
    for (int32_t i = 0; i < first.n; i++) what[i] = "again";
    if (ps_tuning_write(&first, what, &bytes, &n) == POISE_OK) {
        /* remarks may have been shorter than this one */
        if (ps_tuning_parse(bytes, n, &second) == POISE_OK) {
            if (second.n != first.n || second.network != first.network || strcmp(second.cpu, first.cpu) != 0 ||
                (first.n && memcmp(second.nodes, first.nodes, (size_t)first.n * sizeof *first.nodes) != 0))
                abort();
            ps_tuning_free(&second);
        } else if (n < (1 << 20)) {
            abort();
        }
        ps_free(bytes);
    }
    ps_free(what);
    ps_tuning_free(&first);
    return 0;
}
