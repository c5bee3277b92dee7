/* English stemmer. */
#ifndef RAYCONTEXT_STEMMER_H
#define RAYCONTEXT_STEMMER_H
#include "kernels.h"

enum { STEM_SPACE = 256 }; /* size of the longest word that is stemmed, plus one */

/* Stem word[:length] (letters a to z) in place, and return the length of the stem, at most `length`. `word` has
 * STEM_SPACE bytes. Words under three letters stay as they are. */
#pragma GCC visibility push(hidden)
int64_t stem(uint8_t *word, int64_t length);
#pragma GCC visibility pop

#endif
