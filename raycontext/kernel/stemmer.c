/* English stemmer: the Snowball project's revision of Porter's algorithm ("Porter2", Snowball 3.1).
 *
 * Written from the description of the algorithm at https://snowballstem.org/algorithms/english/stemmer.html
 * (M. Porter, R. Boulton and others), for words of the letters a to z only. The steps for apostrophes are left out.
 * R1 is the region after the first consonant that follows a vowel, R2 is the same within R1.
 */
#include "stemmer.h"

#include <string.h>

/* Conditions of a rule: the suffix must lie in this region, and some suffixes must follow certain letters. */
enum { IN_R1, IN_R2, IN_R1_AFTER_L, IN_R1_AFTER_LI_LETTER, IN_R2_AFTER_S_OR_T };

typedef struct {
    const char *suffix, *replacement;
    uint8_t suffix_length, replacement_length, condition;
} rule;

typedef struct {
    const char *letters;
    uint8_t length;
} word_text;

#define TEXT(letters) letters, sizeof(letters) - 1
#define RULE(suffix, replacement, condition) \
    { suffix, replacement, sizeof(suffix) - 1, sizeof(replacement) - 1, condition }

/* Rules, longest suffix first. The first match decides. */
static const rule STEP_2[] = {
    RULE("ational", "ate", IN_R1), RULE("fulness", "ful", IN_R1), RULE("iveness", "ive", IN_R1),
    RULE("ization", "ize", IN_R1), RULE("ousness", "ous", IN_R1), RULE("biliti", "ble", IN_R1),
    RULE("lessli", "less", IN_R1), RULE("tional", "tion", IN_R1), RULE("aliti", "al", IN_R1),
    RULE("alism", "al", IN_R1),    RULE("ation", "ate", IN_R1),   RULE("fulli", "ful", IN_R1),
    RULE("iviti", "ive", IN_R1),   RULE("ousli", "ous", IN_R1),   RULE("entli", "ent", IN_R1),
    RULE("ogist", "og", IN_R1),    RULE("alli", "al", IN_R1),     RULE("ator", "ate", IN_R1),
    RULE("izer", "ize", IN_R1),    RULE("abli", "able", IN_R1),   RULE("anci", "ance", IN_R1),
    RULE("enci", "ence", IN_R1),   RULE("bli", "ble", IN_R1),     RULE("ogi", "og", IN_R1_AFTER_L),
    RULE("li", "", IN_R1_AFTER_LI_LETTER),
};
static const rule STEP_3[] = {
    RULE("ational", "ate", IN_R1), RULE("tional", "tion", IN_R1), RULE("icate", "ic", IN_R1),
    RULE("iciti", "ic", IN_R1),    RULE("alize", "al", IN_R1),    RULE("ative", "", IN_R2),
    RULE("ical", "ic", IN_R1),     RULE("ness", "", IN_R1),       RULE("ful", "", IN_R1),
};
static const rule STEP_4[] = {
    RULE("ement", "", IN_R2), RULE("ance", "", IN_R2), RULE("ence", "", IN_R2), RULE("able", "", IN_R2),
    RULE("ible", "", IN_R2),  RULE("ment", "", IN_R2), RULE("ant", "", IN_R2),  RULE("ent", "", IN_R2),
    RULE("ism", "", IN_R2),   RULE("ate", "", IN_R2),  RULE("iti", "", IN_R2),  RULE("ous", "", IN_R2),
    RULE("ive", "", IN_R2),   RULE("ize", "", IN_R2),  RULE("ion", "", IN_R2_AFTER_S_OR_T),
    RULE("al", "", IN_R2),    RULE("er", "", IN_R2),   RULE("ic", "", IN_R2),
};

/* Exceptions: words with a stem of their own, and words that stay as they are since the rules would spoil them. */
static const struct {
    word_text word, stem;
} IRREGULAR[] = {
    {{TEXT("andes")}, {TEXT("andes")}},   {{TEXT("atlas")}, {TEXT("atlas")}}, {{TEXT("bias")}, {TEXT("bias")}},
    {{TEXT("cosmos")}, {TEXT("cosmos")}}, {{TEXT("howe")}, {TEXT("howe")}},   {{TEXT("news")}, {TEXT("news")}},
    {{TEXT("sky")}, {TEXT("sky")}},       {{TEXT("skis")}, {TEXT("ski")}},    {{TEXT("skies")}, {TEXT("sky")}},
    {{TEXT("idly")}, {TEXT("idl")}},      {{TEXT("gently")}, {TEXT("gentl")}}, {{TEXT("ugly")}, {TEXT("ugli")}},
    {{TEXT("early")}, {TEXT("earli")}},   {{TEXT("only")}, {TEXT("onli")}},   {{TEXT("singly")}, {TEXT("singl")}},
};
enum { LONGEST_IRREGULAR = 6 };

