/* Kinds of use of a word, from the words and marks around it; see lexer.c. */
#include "lexer.h"

static uint8_t byte_at(const lexer *self, int64_t position) {
    return position >= 0 && position < self->size ? self->data[position] : 0;
}

static int has(const lexer *self, uint64_t feature) {
    return (self->syntax & feature) != 0;
}

/* Return the role of a word, by open addressing. The table has at least one free slot, whose role is NAME. */
static uint8_t role_of(const lexer *self, uint64_t hash) {
    uint64_t mask = (uint64_t)self->word_space - 1, slot = hash & mask;
    for (int64_t tries = 0; tries < self->word_space && self->roles[slot] != NAME; tries++, slot = (slot + 1) & mask)
        if (self->words[slot] == hash) return self->roles[slot];
    return NAME;
}

static int64_t behind_blanks(const lexer *self, int64_t position) {
    while (byte_at(self, position) == ' ' || byte_at(self, position) == '\t') position++;
    return position;
}

/* Return the position after `<…>` where it can be a list of type arguments, else `position`. */
static int64_t behind_generic(const lexer *self, int64_t position) {
    int64_t depth = 0;
    for (int64_t place = position; place < position + MOST_GENERIC_BYTES && place < self->size; place++) {
        uint8_t byte = self->data[place];
        if (byte == '<') depth++;
        else if (byte == '>' && byte_at(self, place - 1) != '-' && --depth == 0) return place + 1;
        else if (!is_word_start(self, byte) && !strchr("0123456789,.:&*?[]() '>-=|", byte)) return position;
    }
    return position;
}

/* Return whether ` for ` stands between `position` and the brace that ends the header of an implementation. */
static int has_for(const lexer *self, int64_t position) {
    for (int64_t place = position; place + 5 < self->size && self->data[place] != '{' && self->data[place] != ';'; place++)
        if (!memcmp(self->data + place, " for ", 5) || !memcmp(self->data + place, "\nfor ", 5)) return byte_at(self, place + 5) != '<';
    return 0;
}

static int is_capital(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z';
}

/* Return the role of the word that begins at `position`. */
static uint8_t role_at(const lexer *self, int64_t position) {
    int64_t end = position;
    while (is_word_start(self, byte_at(self, end)) || (byte_at(self, end) >= '0' && byte_at(self, end) <= '9')) end++;
    return role_of(self, hash_of_name(self->data, position, end));
}

/* Return the position after the bracket that closes the one at `position`, or 0 where none is near. */
static int64_t behind_bracket(const lexer *self, int64_t position) {
    uint8_t open = byte_at(self, position), close = open == '(' ? ')' : ']';
    int64_t depth = 0;
    for (int64_t place = position; place < position + MOST_SIGNATURE_BYTES && place < self->size; place++) {
        if (self->data[place] == open) depth++;
        else if (self->data[place] == close && --depth == 0) return place + 1;
    }
    return 0;
}

/* Return whether a body follows the parameters that begin at `position`, so that a method is defined. */
static int has_body(const lexer *self, int64_t position) {
    int64_t behind = behind_bracket(self, position);
    if (!behind) return 0;
    behind = behind_blanks(self, behind);
    if (byte_at(self, behind) != ':' || !has(self, TEMPLATES)) return byte_at(self, behind) == '{';
    while (byte_at(self, behind) && !strchr("{;\n", byte_at(self, behind))) behind++; /* the type of the result */
    return byte_at(self, behind) == '{';
}

/* Return the kind of a word that a parenthesis follows. */
static uint8_t kind_of_call(const lexer *self, int64_t first, int64_t parenthesis, int64_t previous_end) {
    uint8_t before = byte_at(self, first - 1);
    if (self->role == CONSTRUCTS) return CONSTRUCTION;
    int can_define = has(self, TEMPLATES) || (has(self, TYPES_BEFORE) && !has(self, DIRECTIVES | DOLLAR_CODE));
    if (can_define && (self->starts || self->role == KEYWORD || self->last == '>' || self->last == ']') && self->depth > 0 && has_body(self, parenthesis))
        return DEFINITION;
    if (has(self, TYPES_BEFORE)) { /* `int name(` declares name, unless the word before ends an expression */
        int is_outside = 1;
        for (int level = 0; level < self->depth; level++) is_outside &= self->stack[level].closes == '}';
        int after_word = self->role == TYPE_WORD || (self->role == 0 && previous_end > 0 && previous_end == self->last_end &&
                                                     before <= ' ' && is_word_start(self, self->last));
        if (is_outside && after_word) return DEFINITION;
        if ((self->last == '*' || self->last == '&' || self->last == '>') && self->depth == 0 && is_outside &&
            !self->directive)
            return DEFINITION;
        if (self->depth == 0 && self->starts && self->line_starts && has(self, DIRECTIVES)) return CALL;
    }
    if (has(self, CAPITALS_CONSTRUCT) && is_capital(self->data[first])) return CONSTRUCTION;
    return CALL;
}

