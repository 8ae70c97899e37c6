/* Start of a program on a bare Cortex-M, and output and exit by semihosting. Everything that the
 * program needs is loaded by the emulator; the linker scripts say where. */
#include <stddef.h>
#include <stdint.h>

extern uint32_t stack_top[], bss_start[], bss_end[];

int main(void);
void put(char c);
int finish(int status);
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

static char line[128];
static size_t length;

/* Characters go out when a line ends or the buffer is full. */
void put(char c)
{
    line[length++] = c;
    if (c == '\n' || length == sizeof line - 1) {
        line[length] = '\0';
        semihosting(0x04, line); /* SYS_WRITE0 */
        length = 0;
    }
}

int finish(int status)
{
    const uint32_t block[2] = {0x20026, (uint32_t)status}; /* ADP_Stopped_ApplicationExit */
    semihosting(0x20, block);                              /* SYS_EXIT_EXTENDED */
    return status;
}

void fault_handler(void)
{
    finish(99);
    for (;;) {
    }
}

void reset_handler(void)
{
    for (uint32_t *p = bss_start; p < bss_end; p++) {
        *p = 0;
    }
#if defined(__ARM_FP)
    /* Access to the floating-point and vector registers. */
    *(volatile uint32_t *)0xe000ed88 |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    finish(main());
    for (;;) {
    }
}
