/* Similarities of a query with the vectors of a segment, and sums of term vectors.
 *
 * Products of 8-bit codes are exact integers. Sums of floats are made in one order, one component beside the other.
 */
#include <math.h>

#include "arithmetic.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

enum { WIDE_SPACE = 4096 }; /* largest number of components of a query that is widened once and not for each row */

/* Query vector, prepared for products with many rows. */
typedef struct {
    const int8_t *codes;
    int64_t dimension;
    double scale;
    int16_t wide[WIDE_SPACE];
} query_vector;

static void prepare(query_vector *query, const int8_t *codes, int64_t dimension, double scale) {
    query->codes = codes;
    query->dimension = dimension;
    query->scale = scale;
    for (int64_t place = 0; place < dimension && place < WIDE_SPACE; place++) query->wide[place] = codes[place];
}

/* Factors have 16 bits, so that the processor multiplies and adds pairs with one instruction. */
static inline int32_t product(const query_vector *query, const int8_t *codes) {
    int64_t dimension = query->dimension, place = 0;
    int32_t total = 0;
    if (dimension > WIDE_SPACE) {
        for (; place < dimension; place++) total += (int16_t)codes[place] * (int16_t)query->codes[place];
        return total;
    }
#ifdef __AVX2__
    __m256i even = _mm256_setzero_si256(), odd = even;
    for (; place + 32 <= dimension; place += 32) {
        __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(codes + place)));
        __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(codes + place + 16)));
        __m256i with_first = _mm256_loadu_si256((const __m256i *)(query->wide + place));
        __m256i with_second = _mm256_loadu_si256((const __m256i *)(query->wide + place + 16));
        even = _mm256_add_epi32(even, _mm256_madd_epi16(first, with_first));
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(second, with_second));
    }
    __m256i sums = _mm256_add_epi32(even, odd);
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    total = _mm_cvtsi128_si32(half);
#endif
    for (; place < dimension; place++) total += (int16_t)codes[place] * query->wide[place];
    return total;
}

static inline double cosine(const query_vector *query, const int8_t *codes, const float *scales, int64_t row) {
    return product(query, codes + row * query->dimension) * query->scale * scales[row];
}

/* Compute the cosine of each given row with the query. */
int64_t cosines(const int8_t *query, double scale, const int8_t *codes, int64_t dimension, const float *scales,
                int64_t row_count, const int64_t *rows, int64_t count, double *similarities) {
    query_vector prepared;
    prepare(&prepared, query, dimension, scale);
    for (int64_t number = 0; number < count; number++) {
        if (rows[number] < 0 || rows[number] >= row_count) return DAMAGED;
        similarities[number] = cosine(&prepared, codes, scales, rows[number]);
    }
    return 0;
}

/* Compute for each file the sum of the best three cosines of its eligible rows. A file without a cosine of at least
 * `least` keeps its value. */
int64_t cosines_by_file(const int8_t *query, double scale, const int8_t *codes, int64_t dimension,
                        const float *scales, const uint8_t *eligible, int64_t row_count, const uint32_t *first_rows,
                        const uint32_t *row_counts, int64_t files, double least, double *three) {
    query_vector prepared;
    prepare(&prepared, query, dimension, scale);
    for (int64_t file = 0; file < files; file++) {
        if (!is_inside(first_rows, row_counts, file, row_count)) return DAMAGED;
        best found = {0.0, 0.0, 0.0};
        int64_t start = first_rows[file], end = start + row_counts[file];
        for (int64_t row = start; row < end; row++)
            if (eligible[row]) insert(&found, cosine(&prepared, codes, scales, row));
        if (found.first >= least) three[file] = weighted(found);
    }
    return 0;
}

static inline uint64_t bits_of(uint64_t word) {
#if defined(__POPCNT__) || defined(__aarch64__)
    return (uint64_t)__builtin_popcountll(word);
#else /* the compiler vectorises this form */
    word = word - ((word >> 1) & 0x5555555555555555u);
    word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (word * 0x0101010101010101u) >> 56;
#endif
}

enum { USUAL_WIDTH = 4 }; /* number of words with the signs of 256 components */

#ifdef __AVX2__
/* Count the signs that differ in each quarter of a row: the bits of half bytes are looked up, 32 bytes at once. */
static inline __m256i count_differing(__m256i query, const uint64_t *words) {
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, /* of 0 to 15, twice */
                                          0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    __m256i differing = _mm256_xor_si256(query, _mm256_loadu_si256((const __m256i *)words));
    __m256i right = _mm256_shuffle_epi8(bits, _mm256_and_si256(differing, low));
    __m256i left = _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(differing, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(right, left), _mm256_setzero_si256());
}

/* Add the quarters of two rows: first row, second row, twice. */
static inline __m256i add_quarters(__m256i first, __m256i second) {
    return _mm256_add_epi64(_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second));
}

