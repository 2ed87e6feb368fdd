#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# own_tmp.sh - run a command as nobody with a /tmp that nobody else sees.
#
# The classes go along: nobody may not be able to read where they were built,
# and the new /tmp may lie on top of it.
set -eu
mount -t tmpfs -o mode=1777 tmpfs /mnt
cp -r "$CLASSPATH" /mnt/classes
mount --move /mnt /tmp
cd /tmp
export CLASSPATH=/tmp/classes
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
