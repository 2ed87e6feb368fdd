#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gate_test.sh - the gate as a program: what it answers over HTTP, whom, and
# what is left of it after SIGKILL.
#
#	sh tests/system/gate_test.sh BUILD
#
# Ends with "N passed, N failed".
set -u
BUILD=${1:-build/plain}
RUN_DIR=${TMPDIR:-/tmp}/tailgate-gate.$$
. tests/system/procs.sh
proc_begin
passed=0
failed=0

# check WHY COMMAND...: does it succeed?
check() {
	_why=$1
	shift
	if "$@" >"$RUN_DIR/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $_why: $*"
		sed 's/^/  | /' "$RUN_DIR/said" | head -n 5
	fi
}

# start NAME [OPTION...]: a gate on a port of its own; its address is in URL.
start() {
	_gate=$1
	shift
	# the address in the log of one before it is no longer true
	rm -f "$RUN_DIR/logs/$_gate.log"
	proc_start "$_gate" "$BUILD/tailgated" --listen 127.0.0.1:0 "$@"
	proc_wait 10 "$_gate" grep -q 'listening on' \
		"$RUN_DIR/logs/$_gate.log"
	URL=$(sed -n 's/^tailgated: listening on //p' \
		"$RUN_DIR/logs/$_gate.log")
}

# answer STATUS TEXT CURL_ARGUMENT...: is this the reply?
answer() {
	_status=$1
	_text=$2
	shift 2
	_got=$(curl -s -m 20 -o "$RUN_DIR/body" -w '%{http_code}' "$@")
	echo "$_got $(cat "$RUN_DIR/body")"
	[ "$_got" = "$_status" ] && grep -q -- "$_text" "$RUN_DIR/body"
}

# has_field NAME CURL_ARGUMENT...: does the reply have this header field?
has_field() {
	_field=$1
	shift
	curl -s -m 20 -o "$RUN_DIR/body" -D "$RUN_DIR/head" "$@"
	cat "$RUN_DIR/head"
	grep -qi "^$_field" "$RUN_DIR/head"
}

post_batches() {
	for _batch; do
		answer 200 stored --data-binary "@$_batch" \
			"$URL/v1/batches" || return 1
	done
}

now_ms() {
	echo $(($(date +%s) * 1000))
}

# --- one story that is told to its end, while the rest is tried ---
mkdir "$RUN_DIR/story" "$RUN_DIR/more"
start main --store "$RUN_DIR/main.db"
MAIN=$URL
ORDERS="$MAIN/v1/verdict?service=orders&baseline=v1&canary=v2"
check 'a verdict begins a rollout' answer 200 '"code":"NO_DATA"' "$ORDERS"
check 'the feeder writes batches' "$BUILD/tests/system/feeder" \
	"$RUN_DIR/story" "$(($(now_ms) + 4000))" 0 26
