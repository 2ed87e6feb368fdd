/* SPDX-License-Identifier: Apache-2.0 */
/* symbols, modules and elf, with this test program as the target. */
#include "collector/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/elf.h"
#include "common/err.h"
#include "tests/test.h"

enum { TABLE_BYTES = 16 * 1024 * 1024 };

static const uint64_t SECOND_NS = UINT64_C(1000000000);

int symbols_test_function(int n);

/* Not static, and not inlined: what the tests look for. */
__attribute__((noinline)) int symbols_test_function(int n)
{
	return n * 31 + 7;
}

struct fixture {
	struct symbols *s;
	struct symbols_process *sp;
};

static int fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .s = NULL };
	if (symbols_new(TABLE_BYTES, &f->s, NULL) < 0)
		return -1;
	return symbols_process_new(f->s, getpid(), &f->sp, NULL);
}

static void fixture_release(struct fixture *f)
{
	symbols_process_free(f->sp);
	symbols_free(f->s);
}

static uint64_t address_of(int (*fn)(int))
{
	return (uint64_t)(uintptr_t)fn;
}

static void own_functions_are_named(void)
{
	struct fixture f;
	struct symbol symbol;

	CHECK_EQ(fixture_init(&f), 0);
	symbol = symbols_user(f.sp, address_of(symbols_test_function),
			      SECOND_NS);
	CHECK(symbol.named);
	CHECK(strcmp(symbol.name, "symbols_test_function") == 0);
	/* again, from the cache */
	symbol = symbols_user(f.sp, address_of(symbols_test_function),
			      SECOND_NS);
	CHECK(symbol.named);
	CHECK(strcmp(symbol.name, "symbols_test_function") == 0);
	CHECK(symbols_bytes(f.s) > 0);
	CHECK(!symbols_process_is_jvm(f.sp));
	fixture_release(&f);
}

static void what_is_nowhere_is_unknown(void)
{
	struct fixture f;
	struct symbol symbol;

	CHECK_EQ(fixture_init(&f), 0);
	symbol = symbols_user(f.sp, 16, SECOND_NS);
	CHECK(!symbol.named && strcmp(symbol.name, "[unknown]") == 0);
	symbol = symbols_kernel(f.s, 16);
	CHECK(!symbol.named && strcmp(symbol.name, "[kernel]") == 0);
	fixture_release(&f);
}

/* Write the perf map of this process. */
static int write_map(const char *path, uint64_t start, const char *name)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -1;
	fprintf(f, "0x%llx 0x100 %s\n", (unsigned long long)start, name);
	return fclose(f);
}

static void compiled_code_is_named_by_the_perf_map(void)
{
	char path[64];
	struct fixture f;
	struct symbol symbol;
	uint64_t code;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	code = (uint64_t)(uintptr_t)page;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	CHECK_EQ(fixture_init(&f), 0);
	symbol = symbols_user(f.sp, code, SECOND_NS);
	CHECK(!symbol.named && strcmp(symbol.name, "[jit]") == 0);
	CHECK_EQ(symbols_process_n_jit(f.sp), 1);

	CHECK_EQ(write_map(path, code, "int A.lambda$b$0(int)"), 0);
	/* within a second nobody looks again, unless told */
	symbol = symbols_user(f.sp, code, SECOND_NS + 1);
	CHECK(!symbol.named);
	symbols_process_stale(f.sp);
	symbol = symbols_user(f.sp, code, SECOND_NS + 2);
	CHECK(symbol.named && strcmp(symbol.name, "A.lambda$b") == 0);
	CHECK_EQ(symbols_process_n_perfmap(f.sp), 1);

	/* an address that was not in it makes us look again, a second on */
	CHECK_EQ(write_map(path, code + 0x200, "void A.longer_name(int)"), 0);
	symbol = symbols_user(f.sp, code + 0x200, 3 * SECOND_NS);
	CHECK(symbol.named && strcmp(symbol.name, "A.longer_name") == 0);
	unlink(path);
	munmap(page, 4096);
	fixture_release(&f);
}

static void a_perf_map_of_an_earlier_process_is_not_believed(void)
{
	static const struct timespec old[2] = { { .tv_sec = 1000 },
						{ .tv_sec = 1000 } };
	char path[64];
	struct fixture f;
	struct symbol symbol;
	uint64_t code;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	code = (uint64_t)(uintptr_t)page;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	CHECK_EQ(write_map(path, code, "wrong"), 0);
	CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
	CHECK_EQ(fixture_init(&f), 0);
	symbol = symbols_user(f.sp, code, SECOND_NS);
	CHECK(!symbol.named && strcmp(symbol.name, "[jit]") == 0);
	CHECK(strstr(symbols_process_problem(f.sp), "older"));
	/* nor is a link that leads elsewhere followed out of the root */
	unlink(path);
	CHECK_EQ(symlink("/proc/self/environ", path), 0);
	symbols_process_stale(f.sp);
	symbol = symbols_user(f.sp, code, SECOND_NS);
	CHECK(!symbol.named);
	CHECK(symbols_process_problem(f.sp)[0] != '\0');
	unlink(path);
	munmap(page, 4096);
	fixture_release(&f);
}

static void a_process_that_is_gone_is_said(void)
{
	struct symbols *s = NULL;
	struct symbols_process *sp = NULL;
	struct err err = { .text = "" };

	CHECK_EQ(symbols_new(TABLE_BYTES, &s, NULL), 0);
	CHECK_EQ(symbols_process_new(s, 0x7ffffffe, &sp, &err), -ENOENT);
	CHECK(!sp && err.text[0] != '\0');
	symbols_free(s);
}

static void a_table_without_room_leaves_the_module(void)
{
	struct fixture f = { .s = NULL };
	struct symbol symbol;

	CHECK_EQ(symbols_new(16, &f.s, NULL), 0);
	CHECK_EQ(symbols_process_new(f.s, getpid(), &f.sp, NULL), 0);
	symbol = symbols_user(f.sp, address_of(symbols_test_function),
			      SECOND_NS);
	CHECK(!symbol.named && strcmp(symbol.name, "[symbols_test]") == 0);
	CHECK_EQ(symbols_bytes(f.s), 0);
	fixture_release(&f);
}

static void what_is_no_elf_file_is_refused(void)
{
	struct elf_table *t = NULL;
	struct err err = { .text = "" };
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(elf_table_new(fd, "status", NULL, NULL, &t, &err), -EBADMSG);
	CHECK(!t && strstr(err.text, "status"));
}

const struct test_case test_cases[] = {
	{ "symbols: own functions are named", own_functions_are_named },
	{ "symbols: what is nowhere is unknown", what_is_nowhere_is_unknown },
	{ "symbols: compiled code is named by the perf map",
	  compiled_code_is_named_by_the_perf_map },
	{ "symbols: a perf map of an earlier process is not believed",
	  a_perf_map_of_an_earlier_process_is_not_believed },
	{ "symbols: a process that is gone is said",
	  a_process_that_is_gone_is_said },
	{ "symbols: a table without room leaves the module",
	  a_table_without_room_leaves_the_module },
	{ "elf: what is no ELF file is refused",
	  what_is_no_elf_file_is_refused },
	{ NULL, NULL },
};
