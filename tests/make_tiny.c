/* tests/make_tiny.c - writes a tiny network to a file: make_tiny detect|classify|shapes|pose|codes|large|outlier OUT.onnx, make_tiny tflite-... OUT.tflite */
#include "runtime/file.h"
#include "runtime/memory.h"
#include "tests/tiny_onnx.h"
#include "tests/tiny_tflite.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    void *bytes;
    size_t size;
    int kind = argc == 3 ? tiny_onnx_kind(argv[1]) : -1, tflite = argc == 3 ? tiny_tflite_kind(argv[1]) : -1;
    if (kind < 0 && tflite < 0) {
        fprintf(stderr, "usage: make_tiny detect|classify|shapes|pose|codes|large|outlier OUT.onnx\n"
                        "       make_tiny tflite-float|tflite-int8|tflite-hybrid|tflite-moves OUT.tflite\n");
        return 2;
    }
    poise_status made = kind >= 0 ? tiny_onnx_make(kind, &bytes, &size) : tiny_tflite_make(tflite, &bytes, &size);
    if (made != POISE_OK || ps_file_write(argv[2], bytes, size) != POISE_OK) {
        fprintf(stderr, "make_tiny: %s\n", poise_error_text());
        return 1;
    }
    ps_free(bytes);
    return 0;
}