check 'batches are stored' post_batches "$RUN_DIR/story"/*
check 'a batch again changes nothing' answer 200 '"stored":false' \
	--data-binary "@$RUN_DIR/story/0000-canary-0.batch" "$MAIN/v1/batches"
proc_start poll curl -s -m 110 "$ORDERS&wait=100"

# --- identities and parameters ---
while read -r status code query; do
	check "verdict?$query" answer "$status" "\"code\":\"$code\"" \
		"$MAIN/v1/verdict?$query"
done <<'END'
400 BAD_IDENTITY baseline=v1&canary=v2
400 BAD_IDENTITY service=&baseline=v1&canary=v2
400 BAD_IDENTITY service=orders&baseline=&canary=v2
400 BAD_IDENTITY service=orders&baseline=v1&canary=
400 BAD_IDENTITY service=orders&baseline=v1&canary=a%20b
400 BAD_IDENTITY service=orders&baseline=v1&canary=%7B%7Bargs.hash%7D%7D
400 BAD_IDENTITY service=..%2Fx&baseline=v1&canary=v2
400 SAME_REVISION service=orders&baseline=v1&canary=v1
400 BAD_TARGET service=orders&baseline=v1&canary=v2&canary=v3
400 BAD_TARGET service=orders&baseline=v1&canary=%00
400 BAD_TARGET service=orders&baseline=v1&canary=%zz
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&polcy=x
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&step=-1
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&step=1e3
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&attempt=0
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&wait=forever
400 BAD_PARAMETER service=orders&baseline=v1&canary=v2&wait=1000000
400 BAD_POLICY service=orders&baseline=v1&canary=v9&policy=none
END

# --- the explicit way ---
JSON='Content-Type: application/json'
check 'POST begins a rollout' answer 201 '"canary":"v4"' -H "$JSON" \
	-d '{"service":"orders","baseline":"v1","canary":"v4","step":2}' \
	"$MAIN/v1/rollouts"
check 'POST again finds it' answer 200 '"step":2' -H "$JSON" \
	-d '{"service":"orders","baseline":"v1","canary":"v4"}' \
	"$MAIN/v1/rollouts"
check 'an unknown key' answer 400 BAD_PARAMETER -H "$JSON" \
	-d '{"service":"orders","baseline":"v1","canary":"v4","x":1}' \
	"$MAIN/v1/rollouts"
check 'a key twice' answer 400 MALFORMED -H "$JSON" \
	-d '{"service":"orders","service":"x"}' "$MAIN/v1/rollouts"
check 'half a document' answer 400 MALFORMED -H "$JSON" -d '{"service":' \
	"$MAIN/v1/rollouts"
check 'a form' answer 415 MEDIA_TYPE -d 'service=x' "$MAIN/v1/rollouts"
ID=$(curl -s "$MAIN/v1/rollouts" | sed -n 's/^{"id":\([0-9]*\),.*"canary":"v4".*/\1/p')
check 'a rollout by its number' answer 200 '"canary":"v4"' \
	"$MAIN/v1/rollouts/$ID"
check 'a rollout is stopped' answer 200 '"code":"STOPPED"' -H "$JSON" \
	-d '{"reason":"tried <enough>"}' "$MAIN/v1/rollouts/$ID/stop"
check 'its page says why' answer 200 'tried &lt;enough&gt;' \
	"$MAIN/rollouts/$ID"
check 'no such rollout' answer 404 NOT_FOUND "$MAIN/v1/rollouts/77"
check 'no such page, in HTML' answer 404 '<h1>' "$MAIN/rollouts/77"
check 'a wrong method is told the right ones' has_field 'Allow: GET, HEAD' \
	-X PUT "$MAIN/v1/rollouts"
check 'health' answer 200 ok "$MAIN/healthz"
check 'readiness' answer 200 ready "$MAIN/readyz"
check 'metrics' answer 200 '^tailgate_batches_stored_total 208$' \
	"$MAIN/metrics"
check 'the API is described' answer 200 '"openapi"' "$MAIN/v1/openapi.json"
check 'pages carry a policy' has_field \
	"content-security-policy: default-src 'none'" "$MAIN/"
check 'nothing redirects' answer 404 NOT_FOUND "$MAIN/v1/rollouts/"

# --- policies ---
mkdir "$RUN_DIR/policies"
cat >"$RUN_DIR/policies/strict.json" <<'END'
{ "margin": 0.10, "soak_windows": 60 }
END
cat >"$RUN_DIR/policies/pay.json" <<'END'
{ "margin": 0.05, "services": ["pay"] }
END
start policies --store "$RUN_DIR/policies.db" --policy-dir "$RUN_DIR/policies"
POLICIES=$URL/v1/policies
ASK="$URL/v1/verdict?baseline=v1&canary=v2"
check 'a bound policy judges' answer 200 '"policy":"pay@1"' "$ASK&service=pay"
check 'a stricter one may be named' answer 200 '"policy":"strict@1"' \
	"$ASK&service=orders&policy=strict"
check 'a looser one is refused with both numbers' answer 400 \
	'policy strict: margin 0.1 permits more than 0.05 of policy pay' \
	"$URL/v1/verdict?service=pay&baseline=v1&canary=v3&policy=strict"
