/* Trigrams of files: which runs of three bytes each file has, and the lists of files by trigram.
 *
 * A list of n of N files holds the gaps between their numbers in Golomb-Rice codes (Rice and Plaunt, "Adaptive
 * variable-length coding for efficient compression of spacecraft television data", 1971), whose parameter follows from n
 * and N: so a trigram of nearly all files takes about one bit a file, like a bitmap, and a rare one few bytes.
 */
#include <string.h>

#include "kernels.h"

enum { LEAST_WITH_SIZE = 8, MOST_NUMBER_BYTES = 10 };

/* Return the byte as trigrams know it, and move `at` to the last byte that was taken: capitals of ASCII count as small
 * letters, and so do the two characters beyond ASCII that case folding takes to k and s. */
static inline uint32_t folded(const uint8_t *data, int64_t *at, int64_t end) {
    uint32_t byte = data[*at];
    if (byte - 'A' < 26) return byte | 32;
    if (byte < 0xC5) return byte;
    if (byte == 0xC5 && *at + 1 < end && data[*at + 1] == 0xBF) {
        *at += 1;
        return 's';
    }
    if (byte == 0xE2 && *at + 2 < end && data[*at + 1] == 0x84 && data[*at + 2] == 0xAA) {
        *at += 2;
        return 'k';
    }
    return byte;
}

/* Append the trigrams of each file to `found`, each once a file, and fill `found_ends`. No trigram holds a line end.
 * `seen` and `any` [TRIGRAM_WORDS] are zero at first; `any` gets the trigrams of all files. progress: files that are
 * done, entries of `found`. Return NO_SPACE where `found` must grow: then the call can be made again. */
int64_t collect_trigrams(const uint8_t *data, int64_t size, const int64_t *starts, const int64_t *ends, int64_t files,
                         uint64_t *seen, uint64_t *any, int64_t *progress, uint32_t *found, int64_t space,
                         int64_t *found_ends) {
    int64_t filled = progress[1];
    if (filled < 0 || filled > space || progress[0] < 0) return DAMAGED;
    for (int64_t file = progress[0]; file < files; file++) {
        int64_t first = filled, end = ends[file];
        int is_full = 0;
        uint32_t last = 0;
        int run = 0;
        if (starts[file] < 0 || end > size) return DAMAGED;
        for (int64_t at = starts[file]; at < end; at++) {
            if (data[at] == '\n') {
                run = 0;
                continue;
            }
            last = ((last << 8) | folded(data, &at, end)) & 0xFFFFFF;
            if (++run < 3) continue;
            uint64_t bit = 1ULL << (last & 63);
            if (seen[last >> 6] & bit) continue;
            if (filled == space) {
                is_full = 1;
                break;
            }
            seen[last >> 6] |= bit;
            found[filled++] = last;
        }
        for (int64_t place = first; place < filled; place++) {
            uint32_t trigram = found[place] & 0xFFFFFF;
            seen[trigram >> 6] = 0;
            if (!is_full) any[trigram >> 6] |= 1ULL << (trigram & 63);
        }
        if (is_full) return NO_SPACE;
        found_ends[file] = filled;
        progress[0] = file + 1;
        progress[1] = filled;
    }
    return 0;
}

/* Fill `ranks` [TRIGRAM_WORDS] with the number of trigrams before each word of `any`, and return their number. */
int64_t rank_trigrams(const uint64_t *any, uint32_t *ranks) {
    uint32_t total = 0;
    for (int64_t word = 0; word < TRIGRAM_WORDS; word++) {
        ranks[word] = total;
        total += (uint32_t)__builtin_popcountll(any[word]);
    }
    return total;
}

static inline int64_t rank_of(const uint64_t *any, const uint32_t *ranks, uint32_t trigram) {
    uint64_t below = any[trigram >> 6] & ((1ULL << (trigram & 63)) - 1);
    return (int64_t)ranks[trigram >> 6] + __builtin_popcountll(below);
}

/* Turn the trigrams of files into files by trigram: `trigrams` [count] ascending, `offsets` [count + 1], `rows`. */
int64_t invert_trigrams(const uint32_t *found, const int64_t *found_ends, int64_t files, int64_t total,
                        const uint64_t *any, const uint32_t *ranks, int64_t count, int64_t *following,
                        uint32_t *trigrams, int64_t *offsets, uint32_t *rows) {
    memset(offsets, 0, (size_t)(count + 1) * sizeof *offsets);
    for (int64_t place = 0; place < total; place++) {
        uint32_t trigram = found[place] & 0xFFFFFF;
        int64_t rank = rank_of(any, ranks, trigram);
        if (rank >= count) return DAMAGED;
        trigrams[rank] = trigram;
        offsets[rank + 1]++;
    }
    for (int64_t rank = 0; rank < count; rank++) {
        offsets[rank + 1] += offsets[rank];
        following[rank] = offsets[rank];
    }
    int64_t place = 0;
    for (int64_t file = 0; file < files; file++) {
        if (found_ends[file] > total) return DAMAGED;
        for (; place < found_ends[file]; place++) {
            int64_t rank = rank_of(any, ranks, found[place] & 0xFFFFFF);
            if (rank >= count || following[rank] >= offsets[rank + 1]) return DAMAGED;
            rows[following[rank]++] = (uint32_t)file;
        }
    }
    return 0;
}

