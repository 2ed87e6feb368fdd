#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.sh - every check of the source that runs nothing of it.
#
#	sh tests/lint/lint.sh STATE_DIR
#
# STATE_DIR remembers what clang-tidy has found clean, so that a second run
# looks only at what changed.  Ends with "N passed, N failed", a check each.
set -u
state=${1:-build/lint}
mkdir -p "$state"
passed=0
failed=0

# Every file of ours that git knows or would add.
files() {
	git ls-files -co --exclude-standard -- "$@" | while read -r f; do
		[ -f "$f" ] && printf '%s\n' "$f"
	done
}

# check NAME: run the function check_NAME and count it.
check() {
	if out=$("check_$1" 2>&1) && [ -z "$out" ]; then
		passed=$((passed + 1))
	else
		printf 'lint: %s:\n%s\n' "$1" "$out"
		failed=$((failed + 1))
	fi
}

check_format() {
	files '*.c' '*.h' | xargs clang-format --dry-run --Werror
}

check_spdx() {
	files '*.c' '*.h' '*.sh' '*.awk' '*.sql' '*.proto' '*.py' '*.kt' \
		'*.java' '*.js' Makefile ci/deps ci/demo ci/test |
	while read -r f; do
		want=Apache-2.0
		case $f in bpf/*) want='GPL-2.0-only OR BSD-2-Clause' ;; esac
		head -n 3 "$f" | grep -q "SPDX-License-Identifier: $want" ||
			echo "$f: no line 'SPDX-License-Identifier: $want'"
	done
}

check_layers() {
	files 'common/*.[ch]' 'stats/*.[ch]' 'gate/*.[ch]' 'collector/*.[ch]' \
		'ci/*.[ch]' 'bpf/*.[ch]' 'tests/*.[ch]' |
		xargs awk -f tests/lint/layers.awk tests/lint/layers.txt
}

# Comments and strings may speak of a banned call; code may not.
check_banned() {
	names=$(awk '!/^#/ && NF { printf "%s%s", s, $1; s = "|" }' \
		tests/lint/banned.txt)
	files '*.c' '*.h' | while read -r f; do
		awk -v f="$f" -v names="$names" '
			{ line = $0
			  gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
			  gsub(/\/\*.*\*\//, "", line)
			  if (line ~ /^[ \t]*\/?\*/) next
			  if (match(line, "(^|[^A-Za-z0-9_>.])(" names ")[ ]*\\(")) {
				call = substr(line, RSTART, RLENGTH)
				gsub(/[^A-Za-z0-9_]/, "", call)
				printf "%s:%d: %s() is banned\n", f, FNR, call
			  } }' "$f"
	done
}

check_typedefs() {
	files '*.h' '*.c' | xargs grep -nE '^typedef[[:space:]]+(struct|union)'
	return 0
}

check_sizes() {
	files '*.c' '*.h' '*.sh' | while read -r f; do
		n=$(wc -l <"$f")
		[ "$n" -le 600 ] || grep -q 'lint: long because' "$f" ||
			echo "$f: $n lines; split it along a seam that has a name"
	done
}

# A header compiles alone.
check_headers() {
	flags="-std=gnu11 -D_GNU_SOURCE -I. -isystem $build -fsyntax-only"
	files 'common/*.h' 'stats/*.h' 'gate/*.h' 'collector/*.h' \
		'ci/cli/*.h' 'tests/*.h' | while read -r f; do
		# shellcheck disable=SC2086
		cc $flags -x c "$f" 2>&1 | head -n 3
	done
}

check_unfinished() {
	files '*.c' '*.h' '*.sh' '*.sql' '*.md' '*.proto' '*.kt' \
		ci/deps ci/demo ci/test | grep -v '^tests/lint/' |
		xargs grep -nIE '\b(TODO|FIXME|XXX|HACK)\b|not (yet )?implemented'
	return 0
}

check_shell() {
	{ files '*.sh'; files ci/deps ci/demo ci/test .ci/run; } |
		while read -r f; do sh -n "$f"; done
}

check_cppcheck() {
	files 'common/*.c' 'stats/*.c' 'gate/*.c' 'collector/*.c' 'ci/*.c' |
		xargs cppcheck --quiet --std=c11 --inline-suppr -I. -j 2 \
			--enable=warning,performance,portability \
			--suppress=missingIncludeSystem \
			--suppressions-list=tests/lint/cppcheck.txt
}

# Anything clang-tidy has to say of a file depends on every header of ours.
check_tidy() {
	headers=$(files '*.h' | xargs cat .clang-tidy | cksum | tr -d ' ')
	files 'common/*.c' 'stats/*.c' 'gate/*.c' 'collector/*.c' 'ci/*.c' \
		'tests/*.c' | while read -r f; do
		printf '%s %s/%s.%s\n' "$f" "$state" \
			"$(cksum <"$f" | tr -d ' ')" "$headers"
	done | while read -r f stamp; do
		[ -f "$stamp" ] || printf '%s %s\n' "$f" "$stamp"
	done | xargs -r -n 2 -P 2 sh tests/lint/tidy.sh "$build"
}

build=$(dirname "$state")/plain
for c in format spdx layers banned typedefs sizes headers unfinished shell \
	cppcheck tidy; do
	check "$c"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
