#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# orders_test.sh - the service that everything else is measured with: does it
# answer as a service does, and do its builds differ only where they should?
set -u
RUN_DIR=build/test/orders
PORT=18400 # so that a demo may run meanwhile
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

# fetch BUILD PATH [CURL_OPTION...]: the status, and the body in $RUN_DIR/body
fetch() {
	_base=http://127.0.0.1:$((PORT + $1))
	_path=$2
	shift 2
	curl -s -o "$RUN_DIR/body" -w '%{http_code}' "$@" "$_base$_path"
}

# status_is WANT BUILD PATH [CURL_OPTION...]
status_is() {
	_want=$1
	shift
	[ "$(fetch "$@")" = "$_want" ]
}

body_has() {
	grep -qF "$1" "$RUN_DIR/body"
}

json_body() {
	printf '%s' "$1" >"$RUN_DIR/sent"
	status_is "$2" 1 /orders -H 'Content-Type: application/json' \
		--data-binary "@$RUN_DIR/sent"
}

# same_answer PATH: byte for byte, from all three builds
same_answer() {
	for _b in 1 2 3; do
		fetch $_b "$1" >/dev/null
		cksum <"$RUN_DIR/body"
	done | uniq | wc -l | grep -qx 1
}

differing_classes() {
	for _j in baseline slow; do
		mkdir -p "$RUN_DIR/$_j"
		(cd "$RUN_DIR/$_j" && jar xf "$OLDPWD/$ORDERS/orders-$_j.jar")
	done
	diff -rq -x META-INF "$RUN_DIR/baseline" "$RUN_DIR/slow" |
		sed 's/.* and //; s/ differ$//; s/.*\///'
}

sh tests/system/orders/build.sh || exit 1
proc_begin
n=1
for jar in baseline rebuild slow; do
	orders_start "$jar" $jar "v-$jar" $((PORT + n)) $n
	n=$((n + 1))
done
n=1
for jar in baseline rebuild slow; do
	orders_wait $jar $((PORT + n)) || failed=$((failed + 1))
	n=$((n + 1))
done

check "it is up" status_is 200 1 /healthz
check "it says which build it is" body_has '"revision":"orders-baseline"'
check "an order is found" status_is 200 1 /orders/42
check "prices are decimal text" grep -q '"unitPrice":"[0-9]*\.[0-9][0-9]"' \
	"$RUN_DIR/body"
check "no such order" status_is 404 1 /orders/1000000
check "an order's number is a number" status_is 404 1 /orders/abc
check "a customer's orders are listed" status_is 200 1 /customers/7/orders
check "an order is placed" status_is 201 1 /orders \
	-H 'Content-Type: application/json' \
	--data-binary @tests/system/orders/draft.json
check "it echoes what was ordered" body_has '"sku":"SKU-204811"'
check "half a document is refused" json_body '{"customerId":7,"it' 400
check "an order without lines is refused" \
	json_body '{"customerId":7,"items":[]}' 400
check "a negative quantity is refused" \
	json_body '{"customerId":7,"items":[{"sku":"A","quantity":-1}]}' 400

# 1 to 60 holds small and large orders
for id in 1 2 3 5 8 13 21 34 55; do
	check "order $id is the same in every build" same_answer /orders/$id
done
large=$(for id in $(seq 1 60); do
	fetch 1 /orders/"$id" >/dev/null
	wc -c <"$RUN_DIR/body"
done | awk '$1 > 50000 { n++ } END { print n + 0 }')
check "some orders are large, $large of 60" [ "$large" -ge 1 ]

check "the slow build differs in the serializer alone: $(differing_classes |
	tr '\n' ' ')" [ "$(differing_classes)" = LineItemsSerializer.class ]

proc_stop_all
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
