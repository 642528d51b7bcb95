/* tests/fuzz/fuzz_poise.c - .poise files with a right checksum and anything else wrong. */
#include "tests/fuzz/fuzz.h"

#include "nn/format.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < sizeof(ps_file_header) || size > 1 << 20) return 0;
    uint8_t *copy = ps_alloc(size);
    if (!copy) return 0;
    memcpy(copy, data, size);
    uint64_t sum = ps_format_checksum(copy + sizeof(ps_file_header), size - sizeof(ps_file_header), NULL);
    memcpy(copy + offsetof(ps_file_header, checksum), &sum, sizeof sum);
    memcpy(copy + offsetof(ps_file_header, file_size), &(uint64_t){size}, sizeof sum);
    fuzz_run_model(copy, size);
    ps_free(copy);
    return 0;
}
