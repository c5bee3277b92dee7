/* Tokenisation: a pass over the source finds words, splits them and counts their parts row by row. Then parts become
 * terms, and their counts an inverted index.
 *
 * A word is a letter, `_` or `$` and the letters, digits, marks, `_` and `$` after it; or a run of digits. Its parts
 * are acronym, Capitalised, lower, UPPER and digits (`HTTPServer2`: http, server, 2). A word of several parts also
 * gives itself, lower-cased, without `_` and `$`. A run of CJK characters gives its overlapping bigrams.
 *
 * Two dictionaries keep the pass short, because words repeat: one from the hash of a word as it is written to its
 * parts, one from the hash of a part to its number. Both trust 64 bits of FNV-1a.
 */
#include <string.h>

#include "characters.h"
#include "stemmer.h"

enum { MAX_DIGITS = 20 };         /* longer numbers are dropped, both words and parts of words */
enum { MIN_STEMMED_LETTERS = 4 };

/* Bits that tell the key of a part to stem from the key of a whole word with the same letters. */
static const uint64_t STEMMED_KEY = 0x9E3779B97F4A7C15u;

typedef struct {
    uint8_t lower[MAX_LOWER_BYTES]; /* the word in lower case, without connectors */
    int64_t bounds[MAX_PARTS];      /* start of each part in `lower`, and the end of the last part */
    int64_t digits[MAX_PARTS];      /* number of digits of each part, 0 for a part of letters */
} split_word;

/* Return the slot of `key` in a table with open addressing, or the empty slot for it. Key 0 marks empty slots. */
static inline int64_t slot_of(const uint64_t *keys, int64_t size, uint64_t key) {
    int64_t last = size - 1;
    int64_t slot = (int64_t)((key ^ (key >> 32)) & (uint64_t)last);
    while (keys[slot] != key && keys[slot] != 0) slot = (slot + 1) & last;
    return slot;
}

/* Enter all keys of a table into an empty table with more slots. */
void rehash(const uint64_t *keys, const int64_t *values, int64_t size, uint64_t *new_keys, int64_t *new_values,
            int64_t new_size) {
    for (int64_t old = 0; old < size; old++) {
        if (keys[old] == 0) continue;
        int64_t slot = slot_of(new_keys, new_size, keys[old]);
        new_keys[slot] = keys[old];
        new_values[slot] = values[old];
    }
}

/* Split the word data[first:last], and return the number of its parts. */
static int64_t split(const uint8_t *data, int64_t first, int64_t last, const uint32_t *code_points, split_word *word) {
    int64_t count = 0;             /* number of parts that have begun */
    uint32_t previous = SEPARATOR; /* class of the last character but marks; SEPARATOR: no part is open */
    int64_t capitals = 0;          /* length of the current run of capitals */
    int64_t capital_start = 0;     /* place of the last capital in `lower` */
    int64_t size = 0;
    for (int64_t position = first; position < last;) {
        character found = character_at(data, position, last);
        position += found.width;
        uint32_t entry = entry_of(code_points, found.code_point);
        uint32_t kind = entry >> CLASS_SHIFT;
        if (kind == CONNECTOR) {
            previous = SEPARATOR;
            continue;
        }
        if (kind == MARK) {
            if (previous != SEPARATOR) size = encode(found.code_point, word->lower, size);
            continue;
        }
        int begins = previous == SEPARATOR || (kind != previous && !(kind == LOWER && previous == UPPER));
        if (begins) {
            word->bounds[count] = size;
            word->digits[count++] = 0;
        } else if (kind == LOWER && previous == UPPER && capitals > 1) { /* the last capital begins this part */
            word->bounds[count] = capital_start;
            word->digits[count++] = 0;
        }
        if (kind == UPPER) {
            capitals = previous == UPPER ? capitals + 1 : 1;
            capital_start = size;
        } else if (kind == DIGIT) {
            word->digits[count - 1]++;
        }
        previous = kind;
        size = encode(entry & 0x1FFFFF, word->lower, size);
    }
    word->bounds[count] = size;
    return count;
}

static int wants_stem(const uint8_t *lower, int64_t first, int64_t last) {
    if (last - first < MIN_STEMMED_LETTERS) return 0;
    for (int64_t position = first; position < last; position++)
        if (lower[position] < 'a' || lower[position] > 'z') return 0;
    return 1;
}

/* Return which array of the dictionaries may be too small for another word. Hash tables are at most half full. */
static int64_t shortage_of(const scan_state *state) {
    if (2 * (state->words + 1) > state->word_space) return WORD_SPACE;
    if (state->word_parts + MAX_PARTS > state->word_part_space) return WORD_PART_SPACE;
    if (2 * (state->parts + MAX_PARTS) > state->part_key_space || state->parts + MAX_PARTS > state->part_space)
        return PART_SPACE;
    if (state->part_offsets[state->parts] + 2 * MAX_LOWER_BYTES > state->byte_space) return BYTE_SPACE;
    return NOTHING;
}