/* Prefixes after which R1 begins. */
static const word_text R1_PREFIXES[] = {
    {TEXT("arsen")}, {TEXT("commun")}, {TEXT("emerg")}, {TEXT("gener")},   {TEXT("inter")},
    {TEXT("later")}, {TEXT("organ")},  {TEXT("past")},  {TEXT("univers")},
};

/* Stems that keep their "-eed" and "-ing": proceed, evening, ... */
static const word_text STEMS_BEFORE_EED[] = {{TEXT("succ")}, {TEXT("proc")}, {TEXT("exc")}};
static const word_text STEMS_BEFORE_ING[] = {
    {TEXT("even")}, {TEXT("cann")}, {TEXT("inn")}, {TEXT("earr")}, {TEXT("herr")}, {TEXT("out")},
};

/* A capital Y marks a y that is a consonant. */
static const uint8_t VOWEL[256] = {['a'] = 1, ['e'] = 1, ['i'] = 1, ['o'] = 1, ['u'] = 1, ['y'] = 1};
static const uint8_t NOT_AFTER_SHORT_VOWEL[256] = {
    ['a'] = 1, ['e'] = 1, ['i'] = 1, ['o'] = 1, ['u'] = 1, ['y'] = 1, ['w'] = 1, ['x'] = 1, ['Y'] = 1,
};
static const uint8_t BEFORE_LI[256] = {
    ['c'] = 1, ['d'] = 1, ['e'] = 1, ['g'] = 1, ['h'] = 1, ['k'] = 1, ['m'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1,
};
static const uint8_t DOUBLED[256] = {
    ['b'] = 1, ['d'] = 1, ['f'] = 1, ['g'] = 1, ['m'] = 1, ['n'] = 1, ['p'] = 1, ['r'] = 1, ['t'] = 1,
};

#define COUNT(table) ((int64_t)(sizeof(table) / sizeof((table)[0])))
#define ENDS(word, length, letters) ends_in(word, length, letters, sizeof(letters) - 1)

static inline int ends_in(const uint8_t *word, int64_t length, const char *letters, int64_t count) {
    return length >= count && memcmp(word + length - count, letters, (size_t)count) == 0;
}

static inline int is_word(const uint8_t *word, int64_t length, word_text other) {
    return length == other.length && memcmp(word, other.letters, other.length) == 0;
}

static int is_one_of(const uint8_t *word, int64_t length, const word_text *words, int64_t count) {
    for (int64_t index = 0; index < count; index++)
        if (is_word(word, length, words[index])) return 1;
    return 0;
}

static int has_vowel(const uint8_t *word, int64_t length) {
    for (int64_t position = 0; position < length; position++)
        if (VOWEL[word[position]]) return 1;
    return 0;
}

/* Return the position after the first consonant that follows a vowel, from `position` on; `length` if there is none. */
static int64_t next_region(const uint8_t *word, int64_t length, int64_t position) {
    while (position < length && !VOWEL[word[position]]) position++;
    while (position < length && VOWEL[word[position]]) position++;
    return position < length ? position + 1 : length;
}

static int ends_in_short_syllable(const uint8_t *word, int64_t length) {
    if (length == 2) return VOWEL[word[0]] && !VOWEL[word[1]];
    if (length < 3) return 0;
    int is_short = !NOT_AFTER_SHORT_VOWEL[word[length - 1]] && VOWEL[word[length - 2]] && !VOWEL[word[length - 3]];
    return is_short || ENDS(word, length, "past");
}

/* Apply step 1a, and return the new length, like all steps. */
static int64_t plural(const uint8_t *word, int64_t length) {
    if (ENDS(word, length, "sses")) return length - 2;
    if (ENDS(word, length, "ied") || ENDS(word, length, "ies")) return length > 4 ? length - 2 : length - 1;
    if (ENDS(word, length, "ss") || ENDS(word, length, "us") || word[length - 1] != 's') return length;
    return has_vowel(word, length - 2) ? length - 1 : length;
}

/* Mend a word that has lost "-ed" or "-ing": hopp(ing) -> hop, hop(ing) -> hope. Return its length. */
static int64_t mended(uint8_t *word, int64_t length, int64_t r1) {
    if (ENDS(word, length, "at") || ENDS(word, length, "bl") || ENDS(word, length, "iz")) {
        word[length] = 'e';
        return length + 1;
    }
    if (length >= 2 && word[length - 1] == word[length - 2] && DOUBLED[word[length - 1]]) {
        if (length == 3 && (word[0] == 'a' || word[0] == 'e' || word[0] == 'o')) return length; /* add, egg, off */
        return length - 1;
    }
    if (length == r1 && ends_in_short_syllable(word, length)) {
        word[length] = 'e';
        return length + 1;
    }
    return length;
}

/* Apply step 1b. */
static int64_t past_and_progressive(uint8_t *word, int64_t length, int64_t r1) {
    int64_t suffix;
    int is_eed = 0;
    if (ENDS(word, length, "eedly")) suffix = 5, is_eed = 1;
    else if (ENDS(word, length, "eed")) suffix = 3, is_eed = 1;
    else if (ENDS(word, length, "ingly")) suffix = 5;
    else if (ENDS(word, length, "edly")) suffix = 4;
    else if (ENDS(word, length, "ing")) suffix = 3;
    else if (ENDS(word, length, "ed")) suffix = 2;
    else return length;
    int64_t stem_length = length - suffix;
    if (is_eed) {
        int keeps = stem_length < r1 || is_one_of(word, stem_length, STEMS_BEFORE_EED, COUNT(STEMS_BEFORE_EED));
        return keeps ? length : stem_length + 2;
    }
    if (suffix == 3) {
        if (stem_length == 2 && word[1] == 'y' && !VOWEL[word[0]]) { /* dying, lying, tying */
            word[1] = 'i';
            word[2] = 'e';
            return 3;
        }
        if (is_one_of(word, stem_length, STEMS_BEFORE_ING, COUNT(STEMS_BEFORE_ING))) return length;
    }
    return has_vowel(word, stem_length) ? mended(word, stem_length, r1) : length;
}

/* Apply a step of rules, 2 to 4: replace the longest suffix that a rule names if the rule's condition holds. */
static int64_t apply(const rule *rules, int64_t count, uint8_t *word, int64_t length, int64_t r1, int64_t r2) {
    if (length < 1) return length;
    uint8_t last = word[length - 1];
    for (int64_t index = 0; index < count; index++) {
        rule tried = rules[index];
        if ((uint8_t)tried.suffix[tried.suffix_length - 1] != last) continue;
        if (!ends_in(word, length, tried.suffix, tried.suffix_length)) continue;
        int64_t position = length - tried.suffix_length;
        int64_t region = tried.condition == IN_R2 || tried.condition == IN_R2_AFTER_S_OR_T ? r2 : r1;
        if (position < region) return length;
        uint8_t before = position > 0 ? word[position - 1] : 0;
        if (tried.condition == IN_R1_AFTER_L && before != 'l') return length;
        if (tried.condition == IN_R1_AFTER_LI_LETTER && !BEFORE_LI[before]) return length;
        if (tried.condition == IN_R2_AFTER_S_OR_T && before != 's' && before != 't') return length;
        memcpy(word + position, tried.replacement, tried.replacement_length);
        return position + tried.replacement_length;
    }
    return length;
}

/* Apply step 5. */
static int64_t final_letter(const uint8_t *word, int64_t length, int64_t r1, int64_t r2) {
    int64_t last = length - 1;
    if (last < 0) return length;
    if (word[last] == 'e') {
        if (last >= r2 || (last >= r1 && !ends_in_short_syllable(word, last))) return last;
    } else if (word[last] == 'l' && last >= r2 && last > 0 && word[last - 1] == 'l') {
        return last;
    }
    return length;
}

int64_t stem(uint8_t *word, int64_t length) {
    if (length < 3) return length;
    if (length <= LONGEST_IRREGULAR) {
        for (int64_t index = 0; index < COUNT(IRREGULAR); index++) {
            if (is_word(word, length, IRREGULAR[index].word)) {
                memcpy(word, IRREGULAR[index].stem.letters, IRREGULAR[index].stem.length);
                return IRREGULAR[index].stem.length;
            }
        }
    }
    for (int64_t position = 0; position < length; position++)
        if (word[position] == 'y' && (position == 0 || VOWEL[word[position - 1]])) word[position] = 'Y';
    int64_t r1 = next_region(word, length, 0);
    for (int64_t index = 0; index < COUNT(R1_PREFIXES); index++) {
        word_text prefix = R1_PREFIXES[index];
        if (length >= prefix.length && memcmp(word, prefix.letters, prefix.length) == 0) r1 = prefix.length;
    }
    int64_t r2 = next_region(word, length, r1);

    length = plural(word, length);
    length = past_and_progressive(word, length, r1);
    if (length >= 3 && (word[length - 1] == 'y' || word[length - 1] == 'Y') && !VOWEL[word[length - 2]])
        word[length - 1] = 'i';
    length = apply(STEP_2, COUNT(STEP_2), word, length, r1, r2);
    length = apply(STEP_3, COUNT(STEP_3), word, length, r1, r2);
    length = apply(STEP_4, COUNT(STEP_4), word, length, r1, r2);
    length = final_letter(word, length, r1, r2);
    for (int64_t position = 0; position < length; position++)
        if (word[position] == 'Y') word[position] = 'y';
    return length;
}
