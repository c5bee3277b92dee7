/* Features of files from their names and definitions, and the selection of the rows of a file that may be hits. */
#include "arithmetic.h"

static inline double larger(double left, double right) {
    return right > left ? right : left;
}

/* Compute the best score of each file and the sum of its best three. Scores below zero count as zero. */
int64_t best_three(const double *scores, int64_t size, const int64_t *offsets, int64_t files, double *best_scores,
                   double *three) {
    for (int64_t file = 0; file < files; file++) {
        if (offsets[file] < 0 || offsets[file + 1] > size) return DAMAGED;
        best found = {0.0, 0.0, 0.0};
        for (int64_t row = offsets[file]; row < offsets[file + 1]; row++) insert(&found, scores[row]);
        best_scores[file] = found.first;
        three[file] = weighted(found);
    }
    return 0;
}

/* Select at most `count` eligible rows of each file, those with most evidence [3, size], and count them. Places are
 * written file by file, ascending. Between equal rows the first is taken. `worth` and `chosen` [count] are scratch. */
int64_t best_rows(const double *evidence, const uint8_t *eligible, int64_t size, const int64_t *offsets,
                  int64_t files, int64_t count, double *worth, int64_t *chosen, int64_t *places, int64_t space,
                  int64_t *counts) {
    const double *lexical = evidence, *similar = evidence + size, *defined = evidence + 2 * size;
    int64_t filled = 0;
    for (int64_t file = 0; file < files; file++) {
        int64_t first = offsets[file], last = offsets[file + 1], found = 0;
        if (first < 0 || last > size) return DAMAGED;
        double most = 1e-9;
        for (int64_t place = first; place < last; place++) {
            if (!eligible[place]) continue;
            found++;
            most = larger(most, lexical[place]);
        }
        counts[file] = found < count ? found : count;
        if (counts[file] > space - filled) return DAMAGED;
        if (found <= count) {
            for (int64_t place = first; place < last; place++)
                if (eligible[place]) places[filled++] = place;
            continue;
        }
        int64_t kept = 0;
        for (int64_t place = first; place < last && count > 0; place++) {
            if (!eligible[place]) continue;
            double value = lexical[place] / most + larger(similar[place], 0.0) + defined[place];
            if (kept == count && !(value > worth[kept - 1])) continue;
            int64_t position = kept < count ? kept++ : kept - 1;
            for (; position > 0 && value > worth[position - 1]; position--) {
                worth[position] = worth[position - 1];
                chosen[position] = chosen[position - 1];
            }
            worth[position] = value;
            chosen[position] = place;
        }
        for (int64_t number = 0; number < kept; number++) { /* sort by place; there are few */
            int64_t position = filled + number;
            for (; position > filled && places[position - 1] > chosen[number]; position--)
                places[position] = places[position - 1];
            places[position] = chosen[number];
        }
        filled += kept;
    }
    return filled;
}


/* Compute for each given file the share of the terms of its stem that the query has. */
int64_t stem_cover(const int64_t *files, int64_t count, const int32_t *narrow_offsets, const int64_t *wide_offsets,
                   int64_t file_count, const uint64_t *stem_terms, int64_t size, const uint64_t *terms,
                   int64_t term_count, double *cover) {
    for (int64_t number = 0; number < count; number++) {
        if (files[number] < 0 || files[number] >= file_count) return DAMAGED;
        int64_t first = offset_at(narrow_offsets, wide_offsets, files[number]);
        int64_t last = offset_at(narrow_offsets, wide_offsets, files[number] + 1);
        if (first < 0 || last > size) return DAMAGED;
        int64_t matched = 0;
        for (int64_t place = first; place < last; place++) {
            for (int64_t term = 0; term < term_count; term++) {
                if (stem_terms[place] == terms[term]) {
                    matched++;
                    break;
                }
            }
        }
        if (last > first) cover[number] = (double)matched / (double)(last - first);
    }
    return 0;
}

/* Compute for each definition how many terms of the query its name has, and the sum of their weights. File i has the
 * definitions starts[i] to ends[i], whose results stand from offsets[i] on. */
int64_t match_names(const int64_t *list_starts, const int64_t *list_ends, int64_t terms, const uint32_t *definitions,
                    int64_t postings, const double *weights, const int64_t *starts, const int64_t *ends,
                    const int64_t *offsets, int64_t files, int64_t size, int64_t *matched, double *covered) {
    for (int64_t term = 0; term < terms; term++) {
        int64_t place = list_starts[term], end = list_ends[term];
        if (place < 0 || end > postings) return DAMAGED;
        for (int64_t file = 0; file < files; file++) {
            place = lower_bound(definitions, place, end, starts[file]);
            for (; place < end && (int64_t)definitions[place] < ends[file]; place++) {
                int64_t within = (int64_t)definitions[place] - starts[file];
                if (within < 0 || offsets[file] < 0 || within >= size - offsets[file]) return DAMAGED;
                matched[offsets[file] + within]++;
                covered[offsets[file] + within] += weights[term];
            }
        }
    }
    return 0;
}

/* Compute the best definition of each file by cover and by exact name, and the match of each row's best definition,
 * `defined` [rows]. Definition d of file i is in row rows[d] + shifts[i]. The caller zeroes the results before. */
int64_t score_definitions(const definition_columns *columns, const int64_t *starts, const int64_t *ends,
                          const int64_t *shifts, const int64_t *offsets, int64_t files, const int64_t *matched,
                          const double *covered, int64_t size, double total, double weight_units,
                          double folded_match, double part_match, const uint32_t *exact_names,
                          const uint32_t *exact_folded, int64_t exact_count, double *best_covers,
                          double *exact_definition, double *defined, int64_t rows) {
    for (int64_t file = 0; file < files; file++) {
        if (starts[file] < 0 || ends[file] > columns->count || offsets[file] < 0) return DAMAGED;
        if (ends[file] > starts[file] && ends[file] - starts[file] > size - offsets[file]) return DAMAGED;
        for (int64_t definition = starts[file]; definition < ends[file]; definition++) {
            int64_t position = offsets[file] + definition - starts[file];
            double cover = 0.0;
            if (matched[position] > 0 && total > 0.0)
                cover = covered[position] / total * (double)matched[position] / columns->term_counts[definition];
            best_covers[file] = larger(best_covers[file], cover);
            double match = 0.0;
            for (int64_t place = 0; place < exact_count; place++) {
                if (columns->names[definition] == exact_names[place]) match = 1.0;
                else if (columns->folded[definition] == exact_folded[place]) match = larger(match, folded_match);
            }
            match *= columns->weights[definition] / weight_units;
            int64_t row = (int64_t)columns->rows[definition] + shifts[file];
            if (row < 0 || row >= rows) return DAMAGED;
            defined[row] = larger(larger(defined[row], match), part_match * cover);
            exact_definition[file] = larger(exact_definition[file], match);
        }
    }
    return 0;
}
