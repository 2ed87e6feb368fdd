#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh - the latency truth test, and a profile, on Debian 12's own kernel, in
# a machine that qemu emulates.
#
#	sh tests/vm/run.sh BUILD_DIR
#
# The kernel package is fetched and unpacked below build/vm, never installed.
# Ends with "N passed, N failed".
set -u
build=${1:-build/plain}
work=build/vm
system=$build/tests/system
limit_s=230

fail() {
	echo "vm: $*"
	echo '0 passed, 1 failed'
	exit 1
}

# The newest 6.1 cloud kernel that the package lists know.
fetch_kernel() {
	package=$(apt-cache depends linux-image-cloud-amd64 |
	    sed -n 's/.*Depends: \(linux-image-6\.1.*-cloud-amd64\)$/\1/p' |
	    head -n 1)
	[ "$package" ] || fail 'no linux-image-6.1*-cloud-amd64 (apt-get update?)'
	if ! ls "$work"/"$package"_*.deb >/dev/null 2>&1; then
		(cd "$work" && apt-get -q download "$package" >apt.log 2>&1) ||
		    fail "apt-get download $package: $(tail -n 1 "$work/apt.log")"
	fi
	if [ ! -d "$work/$package" ]; then
		dpkg -x "$work"/"$package"_*.deb "$work/$package.part" &&
		    mv "$work/$package.part" "$work/$package" ||
		    fail "dpkg -x $package"
	fi
	kernel=$(ls "$work/$package"/boot/vmlinuz-*)
}

make_initramfs() {
	root=$work/root
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/truth"
	cp /bin/busybox "$root/bin/busybox" || fail 'busybox-static is missing'
	ln -s busybox "$root/bin/sh"
	cp tests/vm/init "$root/init"
	chmod 755 "$root/init"
	programs="$system/truth/driver $system/truth/server
	    $system/truth/client $system/profiler"
	# shellcheck disable=SC2086
	cp $programs tests/system/truth/run.sh tests/system/truth/check.awk \
	    "$root/truth/" || fail "no programs in $system"
	for program in $programs; do
		ldd "$program"
	done | sed -n "s/[^/]*\(\/[^ ]*\) (0x.*/\1/p" | sort -u |
	while read -r library; do
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library"
	done
	(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 \
	    >"$work/initramfs.gz"
}

mkdir -p "$work"
fetch_kernel
make_initramfs
timeout $limit_s qemu-system-x86_64 -cpu max -smp 2 -m 768 -nographic \
    -no-reboot -nic none -kernel "$kernel" -initrd "$work/initramfs.gz" \
    -append 'console=ttyS0 quiet panic=-1' \
    </dev/null 2>&1 | tr -d '\r' >"$work/console.log"
# the firmware's escapes stand before the first mark; set in, so that a count
# within is not taken for the last line
sed -n 's/^.*=== begin/=== begin/;/^=== begin/,/^=== end/s/^/  /p' \
    "$work/console.log"
last=$(sed -n 's/^=== end //p' "$work/console.log")
[ "$last" ] || {
	tail -n 20 "$work/console.log"
	fail "the machine did not finish within $limit_s s"
}
echo "$last"
case $last in
*', 0 failed') ;;
*) exit 1 ;;
esac
