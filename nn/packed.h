/* nn/packed.h - weights that lie in a file as the kernels of this machine read them: found, believed only as far as they were
 * checked, and used where they are.  docs/FORMAT.md explains section PACKED; nn/packed_write.c makes it. */
#ifndef PS_NN_PACKED_H
#define PS_NN_PACKED_H

#include "nn/format.h"
#include "nn/op.h"

enum { PS_PACKED_TEXT = 200 };

#define PS_FORMAT_DAMAGED "is damaged: its checksum differs"

/* What a file has. */
typedef struct ps_packed {
    const ps_file_packed *head; /* the section in use; NULL = none */
    const ps_file_packed_entry *weights, *constants;
    const uint8_t *contents;
    size_t size;   /* of contents; 0 where nothing of it is used after all */
    size_t tables; /* bytes of the other sections, but for WEIGHTS: read to tell the network */
    ps_format_part plain;     /* WEIGHTS, whose checksum nobody has looked at where a section is in use */
    char why[PS_PACKED_TEXT]; /* why none is in use; "" = the file has none */
} ps_packed;

/* Takes the first section whose weights are in the layouts of `k`, if it was packed from this network and is whole; one that
 * is for other kernels is left alone, one that is damaged is an error.  All that it tells of places is checked here. */
poise_status ps_packed_find(ps_packed *p, const ps_file_header *h, const ps_format_part part[PS_FORMAT_PARTS],
                            const uint8_t *bytes, const ps_kernels *k);

/* Weights of a node, if they are there in this layout and size; else NULL.  Aligned as the bytes of the file are. */
const void *ps_packed_weights(const ps_packed *p, int32_t node, unsigned layout, size_t bytes);
/* Contents of a constant of the file, or NULL. */
const void *ps_packed_constant(const ps_packed *p, int32_t value, size_t bytes);

/* Whether that is where p points. */
static inline bool ps_packed_holds(const ps_packed *p, const void *data)
{
    const uint8_t *at = data;
    return p->head && at >= p->contents && at < p->contents + p->size;
}

/* Checks WEIGHTS, before anything of it is used beside a section. */
poise_status ps_packed_check_plain(const ps_packed *p);

/* Bytes of a section in front of contents, and what ps_file_packed.checksum has to be, of a section that has so many. */
size_t ps_packed_contents_at(const ps_file_packed *h);
uint64_t ps_packed_head_checksum(const void *section);

/* Whether poise_pack would take these names. */
poise_status ps_packed_check_targets(const char *targets);

/* In place of the contents of a constant that is only packed: of such a one nothing may be read. */
extern const uint8_t ps_packed_only[64];
/* What to say of a file with such constants whose section is not in use (p NULL: is not wanted). */
const char *ps_packed_only_text(const ps_packed *p, char buf[PS_PACKED_TEXT]);

/* The same as ps_format_read (nn/model.h), which refuses files with constants that are only packed, with what is packed for
 * `k`; of constants, places in the section are preferred. */
poise_status ps_format_read_packed(ps_graph *g, const void *bytes, size_t size, const ps_kernels *k, ps_packed *packed);

#endif
