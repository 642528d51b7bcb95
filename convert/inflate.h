/* convert/inflate.h - what zip files and their like are packed with (RFC 1951). */
#ifndef PS_CONVERT_INFLATE_H
#define PS_CONVERT_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unpacks n bytes into exactly `size` bytes at `out`; false when they are damaged or make another number of bytes. */
bool ps_inflate(const uint8_t *in, size_t n, uint8_t *out, size_t size);

#endif
