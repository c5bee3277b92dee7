"""Recall and false alarms of the recognition of secrets, with detect-secrets as the measuring stick."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

from raycontext.discover.secrets.forms import FORMS
from raycontext.discover.secrets.redaction import is_secret, redacted, secret_spans

from .secret_cases import HARMLESS, SECRETS


def shown(text: str) -> str:
    """The text as the index has it."""
    data = text.encode()
    return redacted(data, secret_spans(data)).decode()


def test_there_are_enough_cases() -> None:
    assert len(SECRETS) >= 120
    assert len(HARMLESS) >= 60
    assert len({form.literal for form in FORMS}) >= 120


@pytest.mark.parametrize("name", SECRETS)
def test_secret_is_redacted_and_the_rest_of_its_line_stays(name: str) -> None:
    line, secret = SECRETS[name]
    assert secret in line
    text = shown(line)
    assert secret not in text
    assert "[secret]" in text
    before, _, after = line.partition(secret)
    assert text.startswith(before[: len(before) // 2])
    assert text.endswith(after[-len(after) // 2 :] if len(after) > 1 else "\n")


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_line_stays_as_it_is(line: str) -> None:
    assert shown(line) == line
    assert not is_secret("docs/page.md", line.encode())


def test_secrets_are_found_in_the_middle_of_code_and_lines_stay() -> None:
    text = "".join(f"def f{number}():\n    return 1\n\n{line}\n" for number, (line, _) in enumerate(SECRETS.values()))
    result = shown(text)
    assert [secret for _, secret in SECRETS.values() if secret in result] == []
    assert result.count("\n") == text.count("\n")
    assert result.count("def f") == len(SECRETS)


def test_secret_is_redacted_wherever_it_stands_again() -> None:
    line, secret = SECRETS["api key"]
    assert secret not in shown(f"{line}\nprint('{secret}')\n# {secret}x\n")


def test_keys_in_code_are_redacted_line_by_line() -> None:
    body = "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"] * 8)
    key = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"
    code = "def sign(message):\n    return message.signed\n\n\n" * 30
    for text in (f'{code}KEY = """{key}"""\n', f'{code}KEY = "{key}"\n'):
        assert "MIIEvQ" not in shown(text)
        assert shown(text).count("\n") == text.count("\n")
    escaped = key.replace("\n", "\\n")
    assert "MIIEvQ" not in shown(f'{{"type": "service_account", "private_key": "{escaped}"}}\n')


@pytest.mark.parametrize("marks", ["://a:", "password='a1", "eyJ", "sk-", "-----BEGIN PRIVATE KEY-----", "=authkeysk2"])
def test_work_grows_with_the_text_also_where_it_is_nothing_but_marks(marks: str) -> None:
    def cpu_seconds(size: int) -> float:
        data = (marks * (size // len(marks))).encode()
        begun = time.thread_time()
        secret_spans(data)
        return time.thread_time() - begun

    small = max(min(cpu_seconds(12_500) for _ in range(3)), 0.0025)
    large = min(cpu_seconds(100_000) for _ in range(3))
    assert large < 8 * small * 4  # quadratic work would be 64 times as much


def test_detect_secrets_finds_fewer_and_has_more_false_alarms(tmp_path: Path) -> None:
    def found(text: str, number: int) -> bool:
        place = tmp_path / f"{number}.txt"
        place.write_text(text, encoding="utf-8")
        return any(scan_file(str(place)))

    with default_settings():
        recall = sum(found(line, number) for number, (line, _) in enumerate(SECRETS.values()))
        alarms = sum(found(line, number) for number, line in enumerate(HARMLESS))
    assert 0 < recall < sum(shown(line) != line for line, _ in SECRETS.values())
    assert alarms > sum(shown(line) != line for line in HARMLESS)