/* Return the parameter of the codes of `count` among `files` numbers: about the logarithm of the mean gap. */
static inline int parameter(uint64_t count, uint64_t files) {
    int bits = 0;
    uint64_t most = files * 89 / 128; /* ln 2 of the gap gives the shortest codes */
    while (bits < 32 && (count << (bits + 1)) <= most) bits++;
    return bits;
}

static inline int64_t put_number(uint8_t *data, int64_t at, uint64_t number) {
    for (; number >= 128; number >>= 7) data[at++] = (uint8_t)((number & 127) | 128);
    data[at++] = (uint8_t)number;
    return at;
}

static int64_t list_bits(const uint32_t *rows, int64_t count, int64_t files, int bits) {
    int64_t total = count * (bits + 1), before = -1;
    for (int64_t place = 0; place < count; place++) {
        int64_t row = rows[place];
        if (row <= before || row >= files) return DAMAGED;
        total += (row - before - 1) >> bits;
        before = row;
    }
    return total;
}

static int64_t put_list(const uint32_t *rows, int64_t count, int bits, uint8_t *data, int64_t size) {
    memset(data, 0, (size_t)size);
    int64_t bit = 0, before = -1;
    for (int64_t place = 0; place < count; place++) {
        int64_t gap = (int64_t)rows[place] - before - 1;
        before = rows[place];
        for (int64_t ones = gap >> bits; ones > 0; ones--, bit++) data[bit >> 3] |= (uint8_t)(1 << (bit & 7));
        bit++;
        for (int low = 0; low < bits; low++, bit++) {
            if (gap >> low & 1) data[bit >> 3] |= (uint8_t)(1 << (bit & 7));
        }
    }
    return (bit + 7) >> 3;
}

/* Write the lists of all trigrams, in blocks of TRIGRAM_BLOCK. Fill `firsts` and `starts` with the first trigram and
 * the place of each block, and return the size in bytes. Return NO_SPACE where `data` is too small. A list is: the
 * distance to the trigram before, the number of files, the size of the codes where there are many, the codes. */
int64_t write_trigrams(const uint32_t *trigrams, const int64_t *offsets, int64_t count, const uint32_t *rows,
                       int64_t total, int64_t files, uint32_t *firsts, int64_t *starts, uint8_t *data, int64_t space) {
    int64_t at = 0, before = -1;
    for (int64_t number = 0; number < count; number++) {
        int64_t first = offsets[number], entries = offsets[number + 1] - first;
        if (first < 0 || entries <= 0 || first + entries > total || (int64_t)trigrams[number] <= before) return DAMAGED;
        if (number % TRIGRAM_BLOCK == 0) {
            firsts[number / TRIGRAM_BLOCK] = trigrams[number];
            starts[number / TRIGRAM_BLOCK] = at;
            before = trigrams[number];
        }
        int bits = parameter((uint64_t)entries, (uint64_t)files);
        int64_t size = list_bits(rows + first, entries, files, bits);
        if (size < 0) return DAMAGED;
        size = (size + 7) >> 3;
        if (space - at < size + 3 * MOST_NUMBER_BYTES) return NO_SPACE;
        at = put_number(data, at, (uint64_t)(trigrams[number] - before));
        at = put_number(data, at, (uint64_t)entries);
        if (entries >= LEAST_WITH_SIZE) at = put_number(data, at, (uint64_t)size);
        at += put_list(rows + first, entries, bits, data + at, size);
        before = trigrams[number];
    }
    starts[(count + TRIGRAM_BLOCK - 1) / TRIGRAM_BLOCK] = at;
    return at;
}

static inline int get_number(const uint8_t *data, int64_t end, int64_t *at, uint64_t *number) {
    *number = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        if (*at >= end) return 0;
        uint64_t byte = data[(*at)++];
        *number |= (byte & 127) << shift;
        if (byte < 128) return 1;
    }
    return 0;
}

