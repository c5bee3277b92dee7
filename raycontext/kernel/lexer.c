/* Identifiers of a file outside of comments and strings, and the kind of use of each, by what stands around it.
 *
 * The scan knows no grammar. A syntax is a set of features (which marks begin a comment, which a string, …) and a table
 * of words with roles, so that one function reads all families of languages. It never fails: what it does not
 * understand is read as if it were code.
 */
#include "lexer.h"

static const opener CODE = {0, AS_CODE, 0, 0};

static uint8_t at(const lexer *self, int64_t position) {
    return position >= 0 && position < self->size ? self->data[position] : 0;
}

static int has(const lexer *self, uint64_t feature) {
    return (self->syntax & feature) != 0;
}

int is_word_start(const lexer *self, uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 128 ||
           (byte == '$' && has(self, DOLLAR_WORDS));
}

static int is_word_byte(const lexer *self, uint8_t byte) {
    return is_word_start(self, byte) || (byte >= '0' && byte <= '9') || (byte == '\'' && has(self, PRIMED_WORDS)) ||
           (has(self, LISP) && byte > ' ' && !strchr("()[]{}\"';,`.", byte));
}

static opener top(const lexer *self) {
    return self->depth > 0 ? self->stack[self->depth - 1] : CODE;
}

static void push(lexer *self, uint8_t closes, uint8_t use, uint8_t quote, uint8_t triple) {
    if (self->depth < MOST_NESTING) self->stack[self->depth++] = (opener){closes, use, quote, triple};
}

/* Blank out bytes in the copy of the code, all but line ends. */
static void blank(lexer *self, int64_t first, int64_t last) {
    if (!self->code) return;
    for (int64_t place = first; place < last && place < self->size; place++)
        if (self->code[place] != '\n') self->code[place] = ' ';
}

static int64_t line_end(const lexer *self, int64_t position) {
    const uint8_t *found = position < self->size ? memchr(self->data + position, '\n', (size_t)(self->size - position)) : NULL;
    return found ? found - self->data : self->size;
}

static int starts_with(const lexer *self, int64_t position, const char *mark) {
    for (; *mark; mark++, position++)
        if (at(self, position) != (uint8_t)*mark) return 0;
    return 1;
}

/* Return the end of a comment between two marks that may be nested, from behind the first mark. */
static int64_t comment_end(const lexer *self, int64_t position, const char *open, const char *close, int nested) {
    int64_t width = (int64_t)strlen(close), depth = 1;
    for (; position < self->size; position++) {
        if (starts_with(self, position, close)) {
            if (--depth == 0) return position + width;
            position += width - 1;
        } else if (nested && starts_with(self, position, open)) {
            depth++;
            position += (int64_t)strlen(open) - 1;
        }
    }
    return self->size;
}

/* Return the end of a comment that begins at `position`, or `position` where none does. */
static int64_t behind_comment(const lexer *self, int64_t position) {
    uint8_t byte = self->data[position], next = at(self, position + 1);
    if (byte == '/' && next == '/' && has(self, SLASH_LINE)) return line_end(self, position);
    if (byte == '/' && next == '*' && has(self, SLASH_BLOCK))
        return comment_end(self, position + 2, "/*", "*/", has(self, NESTED_BLOCKS));
    if (byte == '#' && has(self, HASH_LINE)) {
        if (next == '[' && has(self, HASH_ATTRIBUTES)) return position;
        if (next == '=' && has(self, HASH_BLOCK)) return comment_end(self, position + 2, "#=", "=#", 1);
        uint8_t before = at(self, position - 1);
        if (has(self, SHELL) && position > 0 && !strchr(" \t\n;&|()", before)) return position;
        return line_end(self, position);
    }
    if (byte == '-' && next == '-' && has(self, DASH_LINE)) {
        if (starts_with(self, position + 2, "[[")) return comment_end(self, position + 4, "[[", "]]", 0);
        return line_end(self, position);
    }
    if (byte == ';' && has(self, SEMICOLON_LINE)) return line_end(self, position);
    if (byte == '%' && has(self, PERCENT_LINE)) return line_end(self, position);
    if (byte == '(' && next == '*' && has(self, ML_BLOCK)) return comment_end(self, position + 2, "(*", "*)", 1);
    if (byte == '{' && next == '-' && has(self, HASKELL_BLOCK)) return comment_end(self, position + 2, "{-", "-}", 1);
    if (byte == '<' && has(self, MARKUP) && starts_with(self, position, "<!--"))
        return comment_end(self, position + 4, "<!--", "-->", 0);
    if (byte == '=' && has(self, BEGIN_BLOCK) && (position == 0 || at(self, position - 1) == '\n') &&
        is_word_start(self, next)) {
        int64_t end = comment_end(self, position, "\n=end", has(self, DOLLAR_WORDS) ? "\n=cut" : "\n=end", 0);
        return line_end(self, end);
    }
    return position;
}

