"""The fixtures that every check can ask for."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import testinfra.host

from xenproof.guest.image import GuestImage, GuestImages
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.results.verdict import TableCell
from xenproof.source.commands import NotingConnection, ReplayedConnection
from xenproof.source.connection import Connection
from xenproof.source.probe import Recording
from xenproof.source.testinfra_backend import testinfra_host
from xenproof.suite.evidence import Evidence, InTable
from xenproof.suite.expect import Expect
from xenproof.suite.items import ITEM, ItemData
from xenproof.suite.same_host import watch
from xenproof.suite.state import STATE
from xenproof.suite.target import Target


@pytest.fixture(scope="session")
def profile(pytestconfig: pytest.Config) -> Profile:
    """What the hosts must be."""
    return pytestconfig.stash[STATE].profile


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Path:
    """A folder that all workers of this run share and that is removed at its end."""
    return pytestconfig.stash[STATE].folder


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The host that is examined."""
    return request.config.stash[STATE].targets[request.param]


@pytest.fixture(scope="session")
def recording(request: pytest.FixtureRequest, target: Target) -> Recording:
    """All that the host's probes printed, gathered once for the whole run."""
    return request.config.stash[STATE].recording(target.url)


@pytest.fixture(scope="session")
def peers(request: pytest.FixtureRequest, target: Target) -> tuple[Target, ...]:
    """The other hosts of the run; a check that needs one is not applicable where there is none."""
    targets = request.config.stash[STATE].targets
    others = tuple(other for url, other in targets.items() if url != target.url)
    if not others:
        pytest.skip("needs a second host: give both in --hosts, as in --hosts ssh://root@xen1,ssh://root@xen2")
    return others


@pytest.fixture(scope="session")
def dom0(target: Target, pytestconfig: pytest.Config) -> Iterator[Connection]:
    """The live dom0, as root; one connection for each worker, opened again where the host is started anew."""
    connection = target.connect_for_guests()
    watch(pytestconfig, connection)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest, target: Target) -> testinfra.host.Host:
    """testinfra's host, over our connection or a recording, for checks that a user writes."""
    if target.replayed:
        return testinfra_host(ReplayedConnection(target.read()))
    connection: Connection = request.getfixturevalue("dom0")
    notes = request.config.stash[STATE].notes
    return testinfra_host(NotingConnection(connection, notes) if notes else connection)


@pytest.fixture(scope="session")
def guest_images(dom0: Connection, run_folder: Path, pytestconfig: pytest.Config) -> GuestImages:
    """The witness guest's image on each file system, with the kernel that the user wants, or that of the lab."""
    from xenproof.lab.guest_images import ensure_guest_image
    from xenproof.suite.guest_material import material

    # dom0 first: a source without a live host must not cost minutes of building.
    return partial(ensure_guest_image, material(dom0, pytestconfig.getoption("--guest-kernel"), run_folder))


@pytest.fixture(scope="session")
def guest_image(guest_images: GuestImages) -> GuestImage:
    """The witness guest's image, on ext4."""
    return guest_images("ext4")


@pytest.fixture
def expected(request: pytest.FixtureRequest) -> Expectation:
    """The expectation that a check of a family is about; `each` gives it."""
    raise pytest.UsageError(f"{request.node.nodeid} asks for `expected` without @each(...)")


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Expect:
    """Compares what was found with what the profile promises; a check that never does is an error."""
    data: ItemData = request.node.stash[ITEM]
    return data.expect


@pytest.fixture
def in_table(request: pytest.FixtureRequest) -> InTable:
    """Puts the verdict of this check into a table of the report."""
    data: ItemData = request.node.stash[ITEM]

    def place(cell: TableCell) -> None:
        data.cell = cell

    return place


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Where this test keeps what explains its result."""
    kept = Evidence(request.config.stash[STATE].report / "logs", request.node.name)
    kept.names = request.node.stash[ITEM].attachments
    return kept
