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

/* lexer.c, words.c, references.c: identifiers and what they are used for */

enum { NO_SPACE = -2 };

enum { MENTION = 1, CALL = 2, CONSTRUCTION = 4, INHERITANCE = 8, IMPORT = 16, TYPE = 32, DEFINITION = 64 };

/* Roles of words. DEFINES: the next word is the name of a function; IMPORTS: an import begins at the start of a
 * statement; CALLS_IMPORT: an import that is written as a call. */
enum { NAME, KEYWORD, DEFINES, DEFINES_TYPE, USES_TYPE, CONSTRUCTS, INHERITS, IMPLEMENTS, IMPORTS, EXPORTS, CALLS_IMPORT,
       TYPE_WORD, COMMAND };

enum {
    SLASH_LINE = 1, SLASH_BLOCK = 2, NESTED_BLOCKS = 4, HASH_LINE = 8, HASH_ATTRIBUTES = 16, HASH_BLOCK = 32,
    DASH_LINE = 64, SEMICOLON_LINE = 128, PERCENT_LINE = 256, ML_BLOCK = 512, HASKELL_BLOCK = 1024, MARKUP = 2048,
    BEGIN_BLOCK = 4096, QUOTE_STRINGS = 8192, QUOTE_CHARACTERS = 16384, LIFETIMES = 32768, TRIPLE_STRINGS = 65536,
    STRINGS_OVER_LINES = 131072, TEMPLATES = 262144, RAW_BACKTICKS = 524288, RAW_STRINGS = 1048576,
    HASH_RAW = 2097152, PREFIXED_STRINGS = 4194304, FORMATTED_BY_DOLLAR = 8388608, DOLLAR_CODE = 16777216,
    HASH_CODE = 33554432, BACKSLASH_CODE = 67108864, EXPRESSIONS = 134217728, DOCUMENTS = 268435456,
    DIRECTIVES = 536870912
};
enum { /* features from bit 30 on, as their distance to it */
    DOLLAR_WORDS_BIT, PRIMED_WORDS_BIT, MARKED_WORDS_BIT, SHELL_BIT, LISP_BIT, RECEIVERS_BIT, BASES_IN_PARENTHESES_BIT,
    COLON_BASES_BIT, LESS_BASES_BIT, LINE_ENDS_IMPORT_BIT, CAPITALS_CONSTRUCT_BIT, BRACES_CONSTRUCT_BIT,
    GENERICS_BIT, BANG_CALLS_BIT, DOT_CALLS_BIT, COMMANDS_BIT, JUXTAPOSITION_BIT, TYPES_BEFORE_BIT, TYPES_BEHIND_BIT,
    COLON_TYPES_BIT, AT_CALLS_BIT
};

int64_t lex(const uint8_t *data, int64_t size, uint64_t syntax, const uint64_t *words, const uint8_t *roles,
            int64_t word_space, uint8_t *code, uint32_t *starts, uint32_t *lengths, uint64_t *hashes, uint8_t *kinds,
            int64_t space);
int64_t hash_names(const uint8_t *data, int64_t size, const int64_t *offsets, int64_t names, uint64_t *hashes);
int64_t gather_references(const int64_t *starts, const uint64_t *hashes, const uint8_t *kinds, int64_t count,
                          const int64_t *row_starts, const int64_t *row_ends, int64_t rows, int64_t *progress,
                          uint64_t *keys, int64_t *numbers, int64_t slots, uint64_t *names, int64_t *latest,
                          int64_t name_space, int32_t *posting_names, uint8_t *posting_kinds, int64_t space,
                          int64_t *posting_ends);

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

/* marks.c: places where a secret may stand */

enum { ASKS_START = 1, ASKS_TOKEN = 2, ASKS_VALUE = 4, ASKS_USER_INFO = 8 }; /* what must stand around a literal */

int64_t mark_hash(uint8_t first, uint8_t second, uint8_t third);
int64_t find_marks(const uint8_t *data, int64_t first, int64_t size, const uint8_t *begins, const uint8_t *group_of,
                   const int64_t *groups, int64_t group_count, const uint8_t *literals, int64_t literal_bytes, const int64_t *offsets,
                   const uint8_t *asks, int64_t count, int64_t *places, int32_t *numbers, int64_t space,
                   int64_t *resume);

/* trigrams.c: lists of files by the trigrams that they hold */

enum { TRIGRAM_WORDS = 1 << 18, TRIGRAM_BLOCK = 64 };

int64_t collect_trigrams(const uint8_t *data, int64_t size, const int64_t *starts, const int64_t *ends, int64_t files,
                         uint64_t *seen, uint64_t *any, int64_t *progress, uint32_t *found, int64_t space,
                         int64_t *found_ends);
int64_t rank_trigrams(const uint64_t *any, uint32_t *ranks);
int64_t invert_trigrams(const uint32_t *found, const int64_t *found_ends, int64_t files, int64_t total,
                        const uint64_t *any, const uint32_t *ranks, int64_t count, int64_t *following,
                        uint32_t *trigrams, int64_t *offsets, uint32_t *rows);
int64_t write_trigrams(const uint32_t *trigrams, const int64_t *offsets, int64_t count, const uint32_t *rows,
                       int64_t total, int64_t files, uint32_t *firsts, int64_t *starts, uint8_t *data, int64_t space);
int64_t find_trigrams(const uint32_t *firsts, const int32_t *narrow_starts, const int64_t *wide_starts, int64_t blocks,
                      const uint8_t *data, int64_t size, int64_t files, const uint32_t *wanted, int64_t count,
                      int64_t *places, int64_t *counts);
int64_t read_trigram(const uint8_t *data, int64_t size, int64_t place, int64_t count, int64_t files, uint32_t *rows);
int64_t read_all_trigrams(const uint32_t *firsts, const int32_t *narrow_starts, const int64_t *wide_starts,
                          int64_t blocks, const uint8_t *data, int64_t size, int64_t files, uint32_t *trigrams,
                          int64_t *offsets, int64_t lists, uint32_t *rows, int64_t space);

/* contents.c: contents of files from the texts of their chunks */

int64_t place_texts(const uint8_t *data, int64_t size, const int32_t *offsets, int64_t rows, const uint32_t *starts,
                    uint8_t *content, int64_t content_size);
int64_t place_blanks(const uint8_t *blanks, int64_t size, const uint32_t *starts, const uint32_t *ends, int64_t rows,
                     uint8_t *content, int64_t content_size);

/* processor.c */

int has_avx2(void);

#pragma GCC visibility pop
#endif
