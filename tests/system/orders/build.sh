#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh - make the builds of the service that are not there or are stale.
#
#	sh tests/system/orders/build.sh [NAME...]
#
# NAME is baseline, rebuild (the same sources built again, as another
# revision) or slow (one class differs); all by default.  Leaves
# target/orders-NAME.jar and target/lib/.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- baseline rebuild slow

for name; do
	jar=target/orders-$name.jar
	if [ -f "$jar" ] && [ -d target/lib ] &&
		[ -z "$(find pom.xml src -newer "$jar")" ]; then
		continue
	fi
	flavour=$name
	[ "$name" != rebuild ] || flavour=baseline
	echo "orders: building $jar"
	rm -f "$jar"
	mkdir -p target
	if ! mvn -B -q -ntp package -Dbuild.flavour="$flavour" \
		-Dbuild.name="orders-$name" >target/maven.log 2>&1; then
		cat target/maven.log >&2
		exit 1
	fi
	touch "$jar"
done
