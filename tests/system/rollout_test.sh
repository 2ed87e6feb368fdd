#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# rollout_test.sh - both runs of the demo: does the gate pass the same sources
# built again, and does it fail the build whose serializer does more work, for
# the reason that is true?
set -u
build=${1:-build/plain}
RUN_DIR=build/test/rollout

PORT=18600 # so that a demo may run meanwhile
. tests/system/procs.sh
. tests/system/rollout.sh

passed=0
failed=0
check() {
	_why=$1
	shift
	if "$@" >/dev/null 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not so: $_why"
	fi
}

finish() {
	proc_stop_all
	check "nothing is left running" [ -z "$(ls "$RUN_DIR/pids")" ]
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

# text NAME KEY, number NAME KEY: of a run's verdict document
text() {
	json_text "$2" <"$RUN_DIR/$1.json"
}

number() {
	json_number "$2" <"$RUN_DIR/$1.json"
}

between() {
	awk -v lo="$1" -v x="$2" -v hi="$3" \
		'BEGIN { exit !(x != "" && x + 0 >= lo && x + 0 <= hi) }'
}

# deploy NAME JAR N: the N-th canary of this kind, judged until it is decided
# or its time is over.
deploy() {
	canary_start "$2" "v42-$1-$3" $((SEED * 1000 + 500 + $3)) || {
		failed=$((failed + 1))
		finish
	}
	proc_pause "$WARM_S"
	_exit=0
	rollout_wait "$1" || _exit=$?
	json_lines <"$RUN_DIR/$1.json"
}

# judge NAME JAR WORD EXIT: deploy, warm up, wait for the verdict.  A noisy
# neighbour may leave a canary undecided: another is deployed then, two at
# most.  The opposite word is wrong at once.
judge() {
	for _n in 1 2 3; do
		[ $_n = 1 ] || { echo "$1: undecided, again"; canary_stop; }
		deploy "$1" "$2" $_n
		case $(text "$1" verdict) in pass | fail) break ;; esac
	done
	check "$1: the word is $3" [ "$(text "$1" verdict)" = "$3" ]
	check "$1: tailgate wait exits $4, not $_exit" [ $_exit = "$4" ]
	check "$1: it is final" grep -q '"final":true' "$RUN_DIR/$1.json"
	check "$1: nothing died" rollout_alive
	check "$1: a report is there" curl -sf -o "$RUN_DIR/$1.html" \
		"$(text "$1" report)/report.html"
	check "$1: the report loads nothing from elsewhere" \
		sh -c "! grep -E '(src|href)=\"(https?:)?//' '$RUN_DIR/$1.html'"
	canary_stop
}

sh tests/system/orders/build.sh || exit 1
proc_begin
if ! rollout_gate "$build" || ! baseline_start; then
	failed=$((failed + 1))
	finish
fi
proc_pause "$WARM_S"

judge healthy rebuild pass 0
judge slow slow fail 1
check "slow: for its P99" [ "$(text slow code)" = P99_SHIFT ]
check "slow: of the route that is slow" \
	[ "$(text slow route)" = 'GET /orders/{}' ]
check "slow: by about 12 ms, not $(number slow shift_ms)" \
	between 6 "$(number slow shift_ms)" 30
check "slow: the serializer is the hot path, not $(text slow hot_function)" \
	sh -c "grep -q '\"hot_function\":\"[^\"]*LineItemsSerializer' \
		'$RUN_DIR/slow.json'"
check "slow: the sentence names it" sh -c "grep -q \
	'\"reason\":\"[^\"]*LineItemsSerializer' '$RUN_DIR/slow.json'"
finish
