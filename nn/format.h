/* nn/format.h - the bytes of a .poise file.  docs/FORMAT.md explains them. */
#ifndef PS_NN_FORMAT_H
#define PS_NN_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum { PS_FORMAT_VERSION = 1, PS_FORMAT_SECTIONS = 32 };

static const char ps_format_magic[8] = {'P', 'O', 'I', 'S', 'E', '\r', '\n', 0x1a};

/* Section kinds.  Unknown ones are skipped. */
enum {
    PS_SECTION_VALUES = 1,  /* ps_file_value[] */
    PS_SECTION_NODES = 2,   /* ps_file_node[] */
    PS_SECTION_LISTS = 3,   /* int32_t[]: value indices of nodes, inputs, outputs */
    PS_SECTION_PARAMS = 4,  /* parameters of nodes */
    PS_SECTION_STRINGS = 5, /* NUL-terminated */
    PS_SECTION_META = 6,    /* ps_file_meta[] */
    PS_SECTION_WEIGHTS = 7, /* contents of constants */
};

typedef struct ps_file_header {
    char magic[8];
    uint32_t version, n_sections;
    uint64_t file_size;
    uint64_t checksum; /* ps_format_checksum of everything behind the header */
    uint32_t inputs, n_inputs, outputs, n_outputs; /* in LISTS, counted in entries */
    uint8_t reserved[16];
} ps_file_header;

typedef struct ps_file_section {
    uint32_t kind, reserved;
    uint64_t offset, size; /* bytes; offset from the file's start, a multiple of 64 */
} ps_file_section;

typedef struct ps_file_value {
    uint32_t name; /* in STRINGS */
    int32_t type, rank, dim[8];
    uint32_t constant; /* 1: data is in WEIGHTS */
    uint64_t offset;   /* there, a multiple of 64 */
    float scale;       /* quantised: q stands for scale*(q - zero); 0 = plain numbers */
    int32_t zero;
} ps_file_value;

typedef struct ps_file_node {
    uint32_t name, op;
    uint32_t params, params_size; /* in PARAMS, bytes */
    uint32_t in, n_in, out, n_out; /* in LISTS, entries */
} ps_file_node;

typedef struct ps_file_meta {
    uint32_t key, value; /* in STRINGS */
} ps_file_meta;

/* 64-bit checksum of n bytes: finds damage, not malice.  `passed` (may be NULL) is told of every stretch that was
 * read, so that the pages of a mapped file need not all be in memory at once. */
uint64_t ps_format_checksum(const void *bytes, size_t n, void (*passed)(const void *p, size_t n));

#endif
