/* app/roofline.c - the steps of a model against the roofline of this machine. */
#include "app/roofline.h"

#include "nn/half.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a value's distinct elements: what is broadcast is counted once. */
static double tensor_bytes(const poise_tensor *t)
{
    double n = (double)poise_type_size(t->type);
    for (int i = 0; i < t->rank; i++)
        if (t->stride[i]) n *= (double)t->dim[i];
    return n;
}

/* Bytes that node i reads of weights: as they are packed where that is less (16 bits), else as the network has them (some
 * ways to compute a convolution blow weights up, but need not). */
static double weight_bytes(const poise_model *m, const ps_node *n)
{
    double bytes = 0, half = 0;
    for (int k = 0; k < n->n_in; k++) {
        if (n->in[k] < 0 || !m->graph.values[n->in[k]].data) continue;
        double b = tensor_bytes(&m->plan.places[n->in[k]].tensor);
        bytes += b;
        half += m->graph.values[n->in[k]].rank > 1 ? b / 2 : b;
    }
    bool is_half = n->in[0] >= 0 && ps_is_half(m->graph.values[n->in[0]].type);
    return is_half ? half : bytes;
}

static double moved_bytes(const poise_model *m, const ps_node *n)
{
    const ps_place *places = m->plan.places, *y = &places[n->out[0]];
    double bytes = weight_bytes(m, n);
    bool concat = n->op->flags & PS_OP_CONCAT;
    for (int k = 0; k < n->n_in; k++) {
        int32_t v = n->in[k];
        bool again = false;
        for (int j = 0; j < k; j++) again = again || n->in[j] == v;
        if (v < 0 || again || m->graph.values[v].data) continue;
        if (concat && places[v].block == y->block) continue; /* it was computed there */
        bytes += tensor_bytes(&places[v].tensor) * (concat ? 2 : 1); /* copied: read and written */
    }
    for (int k = 0; !concat && k < n->n_out; k++)
        if (n->out[k] >= 0) bytes += tensor_bytes(&places[n->out[k]].tensor);
    return bytes;
}

/* Of the numbers that a step multiplies. */
static double peak_of(const poise_model *m, const ps_peaks *p, const ps_node *n)
{
    const ps_value *x = n->in[0] >= 0 ? &m->graph.values[n->in[0]] : NULL;
    if (x && ps_is_half(x->type) && p->gflops_half > 0) return p->gflops_half;
    return x && x->type == POISE_U8 && x->scale > 0 && p->gops_u8 > 0 ? p->gops_u8 : p->gflops;
}

ps_step ps_step_of(const poise_model *m, const ps_peaks *p, int32_t i, double ms)
{
    const ps_node *n = &m->graph.nodes[i];
    ps_step s = {.ms = ms, .flops = 2 * (double)ps_node_macs(&m->graph, n), .bytes = moved_bytes(m, n)};
    double peak = peak_of(m, p, n), gb_s = ps_peaks_gb_s(p, s.bytes);
    double least = gb_s > 0 ? 1e-6 * s.bytes / gb_s : 0, by_flops = peak > 0 ? 1e-6 * s.flops / peak : 0;
    if (by_flops > least) least = by_flops;
    if (s.bytes > 0) s.intensity = s.flops / s.bytes;
    if (ms <= 0) return s;
    s.gflops = 1e-6 * s.flops / ms;
    s.gb_s = 1e-6 * s.bytes / ms;
    s.bound = 100 * least / ms;
    return s;
}

static double sum(const poise_model *m, const double *ms)
{
    double total = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) total += ms[i];
    return total;
}

static double share(double part, double all)
{
    return all > 0 ? 100 * part / all : 0;
}

static const char *shape_of(const poise_model *m, int32_t value, char text[PS_SHAPE_TEXT])
{
    const ps_value *v = &m->graph.values[value];
    return ps_shape_text(v->rank, v->dim, text);
}

