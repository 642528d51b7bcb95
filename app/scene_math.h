/* app/scene_math.h - random numbers, angles and vectors of drawn scenes: additions, multiplications, divisions and roots
 * alone, which every machine rounds alike, so that a seed means the same picture everywhere (libm's sine does not). */
#ifndef PS_APP_SCENE_MATH_H
#define PS_APP_SCENE_MATH_H

#include <math.h>
#include <stdint.h>

typedef struct ps_vec {
    float x, y, z;
} ps_vec;

static inline ps_vec ps_vec_add(ps_vec a, ps_vec b)
{
    return (ps_vec){a.x + b.x, a.y + b.y, a.z + b.z};
}
static inline ps_vec ps_vec_times(ps_vec a, float s)
{
    return (ps_vec){a.x * s, a.y * s, a.z * s};
}
/* a + b*s */
static inline ps_vec ps_vec_along(ps_vec a, ps_vec b, float s)
{
    return ps_vec_add(a, ps_vec_times(b, s));
}
static inline float ps_vec_dot(ps_vec a, ps_vec b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
typedef struct ps_rand {
    uint64_t state;
} ps_rand;

static inline uint32_t ps_rand_next(ps_rand *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}
/* A stream of its own for thing `index` of a kind, so that one more of another kind changes nothing. */
static inline ps_rand ps_rand_of(uint64_t seed, uint32_t kind, uint32_t index)
{
    ps_rand r = {seed + kind * 0xD1B54A32D192ED03u + index * 0xABC98388FB8FAC03u};
    ps_rand_next(&r);
    return r;
}
static inline float ps_rand_in(ps_rand *r, float low, float high)
{
    return low + (high - low) * ((float)(ps_rand_next(r) >> 8) * (1.0f / 16777216.0f));
}
static inline int ps_rand_below(ps_rand *r, int n)
{
    return (int)((uint64_t)ps_rand_next(r) * (uint64_t)n >> 32);
}
/* About normal: the sum of four uniform numbers, at most 3.5 standard deviations from the mean. */
static inline float ps_rand_normal(ps_rand *r, float mean, float deviation)
{
    float sum = -2.0f;
    for (int i = 0; i < 4; i++) sum += ps_rand_in(r, 0.0f, 1.0f);
    return mean + deviation * 1.7320508f * sum;
}

/* Of degrees, to a float's precision: Taylor's series up to 90 degrees. */
static inline float ps_sine(float degrees)
{
    double turns = (double)degrees / 360.0;
    double x = (turns - floor(turns + 0.5)) * 4.0; /* quarters of a turn, -2..2 */
    if (x > 1.0) x = 2.0 - x;
    if (x < -1.0) x = -2.0 - x;
    x *= 1.5707963267948966;
    double s = x * x;
    return (float)(x * (1.0 + s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040 + s * (1.0 / 362880 - s / 39916800))))));
}
static inline float ps_cosine(float degrees)
{
    return ps_sine(degrees + 90.0f);
}

static inline float ps_clampf(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
