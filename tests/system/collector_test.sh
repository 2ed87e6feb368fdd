#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collector_test.sh - the collector between a real server and a scripted gate.
#
#	sh tests/system/collector_test.sh BUILD_DIR
#
# The probes and the server are real.  The gate is batch_gate.py, which keeps
# every body that it was sent and answers as it is told; batch_print.py reads
# them back.  Waiting is always for something that will be there.
set -u
BUILD=${1:-build/plain}
RUN_DIR=build/test/system/collector
PORT=18731
# shellcheck source=tests/system/procs.sh
. tests/system/procs.sh
passed=0
failed=0

# ok WHAT COMMAND...
ok() {
	_what=$1
	shift
	if "$@" >"$RUN_DIR/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL collector: $_what"
		sed 's/^/  | /' "$RUN_DIR/out"
		tail -n 12 "$RUN_DIR/logs/collector.log" 2>/dev/null |
			sed 's/^/  : /'
	fi
}

collector="$BUILD/tailgate-collector"

gate_start() {
	proc_start gate python3 tests/system/batch_gate.py \
		"$RUN_DIR/gate.port" "$RUN_DIR/gate"
	proc_wait 10 gate test -s "$RUN_DIR/gate.port"
}

# collector_start ARG...: beside what every case has in common
collector_start() {
	proc_start collector "$collector" --gate "$url" --service orders \
		--revision r1 --port $PORT --window-ms 1000 \
		--spool-dir "$RUN_DIR/spool" --log-level debug "$@"
}

# The status that the collector ends with after a signal.
collector_end() {
	_pid=$(proc_pid collector)
	kill "${1:--TERM}" "$_pid"
	wait "$_pid"
	_rc=$?
	rm -f "$RUN_DIR/pids/collector"
	return $_rc
}

fresh() {
	rm -rf "$RUN_DIR/gate" "$RUN_DIR/spool" "$RUN_DIR/logs/collector.log"
	mkdir -p "$RUN_DIR/gate"
}

answer() {
	printf '%s\n' "$*" >"$RUN_DIR/gate/answer.new"
	mv "$RUN_DIR/gate/answer.new" "$RUN_DIR/gate/answer"
}

# How many requests the gate was sent; with that status; bodies it took.
sent() { wc -l <"$RUN_DIR/gate/log"; }
sent_least() { [ "$(sent 2>/dev/null || echo 0)" -ge "$1" ]; }
took() { awk '$2 == 200' "$RUN_DIR/gate/log"; }
took_least() { [ "$(took 2>/dev/null | wc -l)" -ge "$1" ]; }
spooled() { ls "$RUN_DIR/spool" 2>/dev/null | grep -c '\.batch$'; }
spooled_least() { [ "$(spooled)" -ge "$1" ]; }
said() { grep -q "$@" "$RUN_DIR/logs/collector.log"; }

# The batches that the gate took, in the order in which it did.
delivered() {
	took | while read -r n _; do
		printf '%s/gate/%06d.batch\n' "$RUN_DIR" "$n"
	done | xargs python3 tests/system/batch_print.py
}

# What the lines of batch_print.py have for a key.
key() { sed -n "s/.*[ ^]*$1=\([^ ]*\).*/\1/p"; }

# Each batch once, none left out, oldest first, of one stream.
in_order() {
	delivered >"$RUN_DIR/delivered"
	[ -s "$RUN_DIR/delivered" ] || return 1
	key seq <"$RUN_DIR/delivered" >"$RUN_DIR/seqs"
	seq 0 $(($(wc -l <"$RUN_DIR/seqs") - 1)) | diff - "$RUN_DIR/seqs" &&
		[ "$(key stream <"$RUN_DIR/delivered" | sort -u | wc -l)" = 1 ]
}

if [ "$(id -u)" != 0 ]; then
	echo "skip: collector: needs root"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
proc_begin
gate_start || { echo "0 passed, 1 failed"; exit 1; }
url=http://127.0.0.1:$(cat "$RUN_DIR/gate.port")
proc_start server python3 tests/system/small_server.py $PORT
proc_wait 10 server curl -sf -o /dev/null "http://127.0.0.1:$PORT/ready"

# Requests at a steady 20 a second, on one connection that is kept.
proc_start traffic python3 tests/system/small_server.py --ask $PORT 20

