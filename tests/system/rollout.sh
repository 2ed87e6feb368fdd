# SPDX-License-Identifier: Apache-2.0
# rollout.sh - a whole rollout on this machine: gate, service, collectors and
# traffic.  Sourced, after procs.sh, by the demo and by rollout_test.sh, so
# that both do it in one way.
#
# The machine carries CANARIES * CANARY_RATE + BASELINES * BASELINE_RATE
# requests a second; orders/README.md has the figures behind these numbers.  Two
# canary instances, because one cannot say what an instance alone may do.
BASELINES=${BASELINES:-12}	   # instances
BASELINE_RATE=${BASELINE_RATE:-34} # requests/s, each
CANARIES=${CANARIES:-2}		   # instances
CANARY_RATE=${CANARY_RATE:-22}	   # requests/s, each
WINDOW_MS=${WINDOW_MS:-2000}
WARM_S=${WARM_S:-60}	   # traffic before anything is judged
ROLLOUT_S=${ROLLOUT_S:-300} # give up on a verdict
SEED=${SEED:-1}		   # of traffic and database
PORT=${PORT:-17400}	   # the gate's; canaries PORT+1 on, baselines PORT+11

SERVICE=orders
GATE_URL=http://127.0.0.1:$PORT
ORDERS=tests/system/orders/target
VEGETA=build/tools/vegeta
JVM_FLAGS="-Xms32m -Xmx96m -XX:+PreserveFramePointer
	-XX:+UnlockDiagnosticVMOptions -XX:+DebugNonSafepoints"

# rollout_gate BUILD: a gate with an empty store.
rollout_gate() {
	BUILD=$1
	if curl -s -o "$RUN_DIR/port" "$GATE_URL/healthz"; then
		echo "port $PORT is taken; set PORT to a free one" >&2
		return 1
	fi
	rm -f "$RUN_DIR/gate.db"
	proc_start gate "$BUILD/tailgated" --listen "127.0.0.1:$PORT" \
		--store "$RUN_DIR/gate.db"
	proc_wait 10 gate curl -sf "$GATE_URL/healthz" ||
		{ cat "$RUN_DIR/logs/gate.log" >&2; return 1; }
}

# orders_start NAME JAR REVISION PORT SEED
orders_start() {
	# shellcheck disable=SC2086 # a list
	proc_start "$1" env "REVISION=$3" java $JVM_FLAGS \
		-jar "$ORDERS/orders-$2.jar" --port "$4" --seed "$5"
}

# orders_wait NAME PORT
orders_wait() {
	proc_wait 90 "$1" curl -sf "http://127.0.0.1:$2/healthz" ||
		{ cat "$RUN_DIR/logs/$1.log" >&2; return 1; }
}

