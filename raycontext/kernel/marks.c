/* Places in a text where a secret may stand: a pass that looks for many literals at once, and at what follows them.
 *
 * A hash of three bytes, which is the same in any case of letters, tells nearly everywhere that no literal begins. The
 * few places that remain are compared with the literals of their group, and then with what each literal asks for. The
 * caller decides about what is found.
 */
#include "kernels.h"

enum { MAX_NAME_TAIL = 24, MAX_GAP = 40, MAX_USER_INFO = 300, MIN_TOKEN_TAIL = 12, MIN_VALUE = 8, MAX_PARTS_BETWEEN = 3 };

static inline uint8_t folded(uint8_t byte) { return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte; }

/* Return the hash of three bytes, 16 bits. Letters of both cases give the same one. */
static inline uint32_t hash_of(uint8_t first, uint8_t second, uint8_t third) {
    uint32_t folded_bytes = ((uint32_t)first | (uint32_t)second << 8 | (uint32_t)third << 16) | 0x202020u;
    return (folded_bytes * 0x9E3779B1u) >> 16;
}

/* Return the hash of three bytes, for who makes the tables. */
int64_t mark_hash(uint8_t first, uint8_t second, uint8_t third) { return hash_of(first, second, third); }

static inline int is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

static inline int is_letter(uint8_t byte) { return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z'; }

static inline int is_space(uint8_t byte) { return byte == ' ' || byte == '\t'; }

static inline int is_quote(uint8_t byte) { return byte == '"' || byte == '\'' || byte == '`'; }

/* Return whether a byte may stand in a token: letters, digits and the signs of base 64 and of names. */
static inline int is_token(uint8_t byte) {
    return is_digit(byte) || is_letter(byte) || byte == '_' || byte == '-' || byte == '.' || byte == '+' ||
           byte == '/' || byte == '=' || byte == '%';
}

/* Return whether enough of a token follows a place. */
static int has_token(const uint8_t *data, int64_t position, int64_t size) {
    if (size - position < MIN_TOKEN_TAIL) return 0;
    for (int64_t offset = 0; offset < MIN_TOKEN_TAIL; offset++) {
        if (!is_token(data[position + offset])) return 0;
    }
    return 1;
}

/* Return whether a value with a digit and a letter is assigned to the name of which a part ends at a place. Between
 * the two a type may stand (`key: str = "…"`), and the sign of a call (`key("…")`). */
static int has_value(const uint8_t *data, int64_t position, int64_t size) {
    int64_t limit = position + MAX_NAME_TAIL;
    while (position < size && position < limit &&
           (is_letter(data[position]) || is_digit(data[position]) || data[position] == '_' || data[position] == '-')) {
        position++;
    }
    int assigned = 0;
    for (int part = 0; part < MAX_PARTS_BETWEEN; part++) {
        limit = position + MAX_GAP;
        for (; position < size && position < limit; position++) {
            uint8_t byte = data[position];
            if (byte == '=' || byte == ':' || byte == '>' || byte == ',' || byte == '(') assigned = 1;
            else if (!is_space(byte) && !is_quote(byte) && byte != ']' && byte != ')' && byte != '?' && byte != '\\') break;
        }
        int64_t start = position;
        int digits = 0, letters = 0;
        for (; position < size && position - start < MAX_USER_INFO; position++) {
            uint8_t byte = data[position];
            if (byte <= ' ' || is_quote(byte) || byte == '<' || byte == ',' || byte == ';' || byte == '(') break;
            digits |= is_digit(byte);
            letters |= is_letter(byte);
        }
        if (position - start >= MIN_VALUE && digits && letters && assigned) return 1;
        if (position == start || position - start > MAX_NAME_TAIL) return 0;
    }
    return 0;
}

/* Return whether a name and a password stand behind the `://` of a URL. */
static int has_user_info(const uint8_t *data, int64_t position, int64_t size) {
    int64_t limit = position + MAX_USER_INFO;
    int colon = 0;
    for (; position < size && position < limit; position++) {
        uint8_t byte = data[position];
        if (byte == '@') return colon;
        if (byte <= ' ' || byte == '"' || byte == '\'' || byte == '<' || byte == '>' || byte == '/' || byte == '`') return 0;
        if (byte == ':') colon = 1;
    }
    return 0;
}

/* Find literals in data[first:size], and write the place and the number of each that has what it asks for.
 *
 * begins: 65,536 bits, set for the hash of the first three bytes of each literal. group_of: the number of the group of
 * literals with that hash, [65,536]; 0: none. groups: where each group begins among the literals, [group_count + 1];
 * group g is from groups[g - 1] to groups[g]. literals: their bytes in lower case; number i is
 * literals[offsets[i]:offsets[i + 1]], at least three bytes. asks: what must stand around each, of ASKS_*. Returns how
 * many were written; `resume` is where to go on where there was no space for more, else `size`. */
int64_t find_marks(const uint8_t *data, int64_t first, int64_t size, const uint8_t *begins, const uint8_t *group_of,
                   const int64_t *groups, int64_t group_count, const uint8_t *literals, int64_t literal_bytes, const int64_t *offsets,
                   const uint8_t *asks, int64_t count, int64_t *places, int32_t *numbers, int64_t space,
                   int64_t *resume) {
    int64_t found = 0;
    if (first < 0 || group_count > 255) return DAMAGED;
    for (int64_t number = 0; number < count; number++) {
        if (offsets[number] < 0 || offsets[number + 1] > literal_bytes || offsets[number + 1] - offsets[number] < 3) {
            return DAMAGED;
        }
    }
    for (int64_t group = 0; group < group_count; group++) {
        if (groups[group] < 0 || groups[group] > groups[group + 1] || groups[group + 1] > count) return DAMAGED;
    }
    for (int64_t position = first; position + 2 < size; position++) {
        uint32_t hash = hash_of(data[position], data[position + 1], data[position + 2]);
        if (!(begins[hash >> 3] & (1u << (hash & 7)))) continue;
        int64_t group = group_of[hash];
        if (group == 0) continue;
        if (group > group_count) return DAMAGED;
        for (int64_t number = groups[group - 1]; number < groups[group]; number++) {
            const uint8_t *literal = literals + offsets[number];
            int64_t length = offsets[number + 1] - offsets[number];
            if (length > size - position) continue;
            int64_t same = 0;
            while (same < length && literal[same] == folded(data[position + same])) same++;
            if (same < length) continue;
            if (asks[number] & ASKS_START && position > 0) {
                uint8_t before = data[position - 1];
                if (is_letter(before) || is_digit(before) || before == '_') continue;
            }
            int64_t end = position + length;
            if (asks[number] & ASKS_TOKEN && !has_token(data, end, size)) continue;
            if (asks[number] & ASKS_VALUE && !has_value(data, end, size)) continue;
            if (asks[number] & ASKS_USER_INFO && !has_user_info(data, end, size)) continue;
            if (found == space) {
                *resume = position;
                return found;
            }
            places[found] = position;
            numbers[found++] = (int32_t)number;
        }
    }
    *resume = size;
    return found;
}
