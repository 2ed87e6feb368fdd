#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# profile_test.sh - CPU profiles of real processes, held against the truth.
#
#	sh tests/system/profile_test.sh BUILD_DIR
#
# Needs root, eBPF, a C compiler with binutils and xz, and a JDK from 17 on.
set -u
build=${1:-build/plain}
profiler=$build/tests/system/profiler
here=tests/system/profile
RUN_DIR=build/test/system/profile
. tests/system/procs.sh
proc_begin
passed=0
failed=0
skipped=0

# ok WHAT, then the test as a command
ok() {
	_what=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $_what"
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "skip: $1: $2"
}

# profile OUT ARGUMENTS...: run the profiler, keep what it says
profile() {
	_out=$RUN_DIR/$1
	shift
	"$profiler" "$@" >"$_out" 2>&1 || {
		cat "$_out"
		return 1
	}
}

# share OUT GROUP PATTERN [BASE]: of the CPU time of the group's paths that
# match BASE, in thousandths, the part of those that match PATTERN
share() {
	awk -v group="$2" -v pattern="$3" -v base="${4:-.}" '
		$1 == "path" && $2 == group && $0 ~ base {
			all += $3
			if ($0 ~ pattern)
				some += $3
		}
		END { printf "%d\n", all ? 1000 * some / all : -1 }
	' "$RUN_DIR/$1"
}

# count OUT NAME
count() {
	awk -v name="$2" '$1 == "count" && $2 == name { print $3 }' \
		"$RUN_DIR/$1"
}

between() {
	[ "$2" -ge "$1" ] && [ "$2" -le "$3" ] || {
		echo "  $2 is not within $1..$3"
		false
	}
}

# wait_for SECONDS COMMAND...: true once the command is
wait_for() {
	_left=$(($1 * 10))
	shift
	until "$@" 2>/dev/null; do
		_left=$((_left - 1))
		[ $_left -gt 0 ] || return 1
		sleep 0.1
	done
}

sum_ns() {
	awk '$1 == "path" { sum += $3 } END { printf "%.0f\n", sum }' \
		"$RUN_DIR/$1"
}

build_burners() {
	flags='-O1 -g0 -fno-omit-frame-pointer'
	# shellcheck disable=SC2086 # flags are words
	cc $flags -o "$RUN_DIR/burn" "$here/burn.c" &&
		cc $flags -static -o "$RUN_DIR/burn_static" "$here/burn.c" &&
		cc $flags -rdynamic -s -o "$RUN_DIR/burn_dynsym" \
			"$here/burn.c" &&
		strip -o "$RUN_DIR/burn_stripped" "$RUN_DIR/burn" || return 1
	# what Fedora does: the symbols that are left, packed, in a section
	objcopy -S --keep-symbol=burn_most --keep-symbol=burn_some \
		"$RUN_DIR/burn" "$RUN_DIR/mini" &&
		xz -f "$RUN_DIR/mini" &&
		objcopy --add-section .gnu_debugdata="$RUN_DIR/mini.xz" \
			"$RUN_DIR/burn_stripped" "$RUN_DIR/burn_mini" &&
		objcopy --only-keep-debug "$RUN_DIR/burn" \
			"$RUN_DIR/burn.debug" &&
		objcopy --add-gnu-debuglink="$RUN_DIR/burn.debug" \
			"$RUN_DIR/burn_stripped" "$RUN_DIR/burn_link"
}

# Nine parts in one function, one in another, wherever its symbols are.  The
# bounds are four standard errors of the 400 samples that 4 s give.  libc's
# clock has no frame pointer, and hides who asked it.
test_native() {
	for kind in burn burn_dynsym burn_mini burn_link burn_stripped; do
		proc_start "$kind" "$RUN_DIR/$kind" split
		pid=$(proc_pid "$kind")
		profile "$kind.txt" "$pid" 4
		proc_stop "$kind"
		if [ $kind = burn_stripped ]; then
			ok "$kind: the module stands for its functions" \
				between 900 "$(share $kind.txt app \
					'\[burn_stripped\]')" 1000
			continue
		fi
		ok "$kind: nine parts in burn_most" \
			between 845 "$(share $kind.txt app ';burn_most' \
				';burn_')" 955
		ok "$kind: one part in burn_some" \
			between 45 "$(share $kind.txt app ';burn_some' \
				';burn_')" 155
	done
	used=$(count burn.txt cpu_ns)
	ok "weights add up to the CPU time" between $((used * 90 / 100)) \
		"$(sum_ns burn.txt)" $((used * 110 / 100))
	ok "no sample was lost" between 0 "$(count burn.txt ring_full)" 0
	ok "some 100 samples a second" between 250 "$(count burn.txt samples)" \
		900
}

# A perf map below the target's root, and one that leads out of it.
test_root() {
	root=$RUN_DIR/root
	mkdir -p "$root/tmp"
	cp "$RUN_DIR/burn_static" "$root/burn"
	proc_start jit chroot "$root" /burn jit
	wait_for 5 test -s "$RUN_DIR/logs/jit.log"
	pid=$(proc_pid jit)
	page=$(head -n 1 "$RUN_DIR/logs/jit.log")
	map=$root/tmp/perf-$pid.map
	secret=/tmp/tailgate-profile-test.$$
	echo "$page 1000 stolen" >"$secret"

	ln -s "$secret" "$map"
	profile absolute.txt "$pid" 2
	ln -sf "../../../../../../../../$secret" "$map"
	profile upwards.txt "$pid" 2
	rm -f "$map"
	mkfifo "$map"
	profile pipe.txt "$pid" 2
	for kind in absolute upwards pipe; do
		ok "$kind: is not read" \
			between 0 "$(share $kind.txt app stolen)" 0
		ok "$kind: the code is [jit]" \
			between 900 "$(share $kind.txt app '\[jit\]')" 1000
	done
	rm -f "$map" "$secret"
	echo "0x$page 0x1000 int Own.loop\$1(long)" >"$map"
	profile own.txt "$pid" 2
	ok "own map: is read" between 900 "$(share own.txt app 'Own\.loop$')" \
		1000
	proc_stop jit
}

