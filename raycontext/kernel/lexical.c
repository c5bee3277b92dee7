/* BM25F over the postings of a segment. Each score is summed in the order of the query's terms, so that it is the same,
 * bit for bit, wherever it is computed. */
#include "arithmetic.h"

static int are_ranges(const field_slices *field, int64_t terms) {
    for (int64_t term = 0; term < terms; term++)
        if (field->starts[term] < 0 || field->ends[term] < field->starts[term] || field->ends[term] > field->postings)
            return 0;
    return 1;
}

/* Check what all kernels of this file rely on: the postings of each term are a range of the field's postings. */
int64_t check_slices(const term_slices *slices) {
    int fits = are_ranges(&slices->body, slices->terms) && are_ranges(&slices->symbol, slices->terms) &&
               are_ranges(&slices->path, slices->terms) && slices->body.row_count >= slices->rows &&
               slices->symbol.row_count >= slices->rows && slices->path.row_count >= slices->files;
    return fits ? 0 : DAMAGED;
}

/* Count the live rows that have each term in body, symbol and path: counts [3, terms], which the caller zeroes. */
int64_t count_rows(const term_slices *slices, const int64_t *dead_files, int64_t dead, int64_t *counts) {
    const field_slices *body = &slices->body, *symbol = &slices->symbol, *path = &slices->path;
    int64_t *body_counts = counts, *symbol_counts = counts + slices->terms, *path_counts = counts + 2 * slices->terms;
    for (int64_t number = 0; number < dead; number++)
        if (dead_files[number] < 0 || dead_files[number] >= slices->files) return DAMAGED;
    for (int64_t term = 0; term < slices->terms; term++) {
        body_counts[term] = body->ends[term] - body->starts[term];
        symbol_counts[term] = symbol->ends[term] - symbol->starts[term];
        for (int64_t place = path->starts[term]; place < path->ends[term]; place++) {
            if (path->rows[place] >= slices->files) return DAMAGED;
            path_counts[term] += slices->row_counts[path->rows[place]];
        }
        for (int64_t number = 0; number < dead; number++) {
            int64_t file = dead_files[number], first = slices->first_rows[file];
            int64_t last = first + slices->row_counts[file];
            body_counts[term] -= lower_bound(body->rows, body->starts[term], body->ends[term], last) -
                                 lower_bound(body->rows, body->starts[term], body->ends[term], first);
            symbol_counts[term] -= lower_bound(symbol->rows, symbol->starts[term], symbol->ends[term], last) -
                                   lower_bound(symbol->rows, symbol->starts[term], symbol->ends[term], first);
            int64_t place = lower_bound(path->rows, path->starts[term], path->ends[term], file);
            if (place < path->ends[term] && path->rows[place] == file) path_counts[term] -= last - first;
        }
    }
    return 0;
}

/* Add the BM25F of all rows. It merges the postings of the three fields in the order of rows. `touched` becomes 1 for
 * files whose rows have a term. */
