/* poise.h - the whole public interface of Poise, a runtime for vision networks on CPUs.
 *
 *   1 Status     2 Tensors     3 Model     4 Session     5 Images     6 Results     7 Conversion
 *
 * The life of a program:
 *
 *     poise_model *m;  poise_session *s;                      (read-only, shared)   (one per thread)
 *     poise_model_open("net.poise", NULL, &m);
 *     poise_session_open(m, NULL, &s);
 *     poise_image img;  poise_image_open_for(s, "bus.jpg", &img);
 *     poise_object found[300];  int n;
 *     poise_detect(s, &img, NULL, found, 300, &n);
 *
 * Law of phases: everything that can fail fails in open or init.  poise_session_run() has no error
 * path, allocates nothing and takes no lock but the thread pool's.
 * Threads: a model may be shared by any number of threads once it is open; a session belongs to one
 * thread at a time.  No function exits, aborts or prints.
 */
#ifndef POISE_H
#define POISE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef POISE_API
#define POISE_API __attribute__((visibility("default")))
#endif

#define POISE_VERSION "0.1.0"

/* ---- 1 Status ------------------------------------------------------------------------------- */

typedef enum poise_status {
    POISE_OK = 0,
    POISE_BAD_MODEL = -1,    /* a model file breaks a rule of its format */
    POISE_BAD_ARGUMENT = -2, /* the caller's values make no sense together */
    POISE_NO_MEMORY = -3,    /* allocation failed, or the given block or limit is too small */
    POISE_UNSUPPORTED = -4,  /* legal, but outside what Poise runs */
    POISE_IO = -5,           /* a file cannot be read or written, or is damaged */
} poise_status;

/* One line about this thread's last failure: which file, node and value, and what would be right.
 * Valid until the next failing call on this thread. */
POISE_API const char *poise_error_text(void);

/* "0.1.0", the version of the library that is linked (POISE_VERSION is the header's). */
POISE_API const char *poise_version(void);

/* ---- 2 Tensors ------------------------------------------------------------------------------ */

enum { POISE_MAX_DIMS = 8 };

/* Element types.  The numbers are part of the model file format. */
typedef enum poise_type {
    POISE_NONE = 0,
    POISE_F32 = 1,
    POISE_I32 = 2,
    POISE_I64 = 3,
    POISE_U8 = 4,
    POISE_I8 = 5,
    POISE_BOOL = 6, /* one byte, 0 or 1 */
    POISE_F16 = 7,  /* storage only: Cast and constants; inside, what POISE_FAST may make of f32 */
    POISE_F64 = 8,  /* storage only: Cast and constants */
    POISE_BF16 = 9, /* the upper half of an f32 */
} poise_type;

/* A view of memory.  Dimensions are in the network's own order (ONNX: N,C,H,W); how they lie in
 * memory is told by the strides, in elements.  Images usually lie channels-last: stride[1] == 1. */
typedef struct poise_tensor {
    void *data;
    poise_type type;
    int32_t rank;
    int32_t dim[POISE_MAX_DIMS];
    ptrdiff_t stride[POISE_MAX_DIMS];
    float scale;  /* quantised u8 or i8: an element q stands for scale*(q - zero); 0 = plain numbers */
    int32_t zero; /* a value of the type */
} poise_tensor;

/* Bytes of one element; 0 for POISE_NONE. */
POISE_API size_t poise_type_size(poise_type t);
/* "f32", "i64", ...; "none" for anything else. */
POISE_API const char *poise_type_name(poise_type t);
/* Elements in t (1 for rank 0). */
POISE_API size_t poise_tensor_count(const poise_tensor *t);
/* Copies between t and a dense row-major block of poise_tensor_count(t) elements of the same type. */
POISE_API void poise_tensor_read(const poise_tensor *t, void *dense);
POISE_API void poise_tensor_write(const poise_tensor *t, const void *dense);

/* ---- 3 Model -------------------------------------------------------------------------------- */

typedef struct poise_model poise_model;

enum { POISE_THREADS_AUTO = -1 }; /* try all numbers when the model is opened (a second or so), take the best */

