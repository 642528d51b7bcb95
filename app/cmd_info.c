/* app/cmd_info.c - poise info: what a model is, as text or JSON. */
#include "app/account.h"
#include "app/cli.h"
#include "app/json.h"
#include "app/svg.h"
#include "nn/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_weight(const ps_value *v)
{
    poise_type t = v->type;
    return v->data && (t == POISE_F32 || t == POISE_F16 || t == POISE_BF16 || t == POISE_I8);
}

/* Elements of the weights that a node reads. */
static uint64_t node_params(const ps_graph *g, int32_t node)
{
    const ps_node *n = &g->nodes[node];
    uint64_t sum = 0;
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i] >= 0 && is_weight(&g->values[n->in[i]]))
            sum += ps_value_count(&g->values[n->in[i]]);
    return sum;
}

static uint64_t total_params(const ps_graph *g)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < g->n_values; i++)
        if (is_weight(&g->values[i])) sum += ps_value_count(&g->values[i]);
    return sum;
}

static uint64_t total_macs(const ps_graph *g)
{
    uint64_t sum = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) sum += ps_node_macs(g, &g->nodes[i]);
    return sum;
}

static int count_op(const ps_graph *g, const ps_op *op)
{
    int n = 0;
    for (int32_t i = 0; i < g->n_nodes; i++) n += g->nodes[i].op == op;
    return n;
}

/* 4374000000 -> "4.37G" */
static const char *scaled(uint64_t v, char buf[32])
{
    if (v >= 1000000000) snprintf(buf, 32, "%.2fG", (double)v * 1e-9);
    else if (v >= 1000000) snprintf(buf, 32, "%.2fM", (double)v * 1e-6);
    else if (v >= 10000) snprintf(buf, 32, "%.1fk", (double)v * 1e-3);
    else snprintf(buf, 32, "%" PRIu64, v);
    return buf;
}

static double ratio(const poise_memory *m)
{
    return m->lower_bound ? (double)m->arena / (double)m->lower_bound : 1;
}

/* "f32", or "u8 0.0235 @128": what a code stands for, and the code of zero. */
enum { TYPE_TEXT = 40 };
static const char *type_text(const ps_value *v, char buf[TYPE_TEXT])
{
    if (!ps_value_is_quantised(v)) return poise_type_name(v->type);
    snprintf(buf, TYPE_TEXT, "%s %.4g @%d", poise_type_name(v->type), (double)v->scale, (int)v->zero);
    return buf;
}

/* Walks the float nodes of a quantised network, -1 to begin with: the next one, or -1. */
static int32_t next_island(const ps_graph *g, int32_t i)
{
    for (i++; i < g->n_nodes; i++)
        if (ps_node_is_float_island(g, &g->nodes[i])) return i;
    return -1;
}

/* ---- text ------------------------------------------------------------------------------------------ */

static void text_tensors(const char *title, const ps_graph *g, const int32_t *list, int32_t n)
{
    char dims[PS_SHAPE_TEXT], type[TYPE_TEXT];
    printf("%s\n", title);
    for (int32_t i = 0; i < n; i++) {
        const ps_value *v = &g->values[list[i]];
        printf("  %-24s %-20s %s\n", v->name, ps_shape_text(v->rank, v->dim, dims), type_text(v, type));
    }
}

/* How much of a quantised network is bytes, and what is not. */
static void text_int8(const ps_graph *g)
{
    enum { SHOWN = 12 };
    uint64_t bytes = ps_graph_int8_macs(g), all = total_macs(g);
    char a[32], b[32];
    int n = 0;
    if (!bytes) return;
    printf("int8: %s of %s MACs (%.4g %%); float: ", scaled(bytes, a), scaled(all, b), 100.0 * (double)bytes / (double)all);
    for (int32_t i = next_island(g, -1); i >= 0; i = next_island(g, i), n++)
        if (n < SHOWN) printf("%s%s (%s)", n ? ", " : "", g->nodes[i].name, g->nodes[i].op->name);
    if (n > SHOWN) printf(" and %d more", n - SHOWN);
    puts(n ? "" : "nothing");
}

/* One printable line of at most 100 bytes. */
static void text_meta(const ps_meta *m)
{
    enum { LINE = 100 };
    printf("  %-16s ", m->key);
    size_t n = strlen(m->value), shown = n > LINE ? LINE : n;
    while (shown < n && shown && (m->value[shown] & 0xc0) == 0x80) shown--; /* not inside a UTF-8 sequence */
    for (size_t i = 0; i < shown; i++) putchar((unsigned char)m->value[i] < 32 ? ' ' : m->value[i]);
    if (shown < n) printf("... (%zu bytes)", n);
    putchar('\n');
}

