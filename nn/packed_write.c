/* nn/packed_write.c - packs the weights of a .poise file for processors by name, this one or others: the same bytes wherever it
 * is done.  Packing moves numbers and rounds them in C; of the target it needs the widths of its tiles and what is fast there
 * (ops/tiles.h), of which the rules make the same choices as on it. */
#include "nn/model.h"
#include "ops/targets.h"
#include "runtime/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TARGETS = PS_FORMAT_SECTIONS - PS_SECTION_WEIGHTS };

/* What becomes a section PACKED, and how it is made. */
typedef struct section {
    char target[PS_PACKED_TARGET];
    poise_model *m;
    ps_heap heap; /* what is below */
    ps_call *calls;
    uint8_t *bytes; /* from ps_alloc */
    size_t size, contents; /* contents begin there */
    uint32_t n_weights, n_constants;
    ps_file_packed_entry *entries;
} section;

typedef struct job {
    ps_graph g; /* as it is in the file, whose constants its values point to */
    ps_file_header h;
    ps_format_part part[PS_FORMAT_PARTS];
    bool *elsewhere; /* per value: a constant that is used in other ways than to be packed */
    bool only;
    section s[MOST_TARGETS];
    int n;
} job;

/* ---- one target ---- */

static bool is_weight(const job *j, const ps_op *op, int k, int32_t v)
{
    return k == 1 && op->layout && j->g.values[v].data;
}

static void find_elsewhere(job *j)
{
    for (int32_t i = 0; i < j->g.n_nodes; i++) {
        const ps_node *n = &j->g.nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0 && !is_weight(j, n->op, k, n->in[k])) j->elsewhere[n->in[k]] = true;
    }
    for (int32_t i = 0; i < j->g.n_outputs; i++) j->elsewhere[j->g.outputs[i]] = true;
}

static poise_status make_calls(section *s)
{
    poise_model *m = s->m;
    poise_tensor *tensors = ps_heap_push(&s->heap, ((size_t)m->graph.n_values + 1) * sizeof *tensors);
    const poise_tensor **links = ps_heap_push(&s->heap, (ps_model_links(m) + 1) * sizeof *links);
    s->calls = ps_heap_push(&s->heap, ((size_t)m->graph.n_nodes + 1) * sizeof *s->calls);
    s->entries = ps_heap_push(&s->heap, ((size_t)m->graph.n_nodes + (size_t)m->graph.n_values + 1) * sizeof *s->entries);
    PS_REQUIRE(tensors && links && s->calls && s->entries, POISE_NO_MEMORY, "no memory to pack a graph of %d nodes",
               m->graph.n_nodes);
    for (int32_t v = 0; v < m->graph.n_values; v++) tensors[v] = m->plan.places[v].tensor;
    ps_model_calls(m, tensors, links, s->calls);
    return POISE_OK;
}

static poise_status add_entry(section *s, int32_t at, unsigned layout, size_t bytes)
{
    s->entries[s->n_weights + s->n_constants] = (ps_file_packed_entry){(uint32_t)at, layout, s->size, bytes};
    PS_REQUIRE(bytes < SIZE_MAX / 4 && ps_size_add(&s->size, s->size, ps_round_up(bytes, PS_ALIGN)), POISE_NO_MEMORY,
               "the packed weights overflow size_t");
    return POISE_OK;
}

/* Weights in the order in which they are read, then all other constants, so that nobody needs WEIGHTS; without `needed` (per
 * value) those that are packed. */
