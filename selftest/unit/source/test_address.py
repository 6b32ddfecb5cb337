import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xenproof
from xenproof.errors import UsageError
from xenproof.source.address import Address, Scheme, parse_url, parse_urls
from xenproof.source.lab_name import LabName


@pytest.mark.parametrize(
    ("url", "host", "port", "user"),
    [
        ("ssh://xen1", "xen1", 22, "root"),
        ("ssh://xen-1.example.org:2222", "xen-1.example.org", 2222, "root"),
        ("ssh://admin@10.0.0.1", "10.0.0.1", 22, "admin"),
        ("ssh://admin@[fe80::1]:22", "fe80::1", 22, "admin"),
        ("ssh://[2001:DB8::1]", "2001:db8::1", 22, "root"),
        ("ssh://root@[fe80::1%25eth0]", "fe80::1%eth0", 22, "root"),
    ],
)
def test_ssh_urls_name_host_port_and_user(url: str, host: str, port: int, user: str) -> None:
    assert parse_url(url) == Address(url, Scheme.SSH, host, port, user)


def test_other_urls_name_what_they_need() -> None:
    assert parse_url("local://").scheme is Scheme.LOCAL
    assert parse_url("lab://debian12").lab == LabName("debian12")
    assert parse_url("recording:///tmp/a.json").path == Path("/tmp/a.json")  # noqa: S108  # never opened
    assert parse_url("image://disk.raw").path == Path("disk.raw")
    assert parse_url("supportconfig://scc.txz").path == Path("scc.txz")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("xen1", "ssh://root@xen1"),
        ("telnet://xen1", "recording://PATH"),
        ("SSH//xen1", "is no URL"),
        ("ssh://", "found none"),
        ("ssh://root@", "found none"),
        ("ssh://:22", "found none"),
        ("ssh://@xen1", "a user name before '@'"),
        ("ssh://xen1:", "a port from 1 to 65535"),
        ("ssh://xen1:ssh", "found 'ssh'"),
        ("ssh://xen1:0", "found '0'"),
        ("ssh://xen1:65536", "found '65536'"),
        ("ssh://xen1/etc", "found 'xen1/etc'"),
        ("ssh://-oProxyCommand=x", "a host name"),
        ("ssh://fe80::1", "an IPv6 address in brackets"),
        ("ssh://[fe80::1", "an IPv6 address in brackets"),
        ("ssh://[xen1]", "an IPv6 address in the brackets"),
        ("ssh://a@b@xen1", "ssh://[user@]host[:port]"),
        ("local://xen1", "names this machine"),
        ("lab://", "RELEASE[?cpu=-FEATURE"),
        ("lab://../x", "found '../x'"),
        ("lab://debian12@", "found 'debian12@'"),
        ("lab://debian12#1", "found 'debian12#1'"),
        ("lab://debian12#", "found 'debian12#'"),
        ("lab://debian12?cpu=", "found 'debian12?cpu='"),
        ("lab://debian12?cpu=aes", "found 'debian12?cpu=aes'"),
        ("lab://debian12?cpu=+aes", "found 'debian12?cpu=+aes'"),
        ("lab://debian12?cpu=-aes,-avx", "found 'debian12?cpu=-aes,-avx'"),
        ("lab://debian12?cpu=-aes:", "found 'debian12?cpu=-aes:'"),
        ("lab://debian12?cpus=2", "found 'debian12?cpus=2'"),
        ("lab://debian12#2?cpu=-aes", "found 'debian12#2?cpu=-aes'"),
        ("recording://", "expected a path"),
        ("image://", "expected a path"),
    ],
)
def test_a_wrong_url_is_a_usage_error_that_says_what_was_expected(url: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_url(url)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["host.qcow2", "/srv/images/host.raw", "../host.img"])
def test_the_lab_boots_a_disk_of_the_users_own(name: str) -> None:
    address = parse_url(f"lab://{name}")
    assert (address.path, address.lab, address.offline) == (Path(name), None, False)


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="no password") as raised:
        parse_url("ssh://root:hunter2@xen1")
    assert "hunter2" not in str(raised.value)


@given(st.text())
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    for url in (text, f"ssh://{text}", f"lab://{text}"):
        try:
            assert parse_url(url).url == url
        except UsageError as error:
            assert str(error)  # noqa: PT017  # either outcome is right, none other is


def test_a_list_of_urls_is_split_at_commas() -> None:
    assert [address.host for address in parse_urls("ssh://a, ssh://b")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("debian12", LabName("debian12")),
        ("debian12@release", LabName("debian12@release")),
        ("debian12#2", LabName("debian12", number=2)),
        ("debian11?cpu=-aes", LabName("debian11", ("aes",))),
        ("debian12@release?cpu=-sse4.2:-3dnow#9", LabName("debian12@release", ("sse4.2", "3dnow"), 9)),
    ],
)
def test_the_name_of_a_lab_host_says_its_release_its_processor_and_its_number(text: str, names: LabName) -> None:
    assert parse_url(f"lab://{text}").lab == names
    assert str(names) == text


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("lab://debian12,lab://debian12", ["lab://debian12", "lab://debian12#2"]),
        ("lab://a,lab://b,lab://a,lab://a", ["lab://a", "lab://b", "lab://a#2", "lab://a#3"]),
        ("lab://a,lab://a,lab://a#2", ["lab://a", "lab://a#3", "lab://a#2"]),
        ("lab://a?cpu=-aes,lab://a", ["lab://a?cpu=-aes", "lab://a"]),
        ("lab://a?cpu=-aes,lab://a?cpu=-aes", ["lab://a?cpu=-aes", "lab://a?cpu=-aes#2"]),
    ],
)
def test_a_lab_host_that_is_named_again_is_another_host(text: str, urls: list[str]) -> None:
    assert [address.url for address in parse_urls(text)] == urls


@pytest.mark.parametrize(
    "text", ["", " , ", "ssh://a,ssh://a", "lab://a#2,lab://a#2", ",".join(["lab://debian12"] * 10)]
)
def test_a_list_without_hosts_or_with_the_same_twice_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_urls(text)


def test_an_address_is_parsed_where_it_comes_in_and_travels_from_there() -> None:
    # The options of the suite, that of `xenproof record`, and what a stored recording says of its host.
    entries = {"suite/options.py", "cli.py", "facts/ssh_readiness.py"}
    package = Path(xenproof.__file__).parent
    modules = {str(path.relative_to(package)): path.read_text("utf-8") for path in package.rglob("*.py")}
    parsing = {name for name, text in modules.items() if re.search(r"\bparse_urls?\(", text)}
    assert parsing - {"source/address.py"} == entries
    splitting = r"urlsplit|urlparse|partition\(\"://|split\(\"://|(removeprefix|startswith)\(\"\w+://"
    of_mirrors = {"lab/archive.py", "lab/release_file.py"}
    found = {name for name, text in modules.items() if re.search(splitting, text)}
    assert found - of_mirrors == {"source/address.py"}