/* Enter the parts of a new word into the dictionary of parts, and return the word's entry for `word_values`. */
static int64_t add_word(const uint8_t *data, int64_t first, int64_t last, int is_cjk, const uint32_t *code_points,
                        split_word *word, scan_state *state) {
    int64_t found = 1;
    if (is_cjk) {
        memcpy(word->lower, data + first, (size_t)(last - first));
        word->bounds[0] = 0;
        word->bounds[1] = last - first;
        word->digits[0] = 0;
    } else {
        found = split(data, first, last, code_points, word);
    }
    int64_t value = state->word_parts << 8;
    for (int64_t number = 0; number < (found > 1 ? found + 1 : found); number++) {
        int64_t part_first = 0, part_last = word->bounds[found]; /* the whole word */
        if (number < found) {
            if (word->digits[number] > MAX_DIGITS) continue;
            part_first = word->bounds[number];
            part_last = word->bounds[number + 1];
        }
        int is_stemmed = wants_stem(word->lower, part_first, part_last);
        uint64_t key = fnv1a(word->lower, part_first, part_last);
        if (is_stemmed) key ^= STEMMED_KEY;
        if (key == 0) key = 1;
        int64_t slot = slot_of(state->part_keys, state->part_key_space, key);
        if (state->part_keys[slot] == 0) {
            int64_t part = state->parts++;
            state->part_keys[slot] = key;
            state->part_numbers[slot] = part;
            int64_t begin = state->part_offsets[part];
            memcpy(state->part_bytes + begin, word->lower + part_first, (size_t)(part_last - part_first));
            state->stemmed[part] = (uint8_t)is_stemmed;
            state->latest[part] = -1;
            state->part_offsets[part + 1] = begin + part_last - part_first;
        }
        state->word_part_numbers[state->word_parts++] = (int32_t)state->part_numbers[slot];
        value++;
    }
    state->words++;
    return value;
}

/* Tokenise from the position in `state` to the end. Return 0, or the array that must grow before the scan goes on.
 * `starts` and `ends` must lie inside the data. */
int64_t scan(const uint8_t *data, int64_t size, const int64_t *starts, const int64_t *ends, int64_t rows,
             const uint32_t *code_points, int64_t *row_offsets, uint32_t *lengths, scan_state *state) {
    split_word word;
    /* Entries from here on are of characters that continue a word. No ASCII character is CJK. */
    const uint32_t first_word_entry = (uint32_t)MARK << CLASS_SHIFT;
    int64_t position = state->position, length = state->length, cjk_end = state->cjk_end;
    int64_t postings = state->postings;
    for (int64_t row = state->row; row < rows; row++) {
        int64_t row_start = row_offsets[row], end = ends[row];
        if (starts[row] < 0 || end < starts[row] || end > size) return DAMAGED;
        if (position < 0) position = starts[row];
        while (position < end) {
            /* 1. Find the next word, data[first:last], and its hash. */
            character found = character_at(data, position, end);
            uint32_t kind = entry_of(code_points, found.code_point) >> CLASS_SHIFT;
            if (kind <= MARK) {
                position += found.width;
                continue;
            }
            int64_t first = position, following_position = position + found.width, last = following_position;
            uint64_t key;
            if (kind == CJK) {
                character following = {0, 0};
                if (last < end && data[last] >= 128) following = decode(data, last, end);
                if (entry_of(code_points, following.code_point) >> CLASS_SHIFT == CJK) {
                    last += following.width;
                } else if (cjk_end == last) { /* the last character of a run ended the bigram before */
                    position = following_position;
                    continue;
                }
                key = fnv1a(data, first, last);
            } else {
                key = fnv1a(data, first, last);
                if (kind != DIGIT) /* most words are ASCII */
                    while (last < end && data[last] < 128 && code_points[data[last]] >= first_word_entry)
                        key = (key ^ data[last++]) * FNV_PRIME;
                while (last < end) {
                    character next = character_at(data, last, end);
                    uint32_t next_kind = entry_of(code_points, next.code_point) >> CLASS_SHIFT;
                    if (next_kind == SEPARATOR || next_kind == CJK) break;
                    if (kind == DIGIT && next_kind != DIGIT) break;
                    for (int64_t stop = last + next.width; last < stop; last++) key = (key ^ data[last]) * FNV_PRIME;
                }
                following_position = last;
                if (last - first > MAX_WORD_BYTES) {
                    position = last;
                    continue;
                }
            }

            /* 2. Look it up; split it where it is new. */
            if (key == 0) key = 1;
            int64_t slot = slot_of(state->word_keys, state->word_space, key);
            int is_new = state->word_keys[slot] == 0;
            int64_t shortage = is_new ? shortage_of(state) : NOTHING;
            if (postings + MAX_PARTS > state->posting_space) shortage = POSTING_SPACE;
            if (shortage != NOTHING) {
                state->row = row;
                state->position = position;
                state->length = length;
                state->cjk_end = cjk_end;
                state->postings = postings;
                return shortage;
            }
            if (is_new) {
                state->word_keys[slot] = key;
                state->word_values[slot] = add_word(data, first, last, kind == CJK, code_points, &word, state);
            }
            int64_t value = state->word_values[slot];
            position = following_position;
            if (kind == CJK) cjk_end = last;

            /* 3. Count its parts in this row. */
            int64_t first_part = value >> 8, parts = value & 0xFF;
            for (int64_t index = first_part; index < first_part + parts; index++) {
                int32_t part = state->word_part_numbers[index];
                int64_t posting = state->latest[part];
                if (posting >= row_start) {
                    if (state->frequencies[posting] < 255) state->frequencies[posting]++;
                } else {
                    state->latest[part] = postings;
                    state->posting_parts[postings] = part;
                    state->frequencies[postings++] = 1;
                }
            }
            length += parts;
        }
        lengths[row] = (uint32_t)length;
        row_offsets[row + 1] = postings;
        position = -1;
        length = 0;
        cjk_end = -1;
    }
    state->row = rows;
    state->postings = postings;
    return NOTHING;
}