check 'over POST, too' answer 400 'policy default: margin 0.15 permits more' \
	-H "$JSON" "$URL/v1/rollouts" -d '{"service":"pay","baseline":"v1",
	"canary":"v3","policy":"default"}'
check 'a policy is put' answer 201 '"name":"cart","version":1,"source":"api"' \
	-X PUT -H "$JSON" "$POLICIES/cart" \
	-d '{"alpha_pass":0.01,"services":["cart"]}'
check 'and judges from then on' answer 200 '"policy":"cart@1"' \
	"$ASK&service=cart"
check 'other numbers are another version' answer 200 '"version":2' \
	-X PUT -H "$JSON" "$POLICIES/cart" \
	-d '{"alpha_pass":0.02,"services":["cart"]}'
check 'a rollout keeps its own' answer 200 '"policy":"cart@1"' \
	"$ASK&service=cart"
check 'the same numbers are the same version' answer 200 '"version":1' \
	-X PUT -H "$JSON" "$POLICIES/cart" \
	-d '{"services":["cart"],"alpha_pass":1e-2}'
check 'what is wrong is said where' answer 400 \
	'line 2 column 11: margin is 15, permitted are 0.01 to 10' \
	-X PUT -H "$JSON" "$POLICIES/cart" --data-binary '{
"margin": 15}'
check 'half a policy' answer 400 '"code":"MALFORMED"' -X PUT -H "$JSON" \
	"$POLICIES/cart" -d '{"margin":'
check 'a name that cannot be' answer 400 '"code":"BAD_POLICY"' -X PUT \
	-H "$JSON" "$POLICIES/a%20b" -d '{}'
check 'a file is not shadowed' answer 409 'policy strict is a file' \
	-X PUT -H "$JSON" "$POLICIES/strict" -d '{"margin":0.3}'
check 'nor a binding taken' answer 409 'both name service pay' \
	-X PUT -H "$JSON" "$POLICIES/other" -d '{"services":["pay"]}'
check 'policies are listed' answer 200 '"name":"pay".*"services":\["pay"\]' \
	"$POLICIES"
check 'one is shown' answer 200 '"source":"file".*"margin":0.1,' \
	"$POLICIES/strict"
check 'and a version of it' answer 200 '"source":"kept".*"alpha_pass":0.02' \
	"$POLICIES/cart?version=2"
check 'and which there are' answer 200 '^{"version":2,"kept_ms":' \
	"$POLICIES/cart/versions"
check 'no such version' answer 404 NOT_FOUND "$POLICIES/cart?version=9"
check 'no such policy' answer 404 'there are default, pay, strict, cart' \
	"$POLICIES/none"
proc_stop policies
cp "$RUN_DIR/policies/strict.json" "$RUN_DIR/policies/cart.json"
start files --store "$RUN_DIR/policies.db" --policy-dir "$RUN_DIR/policies"
POLICIES=$URL/v1/policies
check 'a file wins, and says so' answer 200 \
	'"source":"file".*"aside_version":1' "$POLICIES/cart"
check 'in the log as well' grep -q 'policy_aside.*cart' \
	"$RUN_DIR/logs/files.log"
check 'what is aside is retired' answer 200 '"retired":"cart"' -X DELETE \
	"$POLICIES/cart"
check 'a file is not' answer 409 POLICY_CONFLICT -X DELETE "$POLICIES/cart"
proc_stop files
# an older gate permitted more
start older --store "$RUN_DIR/older.db"
check 'a policy is put in an older gate' answer 201 '"version":1' -X PUT \
	-H "$JSON" "$URL/v1/policies/wide" \
	-d '{"margin":9,"services":["orders"]}'
proc_stop older
cat >"$RUN_DIR/wide.py" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.execute("UPDATE policy SET document = json_set(document, '$.margin', 20)"
               " WHERE name = 'wide'")
db.close()
END
check 'it was of another build' python3 "$RUN_DIR/wide.py" "$RUN_DIR/older.db"
start older --store "$RUN_DIR/older.db"
check 'what is no longer permitted is said at start' grep -q \
	'event=policy_refused policy=.*wide.* version=1 reason=.*margin is 20, permitted are 0.01 to 10' \
	"$RUN_DIR/logs/older.log"
