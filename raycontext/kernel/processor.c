/* Check of the abilities of this processor. It runs once, when the library is loaded. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Return whether processor and system support AVX2, and the processor can count bits. */
int has_avx2(void) {
    const unsigned needed = bit_OSXSAVE | bit_AVX | bit_POPCNT;
    unsigned eax, ebx, ecx, edx, low, high;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & needed) != needed) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6) return 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_AVX2);
}
#else
int has_avx2(void) {
    return 0;
}
#endif
