#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cli_test.sh - what tailgate tells a pipeline, against a gate by script.
#
#	sh tests/system/cli_test.sh BUILD_DIR
#
# Needs no root.  Each case is one line: what is asked, the exit status, and
# words that stdout and stderr must hold.
set -u
tailgate=${1:-build/plain}/tailgate
dir=$(mktemp -d)
passed=0
failed=0

python3 tests/system/fake_gate.py "$dir/port" "$dir/log" &
gate=$!
trap 'kill "$gate" 2>/dev/null; rm -rf "$dir"' EXIT
tries=0
while [ ! -e "$dir/port" ]; do
	tries=$((tries + 1))
	if [ "$tries" -gt 200 ] || ! kill -0 "$gate"; then
		echo "FAIL cli: the fake gate did not start"
		echo "0 passed, 1 failed"
		exit 1
	fi
	sleep 0.05 # until another process is up: there is nothing to wait on
done
url=http://127.0.0.1:$(cat "$dir/port")

# found WORDS FILE: no words are in every file, even in an empty one
found() {
	[ -z "$1" ] || grep -q -e "$1" "$2"
}

# check NAME STATUS OUT ERR ARG...: run tailgate and compare.
check() {
	name=$1
	want=$2
	out=$3
	err=$4
	shift 4
	"$tailgate" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	if [ "$got" = "$want" ] && found "$out" "$dir/out" &&
		found "$err" "$dir/err"; then
		passed=$((passed + 1))
		return
	fi
	echo "FAIL cli: $name: exit status $got, want $want"
	sed 's/^/  out: /' "$dir/out"
	sed 's/^/  err: /' "$dir/err"
	failed=$((failed + 1))
}

# ask COMMAND SERVICE ARG...: the arguments that each question has.
ask() {
	command=$1
	service=$2
	shift 2
	set -- "$command" --gate "$url" --service "$service" --baseline a \
		--canary b "$@"
	check "$name" "$want" "$out" "$err" "$@"
}

# is NAME STATUS OUT ERR COMMAND SERVICE ARG...
is() {
	name=$1
	want=$2
	out=$3
	err=$4
	shift 4
	ask "$@"
}

# holds NAME COMMAND...: a condition of its own
holds() {
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "FAIL cli: $name"
		failed=$((failed + 1))
	fi
}

is "pass" 0 '^pass: because pass' '' wait pass
holds "the document is printed as it came" \
	grep -q '"p99_ratio":1.246' "$dir/out"
holds "the report is named" \
	grep -q '^report: http://gate/rollouts/42' "$dir/out"
is "fail" 1 '^fail: because fail' '' wait fail
is "inconclusive" 3 '^inconclusive: ' '' wait inconclusive
is "inconclusive counts as fail where asked" 1 \
	'because of --on-inconclusive=fail' '' \
	wait inconclusive --on-inconclusive=fail
is "inconclusive counts as pass where asked" 0 \
	'because of --on-inconclusive=pass' '' \
	wait inconclusive --on-inconclusive=pass
is "inconclusive is waited on where asked" 5 'no verdict in time' '' \
	wait inconclusive --on-inconclusive=wait --timeout 1s
is "inconclusive that may change is waited on" 5 'no verdict in time' '' \
	wait inconclusive-open --timeout 1s
is "error" 4 '^error: ' '' wait error
is "error passes where asked" 0 'because of --on-error=pass' '' \
	wait error --on-error=pass
is "error that may go away is waited on" 4 '^error: ' '' \
	wait error-open --timeout 1s
is "running until time is up" 5 'still running, because running' \
	'running, COLLECTING' wait never --timeout 1s
is "pass after a while" 0 '^pass: ' 'running, COLLECTING' wait late
is "each change is one line" 0 '^pass: ' 'WARMING_UP' wait changes
holds "and no more than that" [ "$(grep -c COLLECTING "$dir/err")" = 1 ]
is "what does not change is said now and then" 5 '' '' wait never-changes \
	--timeout 4s --progress-every 1s
lines=$(grep -c COLLECTING "$dir/err")
# one each second of four and what the first answer said; a slow machine has
# fewer, never more
holds "once in the time asked for: $lines lines" \
	[ "$lines" -ge 2 -a "$lines" -le 5 ]
