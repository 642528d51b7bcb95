/* nn/packed.c - finds weights that are packed for this machine in a file, and believes nothing of what it says of them. */
#include "nn/packed.h"

#include "nn/layout.h"

#include <stdio.h>
#include <string.h>

#define BAD(cond, ...) PS_REQUIRE(cond, POISE_BAD_MODEL, __VA_ARGS__)

_Alignas(64) const uint8_t ps_packed_only[64];

/* A section as it lies in the file: what of it is where, if its head and entries are whole. */
typedef struct found {
    ps_packed p;
    ps_file_packed head;
} found;

size_t ps_packed_contents_at(const ps_file_packed *h)
{
    return ps_round_up(sizeof *h + ((size_t)h->n_weights + h->n_constants) * sizeof(ps_file_packed_entry), PS_ALIGN);
}

uint64_t ps_packed_head_checksum(const void *section)
{
    ps_file_packed h;
    memcpy(&h, section, sizeof h);
    h.checksum = 0;
    uint64_t part[2] = {ps_format_checksum(&h, sizeof h, NULL),
                        ps_format_checksum((const uint8_t *)section + sizeof h, ps_packed_contents_at(&h) - sizeof h, NULL)};
    return ps_format_checksum(part, sizeof part, NULL);
}

/* False where the section is not to be used, for the reason in `why`. */
static bool open_section(found *f, const uint8_t *bytes, size_t size, char *why)
{
    size_t head = sizeof f->head;
    f->head.version = 0;
    if (size >= head) memcpy(&f->head, bytes, head);
    if (f->head.version != PS_PACKED_VERSION || memchr(f->head.target, 0, PS_PACKED_TARGET) == NULL) {
        snprintf(why, PS_PACKED_TEXT, "has packed weights of another version of poise, not used");
        return false;
    }
    size_t room = (size - head) / sizeof(ps_file_packed_entry);
    snprintf(why, PS_PACKED_TEXT, "has packed weights whose head is damaged, not used");
    if (f->head.n_weights > room || f->head.n_constants > room - f->head.n_weights) return false;
    size_t at = ps_packed_contents_at(&f->head);
    if (at > size) return false;
    f->p.head = (const ps_file_packed *)(const void *)bytes;
    f->p.weights = (const ps_file_packed_entry *)(const void *)(bytes + head);
    f->p.constants = f->p.weights + f->head.n_weights;
    f->p.contents = bytes + at;
    f->p.size = size - at;
    return ps_packed_head_checksum(bytes) == f->head.checksum;
}

/* Whether these kernels could have packed all of it. */
static bool is_of(const found *f, const ps_kernels *k, char *why)
{
    char have[PS_LAYOUT_TEXT];
    for (uint32_t i = 0; i < f->head.n_weights; i++) {
        unsigned layout = f->p.weights[i].layout;
        if (ps_layout_is_of(layout, k)) continue;
        snprintf(why, PS_PACKED_TEXT, "packed for %s, not used: %s is not what the kernels of %s take", f->head.target,
                 ps_layout_text(layout, have), k->name);
        return false;
    }
    return true;
}

static poise_status check_entries(const found *f, const ps_file_packed_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        BAD(e[i].offset % PS_ALIGN == 0 && e[i].offset <= f->p.size && e[i].size <= f->p.size - e[i].offset,
            "packed weights %u lie outside their section (offset %llu, size %llu)", e[i].at, (unsigned long long)e[i].offset,
            (unsigned long long)e[i].size);
        BAD(!i || e[i].at > e[i - 1].at, "packed weights are not in order");
    }
    return POISE_OK;
}

/* A damaged or foreign head may be no fault of the file's as a whole; but what is used must be right.  `alike`: only if kernels
 * are as fast for the same things, as rules that choose between layouts ask. */
static poise_status try_section(ps_packed *p, const ps_file_header *h, const ps_format_part part[PS_FORMAT_PARTS],
                                const ps_format_part *section, const ps_kernels *k, bool alike)
{
    found f = {0};
    if (!open_section(&f, section->bytes, section->size, p->why)) return POISE_OK;
    if ((alike && f.head.fast != k->fast) || !is_of(&f, k, p->why)) return POISE_OK;
    if (f.head.network != ps_format_network(h, part)) {
        snprintf(p->why, sizeof p->why, "packed for %s, not used: it was packed from another network", f.head.target);
        return POISE_OK;
    }
    PS_TRY(check_entries(&f, f.p.weights, f.head.n_weights));
    PS_TRY(check_entries(&f, f.p.constants, f.head.n_constants));
    BAD(f.head.contents == ps_format_checksum(f.p.contents, f.p.size, NULL), PS_FORMAT_DAMAGED);
    f.p.plain = part[PS_SECTION_WEIGHTS];
    for (int i = 1; i < PS_SECTION_WEIGHTS; i++) f.p.tables += part[i].size;
    *p = f.p; /* and no word about others */
    return POISE_OK;
}

poise_status ps_packed_find(ps_packed *p, const ps_file_header *h, const ps_format_part part[PS_FORMAT_PARTS],
                            const uint8_t *bytes, const ps_kernels *k)
{
    *p = (ps_packed){0};
    for (uint32_t i = 0; i < 2 * h->n_sections && !p->head; i++) {
        ps_file_section s;
        memcpy(&s, bytes + sizeof *h + i % h->n_sections * sizeof s, sizeof s);
        if (s.kind != PS_SECTION_PACKED) continue;
        ps_format_part section = {bytes + s.offset, (size_t)s.size};
        PS_TRY(try_section(p, h, part, &section, k, i < h->n_sections));
    }
    return POISE_OK;
}

static const ps_file_packed_entry *find(const ps_file_packed_entry *e, size_t n, int32_t at)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (e[mid].at < (uint32_t)at) low = mid + 1;
        else high = mid;
    }
    return low < n && e[low].at == (uint32_t)at ? &e[low] : NULL;
}

const void *ps_packed_weights(const ps_packed *p, int32_t node, unsigned layout, size_t bytes)
{
    const ps_file_packed_entry *e = p->head && layout ? find(p->weights, p->head->n_weights, node) : NULL;
    return e && e->layout == layout && e->size == bytes ? p->contents + e->offset : NULL;
}

const void *ps_packed_constant(const ps_packed *p, int32_t value, size_t bytes)
{
    const ps_file_packed_entry *e = p->head ? find(p->constants, p->head->n_constants, value) : NULL;
    return e && e->size == bytes ? p->contents + e->offset : NULL;
}

poise_status ps_packed_check_plain(const ps_packed *p)
{
    BAD(p->head->weights == ps_format_checksum(p->plain.bytes, p->plain.size, NULL), PS_FORMAT_DAMAGED);
    return POISE_OK;
}

const char *ps_packed_only_text(const ps_packed *p, char buf[PS_PACKED_TEXT])
{
    snprintf(buf, PS_PACKED_TEXT, "has its weights only as one target's kernels read them (--only-target)%s%.*s", p ? "; " : "",
             p ? PS_PACKED_TEXT - 100 : 0, p ? p->why : "");
    return buf;
}
