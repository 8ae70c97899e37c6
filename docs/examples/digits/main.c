/* Classifies the held-out digits with the network that tinyc compiled, on the host, be it one of floats or one
 * quantized to integers.
 *
 * On a microcontroller the same calls do: digits_init once, digits_run for each picture. Only this
 * file prints; digits.c needs neither heap nor C library. */
#include <stdio.h>
#include <time.h>

#include "digits.h"
#include "digits_eval.h"

enum { SIDE = 8, PIXELS = DIGITS_IN0_ELEMENTS, CLASSES = DIGITS_OUT0_ELEMENTS, SHOWN = 6 };

/* A pixel as the network takes it. Integers of 8 bits stand for real numbers by the scale in the header, which has
 * functions that map; the picture could as well be mapped once, where it comes from. */
#if DIGITS_IN0_BYTES == DIGITS_IN0_ELEMENTS
#define PIXEL(real) digits_in0_quantize(real)
/* A digit or two may lie so near that rounding decides. */
#define MAY_DIFFER 2
#else
#define PIXEL(real) (real)
#define MAY_DIFFER 0
#endif

/* All memory that the network works in; uint64_t aligns it. */
static uint64_t arena[(DIGITS_ARENA_BYTES + 7u) / 8u];

static const uint8_t *picture(int i) { return &digits_eval_pixels[(size_t)i * PIXELS]; }

/* Returns the most likely digit, or -1 if the network cannot run. */
static int classify(digits_ctx *ctx, const uint8_t *pixels) {
    DIGITS_IN0_TYPE image[PIXELS];
    DIGITS_OUT0_TYPE logits[CLASSES];
    int best = 0;
    for (int i = 0; i < PIXELS; i++) {
        image[i] = PIXEL((float)pixels[i] / 16.0f);
    }
    if (digits_run(ctx, image, logits) != DIGITS_OK) {
        return -1;
    }
    /* Larger integers stand for larger numbers, so the largest is found without mapping back. */
    for (int i = 1; i < CLASSES; i++) {
        if (logits[i] > logits[best]) {
            best = i;
        }
    }
    return best;
}

/* Pictures side by side, and below each what it is and what the network says. */
static void show(const int *which, const int *said, int n) {
    static const char ink[] = " .:-=+*#%@";
    for (int row = 0; row < SIDE; row++) {
        for (int k = 0; k < n; k++) {
            for (int column = 0; column < SIDE; column++) {
                char c = ink[picture(which[k])[row * SIDE + column] * 9 / 16];
                printf("%c%c", c, c);
            }
            printf("  ");
        }
        printf("\n");
    }
    for (int k = 0; k < n; k++) {
        printf("is %d, says %d%s     ", digits_eval_labels[which[k]], said[k],
               digits_eval_labels[which[k]] == said[k] ? " " : "!");
    }
    printf("\n\n");
}

int main(void) {
    static int said[DIGITS_EVAL_COUNT];
    int first[SHOWN];
    int wrong[SHOWN];
    int wrong_said[SHOWN];
    int correct = 0;
    int mistakes = 0;
    clock_t start;
    double seconds;
    digits_ctx ctx;

    if (digits_init(&ctx, arena, sizeof arena) != DIGITS_OK) {
        fprintf(stderr, "digits_init failed\n");
        return 1;
    }
    start = clock();
    for (int i = 0; i < DIGITS_EVAL_COUNT; i++) {
        said[i] = classify(&ctx, picture(i));
    }
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

    for (int i = 0; i < DIGITS_EVAL_COUNT; i++) {
        if (said[i] == digits_eval_labels[i]) {
            correct++;
        } else if (mistakes < SHOWN) {
            wrong[mistakes] = i;
            wrong_said[mistakes++] = said[i];
        }
    }

    for (int i = 0; i < SHOWN; i++) {
        first[i] = i;
    }
    printf("Some of the digits that the network never saw in training:\n\n");
    show(first, said, SHOWN);
    if (mistakes > 0) {
        printf("Some that it gets wrong:\n\n");
        show(wrong, wrong_said, mistakes);
    }

    printf("accuracy  %d of %d (%.2f %%), in onnxruntime %d\n", correct, DIGITS_EVAL_COUNT,
           100.0 * correct / DIGITS_EVAL_COUNT, DIGITS_EVAL_CORRECT);
    printf("weights   %6lu bytes of flash\n", (unsigned long)DIGITS_WEIGHTS_BYTES);
    printf("arena     %6lu bytes of RAM, shared by all layers\n", (unsigned long)DIGITS_ARENA_BYTES);
    printf("in, out   %6lu bytes of RAM, the caller's\n",
           (unsigned long)DIGITS_IN0_BYTES + (unsigned long)DIGITS_OUT0_BYTES);
    printf("context   %6lu bytes of RAM\n", (unsigned long)sizeof ctx);
    printf("stack     %6lu bytes at most\n", (unsigned long)DIGITS_STACK_BYTES);
    printf("work      %6lu multiply-accumulates a digit, %.1f microseconds on this machine\n",
           (unsigned long)DIGITS_MACS, 1e6 * seconds / DIGITS_EVAL_COUNT);

    if (correct + MAY_DIFFER < DIGITS_EVAL_CORRECT) {
        fprintf(stderr, "the compiled network is worse than the one that was trained\n");
        return 1;
    }
    return 0;
}
