/* tests/test_packed_damage.c - files with packed weights that are cut, damaged, or made by somebody hostile. */
#include "tests/packed_net.h"

#include "nn/layout.h"
#include "tests/packed_fix.h"

#include <string.h>

static ps_file_section section_of(const pn_file *b, uint32_t kind)
{
    ps_file_header h;
    memcpy(&h, b->at, sizeof h);
    for (uint32_t i = 0; i < h.n_sections; i++) {
        ps_file_section s;
        memcpy(&s, b->at + sizeof h + i * sizeof s, sizeof s);
        if (s.kind == kind) return s;
    }
    fail_msg("no section %u", kind);
    return (ps_file_section){0};
}

static ps_file_packed *head_of(pn_file *b)
{
    return (ps_file_packed *)(void *)(b->at + section_of(b, PS_SECTION_PACKED).offset);
}

static ps_file_packed_entry *entries_of(pn_file *b)
{
    return (ps_file_packed_entry *)(void *)(head_of(b) + 1);
}

static void opens_not(const pn_file *b, poise_status want, const char *text)
{
    poise_model *m;
    assert_int_equal(poise_model_open_memory(b->at, b->size, NULL, &m), want);
    assert_null(m);
    if (!strstr(poise_error_text(), text)) fail_msg("'%s' does not say '%s'", poise_error_text(), text);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    pn_file plain = pn_int8_net(), packed = pn_pack(&plain, "host", false);
    poise_model *m;
    for (size_t n = 0; n < packed.size; n += n < 2048 ? 37 : 991) {
        pn_file cut = {ps_alloc(n), n};
        memcpy(cut.at, packed.at, n);
        assert_int_equal(poise_model_open_memory(cut.at, n, NULL, &m), POISE_BAD_MODEL);
        if (n > sizeof(ps_file_header)) { /* even one that says that it is all there */
            packed_fix(cut.at, n);
            assert_int_equal(poise_model_open_memory(cut.at, n, NULL, &m), POISE_BAD_MODEL);
        }
        pn_drop(&cut);
    }
    pn_drop(&plain), pn_drop(&packed);
}

/* A changed byte behind the header is found, or it is one that nobody reads: of neutral weights, or between sections. */
static void damage_is_found(void **state)
{
    (void)state;
    static pn_result want, got;
    pn_file plain = pn_int8_net(), packed = pn_pack(&plain, "host", false);
    ps_file_section s = section_of(&packed, PS_SECTION_PACKED);
    poise_model *m;
    int refused = 0, unread = 0;
    pn_run(&plain, POISE_RECORDED, &want);
    for (size_t i = sizeof(ps_file_header); i < packed.size; i += i < 4096 || (i >= s.offset && i < s.offset + 1024) ? 1 : 61) {
        packed.at[i] ^= 0x10;
        poise_status status = poise_model_open_memory(packed.at, packed.size, &(poise_options){.threads = 1}, &m);
        if (status == POISE_OK) {
            assert_true(i < s.offset || i >= s.offset + s.size);
            pn_run_opened(m, &got);
            pn_same(&want, &got);
            unread++;
        }
        poise_model_close(m);
        refused += status != POISE_OK;
        packed.at[i] ^= 0x10;
    }
    assert_true(refused > 1000 && unread > 10);
    pn_drop(&plain), pn_drop(&packed);
}

/* With right checksums: what cannot be is refused, what is for others is left alone. */
static void tables_are_checked(void **state)
{
    (void)state;
    static pn_result want, got;
    pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", false);
    pn_run(&plain, POISE_RECORDED, &want);
    enum { CASES = 13 };
    for (int i = 0; i < CASES; i++) {
        pn_file b = pn_copy_of(&packed);
        ps_file_packed *h = head_of(&b);
        ps_file_packed_entry *e = entries_of(&b), *constant = e + h->n_weights;
        const char *refused = NULL, *why = NULL;
        int less = 0;
        switch (i) {
        case 0: e[0].offset = section_of(&b, PS_SECTION_PACKED).size, refused = "outside"; break;
        case 1: e[0].offset += 1, refused = "outside"; break;
        case 2: e[1].size = UINT64_MAX - 63, refused = "outside"; break;
        case 3: e[1].at = e[0].at, refused = "not in order"; break;
        case 4: constant[0].offset = UINT64_MAX - 63, refused = "outside"; break;
        case 5: constant[1].at = 0, refused = "not in order"; break;
        case 6: e[0].size -= 64, less = 1; break; /* packed here instead */
        case 7: e[h->n_weights - 1].at = UINT32_MAX, less = 1; break;
        case 8: e[0].layout ^= PS_LAYOUT_U8, why = "not used"; break;
        case 9: e[0].layout = UINT32_MAX, why = "not used"; break;
        case 10: h->version++, why = "another version"; break;
        case 11: memset(h->target, 'x', sizeof h->target), why = "another version"; break;
        case 12: h->narrowed = 7, less = -1; break;
        }
        packed_fix(b.at, b.size);
        if (refused) {
            opens_not(&b, POISE_BAD_MODEL, refused);
        } else {
            poise_model *m = pn_opened(&b, POISE_RECORDED);
            if (why && !strstr(m->ready.why, why)) fail_msg("'%s' does not say '%s'", m->ready.why, why);
            assert_int_equal(m->n_ready, why || less < 0 ? 0 : m->n_packed - less);
            pn_run_opened(m, &got);
            pn_same(&want, &got);
            poise_model_close(m);
        }
        pn_drop(&b);
    }
    pn_drop(&plain), pn_drop(&packed);
}