/* Stem parts in place where `stemmed` is 1, and hash all parts. Part i is bytes[offsets[i]:offsets[i + 1]]. `terms` are
 * never 0; `lengths` are the new sizes of the parts in bytes. */
int64_t hash_terms(uint8_t *bytes, int64_t size, const int64_t *offsets, const uint8_t *stemmed, int64_t parts,
                   uint64_t *terms, int64_t *lengths) {
    uint8_t word[STEM_SPACE];
    for (int64_t part = 0; part < parts; part++) {
        int64_t first = offsets[part], last = offsets[part + 1];
        if (first < 0 || last < first || last > size) return DAMAGED;
        int64_t length = last - first;
        if (stemmed[part]) {
            if (length >= STEM_SPACE) return DAMAGED;
            memcpy(word, bytes + first, (size_t)length);
            length = stem(word, length);
            memcpy(bytes + first, word, (size_t)length);
        }
        lengths[part] = length;
        uint64_t term = splitmix64(fnv1a(bytes, first, first + length));
        terms[part] = term ? term : 1;
    }
    return 0;
}

/* Replace parts by terms in place, and return how many postings are left. Several parts may be one term (`running`,
 * `runs`): their counts are added row by row. Fill `row_ends`, and count the postings of term t in offsets[t + 1]. */
int64_t merge_parts(const int64_t *row_offsets, int64_t rows, int32_t *parts, uint8_t *frequencies, int64_t postings,
                    const int64_t *term_of_part, int64_t part_count, int64_t term_count, int64_t *latest,
                    int64_t *row_ends, int64_t *offsets) {
    int64_t merged = 0, before = 0;
    for (int64_t row = 0; row < rows; row++) {
        int64_t row_start = merged, end = row_offsets[row + 1];
        if (row_offsets[row] != before || end < before || end > postings) return DAMAGED;
        for (int64_t posting = before; posting < end; posting++) {
            if (parts[posting] < 0 || parts[posting] >= part_count) return DAMAGED;
            int64_t term = term_of_part[parts[posting]];
            if (term < 0 || term >= term_count) return DAMAGED;
            uint8_t frequency = frequencies[posting];
            int64_t earlier = latest[term];
            if (earlier >= row_start) {
                int sum = frequencies[earlier] + frequency;
                frequencies[earlier] = (uint8_t)(sum < 255 ? sum : 255);
            } else {
                latest[term] = merged;
                parts[merged] = (int32_t)term;
                frequencies[merged++] = frequency;
                offsets[term + 1]++;
            }
        }
        row_ends[row] = merged;
        before = end;
    }
    return merged;
}

/* Sort postings by term with a counting sort, which keeps the order of rows. `following` has the start of each term. */
int64_t sort_postings(const int64_t *row_ends, int64_t rows, const int32_t *parts, const uint8_t *frequencies,
                      int64_t merged, int64_t *following, int64_t term_count, uint32_t *sorted_rows,
                      uint8_t *sorted_frequencies) {
    int64_t posting = 0;
    for (int64_t row = 0; row < rows; row++) {
        if (row_ends[row] > merged) return DAMAGED;
        for (; posting < row_ends[row]; posting++) {
            if (parts[posting] < 0 || parts[posting] >= term_count) return DAMAGED;
            int64_t target = following[parts[posting]]++;
            if (target < 0 || target >= merged) return DAMAGED;
            sorted_rows[target] = (uint32_t)row;
            sorted_frequencies[target] = frequencies[posting];
        }
    }
    return 0;
}