holds "with what is there and what is missing" grep -q -e ', 1 windows, 100 canary requests (about 300 more needed), about 1 more canary instances needed: ' "$dir/err"
holds "and the figures move" grep -q ', [2-9] windows, [2-9]00 canary' "$dir/err"
is "a gate that stays away is said to, too" 5 '' '' wait away --timeout 4s \
	--progress-every 1s
lines=$(grep -c 'no answer: BUSY' "$dir/err")
holds "though it is not asked: $lines lines" \
	[ "$lines" -ge 2 -a "$lines" -le 5 ]

from=$(date +%s%N)
is "Retry-After of a 503 is kept to" 0 '^pass: ' 'BUSY' wait busy
took=$((($(date +%s%N) - from) / 1000000))
holds "it took a second at least: $took ms" [ "$took" -ge 1000 ]
is "429 is asked again" 0 '^pass: ' 'TOO_MANY' wait many

for service in broken html null empty nothing lies cut long; do
	is "$service is no verdict" 4 '' 'because of --on-error=fail' \
		wait "$service" --timeout 5s --unreachable-after 300ms
done
is "no verdict passes where asked" 0 '' 'because of --on-error=pass' \
	wait broken --timeout 5s --unreachable-after 0 --on-error=pass
is "a gate that goes away in between" 4 '' 'BAD_GATEWAY' \
	wait restart --timeout 9s --unreachable-after 300ms
is "a redirect is not followed" 2 '' 'HTTP 302' wait login
is "a bad request is the caller's fault" 2 '' 'BAD_IDENTITY' wait bad
is "an unknown token" 4 '' 'NO_TOKEN' wait unknown
is "a token for something else" 4 '' 'wants a token' wait denied
is "a refused token never passes" 4 '' 'FORBIDDEN' \
	wait denied --on-error=pass

before=$(grep -c service=never "$dir/log")
is "verdict asks once" 5 '"verdict":"running"' '' verdict never
holds "and no more" [ "$(grep -c service=never "$dir/log")" = $((before + 1)) ]
holds "without waiting" [ "$(tail -n 1 "$dir/log" | grep -c wait=)" = 0 ]
is "verdict may wait" 5 '' '' verdict never --wait 2
holds "which the gate is told" grep -q 'service=never.*wait=1' "$dir/log"
is "verdict passes" 0 '^pass: ' '' verdict pass
is "verdict that is inconclusive so far" 3 '' '' verdict inconclusive-open
is "verdict of a broken gate" 4 '' 'INTERNAL' verdict broken

is "--json prints the document alone" 1 '^{"verdict":"fail".*}$' \
	'^fail: ' wait fail --json
holds "on one line" [ "$(wc -l <"$dir/out")" = 1 ]
is "--json prints an error as a document" 4 '"code":"UNREACHABLE"' '' \
	verdict broken --json

is "all parameters are sent" 0 '^pass: ' '' wait late-too --step 25 \
	--attempt 2 --policy strict --timeout 60s
holds "as the gate wants them" grep -q \
	'service=late-too&baseline=a&canary=b&step=25&attempt=2&policy=strict&wait=[1-9]' \
	"$dir/log"

echo 'sixteen-or-more-bytes' >"$dir/token"
is "a token of a file is sent" 0 '^pass: ' '' verdict pass \
	--token-file "$dir/token"
holds "as Bearer" grep -q 'Bearer sixteen-or-more-bytes' "$dir/log"
TAILGATE_TOKEN=from-the-variable
export TAILGATE_TOKEN
is "a token of the variable is sent" 0 '^pass: ' '' verdict pass
holds "as Bearer too" grep -q 'Bearer from-the-variable' "$dir/log"
unset TAILGATE_TOKEN
is "a token file that is not there" 2 '' 'No such file' verdict pass \
	--token-file "$dir/none"

check "rollouts are listed" 0 '^42 .*orders.*P99_SHIFT' '' \
	rollouts --gate "$url"
check "a rollout is stopped" 0 'rollout 42 is stopped' '' \
	stop 42 --gate "$url/" --reason 'we "know" why'
holds "with its reason" grep -q '{"reason":"we \\"know\\" why"}' "$dir/log"
check "a rollout that is not there" 2 '' 'NOT_FOUND' \
	stop 43 --gate "$url" --reason x

# --- policies, for which no gate is asked ---
cat >"$dir/strict.json" <<'END'
{
  "margin": 0.10,
  "min_baseline": 1,
  "services": ["orders"]
}
END
check "a policy is checked" 0 '^\* margin  *10 %  *15 % .*(stricter)$' '' \
	policy check "$dir/strict.json"