static poise_status list_entries(const job *j, section *s, bool *needed)
{
    const poise_model *m = s->m;
    memcpy(needed, j->elsewhere, (size_t)j->g.n_values);
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_node *n = &m->graph.nodes[i];
        unsigned layout = m->packed[i] && n->op->layout ? n->op->layout(&s->calls[i]) : 0;
        if (layout) PS_TRY(add_entry(s, i, layout, n->op->packed(&s->calls[i])));
        else if (n->op->layout && n->in[1] >= 0 && n->in[1] < j->g.n_values) needed[n->in[1]] = true;
        s->n_weights += layout != 0;
    }
    for (int32_t v = 0; v < j->g.n_values; v++) {
        if (!j->g.values[v].data || !needed[v]) continue;
        PS_TRY(add_entry(s, v, 0, ps_value_bytes(&j->g.values[v])));
        s->n_constants++;
    }
    return POISE_OK;
}

static poise_status fill_section(const job *j, section *s)
{
    size_t all = (size_t)s->n_weights + s->n_constants;
    s->contents = ps_packed_contents_at(&(ps_file_packed){.n_weights = s->n_weights, .n_constants = s->n_constants});
    PS_REQUIRE(ps_size_add(&s->size, s->size, s->contents), POISE_NO_MEMORY, "the packed weights overflow size_t");
    s->bytes = ps_alloc(s->size);
    PS_REQUIRE(s->bytes, POISE_NO_MEMORY, "no memory for %zu bytes of packed weights", s->size);
    memcpy(s->bytes + sizeof(ps_file_packed), s->entries, all * sizeof *s->entries);
    for (size_t i = 0; i < all; i++) {
        const ps_file_packed_entry *e = &s->entries[i];
        const void *from = i < s->n_weights ? s->m->packed[e->at] : j->g.values[e->at].data;
        if (e->size) memcpy(s->bytes + s->contents + e->offset, from, (size_t)e->size);
    }
    return POISE_OK;
}

static poise_status pack_target(const job *j, section *s, const void *bytes, size_t size, const ps_kernels *k)
{
    poise_options one = {.threads = 1};
    PS_TRY(ps_model_open_packing(bytes, size, &one, k, &s->m));
    PS_TRY(make_calls(s));
    bool *needed = ps_heap_push(&s->heap, (size_t)j->g.n_values + 1);
    PS_REQUIRE(needed, POISE_NO_MEMORY, "no memory to pack %d values", j->g.n_values);
    PS_TRY(list_entries(j, s, needed));
    PS_TRY(fill_section(j, s));
    *(ps_file_packed *)(void *)s->bytes = (ps_file_packed){
        .version = PS_PACKED_VERSION,
        .narrowed = s->m->narrowed,
        .fast = k->fast,
        .n_weights = s->n_weights,
        .n_constants = s->n_constants,
        .contents = ps_format_checksum(s->bytes + s->contents, s->size - s->contents, NULL),
    };
    memcpy(((ps_file_packed *)(void *)s->bytes)->target, s->target, sizeof s->target);
    poise_model_close(s->m);
    s->m = NULL;
    return POISE_OK;
}

/* Kernels of a name: of "host", those that this machine would run, and the name that it has as a target. */
static poise_status kernels_of(char target[PS_PACKED_TARGET], const char *name, size_t n, ps_kernels *k)
{
    const ps_target *t;
    char names[PS_TARGETS_TEXT];
    memset(target, 0, PS_PACKED_TARGET);
    memcpy(target, name, n < PS_PACKED_TARGET ? n : PS_PACKED_TARGET - 1);
    if (!strcmp(target, "host")) {
        const char *known;
        const char *isa = getenv("POISE_ISA");
        unsigned flags = ps_cpu_flags();
        PS_REQUIRE(ps_kernels_cap(isa, &flags, &known), POISE_BAD_ARGUMENT, "unknown ISA '%s': this build has %s", isa, known);
        ps_kernels_select(k, flags);
        t = ps_target_here(flags);
        memset(target, 0, PS_PACKED_TARGET);
        snprintf(target, PS_PACKED_TARGET, "%s", t ? t->name : k->name);
        return POISE_OK;
    }
    t = n < PS_PACKED_TARGET ? ps_target_find(target) : NULL;
    PS_REQUIRE(t, POISE_BAD_ARGUMENT, "'%s' is not a target: host %s", target, ps_target_names(names));
    ps_target_kernels(t, k);
    return POISE_OK;
}

