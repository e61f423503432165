/* Float32 kernels are written once, over vectors of VALUES floats as GCC and clang understand them, and compiled for each kind of
 * processor: the includer defines NAME, TARGET, VALUES and LARGER, includes a template, and undefines them (`float_kinds.h` does it).
 *
 * This file holds what a vector can do, under the names of one kind.
 */

#define F NAME(Floats)
#define I NAME(Integers)

/* Memory is read and written at any address of a float. */
typedef float F __attribute__((vector_size(4 * VALUES), aligned(4), may_alias));
typedef int32_t I __attribute__((vector_size(4 * VALUES), aligned(4), may_alias));
typedef uint8_t NAME(Bytes) __attribute__((vector_size(VALUES)));
typedef uint8_t NAME(Quarters) __attribute__((vector_size(4 * VALUES)));

TARGET static inline F NAME(all)(float x)
{
    F zero = {0};
    return x - zero; /* which, unlike a sum with zero, is x itself */
}

TARGET static inline F NAME(chosen)(I mask, F yes, F no) { return (F)((mask & (I)yes) | (~mask & (I)no)); }
TARGET static inline F NAME(larger)(F a, F b) { return LARGER(a, b); } /* an `a` that is no number stays */

/* 2^x for x from -126 to 126, to 2e-7 of itself: Cephes' polynomial over the distance to the nearest whole number. */
TARGET static inline F NAME(power)(F x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23, beside which no fraction has room */
    F shifted = x + round, f = x - (shifted - round);
    F p = f * 1.535336188319500e-4f + 1.339887440266574e-3f;
    p = p * f + 9.618437357674640e-3f;
    p = p * f + 5.550332471162809e-2f;
    p = p * f + 2.402264791363012e-1f;
    p = p * f + 6.931472028550421e-1f;
    p = p * f + 1.0f;
    return (F)((I)p + (((I)shifted - 0x4B400000) << 23));
}
