/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_variance - is it how instances differ, not how few requests came,
 * that keeps a rollout from being decided, and how many instances would do?
 * METHOD.md, "INSTANCE_VARIANCE".
 */
#include "stats/rollout.h"

#include <math.h>

#include "stats/policy.h"
#include "stats/rollout_state.h"
#include "stats/spread.h"

/* Beyond the limit without doubt, and not a trace beyond the floor? */
static bool fail_stops_at_floor(const struct rollout *r)
{
	return rollout_ask(r, ASK_NULL, SHIFT_LIMIT, 0).log_e +
			       log(r->policy.alpha_fail) >=
		       0.0 &&
	       rollout_ask(r, ASK_NULL, SHIFT_FLOOR, 0).log_e <= 0.0;
}

/* The same of a pass. */
static bool pass_stops_at_floor(const struct rollout *r,
				const struct rollout_route *lead)
{
	struct pass own = { 0 };

	shift_pass_add(lead->shift, &own);
	return pass_log(&own) + log(r->policy.alpha_pass) >= 0.0 &&
	       pass_log_floor(&own) <= 0.0;
}

/*
 * Would the floor, without sampling noise, be in the way however many requests
 * came?  Without doubt where the shift is but half as far off as its interval
 * permits; or by the shift itself, where the evidence says the same.
 */
static bool floor_forbids(const struct rollout *r,
			  const struct rollout_route *lead,
			  const struct shift_view *s,
			  const struct spread_luck *luck)
{
	double quiet = luck->sd / fmax(s->spread, 1e-12);

	if (luck->shift <= luck->limit) {
		double floor = s->floor_pass * quiet;
		double room =
			luck->limit - 0.5 * (luck->shift + log(s->ratio_lo));

		return floor >= fmin(room, luck->limit + SPREAD_PASS_BEYOND) ||
		       (floor >= luck->limit - luck->shift &&
			pass_stops_at_floor(r, lead));
	}
	return s->floor_fail * quiet >=
		       0.5 * (luck->shift + log(s->ratio_hi)) ||
	       fail_stops_at_floor(r);
}

bool rollout_variance(const struct rollout *r, const struct rollout_route *lead,
		      struct verdict *v)
{
	struct spread_luck luck = { .n_canary = v->canary_instances,
				    .n_baseline = v->baseline_instances };
	struct spread_more more;
	struct shift_view s;

	if (!lead || r->windows_step < r->policy.soak_windows)
		return false;
	shift_show(lead->shift, &s);
	if (s.t_fail <= 0.0 || luck.n_baseline < 2.0 || luck.n_canary < 1.0)
		return false;
	luck.sd = sqrt(fmax(0.0, s.spread * s.spread - s.noise));
	luck.df = s.df;
	luck.t = (struct spread_t){ s.df, s.t_fail, s.t_pass };
	luck.shift = log(s.ratio);
	luck.limit = s.limit;
	if (!floor_forbids(r, lead, &s, &luck))
		return false;
	v->code = CODE_INSTANCE_VARIANCE;
	(void)spread_more(&luck, &more);
	v->need_instances = more.canary;
	v->need_baseline_instances = more.baseline;
	return true;
}
