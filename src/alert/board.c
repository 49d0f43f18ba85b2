#include "alert/board.h"

enum { AT_ONCE, LASTING };

const struct alert_fact *
alert_fact_get(enum alert_kind k)
{
	static const struct alert_fact facts[] = {
#define ALERT(name, code, level, lasting, help)                                \
	{#name, code, help, LEVEL_##level, lasting == LASTING},
#include "facts/alerts.def"
#undef ALERT
	};

	return &facts[k];
}

const char *
alert_state_name(enum alert_state s)
{
	static const char *const names[] = {"firing", "reminder", "resolved"};

	return names[s];
}

void
alert_begin(struct alert_board *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->items[i].is_raised = false;
}

static void
copy(char *out, size_t cap, struct slice s)
{
	s = slice_to(s, cap - 1);
	if (s.n > 0)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

static struct alert_item *
find(struct alert_board *b, const struct alert_news *n)
{
	struct slice subject = slice_to(n->subject, ALERT_SUBJECT_MAX - 1);

	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].kind == n->kind &&
		    slice_eq(slice_str(b->items[i].subject), subject))
			return &b->items[i];
	return NULL;
}

static void
plan(const struct alert_board *b, struct alert_item *it, int64_t now_us)
{
	bool waits = alert_fact_get(it->kind)->is_lasting;

	for (size_t t = 0; t < b->n_targets; t++)
		it->to[t].next_us =
		    now_us + (waits ? b->manners[t].after_us : 0);
}

static struct alert_item *
get(struct alert_board *b, const struct alert_news *n, int64_t now_us)
{
	struct alert_item *it = find(b, n);

	if (it == NULL) {
		if (b->n == ALERT_ITEMS)
			return NULL;
		it = &b->items[b->n++];
		memset(it, 0, sizeof *it);
		it->kind = n->kind;
		it->grade = n->grade;
		it->since_us = now_us;
		copy(it->subject, sizeof it->subject, n->subject);
		plan(b, it, now_us);
	}
	copy(it->text, sizeof it->text, n->text);
	/* It has become worse: news for everybody. */
	for (size_t t = 0; n->grade > it->grade && t < b->n_targets; t++)
		if (it->to[t].is_told) {
			it->to[t].is_told = false;
			it->to[t].next_us = now_us;
		}
	it->grade = n->grade;
	return it;
}

void
alert_raise(struct alert_board *b, const struct alert_news *n, int64_t now_us)
{
	struct alert_item *it = get(b, n, now_us);

	if (it != NULL)
		it->is_raised = true;
}

void
alert_hold(struct alert_board *b, const struct alert_news *n, int64_t now_us,
    int64_t until_us)
{
	struct alert_item *it = get(b, n, now_us);

	if (it != NULL)
		it->until_us = until_us;
}

static int64_t
later(int64_t at_us, int64_t by_us)
{
	return by_us >= INT64_MAX - at_us ? INT64_MAX : at_us + by_us;
}

static void
tell_of(struct alert_board *b, struct alert_item *it, int64_t now_us)
{
	for (size_t t = 0; t < b->n_targets; t++) {
		if (now_us < it->to[t].next_us)
			continue;
		b->tell(b->ctx, t, it,
		    it->to[t].is_told ? ALERT_REMINDER : ALERT_FIRING);
		it->to[t].is_told = true;
		it->to[t].next_us = later(now_us, b->manners[t].remind_us);
	}
}

static void
resolve(struct alert_board *b, const struct alert_item *it)
{
	for (size_t t = 0; t < b->n_targets; t++)
		if (it->to[t].is_told)
			b->tell(b->ctx, t, it, ALERT_RESOLVED);
}

void
alert_end(struct alert_board *b, int64_t now_us)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct alert_item *it = &b->items[i];

		if (!it->is_raised && now_us >= it->until_us) {
			resolve(b, it);
			continue;
		}
		tell_of(b, it, now_us);
		if (n != i)
			b->items[n] = *it;
		n++;
	}
	b->n = n;
}

bool
alert_has(const struct alert_board *b, enum alert_kind kind)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].kind == kind)
			return true;
	return false;
}