/* Return the end of a string whose closing mark is `quote`, once or three times. Where code stands inside of the string,
 * an opener is pushed and the place after the mark that begins it is returned: the string goes on when it is closed. */
static int64_t behind_string(lexer *self, int64_t position, uint8_t quote, uint8_t triple, int formatted) {
    int many_lines = triple || quote == '`' || has(self, STRINGS_OVER_LINES);
    uint8_t kept = (uint8_t)(triple | (formatted ? 2 : 0));
    while (position < self->size) {
        uint8_t byte = self->data[position], next = at(self, position + 1);
        if (byte == '\n' && !many_lines) return position;
        if (byte == '\\' && !(quote == '`' && has(self, RAW_BACKTICKS))) {
            if (next == '(' && quote == '"' && has(self, BACKSLASH_CODE)) {
                push(self, ')', AS_STRING, quote, kept);
                return position + 2;
            }
            position += 2;
        } else if (byte == quote && (!(triple & 1) || (next == quote && at(self, position + 2) == quote))) {
            return position + ((triple & 1) ? 3 : 1);
        } else if (byte == '$' && next == '{' &&
                   ((quote == '`' && has(self, TEMPLATES)) || (quote == '"' && has(self, DOLLAR_CODE)))) {
            push(self, '}', AS_STRING, quote, kept);
            return position + 2;
        } else if (byte == '$' && next == '(' && quote == '"' && has(self, SHELL)) {
            push(self, ')', AS_STRING, quote, kept);
            self->starts = 1;
            return position + 2;
        } else if (byte == '#' && next == '{' && quote == '"' && has(self, HASH_CODE)) {
            push(self, '}', AS_STRING, quote, kept);
            return position + 2;
        } else if (byte == '{' && formatted) {
            if (next != '{') {
                push(self, '}', AS_STRING, quote, kept);
                return position + 1;
            }
            position += 2;
        } else {
            position++;
        }
    }
    return self->size;
}

/* Return the end of a string of C++ or Rust without escapes, such as R"x(…)x" or r#"…"#; `position` if none is there. */
static int64_t behind_raw_string(const lexer *self, int64_t position) {
    if (has(self, HASH_RAW)) {
        int64_t hashes = 0;
        while (at(self, position + hashes) == '#') hashes++;
        if (at(self, position + hashes) != '"') return position;
        for (int64_t place = position + hashes + 1; place < self->size; place++) {
            int64_t found = 0;
            if (self->data[place] != '"') continue;
            while (found < hashes && at(self, place + 1 + found) == '#') found++;
            if (found == hashes) return place + 1 + hashes;
        }
        return self->size;
    }
    int64_t open = position + 1;
    while (open < position + 18 && at(self, open) != '(' && at(self, open) > ' ') open++;
    if (at(self, position) != '"' || at(self, open) != '(') return position;
    int64_t width = open - position - 1;
    for (int64_t place = open + 1; place + width + 1 < self->size; place++)
        if (self->data[place] == ')' && self->data[place + width + 1] == '"' &&
            !memcmp(self->data + place + 1, self->data + position + 1, (size_t)width))
            return place + width + 2;
    return self->size;
}

