/* Arithmetic that several kernels share, so that all compute the same score. */
#ifndef RAYCONTEXT_ARITHMETIC_H
#define RAYCONTEXT_ARITHMETIC_H
#include "kernels.h"

typedef struct {
    double first, second, third;
} best;

/* Return the frequency of a term after BM25's length normalisation. `length` is the field's number of terms. */
static inline double normalised(double frequency, double length, double b, double mean) {
    return frequency / (1.0 - b + b * length / mean);
}

/* Insert a score into the best three, which descend. */
static inline void insert(best *three, double score) {
    if (score <= three->third) return; /* the usual case */
    if (score > three->first) {
        *three = (best){score, three->first, three->second};
    } else if (score > three->second) {
        three->third = three->second;
        three->second = score;
    } else {
        three->third = score;
    }
}

/* Return the weighted sum of the best three chunks of a file. */
static inline double weighted(best three) {
    return three.first + 0.5 * three.second + 0.25 * three.third;
}

/* Return the first place from `low` on whose row is at least `row`. Rows ascend. */
static inline int64_t lower_bound(const uint32_t *rows, int64_t low, int64_t high, int64_t row) {
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((int64_t)rows[middle] < row) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Return an offset of a column of 32 or of 64 bits. One of the two pointers is null. */
static inline int64_t offset_at(const int32_t *narrow, const int64_t *wide, int64_t place) {
    return wide ? wide[place] : narrow[place];
}

/* Return whether all rows of file `file` of a segment are below `rows`. */
static inline int is_inside(const uint32_t *first_rows, const uint32_t *row_counts, int64_t file, int64_t rows) {
    return (int64_t)first_rows[file] + (int64_t)row_counts[file] <= rows;
}

#endif
