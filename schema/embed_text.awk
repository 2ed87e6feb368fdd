# SPDX-License-Identifier: Apache-2.0
# embed_text.awk - turn one text file into a C string named by -v name=.
#
#	awk -v name=openapi_json -f schema/embed_text.awk schema/openapi.json
BEGIN	{ printf "extern const char %s[];\nconst char %s[] =\n", name, name }
	{ gsub(/[\\"]/, "\\\\&"); printf "  \"%s\\n\"\n", $0 }
END	{ print ";" }