int64_t score_rows(const normalisation *norm, const double *weights, const term_slices *slices, double *scores,
                   uint8_t *touched) {
    const field_slices *body = &slices->body, *symbol = &slices->symbol, *path = &slices->path;
    const double k1 = norm->k1;
    const int64_t end = slices->rows;
    for (int64_t term = 0; term < slices->terms; term++) {
        if (!(weights[term] > 0.0)) continue;
        double gain = weights[term] * (k1 + 1.0), path_frequency = 0.0;
        int64_t body_place = body->starts[term], body_end = body->ends[term];
        int64_t symbol_place = symbol->starts[term], symbol_end = symbol->ends[term];
        int64_t path_place = path->starts[term], path_end = path->ends[term];
        int64_t path_row = end, path_last = end;
        int64_t body_row = body_place < body_end ? body->rows[body_place] : end;
        int64_t symbol_row = symbol_place < symbol_end ? symbol->rows[symbol_place] : end;
        for (;;) {
            while (path_row >= path_last && path_place < path_end) {
                uint32_t file = path->rows[path_place];
                if (file >= slices->files) return DAMAGED;
                path_row = slices->first_rows[file];
                path_last = path_row + slices->row_counts[file];
                path_frequency =
                    normalised(path->frequencies[path_place], path->lengths[file], norm->path.b, norm->path.mean);
                path_place++;
            }
            int64_t from_path = path_row < path_last ? path_row : end;
            int64_t row = body_row < symbol_row ? body_row : symbol_row;
            if (from_path < row) row = from_path;
            if (row >= end) break;
            double frequency = 0.0;
            if (body_row == row) {
                frequency += norm->body.weight * normalised(body->frequencies[body_place], body->lengths[row],
                                                            norm->body.b, norm->body.mean);
                body_place++;
                body_row = body_place < body_end ? body->rows[body_place] : end;
            }
            if (symbol_row == row) {
                frequency += norm->symbol.weight * normalised(symbol->frequencies[symbol_place],
                                                              symbol->lengths[row], norm->symbol.b, norm->symbol.mean);
                symbol_place++;
                symbol_row = symbol_place < symbol_end ? symbol->rows[symbol_place] : end;
            }
            if (from_path == row) {
                frequency += norm->path.weight * path_frequency;
                path_row++;
            }
            scores[row] += gain * frequency / (frequency + k1);
            if (slices->row_files[row] >= slices->files) return DAMAGED;
            touched[slices->row_files[row]] = 1;
        }
    }
    return 0;
}

/* Add the BM25 of all symbols of each file, and of its path. */
static int64_t score_files(const normalisation *norm, const double *weights, const term_slices *slices,
                           const int64_t *symbol_lengths, double *definitions, double *paths) {
    const field_slices *symbol = &slices->symbol, *path = &slices->path;
    const double k1 = norm->k1;
    for (int64_t term = 0; term < slices->terms; term++) {
        if (!(weights[term] > 0.0)) continue;
        double gain = weights[term] * (k1 + 1.0);
        int64_t place = symbol->starts[term], last = symbol->ends[term];
        while (place < last) {
            if (symbol->rows[place] >= slices->rows) return DAMAGED;
            uint32_t file = slices->row_files[symbol->rows[place]];
            if (file >= slices->files) return DAMAGED;
            int64_t count = 0;
            while (place < last && symbol->rows[place] < slices->rows &&
                   slices->row_files[symbol->rows[place]] == file)
                count += symbol->frequencies[place++];
            double frequency = normalised((double)count, (double)symbol_lengths[file], norm->definitions.b,
                                          norm->definitions.mean);
            definitions[file] += gain * frequency / (frequency + k1);
        }
        for (place = path->starts[term]; place < path->ends[term]; place++) {
            uint32_t file = path->rows[place];
            if (file >= slices->files) return DAMAGED;
            double frequency =
                normalised(path->frequencies[place], path->lengths[file], norm->path.b, norm->path.mean);
            paths[file] += gain * frequency / (frequency + k1);
        }
    }
    return 0;
}

/* Sum the best three eligible chunks of each file that has a term. The scores of definitions and path become 0 for a
 * file without an eligible chunk. */
static int64_t sum_best(const term_slices *slices, const double *scores, const uint8_t *touched,
                        const uint8_t *eligible, double *chunks, double *definitions, double *paths) {
    for (int64_t file = 0; file < slices->files; file++) {
        if (!touched[file] && definitions[file] == 0.0 && paths[file] == 0.0) continue;
        if (!is_inside(slices->first_rows, slices->row_counts, file, slices->rows)) return DAMAGED;
        best three = {0.0, 0.0, 0.0};
        int64_t start = slices->first_rows[file], end = start + slices->row_counts[file];
        for (int64_t row = start; row < end; row++)
            if (scores[row] > three.third && eligible[row]) insert(&three, scores[row]); /* most rows have no term */
        chunks[file] = weighted(three);
        if (three.first == 0.0) {
            int any = 0;
            for (int64_t row = start; row < end; row++) any |= eligible[row];
            if (!any) definitions[file] = paths[file] = 0.0;
        }
    }
    return 0;
}

