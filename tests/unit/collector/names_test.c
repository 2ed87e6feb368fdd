/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/names.h"

#include <string.h>

#include "common/text.h"
#include "tests/test.h"

typedef void name_fn(const char *raw, char ret_name[NAME_BYTES]);

struct name_case {
	const char *why;
	const char *raw;
	const char *want;
};

static void check(name_fn *name_of, const struct name_case *c, size_t n)
{
	char got[NAME_BYTES];

	for (size_t i = 0; i < n; i++) {
		name_of(c[i].raw, got);
		if (strcmp(got, c[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: \"%s\" is \"%s\"",
				  c[i].why, c[i].raw, got);
	}
}

#define N_CASES(cases) (sizeof(cases) / sizeof((cases)[0]))

static void jit_names_lose_what_differs_between_runs(void)
{
	static const struct name_case cases[] = {
		{ "type and arguments", "int Burn.run(int, int)", "Burn.run" },
		{ "an array type", "java.lang.Object[] a.B.c(int[])", "a.B.c" },
		{ "a constructor", "void a.B.<init>(int)", "a.B.<init>" },
		{ "no arguments", "void a.B.run()", "a.B.run" },
		{ "lambda body", "int Burn.lambda$x$0(int, int)",
		  "Burn.lambda$x" },
		{ "lambda class of JDK 17",
		  "int Burn$$Lambda$10/0x00007faf60001000.applyAsInt(int)",
		  "Burn$$Lambda.applyAsInt" },
		{ "lambda class of JDK 21",
		  "int Burn$$Lambda/0x000000007d041800.applyAsInt(int)",
		  "Burn$$Lambda.applyAsInt" },
		{ "lambda class as JFR has it",
		  "Burn$$Lambda+0x00007f8177090218/543846639.run",
		  "Burn$$Lambda.run" },
		{ "lambda class alone", "Burn$$Lambda$10/0x00007faf60001000",
		  "Burn$$Lambda" },
		{ "method-handle form",
		  "void java.lang.invoke.LambdaForm$MH/0x00007f00.invoke(int)",
		  "java.lang.invoke.LambdaForm$MH.invoke" },
		{ "another form", "LambdaForm$DMH/0x7f0012.invokeStatic",
		  "LambdaForm$MH.invokeStatic" },
		{ "javac's accessor", "int A.access$100(A)", "A.access" },
		{ "Kotlin 1 continuation",
		  "java.lang.Object MKt$main$blk$1.invokeSuspend(Object)",
		  "MKt$main$blk$*.invokeSuspend" },
		{ "Kotlin continuation class of a suspend function",
		  "Svc$load$1.invokeSuspend", "Svc$load$*.invokeSuspend" },
		{ "Kotlin inlined",
		  "MKt$main$$inlined$Continuation$1.resumeWith",
		  "MKt$main$$inlined$Continuation$*.resumeWith" },
		{ "Kotlin 2 lambda", "void MKt.main$lambda$0(int)",
		  "MKt.main$lambda" },
		{ "Kotlin 2 lambda in a lambda", "MKt.main$lambda$0$1",
		  "MKt.main$lambda" },
		{ "Kotlin default arguments", "Svc.get$default",
		  "Svc.get$default" },
		{ "Kotlin companion", "Svc$Companion.get",
		  "Svc$Companion.get" },
		{ "anonymous class is not its outer one", "Foo$1.run",
		  "Foo$*.run" },
		{ "large ordinals", "Foo$12$345.run", "Foo$*$*.run" },
		{ "local class", "Foo$1Local.run", "Foo$*Local.run" },
		{ "digits that are part of a name", "Sha256.hash$v2",
		  "Sha256.hash$v2" },
		{ "digit after the dollar of a word", "A.b$2x", "A.b$2x" },
		{ "reflection", "GeneratedMethodAccessor12.invoke",
		  "GeneratedMethodAccessor.invoke" },
		{ "constructor reflection",
		  "jdk.internal.reflect.GeneratedConstructorAccessor7.new",
		  "jdk.internal.reflect.GeneratedConstructorAccessor.new" },
		{ "proxy", "int jdk.proxy2.$Proxy31.get()",
		  "jdk.proxy.$Proxy.get" },
		{ "old proxy", "com.sun.proxy.$Proxy12.get",
		  "com.sun.proxy.$Proxy.get" },
		{ "Spring 5", "Svc$$EnhancerBySpringCGLIB$$1a2b3c4d.get",
		  "Svc$$EnhancerBySpringCGLIB.get" },
		{ "Spring 6", "Svc$$SpringCGLIB$$0.get",
		  "Svc$$SpringCGLIB.get" },
		{ "CGLIB's own method", "Svc$$SpringCGLIB$$0.CGLIB$get$3",
		  "Svc$$SpringCGLIB.CGLIB$get" },
		{ "Hibernate", "Foo$HibernateProxy$AbC123.getId",
		  "Foo$HibernateProxy.getId" },
		{ "ByteBuddy", "Foo$ByteBuddy$x9.run", "Foo$ByteBuddy.run" },
		{ "stubs stay", "StubRoutines (1)", "StubRoutines (1)" },
		{ "the interpreter stays", "Interpreter", "Interpreter" },
		{ "adapters stay", "I2C/C2I adapters", "I2C/C2I adapters" },
		{ "a path of another runtime", "LazyCompile:*go /app/x.js:3:10",
		  "LazyCompile:*go /app/x.js:3:10" },
		{ "control characters", "a\tb\x1b", "a?b?" },
		{ "not UTF-8", "a\xff\xc3", "a??" },
		{ "nothing", "", "[jit]" },
	};

	check(name_of_jit, cases, N_CASES(cases));
}

static void symbols_lose_copies_and_hashes(void)
{
	static const struct name_case cases[] = {
		{ "plain", "parse", "parse" },
		{ "isra", "parse.isra.0", "parse" },
		{ "several", "parse.constprop.0.isra.1.cold", "parse" },
		{ "part", "parse.part.2", "parse" },
		{ "llvm", "parse.llvm.1234567", "parse" },
		{ "lto", "parse.lto_priv.0", "parse" },
		{ "static of a function", "table.123", "table" },
		{ "plt", "memcpy@plt", "memcpy" },
		{ "version", "memcpy@@GLIBC_2.14", "memcpy" },
		{ "C++", "_ZN3app6Server3runEi", "app::Server::run" },
		{ "C++ copy", "_ZN3app6Server3runEi.cold", "app::Server::run" },
		{ "Rust, old", "_ZN3app3run17h0123456789abcdefE", "app::run" },
		{ "Rust, v0", "_RNvCs15kBYyAo9fc_7mycrate3run",
		  "mycrate::run" },
		{ "Rust hash left over", "app::run::h0123456789abcdef",
		  "app::run" },
		{ "C++ closure", "_ZZ4mainENKUlvE0_clEv",
		  "main::{lambda()}::operator()" },
		{ "Go closure", "main.main.func1", "main.main.func" },
		{ "Go closure in a closure", "main.run.func1.2",
		  "main.run.func" },
		{ "not mangled after all", "_Zebra", "_Zebra" },
		{ "nothing", "", "[unknown]" },
	};

	check(name_of_symbol, cases, N_CASES(cases));
}

static void kernel_names_lose_interrupts_and_the_way_in(void)
{
	static const struct name_case cases[] = {
		{ "a function", "tcp_sendmsg", "tcp_sendmsg" },
		{ "a copy", "finish_task_switch.isra.0", "finish_task_switch" },
		{ "timer", "asm_sysvec_apic_timer_interrupt", "[irq]" },
		{ "device", "asm_common_interrupt", "[irq]" },
		{ "a page fault is the target's own", "asm_exc_page_fault",
		  "asm_exc_page_fault" },
		{ "way in", "do_syscall_64", "" },
		{ "way in, first frame", "entry_SYSCALL_64_after_hwframe", "" },
	};

	check(name_of_kernel, cases, N_CASES(cases));
}

static void modules_lose_directories_and_random_numbers(void)
{
	static const struct name_case cases[] = {
		{ "plain", "/usr/lib/libc.so.6", "[libc.so.6]" },
		{ "a version stays", "/opt/libfoo.so.1.2.3",
		  "[libfoo.so.1.2.3]" },
		{ "unpacked by Netty",
		  "/tmp/libnetty_transport_epoll_x86_6412345678901.so",
		  "[libnetty_transport_epoll_x86_{}.so]" },
		{ "unpacked by zstd-jni",
		  "/tmp/libzstd-jni-1.5.5-10293847561.so",
		  "[libzstd-jni-1.5.5-{}.so]" },
		{ "a UUID", "/tmp/s-1a2b3c4d-x.so", "[s-{}-x.so]" },
		{ "a word of hexadecimal letters", "/a/deadbeefcafe.so",
		  "[deadbeefcafe.so]" },
		{ "no directory", "app", "[app]" },
	};

	check(name_of_module, cases, N_CASES(cases));
}

static void threads_lose_their_numbers(void)
{
	static const struct name_case cases[] = {
		{ "plain", "main", "main" },
		{ "pool", "pool-1-thread-2", "pool-{}-thread-{}" },
		{ "cut by the kernel", "pool-10-thread-", "pool-{}-thread-{}" },
		{ "not cut, ends in a dash", "worker-", "worker-" },
		{ "number sign", "GC Thread#12", "GC Thread#{}" },
		{ "a word that ends in a number", "C2 CompilerThre",
		  "C2 CompilerThre" },
		{ "of two digits", "C12 x7", "C12 x{}" },
		{ "both", "G1 Conc#0", "G1 Conc#{}" },
		{ "cut inside a word", "DefaultDispatch", "DefaultDispatch" },
	};

	check(name_of_thread, cases, N_CASES(cases));
}

static void a_long_name_is_cut_at_a_character(void)
{
	char raw[2 * NAME_BYTES + 2];
	char got[NAME_BYTES];

	memset(raw, 'x', sizeof(raw));
	memcpy(raw + NAME_BYTES - 2, "\xc3\xa9", 2);
	raw[sizeof(raw) - 1] = '\0';
	name_of_symbol(raw, got);
	CHECK_EQ(strlen(got), NAME_BYTES - 2);
	CHECK(text_is_clean(got));
	memset(raw, '1', sizeof(raw) - 1);
	name_of_thread(raw, got);
	CHECK(strcmp(got, "{}") == 0);
	for (size_t i = 0; i + 1 < sizeof(raw); i++)
		raw[i] = i % 2 ? '1' : '-';
	name_of_thread(raw, got);
	CHECK(strlen(got) < NAME_BYTES);
	name_of_module(raw, got);
	CHECK(strlen(got) < NAME_BYTES);
}

const struct test_case test_cases[] = {
	{ "names: compiled code loses what differs between runs",
	  jit_names_lose_what_differs_between_runs },
	{ "names: symbols lose copies and hashes",
	  symbols_lose_copies_and_hashes },
	{ "names: the kernel's lose interrupts and the way in",
	  kernel_names_lose_interrupts_and_the_way_in },
	{ "names: modules lose directories and random numbers",
	  modules_lose_directories_and_random_numbers },
	{ "names: threads lose their numbers", threads_lose_their_numbers },
	{ "names: a long name is cut at a character",
	  a_long_name_is_cut_at_a_character },
	{ NULL, NULL },
};
