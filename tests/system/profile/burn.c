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

static volatile uint64_t sink;

__attribute__((noinline)) void burn_most(uint64_t n);
__attribute__((noinline)) void burn_some(uint64_t n);

void burn_most(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		sink += i * i;
}

void burn_some(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		sink += i * i;
}

static int burn_split(void)
{
	for (;;) {
		burn_most(90000);
		burn_some(10000);
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
