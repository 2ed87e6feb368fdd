/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method - by which statistics a verdict was reached.
 *
 * Written down with each judged window, so that whoever judges it again knows
 * whether a difference is one of method or a defect.
 */
#ifndef STATS_METHOD_H
#define STATS_METHOD_H

#include <stdint.h>

/*
 * Raised by whoever changes what the fold may say of the same windows: a
 * figure, a word, a code, a sentence.  Never lowered, and METHOD.md's
 * "Versions" says what changed.  tests/unit/stats/method_test.c pins what this
 * one gives and fails where the figures change and the number does not.  0 is
 * nobody's: what was written down before methods were.
 */
enum { METHOD_VERSION = 5 };

/*
 * A number for how this machine's mathematics library rounds: a hash over what
 * its functions make of arguments at which libraries differ first.  Where it
 * and the method are the same, so is every figure, to the bit; where it is
 * another, figures differ by 1e-9 of their value at most.  Never 0, which
 * stands for one that was not written down.
 */
uint32_t method_arithmetic(void);

#endif /* STATS_METHOD_H */