/* What a network computes in.  A contract on results, not on speed: a processor on which the lesser precisions gain
 * nothing computes exactly in all of them, and poise_model_kernels() says so. */
typedef enum poise_precision {
    POISE_RECORDED = 0, /* what the model file records (poise convert --precision), else exact */
    POISE_EXACT = 1,    /* fp32 */
    POISE_NEAR = 2,     /* fp32 values, products of 16-bit halves: 1e-4 of the largest output */
    POISE_FAST = 3,     /* bf16 or fp16 products and activations, fp32 sums, normalisation, outputs; fp16 ends at 65504: values of
                         * a network beyond are cut to that, and layers with such weights stay fp32 */
    POISE_INT8 = 4,     /* products of bytes: what quantised files compute in (poise quantize makes them), and no others can;
                         * with one of the above, that is what such a file's float nodes compute in */
} poise_precision;

typedef struct poise_options {
    int threads;       /* of one pool for all sessions ($POISE_THREADING=openmp: OpenMP's), at most 64; 0 = as many as this
                        * process may use (affinity, control group); POISE_THREADS_AUTO.  Sessions that run at the same
                        * time share them: each takes fewer rather than to have more threads than cores */
    size_t max_memory; /* bytes that model and session together may take; 0 = no limit */
    const char *isa;   /* "c", "sse4", "avx2", "avx512vnni", ... (poise doctor): use no kernels above it; NULL = $POISE_ISA, else the best */
    const char *tuning; /* a file that poise_model_tune wrote; "none"; NULL = the one that fits, if any, of NAME.tune
                         * beside a model that is opened by path and the cache directory */
    poise_precision precision;
    uint64_t cpu_mask; /* CPUs to stay on, bit i for CPU i (0..63), and the default of `threads` is their number; 0 = by rule:
                        * where cores differ (big.LITTLE) the big ones, as long as there are no more threads than those.  A
                        * thread that runs a session is kept there for the time of the run */
    int frugal;        /* 1: compute every node in the way that takes the least memory, whatever `tuning` says: sums in another
                        * order for some, and mostly slower */
    int plan_only;     /* 1: for poise_model_memory; weights are not packed, and there can be no session */
} poise_options;

/* What a model and one session of it take, in bytes and to the byte, known before anything runs. */
typedef struct poise_memory {
    size_t weights;     /* constants in use: packed for the chosen kernels, or used in place */
    size_t arena;       /* activations, planned by lifetime */
    size_t scratch;     /* the largest working space of any node, for all threads */
    size_t overhead;    /* tables of the model and the session, and what rounding to pages adds to any of these */
    size_t peak;        /* the sum of the above: all that is asked of the system, and constants used in place */
    size_t opening;     /* the most while it was opened, before there was a session: what is packed beside what is not yet */
    size_t lower_bound; /* no plan of this node order could have a smaller arena */
} poise_memory;

/* Opens a .poise file (mapped, read-only).  `o` may be NULL: its threads and isa decide how weights are
 * packed and how much scratch is planned.  The model keeps no pointer to `o`. */
POISE_API poise_status poise_model_open(const char *path, const poise_options *o, poise_model **out);
/* The same from memory: `bytes` (64-byte aligned) must outlive the model and is never written. */
POISE_API poise_status poise_model_open_memory(const void *bytes, size_t size, const poise_options *o,
                                               poise_model **out);
/* Closes a model that no session uses any more.  NULL is fine. */
POISE_API void poise_model_close(poise_model *m);

POISE_API int poise_model_inputs(const poise_model *m);
POISE_API int poise_model_outputs(const poise_model *m);
/* Name and shape of input or output i (data and strides are not set).  NULL out of range. */
POISE_API const char *poise_model_input(const poise_model *m, int i, poise_tensor *shape);
POISE_API const char *poise_model_output(const poise_model *m, int i, poise_tensor *shape);
/* The value of a metadata key ("task", "names", "imgsz", ...), or NULL.  Lives as long as the model. */
POISE_API const char *poise_model_metadata(const poise_model *m, const char *key);
/* The precision asked for (never POISE_RECORDED), its name ("exact", "near", "fast"), and one line about what it runs on:
 * "fast: bf16 on avx512bf16", "fast: no bf16 or fp16 instructions in avx2, runs exact fp32 on it". */
