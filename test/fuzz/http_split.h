/*
 * Shared by the HTTP targets: a message stream means the same, whole and cut
 * at two places that the data's first four bytes choose.
 */
#pragma once
#include <stdlib.h>
#include "test/unit/http/trace.h"

/* Small limits, so that short inputs reach them. */
static inline struct http_limits
fuzz_limits(void)
{
	return (struct http_limits){.head_bytes = 512,
	    .fields = 8,
	    .target_bytes = 64,
	    .chunk_ext_bytes = 16};
}

/* Run one input; aborts where whole and cut differ. */
static inline void
fuzz_split(enum http_side side, const uint8_t *data, size_t n)
{
	struct trace whole, parts, bytes;
	struct trace_in in = {.side = side, .limits = fuzz_limits()};
	size_t cuts[2];

	if (n < 5)
		return;
	in.bytes = slice_of((const char *)data + 5, n - 5);
	in.eof = data[4] & 1;
	in.expect_head = side == HTTP_SIDE_RESPONSE && (data[4] & 2);
	cuts[0] = (size_t)(data[0] << 8 | data[1]) % (in.bytes.n + 1);
	cuts[1] = (size_t)(data[2] << 8 | data[3]) % (in.bytes.n + 1);
	if (cuts[1] < cuts[0])
		cuts[1] = cuts[0];

	trace_run(&whole, &in);
	in.cuts = cuts;
	in.n_cuts = 2;
	trace_run(&parts, &in);
	in.each_byte = true;
	trace_run(&bytes, &in);
	if (!slice_eq(buf_slice(&whole.full), buf_slice(&parts.full)) ||
	    !slice_eq(buf_slice(&whole.brief), buf_slice(&parts.brief)) ||
	    !slice_eq(buf_slice(&whole.full), buf_slice(&bytes.full)) ||
	    !slice_eq(buf_slice(&whole.brief), buf_slice(&bytes.brief)))
		abort();
	trace_fini(&whole);
	trace_fini(&parts);
	trace_fini(&bytes);
}