# collector_start COHORT NAME:PORT...: one target file for each instance; the
# revision is what the target itself was started with.
collector_start() {
	_cohort=$1
	_dir=$RUN_DIR/targets.$_cohort
	shift
	rm -rf "$_dir"
	mkdir -p "$_dir"
	for _target; do
		cat >"$_dir/${_target%:*}.conf" <<-EOC
			port = ${_target#*:}
			service = $SERVICE
			revision = env:REVISION
			instance = ${_target%:*}
		EOC
	done
	proc_start "collector-$_cohort" "$BUILD/tailgate-collector" \
		--gate "$GATE_URL" --targets "$_dir" \
		--window-ms "$WINDOW_MS" --jvm-attach \
		--spool-dir "$RUN_DIR/spool.$_cohort"
}

# load_start COHORT RATE SEED PORT...: constant rate, open loop: a request is
# sent when it is due, whether or not earlier ones were answered.
load_start() {
	_cohort=$1
	_rate=$2
	_seed=$3
	shift 3
	awk -v seed="$_seed" -v n=20000 -v ports="$*" \
		-v draft="$PWD/tests/system/orders/draft.json" \
		-f tests/system/orders/targets.awk \
		>"$RUN_DIR/load.$_cohort.targets"
	proc_start "load-$_cohort" "$VEGETA" attack -name "$_cohort" \
		-targets "$RUN_DIR/load.$_cohort.targets" -rate "$_rate/1s" \
		-duration 0 -timeout 30s -max-body 0 \
		-output "$RUN_DIR/load.$_cohort.bin"
}

# baseline_start: all baseline instances, their collector and their traffic.
baseline_start() {
	BASELINE=v41
	_ports=
	_targets=
	_i=1
	while [ $_i -le "$BASELINES" ]; do
		orders_start "baseline-$_i" baseline $BASELINE \
			$((PORT + 10 + _i)) $((SEED * 1000 + _i))
		_ports="$_ports $((PORT + 10 + _i))"
		_targets="$_targets baseline-$_i:$((PORT + 10 + _i))"
		_i=$((_i + 1))
	done
	BASELINE_NAMES=$(printf '%s\n' $_targets | sed 's/:.*//')
	for _t in $_targets; do
		orders_wait "${_t%:*}" "${_t#*:}" || return 1
	done
	# shellcheck disable=SC2086 # lists
	collector_start baseline $_targets
	# shellcheck disable=SC2086
	load_start baseline $((BASELINES * BASELINE_RATE)) "$SEED" $_ports
}

# canary_start JAR REVISION SEED: all canary instances and what belongs to them
canary_start() {
	CANARY=$2
	CANARY_NAMES=
	_ports=
	_targets=
	_i=1
	while [ $_i -le "$CANARIES" ]; do
		orders_start "canary-$_i" "$1" "$CANARY" $((PORT + _i)) \
			$(($3 + _i))
		CANARY_NAMES="$CANARY_NAMES canary-$_i"
		_ports="$_ports $((PORT + _i))"
		_targets="$_targets canary-$_i:$((PORT + _i))"
		_i=$((_i + 1))
	done
	for _t in $_targets; do
		orders_wait "${_t%:*}" "${_t#*:}" || return 1
	done
	# shellcheck disable=SC2086 # lists
	collector_start canary $_targets
	# shellcheck disable=SC2086
	load_start canary $((CANARIES * CANARY_RATE)) "$3" $_ports
}

# canary_stop: traffic first, so that no request is cut off.
canary_stop() {
	proc_stop load-canary
	proc_stop collector-canary
	# shellcheck disable=SC2086 # a list
	proc_stop $CANARY_NAMES
}

# rollout_alive: has nothing that should be running died?
rollout_alive() {
	# shellcheck disable=SC2086 # a list
	for _p in gate collector-baseline collector-canary load-baseline \
		load-canary $CANARY_NAMES $BASELINE_NAMES; do
		if ! proc_alive "$_p"; then
			echo "$_p has died:" >&2
			tail -n 20 "$RUN_DIR/logs/$_p.log" >&2
			return 1
		fi
	done
}

# rollout_wait: open the rollout and wait for its verdict.  VERDICT receives
# the word, RUN_DIR/NAME.json the document.  Returns what tailgate wait did.
rollout_wait() {
	_name=$1
	"$BUILD/tailgate" wait --gate "$GATE_URL" --service "$SERVICE" \
		--baseline "$BASELINE" --canary "$CANARY" \
		--timeout "${ROLLOUT_S}s" </dev/null &
	echo $! >"$RUN_DIR/pids/wait"
	_rc=0
	wait $! || _rc=$?
	rm -f "$RUN_DIR/pids/wait"
	curl -sf "$GATE_URL/v1/verdict?service=$SERVICE&baseline=$BASELINE&canary=$CANARY" \
		>"$RUN_DIR/$_name.json" || return 4
	VERDICT=$(json_text verdict <"$RUN_DIR/$_name.json")
	return $_rc
}

# json_text KEY: the text of a key of a flat document.
json_text() {
	sed -n 's/.*"'"$1"'":"\(\([^"\\]\|\\.\)*\)".*/\1/p'
}

# json_number KEY
json_number() {
	sed -n 's/.*"'"$1"'":\(-\{0,1\}[0-9.e+-]*\).*/\1/p'
}

# json_lines: a flat document, a key on each line.
json_lines() {
	sed 's/^{"/{\n  "/; s/,"\([a-z0-9_]*\)":/,\n  "\1":/g; s/}$/\n}/'
}

# load_report COHORT FROM_NS TO_NS: what the client saw of GET /orders/{}
load_report() {
	"$VEGETA" encode --to csv "$RUN_DIR/load.$1.bin" 2>/dev/null |
		awk -F, -v from="$2" -v to="$3" '
			$1 >= from && $1 < to && $10 == "GET" &&
			$11 ~ /\/orders\/[0-9]+$/ { print $3 }' |
		sort -n |
		awk -v cohort="$1" 'function q(p) {
				i = int(p * NR); if (i < p * NR) i++
				return a[i] / 1e6 }
			{ a[NR] = $1 }
			END { if (NR) printf \
				"%-8s %6d requests, P50 %5.1f ms, P99 %5.1f ms\n",
				cohort, NR, q(.5), q(.99) }'
}
