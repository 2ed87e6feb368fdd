# SPDX-License-Identifier: Apache-2.0
# check.awk - compare what the driver saw with what the server noted.
#
#	awk -v since=NS -v may_miss=N -v emulated=0|1 -f check.awk SERVER_LOG DRIVER_LOG
#
# Every request that the server read after since, but for may_miss of them,
# must have been seen once and nothing else, with the right status; P50 and
# P99 of each time must lie within 2 % or 200 us of the server's own.  Prints a
# line for each quantity.  Emulated, the way from the packet stamp to the
# readable socket alone takes 200 us and more: there, queue is shown only as
# part of total.  Exits with 1 if requests are not the right ones, with
# 2 if only times are off.

function sort(v, lo, hi,    i, j, pivot, t)
{
	while (lo < hi) {
		pivot = v[int((lo + hi) / 2)]
		i = lo
		j = hi
		while (i <= j) {
			while (v[i] < pivot)
				i++
			while (v[j] > pivot)
				j--
			if (i <= j) {
				t = v[i]
				v[i++] = v[j]
				v[j--] = t
			}
		}
		sort(v, lo, j)
		lo = i
	}
}

# nearest rank
function quantile(v, n, q,    rank)
{
	rank = int(q * n)
	if (rank < q * n)
		rank++
	return v[rank < 1 ? 1 : rank]
}

function compare(what, got, want, n,    q, i, g, w, room, line)
{
	if (n + 0 == 0)
		return
	sort(got, 1, n)
	sort(want, 1, n)
	split("0.5 0.99", q, " ")
	for (i = 1; i <= 2; i++) {
		g = quantile(got, n, q[i])
		w = quantile(want, n, q[i])
		room = w * 0.02 > 200000 ? w * 0.02 : 200000
		line = sprintf("  %s P%d: %.3f ms, server %.3f ms, off by " \
		    "%.1f us (n %d)", what, q[i] * 100, g / 1e6, w / 1e6,
		    (g - w) / 1e3, n)
		if (g - w > room || w - g > room) {
			line = line " TOO MUCH"
			off++
		}
		print line
	}
}

function complain(text)
{
	if (++bad <= 5)
		print "  " text
}

NR == FNR {
	arrive[$1] = $2
	read[$1] = $3
	first[$1] = $4
	last[$1] = $5
	n_requests++
	next
}

{
	if (!($1 in read)) {
		complain("seen, but never served: " $0)
		next
	}
	if (seen[$1]++) {
		complain("seen twice: " $0)
		next
	}
	n_seen++
	if (first[$1] == 0) {
		n_none++
		if ($6 != 6)
			complain("not answered, but seen as: " $0)
		next
	}
	if ($6 != 2) {
		complain("answered 200, but seen as: " $0)
		next
	}
	n++
	service[n] = $4 - $3
	want_service[n] = first[$1] - read[$1]
	answer[n] = $5 - $4
	want_answer[n] = last[$1] - first[$1]
	if (arrive[$1] == 0 || ($2 == 0 && arrive[$1] < since))
		next
	if ($2 == 0) {
		complain("arrival not seen: " $0)
		next
	}
	m++
	queue[m] = $3 - $2
	want_queue[m] = read[$1] - arrive[$1]
	total[m] = $5 - $2
	want_total[m] = last[$1] - arrive[$1]
}

END {
	for (path in read)
		if (!(path in seen) && read[path] >= since && may_miss-- <= 0)
			complain("not seen: " path)
	printf "  %d served, %d seen, %d of them without an answer\n",
	    n_requests, n_seen, n_none
	if (n_seen == 0)
		complain("nothing was seen")
	compare("service", service, want_service, n)
	compare("answer", answer, want_answer, n)
	if (!emulated)
		compare("queue", queue, want_queue, m)
	compare("total", total, want_total, m)
	exit bad > 0 ? 1 : off > 0 ? 2 : 0
}
