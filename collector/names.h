/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names - one name for the same code in two builds and in two processes.
 *
 * Compilers, linkers and runtimes put numbers into names that say nothing
 * about the code: addresses, counters, hashes, which copy a function is.
 * Two runs of one build then seem to differ.  These rules take them out.
 * NAME_RULES is their version: it travels in the batch, and profiles made
 * under different versions are not compared.
 *
 *  no  what                      before -> after
 *   1  JVM signature             int Burn.run(int, int) -> Burn.run
 *   2  hidden class              Burn$$Lambda$10/0x7f00.get
 *                                Burn$$Lambda/0x7f00.get
 *                                Burn$$Lambda+0x7f00/5438.get
 *                                -> Burn$$Lambda.get
 *   3  method-handle form        LambdaForm$DMH/0x7f00.invokeStatic
 *                                -> LambdaForm$MH.invokeStatic
 *   4  ordinal of a method       Burn.lambda$x$0, Burn.access$100
 *                                -> Burn.lambda$x, Burn.access
 *   5  ordinal of a class        MKt$main$blk$1.invokeSuspend
 *                                -> MKt$main$blk$*.invokeSuspend
 *   6  reflection accessor       GeneratedMethodAccessor12.invoke
 *                                -> GeneratedMethodAccessor.invoke
 *   7  proxy                     jdk.proxy2.$Proxy31.get
 *                                -> jdk.proxy.$Proxy.get
 *   8  generated subclass        Svc$$EnhancerBySpringCGLIB$$1a2b.get
 *                                -> Svc$$EnhancerBySpringCGLIB.get
 *   9  copy of a function        parse.isra.0, parse.cold, parse@plt
 *                                -> parse
 *  10  C++ and Rust              _ZN3app3run17h0123456789abcdefE
 *                                -> app::run
 *  11  ordinal of a closure      run::{lambda(int)#2}, main.main.func1
 *                                -> run::{lambda(int)}, main.main.func
 *  12  unnamed code of a file    libzstd-jni-1.5.5-10293847561.so
 *                                -> [libzstd-jni-1.5.5-{}.so]
 *  13  interrupt                 asm_sysvec_apic_timer_interrupt -> [irq]
 *  14  the kernel's way in       do_syscall_64 -> (nothing)
 *
 * Rules 1 to 8 are for code that a runtime compiled, 9 to 11 for symbols, 13
 * and 14 for the kernel's: an interrupt is not the work of whom it meets, and
 * the way in differs between kernels and is the same for every system call.
 * A class's ordinal becomes `*` and does not vanish (rule 5): the anonymous
 * class Foo$1 is not Foo.  That two lambdas of one method then share a name
 * is accepted: adding one must not rename the other.
 *
 * Whatever comes in, what goes out is valid UTF-8 without control characters
 * and shorter than NAME_BYTES; a name too long is cut.
 *
 * Pure.
 */
#ifndef COLLECTOR_NAMES_H
#define COLLECTOR_NAMES_H

#include <stddef.h>

#include "common/limits.h"

enum {
	NAME_RULES = 1,			     /* version of the table above */
	NAME_BYTES = LIMIT_STRING_BYTES + 1, /* of a name, NUL included */
};

/* A name from a perf map: rules 1 to 8. */
void name_of_jit(const char *raw, char ret_name[NAME_BYTES]);

/* A symbol of an ELF file: rules 9 to 11. */
void name_of_symbol(const char *raw, char ret_name[NAME_BYTES]);

/*
 * A symbol of the kernel: rules 9, 13 and 14.  What comes below "[irq]" is of
 * no interest; "" is a frame to leave out.
 */
void name_of_kernel(const char *raw, char ret_name[NAME_BYTES]);

/* Code of a file that no symbol covers, by the file's path: rule 12. */
void name_of_module(const char *path, char ret_name[NAME_BYTES]);

/*
 * A kind of thread: the thread's name with its numbers replaced by {}, as in
 * "pool-{}-thread-{}", but for those that end a word: "C2 CompilerThre".  The
 * kernel cuts names at 15 bytes; a number that fell off there is put back as
 * {}.
 */
void name_of_thread(const char *raw, char ret_name[NAME_BYTES]);

#endif /* COLLECTOR_NAMES_H */
