/* tests/fuzz/fuzz_packed.c - .poise files with packed weights, with right checksums in all places and anything else wrong. */
#include "tests/fuzz/fuzz.h"
#include "tests/packed_fix.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < sizeof(ps_file_header) || size > 1 << 20) return 0;
    setenv("POISE_ISA", "c", 1); /* that the seeds are packed for */
    uint8_t *copy = ps_alloc(size);
    if (!copy) return 0;
    memcpy(copy, data, size);
    packed_fix(copy, size);
    fuzz_run_model(copy, size);
    ps_free(copy);
    return 0;
}
