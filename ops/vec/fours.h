/* ops/vec/fours.h - what ops/tmpl/dwconv_u8.inc needs, with VNNI: four taps of bytes a lane, in what bytes_<isa>.h has. */
#ifndef PS_OPS_VEC_FOURS_H
#define PS_OPS_VEC_FOURS_H

#define DW_UNIT 4

VINLINE void dw_zip(const vb x[4], vi y[4])
{
    vb low0 = bzip8low(x[0], x[1]), high0 = bzip8high(x[0], x[1]);
    vb low1 = bzip8low(x[2], x[3]), high1 = bzip8high(x[2], x[3]);
    y[0] = bzip16low(low0, low1);
    y[1] = bzip16high(low0, low1);
    y[2] = bzip16low(high0, high1);
    y[3] = bzip16high(high0, high1);
}

VINLINE void dw_zip_weights(const vb x[4], vi y[4])
{
    dw_zip(x, y);
}

#endif
