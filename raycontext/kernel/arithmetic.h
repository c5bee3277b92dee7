/* Arithmetic that several kernels share, so that a score is the same whichever of them makes it. */
#ifndef RAYCONTEXT_ARITHMETIC_H
#define RAYCONTEXT_ARITHMETIC_H
#include "kernels.h"

typedef struct {
    double first, second, third;
} best;

/* Frequency of a term in a field of so many terms, by BM25's length normalisation. */
static inline double normalised(double frequency, double length, double b, double mean) {
    return frequency / (1.0 - b + b * length / mean);
}

/* Enter a score among the best three, which descend. */
static inline void insert(best *three, double score) {
    if (score <= three->third) return; /* nearly always */
    if (score > three->first) {
        *three = (best){score, three->first, three->second};
    } else if (score > three->second) {
        three->third = three->second;
        three->second = score;
    } else {
        three->third = score;
    }
}

/* What the best three chunks of a file are worth together. */
static inline double weighted(best three) {
    return three.first + 0.5 * three.second + 0.25 * three.third;
}

/* First place from `low` on whose row is not below `row`, in ascending rows. */
static inline int64_t lower_bound(const uint32_t *rows, int64_t low, int64_t high, int64_t row) {
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((int64_t)rows[middle] < row) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* An offset of a column that has 32 or 64 bits for each: one of both pointers is null. */
static inline int64_t offset_at(const int32_t *narrow, const int64_t *wide, int64_t place) {
    return wide ? wide[place] : narrow[place];
}

/* Whether file `file` of a segment has all its rows below `rows`. */
static inline int is_inside(const uint32_t *first_rows, const uint32_t *row_counts, int64_t file, int64_t rows) {
    return (int64_t)first_rows[file] + (int64_t)row_counts[file] <= rows;
}

#endif
