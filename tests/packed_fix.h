/* tests/packed_fix.h - makes the checksums of a changed .poise file right again, as far as its tables allow. */
#ifndef PS_TESTS_PACKED_FIX_H
#define PS_TESTS_PACKED_FIX_H

#include "nn/packed.h"

#include <string.h>

static inline void packed_fix_section(uint8_t *at, size_t size, const ps_file_header *h, const ps_format_part *part)
{
    ps_file_packed head;
    if (size < sizeof head) return;
    memcpy(&head, at, sizeof head);
    size_t most = (size - sizeof head) / sizeof(ps_file_packed_entry);
    if (head.n_weights > most || head.n_constants > most - head.n_weights) return;
    size_t from = ps_packed_contents_at(&head);
    if (from > size) return;
    head.network = ps_format_network(h, part);
    head.weights = ps_format_checksum(part[PS_SECTION_WEIGHTS].bytes, part[PS_SECTION_WEIGHTS].size, NULL);
    head.contents = ps_format_checksum(at + from, size - from, NULL);
    memcpy(at, &head, sizeof head);
    head.checksum = ps_packed_head_checksum(at);
    memcpy(at, &head, sizeof head);
}

static inline void packed_fix(uint8_t *file, size_t size)
{
    ps_file_header h;
    ps_format_part part[PS_FORMAT_PARTS];
    if (size < sizeof h) return;
    memcpy(&h, file, sizeof h);
    for (int k = 0; k < PS_FORMAT_PARTS; k++) part[k] = (ps_format_part){file, 0};
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < h.n_sections && i < PS_FORMAT_SECTIONS; i++) {
            ps_file_section s;
            if (sizeof h + (i + 1) * sizeof s > size) break;
            memcpy(&s, file + sizeof h + i * sizeof s, sizeof s);
            if (s.offset > size || s.size > size - s.offset) continue;
            const ps_format_part here = {file + s.offset, (size_t)s.size};
            if (!pass && s.kind >= 1 && s.kind < PS_FORMAT_PARTS) part[s.kind] = here;
            if (pass && s.kind == PS_SECTION_PACKED) packed_fix_section(file + s.offset, here.size, &h, part);
        }
    h.file_size = size;
    h.checksum = ps_format_checksum(file + sizeof h, size - sizeof h, NULL);
    memcpy(file, &h, sizeof h);
}

#endif
