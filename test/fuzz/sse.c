/*
 * SSE and NDJSON: a stream means the same, whole and in two pieces, and the
 * spans handed out make it up without a gap.  The first byte says which, the
 * next two where to cut.
 */
#include <stdlib.h>
#include "base/buf.h"
#include "http/ndjson.h"
#include "http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ITEM_MAX = 64, TEXT_MAX = 64 * 1024 * 1024 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
note(struct buf *out, char tag, struct slice s)
{
	must(buf_add_char(out, tag) == OK);
	must(buf_add_u64(out, s.n) == OK);
	must(buf_add_char(out, '=') == OK);
	must(s.n == 0 || buf_add(out, s) == OK);
}

/* One item off ${in}; false at MORE and BAD. */
static bool
pull_sse(struct sse *s, struct slice in, size_t *used, struct buf *out)
{
	struct sse_item item;
	enum sse_kind kind = sse_next(s, in, used, &item);
	struct buf joined;

	if (kind == SSE_BAD)
		note(out, '!', slice_of(NULL, 0));
	if (kind == SSE_MORE || kind == SSE_BAD)
		return false;
	must(item.raw.p == in.p && item.raw.n == *used && *used > 0);
	must(*used <= ITEM_MAX && *used <= in.n);
	must((kind == SSE_EVENT) == (item.n_data > 0));
	note(out, kind == SSE_EVENT ? 'e' : 'c', item.raw);
	note(out, 'n', item.event);
	buf_init(&joined, ITEM_MAX);
	must(sse_join(&item, &joined) == OK);
	must(item.n_data != 1 || slice_eq(buf_slice(&joined), item.data));
	note(out, 'd', buf_slice(&joined));
	buf_fini(&joined);
	return true;
}

static bool
pull_ndjson(struct ndjson *s, struct slice in, size_t *used, struct buf *out)
{
	struct ndjson_item item;
	enum ndjson_kind kind = ndjson_next(s, in, used, &item);

	if (kind == NDJSON_BAD)
		note(out, '!', slice_of(NULL, 0));
	if (kind == NDJSON_MORE || kind == NDJSON_BAD)
		return false;
	must(item.raw.p == in.p && item.raw.n == *used && *used > 0);
	must((kind == NDJSON_LINE) == (item.value.n > 0));
	note(out, kind == NDJSON_LINE ? 'l' : 'b', item.raw);
	note(out, 'v', item.value);
	return true;
}

struct player {
	bool is_sse;
	struct sse sse;
	struct ndjson ndjson;
	size_t at;
};

/* All items of ${raw} so far, from fresh memory each time. */
static void
play(struct player *p, struct slice raw, struct buf *out)
{
	bool goes_on = true;

	while (goes_on) {
		size_t n = raw.n - p->at, used;
		char *fresh = malloc(n ? n : 1);

		must(fresh != NULL);
		memcpy(fresh, raw.p + p->at, n);
		goes_on = p->is_sse
		    ? pull_sse(&p->sse, slice_of(fresh, n), &used, out)
		    : pull_ndjson(&p->ndjson, slice_of(fresh, n), &used, out);
		p->at += used;
		free(fresh);
	}
}

static void
run(bool is_sse, struct slice raw, size_t cut, struct buf *out)
{
	struct player p = {.is_sse = is_sse};

	buf_init(out, TEXT_MAX);
	sse_init(&p.sse, ITEM_MAX);
	ndjson_init(&p.ndjson, ITEM_MAX);
	if (cut)
		play(&p, slice_to(raw, cut), out);
	if (!p.sse.is_bad && !p.ndjson.is_bad)
		play(&p, raw, out);
	sse_eof(&p.sse);
	ndjson_eof(&p.ndjson);
	if (!p.sse.is_bad && !p.ndjson.is_bad)
		play(&p, raw, out);
	note(out, '~', slice_from(raw, p.at));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, parts;
	struct slice raw;

	if (n < 3)
		return 0;
	raw = slice_of((const char *)data + 3, n - 3);
	run(data[0] & 1, raw, 0, &whole);
	run(data[0] & 1, raw, (size_t)(data[1] << 8 | data[2]) % (raw.n + 1),
	    &parts);
	must(slice_eq(buf_slice(&whole), buf_slice(&parts)));
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
