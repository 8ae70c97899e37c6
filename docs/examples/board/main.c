/* The digits network on a Cortex-M4: classifies the held-out digits, checks the golden vectors that are
 * compiled in, and says so by semihosting. compiler/driver/firmware/startup.c has put() and finish(). */

#include <stddef.h>
#include <stdint.h>

#include "digits.h"
#include "digits_eval.h"

#define PIXELS 64

void put(char c);

/* The arena serves the self-test as well, which needs room for its inputs and outputs. */
static uint64_t arena[(DIGITS_SELFTEST_BYTES + 7u) / 8u];

static void text(const char *s)
{
    while (*s != '\0') {
        put(*s++);
    }
}

static void number(uint32_t n)
{
    if (n > 9u) {
        number(n / 10u);
    }
    put((char)('0' + n % 10u));
}

static int classify(digits_ctx *ctx, const uint8_t *pixels)
{
    static float in[DIGITS_IN0_ELEMENTS];
    static float out[DIGITS_OUT0_ELEMENTS];
    int best = 0;

    for (int i = 0; i < PIXELS; i++) {
        in[i] = (float)pixels[i] / 16.0f;
    }
    if (digits_run(ctx, in, out) != DIGITS_OK) {
        return -1;
    }
    for (int i = 1; i < 10; i++) {
        if (out[i] > out[best]) {
            best = i;
        }
    }
    return best;
}

int main(void)
{
    digits_ctx ctx;
    uint32_t correct = 0;

    if (digits_selftest(&ctx, arena, sizeof arena) != DIGITS_OK) {
        text("the self-test fails\n");
        return 1;
    }
    if (digits_init(&ctx, arena, sizeof arena) != DIGITS_OK) {
        text("digits_init fails\n");
        return 1;
    }
    for (int i = 0; i < DIGITS_EVAL_COUNT; i++) {
        if (classify(&ctx, &digits_eval_pixels[i * PIXELS]) == digits_eval_labels[i]) {
            correct++;
        }
    }
    number(correct);
    text(" of ");
    number(DIGITS_EVAL_COUNT);
    text(" digits are right\n");
    return correct < DIGITS_EVAL_CORRECT;
}
