/* app/cmd_run.c - poise run: raw tensors in, raw tensors out. */
#include "app/cli.h"
#include "app/npy.h"
#include "nn/tensor.h"
#include "runtime/file.h"
#include "runtime/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct output {
    char *path, *part; /* final name, and the name until all are written */
    void *bytes;
    size_t size;
    bool renamed;
} output;

typedef struct job {
    poise_model *model;
    poise_session *session;
    bool *given; /* per input */
    output *out; /* per output */
} job;

static void close_job(job *j)
{
    int n = j->model ? poise_model_outputs(j->model) : 0;
    for (int i = 0; j->out && i < n; i++) ps_free(j->out[i].path), ps_free(j->out[i].part), ps_free(j->out[i].bytes);
    ps_free(j->out);
    ps_free(j->given);
    poise_session_close(j->session);
    poise_model_close(j->model);
}

static int input_named(const poise_model *m, const char *name, size_t n)
{
    for (int i = 0; i < poise_model_inputs(m); i++) {
        const char *have = poise_model_input(m, i, NULL);
        if (strlen(have) == n && !memcmp(have, name, n)) return i;
    }
    return -1;
}

/* Whether t may be written to an input of shape `want`, with one line that names both. */
static poise_status check_fit(const char *name, const poise_tensor *want, const poise_tensor *t)
{
    char a[PS_SHAPE_TEXT], b[PS_SHAPE_TEXT];
    ps_shape_text(want->rank, want->dim, a);
    ps_shape_text(t->rank, t->dim, b);
    bool same = t->rank == want->rank && !memcmp(t->dim, want->dim, sizeof *t->dim * (size_t)t->rank);
    bool fits = t->type == want->type || (want->scale > 0 && t->type == POISE_F32);
    PS_REQUIRE(same && fits, POISE_BAD_ARGUMENT, "input %s is %s of %s, but the file holds %s of %s",
               name, a, poise_type_name(want->type), b, poise_type_name(t->type));
    return POISE_OK;
}

/* Writes a tensor that fits: codes or other elements as they are, real numbers for a quantised input as codes. */
static poise_status write_input(const poise_tensor *to, const poise_tensor *t)
{
    if (t->type == to->type) {
        poise_tensor_write(to, t->data);
        return POISE_OK;
    }
    size_t n = poise_tensor_count(t);
    uint8_t *codes = ps_alloc(n + 1);
    PS_REQUIRE(codes, POISE_NO_MEMORY, "no memory for %zu codes", n);
    int32_t low = to->type == POISE_I8 ? -128 : 0;
    float least = (float)(low - to->zero);
    for (size_t i = 0; i < n; i++) {
        float q = ((const float *)t->data)[i] / to->scale;
        q = q > least ? q < least + 255 ? q : least + 255 : least; /* NaN too */
        codes[i] = (uint8_t)((int32_t)rintf(q) + to->zero);
    }
    poise_tensor_write(to, codes);
    ps_free(codes);
    return POISE_OK;
}

static poise_status load_input(job *j, const char *word)
{
    const poise_model *m = j->model;
    const char *equal = strchr(word, '='), *path = word;
    int i = 0;
    if (equal && (i = input_named(m, word, (size_t)(equal - word))) >= 0) path = equal + 1;
    else if (equal && access(word, R_OK))
        return ps_fail(POISE_BAD_ARGUMENT, "%s has no input %.*s; its first input is %s", "the model",
                       (int)(equal - word), word, poise_model_input(m, 0, NULL));
    else i = 0;
    if (path == word && poise_model_inputs(m) != 1)
        return ps_fail(POISE_BAD_ARGUMENT, "%s: the model has %d inputs; write NAME=%s", word, poise_model_inputs(m),
                       word);
    const char *name = poise_model_input(m, i, NULL);
    PS_REQUIRE(!j->given[i], POISE_BAD_ARGUMENT, "input %s is given twice", name);
    ps_npy n;
    PS_TRY(ps_npy_open(path, &n));
    const poise_tensor *t = poise_session_input(j->session, i);
    poise_status s = check_fit(name, t, &n.tensor);
    if (!s) s = write_input(t, &n.tensor);
    ps_npy_close(&n);
    if (s) return ps_fail_in(s, "%s", path);
    j->given[i] = true;
    return POISE_OK;
}

