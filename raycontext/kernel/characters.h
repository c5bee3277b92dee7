/* UTF-8, the table of code points, and hashes, for the tokeniser. */
#ifndef RAYCONTEXT_CHARACTERS_H
#define RAYCONTEXT_CHARACTERS_H
#include "kernels.h"

static const uint64_t FNV_OFFSET = 0xCBF29CE484222325u;
static const uint64_t FNV_PRIME = 0x100000001B3u;

typedef struct {
    uint32_t code_point;
    int64_t width;
} character;

/* Return the FNV-1a hash of 64 bits (Fowler, Noll, Vo; RFC 9923). It is part of the index format. */
static inline uint64_t fnv1a(const uint8_t *data, int64_t first, int64_t last) {
    uint64_t value = FNV_OFFSET;
    for (int64_t position = first; position < last; position++) value = (value ^ data[position]) * FNV_PRIME;
    return value;
}

/* Return the output function of SplitMix64 (Steele, Lea, Flood 2014), a bijection that mixes all bits. */
static inline uint64_t splitmix64(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* Return the code point at `position`, where no ASCII byte stands, and its width in bytes; (0, 1) where the bytes
 * up to `end` are not valid UTF-8; U+0000 is a separator. */
static inline character decode(const uint8_t *data, int64_t position, int64_t end) {
    const character invalid = {0, 1};
    uint32_t lead = data[position];
    if (lead < 0xC2 || lead > 0xF4) return invalid;
    int64_t width = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (position + width > end) return invalid;
    uint32_t code_point = lead & (0x7Fu >> width);
    for (int64_t offset = 1; offset < width; offset++) {
        uint32_t following = data[position + offset];
        if ((following & 0xC0) != 0x80) return invalid;
        code_point = (code_point << 6) | (following & 0x3F);
    }
    if (width == 3 && code_point < 0x800) return invalid;
    if (width == 4 && (code_point < 0x10000 || code_point >= 0x110000)) return invalid;
    return (character){code_point, width};
}

/* Return the character at `position`, ASCII or not. */
static inline character character_at(const uint8_t *data, int64_t position, int64_t end) {
    return data[position] < 128 ? (character){data[position], 1} : decode(data, position, end);
}

/* Return class and lower case of any code point. Planes 2 and 3, beyond the table, are Han; the rest has no letters. */
static inline uint32_t entry_of(const uint32_t *code_points, uint32_t code_point) {
    if (code_point < TABLE_SIZE) return code_points[code_point];
    if (code_point < 0x40000) return ((uint32_t)CJK << CLASS_SHIFT) | code_point;
    return (uint32_t)SEPARATOR << CLASS_SHIFT;
}

/* Write a code point as UTF-8, at most four bytes, and return the position after it. */
static inline int64_t encode(uint32_t code_point, uint8_t *out, int64_t position) {
    if (code_point < 0x80) {
        out[position] = (uint8_t)code_point;
        return position + 1;
    }
    if (code_point < 0x800) {
        out[position++] = (uint8_t)(0xC0 | (code_point >> 6));
    } else {
        if (code_point < 0x10000) {
            out[position++] = (uint8_t)(0xE0 | (code_point >> 12));
        } else {
            out[position++] = (uint8_t)(0xF0 | (code_point >> 18));
            out[position++] = (uint8_t)(0x80 | ((code_point >> 12) & 0x3F));
        }
        out[position++] = (uint8_t)(0x80 | ((code_point >> 6) & 0x3F));
    }
    out[position] = (uint8_t)(0x80 | (code_point & 0x3F));
    return position + 1;
}

#endif
