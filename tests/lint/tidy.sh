#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tidy.sh - run clang-tidy on one file; remember it if nothing was found.
#
#	sh tests/lint/tidy.sh BUILD_DIR FILE STAMP
build=$1
file=$2
stamp=$3
# What the analyser reports inside generated code (it takes libbpf's
# destructors for calls that free nothing) is not ours to mend.
out=$(clang-tidy --quiet --warnings-as-errors='*' "$file" -- \
	-std=gnu11 -D_GNU_SOURCE -I. -isystem "$build" 2>/dev/null |
	awk -v generated="$build/" '
		/^[^ ]+:[0-9]+:[0-9]+: (error|warning):/ {
			drop = index($0, generated) > 0 }
		!drop')
if [ -n "$out" ]; then
	printf '%s\n' "$out"
	exit 1
fi
: >"$stamp"
