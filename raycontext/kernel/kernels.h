/* Signatures of all kernels. The compiler reads the whole file; cffi reads the lines that do not begin with a #.
 *
 * A kernel allocates no memory and keeps no state. Each pointer comes with a size, and every index that comes from data
 * is compared with a size before it is used. So no content of a file makes a kernel read or write outside its arrays.
 * A negative result is DAMAGED: arrays contradict each other, and the results are not valid.
 */
#ifndef RAYCONTEXT_KERNELS_H
#define RAYCONTEXT_KERNELS_H
#include <stdint.h>
#pragma GCC visibility push(default)

enum { DAMAGED = -1 };

/* text.c: words, their parts, inverted indexes */

enum { SEPARATOR, MARK, DIGIT, CONNECTOR, LOWER, UPPER, CJK }; /* classes of characters */
enum { CLASS_SHIFT = 24, TABLE_SIZE = 0x20000 };
enum { MAX_WORD_BYTES = 128, MAX_PARTS = 130, MAX_LOWER_BYTES = 512 };

/* Array that must grow before the scan can go on. */
enum { NOTHING, POSTING_SPACE, WORD_SPACE, WORD_PART_SPACE, PART_SPACE, BYTE_SPACE };

typedef struct {
    int64_t row, position, length, cjk_end; /* position of the scan; position and cjk_end are -1 before a row */
    int64_t postings, words, word_parts, parts; /* number of used entries of each array */
    int64_t posting_space, word_space, word_part_space, part_key_space, part_space, byte_space;
    int32_t *posting_parts;
    uint8_t *frequencies;
    uint64_t *word_keys; /* words: hash -> start of their parts in word_part_numbers << 8 | number of them */
    int64_t *word_values;
    int32_t *word_part_numbers;
    uint64_t *part_keys; /* parts: hash -> number; the arrays below are by number */
    int64_t *part_numbers;
    uint8_t *part_bytes;
    int64_t *part_offsets;
    uint8_t *stemmed;
    int64_t *latest; /* last posting of the part, in any row */
} scan_state;

int64_t scan(const uint8_t *data, int64_t size, const int64_t *starts, const int64_t *ends, int64_t rows,
             const uint32_t *code_points, int64_t *row_offsets, uint32_t *lengths, scan_state *state);
void rehash(const uint64_t *keys, const int64_t *values, int64_t size, uint64_t *new_keys, int64_t *new_values,
            int64_t new_size);
int64_t hash_terms(uint8_t *bytes, int64_t size, const int64_t *offsets, const uint8_t *stemmed, int64_t parts,
                   uint64_t *terms, int64_t *lengths);
int64_t merge_parts(const int64_t *row_offsets, int64_t rows, int32_t *parts, uint8_t *frequencies, int64_t postings,
                    const int64_t *term_of_part, int64_t part_count, int64_t term_count, int64_t *latest,
                    int64_t *row_ends, int64_t *offsets);
int64_t sort_postings(const int64_t *row_ends, int64_t rows, const int32_t *parts, const uint8_t *frequencies,
                      int64_t merged, int64_t *following, int64_t term_count, uint32_t *sorted_rows,
                      uint8_t *sorted_frequencies);

/* postings.c: posting lists in few bytes, merges of inverted indexes */

enum { MOST_POSTING_BYTES = 7 };

int64_t measure_lists(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                      int64_t postings, int64_t *starts);
int64_t write_lists(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                    int64_t postings, uint8_t *data, int64_t size);
int64_t find_lists(const uint64_t *dictionary, int64_t size, const uint64_t *terms, int64_t count, int64_t *places);
int64_t bound_lists(const int32_t *narrow_starts, const int64_t *wide_starts, int64_t lists, const int64_t *places,
                    int64_t count, int64_t size);
int64_t read_lists(const int32_t *narrow_starts, const int64_t *wide_starts, int64_t lists, const uint8_t *data,
                   int64_t size, const int64_t *places, int64_t count, int64_t *starts, int64_t *ends, uint32_t *rows,
                   uint8_t *frequencies, int64_t space);
int64_t count_live(const int64_t *offsets, int64_t terms, const uint32_t *rows, int64_t postings,
                   const int64_t *row_map, int64_t mapped, int64_t *counts);
int64_t place_live(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                   int64_t postings, const int64_t *row_map, int64_t mapped, const int64_t *targets,
                   int64_t *following, int64_t target_count, uint32_t *merged_rows, uint8_t *merged_frequencies,
                   int64_t space);

/* lexical.c: BM25F */

typedef struct {
    const int64_t *starts, *ends; /* [terms] */
    const uint32_t *rows;         /* [postings] */
    const uint8_t *frequencies;   /* [postings] */
    const uint32_t *lengths;      /* [row_count] */
    int64_t postings, row_count;
} field_slices;

