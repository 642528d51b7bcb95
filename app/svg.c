/* app/svg.c - draws a memory plan. */
#include "app/svg.h"

#include "app/cli.h"

enum { LEFT = 90, TOP = 40, WIDE = 1100, HIGH = 560, LEGEND = 190, ROW = 18 };

static void escaped(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '<') fputs("&lt;", f);
        else if (*s == '>') fputs("&gt;", f);
        else if (*s == '&') fputs("&amp;", f);
        else if (*s == '"') fputs("&quot;", f);
        else if ((unsigned char)*s < 32 || (unsigned char)*s > 126) fputc('?', f); /* valid in any encoding */
        else fputc(*s, f);
    }
}

/* The node that computes a value, or -1. */
static int32_t maker(const ps_graph *g, int32_t value)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] == value) return i;
    return -1;
}

/* A hue for every operator; grey for what no node makes. */
static int hue(const ps_op *op)
{
    return (int)(ps_op_id(op) * 137 % 360); /* the golden angle keeps neighbours apart */
}

static void colour(FILE *f, const ps_op *op)
{
    if (op) fprintf(f, "hsl(%d,60%%,62%%)", hue(op));
    else fputs("#bbb", f);
}

static void block(FILE *f, const poise_model *m, const ps_block *b, int32_t index)
{
    const ps_graph *g = &m->graph;
    double step = (double)WIDE / (g->n_nodes + 2), arena = (double)(m->plan.arena_bytes ? m->plan.arena_bytes : 1);
    double x = LEFT + step * (b->first + 1), w = step * (b->last - b->first + 1);
    double h = HIGH * ((double)b->bytes / arena), y = TOP + HIGH * ((double)b->offset / arena);
    int32_t node = b->value >= 0 ? maker(g, b->value) : -1;
    fprintf(f, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"", x, y, w, h);
    colour(f, node >= 0 ? g->nodes[node].op : NULL);
    fprintf(f, "\"><title>%zu bytes at %zu, nodes %d to %d", b->bytes, b->offset, b->first, b->last);
    for (int32_t v = 0; v < g->n_values; v++) {
        if (m->plan.places[v].block != index) continue;
        fputs("\n", f);
        escaped(f, *g->values[v].name ? g->values[v].name : "(no name)");
    }
    fputs("</title></rect>\n", f);
}

static void axes(FILE *f, const poise_model *m, const char *title)
{
    int32_t n = m->graph.n_nodes;
    fprintf(f, "<text x=\"%d\" y=\"22\" font-size=\"15\">", LEFT);
    escaped(f, title);
    fprintf(f, ": arena %.2f MB, lower bound %.2f MB</text>\n", (double)m->plan.arena_bytes / 1048576,
            (double)m->plan.lower_bound / 1048576);
    for (int i = 0; i <= 8; i++) {
        double y = TOP + HIGH * i / 8.0;
        fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, LEFT + WIDE, y, y);
        fprintf(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.2f MB</text>\n", LEFT - 6, y + 4,
                (double)m->plan.arena_bytes * i / 8 / 1048576);
    }
    for (int i = 0; i <= 10; i++) {
        double node = (double)n * i / 10, x = LEFT + (double)WIDE / (n + 2) * (node + 1);
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>\n", x, TOP + HIGH + 16, node);
    }
    fprintf(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">node</text>\n", LEFT + WIDE / 2, TOP + HIGH + 34);
}

static void legend(FILE *f, const poise_model *m)
{
    int y = TOP;
    for (int i = 0; ps_op_at(i); i++) {
        bool used = false;
        for (int32_t k = 0; k < m->graph.n_nodes; k++) used = used || m->graph.nodes[k].op == ps_op_at(i);
        if (!used || y > TOP + HIGH - ROW) continue;
        fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"", LEFT + WIDE + 20, y);
        colour(f, ps_op_at(i));
        fprintf(f, "\"/><text x=\"%d\" y=\"%d\">%s</text>\n", LEFT + WIDE + 38, y + 11, ps_op_at(i)->name);
        y += ROW;
    }
}

poise_status ps_svg_plan(const poise_model *m, const char *title, const char *path)
{
    ps_outfile o;
    PS_TRY(ps_cli_create(&o, path));
    FILE *f = o.f;
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<g stroke=\"#ddd\" fill=\"#222\">\n",
            LEFT + WIDE + LEGEND, TOP + HIGH + 50, LEFT + WIDE + LEGEND, TOP + HIGH + 50);
    fputs("<g stroke-width=\"0.5\">\n", f);
    axes(f, m, title);
    fputs("</g></g>\n<g stroke=\"#333\" stroke-width=\"0.4\">\n", f);
    for (int32_t i = 0; i < m->plan.n_blocks; i++)
        if (m->plan.blocks[i].bytes) block(f, m, &m->plan.blocks[i], i);
    fputs("</g>\n", f);
    legend(f, m);
    fputs("</svg>\n", f);
    return ps_cli_commit(&o);
}