static void text_nodes(const poise_model *m)
{
    const ps_graph *g = &m->graph;
    int wide = ps_graph_int8_macs(g) ? 16 : 4;
    printf("nodes\n     # operator          output               %-*s      MACs    params  what\n", wide, "type");
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        char dims[PS_SHAPE_TEXT], macs[32], params[32], what[160] = "", way[PS_CHOICE_TEXT] = "", type[TYPE_TEXT];
        const ps_value *v = NULL;
        for (int32_t k = 0; k < n->n_out && !v; k++)
            if (n->out[k] >= 0) v = &g->values[n->out[k]];
        if (n->op->describe) n->op->describe(n->params, what, sizeof what);
        uint64_t mac = ps_node_macs(g, n), par = node_params(g, i);
        if (!ps_choice_is_rule(&m->choices[i])) ps_choice_text(m, &m->choices[i], way);
        printf("  %4d %-17s %-20s %-*s %9s %9s  %s%s%s%s%s%s%s\n", i, n->op->name,
               v ? ps_shape_text(v->rank, v->dim, dims) : "", wide, v ? type_text(v, type) : "",
               mac ? scaled(mac, macs) : "-", par ? scaled(par, params) : "-", what, *what ? "  " : "",
               m->plan.skip[i] ? "(view) " : "", *way ? "(" : "", way, *way ? ") " : "", n->name);
    }
}

static void text_memory(const ps_args *a, const poise_model *m)
{
    ps_account all;
    const poise_memory *p = &all.plan;
    char x[PS_BYTES_TEXT], y[PS_BYTES_TEXT];
    ps_account_of(a, m, &all);
    printf("memory (%d thread%s, %s)\n", m->threads, m->threads == 1 ? "" : "s", m->kernels.name);
    printf("  weights   %10s\n", ps_cli_bytes(p->weights, x));
    printf("  arena     %10s  (%.3f x the lower bound of %s)\n", ps_cli_bytes(p->arena, x), ratio(p), ps_cli_bytes(p->lower_bound, y));
    printf("  scratch   %10s\n", ps_cli_bytes(p->scratch, x));
    printf("  tables    %10s\n", ps_cli_bytes(p->overhead, x));
    printf("  peak      %10s  of the plan; %s while it is opened\n", ps_cli_bytes(p->peak, x), ps_cli_bytes(p->opening, y));
    if (all.detector) printf("  results   %10s\n", ps_cli_bytes(all.detector, x));
    if (all.threads) printf("  stacks    %10s\n", ps_cli_bytes(all.threads, x));
    printf("  program   %10s  (at most: what is never called is not read) and %s of the C library\n", ps_cli_bytes(all.images, x),
           ps_cli_bytes(all.libc, y));
    printf("  all       %10s  (%zu bytes); a picture of W x H pixels takes 3 W H more\n", ps_cli_bytes(all.total, x), all.total);
}

static void print_text(const ps_args *a, const poise_model *m)
{
    const ps_graph *g = &m->graph;
    char macs[32], params[32];
    printf("%s: %d nodes, %s parameters, %s MACs\nprecision %s\n", ps_cli_base(a->words.v[0]), g->n_nodes,
           scaled(total_params(g), params), scaled(total_macs(g), macs), m->precision_text);
    char packed[PS_PACKED_LINE];
    if (*ps_cli_packed(m, packed)) puts(packed);
    if (m->gate.n_nodes)
        printf("  %s of the MACs, in %d convolutions of boxes and keypoints, only where a score passes (predict)\n",
               scaled(ps_gate_macs(&m->gate, g), macs), m->gate.n_nodes);
    text_int8(g);
    text_tensors("inputs", g, g->inputs, g->n_inputs);
    text_tensors("outputs", g, g->outputs, g->n_outputs);
    if (g->n_meta) puts("metadata");
    for (int32_t i = 0; i < g->n_meta; i++) text_meta(&g->meta[i]);
    puts("operators");
    for (int i = 0; ps_op_at(i); i++)
        if (count_op(g, ps_op_at(i))) printf("  %-17s %4d\n", ps_op_at(i)->name, count_op(g, ps_op_at(i)));
    text_nodes(m);
    text_memory(a, m);
}

/* ---- JSON ------------------------------------------------------------------------------------------ */

static void json_tensors(ps_json *j, const char *key, const ps_graph *g, const int32_t *list, int32_t n)
{
    ps_json_array(j, key);
    for (int32_t i = 0; i < n; i++) {
        const ps_value *v = &g->values[list[i]];
        ps_json_object(j, NULL);
        ps_json_text(j, "name", v->name);
        ps_json_text(j, "type", poise_type_name(v->type));
        if (ps_value_is_quantised(v)) {
            ps_json_number(j, "scale", (double)v->scale, 9);
            ps_json_int(j, "zero", v->zero);
        }
        ps_json_array(j, "shape");
        for (int k = 0; k < v->rank; k++) ps_json_int(j, NULL, v->dim[k]);
        ps_json_end(j);
        ps_json_end(j);
    }
    ps_json_end(j);
}

