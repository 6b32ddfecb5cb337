"""What the firmware of a PC finds on a witness guest's disk, until GRUB is put there.

It says on the screen that there is no boot loader, and on the first serial port, every two seconds, whether the guest's
processor has virtualization for guests of its own, as the witness says it: a qemu before 8.2 drops what comes before it
has seen that somebody reads the port.  In between it halts.  Without it an HVM guest runs through empty memory, and
takes a processor for ever.  By the firmware alone it is there in a second or two, where Linux takes a minute in a guest
that the processor runs.
"""

# For a PC in real mode, at 0x7c00.  CPUID: VMX is bit 5 of ECX of leaf 1 (Intel's manual), SVM bit 2 of ECX of leaf
# 0x80000001 (AMD's manual).  0x3fd is the state of the first serial port, whose bit 5 says that it takes a byte, which
# goes to 0x3f8; where there is no port, all bits are set.  The PC's clock ends a halt 18 times in a second.
_CODE = """
00  31c0 8ed8 8ed0 bc007c       xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 0x7c00
09  bea47c                      mov si, screen
0c  ac 84c0 7409                next: lodsb; test al, al; jz cpu
11  b40e bb0700 cd10 ebf2       mov ah, 0xe; mov bx, 7; int 0x10; jmp next
1a  66b801000000 0fa2           cpu: mov eax, 1; cpuid
22  bf967c 660fbae105 7225      mov di, vmx; bt ecx, 5; jc said
2c  66b800000080 0fa2           mov eax, 0x80000000; cpuid
34  bf9e7c 663d01000080 7212    mov di, no; cmp eax, 0x80000001; jb said
3f  66b801000080 0fa2           mov eax, 0x80000001; cpuid
47  660fbae102 7303 bf9a7c      bt ecx, 2; jnc said; mov di, svm
51  be7f7c e81400               said: mov si, mark; call serial
57  89fe e80f00                 mov si, di; call serial
5c  bea17c e80900               mov si, newline; call serial
62  b92400                      mov cx, 36
65  fb f4 e2fc ebe6             halt: sti; hlt; loop halt; jmp said
6b  bafd03 ec a820 74fb         serial: mov dx, 0x3fd; in al, dx; test al, 0x20; jz serial + 3
73  ac 84c0 7406                lodsb; test al, al; jz done
78  baf803 ee ebed              mov dx, 0x3f8; out dx, al; jmp serial
7e  c3                          done: ret
"""
_WORDS = b"XENPROOF1 virtualizes \0vmx\0svm\0no\0\r\n\0xenproof: this disk has no boot loader for a PC\r\n\0"
_COLUMN = 32  # where what the bytes mean begins


def _assembled() -> bytes:
    rows = [line[:_COLUMN].split(maxsplit=1) for line in _CODE.strip().splitlines()]
    return b"".join(bytes.fromhex(code) for _, code in rows) + _WORDS


BOOT_CODE = _assembled()
"""At most 440 bytes, in front of the disk's signature and its table of partitions."""
