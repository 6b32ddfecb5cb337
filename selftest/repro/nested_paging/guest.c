/*
 * A PVH guest that does for a while what an emulation of nested paging can get wrong: it takes timer interrupts,
 * page faults and exits, makes and flushes translations, and touches memory through new page tables.
 * Ends with SHUTDOWN_poweroff; with SHUTDOWN_crash if a value in its memory is not what it wrote; with SHUTDOWN_watchdog
 * if an interrupt came while interrupts were off, or that its local APIC did not send.
 */

typedef unsigned long u64;
typedef unsigned int u32;

extern char timer_entry[], page_fault_entry[];
extern u64 top[512], directory[512], window[512];

volatile u64 ticks, faults, spurious;

#ifndef TICKS
#define TICKS 40
#endif
#define PAGES 256
#define WINDOW 0x40000000ul /* behind the first GiB: pages of 4 KiB, which page_fault_entry maps */

static struct { u64 low, high; } idt[256];
static u64 window_directory[512] __attribute__((aligned(4096)));

static void wrmsr(u32 msr, u64 value)
{
    asm volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static u64 rdmsr(u32 msr)
{
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return low | (u64)high << 32;
}

static void cpuid(void)
{
    u32 a = 0, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
}

static void gate(int vector, char *handler)
{
    u64 address = (u64)handler;
    idt[vector].low = (address & 0xffff) | 8ul << 16 | 0x8eul << 40 | (address >> 16 & 0xffff) << 48;
    idt[vector].high = address >> 32;
}

static void shut_down(u32 reason)
{
    u64 number = 29, operation = 2; /* sched_op, SCHEDOP_shutdown */
    asm volatile("vmmcall" : "+a"(number), "+D"(operation) : "S"(&reason) : "memory");
    for (;;)
        asm volatile("hlt");
}

static void show(const char *text)
{
    while (*text)
        asm volatile("outb %0, $0xe9" : : "a"(*text++));
}

void main(void)
{
    struct { unsigned short limit; u64 base; } __attribute__((packed)) pointer = {sizeof(idt) - 1, (u64)idt};

    gate(14, page_fault_entry);
    gate(0x40, timer_entry);
    asm volatile("lidt %0" : : "m"(pointer));
    window_directory[0] = (u64)window | 3;
    directory[WINDOW >> 30] = (u64)window_directory | 3;

    wrmsr(0x1b, rdmsr(0x1b) | 0xc00);  /* x2APIC */
    wrmsr(0x80f, 0x1ff);               /* on */
    wrmsr(0x83e, 3);                   /* divide by 16 */
    wrmsr(0x832, 0x20040);             /* a periodic timer, vector 0x40 */
    wrmsr(0x838, 62500);               /* 1 GHz in Xen: 1 ms */
    asm volatile("sti");

    for (u64 round = 0; ticks < TICKS; round++) {
        for (u64 page = 0; page < PAGES; page++) {
            volatile u64 *address = (u64 *)(WINDOW + page * 4096);
            *address = round ^ page; /* a page fault maps it */
            if (page % 16 == 0)
                cpuid();
        }
        for (u64 page = 0; page < PAGES; page++) {
            volatile u64 *address = (u64 *)(WINDOW + page * 4096);
            if (*address != (round ^ page)) {
                show("memory differs\n");
                shut_down(3);
            }
            window[page] = 0;
            if (round % 2)
                asm volatile("invlpg (%0)" : : "r"(address) : "memory");
        }
        if (spurious) {
            show("an interrupt came twice\n");
            shut_down(4);
        }
        u64 cr3;
        asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
        /* Nothing but interrupts, until the next one. */
        for (u64 until = ticks + 1, turn = 0; ticks < until && turn < 10000000; turn++)
            asm volatile("" : : : "memory");
        if (round % 4 == 0)
            asm volatile("hlt");
    }
    show("good\n");
    shut_down(0);
}
