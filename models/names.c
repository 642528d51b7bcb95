/* models/names.c - reads the lists that exporters write as text, and knows COCO's. */
#include "models/names.h"

#include "runtime/memory.h"
#include "runtime/status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ps_coco_names[80] = {"person",        "bicycle",      "car",
                                       "motorcycle",    "airplane",     "bus",
                                       "train",         "truck",        "boat",
                                       "traffic light", "fire hydrant", "stop sign",
                                       "parking meter", "bench",        "bird",
                                       "cat",           "dog",          "horse",
                                       "sheep",         "cow",          "elephant",
                                       "bear",          "zebra",        "giraffe",
                                       "backpack",      "umbrella",     "handbag",
                                       "tie",           "suitcase",     "frisbee",
                                       "skis",          "snowboard",    "sports ball",
                                       "kite",          "baseball bat", "baseball glove",
                                       "skateboard",    "surfboard",    "tennis racket",
                                       "bottle",        "wine glass",   "cup",
                                       "fork",          "knife",        "spoon",
                                       "bowl",          "banana",       "apple",
                                       "sandwich",      "orange",       "broccoli",
                                       "carrot",        "hot dog",      "pizza",
                                       "donut",         "cake",         "chair",
                                       "couch",         "potted plant", "bed",
                                       "dining table",  "toilet",       "tv",
                                       "laptop",        "mouse",        "remote",
                                       "keyboard",      "cell phone",   "microwave",
                                       "oven",          "toaster",      "sink",
                                       "refrigerator",  "book",         "clock",
                                       "vase",          "scissors",     "teddy bear",
                                       "hair drier",    "toothbrush"};

const char *const ps_coco_joints[17] = {
    "nose",           "left_eye",   "right_eye",   "left_ear",   "right_ear",   "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
    "right_hip",      "left_knee",  "right_knee",  "left_ankle", "right_ankle"};

const uint8_t ps_coco_limbs[PS_COCO_LIMBS][2] = {
    {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
    {7, 9},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6}};

/* One walk over the text.  It runs twice: to measure (names NULL), then to fill. */
typedef struct walk {
    const char *at;
    const char **names;
    char *to;     /* where the next name's bytes go, or NULL */
    size_t bytes; /* of all names with their ends */
    int32_t n;    /* largest id + 1 */
} walk;

static void blanks(walk *w)
{
    while (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r') w->at++;
}

static void put(walk *w, char c)
{
    if (w->to) *w->to++ = c;
    w->bytes++;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character of \xNN or \uNNNN in UTF-8; `digits` follow at w->at. */
static bool put_code(walk *w, int digits)
{
    unsigned v = 0;
    for (int i = 0; i < digits; i++, w->at++) {
        if (hex(*w->at) < 0) return false;
        v = v << 4 | (unsigned)hex(*w->at);
    }
    if (v < 0x20) v = ' '; /* nothing that would break a line of output */
    if (v < 0x80) {
        put(w, (char)v);
    } else if (v < 0x800) {
        put(w, (char)(0xc0 | v >> 6)), put(w, (char)(0x80 | (v & 63)));
    } else {
        put(w, (char)(0xe0 | v >> 12)), put(w, (char)(0x80 | (v >> 6 & 63))), put(w, (char)(0x80 | (v & 63)));
    }
    return true;
}

static bool quoted(walk *w)
{
    char quote = *w->at++;
    while (*w->at && *w->at != quote) {
        char c = *w->at++;
        if (c == '\\') {
            c = *w->at ? *w->at++ : '\\';
            if (c == 'x' || c == 'u') {
                if (!put_code(w, c == 'x' ? 2 : 4)) return false;
                continue;
            }
            if (c == 'n' || c == 't' || c == 'r') c = ' ';
        }
        put(w, (unsigned char)c < 0x20 ? ' ' : c);
    }
    if (*w->at != quote) return false;
    w->at++;
    return true;
}

/* A name without quotes: up to a comma or closing bracket. */
static bool bare(walk *w, char end)
{
    const char *from = w->at;
    while (*w->at && *w->at != ',' && *w->at != end) w->at++;
    const char *to = w->at;
    while (to > from && (to[-1] == ' ' || to[-1] == '\n' || to[-1] == '\r' || to[-1] == '\t')) to--;
    for (const char *p = from; p < to; p++) put(w, (unsigned char)*p < 0x20 ? ' ' : *p);
    return to > from;
}

static bool key(walk *w, int32_t *id)
{
    char quote = *w->at == '\'' || *w->at == '"' ? *w->at++ : 0;
    if (*w->at < '0' || *w->at > '9') return false;
    int64_t v = 0;
    for (; *w->at >= '0' && *w->at <= '9' && v < PS_MAX_CLASSES; w->at++) v = v * 10 + (*w->at - '0');
    if (quote && *w->at != quote) return false; /* never past the end of the text */
    if (quote) w->at++;
    blanks(w);
    if (*w->at != ':') return false;
    w->at++;
    blanks(w);
    *id = (int32_t)v;
    return v < PS_MAX_CLASSES;
}

static bool items(walk *w)
{
    blanks(w);
    char open = *w->at, end = open == '{' ? '}' : open == '[' ? ']' : open == '(' ? ')' : 0;
    if (end) w->at++;
    for (int32_t next = 0;; next++) {
        blanks(w);
        if (*w->at == end) break;
        int32_t id = next;
        if (open == '{' && !key(w, &id)) return false;
        if (id >= PS_MAX_CLASSES) return false;
        if (w->names) w->names[id] = w->to;
        if (!(*w->at == '\'' || *w->at == '"' ? quoted(w) : bare(w, end))) return false;
        if (w->to) *w->to++ = 0;
        w->bytes++;
        if (id >= w->n) w->n = id + 1;
        blanks(w);
        if (*w->at == ',')
            w->at++;
        else if (*w->at != end)
            return false;
    }
    if (end) w->at++;
    blanks(w);
    return *w->at == 0 && w->n > 0;
}

poise_status ps_names_parse(const char *text, ps_names *out)
{
    *out = (ps_names){0};
    walk measure = {.at = text};
    PS_REQUIRE(items(&measure), POISE_BAD_MODEL,
               "class names: not a list like {0: 'person', 1: 'car'} near \"%.24s\"", measure.at);
    size_t table = (size_t)measure.n * sizeof(char *), all;
    char *block = ps_size_add(&all, table, measure.bytes) ? ps_alloc(all) : NULL;
    PS_REQUIRE(block, POISE_NO_MEMORY, "no memory for %d class names", measure.n);
    walk fill = {.at = text, .names = (const char **)(void *)block, .to = block + table};
    items(&fill);
    *out = (ps_names){fill.names, fill.n};
    return POISE_OK;
}

void ps_names_free(ps_names *n)
{
    ps_free(n->name);
    *n = (ps_names){0};
}

char *ps_names_text(const ps_names *n)
{
    size_t size = 8;
    for (int32_t i = 0; i < n->n; i++) size += 16 + (n->name[i] ? 2 * strlen(n->name[i]) : 0);
    char *text = ps_alloc(size), *p = text;
    if (!text) return NULL;
    *p++ = '{';
    for (int32_t i = 0; i < n->n; i++) {
        if (!n->name[i]) continue;
        p += snprintf(p, 16, "%s%d: '", p - text > 1 ? ", " : "", i);
        for (const char *s = n->name[i]; *s; s++) {
            if (*s == '\'' || *s == '\\') *p++ = '\\';
            *p++ = *s;
        }
        *p++ = '\'';
    }
    *p++ = '}';
    *p = 0;
    return text;
}

int ps_numbers(const char *text, float *out, int cap)
{
    int n = 0;
    while (*text) {
        if (strchr(" ,[]()\t\n\r", *text)) {
            text++;
            continue;
        }
        char *end;
        float v = strtof(text, &end);
        if (end == text || !isfinite(v) || n == cap) return -1;
        out[n++] = v;
        text = end;
    }
    return n;
}
