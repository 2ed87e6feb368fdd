#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# latency_test.sh - the collector's latencies against the server's own stamps.
#
#	sh tests/system/latency_test.sh BUILD_DIR
#
# Runs on each tier of hooks that this kernel permits; the other one is
# covered by tests/vm on a kernel that has only that.
set -u
build=${1:-build/plain}
programs=$build/tests/system/truth
work=$build/test/latency
passed=0
failed=0
skipped=0

mkdir -p "$work"
cp tests/system/truth/check.awk "$programs/"
for hooks in tp_btf fexit; do
	# a pid of its own: what is asked is whether the hooks attach
	"$programs/driver" $hooks $$ 1 "$work/try.log" >"$work/try.out" \
	    2>"$work/try.err" &
	pid=$!
	n=0
	until grep -q ready "$work/try.out" || ! kill -0 $pid 2>/dev/null ||
	    [ $n -ge 100 ]; do
		n=$((n + 1))
		sleep 0.05
	done
	kill $pid 2>/dev/null
	if ! wait $pid; then
		echo "skip: latency on $hooks: $(cat "$work/try.err")"
		skipped=$((skipped + 1))
		continue
	fi
	sh tests/system/truth/run.sh "$programs" $hooks "$work" |
	    tee "$work/$hooks.out"
	last=$(tail -n 1 "$work/$hooks.out")
	ok=${last%% *}
	bad=${last#*passed, }
	passed=$((passed + ok))
	failed=$((failed + ${bad%% *}))
done
if [ $((passed + failed)) = 0 ]; then
	echo "FAILED: this kernel permits neither tier"
	failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
