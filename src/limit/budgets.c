/*
 * See limit/budgets.h: what is reserved, settled and told.  The table itself
 * is budgets_table.c's.
 */
#include "limit/budgets.h"
#include "limit/budgets_table.h"
#include <assert.h>

enum { PERCENT = 95 };

#define RESTORE_MAX_NS (2 * BUDGET_PERIOD_MAX_NS)

/* --- reservations --- */

static void
hold_open(struct budgets *b, struct budgets_cell *c, uint64_t tok,
    struct budgets_hold *hold)
{
	hold->is_open = true;
	hold->entry = c == NULL ? 0 : budgets_open_entry(b, c, tok);
	b->open++;
	if (hold->entry == 0)
		b->untracked++;
}

/* What an answer may take, as far as that is known; -1: all there is. */
static int64_t
output_of(const struct outputs *o, const struct budgets_rule *rule,
    const struct budgets_ask *ask)
{
	int64_t usual;

	if (rule->strict)
		return ask->output_most_tok;
	usual = o == NULL ? -1 : outputs_quantile(o, PERCENT);
	if (usual < 0)
		usual = BUDGETS_GUESS_TOK;
	return ask->output_most_tok >= 0 && ask->output_most_tok < usual
	    ? ask->output_most_tok
	    : usual;
}

static uint64_t
smallest(const struct budgets_rule *rule)
{
	uint64_t least = rule->limits[0].tokens;

	for (unsigned i = 1; i < rule->n; i++)
		if (rule->limits[i].tokens < least)
			least = rule->limits[i].tokens;
	return least;
}

static uint64_t
clamped(uint64_t tok, const struct budgets_rule *rule)
{
	uint64_t most = smallest(rule);

	return tok == 0 ? 1 : tok < most ? tok : most;
}

/* Set wanted_tok and is_hopeless. */
static void
judge_want(struct budgets_answer *out, const struct outputs *o,
    const struct budgets_rule *rule, const struct budgets_ask *ask)
{
	int64_t output = output_of(o, rule, ask);
	uint64_t input = ask->input_tok, capacity = smallest(rule);

	if (input > BUDGET_USE_MAX)
		input = BUDGET_USE_MAX;
	if (output > BUDGET_USE_MAX)
		output = BUDGET_USE_MAX;
	out->wanted_tok = input + (output < 0 ? 0 : (uint64_t)output);
	out->is_hopeless = rule->strict && out->wanted_tok > capacity;
	if (output < 0 && out->wanted_tok < capacity)
		out->wanted_tok = capacity;
}

/* Are ${need} more there?  Without the divisions of describe. */
static bool
fits(const struct budgets_head *h, const struct budgets_rule *rule,
    uint64_t need, int64_t now_ns)
{
	for (unsigned i = 0; i < rule->n; i++)
		if (budget_wait_ns(&h->debts[i], &rule->limits[i],
			h->reserved_tok, need, now_ns) > 0)
			return false;
	return true;
}

/* The numbers of the limit that has least left; ${need} more are wanted. */
static void
describe(struct budgets_answer *out, const struct budgets_head *h,
    const struct budgets_rule *rule, uint64_t need, int64_t now_ns)
{
	out->left_tok = UINT64_MAX;
	for (unsigned i = 0; i < rule->n; i++) {
		const struct budget_limit *l = &rule->limits[i];
		const struct budget_debt *d = &h->debts[i];
		uint64_t held = h->reserved_tok;
		uint64_t left = budget_left(d, l, held, now_ns);
		int64_t wait = budget_wait_ns(d, l, held, need, now_ns);

		out->full_ns[i] = d->full_ns + (d->rem > 0);
		if (wait > out->wait_ns)
			out->wait_ns = wait;
		if (left >= out->left_tok)
			continue;
		out->left_tok = left;
		out->which = i;
		out->reset_ns = budget_wait_ns(d, l, held, l->tokens, now_ns);
	}
	if (rule->n == 0)
		out->left_tok = 0;
}

/* Charge what is owed since a gate ended. */
static void
charge_owed(struct budgets_head *h, const struct budgets_rule *rule)
{
	for (unsigned i = 0; i < rule->n; i++)
		budget_charge(
		    &h->debts[i], &rule->limits[i], h->owed_tok, h->owed_ns);
	h->owed_tok = 0;
	h->owed_ns = 0;
}

