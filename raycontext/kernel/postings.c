/* Encoding and decoding of posting lists, and merges of inverted indexes.
 *
 * A list holds gaps between rows in codes of variable length (Scholer, Williams, Yiannis and Zobel, "Compression of
 * inverted indexes for fast query evaluation", SIGIR 2002). The lowest bit of a code says whether a frequency follows:
 * most terms occur once in a row.
 */
#include "arithmetic.h"

enum { MOST_SHIFT = 56 }; /* shift after which a code ends, even a damaged one */


/* Fill `starts` [terms + 1] with the offset of each list, and return the size of all lists in bytes. */
int64_t measure_lists(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                      int64_t postings, int64_t *starts) {
    int64_t total = 0;
    for (int64_t term = 0; term < terms; term++) {
        starts[term] = total;
        int64_t before = -1;
        if (offsets[term] < 0 || offsets[term + 1] > postings) return DAMAGED;
        for (int64_t place = offsets[term]; place < offsets[term + 1]; place++) {
            int64_t row = rows[place];
            if (row <= before) return DAMAGED;
            uint64_t code = (uint64_t)(row - before - 1) << 1;
            before = row;
            total++;
            for (; code >= 128; code >>= 7) total++;
            if (frequencies[place] > 1) total += frequencies[place] < 130 ? 1 : 2;
        }
    }
    starts[terms] = total;
    return total;
}

/* Write all lists, and return their size in bytes. There must be room for MOST_POSTING_BYTES more. */
int64_t write_lists(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                    int64_t postings, uint8_t *data, int64_t size) {
    int64_t filled = 0;
    for (int64_t term = 0; term < terms; term++) {
        int64_t before = -1;
        if (offsets[term] < 0 || offsets[term + 1] > postings) return DAMAGED;
        for (int64_t place = offsets[term]; place < offsets[term + 1]; place++) {
            int64_t row = rows[place], frequency = frequencies[place];
            if (row <= before || size - filled < MOST_POSTING_BYTES) return DAMAGED;
            uint64_t code = ((uint64_t)(row - before - 1) << 1) | (frequency > 1);
            before = row;
            for (; code >= 128; code >>= 7) data[filled++] = (uint8_t)((code & 127) | 128);
            data[filled++] = (uint8_t)code;
            if (frequency > 1) {
                code = (uint64_t)(frequency - 2);
                if (code >= 128) {
                    data[filled++] = (uint8_t)((code & 127) | 128);
                    code >>= 7;
                }
                data[filled++] = (uint8_t)code;
            }
        }
    }
    return filled;
}

/* Fill `places` with the place of each term in a sorted dictionary, or -1, and return how many were found. */
int64_t find_lists(const uint64_t *dictionary, int64_t size, const uint64_t *terms, int64_t count, int64_t *places) {
    int64_t found = 0;
    for (int64_t number = 0; number < count; number++) {
        int64_t low = 0, high = size;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (dictionary[middle] < terms[number]) low = middle + 1;
            else high = middle;
        }
        int is_there = low < size && dictionary[low] == terms[number];
        places[number] = is_there ? low : -1;
        found += is_there;
    }
    return found;
}

/* Return the largest number of postings that the given lists can hold. A posting takes at least one byte. */
int64_t bound_lists(const int32_t *narrow_starts, const int64_t *wide_starts, int64_t lists, const int64_t *places,
                    int64_t count, int64_t size) {
    int64_t total = 0;
    for (int64_t number = 0; number < count; number++) {
        int64_t place = places[number];
        if (place < 0) continue;
        if (place >= lists) return DAMAGED;
        int64_t first = offset_at(narrow_starts, wide_starts, place);
        int64_t last = offset_at(narrow_starts, wide_starts, place + 1);
        if (first < 0) first = 0;
        if (last > size) last = size;
        if (last > first) total += last - first;
    }
    return total;
}

/* Read the given lists into `rows` and `frequencies`, and return the number of postings. -1 is an empty list. */
int64_t read_lists(const int32_t *narrow_starts, const int64_t *wide_starts, int64_t lists, const uint8_t *data,
                   int64_t size, const int64_t *places, int64_t count, int64_t *starts, int64_t *ends, uint32_t *rows,
                   uint8_t *frequencies, int64_t space) {
    int64_t filled = 0;
    for (int64_t number = 0; number < count; number++) {
        int64_t place = places[number];
        starts[number] = filled;
        if (place >= 0) {
            if (place >= lists) return DAMAGED;
            int64_t position = offset_at(narrow_starts, wide_starts, place);
            int64_t end = offset_at(narrow_starts, wide_starts, place + 1);
            if (position < 0) position = 0;
            if (end > size) end = size;
            if (end - position > space - filled) return DAMAGED;
            uint64_t row = UINT64_MAX; /* a first gap of 0 gives row 0 */
            while (position < end) {
                uint64_t byte = data[position++];
                if (byte < 128 && !(byte & 1)) { /* most postings have one byte and frequency 1 */
                    row += (byte >> 1) + 1;
                    rows[filled] = (uint32_t)row;
                    frequencies[filled++] = 1;
                    continue;
                }
                uint64_t code = byte & 127;
                for (int shift = 7; byte >= 128 && position < end && shift <= MOST_SHIFT; shift += 7) {
                    byte = data[position++];
                    code |= (byte & 127) << shift;
                }
                row += (code >> 1) + 1;
                uint64_t frequency = 1;
                if ((code & 1) && position < end) {
                    byte = data[position++];
                    frequency = 2 + (byte & 127);
                    if (byte >= 128 && position < end) frequency += (uint64_t)data[position++] << 7;
                }
                rows[filled] = (uint32_t)row;
                frequencies[filled++] = (uint8_t)frequency;
            }
        }
        ends[number] = filled;
    }
    return filled;
}

/* Count the postings of each term whose row is alive. row_map[row] is its new number, or negative for a dead row. */
int64_t count_live(const int64_t *offsets, int64_t terms, const uint32_t *rows, int64_t postings,
                   const int64_t *row_map, int64_t mapped, int64_t *counts) {
    for (int64_t term = 0; term < terms; term++) {
        if (offsets[term] < 0 || offsets[term + 1] > postings) return DAMAGED;
        int64_t count = 0;
        for (int64_t place = offsets[term]; place < offsets[term + 1]; place++) {
            if (rows[place] >= mapped) return DAMAGED;
            count += row_map[rows[place]] >= 0;
        }
        counts[term] = count;
    }
    return 0;
}

/* Append the live postings of each term to the postings of its target in the merged index. */
int64_t place_live(const int64_t *offsets, int64_t terms, const uint32_t *rows, const uint8_t *frequencies,
                   int64_t postings, const int64_t *row_map, int64_t mapped, const int64_t *targets,
                   int64_t *following, int64_t target_count, uint32_t *merged_rows, uint8_t *merged_frequencies,
                   int64_t space) {
    for (int64_t term = 0; term < terms; term++) {
        int64_t target = targets[term];
        if (offsets[term] < 0 || offsets[term + 1] > postings) return DAMAGED;
        for (int64_t place = offsets[term]; place < offsets[term + 1]; place++) {
            if (rows[place] >= mapped) return DAMAGED;
            int64_t row = row_map[rows[place]];
            if (row < 0) continue;
            if (target < 0 || target >= target_count) return DAMAGED;
            int64_t next = following[target];
            if (next < 0 || next >= space) return DAMAGED;
            merged_rows[next] = (uint32_t)row;
            merged_frequencies[next] = frequencies[place];
            following[target] = next + 1;
        }
    }
    return 0;
}
