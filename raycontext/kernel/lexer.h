/* State of the lexer, shared by its scan (lexer.c) and by the reading of words (words.c). */
#ifndef RAYCONTEXT_LEXER_H
#define RAYCONTEXT_LEXER_H
#include <string.h>

#include "characters.h"

/* Features from bit 30 on: an enumeration of C holds 31 bits. */
#define DOLLAR_WORDS (1ull << (30 + DOLLAR_WORDS_BIT))
#define PRIMED_WORDS (1ull << (30 + PRIMED_WORDS_BIT))
#define MARKED_WORDS (1ull << (30 + MARKED_WORDS_BIT))
#define SHELL (1ull << (30 + SHELL_BIT))
#define LISP (1ull << (30 + LISP_BIT))
#define RECEIVERS (1ull << (30 + RECEIVERS_BIT))
#define BASES_IN_PARENTHESES (1ull << (30 + BASES_IN_PARENTHESES_BIT))
#define COLON_BASES (1ull << (30 + COLON_BASES_BIT))
#define LESS_BASES (1ull << (30 + LESS_BASES_BIT))
#define LINE_ENDS_IMPORT (1ull << (30 + LINE_ENDS_IMPORT_BIT))
#define CAPITALS_CONSTRUCT (1ull << (30 + CAPITALS_CONSTRUCT_BIT))
#define BRACES_CONSTRUCT (1ull << (30 + BRACES_CONSTRUCT_BIT))
#define GENERICS (1ull << (30 + GENERICS_BIT))
#define BANG_CALLS (1ull << (30 + BANG_CALLS_BIT))
#define DOT_CALLS (1ull << (30 + DOT_CALLS_BIT))
#define COMMANDS (1ull << (30 + COMMANDS_BIT))
#define JUXTAPOSITION (1ull << (30 + JUXTAPOSITION_BIT))
#define TYPES_BEFORE (1ull << (30 + TYPES_BEFORE_BIT))
#define TYPES_BEHIND (1ull << (30 + TYPES_BEHIND_BIT))
#define COLON_TYPES (1ull << (30 + COLON_TYPES_BIT))
#define AT_CALLS (1ull << (30 + AT_CALLS_BIT))

enum { MOST_NESTING = 256, MOST_GENERIC_BYTES = 160, MOST_SIGNATURE_BYTES = 1000 };

enum { AS_CODE, AS_PARAMETERS, AS_BASES, AS_RECEIVER, AS_STRING }; /* what stands between two brackets */
enum { IN_HEADER = 1, IN_BASES = 2 };                              /* parts of the header of a type */

typedef struct {
    uint8_t closes, use; /* closing bracket; 0 where there is none */
    uint8_t quote, triple; /* of the string around: its quote; bit 0: three quotes, bit 1: braces hold code */
} opener;

typedef struct {
    const uint8_t *data;
    int64_t size;
    uint64_t syntax;
    const uint64_t *words;
    const uint8_t *roles;
    int64_t word_space;
    uint8_t *code; /* copy of the data whose comments and strings are blanked out; may be null */
    opener stack[MOST_NESTING];
    opener resumes;                   /* string that goes on */
    int64_t document, document_size;  /* delimiter of a text that begins at the next line */
    int64_t last_end;                 /* end of the last word */
    int depth, import_depth;
    int header, imports, directive;
    int starts;      /* whether a statement begins here */
    int line_starts; /* whether nothing stands before on this line */
    int formatted;   /* whether braces of the next string hold code */
    uint8_t last;    /* last byte that is neither white space nor in a comment */
    uint8_t role;    /* role of the word just before; 0 where a mark stands between */
    uint8_t outer_last, outer_role; /* `last`, `role` and `last_end` before the directive that is read */
    int64_t outer_end;
    uint8_t named;   /* DEFINES or DEFINES_TYPE where the word just before is the name of a definition */
} lexer;

typedef struct {
    uint64_t hash;
    uint8_t kind;
    int emitted;
} token;

/* Return the hash of a name, never 0. It is part of the index format. */
static inline uint64_t hash_of_name(const uint8_t *data, int64_t first, int64_t end) {
    uint64_t hash = splitmix64(fnv1a(data, first, end));
    return hash ? hash : 1;
}

int is_word_start(const lexer *self, uint8_t byte);
token read_word(lexer *self, int64_t first, int64_t end);

#endif