static void json_plan(ps_json *j, const poise_model *m)
{
    poise_memory p;
    poise_model_memory(m, &p);
    ps_json_object(j, "plan");
    ps_json_int(j, "weights_bytes", (int64_t)p.weights);
    ps_json_int(j, "arena_bytes", (int64_t)p.arena);
    ps_json_int(j, "scratch_bytes", (int64_t)p.scratch);
    ps_json_int(j, "overhead_bytes", (int64_t)p.overhead);
    ps_json_int(j, "peak_bytes", (int64_t)p.peak);
    ps_json_int(j, "lower_bound_bytes", (int64_t)p.lower_bound);
    ps_json_int(j, "threads", m->threads);
    ps_json_text(j, "isa", m->kernels.name);
    ps_json_end(j);
}

/* All that the command takes for it. */
static void json_memory(ps_json *j, const ps_args *a, const poise_model *m)
{
    ps_account all;
    ps_account_of(a, m, &all);
    ps_json_object(j, "memory");
    ps_json_int(j, "plan_bytes", (int64_t)all.plan.peak);
    ps_json_int(j, "opening_bytes", (int64_t)all.plan.opening);
    ps_json_int(j, "results_bytes", (int64_t)all.detector);
    ps_json_int(j, "stacks_bytes", (int64_t)all.threads);
    ps_json_int(j, "program_bytes", (int64_t)all.images);
    ps_json_int(j, "libc_bytes", (int64_t)all.libc);
    ps_json_int(j, "total_bytes", (int64_t)all.total);
    ps_json_end(j);
}

/* null for a network of floats. */
static void json_int8(ps_json *j, const ps_graph *g)
{
    uint64_t bytes = ps_graph_int8_macs(g), all = total_macs(g);
    if (!bytes) {
        ps_json_null(j, "int8");
        return;
    }
    ps_json_object(j, "int8");
    ps_json_int(j, "macs", (int64_t)bytes);
    ps_json_number(j, "share", (double)bytes / (double)all, 6);
    ps_json_array(j, "float");
    for (int32_t i = next_island(g, -1); i >= 0; i = next_island(g, i)) {
        ps_json_object(j, NULL);
        ps_json_text(j, "name", g->nodes[i].name);
        ps_json_text(j, "op", g->nodes[i].op->name);
        ps_json_int(j, "macs", (int64_t)ps_node_macs(g, &g->nodes[i]));
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_end(j);
}

/* null where the file has nothing packed. */
static void json_packed(ps_json *j, const poise_model *m)
{
    const ps_packed *p = &m->ready;
    char packed[PS_PACKED_LINE];
    if (!*ps_cli_packed(m, packed)) {
        ps_json_null(j, "packed");
        return;
    }
    ps_json_object(j, "packed");
    if (p->head) ps_json_text(j, "target", p->head->target);
    ps_json_int(j, "nodes", m->n_packed);
    ps_json_int(j, "ready", m->n_ready);
    ps_json_int(j, "ready_bytes", (int64_t)m->ready_bytes);
    ps_json_text(j, "text", packed);
    ps_json_end(j);
}

static void print_json(const ps_args *a, const poise_model *m)
{
    const ps_graph *g = &m->graph;
    ps_json j = ps_json_begin(stdout);
    ps_json_object(&j, NULL);
    json_tensors(&j, "inputs", g, g->inputs, g->n_inputs);
    json_tensors(&j, "outputs", g, g->outputs, g->n_outputs);
    ps_json_object(&j, "ops");
    for (int i = 0; ps_op_at(i); i++)
        if (count_op(g, ps_op_at(i))) ps_json_int(&j, ps_op_at(i)->name, count_op(g, ps_op_at(i)));
    ps_json_end(&j);
    ps_json_int(&j, "nodes", g->n_nodes);
    ps_json_int(&j, "params", (int64_t)total_params(g));
    ps_json_int(&j, "macs", (int64_t)total_macs(g));
    ps_json_int(&j, "gated_macs", (int64_t)ps_gate_macs(&m->gate, g));
    ps_json_text(&j, "precision", poise_precision_name(m->precision));
    ps_json_text(&j, "kernels", m->precision_text);
    json_int8(&j, g);
    json_packed(&j, m);
    ps_json_object(&j, "metadata");
    for (int32_t i = 0; i < g->n_meta; i++) ps_json_text(&j, g->meta[i].key, g->meta[i].value);
    ps_json_end(&j);
    json_plan(&j, m);
    json_memory(&j, a, m);
    ps_json_end(&j);
    putchar('\n');
}

static poise_status info(const ps_args *a, poise_model **m)
{
    PS_TRY(ps_cli_open(a, a->threads, m));
    if (a->svg) PS_TRY(ps_svg_plan(*m, ps_cli_base(a->words.v[0]), a->svg));
    if (a->json) print_json(a, *m);
    else print_text(a, *m);
    return POISE_OK;
}

int ps_cmd_info(const ps_args *a)
{
    poise_model *m = NULL;
    int code = ps_cli_fail(info(a, &m));
    poise_model_close(m);
    return code;
}
