#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh - run clang-tidy on one file; remember it if nothing was found.
#
#	sh tests/lint/tidy.sh BUILD_DIR FILE STAMP
build=$1
file=$2
stamp=$3
out=$(clang-tidy --quiet --warnings-as-errors='*' "$file" -- \
	-std=gnu11 -D_GNU_SOURCE -I. -isystem "$build" 2>/dev/null)
if [ -n "$out" ]; then
	printf '%s\n' "$out"
	exit 1
fi
: >"$stamp"
