/* Gathering of references: which names a row uses, and in which ways. */
#include "lexer.h"

enum { NEXT_REFERENCE, NEXT_ROW, NAMES_FOUND, POSTINGS_FOUND }; /* entries of `progress` */

/* Hash names as the lexer does. */
int64_t hash_names(const uint8_t *data, int64_t size, const int64_t *offsets, int64_t names, uint64_t *hashes) {
    for (int64_t name = 0; name < names; name++) {
        if (offsets[name] < 0 || offsets[name + 1] < offsets[name] || offsets[name + 1] > size) return DAMAGED;
        hashes[name] = hash_of_name(data, offsets[name], offsets[name + 1]);
    }
    return names;
}

/* Gather the references of rows that lie in ascending order: each name once a row, with all its kinds.
 *
 * The call goes on where `progress` says, and returns 1 where the table of names is half full and must grow, 0 at the
 * end. `latest` holds the last posting of each name, -1 at first; `posting_ends` the end of each row's postings. A
 * reference in no row is left out. */
int64_t gather_references(const int64_t *starts, const uint64_t *hashes, const uint8_t *kinds, int64_t count,
                          const int64_t *row_starts, const int64_t *row_ends, int64_t rows, int64_t *progress,
                          uint64_t *keys, int64_t *numbers, int64_t slots, uint64_t *names, int64_t *latest,
                          int64_t name_space, int32_t *posting_names, uint8_t *posting_kinds, int64_t space,
                          int64_t *posting_ends) {
    int64_t next = progress[NEXT_REFERENCE], row = progress[NEXT_ROW];
    int64_t found = progress[NAMES_FOUND], filled = progress[POSTINGS_FOUND], result = 0;
    if (slots < 2 || (slots & (slots - 1)) || next < 0 || row < 0 || found < 0 || filled < 0) return DAMAGED;
    for (; next < count; next++) {
        while (row < rows && starts[next] >= row_ends[row]) posting_ends[row++] = filled;
        if (row == rows) break;
        if (starts[next] < row_starts[row] || !kinds[next] || !hashes[next]) continue;
        if (2 * (found + 1) > slots || found >= name_space) {
            result = 1;
            break;
        }
        uint64_t key = hashes[next], slot = (key ^ (key >> 32)) & (uint64_t)(slots - 1); /* as `rehash` places it */
        int64_t tries = 0;
        while (keys[slot] && keys[slot] != key && tries++ < slots) slot = (slot + 1) & (uint64_t)(slots - 1);
        if (!keys[slot]) {
            keys[slot] = key;
            numbers[slot] = found;
            names[found] = key;
            latest[found++] = -1;
        }
        int64_t number = numbers[slot];
        if (number < 0 || number >= found) return DAMAGED;
        int64_t first = row ? posting_ends[row - 1] : 0, last = latest[number];
        if (last >= first && last < filled) {
            posting_kinds[last] |= kinds[next];
            continue;
        }
        if (filled >= space || filled > INT32_MAX) return DAMAGED;
        posting_names[filled] = (int32_t)number;
        posting_kinds[filled] = kinds[next];
        latest[number] = filled++;
    }
    if (!result)
        while (row < rows) posting_ends[row++] = filled;
    progress[NEXT_REFERENCE] = next;
    progress[NEXT_ROW] = row;
    progress[NAMES_FOUND] = found;
    progress[POSTINGS_FOUND] = filled;
    return result;
}
