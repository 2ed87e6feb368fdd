/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Good libraries differ in one of some thousand results, by the last bit:
 * where the true value lies all but in the middle between two doubles.  The
 * arguments below are such: at each of them glibc rounds one of the functions
 * the other way when it may use fused multiply-add.
 */
#include "stats/method.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const double arguments[] = {
	0.010318, 0.011104, 0.030988, 0.067918, 0.083626, 0.099157, 0.14521,
	0.1504,	  0.20464,  0.21802,  0.26404,	0.35029,  0.37843,  0.43297,
	0.56284,  0.59197,  0.62686,  0.78556,	0.96415,  1.867,    2.6734,
	3.0634,	  4.8682,   6.3721,   7.7143,	8.7454,	  12.634,   70.426,
};

/* FNV-1a, over the bits of a double. */
static uint32_t mix(uint32_t h, double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	for (int i = 0; i < 8; i++) {
		h ^= (uint32_t)(bits >> (8 * i)) & 0xff;
		h *= 16777619U;
	}
	return h;
}

uint32_t method_arithmetic(void)
{
	uint32_t h = 2166136261U;
	int sign;

	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		double x = arguments[i];

		h = mix(h, exp(x));
		h = mix(h, expm1(x));
		h = mix(h, log(x));
		h = mix(h, log1p(x));
		h = mix(h, lgamma_r(x, &sign));
		h = mix(h, pow(x, 0.37));
		h = mix(h, sqrt(x));
	}
	return h == 0 ? 1 : h;
}