POISE_API poise_precision poise_model_precision(const poise_model *m);
POISE_API const char *poise_precision_name(poise_precision p);
POISE_API const char *poise_model_kernels(const poise_model *m);
POISE_API void poise_model_memory(const poise_model *m, poise_memory *out);

/* ---- 4 Session ------------------------------------------------------------------------------ */

typedef struct poise_session poise_session;

/* Bytes of memory that a session of `m` takes, exactly. */
POISE_API size_t poise_session_size(const poise_model *m);
/* Builds a session in the caller's memory (64-byte aligned, `size` >= poise_session_size(m)); never allocates. */
POISE_API poise_status poise_session_init(const poise_model *m, void *memory, size_t size, poise_session **out);
/* The same in memory of its own. */
POISE_API poise_status poise_session_open(const poise_model *m, poise_session **out);
POISE_API void poise_session_close(poise_session *s);

/* Where input i is to be written, in the strides that the plan chose.  Contents are undefined after
 * every run: write all inputs before each run.  NULL out of range. */
POISE_API const poise_tensor *poise_session_input(poise_session *s, int i);
/* Runs the network.  Cannot fail, allocates nothing. */
POISE_API void poise_session_run(poise_session *s);
/* Output i after a run; valid until the next run.  A dimension whose size depends on the data has
 * its true size here.  NULL out of range. */
POISE_API const poise_tensor *poise_session_output(poise_session *s, int i);

/* ---- 5 Images ------------------------------------------------------------------------------- */

/* How 8-bit pixels lie in memory.  The number of planes and the bytes of a pixel follow from it. */
typedef enum poise_format {
    POISE_RGB = 0, /* one plane, 3 bytes a pixel; what pictures are read into */
    POISE_BGR = 1,
    POISE_GRAY = 2, /* 1 byte */
    POISE_RGBA = 3, /* 4 bytes; the last is ignored */
    POISE_BGRA = 4,
    POISE_NV12 = 5, /* Y; U and V interleaved, at half the width and height (rounded up) */
    POISE_I420 = 6, /* Y; U; V, the latter two at half the width and height (rounded up) */
} poise_format;

/* What the numbers of NV12 and I420 mean; 0 is BT.601 with Y in 16..235, as cameras and most files have it. */
enum { POISE_BT709 = 1, POISE_FULL_RANGE = 2 };

typedef struct poise_image {
    uint8_t *plane[3];   /* as many as the format has */
    ptrdiff_t stride[3]; /* bytes from row to row of each plane; may be negative */
    int32_t w, h;
    int32_t format; /* a poise_format */
    int32_t colour; /* POISE_BT709 | POISE_FULL_RANGE, for NV12 and I420 */
    int own;        /* 1: plane[0] belongs to this struct and poise_image_close frees it */
    /* Where this is a smaller version of a picture (see poise_image_open_for): that picture's size, in whose
     * pixels all results are, and where it lies here: its pixel x is at left + x / shrink, y alike.  0: it is
     * not. */
    int32_t full_w, full_h;
    float left, top, shrink;
} poise_image;

/* Reads a JPEG, PNG, PPM/PGM or BMP file into RGB, turned upright by its EXIF orientation. */
POISE_API poise_status poise_image_open(const char *path, poise_image *out);
POISE_API poise_status poise_image_open_memory(const void *bytes, size_t size, poise_image *out);
/* The same for poise_detect with `s`: a JPEG that is much larger than what the network sees is read at 1/2, 1/4 or
 * 1/8 of its size, which takes a fraction of the time and memory.  Detections move by less than a pixel of the
 * network's input. */
POISE_API poise_status poise_image_open_for(struct poise_session *s, const char *path, poise_image *out);
/* Writes RGB or GRAY by the ending of the name: .jpg .jpeg .png .ppm .bmp.  Nothing half-written is left behind. */
POISE_API poise_status poise_image_save(const poise_image *img, const char *path, int jpeg_quality);
POISE_API void poise_image_close(poise_image *img);