# --- once -----------------------------------------------------------------
fresh
"$collector" --gate "$url" --service orders --revision r1 --port $PORT \
	--window-ms 1000 --once --spool-dir "$RUN_DIR/spool" \
	>"$RUN_DIR/once" 2>&1
ok "--once ends with 0 when its window was delivered" test $? = 0
ok "--once says in words what it saw" \
	grep -q '^[0-9]* requests of 1 instances .* delivered' "$RUN_DIR/once"
ok "its batch counts the requests, by route" \
	sh -c "python3 tests/system/batch_print.py $RUN_DIR/gate/*.batch |
		grep -q 'routes=GET_/orders/{}:2:[12][0-9] *$'"

"$collector" --gate "$url" --service orders --revision r1 --port 1 \
	--window-ms 1000 --once --spool-dir "$RUN_DIR/spool" \
	>"$RUN_DIR/once" 2>&1
ok "--once without a target ends with 1" test $? = 1
ok "and names the target" grep -q 'no process matches --port 1' "$RUN_DIR/once"

proc_start idle python3 tests/system/small_server.py $((PORT + 1))
proc_wait 10 idle curl -sf -o /dev/null "http://127.0.0.1:$((PORT + 1))/"
"$collector" --gate "$url" --service orders --revision r1 \
	--port $((PORT + 1)) --window-ms 1000 --once \
	--spool-dir "$RUN_DIR/spool" >"$RUN_DIR/once" 2>&1
ok "--once of a silent service ends with 1" test $? = 1
ok "and says that there was no traffic" \
	grep -q 'nothing measured .*no traffic' "$RUN_DIR/once"
proc_stop idle

"$collector" --gate "$url" --service orders --revision env:NO_SUCH_VARIABLE \
	--port $PORT --window-ms 1000 --once --spool-dir "$RUN_DIR/spool" \
	>"$RUN_DIR/once" 2>&1
ok "a revision that cannot be resolved is no default" test $? = 1
ok "and the error names target and source" grep -q \
	'target="--port 18731".*revision = env:NO_SUCH_VARIABLE' "$RUN_DIR/once"

# --- the gate is away, then back -------------------------------------------
fresh
proc_stop gate
collector_start
ok "without a gate, batches wait in the spool" \
	proc_wait 20 spooled spooled_least 3
ok "and the collector says so once" test "$(grep -c gate_unavailable \
	"$RUN_DIR/logs/collector.log")" = 1
