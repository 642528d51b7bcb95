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
    PS_SECTION_PACKED = 8,  /* ps_file_packed: the same as the kernels of one target read them; any number of sections */
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
    uint32_t constant; /* PS_CONSTANT_* */
    uint64_t offset;   /* there, a multiple of 64 */
    float scale;       /* quantised: q stands for scale*(q - zero); 0 = plain numbers */
    int32_t zero;
} ps_file_value;

enum {
    PS_CONSTANT_STORED = 1, /* data is in WEIGHTS */
    PS_CONSTANT_PACKED = 2, /* weights that are nowhere but in PACKED; offset is PS_NOWHERE */
};
#define PS_NOWHERE (UINT64_MAX - 63) /* a multiple of 64 outside any file */

typedef struct ps_file_node {
    uint32_t name, op;
    uint32_t params, params_size; /* in PARAMS, bytes */
    uint32_t in, n_in, out, n_out; /* in LISTS, entries */
} ps_file_node;

typedef struct ps_file_meta {
    uint32_t key, value; /* in STRINGS */
} ps_file_meta;

enum { PS_PACKED_VERSION = 2, PS_PACKED_TARGET = 32 };

/* A section PACKED begins with this; entries follow, of weights and then of constants, and at the next multiple of 64 what
 * they tell the places of. */
typedef struct ps_file_packed {
    uint32_t version;  /* PS_PACKED_VERSION: raised whenever what a layout stands for changes */
    uint32_t narrowed; /* poise_type: nodes are counted as its fast precision has them, with casts; or 0 */
    uint32_t n_weights, n_constants; /* entries */
    uint64_t checksum; /* of this, with 0 here, and all in front of contents */
    uint64_t network;  /* what it was packed from: ps_format_network */
    uint64_t weights;  /* checksum of WEIGHTS */
    uint64_t contents; /* checksum of what is behind the entries */
    char target[PS_PACKED_TARGET]; /* for people: "cortex-a53"; NUL behind it */
    uint32_t fast; /* PS_FAST_* of the kernels: of several sections that fit, one with those at hand fits best */
    uint8_t reserved[44];
} ps_file_packed;

/* In ascending order of `at`. */
typedef struct ps_file_packed_entry {
    uint32_t at;     /* a node, or the value of a constant */
    uint32_t layout; /* of a node's weights: nn/layout.h; of a constant 0 */
    uint64_t offset, size; /* bytes; offset from the first multiple of 64 behind the entries, itself one */
} ps_file_packed_entry;

/* 64-bit checksum of n bytes: finds damage, not malice.  `passed` (may be NULL) is told of every stretch that was
 * read, so that the pages of a mapped file need not all be in memory at once. */
uint64_t ps_format_checksum(const void *bytes, size_t n, void (*passed)(const void *p, size_t n));

/* The bytes of a section, in memory; by kind. */
typedef struct ps_format_part {
    const uint8_t *bytes;
    size_t size;
} ps_format_part;
enum { PS_FORMAT_PARTS = PS_SECTION_WEIGHTS + 1 };

/* What tells one network from another but for its weights: a checksum of the inputs and outputs and of all parts but WEIGHTS. */
uint64_t ps_format_network(const ps_file_header *h, const ps_format_part part[PS_FORMAT_PARTS]);

#endif
