/* Start of a program on a bare emulated board, output and exit by semihosting, clock and stack. The
 * emulator loads everything where the linker scripts say. Under 0BSD: use it without any condition.
 *
 * TRAP_UNALIGNED makes accesses at addresses that are no multiple of their size faults, as on cores that
 * lack them; CLOCK_TIMER is the address of a CMSDK dual timer, CLOCK_COUNTER that of an SSE-300 system
 * counter and CLOCK_FRAME of its frame of control; without either there is no clock on Arm. */
#include "bare-board.h"

extern uint32_t stack_top[], bss_start[], bss_end[];

int main(void);
void start(void);
void fault(uint32_t cause, uint32_t at);

static void semihosting(uint32_t operation, const void *argument);

static char line[128];
static size_t length;

void put(char c)
{
    line[length++] = c;
    if (c == '\n' || length == sizeof line - 1) {
        line[length] = '\0';
        semihosting(0x04, line); /* SYS_WRITE0 */
        length = 0;
    }
}

void put_text(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

static void put_digit(uint32_t x)
{
    put("0123456789abcdef"[x & 15u]);
}

void put_word(uint32_t word)
{
    put(' ');
    for (int shift = 28; shift >= 0; shift -= 4) {
        put_digit(word >> shift);
    }
}

void put_bytes(const void *from, size_t n)
{
    const uint8_t *p = (const uint8_t *)from;
    for (size_t i = 0; i < n; i++) {
        put_digit(p[i] >> 4);
        put_digit(p[i]);
    }
}

int finish(int status)
{
    const uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    if (length > 0) {
        put('\n');
    }
    semihosting(0x20, block); /* SYS_EXIT_EXTENDED */
    return status;
}

void fault(uint32_t cause, uint32_t at)
{
    put_text("\nfault");
    put_word(cause);
    put_text(" at");
    put_word(at);
    put('\n');
    finish(99);
    for (;;) {
    }
}

void start(void)
{
    for (uint32_t *p = bss_start; p < bss_end; p++) {
        *p = 0;
    }
#if defined(TRAP_UNALIGNED) && defined(__arm__)
    *(volatile uint32_t *)0xe000ed14 |= 1u << 3; /* UNALIGN_TRP of CCR */
#endif
#if defined(__ARM_FP)
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20; /* access to floating-point and vector registers */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    finish(main());
    for (;;) {
    }
}

#if defined(__riscv)

__asm__(".section .vectors, \"ax\"\n"
        ".option push\n"
        ".option arch, +zicsr\n"
        ".globl reset_handler\n"
        "reset_handler:\n"
        "    la sp, stack_top\n"
        "    la t0, trap\n"
        "    csrw mtvec, t0\n"
        "    j start\n"
        ".balign 4\n"
        "trap:\n"
        "    la sp, stack_top\n"
        "    csrr a0, mcause\n"
        "    csrr a1, mepc\n"
        "    j fault\n"
        ".option pop\n"
        ".text\n");

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t.option norvc\n\t"
                     "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
}

void clock_start(void)
{
}

uint32_t clock_now(void)
{
    uint32_t now;
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstret\n\t.option pop" : "=r"(now)::"memory");
    return now;
}

void spin(uint32_t turns)
{
    __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(turns));
}

/* There is no C library for this target. Compilers call these for copies and for filling memory. */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    return memmove(to, from, n);
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    const uint8_t *s = (const uint8_t *)from;
    if (((uintptr_t)d | (uintptr_t)s) % 4 == 0 && (d <= s || d >= s + n)) {
        for (; n >= 4; n -= 4, d += 4, s += 4) {
            *(uint32_t *)(void *)d = *(const uint32_t *)(const void *)s;
        }
    }
    if (d <= s) {
        for (size_t i = 0; i < n; i++) {
            d[i] = s[i];
        }
    } else {
        while (n-- > 0) {
            d[n] = s[n];
        }
    }
    return to;
}

void *memset(void *to, int c, size_t n)
{
    uint8_t *d = (uint8_t *)to;
    uint32_t word = (uint8_t)c * 0x01010101u;
    for (; n > 0 && (uintptr_t)d % 4 != 0; n--) {
        *d++ = (uint8_t)c;
    }
    for (; n >= 4; n -= 4, d += 4) {
        *(uint32_t *)(void *)d = word;
    }
    while (n-- > 0) {
        *d++ = (uint8_t)c;
    }
    return to;
}

#else

void reset_handler(void);
void fault_handler(void);

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[16] = {
    (uintptr_t)stack_top,     (uintptr_t)reset_handler, (uintptr_t)fault_handler, (uintptr_t)fault_handler,
    (uintptr_t)fault_handler, (uintptr_t)fault_handler, (uintptr_t)fault_handler, (uintptr_t)fault_handler,
};

static void semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

/* Cause: the configurable fault status. The exception has saved seven words, the address is the last. */
void faulted(const uint32_t *saved);
void faulted(const uint32_t *saved)
{
    fault(*(volatile uint32_t *)0xe000ed28, saved[6]);
}

__attribute__((naked)) void fault_handler(void)
{
    __asm__ volatile("mrs r0, msp\n\tbl faulted");
}

void reset_handler(void)
{
    start();
}

#if defined(CLOCK_TIMER)

static volatile uint32_t *const timer = (volatile uint32_t *)CLOCK_TIMER; /* load, value, control */

void clock_start(void)
{
    timer[0] = 0xffffffffu;
    timer[2] = 0x82u; /* on, 32 bits */
}

uint32_t clock_now(void)
{
    return 0u - timer[1]; /* it counts down */
}

#elif defined(CLOCK_COUNTER)

void clock_start(void)
{
    *(volatile uint32_t *)CLOCK_FRAME = 1u;
}

uint32_t clock_now(void)
{
    return *(volatile uint32_t *)CLOCK_COUNTER;
}

#endif

void spin(uint32_t turns)
{
    __asm__ volatile(".syntax unified\n1:\n\tsubs %0, #1\n\tbne 1b" : "+l"(turns)::"cc");
}

#endif

#define PAINT 0x5aa5c33cu

/* What lies between the caller's stack pointer and this function's own holds registers and stays. */
void stack_paint(uintptr_t from, uint32_t n)
{
    volatile uint32_t *top = (volatile uint32_t *)stack_pointer();
    for (volatile uint32_t *p = (volatile uint32_t *)(from - n); p < top; p++) {
        *p = PAINT;
    }
}

uint32_t stack_used(uintptr_t from, uint32_t n)
{
    const volatile uint32_t *p = (const volatile uint32_t *)(from - n);
    while ((uintptr_t)p < from && *p == PAINT) {
        p++;
    }
    return (uint32_t)(from - (uintptr_t)p);
}
