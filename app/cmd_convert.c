/* app/cmd_convert.c - poise convert: a foreign checkpoint into one .poise file that says what it means. */
#include "app/cli.h"
#include "app/warn.h"
#include "models/decode.h"
#include "nn/model.h"

#include <string.h>

static poise_status put(void *ctx, const char *key, const char *value)
{
    return ps_graph_set_meta(ctx, key, value);
}

/* Task, classes, pixels and thresholds, so that predict needs no flags.  A network whose outputs nobody
 * knows is still worth a file, for run; unless the user said what it is. */
static poise_status add_task(const ps_args *a, const void *bytes, size_t size, ps_graph *g)
{
    poise_model *m = NULL;
    ps_task t = {0};
    poise_options o = {.threads = 1};
    PS_TRY(ps_cli_precision(a, &o.precision));
    if (o.precision != POISE_INT8) o.precision = POISE_RECORDED; /* int8 must be true; the others anybody can record */
    ps_task_options wanted = {a->task, a->decoder};
    poise_status s = poise_model_open_memory(bytes, size, &o, &m);
    if (s) return ps_fail_in(s, "%s", a->words.v[0]);
    poise_status other_size = ps_cli_check_size(a, m);
    s = other_size ? other_size : ps_task_resolve(m, &wanted, &t);
    char text[PS_WARN_TEXT];
    if (!s && ps_warn_scales(&m->graph, &t, text)) ps_cli_note(a, "poise: warning: %s\n", text);
    poise_model_close(m);
    if (s) {
        if (other_size || a->task || a->decoder || s == POISE_NO_MEMORY) return s;
        ps_cli_note(a, "no task is recorded: %s\n", poise_error_text());
        return POISE_OK;
    }
    s = ps_task_store(&t, put, g);
    if (!s) ps_cli_note(a, "task %s, decoder %s, %d classes\n", ps_task_names[t.kind], t.decoder->name, t.n_classes);
    ps_task_free(&t);
    return s;
}

poise_status ps_cli_describe(const ps_args *a, void *bytes, size_t size, void **out, size_t *out_size)
{
    ps_graph g = {0};
    poise_status s = ps_format_read(&g, bytes, size);
    if (!s) s = add_task(a, bytes, size, &g);
    if (!s && a->precision) s = ps_graph_set_meta(&g, PS_PRECISION_KEY, a->precision);
    if (!s) s = ps_format_write(&g, out, out_size);
    ps_graph_free(&g);
    return s;
}

/* Replaces the file by one with smaller weights, if that is asked for. */
static poise_status store_weights(const ps_args *a, void **bytes, size_t *size)
{
    void *small;
    size_t small_size;
    if (!a->weights) return POISE_OK;
    PS_TRY(poise_store_weights(*bytes, *size, strcmp(a->weights, "fp16") ? POISE_I8 : POISE_F16, &small, &small_size));
    ps_free(*bytes);
    *bytes = small;
    *size = small_size;
    return POISE_OK;
}

poise_status ps_cli_check_target(const ps_args *a)
{
    PS_REQUIRE(a->target || !a->only_target, POISE_BAD_ARGUMENT, "--only-target is for --target");
    return a->target ? ps_packed_check_targets(a->target) : POISE_OK;
}

poise_status ps_cli_pack(const ps_args *a, void **bytes, size_t *size)
{
    void *packed;
    size_t packed_size;
    if (!a->target) return POISE_OK;
    PS_TRY(poise_pack(*bytes, *size, a->target, a->only_target, &packed, &packed_size));
    char text[PS_BYTES_TEXT];
    size_t more = packed_size > *size ? packed_size - *size : 0;
    if (!a->only_target) ps_cli_note(a, "packed for %s: %s more\n", a->target, ps_cli_bytes(more, text));
    ps_free(*bytes);
    *bytes = packed;
    *size = packed_size;
    return POISE_OK;
}

/* A foreign file, or one of ours that is to be packed. */
static poise_status read_network(const ps_args *a, void **bytes, size_t *size)
{
    poise_convert_options co = ps_cli_convert_options(a);
    ps_file f;
    PS_TRY(ps_file_map(a->words.v[0], &f));
    bool ours = a->target && ps_format_is(f.bytes, f.size);
    *bytes = ours ? ps_alloc(f.size) : NULL;
    *size = f.size;
    if (*bytes) memcpy(*bytes, f.bytes, f.size);
    ps_file_unmap(&f);
    if (!ours) return poise_convert(a->words.v[0], &co, bytes, size);
    PS_REQUIRE(*bytes, POISE_NO_MEMORY, "%s: no memory (%zu bytes) for the network", a->words.v[0], *size);
    return POISE_OK;
}

static poise_status convert(const ps_args *a)
{
    const char *out = a->words.v[1];
    size_t n = strlen(out);
    PS_REQUIRE(n > 6 && !strcmp(out + n - 6, ".poise"), POISE_BAD_ARGUMENT,
               "%s: the name of the result must end in .poise", out);
    PS_REQUIRE(!a->calib, POISE_BAD_ARGUMENT, "--calib is for --int8");
    PS_TRY(ps_cli_check_target(a));
    poise_precision precision;
    PS_TRY(ps_cli_precision(a, &precision));
    void *bytes, *described = NULL;
    size_t size;
    PS_TRY(read_network(a, &bytes, &size));
    poise_status s = ps_cli_describe(a, bytes, size, &described, &size);
    poise_free(bytes);
    if (!s) s = store_weights(a, &described, &size);
    if (!s) s = ps_cli_pack(a, &described, &size);
    ps_cli_hold();
    if (!s) s = ps_file_write(out, described, size);
    ps_cli_release();
    ps_free(described);
    char text[PS_BYTES_TEXT];
    if (!s) ps_cli_note(a, "%s: %s\n", out, ps_cli_bytes(size, text));
    return s;
}

int ps_cmd_convert(const ps_args *a)
{
    if (a->int8 && a->weights)
        return ps_cli_error(POISE_BAD_ARGUMENT, "--int8 and --weights exclude each other: the first computes on bytes, the second "
                                                "stores bytes and computes in floats");
    if (a->int8)
        return PS_WITH_QUANTIZE ? ps_cmd_quantize(a) : ps_cli_error(POISE_UNSUPPORTED, "this poise was built without the quantiser");
    return ps_cli_fail(convert(a));
}