holds "under its name" grep -q 'takes it as policy "strict"$' "$dir/out"
holds "with what is looser" grep -qx 'looser than built in: min_baseline' \
	"$dir/out"
holds "and what is as it was" grep -q '^  soak_windows  *30 windows  *30 w' \
	"$dir/out"
holds "and whom it is bound to" grep -qx '  bound to: orders' "$dir/out"
check "a policy is checked for programs" 0 '"differs":\[{"key":"margin"' '' \
	policy check "$dir/strict.json" --json
holds "in one line of JSON" python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["valid"] and d["name"] == "strict" and d["services"] == ["orders"]
assert d["policy"]["margin"] == 0.1 and d["policy"]["soak_windows"] == 30
' "$dir/out"
printf '{\n  "margin": 15\n}' >"$dir/percent.json"
check "what is wrong with a policy is said where" 1 '' \
	'percent.json: line 2 column 13: margin is 15, permitted are 0.01 to 10' \
	policy check "$dir/percent.json"
check "and for programs" 1 '"valid":false.*"line":2,"column":13}$' '' \
	policy check --json "$dir/percent.json"
printf '{"margin": 0.1' >"$dir/cut.json"
check "half a policy" 1 '' 'cut.json: JSON: line 1 column 14: ' \
	policy check "$dir/cut.json"
printf '{"\\u001b[31m": 1}' >"$dir/escape.json"
check "a policy moves no terminal" 1 '' 'key ?\[31m is unknown' \
	policy check "$dir/escape.json"
cp "$dir/strict.json" "$dir/my own.json"
cp "$dir/strict.json" "$dir/strict"
check "a name that no policy may have" 1 '' 'my own.json: policy ' \
	policy check "$dir/my own.json"
check "a policy by another name" 0 'called NAME.json$' '' \
	policy check "$dir/strict"
check "no such policy" 2 '' 'none.json: No such file' \
	policy check "$dir/none.json"
check "a policy and no file" 2 '' 'policy check FILE' policy check
is "a past time passes" 0 '^pass: because pass' '' verdict pass \
	--from 2023-11-14T22:13:20Z --until 1700003600000 --policy strict
holds "as the gate wants it" grep -qF \
	'{"service":"pass","baseline":"a","canary":"b","policy":"strict","from":1700000000000,"until":1700003600000}' \
	"$dir/log"
is "a past time fails" 1 '^fail: ' '' verdict fail --from 1 --until 2
is "a past time that takes its while is waited for" 0 '^pass: because pass' \
	'judging that time: 20 windows' verdict slow --from 1 --until 2
is "a past time that is refused" 2 '' 'BAD_IDENTITY' verdict bad --from 1 \
	--until 2
is "a past time of a gate at fault" 4 '' 'INTERNAL' verdict broken --from 1 \
	--until 2
is "what contradicts itself is no verdict on the past either" 4 '' \
	'contradict' verdict lies --from 1 --until 2
is "half a past time" 2 '' 'go together' verdict pass --from 1
is "a past time that runs backwards" 2 '' 'not after --from' verdict pass \
	--from 2 --until 1
is "a past time is not waited for" 2 '' 'no option --from' wait pass --from 1

check "a rollout replays" 0 '^rollout 42 replays to the bit: .* 13 verdicts' \
	'' replay 42 --gate "$url"
check "with another libm" 0 '^rollout 43 replays to the same decisions: of 13 verdicts 2 differ in figures by less than 1e-9 of their value (at most 3.1e-12)' \
	'' replay 43 --gate "$url"
check "by another method it may differ" 3 '^rollout 48 was judged by method 3, recomputed by method 4: figures may differ, and 2 of 13 verdicts do, though every decision is the same; the first .* p99_ratio was written down as 1.25' \
	'' replay 48 --gate "$url"
check "and need not" 0 '^rollout 49 replays to the bit: .* as written down; it was judged by a method that was not written down then, recomputed by method 4: figures may differ, and here they do not$' \
	'' replay 49 --gate "$url"
check "a replay that takes its time is waited for" 0 '^rollout 50 replays' \
	'7 windows judged again' replay 50 --gate "$url"
check "an empty 202 is no gate's" 4 '' 'no work of its own' \
	replay 51 --gate "$url"