mkdir -p "$RUN_DIR/kept"
rm -f "$RUN_DIR/kept"/*
cp "$RUN_DIR/spool"/*.batch "$RUN_DIR/kept"
gate_start
ok "once it is back, what waited is delivered" \
	proc_wait 40 delivered took_least 5
ok "SIGTERM ends the collector with 0" collector_end
ok "and leaves nothing in the spool" test "$(spooled)" = 0
ok "each batch arrived once, in order" in_order
python3 tests/system/batch_print.py "$RUN_DIR/kept"/*.batch | key sha \
	>"$RUN_DIR/kept.sha"
key sha <"$RUN_DIR/delivered" | head -n "$(wc -l <"$RUN_DIR/kept.sha")" \
	>"$RUN_DIR/delivered.sha"
ok "with the bytes that had been spooled" \
	cmp "$RUN_DIR/kept.sha" "$RUN_DIR/delivered.sha"
ok "its last window, cut short by the signal, is among them" \
	said 'event=ended .*waiting=0'

# --- the same bytes on every try -------------------------------------------
fresh
answer 503 3 '{"error":"busy","code":"BUSY"}'
collector_start
ok "a busy gate is tried again" proc_wait 30 delivered took_least 2
collector_end
ok "with the same bytes" test "$(head -n 4 "$RUN_DIR/gate/log" |
	awk '{ print $3 }' | sort -u | wc -l)" = 1
ok "and nothing is skipped" in_order

# --- refused for good -------------------------------------------------------
fresh
answer 400 1 '{"error":"no","code":"BAD_BATCH"}'
collector_start
ok "a refused batch is dropped and the next one sent" \
	proc_wait 20 delivered took_least 3
collector_end
ok "it is logged with its code" said 'batch_refused.*code="BAD_BATCH"'
delivered >"$RUN_DIR/delivered"
ok "it is not sent again" test "$(head -n 1 "$RUN_DIR/delivered" |
	key seq)" = 1
ok "the next batch counts it and names the code" \
	grep -q 'lost=[^ ]*refused:1 refused=BAD_BATCH' "$RUN_DIR/delivered"
ok "but only one of them" test "$(grep -c 'refused:' \
	"$RUN_DIR/delivered")" = 1

# --- a gate that is too old -------------------------------------------------
fresh
answer 400 0 '{"error":"v2?","code":"UNSUPPORTED_VERSION"}'
collector_start
ok "a newer version than the gate's is kept" \
	proc_wait 20 spooled spooled_least 3
ok "and said" said 'event=gate_too_old'
answer 200
ok "and delivered when the gate is newer" \
	proc_wait 40 delivered took_least 4
collector_end
ok "in order, all of it" in_order

# --- restart, and a crash ---------------------------------------------------
fresh
answer 503
collector_start
proc_wait 20 spooled spooled_least 2
ok "without the gate, SIGTERM still ends it with 0" collector_end
ok "and the batches stay in the spool" spooled_least 3
rm -f "$RUN_DIR/kept"/*
cp "$RUN_DIR/spool"/*.batch "$RUN_DIR/kept"
python3 tests/system/batch_print.py "$RUN_DIR/kept"/*.batch | key sha \
	>"$RUN_DIR/kept.sha"
n_kept=$(wc -l <"$RUN_DIR/kept.sha")
answer 200
collector_start
ok "the next run sends them" proc_wait 30 delivered \
	took_least $((n_kept + 2))
took | awk '{ print $3 }' | head -n "$n_kept" >"$RUN_DIR/delivered.sha"
ok "before its own, with the same bytes" \
	cmp "$RUN_DIR/kept.sha" "$RUN_DIR/delivered.sha"
answer 503
proc_wait 20 spooled spooled_least 2
collector_end -KILL
ok "after SIGKILL the spool is whole" sh -c \
	"python3 tests/system/batch_print.py $RUN_DIR/spool/*.batch"
answer 200
collector_start
ok "and is sent" proc_wait 20 spool sh -c \
	"! ls $RUN_DIR/spool | grep -q '0000[0-9]*\.batch'"
collector_end

# --- token, clock, other collectors -----------------------------------------
fresh
echo 0 >"$RUN_DIR/gate/date_ahead"
echo s3cret >"$RUN_DIR/token"
collector_start --token-file "$RUN_DIR/token"
proc_wait 20 delivered took_least 1
"$collector" --gate "$url" --service orders --revision r1 --port $PORT \
	--spool-dir "$RUN_DIR/spool" >"$RUN_DIR/second" 2>&1
ok "a second collector on one spool is refused, by name" \
	grep -q 'spool: .*another collector' "$RUN_DIR/second"
echo rotated >"$RUN_DIR/token"
echo 60 >"$RUN_DIR/gate/date_ahead"
n=$(sent)
proc_wait 20 delivered sent_least $((n + 2))
collector_end
ok "the token is sent" grep -q 'Bearer_s3cret' "$RUN_DIR/gate/log"
ok "and read again when it was rotated" \
	grep -q 'Bearer_rotated' "$RUN_DIR/gate/log"
ok "clocks that differ are said" said 'clock_skew.*gate_ahead_ms=\(59\|60\)'

# --- targets that come and go -----------------------------------------------
fresh
proc_stop traffic server
collector_start
proc_wait 10 waiting said target_not_there_yet
ok "a target that is not there yet is waited for" \
	proc_alive collector
proc_start server python3 tests/system/small_server.py $PORT
proc_start traffic python3 tests/system/small_server.py --ask $PORT 20
ok "and measured once it is" proc_wait 20 delivered took_least 2
proc_stop traffic server
ok "its end is noticed" proc_wait 10 ended said event=instance_ended
proc_start server python3 tests/system/small_server.py $PORT
proc_start traffic python3 tests/system/small_server.py --ask $PORT 20
ok "its successor is another instance" proc_wait 20 instances sh -c \
	"[ \$(grep -c event=instance' ' $RUN_DIR/logs/collector.log) = 2 ]"
collector_end

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
