/* app/quantize_report.c - prints what quantising came to. */
#include "app/quantize_report.h"

#include "app/cli.h"
#include "app/json.h"
#include "runtime/memory.h"

#include <stdlib.h>
#include <string.h>

enum { WORST = 8 };

static void print_layer(const poise_quantized_layer *l)
{
    char harm[16] = "-", scale[24] = "f32";
    if (l->harm > 0 || l->harm < 0) snprintf(harm, sizeof harm, "%.1f%%", 100 * l->harm);
    if (l->scale > 0) snprintf(scale, sizeof scale, "%.3g %3d", (double)l->scale, l->zero);
    printf("  %-5s %6.2f%% %8.1f %8.1f %8s  %-14s %s\n", l->integer ? "int8" : "float", 100 * l->macs, l->weights_db, l->output_db,
           harm, scale, l->name);
}

static int by_harm(const void *a, const void *b)
{
    const poise_quantized_layer *x = *(poise_quantized_layer *const *)a, *y = *(poise_quantized_layer *const *)b;
    if (x->harm < y->harm || x->harm > y->harm) return (x->harm < y->harm) - (x->harm > y->harm);
    return x < y ? -1 : x > y;
}

/* The layers that do most harm; -1 for want of memory: it is only a list. */
static int worst_of(const poise_quantized *q, const poise_quantized_layer **worst)
{
    const poise_quantized_layer **all = ps_alloc_array((size_t)q->n_layers + 1, sizeof *all);
    if (!all) return 0;
    for (int i = 0; i < q->n_layers; i++) all[i] = &q->layers[i];
    qsort(all, (size_t)q->n_layers, sizeof *all, by_harm);
    int n = 0;
    while (n < WORST && n < q->n_layers && all[n]->harm > 0.005) worst[n] = all[n], n++;
    ps_free(all);
    return n;
}

static void print_text(const ps_quantize_result *r)
{
    const poise_quantized *q = &r->quantized;
    const poise_quantized_layer *worst[WORST];
    const ps_agreement *g = &r->agreement;
    char before[PS_BYTES_TEXT], after[PS_BYTES_TEXT];
    puts("layers        MACs  weights   output     harm  output codes   name\n                         dB       dB");
    for (int i = 0; i < q->n_layers; i++) print_layer(&q->layers[i]);
    int n = worst_of(q, worst);
    if (n) puts("worst: so much of the outputs' error goes when this one alone stays float");
    for (int i = 0; i < n; i++) printf("  %5.1f%%  %s%s\n", 100 * worst[i]->harm, worst[i]->name, worst[i]->integer ? "" : " (is float)");
    printf("float         %.1f%% of the multiply-accumulates\n", 100 * q->float_macs);
    if (q->equalised) printf("equalised     %d pairs of convolutions\n", q->equalised);
    for (int i = 0; i < q->n_outputs; i++)
        printf("output %-3d    %.1f dB, cosine %.5f\n", i, q->output_db[i], q->output_cosine[i]);
    if (g->pictures) printf("agreement     %.3f on %d pictures", g->score, g->pictures);
    else printf("agreement     not measured");
    if (g->found) printf(": %d of %d objects matched, mean IoU %.3f", g->matched, g->found, g->iou);
    if (g->keypoints >= 0) printf(", keypoints %.4f of an object's size apart", g->keypoints);
    printf("\nsize          %s, was %s\n", ps_cli_bytes(r->bytes_after, after), ps_cli_bytes(r->bytes_before, before));
}

static void json_layers(ps_json *j, const poise_quantized *q)
{
    ps_json_array(j, "layers");
    for (int i = 0; i < q->n_layers; i++) {
        const poise_quantized_layer *l = &q->layers[i];
        ps_json_object(j, NULL);
        ps_json_text(j, "name", l->name);
        ps_json_text(j, "type", l->integer ? "int8" : "float");
        ps_json_number(j, "macs", l->macs, 5);
        ps_json_number(j, "weights_db", l->weights_db, 5);
        ps_json_number(j, "output_db", l->output_db, 5);
        ps_json_number(j, "harm", l->harm, 5);
        if (l->scale > 0) {
            ps_json_number(j, "scale", (double)l->scale, 9);
            ps_json_int(j, "zero", l->zero);
        }
        ps_json_end(j);
    }
    ps_json_end(j);
}

static void print_json(const ps_quantize_result *r)
{
    const poise_quantized *q = &r->quantized;
    const ps_agreement *g = &r->agreement;
    ps_json j = ps_json_begin(stdout);
    ps_json_object(&j, NULL);
    json_layers(&j, q);
    ps_json_array(&j, "outputs");
    for (int i = 0; i < q->n_outputs; i++) {
        ps_json_object(&j, NULL);
        ps_json_number(&j, "db", q->output_db[i], 5);
        ps_json_number(&j, "cosine", q->output_cosine[i], 6);
        ps_json_end(&j);
    }
    ps_json_end(&j);
    ps_json_object(&j, "agreement");
    ps_json_number(&j, "score", g->score, 5);
    ps_json_int(&j, "pictures", g->pictures);
    ps_json_int(&j, "objects", g->found);
    ps_json_int(&j, "matched", g->matched);
    ps_json_number(&j, "iou", g->iou, 5);
    if (g->keypoints >= 0) ps_json_number(&j, "keypoints", g->keypoints, 5);
    else ps_json_null(&j, "keypoints");
    ps_json_end(&j);
    ps_json_number(&j, "float_macs", q->float_macs, 5);
    ps_json_int(&j, "equalised", q->equalised);
    ps_json_int(&j, "samples", r->samples);
    ps_json_int(&j, "bytes_before", (int64_t)r->bytes_before);
    ps_json_int(&j, "bytes", (int64_t)r->bytes_after);
    ps_json_end(&j);
    putchar('\n');
}

void ps_quantize_print(const ps_args *a, const ps_quantize_result *r)
{
    if (a->format && !strcmp(a->format, "json")) print_json(r);
    else if (!a->quiet) print_text(r);
}