check "or it does not" 1 '^rollout 44 does not replay: 1 of 13 verdicts differs .* the same method 4 judged it: somebody altered .* or the gate has a defect; .* 2023-11-14 22:13:20 UTC, in which p99_ratio was written down as 1.25 and is recomputed as 1.5' \
	'' replay 44 --gate "$url"
check "nothing is no agreement" 2 'nothing to compare' '' \
	replay 45 --gate "$url"
check "nor is what does not add up" 4 '' 'contradicts itself' \
	replay 46 --gate "$url"
check "windows past their retention" 2 '' 'NO_DATA, HTTP 410' \
	replay 47 --gate "$url"
check "a replay as a document" 1 '^{.*"outcome": "different"' '' \
	replay 44 --gate "$url" --json
check "a replay of what is no number" 2 '' 'no number of one' \
	replay x --gate "$url"
check "a replay of nothing" 2 '' 'replay needs the number' \
	replay --gate "$url"
check "a replay without a gate" 4 '' '127.0.0.1' \
	replay 42 --gate http://127.0.0.1:1

# --- backtests: the service asked for is the number that is given ---
check "a policy is tried" 0 '^42  *a  *b  *fail P99_SHIFT  *pass WITHIN_LIMITS  *\*$' \
	'^1 of 102 rollouts and splits, 10 windows folded' \
	backtest --gate "$url" --service 1 --policy "$dir/strict.json" \
	--last 30d --splits 7 --seed 5
holds "with what is decided alike" grep -q \
	'^41  *a  *c  *fail P99_SHIFT  *fail P99_SHIFT *$' "$dir/out"
holds "nothing decided is nothing decided" grep -q \
	'^40 .*inconclusive STOPPED  *running COLLECTING *$' "$dir/out"
holds "and how much is not" grep -qx \
	'rollouts: of 3 that are stored 1 would have been decided otherwise (\*); the batches of 3 more are gone' \
	"$dir/out"
holds "and how much of that time there is" grep -qx \
	"time: asked for the last 30.0 d; batches reach back 2.0 d, to 2023-12-12 21:53:20 UTC, and are there in 47 hours of that; what is older was deleted (the gate's --retention and --retention-bytes)" \
	"$dir/out"
holds "and how often it would have been wrong" grep -q \
	'^A/A: of 100 splits .* failed 2, 2.0 % (95 % interval 0.2 to 7.0 by Clopper and Pearson, .*), passed 61 and left 37 undecided$' \
	"$dir/out"
holds "and where" grep -qx \
	'  2023-11-14 22:13:20 UTC: a, 2 of 6 instances: fail P99_SHIFT, GET /' \
	"$dir/out"
holds "the gate is sent the file and the rest" grep -qF \
	'POST /v1/backtests?service=1&last=30d&splits=7&seed=5 - {' "$dir/log"
check "a backtest as a document" 0 '"fail_share_hi": 0.070383' '' \
	backtest --gate "$url" --service 1 --json
check "one that the gate ended" 4 '' 'the gate ended the backtest$' \
	backtest --gate "$url" --service 2
check "one that is none" 4 '' 'is no backtest' \
	backtest --gate "$url" --service 3
check "one that failed" 4 '' 'ended the backtest: the store ? broke' \
	backtest --gate "$url" --service 4
check "one too many" 4 '' 'BUSY' backtest --gate "$url" --service busy
check "a policy that is not there" 2 '' 'none.json: No such file' \
	backtest --gate "$url" --service 1 --policy "$dir/none.json"
: >"$dir/empty.json"
check "an empty policy is not the service's own" 2 '' 'it is empty' \
	backtest --gate "$url" --service 1 --policy "$dir/empty.json"
check "too far back" 2 '' '--last: "91d"' \
	backtest --gate "$url" --service 1 --last 91d

check "no command" 2 '' 'tailgate wait'
check "help" 0 'Exit status' '' --help
check "version" 0 '^tailgate [0-9]' '' version
check "a misspelt option" 2 '' 'no option --timout' wait --timout 5s
check "a gate that is not there" 4 '' 'because of --on-error=fail' \
	wait --gate http://127.0.0.1:1 --service s --baseline a --canary b \
	--timeout 5s --unreachable-after 0
check "a name that does not resolve" 4 '' '' \
	verdict --gate http://gate.invalid --service s --baseline a --canary b

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
