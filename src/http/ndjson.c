#include "http/ndjson.h"

void
ndjson_init(struct ndjson *s, size_t max)
{
	*s = (struct ndjson){.max = max};
}

enum ndjson_kind
ndjson_next(
    struct ndjson *s, struct slice in, size_t *used, struct ndjson_item *item)
{
	size_t end = s->scanned + slice_find(slice_from(in, s->scanned), '\n');
	bool is_found = end < in.n;

	*used = 0;
	if (s->is_bad || end > s->max) {
		s->is_bad = true;
		return NDJSON_BAD;
	}
	s->scanned = end;
	if (!is_found && (!s->is_eof || in.n == 0))
		return NDJSON_MORE;
	*used = is_found ? end + 1 : end;
	item->raw = slice_of(in.p, *used);
	item->value = slice_trim(item->raw);
	s->scanned = 0;
	return item->value.n ? NDJSON_LINE : NDJSON_BLANK;
}

void
ndjson_eof(struct ndjson *s)
{
	s->is_eof = true;
}
