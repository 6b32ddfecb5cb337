/* The first sector of an HVM guest's disk: reads from the disk for ever, through the firmware. */
        .code16
        .globl  _start
_start: xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $0x7c00, %sp
        sti
1:      mov     $0x0208, %ax            /* read 8 sectors */
        mov     $0x0001, %cx
        mov     $0x0080, %dx
        mov     $0x8000, %bx
        int     $0x13
        mov     $0x0e2e, %ax            /* a dot */
        int     $0x10
        mov     $0x1000, %cx
        mov     $0x8000, %di
2:      incw    (%di)
        add     $2, %di
        loop    2b
        jmp     1b
        .org    510
        .word   0xaa55
        .org    1048576