/* Compute for each file BM25F of its best three eligible chunks by `chunk_weights`, and BM25 of its symbols and of its
 * path by `weights`. The caller zeroes all results; `row_scores` [rows] and `touched` [files] are scratch. */
int64_t propose_files(const normalisation *norm, const double *weights, const double *chunk_weights,
                      const term_slices *slices, const uint8_t *eligible, const int64_t *symbol_lengths,
                      double *row_scores, uint8_t *touched, double *chunks, double *definitions, double *paths) {
    int64_t state = score_rows(norm, chunk_weights, slices, row_scores, touched);
    if (state == 0) state = score_files(norm, weights, slices, symbol_lengths, definitions, paths);
    if (state == 0) state = sum_best(slices, row_scores, touched, eligible, chunks, definitions, paths);
    return state;
}

/* Compute BM25F of the rows of some files. File i has the scores from offset i to offset i + 1. `frequencies` [size] is
 * scratch; it is zero before and after. */
int64_t score_chosen(const normalisation *norm, const double *weights, const term_slices *slices,
                     const int64_t *files, const int64_t *offsets, int64_t file_count, double *frequencies,
                     double *scores, int64_t size) {
    const field_slices *body = &slices->body, *symbol = &slices->symbol, *path = &slices->path;
    const double k1 = norm->k1;
    for (int64_t number = 0; number < file_count; number++) {
        int64_t file = files[number], offset = offsets[number], end = offsets[number + 1];
        if (file < 0 || file >= slices->files || offset < 0 || end < offset || end > size) return DAMAGED;
        if ((int64_t)slices->first_rows[file] + end - offset > slices->rows) return DAMAGED;
    }
    for (int64_t term = 0; term < slices->terms; term++) {
        if (!(weights[term] > 0.0)) continue;
        double gain = weights[term] * (k1 + 1.0);
        int64_t body_place = body->starts[term], body_end = body->ends[term];
        int64_t symbol_place = symbol->starts[term], symbol_end = symbol->ends[term];
        int64_t path_place = path->starts[term], path_end = path->ends[term];
        for (int64_t number = 0; number < file_count; number++) {
            int64_t file = files[number], offset = offsets[number], end = offsets[number + 1];
            int64_t first = slices->first_rows[file], last = first + end - offset;
            int touched = 0;
            body_place = lower_bound(body->rows, body_place, body_end, first);
            for (; body_place < body_end && (int64_t)body->rows[body_place] < last; body_place++) {
                int64_t row = body->rows[body_place];
                if (row < first) return DAMAGED;
                frequencies[offset + row - first] =
                    norm->body.weight *
                    normalised(body->frequencies[body_place], body->lengths[row], norm->body.b, norm->body.mean);
                touched = 1;
            }
            symbol_place = lower_bound(symbol->rows, symbol_place, symbol_end, first);
            for (; symbol_place < symbol_end && (int64_t)symbol->rows[symbol_place] < last; symbol_place++) {
                int64_t row = symbol->rows[symbol_place];
                if (row < first) return DAMAGED;
                frequencies[offset + row - first] +=
                    norm->symbol.weight * normalised(symbol->frequencies[symbol_place], symbol->lengths[row],
                                                     norm->symbol.b, norm->symbol.mean);
                touched = 1;
            }
            path_place = lower_bound(path->rows, path_place, path_end, file);
            if (path_place < path_end && (int64_t)path->rows[path_place] == file) {
                double frequency =
                    normalised(path->frequencies[path_place], path->lengths[file], norm->path.b, norm->path.mean);
                for (int64_t place = offset; place < end; place++) frequencies[place] += norm->path.weight * frequency;
                touched = 1;
            }
            if (!touched) continue;
            for (int64_t place = offset; place < end; place++) {
                double frequency = frequencies[place];
                scores[place] += gain * frequency / (frequency + k1);
                frequencies[place] = 0.0;
            }
        }
    }
    return 0;
}
