/* Blanking of the bodies of small C functions before a file is parsed, since no chunk begins inside them. */
#include "kernels.h"

/* Table of the bytes that have a meaning outside of names and numbers. */
static const uint8_t IS_MARK[256] = {
    ['\n'] = 1, [' '] = 1, ['\t'] = 1, ['\r'] = 1, ['#'] = 1, ['/'] = 1, ['('] = 1,
    [')'] = 1,  [';'] = 1, ['{'] = 1,  ['}'] = 1,  ['"'] = 1, ['\''] = 1,
};

static void blank(uint8_t *data, int64_t start, int64_t end) {
    for (int64_t position = start; position < end; position++)
        if (data[position] != '\n' && data[position] != '\r') data[position] = ' ';
}

/* Return the end of a comment that begins at `position`: the line end, or the position after the closing mark. */
static int64_t behind_comment(const uint8_t *data, int64_t size, int64_t position) {
    if (data[position + 1] == '/') {
        while (position < size && data[position] != '\n') position++;
        return position;
    }
    for (position += 2; position + 1 < size; position++)
        if (data[position] == '*' && data[position + 1] == '/') return position + 2;
    return size;
}

/* Return the line end of a directive, after the lines that continue it and the comments in it. */
static int64_t behind_directive(const uint8_t *data, int64_t size, int64_t position) {
    while (position < size && data[position] != '\n') {
        if (data[position] == '\\' && position + 1 < size) {
            position += 2;
            if (data[position - 1] == '\r' && position < size && data[position] == '\n') position++;
        } else if (data[position] == '/' && position + 1 < size && data[position + 1] == '*') {
            position = behind_comment(data, size, position);
        } else {
            position++;
        }
    }
    return position;
}

/* Return the position after a string or a character literal, or the line end if it is not closed before. */
static int64_t behind_literal(const uint8_t *data, int64_t size, int64_t position) {
    uint8_t quote = data[position++];
    while (position < size && data[position] != '\n') {
        if (data[position] == quote) return position + 1;
        position += data[position] == '\\' ? 2 : 1;
    }
    return position < size ? position : size;
}

static int is_of_word(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

/* Return whether `name(...)` stands before a brace at `end`. `MACRO(...)` and a name in an attribute do not count. */
static int ends_signature(const uint8_t *data, int64_t begin, int64_t end) {
    if (end <= begin) return 0;
    int64_t position = end - 1, depth = 0;
    while (position > begin && data[position] <= ' ') position--;
    if (data[position] != ')') return 0;
    for (; position > begin; position--) {
        if (data[position] == ')') depth++;
        else if (data[position] == '(' && --depth == 0) break;
    }
    position--;
    while (position > begin && data[position] <= ' ') position--;
    while (position > begin && is_of_word(data[position - 1])) position--;
    if (position < begin) return 0;
    uint8_t first = data[position], second = data[position + 1];
    return (first >= 'a' && first <= 'z') || (first == '_' && second != '_');
}

/* Blank out bodies in place, and return their number. */
int64_t blank_bodies(uint8_t *data, int64_t size, int64_t most_bytes) {
    int64_t found = 0, depth = 0, parentheses = 0, linkages = 0, position = 0;
    int64_t begin = 0;  /* start of the current declaration */
    int64_t opened = 0; /* position of its outermost brace */
    int is_body = 0, starts_line = 1;
    uint8_t last = ';'; /* the last byte that is neither white space nor in a comment */
    while (position < size) {
        uint8_t byte = data[position];
        if (!IS_MARK[byte]) { /* most bytes of a file */
            starts_line = 0;
            last = byte;
            position++;
        } else if (byte == '\n') {
            starts_line = 1;
            position++;
        } else if (byte == ' ' || byte == '\t' || byte == '\r') {
            position++;
        } else if (byte == '#' && starts_line) {
            is_body = 0;
            position = behind_directive(data, size, position);
        } else if (byte == '/' && position + 1 < size && (data[position + 1] == '*' || data[position + 1] == '/')) {
            position = behind_comment(data, size, position);
        } else {
            starts_line = 0;
            if (byte == '(') {
                parentheses++;
            } else if (byte == ')') {
                parentheses--;
            } else if (byte == ';' && depth == 0 && parentheses == 0) {
                begin = position + 1;
            } else if (byte == '{' && depth == 0 && last == '"') { /* extern "C" { */
                linkages++;
                begin = position + 1;
            } else if (byte == '}' && depth == 0 && linkages > 0) {
                linkages--;
                begin = position + 1;
            } else if (byte == '{') {
                if (depth == 0) {
                    opened = position;
                    is_body = parentheses == 0 && (last == '=' || ends_signature(data, begin, position));
                }
                depth++;
            } else if (byte == '}') {
                depth--;
                if (depth < 0 || (depth == 0 && parentheses != 0)) return found;
                if (depth == 0 && is_body) {
                    if (position + 1 - begin <= most_bytes) {
                        blank(data, opened + 1, position);
                        found++;
                    }
                    begin = position + 1;
                }
            }
            last = byte;
            position = byte == '"' || byte == '\'' ? behind_literal(data, size, position) : position + 1;
        }
    }
    return found;
}
