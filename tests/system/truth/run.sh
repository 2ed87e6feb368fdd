#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh - requests of known latency, seen by the server and by the collector.
#
#	sh run.sh PROGRAMS HOOKS WORK [quick]
#
# PROGRAMS is where server, client, driver and check.awk are; WORK is for logs.
# quick: fewer requests at lower rates, for a machine that is emulated.
# Ends with "N passed, N failed".  Needs root and nothing but a plain shell.
set -u
programs=$1
hooks=$2
work=$3
quick=${4:-}
passed=0
failed=0
port=18480
server=
driver=

mkdir -p "$work"

stop() {
	for pid in $driver $server; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	driver=
	server=
}
trap stop EXIT

# wait_for FILE WORD: until WORD is in FILE, 10 s at most
wait_for() {
	n=0
	until grep -q "$2" "$1" 2>/dev/null; do
		n=$((n + 1))
		[ "$n" -lt 200 ] || return 1
		sleep 0.05
	done
}

# start_server WORKERS CALL
start_server() {
	port=$((port + 1))
	"$programs/server" $port "$1" "$2" "$work/server.log" \
	    >"$work/server.out" &
	server=$!
	wait_for "$work/server.out" ready
}

start_driver() {
	: >"$work/driver.out"
	"$programs/driver" "$hooks" "$server" $port "$work/driver.log" \
	    >"$work/driver.out" &
	driver=$!
	wait_for "$work/driver.out" ready
}

# finish SINCE MAY_MISS: stop both and compare
finish() {
	# an answer without a length ends by 100 ms of silence
	sleep 0.3
	stop
	grep -q ' ring_full 0 ' "$work/driver.out" || return 1
	awk -v since="$1" -v may_miss="$2" -v emulated="${quick:+1}" -f "$programs/check.awk" \
	    "$work/server.log" "$work/driver.log" >"$work/check.out" 2>&1
}

# try NAME HOW ARG...: a machine that stops a program between a call and its
# stamp makes single figures wrong, so those get three tries; what was not
# seen, or seen as something else, gets one.
try() {
	name=$1
	shift
	for n in 1 2 3; do
		: >"$work/check.out"
		"$@"
		rc=$?
		[ $rc = 2 ] || break
		echo "again: $name"
		cat "$work/check.out"
	done
	if [ $rc = 0 ]; then
		echo "ok: $name"
		passed=$((passed + 1))
	else
		echo "FAILED: $name"
		sed -n '2,3p' "$work/driver.out"
		failed=$((failed + 1))
	fi
	cat "$work/check.out"
}

# load WORKERS CALL CONNECTIONS RATE COUNT HOW STYLES DELAYS
load() {
	start_server "$1" "$2"
	start_driver
	"$programs/client" $port "$3" "$4" "$5" "$6" "$7" "$8" \
	    >"$work/client.out"
	finish 0 0
}

run() {
	name=$1
	shift
	try "$name" load "$@"
}

# finish_late SINCE: the driver came when 8 connections were open.  On each a read
# may have waited all the time, and returns past a fexit hook that is newer.
finish_late() {
	if grep -q 'ready fexit' "$work/driver.out"; then
		finish "$1" 8
	else
		finish "$1" 0
	fi
}

# opened DELAYS: connections that were open, and idle, before the driver came
opened() {
	start_server 0 recvmsg
	rm -f "$work/go"
	mkfifo "$work/go"
	"$programs/client" $port 8 200 20 wait write "$1" \
	    <"$work/go" >"$work/client.out" &
	client=$!
	exec 3>"$work/go"
	wait_for "$work/client.out" connected
	start_driver
	echo go >&3
	exec 3>&-
	wait $client
	finish_late 0
}

# joined RATE COUNT DELAYS: traffic under way when the driver came
joined() {
	start_server 0 recvmsg
	"$programs/client" $port 8 "$1" "$2" keep write,chunked,split "$3" \
	    >"$work/client.out" &
	client=$!
	sleep 0.5
	start_driver
	wait $client
	finish_late "$(sed -n 's/^ready .* //p' "$work/driver.out")"
}

if [ "$quick" ]; then
	delays=long
	calls=readv
	run 'kept connections, 50 requests/s' \
	    0 recvmsg 8 80 40 keep write long
	run 'a connection for each request' \
	    0 recvmsg 4 20 20 close write long
	run 'three requests in one send' \
	    0 recvmsg 4 10 10 pipeline write,writev long
	run 'two workers, six requests at once' \
	    2 recvmsg 6 10 6 keep write 50000
	try 'traffic under way when the collector came' joined 60 120 long
	run 'a slow client' 0 recvmsg 1 1 3 slow large 20000
else
	delays=spread
	calls='read readv recvfrom peek'
	run 'kept connections, 2,000 requests/s' \
	    0 recvmsg 16 2000 300 keep write spread
	run 'a connection for each request, 400/s' \
	    0 recvmsg 4 400 150 close write spread
	run 'three requests in one send' \
	    0 recvmsg 4 100 50 pipeline write,writev spread
	run 'two workers, six requests at once' \
	    2 recvmsg 6 30 20 keep write 20000
	try 'traffic under way when the collector came' joined 400 100 spread
	run 'a slow client' 0 recvmsg 2 4 8 slow large 1000
fi
try 'connections that were open before the collector came' opened $delays
run 'heads in two sends' 0 recvmsg 4 40 20 split write $delays
run 'requests without an answer' 0 recvmsg 4 40 20 keep write,none $delays
for call in $calls; do
	run "every way to write, $call" 0 $call 4 80 28 keep \
	    write,writev,sendto,sendmsg,split,chunked,file $delays
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