static uint8_t kind_of_type(const lexer *self, int64_t first, int64_t end, uint8_t next) {
    uint8_t before = self->last;
    opener around = self->depth > 0 ? self->stack[self->depth - 1] : (opener){0, AS_CODE, 0, 0};
    if (self->role == USES_TYPE) return TYPE;
    if (has(self, GENERICS) && before == '<' && (next == '>' || next == ',' || next == ':')) return TYPE;
    if (has(self, COLON_TYPES)) {
        int is_colon = before == ':' && byte_at(self, first - 1) != ':';
        if (is_colon && (is_capital(self->data[first]) || around.use == AS_PARAMETERS)) return TYPE;
        if (before == '>' && byte_at(self, first - 2) == '-') return TYPE;
        if (before == '>' && byte_at(self, first - 3) == '-') return TYPE;
    }
    int64_t behind = behind_blanks(self, end);
    if (has(self, TYPES_BEFORE)) {
        if (behind > end && is_word_start(self, byte_at(self, behind)) && role_at(self, behind) == NAME) return TYPE;
        if (next == '<' && behind_generic(self, behind) > behind) return TYPE;
        if ((next == '*' || next == '&') && (self->starts || strchr("({;,", before) || self->role == TYPE_WORD)) {
            while (strchr("*& ", byte_at(self, behind)) && byte_at(self, behind)) behind++;
            if (is_word_start(self, byte_at(self, behind)) || byte_at(self, behind) == ')') return TYPE;
        }
    }
    if (has(self, TYPES_BEHIND) && around.use != AS_CODE && self->last_end > 0 &&
        (is_word_start(self, before) || before == '*' || before == ']') && byte_at(self, first - 1) != '.')
        return TYPE;
    return MENTION;
}

/* Return the kind of a name. `previous_end` is the end of the word before. */
static uint8_t kind_of(lexer *self, int64_t first, int64_t end, int64_t previous_end) {
    int64_t behind = behind_blanks(self, end);
    uint8_t next = byte_at(self, behind), before = self->last;
    opener around = self->depth > 0 ? self->stack[self->depth - 1] : (opener){0, AS_CODE, 0, 0};
    if (self->imports) return IMPORT;
    if (self->role == DEFINES) {
        if (next == '.' || (next == ':' && byte_at(self, behind + 1) == ':')) return MENTION;
        return DEFINITION;
    }
    if (self->role == DEFINES_TYPE) {
        int is_use = has(self, DIRECTIVES) && next != '{' && next != ':' && next != ';' && next != '\n' && next != '\r' &&
                     next != '<' && !(is_word_start(self, next) && byte_at(self, behind) == 'f');
        return is_use ? TYPE : DEFINITION;
    }
    if (self->header == IN_BASES && next != '.' && !(next == ':' && byte_at(self, behind + 1) == ':'))
        return before == '<' && !has(self, LESS_BASES) ? TYPE : INHERITANCE;
    if (around.use == AS_BASES && (before == '(' || before == ',' || before == '.') && strchr(",)[\n\r#", next))
        return INHERITANCE;
    if (self->role == INHERITS) return INHERITANCE;
    if (has(self, SHELL) && self->starts) {
        if (next == '(' && byte_at(self, behind + 1) == ')') return DEFINITION;
        return byte_at(self, end) == '=' || byte_at(self, end) == '[' ? MENTION : CALL;
    }
    if (has(self, LISP)) return before == '(' ? CALL : MENTION;
    int64_t called = behind;
    if (next == ':' && byte_at(self, behind + 1) == ':' && byte_at(self, behind + 2) == '<') called = behind_generic(self, behind + 2);
    else if (next == '<' && has(self, GENERICS)) called = behind_generic(self, behind);
    else if (next == '[' && has(self, RECEIVERS) && behind == end) called = behind_bracket(self, behind);
    else if (next == '!' && has(self, BANG_CALLS) && strchr("([{", byte_at(self, end + 1))) return CALL;
    else if (next == '?' && byte_at(self, behind + 1) == '.' && byte_at(self, behind + 2) == '(') called = behind + 2;
    if (byte_at(self, called) == '(' && (called == behind || next != ' ')) return kind_of_call(self, first, called, previous_end);
    if (self->role == CONSTRUCTS && next != '.') return CONSTRUCTION;
    if (has(self, TEMPLATES) && byte_at(self, end) == '`') return CALL;
    if (next == '{' && has(self, BRACES_CONSTRUCT)) {
        if (has(self, RECEIVERS)) {
            if (end == behind && around.use != AS_PARAMETERS) return CONSTRUCTION;
        } else if (is_capital(self->data[first]) && !self->header && self->role == 0 && before != '>' && before != '+') {
            return CONSTRUCTION;
        }
    }
    if (has(self, DOT_CALLS) && before == '.' && next != '=') return CALL;
    if (before == '@' && has(self, AT_CALLS)) return CALL;
    if (has(self, COMMANDS) && self->starts && behind > end && byte_at(self, first) >= 'a' &&
        (is_word_start(self, next) || strchr("\"':@[&", next)))
        return CALL;
    if (has(self, JUXTAPOSITION) && behind > end && (before == 0 || !is_word_start(self, before) || self->role == KEYWORD) &&
        (is_word_start(self, next) || strchr("(\"[", next) || (next >= '0' && next <= '9')))
        return CALL;
    return kind_of_type(self, first, end, next);
}