/* Count the signs that differ in every fourth row, from `words` on: 4 counts of 64 bits. */
static inline __m256i count_four_rows(__m256i query, const uint64_t *words) {
    enum { STEP = 4 * USUAL_WIDTH };
    __m256i first = add_quarters(count_differing(query, words), count_differing(query, words + STEP));
    __m256i second = add_quarters(count_differing(query, words + 2 * STEP), count_differing(query, words + 3 * STEP));
    return _mm256_add_epi64(_mm256_permute2x128_si256(first, second, 0x20),
                            _mm256_permute2x128_si256(first, second, 0x31));
}

/* Count the signs that agree for rows in groups of 16. Returns the number of rows that were counted. */
static int64_t count_groups(const uint64_t *query, const uint64_t *words, int64_t rows, uint16_t *agreeing) {
    const __m256i signs = _mm256_loadu_si256((const __m256i *)query), all = _mm256_set1_epi16(64 * USUAL_WIDTH);
    int64_t row = 0;
    for (; row + 16 <= rows; row += 16, words += 16 * USUAL_WIDTH) {
        /* A lane of 64 bits takes the counts of four rows that follow each other, of 16 bits each. */
        __m256i first = count_four_rows(signs, words);
        __m256i second = _mm256_slli_epi64(count_four_rows(signs, words + USUAL_WIDTH), 16);
        __m256i third = _mm256_slli_epi64(count_four_rows(signs, words + 2 * USUAL_WIDTH), 32);
        __m256i fourth = _mm256_slli_epi64(count_four_rows(signs, words + 3 * USUAL_WIDTH), 48);
        __m256i differing = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
        _mm256_storeu_si256((__m256i *)(agreeing + row), _mm256_sub_epi16(all, differing));
    }
    return row;
}
#endif

/* Count for each row the signs that agree with the query. */
static void count_agreeing(const uint64_t *query, const uint64_t *words, int64_t width, int64_t rows,
                           uint16_t *agreeing) {
    int64_t row = 0;
#ifdef __AVX2__
    if (width == USUAL_WIDTH) row = count_groups(query, words, rows, agreeing);
#endif
    for (words += row * width; row < rows; row++, words += width) {
        uint64_t count = 0;
        if (width == USUAL_WIDTH)
            count = bits_of(~(words[0] ^ query[0])) + bits_of(~(words[1] ^ query[1])) +
                    bits_of(~(words[2] ^ query[2])) + bits_of(~(words[3] ^ query[3]));
        else
            for (int64_t place = 0; place < width; place++) count += bits_of(~(words[place] ^ query[place]));
        agreeing[row] = (uint16_t)count;
    }
}

/* Return 0 where no row from `start` to `end` has `enough` signs that agree. May read 16 counts from each row on. */
static inline int may_be_similar(const uint16_t *agreeing, int64_t start, int64_t end, int64_t enough) {
#ifdef __AVX2__
    const int64_t limit = enough < 0 ? 0 : enough > UINT16_MAX ? UINT16_MAX : enough;
    const __m256i least = _mm256_set1_epi16((short)limit);
    for (int64_t row = start; row < end; row += 16) { /* a count after `end` only makes more work */
        __m256i counts = _mm256_loadu_si256((const __m256i *)(agreeing + row));
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi16(_mm256_max_epu16(counts, least), counts))) return 1;
    }
#else
    for (int64_t row = start; row < end; row++)
        if (agreeing[row] >= enough) return 1;
#endif
    return 0;
}

/* Estimate the results of cosines_by_file from signs. `estimates` [64 * width + 1] are cosines by the number of signs
 * that agree; `enough` is the smallest number that counts. `agreeing` [row_count + 16] is scratch. */
int64_t estimates_by_file(const uint64_t *query, const uint64_t *words, int64_t width, const float *scales,
                          const uint8_t *eligible, int64_t row_count, const double *estimates,
                          const uint32_t *first_rows, const uint32_t *row_counts, int64_t files, int64_t enough,
                          uint16_t *agreeing, double *three) {
    count_agreeing(query, words, width, row_count, agreeing);
    for (int64_t file = 0; file < files; file++) {
        if (!is_inside(first_rows, row_counts, file, row_count)) return DAMAGED;
        int64_t start = first_rows[file], end = start + row_counts[file];
        if (!may_be_similar(agreeing, start, end, enough)) continue; /* few files are similar to the query */
        uint16_t first = 0, second = 0, third = 0;
        for (int64_t row = start; row < end; row++) {
            uint16_t score = agreeing[row];
            if (!eligible[row] || scales[row] == 0.0f || score <= third) continue;
            if (score > first) {
                third = second;
                second = first;
                first = score;
            } else if (score > second) {
                third = second;
                second = score;
            } else {
                third = score;
            }
        }
        if (first >= enough) three[file] = weighted((best){estimates[first], estimates[second], estimates[third]});
    }
    return 0;
}

/* Compute number, sum and sum of squares of the cosines of the rows of some files, in whole units: sums [3]. A value
 * that is too large, because of a damaged scale, counts as 0. */
