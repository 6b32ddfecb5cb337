/* The entry of a PVH guest: 32 bits, no paging.  Switches to long mode and calls main(). */

        .section .note.Xen, "a", @note
        .align  4
        .long   4, 4, 18                /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .long   start

        .text
        .code32
        .globl  start
start:
        cld
        mov     $stack_end, %esp

#if defined(FLAT) || defined(REAL)
#ifdef REAL
        /* Goes on in real mode, in a copy of `real` at 0x7000. */
        mov     $real, %esi
        mov     $0x7000, %edi
        mov     $(real_end - real), %ecx
        rep movsb
        lgdt    gdt_pointer
        ljmp    $24, $0x7000
#endif
        /* Never turns paging on: exits, and stores to 4 MiB of memory. */
1:      mov     $0x400000, %edi
        mov     $1024, %ecx
2:      mov     %eax, (%edi)
        incl    8(%edi)
        add     $4096, %edi
        loop    2b
        outb    %al, $0x80
        xor     %eax, %eax
        cpuid
        inb     $0x61, %al
        jmp     1b
#endif

        /* One identity mapping of 2 MiB pages for the first GiB. */
        mov     $low_1g, %edi
        mov     $0x83, %eax             /* present, writable, large */
        mov     $512, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        movl    $directory + 3, top
        movl    $low_1g + 3, directory

        mov     $0xa0, %eax             /* PAE, PGE */
        mov     %eax, %cr4
        mov     $top, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER: LME, NXE */
        rdmsr
        or      $0x900, %eax
        wrmsr
        mov     $0x80010033, %eax       /* PG, WP, NE, ET, MP, PE */
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $long_mode

        .code16
real:   mov     $32, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     %cr0, %eax
        and     $~1, %al
        mov     %eax, %cr0
        ljmp    $0x700, $(1f - real)
1:      mov     $0x800, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $0x1000, %sp
2:      mov     $0x400, %cx
        xor     %di, %di
3:      mov     %ax, (%di)
        push    %ax
        pop     %bx
        add     $16, %di
        loop    3b
        outb    %al, $0x80
        inb     $0x61, %al
        jmp     2b
real_end:

        .code64
long_mode:
#ifdef FAULT
        lidt    no_idt                  /* A triple fault that is the guest's own. */
        ud2
#endif
#ifdef FPU
        fninit
        fxsave  fpu_state
3:      fxrstor fpu_state               /* QEMU writes to the first processor's flags each time */
        jmp     3b
#endif
        mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $stack_end, %rsp
        call    main
2:      hlt
        jmp     2b

        .globl  timer_entry
timer_entry:
        push    %rax
        push    %rcx
        push    %rdx
        incq    ticks
        testl   $0x200, 40(%rsp)        /* were interrupts enabled? */
        jz      2f
#ifdef SPIN
        mov     $SPIN, %ecx             /* a long time without an exit */
3:      loop    3b
#endif
        mov     $0x812, %ecx            /* is vector 0x40 in service? */
        rdmsr
        test    $1, %al
        jnz     1f
2:      incq    spurious
1:      mov     $0x80b, %ecx            /* x2APIC's end of interrupt */
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq

        .globl  page_fault_entry
page_fault_entry:                       /* Maps the page that was missed. */
        push    %rax
        push    %rcx
        incq    faults
        mov     %cr2, %rcx
        mov     %rcx, %rax
        and     $0x1ff000, %eax
        shr     $9, %eax
        and     $0x1ff000, %ecx
        or      $0x1000003, %ecx        /* a page behind 16 MiB, present and writable */
        mov     %rcx, window(%rax)
        pop     %rcx
        pop     %rax
        add     $8, %rsp
        iretq

        .data
        .align  8
gdt:    .quad   0
        .quad   0x00af9b000000ffff      /* 64-bit code */
        .quad   0x00cf93000000ffff      /* data */
        .quad   0x00009b000000ffff      /* 16-bit code */
        .quad   0x000093000000ffff      /* 16-bit data */
no_idt: .word   0
        .quad   0
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt

        .bss
        .align  4096
fpu_state:
        .skip   512
        .align  4096
        .globl  top, directory, window
top:    .skip   4096
directory:
        .skip   4096
low_1g: .skip   4096
window: .skip   4096
stack:  .skip   8192
stack_end:
