/* tests/test_packed.c - weights that a file has packed: the same bits with and without them, no second copy in memory, files
 * for other machines and other precisions. */
#include "tests/packed_net.h"

#include "nn/half.h"
#include "ops/targets.h"
#include "runtime/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each network, in each precision, on the kernels of each ISA, with the neutral weights beside and without. */
static void bits_are_the_same(void **state)
{
    (void)state;
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        if ((isa->need & ps_cpu_flags()) != isa->need) continue;
        setenv("POISE_ISA", isa->name, 1);
        for (int i = 0; i < PN_NETS; i++)
            for (poise_precision p = POISE_EXACT; p <= POISE_FAST; p++) {
                static pn_result want, got;
                pn_file plain = pn_net_of(i);
                pn_write_precision(&plain, p);
                pn_run(&plain, POISE_RECORDED, &want);
                for (int only = 0; only < 2; only++) {
                    pn_file packed = pn_pack(&plain, "host", only);
                    poise_model *m = pn_opened(&packed, POISE_RECORDED);
                    pn_all_ready(m, packed.at, packed.size);
                    pn_run_opened(m, &got);
                    pn_same(&want, &got);
                    poise_model_close(m);
                    pn_drop(&packed);
                }
                pn_drop(&plain);
            }
    }
    unsetenv("POISE_ISA");
}

static const char *write_file(const pn_file *b)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/poise-test-packed-%d.poise", (int)getpid());
    OK(ps_file_write(path, b->at, b->size));
    return path;
}

/* 4 MB of weights: what is not in the file's own pages is the tables. */
static void memory_holds_no_copy(void **state)
{
    (void)state;
    ps_graph g = {0};
    gb_seed(13);
    gb_output(&g, gb_matmul(&g, gb_matmul(&g, gb_input(&g, GB_DIMS(1, 1, 768)), 1024), 256));
    pn_file plain = pn_file_of(&g), packed = pn_pack(&plain, "host", false);
    const char *path = write_file(&packed);
    poise_model *m;
    poise_memory need;
    OK(poise_model_open(path, &(poise_options){.threads = 1}, &m));
    pn_all_ready(m, m->file.bytes, m->file.size);
    assert_int_equal(m->packed_bytes, 0);
    assert_true(m->constant_bytes == 0);
    poise_model_memory(m, &need);
    assert_true(need.weights >= (size_t)4 * (768 * 1024 + 1024 * 256));
    assert_int_equal(need.weights, m->ready_bytes);
    poise_model_close(m);
    OK(poise_model_open(path, &(poise_options){.threads = 1, .isa = "c", .precision = POISE_EXACT}, &m));
    poise_model_close(m);
    unlink(path);
    /* bytes of the model's own stay where they are */
    OK(ps_model_adopt(packed.at, packed.size, NULL, &(poise_options){.threads = 1}, &m));
    pn_all_ready(m, packed.at, packed.size);
    poise_model_close(m);
    pn_drop(&plain);
}

/* A file of its own pages runs as one in memory does. */
static void mapped_files_run(void **state)
{
    (void)state;
    static pn_result want, got;
    for (int i = 0; i < 2; i++)
        for (int only = 0; only < 2; only++) {
            pn_file plain = pn_net_of(i), packed = pn_pack(&plain, "host", only);
            const char *path = write_file(&packed);
            poise_model *m;
            pn_run(&plain, POISE_RECORDED, &want);
            OK(poise_model_open(path, &(poise_options){.threads = 1}, &m));
            unlink(path);
            pn_all_ready(m, m->file.bytes, m->file.size);
            pn_run_opened(m, &got);
            pn_same(&want, &got);
            poise_model_close(m);
            pn_drop(&plain);
            pn_drop(&packed);
        }
}

/* A name of an architecture whose panels are not those of this machine. */
static const char *elsewhere(void)
{
    ps_kernels here, there;
    ps_kernels_select(&here, ps_cpu_flags());
    for (const ps_target *t = ps_targets; t->name; t++) {
        ps_target_kernels(t, &there);
        if (there.gemm_f32_tile.nr != here.gemm_f32_tile.nr && there.gemm_u8_tile.nr != here.gemm_u8_tile.nr) return t->name;
    }
    return NULL;
}

