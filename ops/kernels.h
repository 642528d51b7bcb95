/* ops/kernels.h - the table of kernels a session runs with. */
#ifndef PS_OPS_KERNELS_H
#define PS_OPS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens to a value on its way out of an accumulator.  The numbers are in the file format. */
typedef enum ps_act {
    PS_ACT_NONE = 0,
    PS_ACT_RELU = 1,
    PS_ACT_CLIP = 2,       /* min(max(x, a), b): ReLU6 is a=0 b=6 */
    PS_ACT_LEAKY = 3,      /* x < 0 ? a*x : x */
    PS_ACT_SIGMOID = 4,
    PS_ACT_SILU = 5,       /* x * sigmoid(x) */
    PS_ACT_HARDSIGMOID = 6, /* min(max(a*x + b, 0), 1) */
    PS_ACT_HARDSWISH = 7,  /* x * min(max(x/6 + 1/2, 0), 1) */
    PS_ACT_GELU = 8,       /* x/2 * (1 + erf(x / sqrt 2)) */
    PS_ACT_GELU_TANH = 9,  /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */
    PS_ACT_TANH = 10,
    PS_ACT_ELU = 11,       /* x < 0 ? a*(exp(x) - 1) : x */
    PS_ACT_MISH = 12,      /* x * tanh(log(1 + exp(x))) */
    PS_ACT_SOFTPLUS = 13,  /* log(1 + exp(x)) */
    PS_ACT_COUNT
} ps_act;

/* y = act(x + bias) + residual, or act(x + bias + residual) when act_last. */
typedef struct ps_epilogue {
    const float *bias;     /* one per column, or NULL */
    union {
        const float *residual;      /* row i begins at residual + i*ldr, or NULL */
        const uint16_t *residual16; /* the same where `half` says that it has 16 bits */
    };
    ptrdiff_t ldr;
    ps_act act;
    float a, b; /* parameters of act */
    bool act_last;
    bool half; /* gemm_bf16 and gemm_f16 only: outputs and residual are of that type */
} ps_epilogue;

/* The tile a GEMM kernel computes, which decides how weights are packed. */
typedef struct ps_tile {
    int mr, nr; /* at most mr rows, panels of nr columns */
    int kr;     /* gemm_bf16, gemm_f16: rows of a panel that lie side by side */
} ps_tile;

/* How sums of integers become outputs; ops/requant.h is the exact meaning, the same bits on every ISA:
 *   x = float(sum + add[j]) * scale[j] + bias[j];  y = act(x) + r, or act(x + r) when act_last, with
 *   r = res_scale * (residual[i*ldr + j] - res_zero), 0 without a residual;
 *   c = y where to_f32, else the code of y * inv: clamp(round half even(y * inv) + zero, 0, 255), NaN as the lowest;
 *   looked up in `table` where there is one.
 * Quantised activations are codes: real = scale * (code - zero), so inv is 1 / scale of the output. */
typedef struct ps_requant {
    const int32_t *add; /* one per column, or NULL: -zero of the input times the sum of the column's weights */
    const float *scale; /* one per column */
    const float *bias;  /* one per column, or NULL */
    ps_act act;
    float a, b; /* parameters of act */
    bool act_last;
    const uint8_t *residual; /* row i begins at residual + i*ldr, or NULL */
    ptrdiff_t ldr;
    float res_scale;
    int32_t res_zero;
    bool to_f32; /* outputs are floats; inv, zero and table do not count */
    float inv;   /* > 0 */
    int32_t zero; /* 0..255 */
    const uint8_t *table; /* 256 codes, or NULL */
    /* The driver's promise on weights, with which a kernel may take a shorter way to the same sums: for every pair of rows
     * (2i, 2i + 1) of a tap and every column, 255 times the sum of the positive weights of the two and of the negative
     * ones stays within 16 bits: <= 32767 and >= -32768. */
    bool narrow;
    /* What a kernel may be spared to find out in gemm_u8's weights. */
    const int32_t *sums; /* of each column's weights, or NULL */
    bool no_128;         /* none of them is -128 */
    bool eights; /* gemm_u8 only: how b lies, where PS_FAST_EIGHTS */
} ps_requant;

/* Rows [y0, y1) and columns [x0, x1) of a window; y0 <= y1 and x0 <= x1. */
typedef struct ps_part {
    int y0, y1, x0, x1;
} ps_part;

