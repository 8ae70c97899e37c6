/* What programs on a bare emulated board find there. No network has a header of this name, which is no
 * identifier. Under 0BSD: use it without any condition. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Output, which goes out when a line ends. */
void put(char c);
void put_text(const char *text);
void put_word(uint32_t word);                  /* eight hexadecimal digits, and a blank before them */
void put_bytes(const void *from, size_t n);    /* two of each, in the order of memory */

/* Ends the program. */
int finish(int status);

/* A clock that the emulator drives by the instructions that it executes; how many of its ticks one takes
 * is found by timing known ones. */
void clock_start(void);
uint32_t clock_now(void);
/* Executes twice as many instructions, and a few to begin and end. */
void spin(uint32_t turns);

/* Where the stack ends at this moment. */
static inline uintptr_t stack_pointer(void)
{
    uintptr_t sp;
#if defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(sp));
#else
    __asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
    return sp;
}

/* Fills n bytes of free stack below an address, a multiple of four. */
void stack_paint(uintptr_t from, uint32_t n);
/* How many of them lie above the lowest that has been written since. */
uint32_t stack_used(uintptr_t from, uint32_t n);