check 'and shown' answer 200 '"version":1.*"refused":"margin is 20, permitted' \
	"$URL/v1/policies/wide"
check 'nothing begins by it' answer 400 \
	'policy wide@1 was put when more was permitted.*margin is 20.*BAD_POLICY' \
	"$URL/v1/verdict?service=orders&baseline=v1&canary=v2"
check 'until it is put again' answer 200 '"version":2' -X PUT -H "$JSON" \
	"$URL/v1/policies/wide" -d '{"margin":0.2,"services":["orders"]}'
check 'then it does' answer 200 '"policy":"wide@2"' \
	"$URL/v1/verdict?service=orders&baseline=v1&canary=v2"
proc_stop older
printf '{"services":["pay"]}' >"$RUN_DIR/policies/cart.json"
check 'two policies for one service are found at start' \
	sh -c 'timeout 20 "$0" --store "$1.db" --listen 127.0.0.1:0 \
	--policy-dir "$1" 2>&1 | grep "cart.*pay.* both name service pay"' \
	"$BUILD/tailgated" "$RUN_DIR/policies"

# --- what is no batch ---
check 'no batch at all' answer 400 BAD_BATCH --data-binary hello \
	"$MAIN/v1/batches"
check 'an empty batch' answer 400 BAD_BATCH -X POST "$MAIN/v1/batches"
head -c 200 "$RUN_DIR/story/0001-canary-1.batch" >"$RUN_DIR/cut"
check 'half a batch' answer 400 BAD_BATCH --data-binary "@$RUN_DIR/cut" \
	"$MAIN/v1/batches"
"$BUILD/tests/system/feeder" "$RUN_DIR/more" "$(($(now_ms) + 600000))" 0 1
check 'a batch from the future' answer 400 FUTURE \
	--data-binary "@$RUN_DIR/more/0000-canary-0.batch" "$MAIN/v1/batches"
head -c 4194305 /dev/zero >"$RUN_DIR/huge"
check 'a batch too large' answer 413 TOO_LARGE \
	--data-binary "@$RUN_DIR/huge" "$MAIN/v1/batches"
check 'nothing of that was stored' answer 200 \
	'^tailgate_batches_stored_total 208$' "$MAIN/metrics"