enum { PS_NINTH = 954437177 }; /* 9 times this is 1 modulo 2^32: integer Winograd divides with it */

enum { PS_MAX_MR = 16, PS_MAX_NR = 64 };

enum {
    PS_FAST_BF16 = 1,   /* one gemm_bf16 */
    PS_FAST_BF16X3 = 2, /* three of them, on the two halves of each number: 16 bits of precision */
    PS_FAST_DOT = 4,    /* gemm_u8, which multiplies four bytes at a time: twice as fast as gemm_s16 */
    PS_FAST_TILES = 8,  /* gemm_u8 by far: tiles of bytes, or dot products where gemm_s16 has none */
    PS_FAST_EIGHTS = 16, /* gemm_u8 of weights in eights: twice as fast as of those in fours */
    PS_FAST_F16 = 32,    /* one gemm_f16 */
};

/* How Y, U and V become R, G and B, in 1/8192: with y = luma * (Y - low) and U, V less 128, R = y + rv V,
 * G = y + gu U + gv V, B = y + bu U, rounded half up and clamped. */
typedef struct ps_yuv {
    int16_t low, luma, rv, gu, gv, bu;
} ps_yuv;

/* Weighted sums along a line: output i has count[i] >= 1 terms, weights from weight[start[i]] on for pixels from first[i]
 * on.  Weights are 0..2^22 and sum to about 2^22.  Behind an output's weights zeros follow up to a multiple of 4. */
typedef struct ps_taps {
    const int32_t *first, *count, *start, *weight;
} ps_taps;
enum { PS_AREA_BITS = 22 };

/* How add_u8 and mul_u8 mix the codes of two tensors into those of a third: with s of each the factor mul0 is s0/s and mul1 is
 * s1/s for a sum, mul0 is s0*s1/s for a product.  All but the factors are 0..255, low <= high. */
typedef struct ps_mix {
    float mul0, mul1;
    int32_t zero0, zero1, zero;
    int32_t low, high; /* 0 and 255; ReLU has low = zero */
} ps_mix;

#define PS_SLOT(slot, ret, args) typedef ret ps_##slot##_fn args;
#include "ops/kernels.def"
#undef PS_SLOT

typedef struct ps_kernels {
#define PS_SLOT(slot, ret, args) ps_##slot##_fn *slot;
#include "ops/kernels.def"
#undef PS_SLOT
    ps_tile gemm_f32_tile; /* of gemm_f32: an ISA that sets that slot sets this too */
    ps_tile gemm_bf16_tile; /* of gemm_bf16: the best number of rows; the width of panels */
    ps_tile gemm_f16_tile;  /* of gemm_f16: the same */
    ps_tile gemm_u8_tile;   /* of gemm_u8: the same */
    unsigned fast;          /* PS_FAST_*: what is faster here than gemm_f32 */
    bool split;             /* products of floats are three of bfloat16: the near precision (ps_conv_splits) */
    const char *name;       /* of the strongest ISA in use */
    const char *name_bf16;  /* of the one that gemm_bf16 is from */
    const char *name_f16;   /* of the one that gemm_f16 is from */
    const char *name_u8;    /* of the one that gemm_u8 is from */
} ps_kernels;

typedef struct ps_isa {
    const char *name;
    unsigned need;           /* PS_CPU_* bit this table requires */
    const ps_kernels *table; /* NULL slot = inherit from the ISA before it */
} ps_isa;

extern const ps_isa ps_isas[]; /* weakest first; ends with name == NULL */

/* Best kernel for each slot on a CPU with `flags`.  Every slot is non-NULL on return. */
void ps_kernels_select(ps_kernels *k, unsigned flags);

/* The table of the strongest ISA below that of `k` (selected for `flags`) that multiplies with other tiles and may be
 * faster for some shapes: one that has fused multiply-add.  False when there is none. */
bool ps_kernels_weaker(const ps_kernels *k, unsigned flags, ps_kernels *weaker);

/* CPU flags capped by an ISA name ("c", "sse4", "avx2", ...): that one and the weaker ones.  NULL or ""
 * caps nothing.  False for an unknown name; *known then lists the names that would be right. */
bool ps_kernels_cap(const char *isa, unsigned *flags, const char **known);

#endif