/* Read the codes of a list into `rows`; null only passes over them. Return the place behind them, or DAMAGED. */
static int64_t get_list(const uint8_t *data, int64_t at, int64_t end, int64_t count, int64_t files, uint32_t *rows) {
    int bits = parameter((uint64_t)count, (uint64_t)files);
    int64_t bit = at << 3, last = end << 3, row = -1;
    for (int64_t place = 0; place < count; place++) {
        int64_t ones = 0;
        while (bit < last && data[bit >> 3] >> (bit & 7) & 1) {
            ones++;
            bit++;
        }
        bit++;
        if (bit + bits > last || ones > files >> bits) return DAMAGED;
        int64_t gap = ones << bits;
        for (int low = 0; low < bits; low++, bit++) gap |= (int64_t)(data[bit >> 3] >> (bit & 7) & 1) << low;
        row += gap + 1;
        if (row >= files) return DAMAGED;
        if (rows) rows[place] = (uint32_t)row;
    }
    return (bit + 7) >> 3;
}

/* Move over the next list of a block. Fill the trigram, the number of files and the place of the codes. */
static int next_list(const uint8_t *data, int64_t end, int64_t files, int64_t *at, uint64_t *trigram, int64_t *count,
                     int64_t *codes) {
    uint64_t distance, entries, size;
    if (!get_number(data, end, at, &distance) || distance > 0xFFFFFF) return 0;
    if (!get_number(data, end, at, &entries) || entries == 0 || entries > (uint64_t)files) return 0;
    *trigram += distance;
    *count = (int64_t)entries;
    if (*count < LEAST_WITH_SIZE) {
        *codes = *at;
        *at = get_list(data, *at, end, *count, files, 0);
        return *at >= 0;
    }
    if (!get_number(data, end, at, &size) || size > (uint64_t)(end - *at)) return 0;
    *codes = *at;
    *at += (int64_t)size;
    return 1;
}

/* Look up trigrams. Fill the place of the codes of each and the number of files; both are 0 where it is not there. */
int64_t find_trigrams(const uint32_t *firsts, const int32_t *narrow_starts, const int64_t *wide_starts, int64_t blocks,
                      const uint8_t *data, int64_t size, int64_t files, const uint32_t *wanted, int64_t count,
                      int64_t *places, int64_t *counts) {
    for (int64_t number = 0; number < count; number++) {
        int64_t low = 0, high = blocks;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (firsts[middle] <= wanted[number]) low = middle + 1;
            else high = middle;
        }
        places[number] = counts[number] = 0;
        if (low == 0) continue;
        int64_t at = wide_starts ? wide_starts[low - 1] : narrow_starts[low - 1];
        int64_t end = wide_starts ? wide_starts[low] : narrow_starts[low];
        if (at < 0 || end > size) return DAMAGED;
        uint64_t trigram = firsts[low - 1];
        while (at < end && trigram <= wanted[number]) {
            int64_t entries, codes;
            if (!next_list(data, end, files, &at, &trigram, &entries, &codes)) return DAMAGED;
            if (trigram == wanted[number]) {
                places[number] = codes;
                counts[number] = entries;
                break;
            }
        }
    }
    return 0;
}

/* Read one list of `count` files, whose codes begin at `place`. */
int64_t read_trigram(const uint8_t *data, int64_t size, int64_t place, int64_t count, int64_t files, uint32_t *rows) {
    if (place < 0 || place > size || count < 0 || count > files) return DAMAGED;
    return get_list(data, place, size, count, files, rows) < 0 ? DAMAGED : 0;
}

/* Read all lists: `trigrams`, `offsets` [lists + 1] and `rows`. Return their number, or NO_SPACE. */
int64_t read_all_trigrams(const uint32_t *firsts, const int32_t *narrow_starts, const int64_t *wide_starts,
                          int64_t blocks, const uint8_t *data, int64_t size, int64_t files, uint32_t *trigrams,
                          int64_t *offsets, int64_t lists, uint32_t *rows, int64_t space) {
    int64_t found = 0, filled = 0;
    for (int64_t block = 0; block < blocks; block++) {
        int64_t at = wide_starts ? wide_starts[block] : narrow_starts[block];
        int64_t end = wide_starts ? wide_starts[block + 1] : narrow_starts[block + 1];
        if (at < 0 || end > size) return DAMAGED;
        uint64_t trigram = firsts[block];
        while (at < end) {
            int64_t entries, codes;
            if (!next_list(data, end, files, &at, &trigram, &entries, &codes) || trigram > 0xFFFFFF) return DAMAGED;
            if (found >= lists || entries > space - filled) return NO_SPACE;
            if (found > 0 && trigrams[found - 1] >= trigram) return DAMAGED;
            if (get_list(data, codes, end, entries, files, rows + filled) < 0) return DAMAGED;
            trigrams[found] = (uint32_t)trigram;
            offsets[found++] = filled;
            filled += entries;
        }
    }
    offsets[found] = filled;
    return found;
}