/* Counts that lie, in a section whose checksum cannot be right then. */
static void counts_are_checked(void **state)
{
    (void)state;
    static pn_result want, got;
    pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", false);
    pn_run(&plain, POISE_RECORDED, &want);
    for (int i = 0; i < 3; i++) {
        pn_file b = pn_copy_of(&packed);
        ps_file_packed *h = head_of(&b);
        if (i == 0) h->n_weights = UINT32_MAX;
        if (i == 1) h->n_constants = UINT32_MAX;
        if (i == 2) h->n_weights++;
        ps_file_header file;
        memcpy(&file, b.at, sizeof file);
        file.checksum = ps_format_checksum(b.at + sizeof file, b.size - sizeof file, NULL);
        memcpy(b.at, &file, sizeof file);
        poise_model *m = pn_opened(&b, POISE_RECORDED);
        assert_non_null(strstr(m->ready.why, "damaged"));
        pn_run_opened(m, &got);
        pn_same(&want, &got);
        poise_model_close(m);
        pn_drop(&b);
    }
    pn_drop(&plain), pn_drop(&packed);
}

/* Of weights that are not all there packed, the others are checked before they are packed. */
static void neutral_weights_are_checked_when_read(void **state)
{
    (void)state;
    pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", false);
    entries_of(&packed)[0].size -= 64;
    packed_fix(packed.at, packed.size);
    poise_model_close(pn_opened(&packed, POISE_RECORDED));
    packed.at[section_of(&packed, PS_SECTION_WEIGHTS).offset + 5] ^= 1;
    opens_not(&packed, POISE_BAD_MODEL, "damaged");
    pn_drop(&plain), pn_drop(&packed);
}

/* A section that was packed from another network, with the same layouts. */
static void other_networks_are_told_apart(void **state)
{
    (void)state;
    static pn_result want, got;
    pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", false);
    pn_run(&plain, POISE_RECORDED, &want);
    head_of(&packed)->network ^= 1;
    head_of(&packed)->checksum = ps_packed_head_checksum(head_of(&packed));
    opens_not(&packed, POISE_BAD_MODEL, "damaged");
    ps_file_header *h = (ps_file_header *)(void *)packed.at;
    h->checksum = ps_format_checksum(packed.at + sizeof *h, packed.size - sizeof *h, NULL);
    poise_model *m = pn_opened(&packed, POISE_RECORDED);
    assert_non_null(strstr(m->ready.why, "another network"));
    pn_run_opened(m, &got);
    pn_same(&want, &got);
    poise_model_close(m);
    pn_drop(&plain), pn_drop(&packed);
}

/* Constants that are only packed are nowhere read as numbers. */
static void packed_constants_are_not_read(void **state)
{
    (void)state;
    pn_file plain = pn_float_net(), only = pn_pack(&plain, "host", true);
    ps_graph g = {0};
    assert_int_equal(ps_format_read(&g, only.at, only.size), POISE_UNSUPPORTED);
    ps_graph_free(&g);
    pn_file b = pn_copy_of(&only);
    ps_file_node *node = (ps_file_node *)(void *)(b.at + section_of(&b, PS_SECTION_NODES).offset);
    int32_t *list = (int32_t *)(void *)(b.at + section_of(&b, PS_SECTION_LISTS).offset);
    int32_t w = list[node->in + 1], x = list[node->in], bias = list[node->in + 2];
    list[node->in] = w; /* as the image */
    packed_fix(b.at, b.size);
    opens_not(&b, POISE_BAD_MODEL, "only packed");
    list[node->in] = x, list[node->in + 2] = w; /* as the bias */
    packed_fix(b.at, b.size);
    opens_not(&b, POISE_BAD_MODEL, "only packed");
    list[node->in + 2] = bias;
    ps_file_header *h = (ps_file_header *)(void *)b.at;
    list[h->outputs] = w; /* as an output */
    packed_fix(b.at, b.size);
    opens_not(&b, POISE_BAD_MODEL, "only packed");
    pn_drop(&b);
    b = pn_copy_of(&only); /* and a bias that is nowhere */
    head_of(&b)->n_constants--;
    packed_fix(b.at, b.size);
    opens_not(&b, POISE_BAD_MODEL, "packed");
    pn_drop(&b);
    b = pn_copy_of(&only); /* and weights that are not there as they should be */
    entries_of(&b)[1].size -= 64;
    packed_fix(b.at, b.size);
    opens_not(&b, POISE_UNSUPPORTED, "only");
    pn_drop(&b), pn_drop(&plain), pn_drop(&only);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(counts_are_checked),
        cmocka_unit_test(neutral_weights_are_checked_when_read),
        cmocka_unit_test(other_networks_are_told_apart),
        cmocka_unit_test(packed_constants_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
