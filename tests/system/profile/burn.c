/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burn - burns CPU where a profile can be held against the truth.
 *
 *	burn split	for ever: nine parts in burn_most, one in burn_some
 *	burn jit	for ever: in a page that no file backs; its address is
 *			the first line on standard output
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static volatile uint64_t sink;

__attribute__((noinline)) void burn_most(uint64_t ns);
__attribute__((noinline)) void burn_some(uint64_t ns);

__attribute__((always_inline)) static inline uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* By the CPU clock: what one turn of a loop costs depends on where it lies. */
__attribute__((always_inline)) static inline void burn(uint64_t ns)
{
	uint64_t end = cpu_ns() + ns;

	while (cpu_ns() < end)
		for (uint64_t i = 0; i < 10000; i++)
			sink += i * i;
}

void burn_most(uint64_t ns)
{
	burn(ns);
	sink++; /* after the call, so that it is no jump */
}

void burn_some(uint64_t ns)
{
	burn(ns);
	sink++;
}

/* Lengths vary: a loop as regular as the profiler's clock would alias. */
static int burn_split(void)
{
	uint64_t x = 1;

	for (;;) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		burn_most(9 * (200000 + (x >> 33) % 400000));
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		burn_some(200000 + (x >> 33) % 400000);
	}
}

static int burn_jit(void)
{
	/* dec %rdi; jnz to the start; ret */
	static const uint8_t code[] = { 0x48, 0xff, 0xcf, 0x75, 0xfb, 0xc3 };
	void (*loop)(uint64_t);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 1;
	memcpy(page, code, sizeof(code));
	memcpy(&loop, &page, sizeof(loop));
	printf("%lx\n", (unsigned long)(uintptr_t)page);
	fflush(stdout);
	for (;;)
		loop(1000000);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "split") == 0)
		return burn_split();
	if (argc == 2 && strcmp(argv[1], "jit") == 0)
		return burn_jit();
	fprintf(stderr, "burn split|jit\n");
	return 2;
}
