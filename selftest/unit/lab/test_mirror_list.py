"""apt's lists of mirrors."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.lab import mirror_list
from xenproof.lab.mirror_list import Mirrors, mirrors_of, parse_mirror_list

LIST = """\
# of a cloud image
http://plain.example/debian/

file:/srv/mirror\tpriority:1 type:index
http://partial.example/debian/\tpriority:2 arch:arm64 arch:all
https://near.example/debian/\tpriority:2 arch:amd64 arch:all
https://far.example/debian/\tpriority:10 component:main component:contrib
http://contrib.example/debian/\tcomponent:contrib
mirror+http://nested.example/list
tor+http://onion.example/debian
not an address
https://near.example/debian/
"""


def test_the_mirrors_that_have_all_by_their_priority() -> None:
    assert parse_mirror_list(LIST) == (
        "https://near.example/debian/", "https://far.example/debian/", "http://plain.example/debian/"
    )  # fmt: skip


@pytest.mark.parametrize(
    "uri",
    ["http://deb.example/debian/", "cdrom://[Debian]/", "mirrors.example", "http://mirror.example/", "mirror+x:/y", ""],
)
def test_an_address_of_another_kind_means_itself(uri: str, tmp_path: Path) -> None:
    assert mirrors_of(uri, tmp_path) == Mirrors((uri,))


@pytest.mark.parametrize("form", ["mirror+file:{}", "mirror+file:{}/", "mirror+file://{}", "mirror+copy:{}"])
def test_a_list_in_a_file(form: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("http://a.example/debian\n")
    assert mirrors_of(form.format(tmp_path / "list"), tmp_path) == Mirrors(("http://a.example/debian",))


def test_a_list_that_is_not_there_or_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\n# nothing\n")
    assert mirrors_of(f"mirror+file:{tmp_path}/list", tmp_path) == Mirrors((), "it lists no mirror")
    assert mirrors_of(f"mirror+file:{tmp_path}/gone", tmp_path) == Mirrors((), "No such file or directory")
    assert mirrors_of(f"mirror+file:{tmp_path}", tmp_path).problem == "Is a directory"
    assert mirrors_of("mirror+file:/\0", tmp_path).problem


@pytest.mark.parametrize("form", ["mirror+https:", "mirror+http:", "mirror+ftp:", "mirror:"])
def test_a_list_on_another_machine_is_fetched(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(address: str, file: Path, most_chars: int) -> tuple[str, str]:
        asked.append(address)
        return ("http://a.example/debian", "") if len(asked) == 1 else ("", "no answer within 60 s")

    monkeypatch.setattr(mirror_list, "download", download)
    uri = f"{form}//list.example/api/debian/"
    assert mirrors_of(uri, tmp_path) == Mirrors(("http://a.example/debian",))
    assert mirrors_of(uri, tmp_path) == Mirrors((), "no answer within 60 s")
    kind = form.removeprefix("mirror").strip("+:") or "http"
    assert asked == [f"{kind}://list.example/api/debian"] * 2


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(("http://a.example ", "\t", "\n", "priority:", "9", "arch:"))).map("".join)
)
def test_any_text_is_a_list(text: str) -> None:
    for address in parse_mirror_list(text):
        assert address in text
        assert not any(char.isspace() for char in address)
