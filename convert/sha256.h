/* convert/sha256.h - the SHA-256 hash (FIPS 180-4), for the provenance of a converted file. */
#ifndef PS_CONVERT_SHA256_H
#define PS_CONVERT_SHA256_H

#include <stddef.h>

/* The hash of `size` bytes as 64 hexadecimal digits and a zero.  `passed` (may be NULL) is told of every stretch
 * that was read, so that the pages of a mapped file need not all be in memory at once. */
void ps_sha256_hex(const void *bytes, size_t size, void (*passed)(const void *p, size_t n), char hex[65]);

#endif