typedef struct {
    field_slices body, symbol, path; /* rows of the path are files */
    const uint32_t *row_files;       /* [rows] */
    const uint32_t *first_rows, *row_counts; /* [files] */
    int64_t terms, rows, files;
} term_slices;

typedef struct {
    double weight, b, mean;
} field_normalisation;

typedef struct {
    double k1;
    field_normalisation body, symbol, path, definitions;
} normalisation;

int64_t check_slices(const term_slices *slices);
int64_t count_rows(const term_slices *slices, const int64_t *dead_files, int64_t dead, int64_t *counts);
int64_t score_rows(const normalisation *norm, const double *weights, const term_slices *slices, double *scores,
                   uint8_t *touched);
int64_t propose_files(const normalisation *norm, const double *weights, const double *chunk_weights,
                      const term_slices *slices, const uint8_t *eligible, const int64_t *symbol_lengths,
                      double *row_scores, uint8_t *touched, double *chunks, double *definitions, double *paths);
int64_t score_chosen(const normalisation *norm, const double *weights, const term_slices *slices,
                     const int64_t *files, const int64_t *offsets, int64_t file_count, double *frequencies,
                     double *scores, int64_t size);

/* vectors.c: similarities */

int64_t cosines(const int8_t *query, double scale, const int8_t *codes, int64_t dimension, const float *scales,
                int64_t row_count, const int64_t *rows, int64_t count, double *similarities);
int64_t cosines_by_file(const int8_t *query, double scale, const int8_t *codes, int64_t dimension,
                        const float *scales, const uint8_t *eligible, int64_t row_count, const uint32_t *first_rows,
                        const uint32_t *row_counts, int64_t files, double least, double *three);
int64_t estimates_by_file(const uint64_t *query, const uint64_t *words, int64_t width, const float *scales,
                          const uint8_t *eligible, int64_t row_count, const double *estimates,
                          const uint32_t *first_rows, const uint32_t *row_counts, int64_t files, int64_t enough,
                          uint16_t *agreeing, double *three);
int64_t cosine_sums(const int8_t *query, double scale, const int8_t *codes, int64_t dimension, const float *scales,
                    int64_t row_count, const int64_t *files, int64_t count, const uint32_t *first_rows,
                    const uint32_t *row_counts, int64_t file_count, int64_t *sums);
int64_t pool(const int8_t *codes, const float *scales, int64_t entries, int64_t dimension,
             const int64_t *entries_of_terms, const int64_t *offsets, int64_t terms, const uint32_t *rows,
             const uint8_t *frequencies, int64_t postings, int64_t row_count, const float *frequency_weights,
             int64_t *row_ends, int64_t *following, int32_t *posting_entries, float *posting_weights, float *vectors);

/* features.c: features of files from their names and definitions */

int64_t best_three(const double *scores, int64_t size, const int64_t *offsets, int64_t files, double *best,
                   double *three);
int64_t best_rows(const double *evidence, const uint8_t *eligible, int64_t size, const int64_t *offsets,
                  int64_t files, int64_t count, double *worth, int64_t *chosen, int64_t *places, int64_t space,
                  int64_t *counts);
int64_t stem_cover(const int64_t *files, int64_t count, const int32_t *narrow_offsets, const int64_t *wide_offsets,
                   int64_t file_count, const uint64_t *stem_terms, int64_t size, const uint64_t *terms,
                   int64_t term_count, double *cover);
int64_t match_names(const int64_t *list_starts, const int64_t *list_ends, int64_t terms, const uint32_t *definitions,
                    int64_t postings, const double *weights, const int64_t *starts, const int64_t *ends,
                    const int64_t *offsets, int64_t files, int64_t size, int64_t *matched, double *covered);
typedef struct {
    const uint32_t *rows, *names, *folded; /* [count] of each definition */
    const uint8_t *term_counts, *weights;  /* [count] */
    int64_t count;
} definition_columns;
int64_t score_definitions(const definition_columns *columns, const int64_t *starts, const int64_t *ends,
                          const int64_t *shifts, const int64_t *offsets, int64_t files, const int64_t *matched,
                          const double *covered, int64_t size, double total, double weight_units,
                          double folded_match, double part_match, const uint32_t *exact_names,
                          const uint32_t *exact_folded, int64_t exact_count, double *best, double *exact_definition,
                          double *defined, int64_t rows);

/* bodies.c: bodies of functions in C */

int64_t blank_bodies(uint8_t *data, int64_t size, int64_t most_bytes);

/* processor.c */

int has_avx2(void);

#pragma GCC visibility pop
#endif
