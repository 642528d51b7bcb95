/* tests/fuzz/fuzz_image.c - pictures: JPEG with EXIF, PNG, PPM, PGM, BMP. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    poise_image img = {0};
    if (poise_image_open_memory(data, size, &img) == POISE_OK) {
        volatile uint8_t corner = img.plane[0][(img.h - 1) * img.stride[0] + (img.w - 1) * 3];
        (void)corner;
        poise_image_close(&img);
    }
    return 0;
}