# --- framing, by hand ---
raw=$(python3 tests/system/raw_http.py 127.0.0.1 "${MAIN##*:}")
printf '%s\n' "$raw" | grep '^FAIL'
counts=$(printf '%s\n' "$raw" | tail -n 1)
passed=$((passed + ${counts%% *}))
counts=${counts#* passed, }
failed=$((failed + ${counts%% *}))

# --- tokens ---
cat >"$RUN_DIR/tokens" <<'END'
ingest:orders	ingest-orders-token
ingest:billing	ingest-billing-token
read:orders	read-orders-token
decide:orders	decide-orders-token
admin		sha256:f39dac6cbaba535e2c207cd0cd8f154974223c848f727f98b3564cea569b41cf
END
check 'no tokens, no other address' sh -c "! '$BUILD/tailgated' \
	--listen 0.0.0.0:0 --store '$RUN_DIR/no.db' 2>'$RUN_DIR/why' &&
	grep -q 'token-file' '$RUN_DIR/why'"
start tokens --store "$RUN_DIR/tokens.db" --token-file "$RUN_DIR/tokens"
ORDERS2="$URL/v1/verdict?service=orders&baseline=v1&canary=v2"
BATCH=$RUN_DIR/story/0000-canary-0.batch
check 'health needs no token' answer 200 ok "$URL/healthz"
check 'a verdict does' answer 401 NO_TOKEN "$ORDERS2"
check '401 says how' has_field 'WWW-Authenticate: Basic' "$ORDERS2"
check 'reading does not begin' answer 403 FORBIDDEN \
	-H 'Authorization: Bearer read-orders-token' "$ORDERS2"
check 'deciding does' answer 200 NO_DATA \
	-H 'Authorization: Bearer decide-orders-token' "$ORDERS2"
check 'then reading reads' answer 200 NO_DATA -u any:read-orders-token \
	"$ORDERS2"
check 'reading begins no step' answer 403 FORBIDDEN \
	-u any:read-orders-token "$ORDERS2&step=9"
check 'another service' answer 403 FORBIDDEN -u any:decide-orders-token \
	"$URL/v1/verdict?service=billing&baseline=v1&canary=v2"
check 'a batch of its service' answer 200 stored \
	-u any:ingest-orders-token --data-binary "@$BATCH" "$URL/v1/batches"
check 'a batch of another' answer 403 FORBIDDEN \
	-u any:ingest-billing-token --data-binary "@$BATCH" "$URL/v1/batches"
check 'a batch by a reader' answer 403 FORBIDDEN \
	-u any:read-orders-token --data-binary "@$BATCH" "$URL/v1/batches"
check 'admin, by hash' answer 200 openapi -u any:abcdefghijklmnop \
	"$URL/v1/openapi.json"
check 'who decides puts no policy' answer 403 FORBIDDEN -X PUT -H "$JSON" \
	-u any:decide-orders-token "$URL/v1/policies/lax" -d '{"margin":5}'
check 'nor retires one' answer 403 FORBIDDEN -X DELETE \
	-u any:decide-orders-token "$URL/v1/policies/default"
check 'an admin does' answer 201 '"services":\["billing","orders"\]' -X PUT \
	-H "$JSON" -u any:abcdefghijklmnop "$URL/v1/policies/lax" \
	-d '{"margin":5,"services":["billing","orders"]}'
check 'a reader sees services of his own alone' answer 200 \
	'"services":\["orders"\]' -u any:read-orders-token \
	"$URL/v1/policies/lax"
check 'a page asks for a token too' answer 401 NO_TOKEN "$URL/"
check 'a list shows what may be read' answer 200 '"rollouts":\[$' \
	-u any:read-orders-token "$URL/v1/rollouts?service=orders"
proc_stop tokens

# --- what was answered 200 is there after SIGKILL ---
start kill --store "$RUN_DIR/kill.db"
(
	n=0
	for batch in "$RUN_DIR/story"/*; do
		curl -s -m 5 -f -o /dev/null --data-binary "@$batch" \
			"$URL/v1/batches" || break
		n=$((n + 1))
		echo $n >"$RUN_DIR/acked"
	done
) &
feed=$!
proc_wait 20 kill sh -c "[ \"\$(cat '$RUN_DIR/acked')\" -ge 50 ]"
kill -KILL "$(proc_pid kill)"
wait "$feed"
acked=$(cat "$RUN_DIR/acked")
start again --store "$RUN_DIR/kill.db"
kept=0
for batch in "$RUN_DIR/story"/*; do
	curl -s --data-binary "@$batch" "$URL/v1/batches" |
		grep -q '"stored":false' || break
	kept=$((kept + 1))
done
check "all $acked acknowledged batches are kept, $kept" \
	[ "$kept" -ge "$acked" ]
proc_stop again

# --- the story's end ---
proc_wait 110 main sh -c "! kill -0 $(proc_pid poll) 2>/dev/null"
check 'the long poll ends with the verdict' grep -q \
	'"verdict":"fail".*"final":true' "$RUN_DIR/logs/poll.log"
check 'it names the route' grep -q '"route":"GET /orders/{}"' \
	"$RUN_DIR/logs/poll.log"
ID=$(sed -n 's/.*"rollout":\([0-9]*\),.*/\1/p' "$RUN_DIR/logs/poll.log")
curl -s "$ORDERS" >"$RUN_DIR/before"
check 'the report is there' answer 200 '<div class="big">fail</div>' \
	"$MAIN/rollouts/$ID"
check 'as a file too' has_field 'Content-Disposition: attachment' \
	"$MAIN/rollouts/$ID/report.html"
check 'the evidence has its windows' answer 200 '"ingest_seq":' \
	"$MAIN/v1/rollouts/$ID/evidence"
check 'metrics have refusals' answer 200 'code="SAME_REVISION"} 1' \
	"$MAIN/metrics"
kill -TERM "$(proc_pid main)"
check 'SIGTERM ends it' proc_wait 10 x sh -c \
	"! kill -0 $(proc_pid main) 2>/dev/null"
start main --store "$RUN_DIR/main.db"
curl -s "$URL/v1/verdict?service=orders&baseline=v1&canary=v2" |
	sed "s,$URL,$MAIN," >"$RUN_DIR/after"
check 'the verdict is the same after a restart' cmp "$RUN_DIR/before" \
	"$RUN_DIR/after"

# --- judged again from what is stored ---
# replay STATUS TEXT: does the command end so, and say so?
replay() {
	"$BUILD/tailgate" replay "$ID" --gate "$URL"
	_got=$?
	"$BUILD/tailgate" replay "$ID" --gate "$URL" >"$RUN_DIR/replay"
	[ "$_got" = "$1" ] && grep -q -- "$2" "$RUN_DIR/replay"
}
check 'a replay is not waited for unless that is wanted' answer 202 \
	'^{"state":"queued","windows":0}' \
	"$URL/v1/rollouts/$ID/replay?wait=0"
check 'a wait that is none is refused' answer 400 'wait' \
	"$URL/v1/rollouts/$ID/replay?wait=soon"
check 'it replays to the bit after the restart' \
	replay 0 "rollout $ID replays to the bit: judged again"
proc_stop main
# Another mathematics library: the same machine without FMA.  The last bits
# of figures may be others there, and no decision.
GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA
export GLIBC_TUNABLES
start main --store "$RUN_DIR/main.db"
unset GLIBC_TUNABLES
check 'it replays on another libm' replay 0 "rollout $ID replays to the "
check 'with figures as close as said' answer 200 '"different":0,' \
	"$URL/v1/rollouts/$ID/replay"
proc_stop main
cat >"$RUN_DIR/alter.py" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.execute("UPDATE judged SET document = "
               "json_set(document, '$.verdict', 'pass', '$.pass', json('true'))"
               " WHERE rollout_id = ? AND history = 0 AND from_ms ="
               " (SELECT min(from_ms) FROM judged WHERE rollout_id = ?"
               " AND history = 0)", (sys.argv[2], sys.argv[2]))
db.close()
END
check 'somebody alters a verdict in the file' \
	python3 "$RUN_DIR/alter.py" "$RUN_DIR/main.db" "$ID"
start main --store "$RUN_DIR/main.db"
check 'the altered verdict is found and named' replay 1 \
	'1 of .* and not every decision is the same; .* in which verdict was written down as "pass" and is recomputed as "running"'
proc_stop main
cat >"$RUN_DIR/older.py" <<'END'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
with db:
    db.execute("UPDATE judged SET method = NULL, arithmetic = NULL"
               " WHERE rollout_id = ?", (sys.argv[2],))
db.close()
END
check 'the file is as an older gate leaves it' \
	python3 "$RUN_DIR/older.py" "$RUN_DIR/main.db" "$ID"
start main --store "$RUN_DIR/main.db"
check 'another method explains a difference' replay 3 \
	"rollout $ID was judged by a method that was not written down then, recomputed by method [1-9][0-9]*: figures may differ, and 1 of .* verdicts does, and not every decision is the same; "
check 'and the page says so' answer 200 \
	'Judged by a method that was not written down then; the figures' \
	"$URL/rollouts/$ID"
# --- a time that is over ---
cat >"$RUN_DIR/past.py" <<'END'
import json, sys
r = json.load(open(sys.argv[1]))["windows"]
w = [x for x in r if not x["history"]]
print(w[0]["from_ms"], w[-1]["to_ms"])
END
curl -s "$URL/v1/rollouts/$ID/evidence" >"$RUN_DIR/evidence"
# shellcheck disable=SC2046 # two numbers
set -- $(python3 "$RUN_DIR/past.py" "$RUN_DIR/evidence")
FROM=$1
UNTIL=$(($2 > $1 + 10000 ? $2 : $1 + 10000))
# past STATUS TEXT [OPTION...]: the same revisions, over that time
past() {
	_status=$1
	_text=$2
	shift 2
	"$BUILD/tailgate" verdict --gate "$URL" --service orders \
		--baseline v1 --canary v2 --from "$FROM" --until "$UNTIL" "$@" \
		>"$RUN_DIR/past" 2>"$RUN_DIR/past.why"
	_got=$?
	cat "$RUN_DIR/past" "$RUN_DIR/past.why"
	[ "$_got" = "$_status" ] &&
		grep -q -- "$_text" "$RUN_DIR/past" "$RUN_DIR/past.why"
}
proc_wait 30 'the time of late batches' sh -c \
	"[ \$(date +%s) -gt $((UNTIL / 1000 + 15)) ]"
check 'a past time is judged once spools had their time' \
	past 1 '^fail: GET /orders/{}: P99 .* ms against' --wait 60
PAST=$(sed -n 's/.*"rollout":\([0-9]*\),.*/\1/p' "$RUN_DIR/past")
check 'it is another rollout' [ "$PAST" != "$ID" ]
cp "$RUN_DIR/past" "$RUN_DIR/past.first"
check 'asked again it is found' past 1 "\"rollout\":$PAST,"
check 'and says the same' cmp "$RUN_DIR/past" "$RUN_DIR/past.first"
check 'a deployment never finds it' answer 200 "\"rollout\":$ID," \
	"$URL/v1/verdict?service=orders&baseline=v1&canary=v2"
check 'its report says what it is' answer 200 'judged afterwards: from' \
	"$URL/rollouts/$PAST"
UNTIL=$(($(now_ms) + 60000))
check 'the future is refused' past 2 'BAD_RANGE, HTTP 400: until lies in'
proc_stop main
start main --store "$RUN_DIR/main.db"
ID=$PAST
check 'after a restart it replays to the bit' replay 0 ' replays to the bit: '

# --- a policy, tried on all of that ---
printf '{\n  "margin": 1.5,\n  "margin_ms": 900\n}\n' >"$RUN_DIR/loose.json"
printf '{\n  "margin": "wide"\n}\n' >"$RUN_DIR/wrong.json"
# backtest STATUS TEXT [OPTION...]
backtest() {
	_status=$1
	_text=$2
	shift 2
	"$BUILD/tailgate" backtest --gate "$URL" --service orders \
		--last 1h "$@" >"$RUN_DIR/backtest" 2>"$RUN_DIR/backtest.why"
	_got=$?
	cat "$RUN_DIR/backtest" "$RUN_DIR/backtest.why"
	[ "$_got" = "$_status" ] &&
		grep -q -- "$_text" "$RUN_DIR/backtest" "$RUN_DIR/backtest.why"
}
check "the service's own policy decides as it did" backtest 0 \
	'^[0-9]*  *v1  *v2  *[a-z]* [A-Z0-9_]*  *fail ' --splits 20
check 'it says how far the batches reach back' backtest 0 \
	'^time: asked for the last 1.0 h; batches reach back 0.[0-9] h, to .* UTC, and are there in [12] hours* of that$' \
	--splits 0
check 'its own instances are alike' backtest 0 \
	'^A/A: of 20 splits .* it would have failed 0, 0.0 % (95 % interval 0.0 to 16.8 ' \
	--splits 20
check 'a looser one decides otherwise' backtest 0 \
	'v1  *v2  *fail P99_SHIFT  *[a-z]* [A-Z_0-9]*  *\*$' --splits 0 \
	--policy "$RUN_DIR/loose.json"
check 'a wrong one is refused where it is wrong' backtest 2 \
	'BAD_POLICY, HTTP 400: line 2 column 13: ' --policy "$RUN_DIR/wrong.json"
check 'nothing of that is a decision' \
	[ "$(curl -s "$URL/v1/rollouts" | grep -c '^{"id"')" = 3 ]

check 'no such rollout to replay' answer 404 NOT_FOUND \
	"$URL/v1/rollouts/77/replay"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
