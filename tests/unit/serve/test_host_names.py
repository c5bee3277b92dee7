"""Which Host headers name this machine."""

from __future__ import annotations

import pytest

from raycontext.daemon_client.addresses import check_names, is_everywhere
from raycontext.errors import InvalidInput
from raycontext.serve.http.host_names import HostNames

NAMES = HostNames(["127.0.0.1", "[::1]", "Build.Example", "proxy.example:443", ""])


@pytest.mark.parametrize(
    "header",
    [
        "127.0.0.1",
        "127.0.0.1:8400",
        "[::1]",
        "[::1]:8400",
        "[0:0::1]:80",
        "build.example",
        "BUILD.example:1",
        "proxy.example:443",
    ],
)
def test_names_of_this_machine_are_held(header: str) -> None:
    assert NAMES.holds(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":",
        ":8400",
        "evil",
        "evil.example",
        "evil.example:8400",
        "localhost",
        "proxy.example",
        "proxy.example:80",
        "[::2]:8400",
        "[::]",
        "::1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "127.0.0.1:99999",
        "127.0.0.1:٣",
        "127.0.0.1, evil.example",
        "user@127.0.0.1",
        "127.0.0.1/",
        "127.0.0.1 ",
        "[127.0.0.1]",
        "build.example.",
        "x.build.example",
        "build.example.evil",
        "[::1",
        "::1]",
        "bücher.example",
    ],
)
def test_other_names_are_not(header: str) -> None:
    assert not NAMES.holds(header)


def test_without_names_all_are_held() -> None:
    assert HostNames().holds("anything")
    assert not HostNames()


@pytest.mark.parametrize("name", ["*", "a b", "a:b:c", "[", "https://a"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no host name|no port|At least|Expected"):
        HostNames([name])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0:0::", "::ffff:0.0.0.0"])
def test_address_of_all_interfaces_needs_names(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_everywhere(host)
    monkeypatch.delenv("RAYCONTEXT_HOSTS", raising=False)
    with pytest.raises(InvalidInput, match="RAYCONTEXT_HOSTS"):
        check_names(host)
    monkeypatch.setenv("RAYCONTEXT_HOSTS", "build.example")
    check_names(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.0.0.5", "localhost", "build.example"])
def test_one_address_needs_none(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAYCONTEXT_HOSTS", raising=False)
    check_names(host)