/* Return the position after a literal between single quotes, or after the quote where it begins a lifetime. */
static int64_t behind_character(const lexer *self, int64_t position) {
    int64_t place = position + 1;
    if (at(self, place) == '\\') {
        for (place += 2; place < self->size && self->data[place] != '\n'; place++)
            if (self->data[place] == '\'') return place + 1;
        return place;
    }
    for (int64_t width = 1; width <= 4; width++) /* one character of UTF-8 */
        if (at(self, place + width) == '\'' && (width == 1 || at(self, place) >= 128)) return place + width + 1;
    if (has(self, LIFETIMES)) {
        while (is_word_byte(self, at(self, place)) && at(self, place) != '\'') place++;
        return place;
    }
    for (; place < position + 12 && place < self->size && self->data[place] != '\n'; place++)
        if (self->data[place] == '\'') return place + 1;
    return position + 1;
}

/* Return the end of a regular expression between slashes on one line, or `position` where there is none. */
static int64_t behind_expression(const lexer *self, int64_t position) {
    int in_class = 0;
    for (int64_t place = position + 1; place < self->size && self->data[place] != '\n'; place++) {
        uint8_t byte = self->data[place];
        if (byte == '\\') place++;
        else if (byte == '[') in_class = 1;
        else if (byte == ']') in_class = 0;
        else if (byte == '/' && !in_class) return place + 1;
    }
    return position;
}

/* Note the delimiter of a text that begins at the next line (<<END), and return the position after it. */
static int64_t note_document(lexer *self, int64_t position) {
    int64_t place = position + 2;
    if (at(self, place) == '<') place++; /* PHP; a string in a shell, which has no word behind it */
    else if (at(self, place) == '-' || at(self, place) == '~') place++;
    uint8_t quote = at(self, place);
    if (quote == '\'' || quote == '"') place++;
    else quote = 0;
    int64_t first = place;
    while (is_word_byte(self, at(self, place))) place++;
    int is_delimiter = place > first && (quote || has(self, SHELL) || (self->data[first] >= 'A' && self->data[first] <= 'Z'));
    if (!is_delimiter || (quote && at(self, place) != quote)) return position + 2;
    self->document = first;
    self->document_size = place - first;
    return place + (quote ? 1 : 0);
}

/* Return the position after a text between delimiters, which begins at a line start. */
static int64_t behind_document(const lexer *self, int64_t position) {
    while (position < self->size) {
        int64_t end = line_end(self, position), first = position;
        while (first < end && (self->data[first] == ' ' || self->data[first] == '\t')) first++;
        if (end - first >= self->document_size &&
            !memcmp(self->data + first, self->data + self->document, (size_t)self->document_size) &&
            !is_word_byte(self, at(self, first + self->document_size)))
            return first + self->document_size;
        position = end + 1;
    }
    return self->size;
}

static void close_bracket(lexer *self, uint8_t byte) {
    for (int level = self->depth - 1; level >= 0; level--) {
        opener found = self->stack[level];
        if (found.closes == byte) {
            self->depth = level;
            if (found.use == AS_RECEIVER) self->role = DEFINES;
            if (found.use == AS_STRING) self->resumes = found;
            return;
        }
        if (found.use == AS_STRING) return;
    }
}