static poise_status load_inputs(job *j, const ps_args *a)
{
    for (int i = 0; i < a->inputs.n; i++) PS_TRY(load_input(j, a->inputs.v[i]));
    for (int i = 1; i < a->words.n; i++) PS_TRY(load_input(j, a->words.v[i]));
    for (int i = 0; i < poise_model_inputs(j->model); i++) {
        poise_tensor t;
        char dims[PS_SHAPE_TEXT];
        const char *name = poise_model_input(j->model, i, &t);
        if (!j->given[i])
            return ps_fail(POISE_BAD_ARGUMENT, "input %s is missing; give -i %s=FILE.npy, %s of %s", name, name,
                           ps_shape_text(t.rank, t.dim, dims), poise_type_name(t.type));
    }
    return POISE_OK;
}

static poise_status name_output(output *o, const char *dir, const char *name, int i)
{
    char path[PS_PATH_TEXT];
    int n = *name ? snprintf(path, sizeof path, "%s/%s.npy", dir, name)
                  : snprintf(path, sizeof path, "%s/output%d.npy", dir, i);
    PS_REQUIRE(n > 0 && (size_t)n < sizeof path - 6, POISE_IO, "the path of output %.40s is too long", name);
    for (char *c = path + strlen(dir) + 1; *c; c++)
        if (*c == '/') *c = '_';
    o->path = ps_strdup(path);
    snprintf(path + n, sizeof path - (size_t)n, ".part");
    o->part = ps_strdup(path);
    PS_REQUIRE(o->path && o->part, POISE_NO_MEMORY, "no memory for the path of an output");
    return POISE_OK;
}

static poise_status collect(job *j, const char *dir)
{
    int n = poise_model_outputs(j->model);
    for (int i = 0; i < n; i++) {
        output *o = &j->out[i];
        PS_TRY(name_output(o, dir, poise_model_output(j->model, i, NULL), i));
        for (int k = 0; k < i; k++)
            PS_REQUIRE(strcmp(o->path, j->out[k].path), POISE_UNSUPPORTED,
                       "outputs %s and %s would both be written to %s", poise_model_output(j->model, k, NULL),
                       poise_model_output(j->model, i, NULL), o->path);
        PS_TRY(ps_npy_bytes(poise_session_output(j->session, i), &o->bytes, &o->size));
    }
    return POISE_OK;
}

/* All files get their data under another name first, so that what can fail fails before any appears. */
static poise_status write_all(job *j, const char *dir)
{
    int n = poise_model_outputs(j->model), i;
    poise_status s = ps_file_make_directory(dir);
    ps_cli_hold();
    for (i = 0; !s && i < n; i++) s = ps_file_write(j->out[i].part, j->out[i].bytes, j->out[i].size);
    for (i = 0; !s && i < n; i++) {
        if (rename(j->out[i].part, j->out[i].path)) s = ps_fail(POISE_IO, "%s: cannot write: %s", j->out[i].path, strerror(errno));
        else j->out[i].renamed = true;
    }
    for (i = 0; s && i < n; i++) unlink(j->out[i].renamed ? j->out[i].path : j->out[i].part);
    ps_cli_release();
    return s;
}

static poise_status run(job *j, const ps_args *a)
{
    const char *dir = a->output ? a->output : ".";
    PS_TRY(ps_cli_open(a, a->threads, &j->model));
    PS_TRY(poise_session_open(j->model, &j->session));
    j->given = ps_alloc_array((size_t)poise_model_inputs(j->model) + 1, sizeof *j->given);
    j->out = ps_alloc_array((size_t)poise_model_outputs(j->model) + 1, sizeof *j->out);
    PS_REQUIRE(j->given && j->out, POISE_NO_MEMORY, "no memory for the list of tensors");
    PS_TRY(load_inputs(j, a));
    poise_session_run(j->session);
    PS_TRY(collect(j, dir));
    PS_TRY(write_all(j, dir));
    for (int i = 0; i < poise_model_outputs(j->model); i++) {
        const poise_tensor *t = poise_session_output(j->session, i);
        char dims[PS_SHAPE_TEXT];
        ps_cli_note(a, "%s: %s of %s\n", j->out[i].path, ps_shape_text(t->rank, t->dim, dims),
                    poise_type_name(t->type));
    }
    return POISE_OK;
}

int ps_cmd_run(const ps_args *a)
{
    job j = {0};
    int code = ps_cli_fail(run(&j, a));
    close_job(&j);
    return code;
}
