# SPDX-License-Identifier: Apache-2.0
# layers.awk - refuse an #include that layers.txt does not permit.
#
#	awk -f tests/lint/layers.awk tests/lint/layers.txt FILE...
#
# The longest directory of the table that a file lies below is its own.  What
# a line permits is a directory (every header below it) or one header.  A line
# whose name begins with < or " is an outside header prefix with the only
# files or directories that may include it; a prefix of no line is free.

# Is file the same as, or below, what the table calls place?
function lies_in(file, place) {
	sub(/\/$/, "", place)
	return file == place || index(file, place "/") == 1
}

function own_dir(file,    d, best) {
	for (d in inner)
		if (lies_in(file, d) && length(d) > length(best))
			best = d
	return best
}

function permitted(file, list,    i, n, place) {
	n = split(list, place, " ")
	for (i = 1; i <= n; i++)
		if (lies_in(file, place[i]))
			return 1
	return 0
}

function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text
	bad = 1
}

FILENAME == ARGV[1] {
	if ($0 ~ /^#/ || $0 !~ /:/)
		next
	at = index($0, ":")
	name = substr($0, 1, at - 1)
	rest = substr($0, at + 1)
	if (name ~ /^[<"]/)
		outer[name] = rest
	else
		inner[name] = rest
	next
}

$1 == "#include" {
	header = $2
	outside = ""
	for (p in outer)
		if (index(header, p) == 1 && length(p) > length(outside))
			outside = p
	if (outside != "") {
		if (!permitted(FILENAME, outer[outside]))
			complain(header " is for" outer[outside] " alone")
		next
	}
	if (header !~ /^"/)
		next
	gsub(/"/, "", header)
	mine = own_dir(FILENAME)
	if (mine == "")
		complain("no line of layers.txt covers this file")
	else if (header ~ /\.skel\.h$/) {
		if (mine != "collector")
			complain("only the collector loads kernel programs")
	} else if (!lies_in(header, mine) && !permitted(header, inner[mine]))
		complain(mine " may not include " header)
}

END	{ exit bad }