/* The name at *at, which moves to the next or becomes NULL. */
static poise_status next_target(const char **at, char target[PS_PACKED_TARGET], ps_kernels *k)
{
    size_t n = strcspn(*at, ",");
    PS_TRY(kernels_of(target, *at, n, k));
    *at = (*at)[n] ? *at + n + 1 : NULL;
    return POISE_OK;
}

poise_status ps_packed_check_targets(const char *targets)
{
    char name[PS_PACKED_TARGET];
    ps_kernels k;
    int n = 0;
    for (const char *at = targets; at; n++) PS_TRY(next_target(&at, name, &k));
    PS_REQUIRE(n <= MOST_TARGETS, POISE_BAD_ARGUMENT, "%d targets, at most %d are possible", n, MOST_TARGETS);
    return POISE_OK;
}

/* Drops the newest section where one for other names has the same bytes: kernels of several processors have the same tiles. */
static void drop_twin(job *j)
{
    const size_t head = sizeof(ps_file_packed);
    section *s = &j->s[j->n - 1];
    for (section *t = j->s; t < s; t++) {
        ps_file_packed *h = (ps_file_packed *)(void *)t->bytes;
        const ps_file_packed *other = (const ps_file_packed *)(const void *)s->bytes;
        bool same = t->size == s->size && h->narrowed == other->narrowed && h->n_weights == other->n_weights;
        if (!same || memcmp(t->bytes + head, s->bytes + head, s->size - head)) continue;
        size_t n = strlen(h->target);
        if (n + 1 + strlen(s->target) < PS_PACKED_TARGET) snprintf(h->target + n, PS_PACKED_TARGET - n, ",%s", s->target);
        ps_free(s->bytes);
        ps_heap_free(&s->heap);
        *s = (section){0};
        j->n--;
        return;
    }
}

static poise_status pack_all(job *j, const void *bytes, size_t size, const char *targets)
{
    PS_TRY(ps_packed_check_targets(targets));
    for (const char *at = targets; at;) {
        ps_kernels k;
        section *s = &j->s[j->n++];
        PS_TRY(next_target(&at, s->target, &k));
        PS_TRY(pack_target(j, s, bytes, size, &k));
        drop_twin(j);
    }
    return POISE_OK;
}

/* ---- the file ---- */

static void find_parts(job *j, const uint8_t *bytes)
{
    memcpy(&j->h, bytes, sizeof j->h);
    for (int k = 0; k < PS_FORMAT_PARTS; k++) j->part[k] = (ps_format_part){bytes, 0};
    for (uint32_t i = 0; i < j->h.n_sections; i++) {
        ps_file_section s;
        memcpy(&s, bytes + sizeof j->h + i * sizeof s, sizeof s);
        if (s.kind >= 1 && s.kind < PS_FORMAT_PARTS) j->part[s.kind] = (ps_format_part){bytes + s.offset, (size_t)s.size};
    }
    if (j->only) j->part[PS_SECTION_WEIGHTS].size = 0;
}

static void put_section(uint8_t *file, uint32_t i, uint32_t kind, size_t *at, const void *bytes, size_t size)
{
    const ps_file_section s = {.kind = kind, .offset = *at, .size = size};
    memcpy(file + sizeof(ps_file_header) + i * sizeof s, &s, sizeof s);
    memcpy(file + *at, bytes, size);
    *at = ps_round_up(*at + size, PS_ALIGN);
}

static void drop_constants(uint8_t *values, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(ps_file_value)) {
        ps_file_value f;
        memcpy(&f, values + at, sizeof f);
        if (f.constant) f.constant = PS_CONSTANT_PACKED, f.offset = PS_NOWHERE;
        memcpy(values + at, &f, sizeof f);
    }
}

