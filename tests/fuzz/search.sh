#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# search.sh - look for inputs that break a fuzz target.
#
#	search.sh DIR SECONDS [TARGET ...]
#
# Builds below DIR with clang, its fuzzing engine and both sanitizers, and
# runs each target (all of them, or those named: batch http1 ...) for SECONDS,
# starting from its kept corpus.  What the engine learns goes to DIR/found/X,
# never into the kept corpus; what breaks a target stays in DIR as crash-*.
# FUZZ_SEED fixes where the engine begins; without it every run is another.
set -eu
dir=$1
seconds=$2
shift 2
if [ $# -eq 0 ]; then
	for file in tests/fuzz/*_fuzz.c; do
		set -- "$@" "$(basename "$file" _fuzz.c)"
	done
fi

flags="-std=gnu11 -O1 -g -fno-omit-frame-pointer -pthread \
-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
libs=$(pkg-config --libs libprotobuf-c libzstd libmicrohttpd nettle jansson \
	sqlite3 libcap libseccomp libbpf libelf liblzma libcurl)
mkdir -p "$dir"
failed=0
for name in "$@"; do
	b=$dir/plain
	# only what the target names is linked, so only that must build
	ours=
	for part in gate collector; do
		if grep -q "\"$part/" "tests/fuzz/${name}_fuzz.c"; then
			ours="$ours $b/lib$part.a"
		fi
	done
	ours="$ours $b/libstats.a $b/libcommon.a"
	make -s O="$dir" CC=clang CFLAGS="$flags" \
		"$b/tests/fuzz/${name}_fuzz.o" $ours
	clang -fsanitize=fuzzer,address,undefined -pthread \
		-o "$dir/${name}_search" "$b/tests/fuzz/${name}_fuzz.o" \
		$ours $libs -liberty -lm
	mkdir -p "$dir/found/$name"
	echo "$name: $seconds s"
	if "$dir/${name}_search" -max_total_time="$seconds" \
		-seed="${FUZZ_SEED:-0}" \
		-artifact_prefix="$dir/" -rss_limit_mb=1024 -timeout=10 \
		-max_len=65536 "$dir/found/$name" \
		"tests/fuzz/corpus/$name" >"$dir/$name.log" 2>&1; then
		tail -n 1 "$dir/$name.log"
	else
		tail -n 40 "$dir/$name.log"
		echo "FAIL $name"
		failed=1
	fi
done
exit "$failed"
