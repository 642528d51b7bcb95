/* ops/neon_inorder/gemm_neon_inorder.c - matrix product for cores that issue instructions in the order of the program, two at
 * a time: the tile's loop is in that order by hand.
 *
 * Cortex-A53 and A55 issue a multiplication of four floats every cycle, and beside it one that loads 64 bits to a general
 * register or (A55) to half a vector; a load of 128 bits stops them for two cycles.  So a vector is two loads and an insertion,
 * which A53 issues with the load of the next vector's first half, and sixteen of them, 8 rows of A and 4 of B by two, are
 * spread over 64 multiplications, each as soon as the register's last reader is through and some 7 cycles before its first.
 *
 * llvm-mca knows less: its A53 lets no load overtake a multiplication, and its A55 multiplies twice a cycle. */
#include "ops/neon_inorder/isa_neon_inorder.h"
#include "ops/unroll.h"
#include "ops/vec/vec_neon.h"

enum { GEMM_MR = PS_NEON_INORDER_MR, GEMM_NR = PS_NEON_INORDER_NR };
#define GEMM_EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define GEMM_EACH_NV(X, mr) X(mr, 1) X(mr, 2)

enum { LOADS = 16, ROWS_FIRST = 3, OF_B = 8 };

/* Four steps of k, and what of the next four is loaded already. */
typedef struct inorder {
    const float *const *row;
    const float *b;
    ptrdiff_t at, at_high; /* bytes from row[i] */
    vf x[8], w[4][2];
    uint64_t high; /* the other half of the vector being loaded */
} inorder;

/* What load t is for: rows 5 to 7 of these four steps, steps 2 and 3 of B, then steps 0 and 1 of the next four and rows 0
 * to 4. */
VINLINE bool inorder_of_b(int t)
{
    return t >= ROWS_FIRST && t < ROWS_FIRST + OF_B;
}
VINLINE int inorder_index(int t)
{
    if (inorder_of_b(t)) return (t - ROWS_FIRST + 4) % OF_B; /* vectors of w */
    return t < ROWS_FIRST ? 8 - ROWS_FIRST + t : t - ROWS_FIRST - OF_B;
}
VINLINE vf *inorder_vector(inorder *s, int t)
{
    int i = inorder_index(t);
    return inorder_of_b(t) ? &s->w[i / 2][i % 2] : &s->x[i];
}

typedef struct inorder_half {
    uint64_t bits;
} inorder_half;

VINLINE void inorder_low(inorder *s, int t)
{
    int i = inorder_index(t);
    if (inorder_of_b(t))
        __asm__ volatile("ldr %d0, %1" : "=w"(s->w[i / 2][i % 2]) : "m"(*(const inorder_half *)(s->b + i * VN)));
    else
        __asm__ volatile("ldr %d0, [%1, %2]" : "=w"(s->x[i]) : "r"(s->row[i]), "r"(s->at));
}

VINLINE void inorder_high(inorder *s, int t)
{
    int i = inorder_index(t);
    if (inorder_of_b(t))
        __asm__ volatile("ldr %0, %1" : "=r"(s->high) : "m"(*(const inorder_half *)(s->b + i * VN + 2)));
    else
        __asm__ volatile("ldr %0, [%1, %2]" : "=r"(s->high) : "r"(s->row[i]), "r"(s->at_high));
}

VINLINE void inorder_insert(inorder *s, int t)
{
    __asm__ volatile("ins %0.d[1], %1" : "+w"(*inorder_vector(s, t)) : "r"(s->high));
}

/* What goes before multiplication f. */
VINLINE void inorder_before(inorder *s, int f)
{
    static const signed char low[LOADS] = {1, 4, 7, 11, 16, 21, 26, 33, 37, 41, 45, 50, 53, 56, 59, 62};
    PS_UNROLL for (int t = 0; t < LOADS; t++)
    {
        if (f == low[t]) {
            inorder_low(s, t);
            inorder_insert(s, (t + LOADS - 1) % LOADS);
        }
        if (f == low[t] + 1) inorder_high(s, t);
    }
}

#define INORDER_STEP(l)                                                                                                   \
    PS_UNROLL for (int f = 0; f < 16; f++)                                                                                \
    {                                                                                                                     \
        inorder_before(&s, 16 * l + f);                                                                                   \
        __asm__ volatile("fmla %0.4s, %1.4s, %2.s[" #l "]" : "+w"(acc[f / 2][f % 2]) : "w"(s.w[l][f % 2]), "w"(s.x[f / 2])); \
    }

/* n times four steps of k.  The last time loads what it has again. */
VINLINE const float *inorder_fours(size_t n, const float *const *row, const float *b, vf acc[][2])
{
    inorder s = {.row = row, .b = b, .at_high = 8};
    PS_UNROLL for (int i = 0; i < 8 - ROWS_FIRST; i++) s.x[i] = vload(row[i]);
    PS_UNROLL for (int v = 0; v < 4; v++) s.w[v / 2][v % 2] = vload(b + v * VN);
    s.high = vgetq_lane_u64(vreinterpretq_u64_f32(s.x[LOADS - 1 - ROWS_FIRST - OF_B]), 1);
    PS_STAY();
    for (; n; n--) {
        const float *b_next = s.b + (n > 1 ? 4 * GEMM_NR : 0);
        ptrdiff_t at_next = s.at + (n > 1 ? 16 : 0);
        __asm__ volatile("" : "+r"(b_next), "+r"(at_next)); /* here, long before they are used */
        __builtin_prefetch(s.b + 96);
        __builtin_prefetch(s.b + 112);
        INORDER_STEP(0)
        INORDER_STEP(1)
        s.b = b_next;
        INORDER_STEP(2)
        s.at = at_next;
        s.at_high = at_next + 8;
        INORDER_STEP(3)
    }
    return s.b + 4 * GEMM_NR;
}
#define GEMM_FOURS inorder_fours

#include "ops/tmpl/gemm_lane.inc"
