/* ops/fold.h - how the 16 partial results of a reduction become one, in every ISA alike. */
#ifndef PS_OPS_FOLD_H
#define PS_OPS_FOLD_H

enum { PS_PARTS = 16 }; /* the widest vector: narrower ISAs keep several registers */

/* Pairwise: i with i+8, then i+4, i+2, i+1, the order in which halves of a register are folded. */
static inline float ps_fold_sum(const float p[PS_PARTS])
{
    float s[PS_PARTS / 2];
    for (int i = 0; i < PS_PARTS / 2; i++) s[i] = p[i] + p[i + PS_PARTS / 2];
    for (int half = PS_PARTS / 4; half; half /= 2)
        for (int i = 0; i < half; i++) s[i] += s[i + half];
    return s[0];
}

/* NaN in any part gives NaN. */
static inline float ps_fold_max(const float p[PS_PARTS])
{
    float m = p[0];
    for (int i = 1; i < PS_PARTS; i++) m = p[i] > m || p[i] != p[i] ? p[i] : m;
    return m;
}

#endif