static void other_targets_are_left_alone(void **state)
{
    (void)state;
    static pn_result want, got;
    const char *name = elsewhere();
    assert_non_null(name);
    for (int i = 0; i < 2; i++) {
        pn_file plain = pn_net_of(i), packed = pn_pack(&plain, name, false), only = pn_pack(&plain, name, true);
        pn_run(&plain, POISE_RECORDED, &want);
        poise_model *m = pn_opened(&packed, POISE_RECORDED);
        assert_int_equal(m->n_ready, 0);
        assert_null(m->ready.head);
        assert_non_null(strstr(m->ready.why, name));
        assert_non_null(strstr(m->ready.why, "not used"));
        pn_run_opened(m, &got);
        pn_same(&want, &got);
        poise_model_close(m);
        assert_int_equal(poise_model_open_memory(only.at, only.size, NULL, &m), POISE_UNSUPPORTED);
        assert_non_null(strstr(poise_error_text(), name));
        assert_null(strchr(poise_error_text(), '\n'));
        char both[80];
        snprintf(both, sizeof both, "%s,host", name);
        pn_file two = pn_pack(&plain, both, true);
        pn_run(&two, POISE_RECORDED, &got); /* the one that fits is found behind the other */
        pn_same(&want, &got);
        pn_drop(&plain), pn_drop(&packed), pn_drop(&only), pn_drop(&two);
    }
}

/* What was packed for one precision is not taken for another. */
static void other_precisions_pack_their_own(void **state)
{
    (void)state;
    static pn_result want, got;
    pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", false), only = pn_pack(&plain, "host", true);
    ps_kernels k;
    ps_kernels_select(&k, ps_cpu_flags());
    for (poise_precision p = POISE_EXACT; p <= POISE_FAST; p++) {
        pn_run(&plain, p, &want);
        pn_run(&packed, p, &got);
        pn_same(&want, &got);
    }
    poise_model *m;
    poise_status s = poise_model_open_memory(only.at, only.size, &(poise_options){.threads = 1, .precision = POISE_FAST}, &m);
    assert_int_equal(s, ps_half_type(&k) ? POISE_UNSUPPORTED : POISE_OK);
    poise_model_close(m);
    pn_drop(&plain), pn_drop(&packed), pn_drop(&only);
}

/* Of a file that has nothing but packed weights, nodes are computed only in ways that these are for. */
static void ways_without_weights_are_not_offered(void **state)
{
    (void)state;
    for (int only = 0; only < 2; only++) {
        pn_file plain = pn_float_net(), packed = pn_pack(&plain, "host", only);
        poise_model *m = pn_opened(&packed, POISE_EXACT);
        ps_choice choice;
        int weaker = 0;
        ps_call *calls = ps_alloc_array((size_t)m->graph.n_nodes + 1, sizeof *calls);
        poise_tensor *tensors = ps_alloc_array((size_t)m->graph.n_values + 1, sizeof *tensors);
        const poise_tensor **links = ps_alloc_array(ps_model_links(m) + 1, sizeof *links);
        for (int32_t v = 0; v < m->graph.n_values; v++) tensors[v] = m->plan.places[v].tensor;
        ps_model_calls(m, tensors, links, calls);
        for (int32_t i = 0; i < m->graph.n_nodes; i++)
            for (int k = 0; ps_choice_at(m, &m->graph.nodes[i], &calls[i], k, &choice); k++)
                weaker += choice.weaker && m->weaker.gemm_f32_tile.nr != m->kernels.gemm_f32_tile.nr;
        if (only) assert_in_range(weaker, 0, 2); /* depthwise weights are for all */
        ps_free(calls);
        ps_free(tensors);
        ps_free(links);
        poise_model_close(m);
        pn_drop(&plain), pn_drop(&packed);
    }
}

/* Names, and what poise_pack refuses. */
static void arguments_are_checked(void **state)
{
    (void)state;
    pn_file plain = pn_float_net(), only = pn_pack(&plain, "host", true);
    void *out;
    size_t size;
    static const char *const bad[] = {"",      "cortex-z80", "host,",
                                      ",host", "host,,host", "a-name-that-is-much-too-long-for-a-target"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(poise_pack(plain.at, plain.size, bad[i], false, &out, &size), POISE_BAD_ARGUMENT);
        assert_null(out);
    }
    assert_int_equal(poise_pack(plain.at, plain.size, "cortex-z80", false, &out, &size), POISE_BAD_ARGUMENT);
    assert_non_null(strstr(poise_error_text(), "cortex-a53"));
    assert_int_equal(poise_pack(only.at, only.size, "host", false, &out, &size), POISE_UNSUPPORTED);
    assert_non_null(strstr(poise_error_text(), "only"));
    pn_file one = pn_pack(&plain, "arm", false), two = pn_pack(&plain, "cortex-a9,arm", false);
    assert_int_equal(one.size, two.size); /* what is the same for both is there once */
    pn_drop(&one), pn_drop(&two);
    pn_file packed = pn_pack(&plain, "host", false), again = pn_pack(&packed, "host", false);
    assert_int_equal(again.size, packed.size); /* what was there is replaced */
    assert_memory_equal(again.at, packed.at, packed.size);
    pn_drop(&plain), pn_drop(&only), pn_drop(&packed), pn_drop(&again);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    pn_file plain = pn_int8_net();
    for (long k = 0;; k++) {
        void *out;
        size_t size;
        poise_model *m = NULL;
        ps_alloc_limit(k);
        poise_status s = poise_pack(plain.at, plain.size, "host", true, &out, &size);
        if (s == POISE_OK) s = poise_model_open_memory(out, size, NULL, &m);
        ps_alloc_limit(-1);
        poise_model_close(m);
        ps_free(out);
        if (s == POISE_OK) break;
        assert_int_equal(s, POISE_NO_MEMORY);
    }
    pn_drop(&plain);
}