# java NAME WORDS... ARGUMENTS...: start a JVM that burns; WORDS come before
# `java` up to --
java_start() {
	_jvm=$1
	shift
	_before=
	while [ "$1" != -- ]; do
		_before="$_before $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # words
	proc_start "$_jvm" $_before java -Xmx64m -XX:+PreserveFramePointer \
		-XX:CompileCommand=quiet \
		-XX:CompileCommand=dontinline,Burner.hotMethod \
		-XX:CompileCommand=dontinline,Burner.coldMethod \
		"$@" Burner
}

# Has the process of that pid loaded its JVM, with its handlers?
jvm_up() {
	grep -q libjvm.so "/proc/$1/maps" && sleep 1
}

test_jvm() {
	java_start jvm --
	pid=$(proc_pid jvm)
	wait_for 10 jvm_up "$pid"
	profile jvm.txt --attach "$pid" 4
	profile jvm2.txt --attach "$pid" 5
	ok "jvm: the perf map was written on request" \
		between 1 "$(count jvm.txt maps_written)" 3
	ok "jvm: hotMethod by name" between 800 \
		"$(share jvm2.txt app 'Burner\.hotMethod')" 960
	ok "jvm: no raw signature" between 0 \
		"$(share jvm2.txt app '[(]int')" 0
	ok "jvm: stacks reach the thread's root" between 900 \
		"$(share jvm2.txt app 'start_thread|_start|libc\.so')" 1000
	ok "jvm: lives on" proc_alive jvm
	ok "jvm: its threads were not printed" \
		test ! -s "$RUN_DIR/logs/jvm.log"
	ok "jvm: no knock is left behind" test ! -e "/tmp/.attach_pid$pid"
	proc_stop jvm
	rm -f "/tmp/perf-$pid.map"
}

# A JVM that compiles everything first: its compilers are a group apart.
test_compilers() {
	java_start comp -- -Xcomp
	pid=$(proc_pid comp)
	wait_for 5 grep -q libjvm.so "/proc/$pid/maps"
	profile comp.txt "$pid" 4
	ok "compilers: in the group jit" between 1 \
		"$(grep -c '^thread jit .* C[12] CompilerThre' \
			"$RUN_DIR/comp.txt")" 2
	ok "compilers: not in the group app" between 0 \
		"$(grep -c '^thread app .* C[12] CompilerThre' \
			"$RUN_DIR/comp.txt")" 0
	proc_stop comp
}

# JVMs that must not be knocked at: they live, and why is said.
test_refusals() {
	java_start disabled -- -XX:+DisableAttachMechanism
	java_start xrs -- -Xrs
	for name in disabled xrs; do
		wait_for 10 jvm_up "$(proc_pid $name)"
	done
	# a JVM that catches no SIGQUIT opens its socket at the start, and a
	# cleaner of /tmp takes it away
	rm -f "/tmp/.java_pid$(proc_pid xrs)"
	profile disabled.txt --attach "$(proc_pid disabled)" 3
	profile xrs.txt --attach "$(proc_pid xrs)" 3
	ok "DisableAttachMechanism: is said" \
		grep -q '^attach .*DisableAttachMechanism' \
		"$RUN_DIR/disabled.txt"
	ok "-Xrs: is said" grep -q '^attach .*-Xrs' "$RUN_DIR/xrs.txt"
	for name in disabled xrs; do
		ok "$name: the JVM lives" proc_alive $name
		ok "$name: its threads were not printed" \
			test ! -s "$RUN_DIR/logs/$name.log"
		ok "$name: has a profile" between 900 \
			"$(share $name.txt app '\[jit\]')" 1000
	done
	proc_stop disabled xrs
}

# Another user, other namespaces, a /tmp of its own.
test_namespaces() {
	if ! unshare --mount --pid --fork true 2>/dev/null; then
		skip namespaces "unshare is not permitted"
		return
	fi
	java_start inner unshare --mount --pid --fork --mount-proc \
		sh "$here/own_tmp.sh" --
	wait_for 10 pgrep -P "$(proc_pid inner)" >/dev/null
	pid=$(pgrep -P "$(proc_pid inner)" | head -n 1)
	wait_for 10 jvm_up "$pid"
	profile inner.txt --attach "$pid" 4
	profile inner2.txt --attach "$pid" 4
	ok "namespaces: hotMethod by name" between 800 \
		"$(share inner2.txt app 'Burner\.hotMethod')" 960
	ok "namespaces: another user's JVM" \
		test "$(stat -c %u "/proc/$pid")" = 65534
	kill "$pid"
	proc_stop inner
}

build_burners || exit 1
test_native
test_root
if command -v javac >/dev/null && javac -d "$RUN_DIR/classes" \
	"$here/Burner.java"; then
	export CLASSPATH="$RUN_DIR/classes"
	test_jvm
	test_compilers
	test_refusals
	test_namespaces
else
	skip jvm "no javac"
fi
if [ $skipped != 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