int64_t cosine_sums(const int8_t *query, double scale, const int8_t *codes, int64_t dimension, const float *scales,
                    int64_t row_count, const int64_t *files, int64_t count, const uint32_t *first_rows,
                    const uint32_t *row_counts, int64_t file_count, int64_t *sums) {
    query_vector prepared;
    prepare(&prepared, query, dimension, scale);
    uint64_t rows = 0, total = 0, squares = 0;
    for (int64_t number = 0; number < count; number++) {
        int64_t file = files[number];
        if (file < 0 || file >= file_count || !is_inside(first_rows, row_counts, file, row_count)) return DAMAGED;
        int64_t start = first_rows[file], end = start + row_counts[file];
        for (int64_t row = start; row < end; row++) {
            double value = rint(cosine(&prepared, codes, scales, row));
            uint64_t units = fabs(value) < 0x1p62 ? (uint64_t)(int64_t)value : 0;
            rows++;
            total += units;
            squares += units * units;
        }
    }
    sums[0] = (int64_t)rows;
    sums[1] = (int64_t)total;
    sums[2] = (int64_t)squares;
    return 0;
}

/* Add the weighted vectors of some postings. Each component is summed in the order of the postings. */
static void add_vectors(const int8_t *codes, int64_t dimension, const int32_t *entries, const float *weights,
                        int64_t count, float *restrict sums) {
    int64_t done = 0; /* number of components */
#ifdef __AVX2__
    for (; done + 64 <= dimension; done += 64) { /* a cache line, as much as the registers hold */
        __m256 held[8];
        for (int lane = 0; lane < 8; lane++) held[lane] = _mm256_loadu_ps(sums + done + 8 * lane);
        for (int64_t posting = 0; posting < count; posting++) {
            const int8_t *vector = codes + entries[posting] * dimension + done;
            __m256 weight = _mm256_set1_ps(weights[posting]);
            for (int lane = 0; lane < 8; lane++) {
                __m128i loaded = _mm_loadl_epi64((const __m128i *)(vector + 8 * lane));
                __m256 components = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(loaded));
                held[lane] = _mm256_add_ps(held[lane], _mm256_mul_ps(weight, components));
            }
        }
        for (int lane = 0; lane < 8; lane++) _mm256_storeu_ps(sums + done + 8 * lane, held[lane]);
    }
#endif
    if (done == dimension) return;
    for (int64_t posting = 0; posting < count; posting++) {
        const int8_t *restrict vector = codes + entries[posting] * dimension;
        for (int64_t component = done; component < dimension; component++)
            sums[component] += weights[posting] * (float)vector[component];
    }
}

/* Compute the vectors of the rows of an inverted index: weighted sums of term vectors, of unit length, or zero without
 * known terms. The caller zeroes vectors [row_count, dimension] and row_ends [row_count + 1]; the other arrays from
 * `following` on are scratch, [row_count] and [postings]. Terms are added in their order. */
int64_t pool(const int8_t *codes, const float *scales, int64_t entries, int64_t dimension,
             const int64_t *entries_of_terms, const int64_t *offsets, int64_t terms, const uint32_t *rows,
             const uint8_t *frequencies, int64_t postings, int64_t row_count, const float *frequency_weights,
             int64_t *row_ends, int64_t *following, int32_t *posting_entries, float *posting_weights, float *vectors) {
    /* Postings are sorted by row, so that the sum of a row stays in the fastest cache. */
    int64_t before = 0;
    for (int64_t term = 0; term < terms; term++) {
        int64_t first = offsets[term], last = offsets[term + 1];
        if (first < before || last < first || last > postings || entries_of_terms[term] >= entries) return DAMAGED;
        before = last;
        if (entries_of_terms[term] < 0) continue;
        for (int64_t posting = first; posting < last; posting++) {
            if (rows[posting] >= row_count) return DAMAGED;
            row_ends[rows[posting] + 1]++;
        }
    }
    for (int64_t row = 0; row < row_count; row++) {
        row_ends[row + 1] += row_ends[row];
        following[row] = row_ends[row];
    }
    for (int64_t term = 0; term < terms; term++) {
        int64_t entry = entries_of_terms[term];
        if (entry < 0) continue;
        for (int64_t posting = offsets[term]; posting < offsets[term + 1]; posting++) {
            int64_t target = following[rows[posting]]++;
            posting_entries[target] = (int32_t)entry;
            posting_weights[target] = frequency_weights[frequencies[posting]] * scales[entry];
        }
    }
    for (int64_t row = 0; row < row_count; row++) {
        float *sums = vectors + row * dimension;
        int64_t begin = row_ends[row];
        add_vectors(codes, dimension, posting_entries + begin, posting_weights + begin, row_ends[row + 1] - begin, sums);
        double square = 0.0;
        for (int64_t component = 0; component < dimension; component++)
            square += (double)sums[component] * (double)sums[component];
        if (square > 0.0) {
            double length = sqrt(square);
            for (int64_t component = 0; component < dimension; component++)
                sums[component] = (float)((double)sums[component] / length);
        }
    }
    return 0;
}