/* ---- what layouts stand for ---- */

/* Files hold these bytes.  A change of how weights are packed changes the numbers: raise PS_PACKED_VERSION then, so that files
 * that were packed before are told apart, and set the numbers anew.  Tiles are made up; they are not those of one machine. */
static uint64_t packed_sum(int net, poise_precision p, const ps_kernels *k)
{
    poise_model *m;
    pn_file plain = pn_net_of(net);
    OK(ps_model_open_packing(plain.at, plain.size, &(poise_options){.threads = 1, .precision = p}, k, &m));
    uint64_t sum = ps_format_checksum(m->weights, m->packed_bytes, NULL);
    poise_model_close(m);
    pn_drop(&plain);
    return sum;
}

static void layouts_stay_what_they_are(void **state)
{
    (void)state;
    enum { TABLES = 2 };
    static const uint64_t want[TABLES][PN_NETS][3] = {
        {{0x26d927894e67fdb0, 0xd18ddf56afd1f670, 0x3171f9a12638bcf4},
         {0x4df2575810e5e1a6, 0x4df2575810e5e1a6, 0x4df2575810e5e1a6}, /* codes know no precision */
         {0xe71f0d28076ef634, 0xc4b4539711050bdd, 0x1b828fa1916e461c},
         {0x2892f0cf685765ab, 0x329635fa4f62e8ae, 0xaab38fb2441ff0c2}},
        {{0x8affc78ce16d0b40, 0x8affc78ce16d0b40, 0x5c3a27541c4aead3},
         {0x1d5ce32ae4d603c0, 0x1d5ce32ae4d603c0, 0x1d5ce32ae4d603c0},
         {0xe2d1685016f265ac, 0xe2d1685016f265ac, 0x2cc75936b20d60f8},
         {0x1403e0204e8cfbd2, 0x1403e0204e8cfbd2, 0xc3cf406816ca928d}}};
    int changed = 0;
    ps_kernels k[TABLES];
    for (int t = 0; t < TABLES; t++) ps_kernels_select(&k[t], 0);
    k[0].gemm_f32_tile.nr = 12, k[0].gemm_bf16_tile = (ps_tile){8, 16, 2}, k[0].gemm_u8_tile.nr = 32;
    k[1].gemm_f32_tile.nr = 16, k[1].gemm_bf16_tile = (ps_tile){8, 8, 4}, k[1].gemm_u8_tile.nr = 16;
    k[0].fast = PS_FAST_BF16 | PS_FAST_BF16X3;
    k[1].fast = PS_FAST_BF16 | PS_FAST_EIGHTS;
    assert_int_equal(PS_PACKED_VERSION, 2);
    for (int i = 0; i < TABLES * PN_NETS * 3; i++) {
        int table = i / 3 / PN_NETS, net = i / 3 % PN_NETS;
        uint64_t have = packed_sum(net, POISE_EXACT + i % 3, &k[table]);
        if (have == want[table][net][i % 3]) continue;
        print_message("table %d, network %d, %s: %#llx\n", table, net, poise_precision_name(POISE_EXACT + i % 3),
                      (unsigned long long)have);
        changed++;
    }
    assert_int_equal(changed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_the_same),
        cmocka_unit_test(memory_holds_no_copy),
        cmocka_unit_test(mapped_files_run),
        cmocka_unit_test(other_targets_are_left_alone),
        cmocka_unit_test(other_precisions_pack_their_own),
        cmocka_unit_test(ways_without_weights_are_not_offered),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(failed_allocations_are_reported),
        cmocka_unit_test(layouts_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