/* Heads are finished here: they know the network that is in the file. */
static void finish_head(const job *j, section *s, const ps_format_part part[PS_FORMAT_PARTS])
{
    ps_file_packed *head = (ps_file_packed *)(void *)s->bytes;
    head->network = ps_format_network(&j->h, part);
    head->weights = ps_format_checksum(part[PS_SECTION_WEIGHTS].bytes, part[PS_SECTION_WEIGHTS].size, NULL);
    head->checksum = ps_packed_head_checksum(s->bytes);
}

static poise_status write_file(job *j, void **out, size_t *out_size)
{
    ps_format_part part[PS_FORMAT_PARTS] = {{0}};
    uint32_t sections = PS_SECTION_WEIGHTS + (uint32_t)j->n;
    size_t begin = ps_round_up(sizeof j->h + sections * sizeof(ps_file_section), PS_ALIGN), size = begin, at = begin;
    for (int k = 1; k < PS_FORMAT_PARTS; k++) size = ps_round_up(size + j->part[k].size, PS_ALIGN);
    for (int i = 0; i < j->n; i++)
        PS_REQUIRE(ps_size_add(&size, size, ps_round_up(j->s[i].size, PS_ALIGN)), POISE_NO_MEMORY, "the file overflows size_t");
    uint8_t *file = ps_alloc(size);
    PS_REQUIRE(file, POISE_NO_MEMORY, "no memory for a model file of %zu bytes", size);
    for (uint32_t k = 1; k < PS_FORMAT_PARTS; k++) {
        part[k] = (ps_format_part){file + at, j->part[k].size};
        put_section(file, k - 1, k, &at, j->part[k].bytes, j->part[k].size);
    }
    if (j->only) drop_constants(file + (part[PS_SECTION_VALUES].bytes - file), part[PS_SECTION_VALUES].size);
    for (int i = 0; i < j->n; i++) {
        finish_head(j, &j->s[i], part);
        put_section(file, PS_SECTION_WEIGHTS + (uint32_t)i, PS_SECTION_PACKED, &at, j->s[i].bytes, j->s[i].size);
        ps_free(j->s[i].bytes);
        j->s[i].bytes = NULL;
    }
    j->h.n_sections = sections;
    j->h.file_size = size;
    j->h.checksum = ps_format_checksum(file + sizeof j->h, size - sizeof j->h, NULL);
    memcpy(file, &j->h, sizeof j->h);
    *out = file;
    *out_size = size;
    return POISE_OK;
}

static poise_status run(job *j, const void *bytes, size_t size, const char *targets, void **out, size_t *out_size)
{
    PS_TRY(ps_format_read(&j->g, bytes, size));
    j->elsewhere = ps_alloc((size_t)j->g.n_values + 1);
    PS_REQUIRE(j->elsewhere, POISE_NO_MEMORY, "no memory to pack %d values", j->g.n_values);
    find_elsewhere(j);
    PS_TRY(pack_all(j, bytes, size, targets));
    find_parts(j, bytes);
    return write_file(j, out, out_size);
}

poise_status poise_pack(const void *bytes, size_t size, const char *targets, int only, void **out, size_t *out_size)
{
    PS_REQUIRE(bytes && targets && out && out_size, POISE_BAD_ARGUMENT, "poise_pack: a pointer is NULL");
    *out = NULL;
    *out_size = 0;
    job *j = ps_alloc(sizeof *j);
    PS_REQUIRE(j, POISE_NO_MEMORY, "no memory to pack weights");
    j->only = only != 0;
    poise_status s = run(j, bytes, size, targets, out, out_size);
    for (int i = 0; i < j->n; i++) {
        poise_model_close(j->s[i].m);
        ps_free(j->s[i].bytes);
        ps_heap_free(&j->s[i].heap);
    }
    ps_graph_free(&j->g);
    ps_free(j->elsewhere);
    ps_free(j);
    return s;
}
