# SPDX-License-Identifier: Apache-2.0
# targets.awk - requests for the load generator, in vegeta's http format.
#
#	awk -v seed=N -v n=COUNT -v ports="P P ..." -v draft=FILE -f targets.awk
#
# 80 % GET /orders/{id}, 12 % GET /customers/{id}/orders, 8 % POST /orders,
# spread over the ports at random, so that each sees irregular arrivals.  The
# same seed gives the same requests.
BEGIN {
	srand(seed)
	n_ports = split(ports, port, " ")
	for (i = 0; i < n; i++) {
		base = "http://127.0.0.1:" port[1 + int(rand() * n_ports)]
		what = rand()
		if (what < 0.80)
			printf "GET %s/orders/%d\n\n", base,
				1 + int(rand() * 999999)
		else if (what < 0.92)
			printf "GET %s/customers/%d/orders\n\n", base,
				1 + int(rand() * 49999)
		else
			printf "POST %s/orders\nContent-Type: application/json\n@%s\n\n",
				base, draft
	}
}
