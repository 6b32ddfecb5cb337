"""What crosses a file or a process as JSON comes back equal, and nothing else is taken for it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.codec import from_plain, to_plain
from xenproof.errors import ParseError
from xenproof.hosts.target import SshParameters, Target
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.runs import Run
from xenproof.source.address import Address, Scheme

# Any text, lone surrogates too: a folder's name may have bytes that are not UTF-8.
TEXT = st.text(st.characters(), max_size=20)
SSH = st.builds(SshParameters, TEXT, st.integers(0, 65535), TEXT, TEXT, TEXT)
ADDRESSES = st.builds(Address, TEXT, st.sampled_from(Scheme), path=st.none() | TEXT.map(Path))
TARGETS = st.builds(Target, ADDRESSES, TEXT, st.booleans(), st.none() | SSH, TEXT)
PROCESSES = st.builds(ProcessIdentity, st.integers(1, 1 << 22), st.floats(0, 1e10))
RUNS = st.builds(Run, TEXT.map(Path), TEXT, st.none() | PROCESSES, st.none() | PROCESSES, st.integers(0, 65535), TEXT)
RUN = Run(Path("/x"), "debian12", ProcessIdentity(1, 2.5))


@given(TARGETS)
def test_a_target_survives_its_way_to_a_worker(target: Target) -> None:
    assert Target.from_plain(json.loads(json.dumps(target.to_plain()))) == target


@given(RUNS)
def test_a_run_with_its_folder_survives(run: Run) -> None:
    assert from_plain(Run, json.loads(json.dumps(to_plain(run)))) == run
    assert from_plain(Run, to_plain(run) | {"folder": run.folder}) == run


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"folder": 5}, r"Expected `Path`, got `int` - at `\$\.folder`"),
        ({"folder": None}, r"Expected `Path`, got `NoneType`"),
        ({"release": ["debian12"]}, r"Expected `str`, got `array` - at `\$\.release`"),
        ({"port": True}, r"Expected `int`, got `bool`"),
        ({"port": 1.5}, r"Expected `int`, got `float`"),
        ({"owner": {"pid": 1}}, r"missing required field `started` - at `\$\.owner`"),
        ({"owner": {"pid": "1", "started": 2.5}}, r"Expected `int`, got `str` - at `\$\.owner\.pid`"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_its_place(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ParseError, match=why):
        from_plain(Run, to_plain(RUN) | changed)


@pytest.mark.parametrize("other", [object(), complex(1, 2), [object()]])
def test_what_has_no_form_in_json_is_refused(other: object) -> None:
    with pytest.raises(TypeError, match="no form in JSON"):
        to_plain(replace(RUN, release=other))  # type: ignore[arg-type]
