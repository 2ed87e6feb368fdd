#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# own_tmp.sh - run a command as nobody with a /tmp that nobody else sees.
mount -t tmpfs -o mode=1777 tmpfs /tmp
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
