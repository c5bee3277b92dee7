"""Codes for one use."""

from __future__ import annotations

from raycontext.serve.http.token_exchange import CODE_SECONDS, MAX_CODES, OneUseCodes


def test_code_is_good_once() -> None:
    codes = OneUseCodes()
    code, other = codes.issue(), codes.issue()
    assert code != other
    assert len(code) >= 20
    assert [codes.use(code), codes.use(code), codes.use(other)] == [True, False, True]
    assert not codes.use("")
    assert not codes.use("\udcff")


def test_code_is_good_for_five_minutes() -> None:
    now = 0.0
    codes = OneUseCodes(lambda: now)
    late, early = codes.issue(), codes.issue()
    now = CODE_SECONDS - 1
    assert codes.use(early)
    now = CODE_SECONDS
    assert not codes.use(late)


def test_codes_that_nobody_uses_give_way() -> None:
    codes = OneUseCodes()
    given = [codes.issue() for _ in range(MAX_CODES + 1)]
    assert not codes.use(given[0])
    assert all(codes.use(code) for code in given[1:])
