/* English stemmer. */
#ifndef RAYCONTEXT_STEMMER_H
#define RAYCONTEXT_STEMMER_H
#include "kernels.h"

enum { STEM_SPACE = 256 }; /* longest word that is stemmed, one byte of room included */

/* Stem word[:length] (letters a to z) in place; returns the length of the stem, never more than `length`.
 * `word` has STEM_SPACE bytes; words under three letters are their own stems. */
#pragma GCC visibility push(hidden)
int64_t stem(uint8_t *word, int64_t length);
#pragma GCC visibility pop

#endif
