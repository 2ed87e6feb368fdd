#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh - run the system tests one after another and add their counts up.
#
#	sh tests/system/run.sh BUILD_DIR [NAME...]
#
# A test is tests/system/NAME_test.sh, called with BUILD_DIR.  It ends with
# "N passed, N failed" (", N skipped"), and names each test it skips in a line
# "skip: NAME: why".  One that dies before its last line is one failure.
set -u
build=${1:-build/plain}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- tests/system/*_test.sh
logs=build/test/system
passed=0
failed=0
skipped=0

mkdir -p "$logs"
for arg; do
	name=${arg##*/}
	name=${name%_test.sh}
	log=$logs/$name.log
	from=$(date +%s)
	sh "tests/system/${name}_test.sh" "$build" >"$log" 2>&1 </dev/null
	rc=$?
	counts=$(tail -n 1 "$log" | sed -n \
	    's/^\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)*$/\1 \2 \4/p')
	# shellcheck disable=SC2086 # numbers
	set -- ${counts:-0 1}
	[ "$rc" = 0 ] || [ "$2" != 0 ] || set -- "$1" 1 "${3:-0}"
	printf '%s: %d passed, %d failed, %d skipped, %d s\n' "$name" \
		"$1" "$2" "${3:-0}" $(($(date +%s) - from))
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + ${3:-0}))
	grep '^skip: ' "$log"
	[ "$2" = 0 ] || sed 's/^/  | /' "$log"
done
if [ "$skipped" != 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ]