/* Read one mark that is neither a comment nor a string: brackets, ends of statements. */
static void read_mark(lexer *self, uint8_t byte) {
    uint8_t role = self->role;
    self->role = 0;
    if (byte == '(' || byte == '[' || byte == '{') {
        uint8_t closes = byte == '(' ? ')' : byte == '[' ? ']' : '}', use = AS_CODE;
        if (byte == '(' && role == DEFINES && has(self, RECEIVERS)) use = AS_RECEIVER;
        else if (byte == '(' && self->named == DEFINES) use = AS_PARAMETERS;
        else if (byte == '(' && self->named == DEFINES_TYPE && has(self, BASES_IN_PARENTHESES)) use = AS_BASES;
        else if (byte == '{' && !self->imports) self->header = 0;
        push(self, closes, use, 0, 0);
        self->starts = byte == '{' || has(self, SHELL);
    } else if (byte == ')' || byte == ']' || byte == '}') {
        close_bracket(self, byte);
        self->starts = byte == '}';
        if (byte == '}' && !self->imports) self->header = 0;
    } else if (byte == ';') {
        self->imports = self->header = 0;
        self->starts = 1;
    } else if (byte == ':' && self->header == IN_HEADER && has(self, COLON_BASES)) {
        self->header = IN_BASES;
        self->starts = 0;
    } else if (byte == '<' && self->header == IN_HEADER && has(self, LESS_BASES)) {
        self->header = IN_BASES;
        self->starts = 0;
    } else {
        self->starts = has(self, SHELL) && (byte == '|' || byte == '&');
        if (byte == '=' && self->header == IN_HEADER) self->header = 0;
    }
    if (byte == '.' && role == CONSTRUCTS) self->role = CONSTRUCTS;
    self->named = 0;
    self->last = byte;
}

static void read_line_end(lexer *self) {
    int is_open = top(self).use != AS_STRING && self->depth > self->import_depth;
    if (self->imports && has(self, LINE_ENDS_IMPORT) && !is_open && self->last != ',' && self->last != '\\')
        self->imports = 0;
    if (self->header && (has(self, LESS_BASES) || has(self, BASES_IN_PARENTHESES)) && top(self).use != AS_BASES)
        self->header = 0;
    if (self->directive && self->last != '\\') { /* the code goes on as if the directive were not there */
        self->directive = self->imports = 0;
        self->last = self->outer_last;
        self->last_end = self->outer_end;
        self->role = self->outer_role;
    }
    int keeps = self->role == DEFINES || self->role == DEFINES_TYPE || (self->role == KEYWORD && has(self, TYPES_BEFORE));
    if (!has(self, LISP) && !keeps) self->role = 0; /* `else` stays what stands before a call on the next line */
    if (!has(self, SHELL) || self->last != '\\') self->starts = 1;
    self->line_starts = 1;
}

/* Return the position after white space, a comment or a string at `position`, or `position` where none of them is. */
static int64_t behind_space(lexer *self, int64_t position) {
    uint8_t byte = self->data[position];
    if (byte == '\n') {
        read_line_end(self);
        if (!self->document_size) return position + 1;
        int64_t end = behind_document(self, position + 1);
        blank(self, position + 1, end);
        self->document_size = 0;
        return end;
    }
    if (byte <= ' ') return position + 1;
    int64_t end = behind_comment(self, position);
    if (end > position) {
        blank(self, position, end);
        return end;
    }
    int depth = self->depth, is_word_like = is_word_byte(self, self->last) || self->last == ')' || self->last == ']' || self->last == '}';
    if (byte == '"' || (byte == '`' && has(self, TEMPLATES | RAW_BACKTICKS)) || (byte == '\'' && has(self, QUOTE_STRINGS))) {
        int triple = has(self, TRIPLE_STRINGS) && at(self, position + 1) == byte && at(self, position + 2) == byte;
        end = behind_string(self, position + (triple ? 3 : 1), byte, (uint8_t)triple, self->formatted);
    } else if (byte == '\'' && has(self, QUOTE_CHARACTERS)) {
        end = behind_character(self, position);
    } else if (byte == '/' && has(self, EXPRESSIONS) && (!is_word_like || self->role)) {
        end = behind_expression(self, position);
    } else if (byte == '<' && at(self, position + 1) == '<' && has(self, DOCUMENTS)) {
        end = note_document(self, position);
    } else if (byte == '<' && self->directive && self->imports) {
        end = position + 1;
        while (end < self->size && self->data[end] != '>' && self->data[end] != '\n') end++;
    }
    if (end > position) {
        blank(self, position + 1, end - 1);
        self->last = '"';
        self->role = self->named = 0;
        self->starts &= self->depth > depth; /* code begins inside of the string */
    }
    self->formatted = 0;
    return end;
}

