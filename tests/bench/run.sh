#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh - measure, and print one table: name value unit peer ratio budget ok.
#
#	sh tests/bench/run.sh BUILD_DIR [--quick]
#
# Each *_bench program and *.bench.sh prints rows of seven fields separated by
# tabs; a row that could not be measured says why on standard error and is
# left out.  The same rows go to BUILD_DIR/bench.json.  ok is "-" for a row
# without a budget.  A figure beyond its budget is shown, not a failure: the
# machine is shared.  Ends with a count of rows and of those within budget.
set -u
build=$1
quick=${2:-}
rows=$build/bench.tsv
here=$(dirname "$0")

: >"$rows"
for source in "$here"/*_bench.c; do
	name=$(basename "$source" .c)
	"$build/tests/bench/$name" $quick >>"$rows" || echo "bench: $name failed" >&2
done
for script in "$here"/*.bench.sh; do
	[ -f "$script" ] || continue
	sh "$script" "$build" $quick >>"$rows" || echo "bench: $script failed" >&2
done

awk -F '\t' '
	BEGIN	{ form = "%-34s %12s %-10s %-26s %8s %10s %4s\n"
		  printf form, "name", "value", "unit", "peer", "ratio",
			"budget", "ok" }
	NF == 7	{ printf form, $1, $2, $3, $4, $5, $6, $7; n++
		  if ($7 == "yes") within++
		  if ($7 == "no") beyond++ }
	END	{ printf "%d rows, %d within budget, %d beyond\n", n, within,
			beyond }' "$rows"
awk -F '\t' '
	BEGIN	{ printf "[" }
	NF == 7	{ printf "%s\n {\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\"," \
			"\"peer\":\"%s\",\"ratio\":%s,\"budget\":\"%s\"," \
			"\"ok\":\"%s\"}", s, $1, $2, $3, $4,
			$5 == "-" ? 0 : $5, $6, $7; s = "," }
	END	{ print "\n]" }' "$rows" >"$build/bench.json"