/* ---- 6 Results ------------------------------------------------------------------------------ */

enum { POISE_MAX_KEYPOINTS = 64 };

typedef struct poise_keypoint {
    float x, y; /* pixels of the source image */
    float conf; /* 0..1 */
} poise_keypoint;

typedef struct poise_object {
    int32_t class_id;
    float conf;             /* 0..1 */
    float x1, y1, x2, y2;   /* pixels of the source image, clipped to it */
    int32_t n_keypoints;    /* 0 where the network has none */
    poise_keypoint keypoint[POISE_MAX_KEYPOINTS];
} poise_object;

/* How to read a network's answer.  Zero means: what the model file records. */
typedef struct poise_detect_options {
    float conf;           /* least score; 0 = recorded, else the decoder's own, mostly 0.25 */
    float iou;            /* NMS threshold; 0 = recorded, else the decoder's own, 0.3 to 0.7 */
    int max_det;          /* most objects; 0 = 300 */
    int agnostic_nms;     /* 1: NMS across classes */
    int multi_label;      /* 1: a cell may give several classes (for measuring mAP) */
    const int32_t *classes; /* of what is found, only these class ids; NULL = all */
    int n_classes;
    int all_boxes;        /* 1: compute the boxes of all cells, not only of those with a score above conf; what is found is
                             the same to the bit, and poise_session_output then holds them all */
} poise_detect_options;

/* Runs the whole path on one image: letterbox, network, decoding, NMS.  Writes at most `cap` objects,
 * best first, and their number to *n.  For a classifier: the top classes as objects without boxes.
 * Working memory is allocated on the first call of a session and kept. */
POISE_API poise_status poise_detect(poise_session *s, const poise_image *img, const poise_detect_options *o,
                                    poise_object *found, int cap, int *n);
/* The same for networks that see one person: each of the boxes (x1 y1 x2 y2 in pixels of the picture) and its surroundings.
 * Gives them in the order of their boxes; a box without joints above o->conf gives none.  With several threads, as many
 * people at a time, each in a session of its own that is kept; the same bits.  POISE_UNSUPPORTED for other networks. */
POISE_API poise_status poise_detect_boxes(poise_session *s, const poise_image *img, const float (*boxes)[4], int n_boxes,
                                          const poise_detect_options *o, poise_object *found, int cap, int *n);
/* The model's name for a class, or NULL. */
POISE_API const char *poise_class_name(const poise_session *s, int class_id);

/* ---- 7 Conversion --------------------------------------------------------------------------- */

typedef struct poise_convert_options {
    int imgsz_h, imgsz_w;       /* size for dynamic image dimensions; 0 = must be static, or recorded.  Another than a
                                 * static one is an error unless all that the file fixes can follow (see ARCHITECTURE) */
    const char *const *shapes;  /* "NAME=1x3x640x640" bindings of dynamic inputs */
    int n_shapes;
} poise_convert_options;

/* Reads a foreign checkpoint (ONNX, TFLite), optimises it and gives the bytes of a .poise file, 64-byte
 * aligned; release them with poise_free.  `o` may be NULL. */
POISE_API poise_status poise_convert(const char *path, const poise_convert_options *o, void **bytes, size_t *size);
/* Opens a .poise file, or anything poise_convert reads, converted in memory. */
POISE_API poise_status poise_model_open_any(const char *path, const poise_convert_options *co,
                                            const poise_options *o, poise_model **out);
POISE_API void poise_free(void *p);

typedef struct poise_tuned {
    int nodes, changed; /* that are computed, and that are now computed in another way than by rule */
    double before_ms, after_ms; /* least time of a run */
    size_t before_bytes, after_bytes; /* poise_memory's peak: some ways are faster with more memory */
} poise_tuned;

