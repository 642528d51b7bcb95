/* app/npy.c - reads and writes .npy files. */
#include "app/npy.h"

#include "nn/tensor.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    char code[3];
    uint8_t type;
} types[] = {{"f4", POISE_F32}, {"f8", POISE_F64}, {"f2", POISE_F16}, {"i4", POISE_I32},
             {"i8", POISE_I64}, {"u1", POISE_U8},  {"i1", POISE_I8},  {"b1", POISE_BOOL}};
enum { N_TYPES = sizeof types / sizeof *types };

/* A cursor over the header's Python dictionary. */
typedef struct text {
    const char *at, *end;
} text;

static void spaces(text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t')) t->at++;
}

static bool take(text *t, char c)
{
    spaces(t);
    if (t->at >= t->end || *t->at != c) return false;
    t->at++;
    return true;
}

/* A quoted string of at most 31 characters. */
static bool string(text *t, char out[32])
{
    spaces(t);
    if (t->at >= t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote && n < 31) out[n++] = *t->at++;
    out[n] = 0;
    return take(t, quote);
}

static bool word(text *t, const char *w)
{
    spaces(t);
    size_t n = strlen(w);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, w, n)) return false;
    t->at += n;
    return true;
}

static poise_status shape(text *t, poise_tensor *out)
{
    PS_REQUIRE(take(t, '('), POISE_IO, "npy header: the shape is not a tuple");
    out->rank = 0;
    while (!take(t, ')')) {
        int64_t v = 0;
        int n = 0;
        spaces(t);
        for (; t->at < t->end && isdigit((unsigned char)*t->at) && n < 18; t->at++, n++) v = v * 10 + (*t->at - '0');
        PS_REQUIRE(n, POISE_IO, "npy header: the shape holds something that is not a number");
        PS_REQUIRE(v <= INT32_MAX, POISE_IO, "npy header: a dimension of %lld exceeds 2^31-1", (long long)v);
        PS_REQUIRE(out->rank < POISE_MAX_DIMS, POISE_IO, "npy header: more than %d dimensions", POISE_MAX_DIMS);
        out->dim[out->rank++] = (int32_t)v;
        if (!take(t, ',')) {
            PS_REQUIRE(take(t, ')'), POISE_IO, "npy header: the shape is not closed");
            break;
        }
    }
    return POISE_OK;
}

static poise_status type(const char *descr, poise_tensor *out)
{
    if (*descr == '>') return ps_fail(POISE_IO, "npy type '%s' is big-endian; save it little-endian", descr);
    for (int i = 0; i < N_TYPES; i++)
        if ((*descr == '<' || *descr == '|' || *descr == '=') && !strcmp(descr + 1, types[i].code)) {
            out->type = (poise_type)types[i].type;
            return POISE_OK;
        }
    return ps_fail(POISE_IO, "npy type '%s' is not one of f4 f8 f2 i4 i8 u1 i1 b1", descr);
}

static poise_status header(text t, poise_tensor *out)
{
    bool have[3] = {false};
    PS_REQUIRE(take(&t, '{'), POISE_IO, "npy header: not a dictionary");
    while (!take(&t, '}')) {
        char key[32], descr[32];
        PS_REQUIRE(string(&t, key) && take(&t, ':'), POISE_IO, "npy header: not a dictionary of names");
        if (!strcmp(key, "descr")) {
            PS_REQUIRE(string(&t, descr), POISE_IO, "npy type: records are not tensors");
            PS_TRY(type(descr, out));
            have[0] = true;
        } else if (!strcmp(key, "fortran_order")) {
            PS_REQUIRE(!word(&t, "True"), POISE_IO, "npy data is in Fortran order; save it with order='C'");
            PS_REQUIRE(word(&t, "False"), POISE_IO, "npy header: fortran_order is neither True nor False");
            have[1] = true;
        } else if (!strcmp(key, "shape")) {
            PS_TRY(shape(&t, out));
            have[2] = true;
        } else {
            return ps_fail(POISE_IO, "npy header: unknown key '%s'", key);
        }
        if (!take(&t, ',')) {
            PS_REQUIRE(take(&t, '}'), POISE_IO, "npy header: the dictionary is not closed");
            break;
        }
    }
    PS_REQUIRE(have[0] && have[1] && have[2], POISE_IO, "npy header: descr, fortran_order or shape is missing");
    return POISE_OK;
}

