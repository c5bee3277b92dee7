"""Patterns of Common Lisp, Scheme, Racket, Emacs Lisp and Fennel."""

from __future__ import annotations

from raycontext.chunk.readers.patterns import Patterns, rule
from raycontext.chunk.readers.tables.lexis import LISP

__all__ = ["LISPS"]

_N = r"(?P<name>[^\s()\[\]{}\"';]+)"
_HIDDEN = LISP
_COMMENT = (b";",)

_COMMON_LISP = Patterns(
    (
        rule("module", r"\s*\((?:[\w-]+:)?(?:defpackage|define-package)\s+[#:]*" + _N, holds=False),
        rule("class", r"\s*\((?i:defclass|define-condition|defstruct)\s+[(#:]*" + _N),
        rule("module", r"\s*\((?i:(?:asdf:)?defsystem)\s+[#:]*(?P<name>\"[^\"\n]+\"|[^\s()\"]+)", holds=False),
        rule("function", r"\s*\((?i:defun|defgeneric|defun-inline|define-compiler-macro)\s+\(setf\s+" + _N),
        rule("method", r"\s*\((?i:defmethod)\s+\(setf\s+" + _N),
        rule("method", r"\s*\((?i:defmethod)\s+" + _N),
        rule(
            "macro",
            r"\s*\((?i:defmacro|define-modify-macro|defsetf|define-symbol-macro|define-setf-expander)\s+\(?" + _N,
        ),
        rule("type", r"\s*\((?i:deftype)\s+" + _N),
        rule("constant", r"\s*\((?i:defvar|defparameter|defconstant|defglobal)\s+" + _N),
        rule("test", r"\s*\((?i:deftest|def-test|define-test|test)\s+\(?" + _N),
        rule("function", r"\s*\((?i:defun|defgeneric|define-compiler-macro)\s+" + _N),
        rule("function", r"\(def[\w*-]*\s+\(?" + _N),
    ),
    _HIDDEN,
    _COMMENT,
)
_SCHEME = Patterns(
    (
        rule("module", r"\s*\((?:define-module|define-library|library)\s+(?P<name>\([^()]*\))", holds=False),
        rule("module", r"\s*\((?:module[*+]?)\s+" + _N, holds=False),
        rule(
            "class",
            r"\s*\((?:define-record-type|define-class|define-structure|define-condition-type)\s+[(<]*(?P<name>[^\s()>]+)",
        ),
        rule("macro", r"\s*\((?:define-syntax|define-macro|define-syntax-rule|defmacro)\s+\(?" + _N),
        rule("method", r"\s*\((?:define-method)\s+\(?" + _N),
        rule("function", r"\s*\(define(?!-values|-record|-syntax)[*\w/-]*\s+\(+" + _N),
        rule("function", r"\s*\(define[*\w/-]*\s+" + _N + r"\s*\n?\s*\((?:lambda|case-lambda|λ)\b"),
        rule(
            "constant",
            r"\s*\((?:define|define-public|define-constant|define-parameter|defparameter|define-values)\s+\(?" + _N,
        ),
    ),
    _HIDDEN,
    _COMMENT,
)
_RACKET = Patterns(
    (
        rule("module", r"\s*\((?:module[*+]?)\s+" + _N, holds=False),
        rule("class", r"\s*\((?:struct|define-struct|serializable-struct|struct/contract)\s+\(?" + _N),
        rule("macro", r"\s*\((?:define-syntax|define-syntax-rule|define-simple-macro|define-syntax-parser)\s+\(?" + _N),
        rule(
            "method",
            r"\s*\(define/(?:public|private|override|pubment|augment|public-final|override-final)\s+\(+" + _N,
            in_code=True,
        ),
        rule(
            "class",
            r"\s*\(define\s+" + _N + r"\s*(?:;[^\n]*)?\s*\n?\s*\((?:class|class\*|mixin|interface|unit|trait)\b",
        ),
        rule("function", r"\s*\(define(?!-values|-record|-syntax)[*\w/-]*\s+\(+" + _N),
        rule("function", r"\s*\(define[*\w/-]*\s+" + _N + r"\s*\n?\s*\((?:lambda|case-lambda|λ)\b"),
        rule("constant", r"\s*\((?:define(?:/contract)?|define-parameter|define-values)\s+\(?" + _N),
        rule("test", r"\s*\((?:test-case|test-suite)\s+(?P<name>\"[^\"\n]*\")", in_code=True),
    ),
    _HIDDEN,
    _COMMENT,
)
_EMACS_LISP = Patterns(
    (
        rule("macro", r"\s*\((?:cl-)?(?:defmacro\*?|pcase-defmacro|define-inline)\s+" + _N),
        rule("class", r"\s*\((?:cl-defstruct|defstruct|defclass)\s+\(?" + _N),
        rule("method", r"\s*\((?:cl-defmethod|defmethod|ad-define-subr-args)\s+(?:\(setf\s+)?" + _N),
        rule("test", r"\s*\((?:ert-deftest)\s+" + _N),
        rule(
            "constant",
            r"\s*\((?:defcustom|defvar(?:-local|-keymap)?|defconst|defface|defgroup|define-error|defvaralias)\s+'?"
            + _N,
        ),
        rule("type", r"\s*\((?:cl-deftype)\s+" + _N),
        rule("function", r"\s*\((?:defalias|define-obsolete-function-alias)\s+'" + _N),
        rule(
            "function",
            r"\s*\((?:cl-)?(?:def(?:un\*?|subst\*?|generic|advice)|iter-defun|define-(?:minor|derived|globalized-minor|global-minor|generic|compilation)-mode|define-(?:skeleton|widget|advice))\s+(?:\(setf\s+)?"
            + _N,
        ),
        rule("function", r"\((?:transient-define-[a-z]+|defhydra|use-package)\s+\(?" + _N),
    ),
    _HIDDEN,
    _COMMENT,
)
_FENNEL = Patterns(
    (
        rule("macro", r"\s*\(macro\s+" + _N),
        rule("function", r"\s*\((?:fn|λ|lambda)\s+" + _N),
        rule("constant", r"\((?:local|var|global)\s+" + _N),
    ),
    _HIDDEN,
    _COMMENT,
)

LISPS: dict[str, Patterns] = {
    "commonlisp": _COMMON_LISP,
    "elisp": _EMACS_LISP,
    "fennel": _FENNEL,
    "racket": _RACKET,
    "scheme": _SCHEME,
}
"""Patterns of each language."""
