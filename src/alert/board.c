#include "alert/board.h"

enum { AT_ONCE, LASTING };

enum {
	AGAIN_US = 10 * 1000 * 1000,
	/* A gate knows by then what is wrong with engines and disks ... */
	ADOPT_US = 15 * 1000 * 1000,
	/* ... and with a model, where nobody asks for it. */
	ADOPT_MODEL_US = 600 * 1000 * 1000,
};

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

/* --- the items --- */

/* The item behind ${it}, the first one behind NULL; NULL: there is none. */
static struct alert_item *
next(const struct alert_board *b, struct alert_item *it)
{
	it = it == NULL ? b->store->items : it + 1;
	while (it < b->store->items + ALERT_ITEMS && it->id == 0)
		it++;
	return it < b->store->items + ALERT_ITEMS ? it : NULL;
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
find(struct alert_board *b, enum alert_kind kind, struct slice subject)
{
	subject = slice_to(subject, ALERT_SUBJECT_MAX - 1);
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;)
		if (it->kind == kind &&
		    slice_eq(slice_str(it->subject), subject))
			return it;
	return NULL;
}

static void
plan(struct alert_board *b, struct alert_item *it, size_t t, int64_t now_us)
{
	bool waits = alert_fact_get(it->kind)->is_lasting;

	it->to[t].next_us = now_us + (waits ? b->targets[t].after_us : 0);
}

static struct alert_item *
make(struct alert_board *b, const struct alert_news *n)
{
	struct alert_store *s = b->store;

	for (size_t i = 0; i < ALERT_ITEMS; i++) {
		struct alert_item *it = &s->items[i];

		if (it->id != 0)
			continue;
		memset(it, 0, sizeof *it);
		it->kind = n->kind;
		it->grade = n->grade;
		copy(it->subject, sizeof it->subject, n->subject);
		/* Whoever ends here leaves a place that is free. */
		atomic_signal_fence(memory_order_seq_cst);
		it->id = ++s->last_id;
		return it;
	}
	return NULL;
}

static struct alert_item *
get(struct alert_board *b, const struct alert_news *n, int64_t now_us)
{
	struct alert_item *it = find(b, n->kind, n->subject);
	bool is_new = it == NULL || it->is_over;

	if (it == NULL && (it = make(b, n)) == NULL)
		return NULL;
	for (size_t t = 0; t < b->n_targets; t++) {
		if (is_new)
			plan(b, it, t, now_us);
		/* It has become worse: news for everybody. */
		if (n->grade <= it->grade || !it->to[t].is_told)
			continue;
		it->to[t].is_worse = true;
		it->to[t].next_us = now_us;
	}
	if (is_new)
		it->since_us = now_us;
	it->is_over = false;
	it->grade = n->grade;
	copy(it->text, sizeof it->text, n->text);
	return it;
}

void
alert_begin(struct alert_board *b)
{
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;)
		it->is_raised = false;
}

void
alert_raise(struct alert_board *b, const struct alert_news *n, int64_t now_us)
{
	struct alert_item *it = get(b, n, now_us);

	if (it == NULL)
		return;
	it->is_raised = true;
	if (it->is_adopted)
		it->until_us = 0;
	it->is_adopted = false;
}

void
alert_hold(struct alert_board *b, const struct alert_news *n, int64_t now_us,
    int64_t until_us)
{
	struct alert_item *it = get(b, n, now_us);

	if (it == NULL)
		return;
	it->until_us = until_us;
	it->is_adopted = false;
}

void
alert_is_well(struct alert_board *b, enum alert_kind kind, struct slice subject)
{
	struct alert_item *it = find(b, kind, subject);

	if (it != NULL)
		it->until_us = 0;
}

bool
alert_has(const struct alert_board *b, enum alert_kind kind)
{
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;)
		if (it->kind == kind && !it->is_over)
			return true;
	return false;
}

/* --- who is told --- */

static int64_t
later(int64_t at_us, int64_t by_us)
{
	return by_us >= INT64_MAX - at_us ? INT64_MAX : at_us + by_us;
}

/* Tell ${t} of ${state}; false: not now. */
static bool
tell(struct alert_board *b, struct alert_item *it, size_t t,
    enum alert_state state)
{
	enum alert_tell r = b->tell(b->ctx, t, it, state);

	if (r == ALERT_NOT_NOW)
		return false;
	it->to[t].sending = state;
	it->to[t].sender = r == ALERT_SENDING ? b->generation : 0;
	return true;
}