/* Return whether a word is a keyword of JavaScript in some places alone, so that a function can have its name. */
static int is_contextual(const uint8_t *word, int64_t size) {
    return (size == 2 && !memcmp(word, "of", 2)) || (size == 3 && (!memcmp(word, "get", 3) || !memcmp(word, "set", 3))) ||
           (size == 4 && !memcmp(word, "from", 4)) || (size == 7 && !memcmp(word, "declare", 7));
}

/* Read a word: a keyword, whose role it keeps, or a name, whose kind it finds. */
token read_word(lexer *self, int64_t first, int64_t end) {
    uint64_t hash = hash_of_name(self->data, first, end);
    uint8_t role = role_of(self, hash), before = self->last;
    int64_t behind = behind_blanks(self, end), previous_end = self->last_end;
    int is_member = before == '.' || (before == '>' && byte_at(self, first - 2) == '-');
    token read = {hash, 0, 0};
    if (self->directive && before == '#') { /* the name of a directive */
        int64_t size = end - first;
        int is_include = (size == 7 && !memcmp(self->data + first, "include", 7)) ||
                         (size == 6 && !memcmp(self->data + first, "import", 6));
        self->imports = is_include;
        self->import_depth = self->depth;
        read.emitted = is_include;
        self->role = size == 6 && !memcmp(self->data + first, "define", 6) ? DEFINES : KEYWORD;
        self->last = self->data[end - 1];
        self->last_end = end;
        self->starts = self->line_starts = self->named = 0;
        return read;
    }
    int is_statement = self->starts || self->role == KEYWORD || self->role == EXPORTS;
    if (role == IMPORTS && (!is_statement || is_member || byte_at(self, behind) == '(' || byte_at(self, behind) == '.') &&
        !(byte_at(self, behind) == '(' && self->starts && has(self, RECEIVERS)) && !(byte_at(self, behind) == '.' && self->starts && !has(self, TEMPLATES)))
        role = self->imports || byte_at(self, behind) != '(' || has(self, TEMPLATES) ? KEYWORD : NAME;
    if (role == EXPORTS) { /* `export { … } from`, `export * from`, both also of types alone */
        int64_t taken = behind;
        if (behind + 4 < self->size && !memcmp(self->data + behind, "type", 4)) taken = behind_blanks(self, behind + 4);
        if (!self->starts || (byte_at(self, taken) != '{' && byte_at(self, taken) != '*')) role = KEYWORD;
    }
    if (role == CALLS_IMPORT) {
        read.emitted = !is_member;
        role = is_member ? NAME : KEYWORD;
    }
    if (is_member && role != NAME && role != CONSTRUCTS && !(self->imports && role == IMPORTS)) role = NAME; /* `x.type` */
    if (role == COMMAND) role = KEYWORD;
    if (role == KEYWORD && has(self, TEMPLATES) && byte_at(self, end) == '(' && is_contextual(self->data + first, end - first))
        role = NAME; /* a method of this name */
    if (role != NAME) {
        if (role == IMPORTS || role == EXPORTS) {
            if (!self->imports) {
                self->imports = 1;
                self->import_depth = self->depth;
                read.emitted = 1;
            }
            role = KEYWORD;
        } else if (role == INHERITS) {
            if (self->header) self->header = IN_BASES;
            else role = USES_TYPE;
        } else if (role == IMPLEMENTS) {
            self->header = has_for(self, end) ? IN_BASES : 0;
        } else if (role == DEFINES_TYPE) {
            self->header = IN_HEADER;
        } else if (self->header == IN_BASES && end - first == 3 && !memcmp(self->data + first, "for", 3)) {
            self->header = 0;
        }
        int keeps = role == KEYWORD && (self->role == DEFINES || self->role == DEFINES_TYPE) && self->line_starts == 0 &&
                    has(self, DIRECTIVES | GENERICS);
        self->starts = has(self, SHELL) ? role == KEYWORD : role == KEYWORD && self->starts && has(self, COMMANDS) && 0;
        self->role = keeps && role == KEYWORD ? self->role : role;
        self->named = 0;
    } else {
        read.kind = kind_of(self, first, end, previous_end);
        read.emitted = 1;
        self->named = read.kind == DEFINITION ? (self->role == DEFINES_TYPE ? DEFINES_TYPE : DEFINES) : 0;
        int is_new_path = self->role == CONSTRUCTS && byte_at(self, behind) == '.';
        self->role = is_new_path ? CONSTRUCTS : 0;
        self->starts = 0;
    }
    self->line_starts = 0;
    self->last = self->data[end - 1];
    self->last_end = end;
    return read;
}
