"""Undocumented names of other packages that xenproof uses: any new version may remove them.

Upper bounds in pyproject.toml exclude untested versions; a test reports what a new version changed, and
finds uses that are not listed here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrivateUse:
    """One name: its distribution, its place (MODULE:CLASS.NAME), why it is needed, and the files that use it."""

    distribution: str
    name: str
    why: str
    files: tuple[str, ...]

    @property
    def attribute(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


_FAST, _LOOP, _ENDING, _SCHEDULING = (
    f"xenproof/suite/{name}.py" for name in ("fast_path", "per_host_loop", "ending", "scheduling")
)
_TRANSPORT, _LOGIN, _SESSION = (f"xenproof/source/ssh_{name}.py" for name in ("transport", "login", "session"))
_BOUNDS = "to bound what a hostile server makes us keep, or wait for"
_CLOSED = "to send nothing on a closed channel"
_EVENTS = "to wait for both streams of a command at once"
_TEARDOWN = "to remove guests where a second Ctrl-C can cut that short, and the report is still written"
_IDS = "to give the tests of one host to another host: to collect them anew takes 35 % longer"
_DAMAGED = "to bound what a damaged image makes us read"
_BTRFS = "xenproof/image/disk/btrfs_bounds.py"
_ORDER = "to choose what each worker runs, and what comes first"

PRIVATE_USES = (
    PrivateUse("pytest", "_pytest.python:Function._fixtureinfo", f"to see overridden fixtures; {_IDS}", (_FAST, _LOOP)),
    PrivateUse("pytest", "_pytest.fixtures:FuncFixtureInfo.name2fixturedefs", "to see overridden fixtures", (_FAST,)),
    PrivateUse("pytest", "_pytest.fixtures:FixtureDef.func", "to see overridden fixtures", (_FAST,)),
    PrivateUse("pytest", "_pytest.python:CallSpec._idlist", _IDS, (_LOOP,)),
    PrivateUse("pytest", "_pytest.python:CallSpec.params", _IDS, (_LOOP, "xenproof/suite/items.py")),
    PrivateUse("pytest", "_pytest.main:Session._setupstate", _TEARDOWN, (_ENDING,)),
    PrivateUse("pytest", "_pytest.runner:SetupState.stack", _TEARDOWN, (_ENDING,)),
    PrivateUse("pytest", "_pytest.runner:SetupState.teardown_exact", _TEARDOWN, (_ENDING,)),
    PrivateUse(
        "pytest", "_pytest.python:Function.funcargs", "to give a check its expectation without a fixture's time",
        ("xenproof/suite/plugin.py",),
    ),
    PrivateUse("pytest-xdist", "xdist.scheduler:LoadGroupScheduling._split_scope", _ORDER, (_SCHEDULING,)),
    PrivateUse("pytest-xdist", "xdist.scheduler:LoadGroupScheduling._assign_work_unit", _ORDER, (_SCHEDULING,)),
    PrivateUse("pytest-xdist", "xdist.scheduler:LoadGroupScheduling.workqueue", _ORDER, (_SCHEDULING,)),
    PrivateUse("paramiko", "paramiko.packet:Packetizer._read_timeout", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.packet:Packetizer.read_all", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.packet:Packetizer.start_handshake", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.packet:Packetizer.REKEY_BYTES", "to leave new keys to the host", (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport._send_user_message", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport.clear_to_send", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport._parse_newkeys", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport._send_message", _CLOSED, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport._parse_channel_open_success", _CLOSED, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.transport:Transport._channel_handler_table", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.channel:Channel._feed", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.channel:Channel._feed_extended", _BOUNDS, (_TRANSPORT,)),
    PrivateUse("paramiko", "paramiko.channel:Channel.in_window_size", _BOUNDS, (_TRANSPORT,)),
    PrivateUse(
        "paramiko", "paramiko.channel:Channel._handle_request", "to note the signal that ended a command",
        (_TRANSPORT,),
    ),
    PrivateUse("paramiko", "paramiko.channel:Channel.exit_status", "for how a command ended", (_TRANSPORT, _SESSION)),
    PrivateUse("paramiko", "paramiko.channel:Channel.status_event", "to wait for that", (_TRANSPORT, _SESSION)),
    PrivateUse("paramiko", "paramiko.channel:Channel.in_buffer", _EVENTS, (_TRANSPORT, _SESSION)),
    PrivateUse("paramiko", "paramiko.channel:Channel.in_stderr_buffer", _EVENTS, (_TRANSPORT, _SESSION)),
    PrivateUse("paramiko", "paramiko.buffered_pipe:BufferedPipe.set_event", _EVENTS, (_SESSION,)),
    PrivateUse(
        "paramiko", "paramiko.transport:Transport._key_info", "to ask for a key of the pinned types only", (_LOGIN,)
    ),
    PrivateUse(
        "pytest-testinfra", "testinfra.modules.service:SystemdService._has_systemd_suffix",
        "to correct its answers about units", ("xenproof/source/testinfra_host.py",),
    ),
    PrivateUse("dissect.btrfs", "dissect.btrfs.btrfs:Btrfs._initialize_chunks", _DAMAGED, (_BTRFS,)),
    PrivateUse("dissect.btrfs", "dissect.btrfs.btrfs:Btrfs._root_tree", _DAMAGED, (_BTRFS,)),
    PrivateUse("dissect.btrfs", "dissect.btrfs.tree:BTree._read_node", _DAMAGED, (_BTRFS,)),
    PrivateUse("dissect.btrfs", "dissect.btrfs.tree:Cursor._header", _DAMAGED, (_BTRFS,)),
    PrivateUse("dissect.xfs", "dissect.xfs.xfs:INode._iter_blocks", _DAMAGED, ("xenproof/image/disk/xfs.py",)),
)  # fmt: skip