/* The peak of products of 16 bits, by what they are of here. */
static const char *half_key(const poise_model *m)
{
    return ps_half_type(&m->kernels) == POISE_F16 ? "gflops_fp16" : "gflops_bf16";
}

static void table_peaks(const poise_model *m, const ps_peaks *p)
{
    printf("\npeaks of %d thread%s, measured now: %s %.1f GFLOP/s", m->threads, m->threads == 1 ? "" : "s",
           m->kernels.name, p->gflops);
    if (p->gflops_half > 0) printf(", %s %.1f GFLOP/s", half_key(m) + strlen("gflops_"), p->gflops_half);
    if (p->gops_u8 > 0) printf(", int8 on %s %.1f GOP/s", m->kernels.name_u8, p->gops_u8);
    for (int i = 0; i < p->n_levels; i++) printf(", %s %.1f GB/s", p->level[i].name, p->level[i].gb_s);
    printf("\nbound: of the time taken, what the peaks would need for the step's flops or for its bytes, from the\n"
           "nearest memory that could hold them; Winograd multiplies less than is counted and may pass 100\n");
}

/* Sums over the nodes of one operator, or of all (NULL); the least time by the peaks is in .bound, in ms. */
static ps_step total_of(const poise_model *m, const ps_peaks *p, const double *ms, const ps_op *op, int *count)
{
    ps_step t = {0};
    *count = 0;
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        if (m->plan.skip[i] || (op && m->graph.nodes[i].op != op)) continue;
        ps_step s = ps_step_of(m, p, i, ms[i]);
        t.ms += s.ms, t.flops += s.flops, t.bytes += s.bytes, t.bound += s.bound * s.ms / 100;
        ++*count;
    }
    return t;
}

static void table_operator(const poise_model *m, const ps_peaks *p, const double *ms, const ps_op *op)
{
    int count;
    ps_step t = total_of(m, p, ms, op, &count);
    if (count)
        printf(" %-17s %7d %9.4f %5.1f %8.1f %7.2f %6.1f %6.1f\n", op ? op->name : "sum", count, t.ms,
               share(t.ms, sum(m, ms)), t.ms > 0 ? 1e-6 * t.flops / t.ms : 0, 1e-6 * t.bytes,
               t.ms > 0 ? 1e-6 * t.bytes / t.ms : 0, share(t.bound, t.ms));
}

void ps_roofline_table(const poise_model *m, const ps_peaks *p, const double *ms)
{
    const ps_graph *g = &m->graph;
    double total = sum(m, ms);
    table_peaks(m, p);
    printf("\n     #        ms     %%  GFLOP/s      MB   GB/s  flop/B bound%%  operator          output\n");
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        if (m->plan.skip[i]) continue;
        char dims[PS_SHAPE_TEXT], what[160] = "", way[PS_CHOICE_TEXT];
        ps_step s = ps_step_of(m, p, i, ms[i]);
        if (n->op->describe) n->op->describe(n->params, what, sizeof what);
        if (ps_choice_is_rule(&m->choices[i])) *way = 0;
        else ps_choice_text(m, &m->choices[i], way);
        printf("  %4d %9.4f %5.1f %8.1f %7.3f %6.1f %7.1f %6.1f  %-17s %-20s %s  %s%s%s%s\n", i, s.ms, share(s.ms, total),
               s.gflops, 1e-6 * s.bytes, s.gb_s, s.intensity, s.bound, n->op->name, shape_of(m, n->out[0], dims), what,
               *way ? "(" : "", way, *way ? ") " : "", n->name);
    }
    printf("\n operator            nodes        ms     %%  GFLOP/s      MB   GB/s bound%%\n");
    for (int k = 0; ps_op_at(k); k++) table_operator(m, p, ms, ps_op_at(k));
    table_operator(m, p, ms, NULL);
    putchar('\n');
}

