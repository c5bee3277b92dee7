"""What files use and import, as the lexer reads them: by family of languages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycontext.analyse.imports import Import, imports_of
from raycontext.analyse.references import ReferenceReader
from raycontext.analyse.syntaxes import LANGUAGES_WITH_REFERENCES, syntax_of
from raycontext.kernel.lexer import Use, lex, name_hashes

CASES: dict[tuple[str, str], str] = {
    ("python", "x = run(a)  # call()"): "x:MENTION run:CALL a:MENTION",
    ("python", '"""doc run()"""\nrun'): "run:MENTION",
    ("python", "@wraps\ndef go(a: Arg = 1) -> Ret: pass"): "wraps:CALL go:DEFINITION a:MENTION Arg:TYPE Ret:TYPE",
    ("python", "class A(B, c.D, metaclass=M): x = E()"): "A:DEFINITION B:INHERITANCE c:MENTION D:INHERITANCE "
    "metaclass:MENTION M:MENTION x:MENTION E:CONSTRUCTION",
    ("python", "f'{a} {{b}} {c(d)!s}' + r'e' + rb'f'"): "a:MENTION c:CALL d:MENTION s:MENTION",
    ("python", "from .m import (a,\n  b)\nc"): "m:IMPORT a:IMPORT b:IMPORT c:MENTION",
    ("python", "raise A from b"): "A:MENTION b:MENTION",
    ("javascript", "foo(`a ${bar(x)} b`) /* q() */ // r()"): "foo:CALL bar:CALL x:MENTION",
    ("javascript", 'const r = /foo"(/g; new A.B(c)'): "r:MENTION g:MENTION A:MENTION B:CONSTRUCTION c:MENTION",
    ("typescript", "class A extends B implements C { go(x: D): E { return f<G>(x) } }"): "A:DEFINITION B:INHERITANCE "
    "C:INHERITANCE go:DEFINITION x:MENTION D:TYPE E:TYPE f:CALL G:TYPE x:MENTION",
    ("typescript", "import D, {a as b} from './m'"): "D:IMPORT a:IMPORT b:IMPORT",
    ("go", "func (r *R) Go(a T) { x.New[int](&C{1}) }"): "r:MENTION R:TYPE Go:DEFINITION a:MENTION T:TYPE x:MENTION "
    "New:CALL int:MENTION C:CONSTRUCTION",
    ("go", "s := `raw foo()` + 'a'"): "s:MENTION",
    ("rust", "impl<'a> T for F<'a> { fn go(x: &'a U) { println!(\"{}\", 'c'); F { a: 1 }; g::<H>(x) } }"): (
        "T:INHERITANCE F:MENTION go:DEFINITION x:MENTION U:MENTION println:CALL F:CONSTRUCTION a:MENTION g:CALL "
        "H:TYPE x:MENTION"
    ),
    ("rust", 'r#"foo("x")"#; /* a /* b */ c */ d'): "d:MENTION",
    (
        "c",
        "#define MAX(a) foo(a)\nstatic int go(char *s)\n{ return bar(s, 'x', \"q()\"); }",
    ): "MAX:DEFINITION a:MENTION foo:CALL a:MENTION go:DEFINITION s:MENTION bar:CALL s:MENTION",
    ("c", "struct a { struct b *c; }; my_t d;"): "a:DEFINITION b:TYPE c:MENTION my_t:TYPE d:MENTION",
    ("cpp", 'auto x = R"q(foo())q"; A::B<C> d = f(1); new E();'): "x:MENTION A:MENTION B:TYPE C:TYPE d:MENTION f:CALL "
    "E:CONSTRUCTION",
    ("cpp", "class A : public B, private ns::C { };"): "A:DEFINITION B:INHERITANCE ns:MENTION C:INHERITANCE",
    ("java", "class A extends B { List<C> go(D d) { return new E(d).run(); } }"): "A:DEFINITION B:INHERITANCE "
    "List:TYPE C:TYPE go:DEFINITION D:TYPE d:MENTION E:CONSTRUCTION d:MENTION run:CALL",
    ("csharp", 'class A : B { string s = $"{name} x"; }'): "A:DEFINITION B:INHERITANCE s:MENTION name:MENTION",
    ("ruby", 'class A < B::C\n  def go\n    @x.run\n    puts "#{y(1)} z"\n  end\nend'): "A:DEFINITION B:MENTION "
    "C:INHERITANCE go:DEFINITION x:MENTION run:CALL puts:CALL y:CALL",
    ("ruby", "x = <<~SQL\n  select foo\nSQL\nbar(1)"): "x:MENTION bar:CALL",
    ("bash", 'foo() { bar "$(baz a)" | qux; }\n# no\ncat <<E\nno\nE\nfoo'): "foo:DEFINITION bar:CALL baz:CALL "
    "a:MENTION qux:CALL cat:CALL foo:CALL",
    ("kotlin", 'class A : B() { fun go(x: C) = D("${e(x)}") }'): "A:DEFINITION B:INHERITANCE go:DEFINITION x:MENTION "
    "C:TYPE D:CONSTRUCTION e:CALL x:MENTION",
    ("swift", 'func go(x: A) -> B { f("\\(g(x))") }'): "go:DEFINITION x:MENTION A:TYPE B:TYPE f:CALL g:CALL x:MENTION",
    ("haskell", "go x = foo x {- bar y -} -- baz"): "go:CALL x:MENTION foo:CALL x:MENTION",
    ("clojure", "(defn go [x] (foo x)) ; bar"): "go:DEFINITION x:MENTION foo:CALL x:MENTION",
    ("lua", "function go() foo('a') end --[[ bar() ]]"): "go:DEFINITION foo:CALL",
    ("php", "function go() { new A($x); /* b() */ c(); }"): "go:DEFINITION A:CONSTRUCTION x:MENTION c:CALL",
}


def uses(language: str, text: str) -> str:
    how = syntax_of(language)
    assert how is not None
    data = text.encode()
    tokens = lex(data, how)
    return " ".join(
        f"{data[start : start + length].decode()}:{Use(kind).name}"
        for start, length, kind in zip(
            tokens.starts.tolist(), tokens.lengths.tolist(), tokens.kinds.tolist(), strict=True
        )
        if kind
    )


@pytest.mark.parametrize(("language", "text"), CASES)
def test_kind_of_use_is_told_by_what_stands_around(language: str, text: str) -> None:
    assert uses(language, text) == CASES[language, text]


IMPORTS: dict[tuple[str, str], list[tuple[str, str, str]]] = {
    ("python", "import a.b as c, d\n"): [("a.b", "", "c"), ("d", "", "")],
    ("python", "from ..m import (a as b,  # why\n  c)\n"): [("..m", "a", "b"), ("..m", "c", "")],
    ("python", "from m import *\n"): [("m", "*", "")],
    ("typescript", "import D, {a as b, type C} from './m'"): [
        ("./m", "default", "D"), ("./m", "a", "b"), ("./m", "C", ""),
    ],
    ("javascript", "import * as ns from 'x'\nexport * from './y'\nexport {z} from './z'"): [
        ("x", "", "ns"), ("./y", "*", ""), ("./z", "z", ""),
    ],
    ("javascript", "const fs = require('fs'), {e: f} = require('y')"): [("fs", "", "fs"), ("y", "e", "f")],
    ("go", 'import (\n "fmt"\n x "a/b"\n . "c"\n)\n'): [("fmt", "", ""), ("a/b", "", "x"), ("c", "*", "")],
    ("rust", "use crate::a::{b as c, d::*, self};"): [
        ("crate::a", "b", "c"), ("crate::a::d", "*", ""), ("crate", "a", ""),
    ],
    ("c", '#include <stdio.h>\n#  include "a/b.h"\n'): [("stdio.h", "*", ""), ("a/b.h", "*", "")],
    ("java", "import a.b.C;\nimport static a.b.C.d;\nimport e.*;"): [
        ("a.b", "C", ""), ("a.b.C", "d", ""), ("e", "*", ""),
    ],
    ("csharp", "using A.B;\nusing X = A.C;"): [("A.B", "*", ""), ("A", "C", "X")],
    ("php", "use A\\B\\{C, D as E};"): [("A\\B", "C", ""), ("A\\B", "D", "E")],
    ("kotlin", "import a.b.C as D\n"): [("a.b", "C", "D")],
    ("ruby", "require 'x/y'\nrequire_relative 'z'\n"): [("x/y", "*", ""), ("./z", "*", "")],
    ("haskell", "import qualified A.B as C (d)\n"): [("A.B", "*", "C")],
}  # fmt: skip


@pytest.mark.parametrize(("language", "text"), IMPORTS)
def test_imports_are_modules_names_and_aliases(language: str, text: str) -> None:
    how = syntax_of(language)
    assert how is not None
    tokens = lex(text.encode(), how)
    found = imports_of(language, text.encode(), tokens.starts[tokens.kinds == 0].tolist())
    assert found == [Import(*expected) for expected in IMPORTS[language, text]]


@given(st.sampled_from(sorted(LANGUAGES_WITH_REFERENCES)), st.text(max_size=300))
def test_any_text_is_read_and_nothing_is_lost_between_rows(language: str, text: str) -> None:
    """A file in one row uses the names that it uses in many rows, and each name is one of the text."""
    data = text.encode()
    whole, cut = ReferenceReader(), ReferenceReader()
    whole.add(data, language, 0)
    cut.add(data, language, 0)
    ends = np.array([place + 1 for place, byte in enumerate(data) if byte == 10] + [len(data)], np.int64)
    one = whole.references(np.zeros(1, np.int64), np.array([len(data)], np.int64)).postings
    many = cut.references(np.concatenate([[0], ends[:-1]]).astype(np.int64), ends).postings
    assert one.terms.tolist() == many.terms.tolist()
    for place in range(len(one.terms)):
        kinds = many.frequencies[many.offsets[place] : many.offsets[place + 1]]
        assert int(np.bitwise_or.reduce(kinds)) == int(one.frequencies[place])


def test_name_is_its_exact_spelling() -> None:
    first, second, third = name_hashes([b"run", b"Run", b"run"]).tolist()
    assert first == third != second