/* Times every way of computing every node of a model (anything poise_model_open_any opens) on this machine, `runs` times
 * each (0 = 30), and writes the fastest into a tuning file; a way has to be more than 3 % faster to replace the one
 * taken by rule.  `file` NULL: into the cache directory ($POISE_CACHE, else $XDG_CACHE_HOME/poise, else
 * $HOME/.cache/poise), where poise_model_open finds it.  Tuning files are text, and fit one network (whatever its weights), CPU,
 * isa and version.  Results of a tuned model may differ from those of an untuned one as algorithms do (1e-4 of the
 * largest output); they are the same on every run.  Keep the machine idle meanwhile.  `result` may be NULL. */
POISE_API poise_status poise_model_tune(const char *path, const poise_convert_options *co, const poise_options *o, int runs,
                                        const char *file, poise_tuned *result);

/* ---- quantising ---- */

/* How the range of numbers that 8 bits stand for is chosen from those that were seen. */
enum { POISE_RANGES_MSE = 0, POISE_RANGES_PERCENTILE = 1, POISE_RANGES_MINMAX = 2 };

typedef struct poise_quantize_options {
    /* Writes sample number `sample` (0 <= sample < samples) into the inputs of `s` (poise_session_input): pictures as the
     * network will see them.  Called several times for every sample, always with the same session. */
    poise_status (*fill)(void *ctx, int sample, poise_session *s);
    int samples;
    /* Told what is being done, may be NULL. */
    void (*progress)(void *ctx, const char *what, int done, int total);
    void *ctx;
    int ranges;          /* POISE_RANGES_... */
    int full_weights;    /* 1: weights of all 8 bits.  0: two neighbours of one sign never exceed 16 bits in products with
                            8-bit activations, so that processors without VNNI are as fast and as exact */
    float float_budget;  /* share of the multiply-accumulates that may stay float where 8 bits do harm; 0 = 0.05,
                            negative = none */
    const char *const *keep_float; /* nodes to leave as they are, by name; '*' and '?' stand for any text and letter */
    int n_keep_float;
    int no_bias, no_equalise, no_clip; /* 1: leave out correction of biases, equalisation, clipping of weights */
    int threads;         /* as in poise_options */
    uint64_t cpu_mask;   /* as in poise_options */
} poise_quantize_options;

/* What became of one convolution or matrix product. */
typedef struct poise_quantized_layer {
    const char *name;
    int integer;        /* 0: left float, as asked or because of the harm */
    float scale;        /* of its output's codes, 0: writes floats */
    int zero;
    double macs;        /* share of all */
    double weights_db;  /* signal to noise of the weights alone */
    double output_db;   /* of its output, with all before it quantised */
    double harm;        /* share of the outputs' error that goes when this one alone is left float; -1: not tried */
} poise_quantized_layer;

typedef struct poise_quantized {
    int n_layers;
    const poise_quantized_layer *layers; /* in the order of running */
    int n_outputs;
    const double *output_db;     /* of each output of the network, over some samples */
    const double *output_cosine; /* between exact and quantised */
    int equalised;               /* pairs of convolutions */
    double float_macs;           /* share of multiply-accumulates that stay float */
    void *memory;                /* give to poise_free */
} poise_quantized;

/* Quantises the network in `bytes` (a .poise file that is not quantised yet): gives the bytes of another file, to be
 * released with poise_free.  Scales come from the samples; nothing is judged: see `report` (may be NULL). */
POISE_API poise_status poise_quantize(const void *bytes, size_t size, const poise_quantize_options *o, void **out,
                                      size_t *out_size, poise_quantized *report);
/* The same network with its weights stored in another type: POISE_I8 (with a scale for each output) or POISE_F16.  It
 * computes in floats. */
POISE_API poise_status poise_store_weights(const void *bytes, size_t size, poise_type type, void **out, size_t *out_size);

/* The same network with its weights also packed for other processors: `targets` are names with commas between them ("cortex-a53",
 * "x86-64-v3", "host"; an unknown one is refused with a list of all), `bytes` any .poise file.  Where a file is opened on such a processor, in
 * the precision that it records, weights are used where they are in the file: nothing is packed or copied.  Elsewhere the file is
 * what it was; with `only`, there is nothing else in it, and it is refused there. */
POISE_API poise_status poise_pack(const void *bytes, size_t size, const char *targets, int only, void **out, size_t *out_size);

#ifdef __cplusplus
}
#endif
#endif
