"""Root's ssh, through which `xl migrate` reaches the other host: without a prompt, and without other output."""

from xenproof.facts.ssh_readiness import Readiness, Trust
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S11")
@each("ssh.*.silent")
def test_login_prints_nothing(ssh: Readiness, expected: Expectation, expect: Expect) -> None:
    """Root's login shell prints nothing before the output of a command: {value}."""
    expect(
        expected,
        ssh.silent,
        by="what came before the first probe",
        matches=says,
        hint="print only to terminals in root's shell start-up files: a migration would take the text for the guest",
    )


@req("S11")
@each("ssh.*.usable")
def test_key_opens_by_itself(ssh: Readiness, expected: Expectation, expect: Expect) -> None:
    """Root has a private key that opens with neither passphrase nor agent: {value}."""
    expect(
        expected,
        ssh.usable,
        by="ssh-keygen -y",
        matches=says,
        hint="make one with: ssh-keygen -t ed25519 -N '' -f /root/.ssh/id_ed25519",
    )


@req("S11")
@each("ssh.*.present")
def test_keys_are_there(ssh: Readiness, expected: Expectation, expect: Expect) -> None:
    """Root's {name} has at least one key: {value}."""
    expect(
        expected,
        ssh.present(expected.name),
        by="root's files in .ssh and the system's in /etc/ssh",
        matches=says,
        hint="let root of the other host in with ssh-copy-id, and log in there once to learn its host key",
    )


@req("S11")
@each("ssh.*.safe")
def test_only_root_can_let_keys_in(ssh: Readiness, expected: Expectation, expect: Expect) -> None:
    """Only root can write to root's {name}, so sshd goes by it: {value}."""
    expect(
        expected,
        ssh.safe,
        by="stat",
        matches=says,
        hint="use chown root and chmod go-w on the folder and on the file",
    )


@req("S11")
@each("ssh.*.trusted")
def test_other_hosts_let_root_in(
    trust_of_peers: tuple[Trust, ...], trust: Trust, expected: Expectation, expect: Expect
) -> None:
    """Root of this host can log in to each other host of the run without a question: {value}."""
    expect(
        expected,
        trust.reaches(trust_of_peers),
        by="the public keys of all hosts",
        matches=says,
        hint="add the key with ssh-copy-id, and the host key by logging in once, in both directions",
    )
