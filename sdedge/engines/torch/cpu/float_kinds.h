/* No guard: compiles FLOAT_TEMPLATE once for each kind of processor. See `vectors.h`. */

#if defined(__x86_64__)

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VALUES 8
#define LARGER(a, b) (F)_mm256_max_ps((__m256)(b), (__m256)(a))
#include "vectors.h"
#include FLOAT_TEMPLATE
#undef NAME
#undef TARGET
#undef VALUES
#undef LARGER
#undef F
#undef I

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#define VALUES 16
#define LARGER(a, b) (F)_mm512_max_ps((__m512)(b), (__m512)(a))
#include "vectors.h"
#include FLOAT_TEMPLATE
#undef NAME
#undef TARGET
#undef VALUES
#undef LARGER
#undef F
#undef I

#define BY_KIND(level, function) ((level) >= 2 ? function##_avx512 : function##_avx2)

#else

#define NAME(x) x##_any
#define TARGET
#define VALUES 4
#define LARGER(a, b) NAME(chosen)((b) > (a), b, a)
#include "vectors.h"
#include FLOAT_TEMPLATE
#undef NAME
#undef TARGET
#undef VALUES
#undef LARGER
#undef F
#undef I

#define BY_KIND(level, function) ((void)(level), function##_any)

#endif