static void
tell_of(struct alert_board *b, struct alert_item *it, int64_t now_us)
{
	for (size_t t = 0; t < b->n_targets; t++) {
		struct alert_told *to = &it->to[t];
		bool is_new = !to->is_told || to->is_worse;

		if (to->sender != 0 || now_us < to->next_us)
			continue;
		if (!tell(b, it, t, is_new ? ALERT_FIRING : ALERT_REMINDER)) {
			to->next_us = now_us + AGAIN_US;
			continue;
		}
		to->is_told = true;
		to->is_worse = false;
		to->next_us = later(now_us, b->targets[t].remind_us);
	}
}

/* It is over; forgotten when all who must know it do. */
static void
resolve(struct alert_board *b, struct alert_item *it)
{
	bool is_done = true;

	it->is_over = true;
	for (size_t t = 0; t < b->n_targets; t++) {
		struct alert_told *to = &it->to[t];

		if (to->sender == 0 && to->is_told)
			to->is_told = !tell(b, it, t, ALERT_RESOLVED);
		is_done = is_done && to->sender == 0 && !to->is_told;
	}
	if (is_done)
		it->id = 0;
}

void
alert_end(struct alert_board *b, int64_t now_us)
{
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;) {
		if (it->is_over || (!it->is_raised && now_us >= it->until_us))
			resolve(b, it);
		else
			tell_of(b, it, now_us);
	}
}

void
alert_delivered(struct alert_board *b, uint64_t id, uint64_t key)
{
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;)
		for (size_t t = 0; t < ALERT_TARGETS && it->id == id; t++)
			if (b->store->keys[t] == key &&
			    it->to[t].sender == b->generation)
				it->to[t].sender = 0;
}

void
alert_set_targets(struct alert_board *b, const struct alert_target *v, size_t n)
{
	struct alert_store *s = b->store;
	uint64_t keys[ALERT_TARGETS] = {0};

	b->n_targets = n;
	for (size_t t = 0; t < n; t++) {
		b->targets[t] = v[t];
		keys[t] = v[t].key;
	}
	if (memcmp(keys, s->keys, sizeof keys) == 0)
		return;
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;) {
		struct alert_told to[ALERT_TARGETS] = {0};

		for (size_t t = 0; t < n; t++)
			to[t].next_us = it->since_us + v[t].after_us;
		for (size_t t = 0; t < n; t++)
			for (size_t k = 0; k < ALERT_TARGETS; k++)
				if (s->keys[k] == keys[t])
					to[t] = it->to[k];
		memcpy(it->to, to, sizeof to);
	}
	memcpy(s->keys, keys, sizeof keys);
}

/* --- one gate after the other --- */

static bool
has(const uint64_t *v, size_t n, uint64_t generation)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == generation)
			return true;
	return false;
}

/* Its gate is gone before it was delivered: as if it had not been told. */
static void
take_back(struct alert_told *to)
{
	to->sender = 0;
	to->next_us = 0;
	if (to->sending == ALERT_RESOLVED)
		to->is_told = true;
	else if (to->sending == ALERT_FIRING)
		to->is_told = false;
}

/* What another gate found wrong: this one does not know yet. */
static void
adopt(struct alert_board *b, int64_t now_us)
{
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;) {
		int64_t us =
		    it->kind == ALERT_MODEL_BROKEN ? ADOPT_MODEL_US : ADOPT_US;

		if (it->is_over || it->until_us >= now_us + us)
			continue;
		it->until_us = now_us + us;
		it->is_adopted = true;
	}
}

bool
alert_own(struct alert_board *b, const uint64_t *live, size_t n, int64_t now_us)
{
	uint64_t owner = atomic_load(&b->store->owner);

	if (owner != b->generation) {
		if (owner != 0 && has(live, n, owner))
			return false;
		atomic_store(&b->store->owner, b->generation);
		adopt(b, now_us);
	}
	for (struct alert_item *it = NULL; (it = next(b, it)) != NULL;)
		for (size_t t = 0; t < ALERT_TARGETS; t++)
			if (it->to[t].sender != 0 &&
			    it->to[t].sender != b->generation &&
			    !has(live, n, it->to[t].sender))
				take_back(&it->to[t]);
	return true;
}

void
alert_release(struct alert_board *b)
{
	uint64_t own = b->generation;

	(void)atomic_compare_exchange_strong(&b->store->owner, &own, 0);
}
