/* ops/vec/pairs.h - what ops/tmpl/dwconv_u8.inc needs, without VNNI: two taps of words a lane, in what bytes_<isa>.h has. */
#ifndef PS_OPS_VEC_PAIRS_H
#define PS_OPS_VEC_PAIRS_H

#define DW_UNIT 2

VINLINE vi ddot(vi sum, vi x, vi w)
{
    return iadd(sum, imadd(x, w));
}

VINLINE void dw_zip(const vb x[2], vi y[4])
{
    vb low = bzip8low(x[0], x[1]), high = bzip8high(x[0], x[1]);
    y[0] = blow16(low);
    y[1] = bhigh16(low);
    y[2] = blow16(high);
    y[3] = bhigh16(high);
}

VINLINE void dw_zip_weights(const vb x[2], vi y[4])
{
    vb low = bzip8low(x[0], x[1]), high = bzip8high(x[0], x[1]);
    y[0] = bsar16(bzip8low(low, low), 8);
    y[1] = bsar16(bzip8high(low, low), 8);
    y[2] = bsar16(bzip8low(high, high), 8);
    y[3] = bsar16(bzip8high(high, high), 8);
}

#endif
