# SPDX-License-Identifier: Apache-2.0
# procs.sh - processes by name: start, watch, stop.  Sourced, not run.
#
# The caller sets RUN_DIR, an empty directory of its own.  Each process NAME
# has its pid in RUN_DIR/pids/NAME and what it says in RUN_DIR/logs/NAME.log.
# Only what was started here is ever signalled, and by its pid.

# proc_begin: make RUN_DIR, and see to it that nothing outlives this shell,
# however it ends.
proc_begin() {
	rm -rf "$RUN_DIR"
	mkdir -p "$RUN_DIR/pids" "$RUN_DIR/logs"
	trap proc_stop_all EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# proc_start NAME COMMAND...
proc_start() {
	_name=$1
	shift
	"$@" >"$RUN_DIR/logs/$_name.log" 2>&1 </dev/null &
	echo $! >"$RUN_DIR/pids/$_name"
}

# proc_pid NAME
proc_pid() {
	cat "$RUN_DIR/pids/$1"
}

# proc_alive NAME: a zombie is not.
proc_alive() {
	[ -f "$RUN_DIR/pids/$1" ] &&
		_state=$(sed 's/.*) //' "/proc/$(proc_pid "$1")/stat" \
			2>/dev/null) &&
		case $_state in Z* | X*) false ;; esac
}

# proc_stop NAME...: ask all, then wait for each; insist after 10 s.
proc_stop() {
	for _name; do
		! proc_alive "$_name" || kill "$(proc_pid "$_name")"
	done
	for _name; do
		[ -f "$RUN_DIR/pids/$_name" ] || continue
		_left=100
		while proc_alive "$_name" && [ $_left -gt 0 ]; do
			sleep 0.1
			_left=$((_left - 1))
		done
		! proc_alive "$_name" || kill -9 "$(proc_pid "$_name")"
		wait "$(proc_pid "$_name")" 2>/dev/null
		rm -f "$RUN_DIR/pids/$_name"
	done
	return 0
}

# proc_stop_all: runs at exit, so that no second Ctrl-C may cut it short.
proc_stop_all() {
	trap '' HUP INT TERM
	trap - EXIT
	# shellcheck disable=SC2046 # names have no spaces
	[ ! -d "$RUN_DIR/pids" ] || proc_stop $(ls "$RUN_DIR/pids")
}

# proc_wait SECONDS WHAT COMMAND...: until the command succeeds.
proc_wait() {
	_left=$(($1 * 10))
	_what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		_left=$((_left - 1))
		if [ $_left -le 0 ]; then
			echo "$_what: not there in time" >&2
			return 1
		fi
		sleep 0.1
	done
}

# proc_pause SECONDS: in short sleeps, so that a signal is not kept waiting.
proc_pause() {
	_until=$(($(date +%s) + $1))
	while [ "$(date +%s)" -lt $_until ]; do sleep 1; done
}

# proc_cpu_ms NAME...: CPU time used so far, in ms.
proc_cpu_ms() {
	for _name; do
		sed 's/.*) //' "/proc/$(proc_pid "$_name")/stat" 2>/dev/null
	done | awk -v hz="$(getconf CLK_TCK)" \
		'{ t += $12 + $13 } END { print int(1000 * t / hz) }'
}