int64_t lex(const uint8_t *data, int64_t size, uint64_t syntax, const uint64_t *words, const uint8_t *roles,
            int64_t word_space, uint8_t *code, uint32_t *starts, uint32_t *lengths, uint64_t *hashes, uint8_t *kinds,
            int64_t space) {
    lexer self = {.data = data, .size = size, .syntax = syntax, .words = words, .roles = roles,
                  .word_space = word_space, .code = code, .starts = 1, .line_starts = 1, .last = '\n'};
    int64_t position = 0, found = 0;
    if (size > UINT32_MAX || word_space < 2 || (word_space & (word_space - 1))) return DAMAGED;
    while (position < size) {
        uint8_t byte = data[position];
        if (self.resumes.closes) { /* the code inside of a string has ended */
            opener string = self.resumes;
            self.resumes = CODE;
            int64_t end = behind_string(&self, position, string.quote, string.triple & 1, string.triple & 2);
            blank(&self, position, end - 1);
            self.last = '"';
            self.role = self.named = self.starts = 0;
            position = end;
            continue;
        }
        if (is_word_start(&self, byte)) {
            int64_t end = position + 1;
            while (end < size && is_word_byte(&self, data[end])) end++;
            if (has(&self, MARKED_WORDS) && (at(&self, end) == '?' || at(&self, end) == '!') && at(&self, end + 1) != '=')
                end++;
            if (at(&self, end) == '"' || at(&self, end) == '\'' || at(&self, end) == '#') {
                uint8_t final = data[end - 1] | 32;
                if (final == 'r' && end - position <= 2 && has(&self, RAW_STRINGS)) {
                    int64_t behind = behind_raw_string(&self, end);
                    if (behind > end) {
                        blank(&self, position, behind);
                        position = behind;
                        self.last = '"';
                        continue;
                    }
                }
                if (end - position <= 2 && has(&self, PREFIXED_STRINGS) && at(&self, end) != '#') {
                    self.formatted = (data[position] | 32) == 'f' || final == 'f';
                    position = end;
                    continue;
                }
            }
            token read = read_word(&self, position, end);
            if (read.emitted) {
                if (found >= space) return NO_SPACE;
                starts[found] = (uint32_t)position;
                lengths[found] = (uint32_t)(end - position);
                hashes[found] = read.hash;
                kinds[found++] = read.kind;
            }
            position = end;
        } else if (byte >= '0' && byte <= '9') {
            position++;
            while (position < size && (is_word_byte(&self, data[position]) ||
                                       (data[position] == '\'' && is_word_start(&self, at(&self, position + 1)))))
                position++;
            self.last = '0';
            self.role = self.named = self.starts = self.line_starts = 0;
        } else {
            int64_t behind = behind_space(&self, position);
            if (behind == position) {
                if (byte == '#' && has(&self, DIRECTIVES) && self.line_starts && !self.directive) {
                    self.directive = 1;
                    self.outer_last = self.last;
                    self.outer_role = self.role;
                    self.outer_end = self.last_end;
                } else if (byte == '$' && has(&self, FORMATTED_BY_DOLLAR)) self.formatted = at(&self, position + 1) == '"';
                read_mark(&self, byte);
                self.line_starts = 0;
                behind = position + 1;
            } else if (byte > ' ') {
                self.line_starts = 0;
            }
            position = behind;
        }
    }
    return found;
}
