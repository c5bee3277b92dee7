"""Files with keys and tokens are left out, look-alikes are not."""

from __future__ import annotations

import base64
import random
import string
from pathlib import Path

import pytest

import raycontext
from raycontext.discover.secrets.redaction import is_secret, redacted, secret_spans

from ...conftest import CART, write_tree

_RANDOM = random.Random(3)
LETTERS = "".join(_RANDOM.sample(string.ascii_letters + string.digits, 60))
UPPER = "".join(_RANDOM.sample("BCDGHJKLMNPQRSTUVWXYZ234567", 16))
BODY = base64.encodebytes(_RANDOM.randbytes(600)).decode()
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "app/.env.production",
        "id_rsa",
        "keys/id_ed25519",
        "tls/server.key",
        "cert.pem",
        "store.p12",
        ".netrc",
        "home/.aws/credentials",
        ".docker/config.json",
        ".npmrc",
        "a/.git-credentials",
    ],
)
def test_names_of_key_files(path: str) -> None:
    assert is_secret(path, b"anything")


@pytest.mark.parametrize(
    "path",
    [
        ".env.example",
        ".env.sample",
        "environment.py",
        "id_rsa.md",
        "keys.py",
        "credentials.py",
        "config.json",
        "key.go",
        "env",
        "docs/.env.template",
        "src/token.ts",
        "public.pem.txt",
        "credentials",
    ],
)
def test_other_names(path: str) -> None:
    assert not is_secret(path, b"anything")


@pytest.mark.parametrize(
    "token",
    [
        f"AKIA{UPPER}",
        f"ghp_{LETTERS[:36]}",
        f"AIza{LETTERS[:35]}",
        f"sk_live_{LETTERS[:30]}",
        f"npm_{LETTERS[:36]}",
        f"github_pat_{LETTERS[:22]}_{LETTERS[:59]}",
        f"xoxb-8439210576-9328475610-{LETTERS[:24]}",
    ],
)
def test_tokens_in_a_source_file(token: str) -> None:
    data = f'TOKEN = "{token}"\n'.encode()
    assert redacted(data, secret_spans(data)) == b'TOKEN = "[secret]"\n'
    assert not secret_spans(f'x = "{token[: len(token) // 2]}"\n'.encode())


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "x" * 36,
        "ghp_" + "ab" * 18,
        "AIza" + "0" * 35,
        "sk_live_" + "1234567890" * 3,
        "sk_test_" + LETTERS[:30],
        "https://github.com/ghp_/x",
        "-----BEGIN RSA PRIVATE KEY-----",
        "AKIA" + "A" * 40,
    ],
)
def test_placeholders_and_look_alikes(text: str) -> None:
    assert not secret_spans(f'TOKEN = "{text}"\n'.encode())


def test_private_key_is_secret_unless_it_is_a_small_part_of_a_source_file() -> None:
    assert is_secret("deploy", KEY.encode())
    assert not is_secret("test_crypto.py", (f"KEY = '''{KEY}'''\n" + CART * 4).encode())
    assert not is_secret("public", KEY.replace("PRIVATE", "PUBLIC").encode())


def test_secret_files_are_left_out_and_listed_unless_they_are_wanted(source: Path, root: Path) -> None:
    write_tree(
        source, {".env": "PASSWORD=quetzalcoatl\n", "deploy/key": KEY, "settings.py": f"T = 'ghp_{LETTERS[:36]}'\n"}
    )
    with raycontext.connect(root=root, runtime="inline") as context:
        report = context.index(source, collection="shop")
        assert report.skipped == {"secret": 2}
        status = context.status("shop")
        assert status.skipped_files == ((".env", "secret"), ("deploy/key", "secret"))
        assert status.redacted == {"settings.py": 1}
        assert context.search("settings.py T", collection="shop")[0].text == "T = '[secret]'"
        assert not context.search("quetzalcoatl", collection="shop")
        assert not context.index(source, collection="shop").changed
        assert context.index(source, collection="shop", secrets=True).files == report.files + 2
        assert context.search("quetzalcoatl", collection="shop")[0].path == ".env"
        assert context.index(source, collection="shop").files == report.files + 2  # it is remembered
        assert context.index(source, collection="shop", secrets=False).skipped == {"secret": 2}
        assert not context.search("quetzalcoatl", collection="shop")
