/* ops/vec/bytes_sse4.h - the vocabulary of rows of bytes of ops/tmpl in SSE4.1.
 *
 * The same names in every bytes_<isa>.h.  b..: a vector of BN = 4*VN bytes; vi: of VN 32-bit integers; k as in vec_sse4.h, but
 * of bytes.  A vector of bytes widens to four of integers in an order that bpack undoes; behind bspread it is the order
 * of memory, as is that of what bsort makes of bpack's result.  BFOUR: there is bstore_four, and 32 registers. */
#ifndef PS_OPS_VEC_BYTES_SSE4_H
#define PS_OPS_VEC_BYTES_SSE4_H

#include "ops/vec/sixteen.h"
#include "ops/vec/vec_sse4.h"

#include <string.h>

enum { BN = 16 };
typedef __m128i vb;
typedef __m128i vi;

// clang-format off: one name a line
VINLINE vb bload(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
VINLINE void bstore(uint8_t *p, vb x) { _mm_storeu_si128((__m128i *)(void *)p, x); }
VINLINE vb bload_k(const uint8_t *p, size_t k) { return bload16_k(p, k); }
VINLINE void bstore_k(uint8_t *p, vb x, size_t k)
{
    if (k >= BN) bstore(p, x);
    else memcpy(p, &x, k);
}
VINLINE vb bset(int32_t x) { return _mm_set1_epi8((char)x); }
VINLINE vb bmin(vb a, vb b) { return _mm_min_epu8(a, b); }
VINLINE vb bmax(vb a, vb b) { return _mm_max_epu8(a, b); }
VINLINE vb bspread(vb x) { return x; }
VINLINE vb bsort(vb x) { return x; }

/* Halves, as 16-bit numbers; the same of 16 bits to 32. */
VINLINE vb blow16(vb x) { return _mm_unpacklo_epi8(x, _mm_setzero_si128()); }
VINLINE vb bhigh16(vb x) { return _mm_unpackhi_epi8(x, _mm_setzero_si128()); }
VINLINE vi blow32(vb x) { return _mm_unpacklo_epi16(x, _mm_setzero_si128()); }
VINLINE vi bhigh32(vb x) { return _mm_unpackhi_epi16(x, _mm_setzero_si128()); }
VINLINE vb badd16(vb a, vb b) { return _mm_add_epi16(a, b); }
VINLINE vb bsar16(vb x, int n) { return _mm_sra_epi16(x, _mm_cvtsi32_si128(n)); }
VINLINE vb bset16(int32_t x) { return _mm_set1_epi16((int16_t)x); }
/* Pairs of vectors to 16 bits and these to bytes, clamped; the addition of 16-bit numbers is, too. */
VINLINE vb bpack16(vi a, vi b, vb add) { return _mm_adds_epi16(_mm_packs_epi32(a, b), add); }
VINLINE vb bpack8(vb a, vb b) { return _mm_packus_epi16(a, b); }

VINLINE vi iset(int32_t x) { return _mm_set1_epi32(x); }
VINLINE vi iload(const int32_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
VINLINE vi iload_k(const int32_t *p, size_t k)
{
    if (k >= VN) return iload(p);
    vi x = iset(0);
    memcpy(&x, p, k * sizeof *p);
    return x;
}
VINLINE void istore(int32_t *p, vi x) { _mm_storeu_si128((__m128i *)(void *)p, x); }
VINLINE vi iadd(vi a, vi b) { return _mm_add_epi32(a, b); }
/* Keeps x in a register: compilers else load it wherever it is used. */
#define IKEEP(x) __asm__("" : "+x"(x))
VINLINE vi ishl(vi x, int n) { return _mm_sll_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ishr(vi x, int n) { return _mm_srl_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ior(vi a, vi b) { return _mm_or_si128(a, b); }
/* Sums of the products of pairs of 16-bit numbers. */
VINLINE vi imadd(vb a, vb b) { return _mm_madd_epi16(a, b); }
VINLINE vf ifloat(vi x) { return _mm_cvtepi32_ps(x); }
/* Halves to even; what is no number or out of range becomes the lowest. */
VINLINE vi iround(vf x) { return _mm_cvtps_epi32(x); }
/* a[0], b[0], a[1], ... of the lower or the upper halves. */
VINLINE vb bzip8low(vb a, vb b) { return _mm_unpacklo_epi8(a, b); }
VINLINE vb bzip8high(vb a, vb b) { return _mm_unpackhi_epi8(a, b); }
VINLINE vb bzip16low(vb a, vb b) { return _mm_unpacklo_epi16(a, b); }
VINLINE vb bzip16high(vb a, vb b) { return _mm_unpackhi_epi16(a, b); }
// clang-format on

#endif
