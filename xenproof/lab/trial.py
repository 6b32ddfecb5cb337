"""A trial of an accelerator: whether it runs a small guest, and fast enough.

/dev/kvm can exist and be accessible and still run no guest.  KVM inside a virtual machine can run a guest with each
instruction emulated, at a thousandth of the speed of QEMU's own emulation: a lab host would boot for hours.
"""

import os
import subprocess

from xenproof.programs import require

QEMU = "qemu-system-x86_64"

# Real KVM and QEMU's emulation finish it in less than 0.5 s, most of it in the firmware.
LIMIT_S = 4.0

# The guest enters 64-bit mode with paging, as a kernel does, counts, and ends through QEMU's debug-exit device:
#     cli; xor %ax,%ax; mov %ax,%ds; mov %ax,%es; mov %ax,%ss; mov $0x7c00,%sp; cld
#     mov $0x1000,%di; mov $0x1800,%cx; rep stosw                       # three empty page tables, then
#     movw $0x2003,0x1000; movw $0x3003,0x2000; movw $0x83,0x3000       # the first 2 MiB at their own addresses
#     mov %cr4,%eax; or $0x20,%eax; mov %eax,%cr4; mov $0x1000,%eax; mov %eax,%cr3
#     mov $0xc0000080,%ecx; rdmsr; or $0x100,%eax; wrmsr; mov %cr0,%eax; or $0x80000001,%eax; mov %eax,%cr0
#     lgdt gdtr; ljmp $8,$1f
# .code64
#  1: mov $32000000,%ecx
#  2: add %ecx,%eax; mov %eax,0x5000; dec %ecx; jnz 2b
#     mov $0x31,%al; out %al,$0xf4
#  3: hlt; jmp 3b
# gdt: .quad 0, 0x00209a0000000000
# gdtr: .word 15; .long gdt
_CODE = bytes.fromhex("""
    fa31c08ed88ec08ed0bc007cfcbf0010b90018f3abc70600100320c70600200330c706003083000f
    20e06683c8200f22e066b8001000000f22d866b9800000c00f32660d000100000f300f20c0660d01
    0000800f22c00f01168c7cea607c0800b90048e80101c889042500500000ffc975f3b031e6f4f4eb
    fd0f1f00000000000000000000000000009a20000f007c7c0000
""")
_BOOT_SECTOR = _CODE.ljust(510, b"\0") + b"\x55\xaa"
# The exit status that the device makes from 0x31.
_RAN = (0x31 << 1) | 1


def runs(accelerator: tuple[str, ...], limit_s: float = LIMIT_S) -> bool:
    """Whether QEMU with the options of `accelerator` runs the trial to its end within `limit_s`."""
    # A file in memory, so that a killed trial leaves nothing behind.
    disk = os.memfd_create("xenproof-trial", 0)
    try:
        os.write(disk, _BOOT_SECTOR)
        command = [
            require(QEMU), *accelerator, "-m", "16", "-nodefaults", "-display", "none",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
            "-drive", f"file=/proc/self/fd/{disk},format=raw,if=ide",
        ]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, check=False, timeout=limit_s, pass_fds=(disk,))
        return ended.returncode == _RAN  # noqa: TRY300  # otherwise the time limit below ends it
    except subprocess.TimeoutExpired:
        return False
    finally:
        os.close(disk)
