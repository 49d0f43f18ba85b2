/*
 * gcra: the Generic Cell Rate Algorithm in exact integer nanoseconds.
 *
 * `rate: 10/min, burst: 5` is nginx's `rate=10r/m burst=5 nodelay`: a caller
 * at rest may send 6 at once and then one every 6 s.  The cell holds the
 * theoretical arrival time, the moment at which the bucket is full again:
 *
 *   now - - - - - - - tat                a request moves tat one interval
 *    |<--- debt ---->|                   to the right; it is allowed if the
 *    |<--- tolerance = burst x interval ->|   debt before it is within
 *                                             the tolerance
 *
 * The interval, period / count, need not be a whole number of nanoseconds, so
 * all times are whole nanoseconds plus a remainder of 1/count: nothing is ever
 * rounded and nothing drifts.  Times are of the monotonic clock.
 *
 * Source: ITU-T I.371 (virtual scheduling); ngx_http_limit_req_module, whose
 * excess is debt / interval.
 */
#pragma once
#include "base/err.h"

#define GCRA_COUNT_MAX 1000000000
#define GCRA_BURST_MAX 1000000
#define GCRA_PERIOD_MAX_NS ((int64_t)86400 * 1000000000) /* a day */

/* Latest moment that may be passed as now: 100 years. */
#define GCRA_NOW_MAX_NS ((int64_t)36525 * 86400 * 1000000000)

/* A moment or a span of ns + rem / count nanoseconds, rem < count. */
struct gcra_time {
	int64_t ns;
	uint32_t rem;
};

/* What is allowed; made by gcra_rate_init, then read-only. */
struct gcra_rate {
	uint32_t count;		    /* this many ... */
	uint32_t burst;		    /* and this many more at once ... */
	int64_t period_ns;	    /* ... in this time */
	struct gcra_time interval;  /* period / count */
	struct gcra_time tolerance; /* burst x interval */
};

/*
 * The state of one bucket: when it is full again.  All 0 is a bucket at rest.
 * It may lie in memory that outlives the process: any bytes are survived, and
 * a cell of which only one field was written is off by less than 1 ns.
 */
struct gcra_cell {
	int64_t tat_ns;
	uint32_t tat_rem;
	uint32_t spare; /* 0; makes the size the same everywhere */
};

/* What to tell the caller. */
struct gcra_answer {
	bool allowed;
	uint32_t remaining; /* requests that could be sent now, 0..burst + 1 */
	int64_t wait_ns;    /* until the next is allowed; 0: now */
	int64_t next_ns;    /* until one more than remaining could be sent */
	int64_t reset_ns;   /* until the bucket is full; 0: it is */
	int64_t delay_ns;   /* `over: wait`: hold an allowed one so long */
};

/*
 * Make ${rate} allow ${count} requests in ${period_ns}, and ${burst} more at
 * once.  ERR_RANGE if count is outside of 1..GCRA_COUNT_MAX, burst above
 * GCRA_BURST_MAX, period outside of 1..GCRA_PERIOD_MAX_NS, or a bucket would
 * take more than 100 years to fill.
 */
MUST_CHECK enum err gcra_rate_init(
    struct gcra_rate *rate, uint32_t count, int64_t period_ns, uint32_t burst);

/*
 * May one more request pass at ${now_ns} (0..GCRA_NOW_MAX_NS, never less than
 * before)?  If so the cell is charged, else nothing changes: a refused request
 * costs nothing.  ${out} gets the answer as it is after this request; waits
 * are exact and rounded up to whole nanoseconds.  Returns out->allowed.
 *
 * For `over: wait` (nginx without nodelay) let an allowed request go on after
 * delay_ns: what passes is then one per interval, and what would have to wait
 * longer than burst intervals is refused.
 *
 * A cell that is further in debt than ${rate} can make it (the rate was
 * raised by a reload, or the bytes are damaged) is taken for an empty bucket.
 */
bool gcra_take(struct gcra_cell *cell, const struct gcra_rate *rate,
    int64_t now_ns, struct gcra_answer *out);

/*
 * The same question without a charge: allowed says whether gcra_take would
 * allow one, and the numbers are as they are before it.
 */
bool gcra_peek(const struct gcra_cell *cell, const struct gcra_rate *rate,
    int64_t now_ns, struct gcra_answer *out);

/* Is the bucket full at ${now_ns}, whatever its rate? */
static inline bool
gcra_is_full(const struct gcra_cell *cell, int64_t now_ns)
{
	return cell->tat_ns < now_ns ||
	    (cell->tat_ns == now_ns && cell->tat_rem == 0);
}
