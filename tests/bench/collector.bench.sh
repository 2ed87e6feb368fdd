#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collector.bench.sh - what a collector takes, and what it misses, under load.
#
#	sh tests/bench/collector.bench.sh BUILD_DIR [--quick]
#
# The server and the client of the truth test, a gate that takes everything,
# and a collector as it is shipped, profile included, windows of a second.  Its
# own account (own_cost, at debug) is read: CPU time of all its threads, pages in
# memory.  The window in which it starts is left out.  Then the same as fast as
# server and client go: every request is counted, or said to be missing.
set -u
BUILD=$1
quick=${2:-}
RUN_DIR=build/test/bench/collector
PORT=18791
# shellcheck source=tests/system/procs.sh
. tests/system/procs.sh

if [ "$(id -u)" != 0 ]; then
	echo "collector.bench: needs root" >&2
	exit 0
fi
seconds=8
flood=100000
if [ "$quick" ]; then
	seconds=3
	flood=30000
fi
truth=$BUILD/tests/system/truth
log=$RUN_DIR/logs/collector.log

fail() {
	echo "collector.bench: $*" >&2
	tail -n 3 "$RUN_DIR"/logs/*.log >&2
	exit 1
}

# measure CONNECTIONS RATE COUNT: that many requests, seen by a new collector
measure() {
	rm -rf "$RUN_DIR/spool" "$RUN_DIR/gate"
	mkdir -p "$RUN_DIR/gate"
	proc_start server "$truth/server" $PORT 0 read "$RUN_DIR/server.out"
	proc_wait 10 server grep -q ready "$RUN_DIR/logs/server.log" ||
		fail 'the server does not start'
	proc_start collector "$BUILD/tailgate-collector" --gate "$url" \
		--service bench --revision r1 --port $PORT --window-ms 1000 \
		--spool-dir "$RUN_DIR/spool" --log-level debug
	proc_wait 20 collector grep -q own_cost "$log" ||
		fail 'the collector does not start'
	"$truth/client" $PORT "$1" "$2" "$3" keep write 0 \
		>"$RUN_DIR/client.out" || fail 'the client failed'
	sent=$(($1 * $3 - $(cut -d ' ' -f 1 "$RUN_DIR/client.out")))
	proc_stop collector server
	seen=$(sed -n 's/.*ended .*requests=\([0-9]*\).*/\1/p' "$log")
	[ "$seen" ] || fail 'the collector did not end'
	find "$RUN_DIR/gate" "$RUN_DIR/spool" -name '*.batch' |
		xargs python3 tests/system/batch_print.py \
		>"$RUN_DIR/batches" || fail 'its batches cannot be read'
	# two events a request here: one read, one write
	lost=$(sed -n 's/.* lost=\([^ ]*\) .*/\1/p' "$RUN_DIR/batches" |
		tr ',' '\n' | awk -F : '$1 == "ring" { n += $2 }
			END { print n + 0 }')
}

# row NAME VALUE UNIT BUDGET OK
row() {
	printf '%s\t%s\t%s\t-\t-\t%s\t%s\n' "$1" "$2" "$3" "$4" "$5"
}

# own_cost COLUMN...: of the windows in which there was load
own_cost() {
	awk '/own_cost/ {
		for (i = 1; i <= NF; i++) {
			split($i, kv, "=")
			v[kv[1]] = kv[2]
		}
		if (v["rss_kib"] > rss) rss = v["rss_kib"]
		if (v["requests"] < 500 || ++n == 1) next
		cpu += v["cpu_us"]
		wall += v["wall_us"] }
	END { if (wall) printf "%.2f %.1f", 100 * cpu / wall, rss / 1024 }' "$log"
}

# The most requests of a window of a second.
fastest() {
	sed -n 's/.*own_cost.* requests=\([0-9]*\).*/\1/p' "$log" |
		sort -n | tail -n 1
}

yes_if() {
	awk "BEGIN { print ($1) ? \"yes\" : \"no\" }"
}

proc_begin
proc_start gate python3 tests/system/batch_gate.py "$RUN_DIR/gate.port" \
	"$RUN_DIR/gate"
mkdir -p "$RUN_DIR/gate"
proc_wait 10 gate test -s "$RUN_DIR/gate.port" || fail 'no gate'
url=http://127.0.0.1:$(cat "$RUN_DIR/gate.port")

measure 10 1000 $((seconds * 100))
cost=$(own_cost)
[ "$cost" ] || fail 'no window with load'
cpu=${cost% *}
rss=${cost#* }
row 'collector: CPU at 1,000 requests/s' "$cpu" '% of core' '<= 1 %' \
	"$(yes_if "$cpu <= 1")"
row 'collector: memory at 1,000 requests/s' "$rss" MiB '<= 64 MiB' "$(yes_if "$rss <= 64")"
row 'collector: not seen, at 1,000/s' $((sent - seen)) "of $sent" 0 \
	"$(yes_if "$sent == $seen")"

measure 32 1000000 $((flood / 32))
row 'collector: full speed of the server' "$(fastest)" requests/s - -
row 'collector: not seen, at full speed' $((sent - seen)) "of $sent" \
	'0, or counted' "$(yes_if "2 * ($sent - $seen) <= $lost + 1")"
row 'collector: said to be lost then' "$lost" events '-' '-'
