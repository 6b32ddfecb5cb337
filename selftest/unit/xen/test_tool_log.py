"""Which lines of what Xen's tools print are reports of a failure, and which come first in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.xen.domain_control import cause_first
from xenproof.xen.tool_log import Weight, weight

CAUSE = "libxl: error: libxl_create.c:1022:domcreate_rebuild_done: cannot (re-)build domain: -3"

# Each is printed before the cause by some version of xl or virsh, and is none.
NO_CAUSE = (
    "Parsing config from /etc/xen/a.cfg",
    "Parsing config file /etc/xen/a.cfg",
    'got a tsc mode string: "native"',
    "Loading new save file a.sav (new xl fmt info 0x3/0x0/1579)\n Savefile contains xl domain config in JSON format",
    "Saving to a.sav new xl format (info 0x3/0x0/618)",
    "Daemon running with PID 812",
    "Waiting for domain a (domid 3) to die [pid 812]",
    "xc: info: VIRTUAL MEMORY ARRANGEMENT:\n  Loader: 0000000000100000->00000000001a69a4\n  TOTAL: 0000000000000000",
    "xc: info: Restoring domain",
    "xc: detail: elf_parse_binary: phdr: paddr=0x100000 memsz=0x7bd64",
    "xc: progress: Saving memory: iter 0 (last sent 0 skipped 0): 65536/65536  100%",
    "domainbuilder: detail: xc_dom_allocate: cmdline=\"(null)\", features=\"(null)\"",
    "libxl: notice: libxl_numa.c:494:libxl__get_numa_candidate: NUMA placement failed, performance might be affected",
    "libxl: debug: libxl_create.c:1563:do_domain_create: ao 0x1da77e0: create: how=(nil)",
    "libxl: verbose: libxl_create.c:1: something",
    "libxl: warning: libxl_create.c:799:initiate_domain_create: XSM Disabled: init_seclabel not supported",
    "xc: warning: Exceeded mapcache limit",
    "2016-01-12 19:27:39 EST libxl: warning: libxl_pci.c:1: not resettable",
    "2016-01-12 19:27:39 EST [812] xc: info: Restoring domain",
    "2015-01-27 02:13:20.719+0000: 11809: warning : virDriverLoadModule:73 : Module x.so not accessible",
    "2015-01-27 02:13:20.716+0000: 11809: info : libvirt version: 1.1.3.6",
    'WARNING: Specifying "altp2mhvm" is deprecated.',
    "Warning: ignoring root= and extra= in favour of cmdline=",
    "/etc/xen/a.cfg:3: warning: the option is deprecated",
    "the netdev parameter is deprecated, please use bridge=",
    "Invalid parameter `type'.",
    "the accel parameter for vifs is currently not supported",
    "Domain 'a' defined from /tmp/a.xml",
    "",
)  # fmt: skip
A_CAUSE = (
    CAUSE,
    "2016-01-12 19:27:39 EST libxl: error: libxl_device.c:1215:libxl__wait_for_backend: Backend /b not ready",
    "2018-12-10 07:56:24.181+0000: libxl: libxl_device.c:1074:device_backend_callback: unable to add device",
    "xc: error: panic: xc_dom_boot.c:122: xc_dom_boot_mem_init: can't allocate low memory for domain: Out of memory",
    "xencall: error: Could not obtain handle on privileged command interface: No such file or directory",
    "libxl: critical: libxl.c:1: lost",
    "xl: fatal error: libxl_create.c:733, rc=-3: libxl__domain_make",
    "failed to get the number of warnings",
    "error: Failed to start domain 'a'",
    "error: internal error: libxenlight failed to create new domain 'a'",
    "/etc/xen/a.cfg:3: config parsing error near `]'",
    "info: no level of the tools' log",
)


@pytest.mark.parametrize("printed", NO_CAUSE)
def test_the_cause_comes_before_what_is_none(printed: str) -> None:
    assert cause_first(f"{printed}\n{CAUSE}\n{printed}").splitlines()[0] == CAUSE


@pytest.mark.parametrize("line", A_CAUSE)
def test_a_cause_stays_before_the_next_one(line: str) -> None:
    later = "libxl: error: later"
    assert cause_first(f"Parsing config from x\n{line}\n{later}") == f"{line}\n{later}\nParsing config from x"


def test_what_belongs_to_a_cause_stays_with_it() -> None:
    traceback = 'Traceback (most recent call last):\n  File "/usr/bin/pygrub", line 1\nRuntimeError: no kernel'
    assert cause_first(f"xc: info: ONE:\n  two\n{traceback}") == f"{traceback}\nxc: info: ONE:\n  two"


def test_warnings_come_before_notices() -> None:
    assert cause_first(f"Parsing config from x\nWARNING: w\n{CAUSE}") == f"{CAUSE}\nWARNING: w\nParsing config from x"


@given(st.lists(st.sampled_from((*NO_CAUSE, *A_CAUSE, "  more", "\tmore")) | st.text(max_size=40), max_size=12))
def test_no_line_is_lost(parts: list[str]) -> None:
    printed = "\n".join(parts)

    def lines(text: str) -> list[str]:
        return sorted(line for line in text.strip().splitlines() if line.strip())

    assert lines(cause_first(printed)) == lines(printed)


@given(st.text(max_size=300))
def test_every_line_has_a_weight(line: str) -> None:
    assert weight(line) in Weight
