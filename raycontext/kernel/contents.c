/* Contents of files, put together from the texts of their chunks and from the blank lines between them. */
#include <string.h>

#include "kernels.h"

/* Copy texts to their places in the content of a file. Text i is data[offsets[i]:offsets[i + 1]]. */
int64_t place_texts(const uint8_t *data, int64_t size, const int32_t *offsets, int64_t rows, const uint32_t *starts,
                    uint8_t *content, int64_t content_size) {
    for (int64_t row = 0; row < rows; row++) {
        int64_t first = offsets[row], length = offsets[row + 1] - first, start = starts[row];
        if (first < 0 || length < 0 || first + length > size || start + length > content_size) return DAMAGED;
        memcpy(content + start, data + first, (size_t)length);
    }
    return 0;
}

/* Copy blanks to the places before, between and behind the chunks of a file. There must be as many as there is room. */
int64_t place_blanks(const uint8_t *blanks, int64_t size, const uint32_t *starts, const uint32_t *ends, int64_t rows,
                     uint8_t *content, int64_t content_size) {
    int64_t taken = 0, at = 0;
    for (int64_t row = 0; row <= rows; row++) {
        int64_t next = row < rows ? starts[row] : content_size;
        if (next < at || next > content_size || next - at > size - taken) return DAMAGED;
        memcpy(content + at, blanks + taken, (size_t)(next - at));
        taken += next - at;
        if (row < rows) at = ends[row];
    }
    return taken == size ? 0 : DAMAGED;
}