static bool
reserve(struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, const struct budgets_ask *ask,
    int64_t now_ns, struct budgets_hold *hold, struct budgets_answer *out)
{
	static const struct budgets_head full;
	struct budgets_cell *c = budgets_get(b, key, now_ns);
	uint64_t need;

	assert(!hold->is_open && rule->n > 0 && rule->n <= BUDGETS_EACH);
	*out = (struct budgets_answer){.allowed = false};
	if (c != NULL && c->head.owed_tok > 0) {
		struct budgets_head h = c->head;

		charge_owed(&h, rule);
		budgets_commit(b, budgets_number(b, c), &h, 0);
	}
	judge_want(out, c ? &c->outputs : NULL, rule, ask);
	need = clamped(out->wanted_tok, rule);
	out->allowed =
	    !out->is_hopeless && fits(c ? &c->head : &full, rule, need, now_ns);
	if (!out->allowed) {
		describe(out, c ? &c->head : &full, rule, need, now_ns);
		return false;
	}
	hold->key = key;
	hold_open(b, c, need, hold);
	describe(out, c ? &c->head : &full, rule, 0, now_ns);
	return true;
}

bool
budgets_reserve(struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, const struct budgets_ask *ask,
    int64_t now_ns, struct budgets_hold *hold, struct budgets_answer *out)
{
	bool ok;

	budgets_enter(b);
	ok = reserve(b, key, rule, ask, now_ns, hold, out);
	budgets_leave(b);
	return ok;
}

bool
budgets_confirm(const struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_hold *hold, int64_t now_ns, struct budgets_answer *out)
{
	const struct budgets_entry *e = &b->entries[hold->entry];
	struct budgets_head h;

	*out = (struct budgets_answer){.allowed = true};
	if (!hold->is_open || hold->entry == 0 || rule->n == 0)
		return true;
	h = budgets_cell_at(b, e->cell)->head;
	h.reserved_tok = 0;
	if (fits(&h, rule, clamped(e->reserved_tok, rule), now_ns))
		return true;
	out->allowed = false;
	describe(out, &h, rule, clamped(e->reserved_tok, rule), now_ns);
	return false;
}

void
budgets_note(
    struct budgets *b, const struct budgets_hold *hold, uint64_t used_tok)
{
	if (hold->is_open && hold->entry != 0)
		b->entries[hold->entry].seen_tok = used_tok;
}

static void
settle(struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_use *use, int64_t now_ns,
    const struct budgets_hold *hold, struct budgets_answer *out)
{
	struct budgets_cell *c;
	struct budgets_head h;

	if (hold->entry != 0)
		c = budgets_cell_at(b, b->entries[hold->entry].cell);
	else if ((c = budgets_get(b, hold->key, now_ns)) == NULL)
		return;
	h = c->head;
	if (hold->entry != 0)
		h.reserved_tok -= b->entries[hold->entry].reserved_tok;
	if (h.owed_tok > 0)
		charge_owed(&h, rule);
	for (unsigned i = 0; i < rule->n && use->used_tok > 0; i++)
		budget_charge(
		    &h.debts[i], &rule->limits[i], use->used_tok, now_ns);
	budgets_commit(b, budgets_number(b, c), &h, hold->entry);
	if (use->output_tok > 0)
		outputs_add(&c->outputs, (uint64_t)use->output_tok);
	describe(out, &c->head, rule, 0, now_ns);
}

bool
budgets_settle(struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_use *use, int64_t now_ns, struct budgets_hold *hold,
    struct budgets_answer *out)
{
	*out = (struct budgets_answer){.allowed = true};
	if (!hold->is_open)
		return false;
	hold->is_open = false;
	b->open--;
	budgets_enter(b);
	settle(b, rule, use, now_ns, hold, out);
	budgets_leave(b);
	return true;
}

void
budgets_peek(const struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, int64_t now_ns, struct budgets_answer *out)
{
	static const struct budgets_head full;
	const struct budgets_cell *c = budgets_find(b, key);
	struct budgets_head h = c == NULL ? full : c->head;

	*out = (struct budgets_answer){.allowed = true};
	if (h.owed_tok > 0)
		charge_owed(&h, rule);
	describe(out, &h, rule, 0, now_ns);
}

void
budgets_restore(struct budgets *b, struct cells_key key,
    const int64_t full_ns[BUDGETS_EACH], int64_t now_ns)
{
	struct budgets_cell *c = budgets_get(b, key, now_ns);

	for (unsigned i = 0; c != NULL && i < BUDGETS_EACH; i++) {
		int64_t at = full_ns[i];

		if (at > now_ns + RESTORE_MAX_NS)
			at = now_ns + RESTORE_MAX_NS;
		c->head.debts[i] = (struct budget_debt){.full_ns = at};
	}
}

uint64_t
budgets_reserved(const struct budgets *b, struct cells_key key)
{
	const struct budgets_cell *c = budgets_find(b, key);

	return c == NULL ? 0 : c->head.reserved_tok;
}