void ps_roofline_csv(const poise_model *m, const ps_peaks *p, const double *ms)
{
    printf("\npeak,value\ngflops,%.1f\n%s,%.1f\ngops_int8,%.1f\n", p->gflops, half_key(m), p->gflops_half, p->gops_u8);
    for (int i = 0; i < p->n_levels; i++) printf("%s_gb_s,%.1f\n", p->level[i].name, p->level[i].gb_s);
    puts("\nstep,op,output,variant,min_ms,share,gflops,bytes,gb_s,intensity,bound,name");
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_node *n = &m->graph.nodes[i];
        if (m->plan.skip[i]) continue;
        char dims[PS_SHAPE_TEXT], way[PS_CHOICE_TEXT];
        ps_step s = ps_step_of(m, p, i, ms[i]);
        printf("%d,%s,%s,%s,%.5f,%.2f,%.1f,%.0f,%.1f,%.2f,%.1f,\"", i, n->op->name, shape_of(m, n->out[0], dims),
               ps_choice_text(m, &m->choices[i], way), s.ms, share(s.ms, sum(m, ms)), s.gflops, s.bytes, s.gb_s, s.intensity,
               s.bound);
        for (const char *c = n->name; *c; c++) printf(*c == '"' ? "\"\"" : "%c", *c);
        puts("\"");
    }
}

void ps_roofline_json(ps_json *j, const poise_model *m, const ps_peaks *p, const double *ms, bool names)
{
    ps_json_object(j, "peaks");
    ps_json_number(j, "gflops", p->gflops, 5);
    if (p->gflops_half > 0) ps_json_number(j, half_key(m), p->gflops_half, 5);
    if (p->gops_u8 > 0) ps_json_number(j, "gops_int8", p->gops_u8, 5);
    ps_json_array(j, "read");
    for (int i = 0; i < p->n_levels; i++) {
        ps_json_object(j, NULL);
        ps_json_text(j, "level", p->level[i].name);
        if (p->level[i].bytes != SIZE_MAX) ps_json_int(j, "bytes", (int64_t)p->level[i].bytes);
        ps_json_number(j, "gb_s", p->level[i].gb_s, 5);
        ps_json_end(j);
    }
    ps_json_end(j);
    ps_json_end(j);
    ps_json_array(j, "layers");
    for (int32_t i = 0; i < m->graph.n_nodes; i++) {
        const ps_node *n = &m->graph.nodes[i];
        if (m->plan.skip[i]) continue;
        char dims[PS_SHAPE_TEXT], what[160] = "", way[PS_CHOICE_TEXT];
        ps_step s = ps_step_of(m, p, i, ms[i]);
        ps_json_object(j, NULL);
        ps_json_int(j, "step", i);
        ps_json_text(j, "op", n->op->name);
        if (names) ps_json_text(j, "name", n->name);
        ps_json_text(j, "output", shape_of(m, n->out[0], dims));
        if (n->in[0] >= 0) ps_json_text(j, "input", shape_of(m, n->in[0], dims));
        if (n->n_in > 1 && n->in[1] >= 0) ps_json_text(j, "second", shape_of(m, n->in[1], dims));
        if (n->op->describe) n->op->describe(n->params, what, sizeof what);
        if (*what) ps_json_text(j, "params", what);
        if (*ps_choice_text(m, &m->choices[i], way)) ps_json_text(j, "variant", way);
        ps_json_number(j, "min_ms", s.ms, 5);
        ps_json_number(j, "share", share(s.ms, sum(m, ms)), 4);
        ps_json_number(j, "gflops", s.gflops, 5);
        ps_json_number(j, "bytes", s.bytes, 15);
        ps_json_number(j, "gb_s", s.gb_s, 5);
        ps_json_number(j, "intensity", s.intensity, 5);
        ps_json_number(j, "bound", s.bound, 4);
        ps_json_end(j);
    }
    ps_json_end(j);
}