poise_status ps_npy_parse(const void *bytes, size_t size, ps_npy *out)
{
    *out = (ps_npy){0};
    const uint8_t *b = bytes;
    PS_REQUIRE(size >= 10 && !memcmp(b, "\x93NUMPY", 6), POISE_IO, "not an npy file");
    PS_REQUIRE(b[6] >= 1 && b[6] <= 3, POISE_IO, "npy version %d is not 1, 2 or 3", b[6]);
    size_t at = b[6] == 1 ? 10 : 12;
    PS_REQUIRE(size >= at, POISE_IO, "npy file ends inside its header");
    size_t n = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1) n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    PS_REQUIRE(n <= size - at, POISE_IO, "npy file ends inside its header");
    poise_tensor *t = &out->tensor;
    const char *h = (const char *)b + at;
    PS_TRY(header((text){h, h + n}, t));
    at += n;
    size_t count, need;
    char dims[PS_SHAPE_TEXT];
    PS_REQUIRE(ps_dims_count(t->rank, t->dim, &count) && ps_size_mul(&need, count, poise_type_size(t->type)),
               POISE_IO, "npy shape %s is too large", ps_shape_text(t->rank, t->dim, dims));
    PS_REQUIRE(need == size - at, POISE_IO, "npy file holds %zu bytes of data where %s of %s needs %zu", size - at,
               ps_shape_text(t->rank, t->dim, dims), poise_type_name(t->type), need);
    ps_strides_row_major(t);
    const uint8_t *data = b + at;
    if ((uintptr_t)data % poise_type_size(t->type)) {
        out->own = ps_alloc(need);
        PS_REQUIRE(out->own, POISE_NO_MEMORY, "no memory for %zu bytes of npy data", need);
        memcpy(out->own, data, need);
        data = out->own;
    }
    t->data = (void *)(uintptr_t)data;
    return POISE_OK;
}

poise_status ps_npy_open(const char *path, ps_npy *out)
{
    *out = (ps_npy){0};
    ps_file f;
    PS_TRY(ps_file_map(path, &f));
    poise_status s = ps_npy_parse(f.bytes, f.size, out);
    if (s) {
        ps_file_unmap(&f);
        return ps_fail_in(s, "%s", path);
    }
    out->file = f;
    return POISE_OK;
}

void ps_npy_close(ps_npy *n)
{
    ps_file_unmap(&n->file);
    ps_free(n->own);
    *n = (ps_npy){0};
}

poise_status ps_npy_bytes(const poise_tensor *t, void **bytes, size_t *size)
{
    const char *code = NULL;
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].type == t->type) code = types[i].code;
    PS_REQUIRE(code, POISE_BAD_ARGUMENT, "npy: a tensor without a type");
    char h[256];
    bool byte = poise_type_size(t->type) == 1;
    int n = snprintf(h, sizeof h, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", byte ? '|' : '<', code);
    for (int i = 0; i < t->rank; i++)
        n += snprintf(h + n, sizeof h - (size_t)n, "%d,%s", t->dim[i], i + 1 < t->rank ? " " : "");
    n += snprintf(h + n, sizeof h - (size_t)n, "), }");
    size_t head = ps_round_up((size_t)n + 11, 64); /* magic, length, text, newline: data starts aligned */
    size_t data = poise_tensor_count(t) * poise_type_size(t->type);
    uint8_t *b = ps_alloc(head + data);
    PS_REQUIRE(b, POISE_NO_MEMORY, "no memory for %zu bytes of npy data", head + data);
    memset(b, ' ', head);
    memcpy(b, "\x93NUMPY\x01\x00", 8);
    b[8] = (uint8_t)((head - 10) & 255), b[9] = (uint8_t)((head - 10) >> 8);
    memcpy(b + 10, h, (size_t)n);
    b[head - 1] = '\n';
    poise_tensor_read(t, b + head);
    *bytes = b, *size = head + data;
    return POISE_OK;
}
