#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# replay.sh - run each fuzz target over its kept corpus, as ordinary tests.
#
#	replay.sh BUILD/tests/fuzz/X_fuzz ...
#
# The corpus of X_fuzz is tests/fuzz/corpus/X/.  A target without one counts
# as a failure: a decoder nobody has fed anything is not tested.
passed=0
failed=0
for target in "$@"; do
	name=$(basename "$target" _fuzz)
	set -- tests/fuzz/corpus/"$name"/*
	if [ ! -e "$1" ]; then
		echo "FAIL $name: no corpus in tests/fuzz/corpus/$name"
		failed=$((failed + 1))
		continue
	fi
	if "$target" "$@" >/dev/null 2>&1; then
		passed=$((passed + $#))
		continue
	fi
	# one by one, to name the file that does it
	for file in "$@"; do
		if out=$("$target" "$file" 2>&1); then
			passed=$((passed + 1))
		else
			printf 'FAIL %s: %s\n%s\n' "$name" "$file" "$out"
			failed=$((failed + 1))
		fi
	done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
