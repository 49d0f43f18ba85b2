#include "caller/people.h"
#include "caller/caller_set.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { SHOWN_DIGITS = 12 };

void
people_set_secret(
    struct caller_set *set, const uint8_t secret[PEOPLE_SECRET_BYTES])
{
	memcpy(set->people_secret, secret, PEOPLE_SECRET_BYTES);
}

/* What stands for ${who} of ${app}; false: OpenSSL gave none. */
static bool
hash_who(const struct caller_set *set, const struct caller *app,
    struct slice who, struct key_digest *out)
{
	unsigned char text[KEYFILE_NAME_MAX + 1 + PEOPLE_NAME_MAX];
	unsigned n;

	/* No name has a NUL, so no two apps have one person. */
	memcpy(text, app->name.p, app->name.n);
	text[app->name.n] = 0;
	memcpy(text + app->name.n + 1, who.p, who.n);
	return HMAC(EVP_sha256(), set->people_secret, PEOPLE_SECRET_BYTES, text,
		   app->name.n + 1 + who.n, out->b, &n) != NULL;
}

static void
forget(struct caller_set *set, struct caller *c)
{
	struct caller *app = c->app;

	list_del(&c->idle);
	table_del(&set->people, &c->node);
	caller_end(c);
	caller_drop(set, app);
}

/* The app's limits are its people's, all together; a line each has itself. */
static void
init(struct caller *c, struct caller *app, const struct key_digest *who)
{
	char hex[2 * KEY_DIGEST_BYTES];

	caller_init_plain(c, app->name);
	memcpy(c->person, who->b, sizeof c->person);
	c->node.key = slice_of((const char *)c->person, sizeof c->person);
	key_digest_write(who, hex);
	memcpy(c->shown_text, app->name.p, app->name.n);
	c->shown_text[app->name.n] = '/';
	memcpy(c->shown_text + app->name.n + 1, hex, SHOWN_DIGITS);
	c->shown = slice_of(c->shown_text, app->name.n + 1 + SHOWN_DIGITS);
	c->rate_key = app->rate_key;
	c->listing_key = app->listing_key;
	c->tokens_key = app->tokens_key;
	memcpy(&c->line_key, who->b, sizeof c->line_key);
	c->app = app;
	queue_caller_join(&c->line, &app->line);
}

static struct caller *
make(struct caller_set *set, struct caller *app, const struct key_digest *who)
{
	struct list *oldest = list_first(&set->idle_people);
	struct caller *c;

	if (set->people.n >= PEOPLE_MAX) {
		if (oldest == NULL)
			return NULL;
		forget(set, LIST_OF(oldest, struct caller, idle));
	}
	if ((c = calloc(1, sizeof *c)) == NULL)
		return NULL;
	init(c, app, who);
	if (table_add(&set->people, &c->node) != OK) {
		free(c);
		return NULL;
	}
	(void)caller_hold(app);
	caller_apply(c, set->conf, app->row);
	return c;
}

struct caller *
people_find(struct caller_set *set, struct caller *app, struct slice who)
{
	struct key_digest d;
	struct table_node *n;
	struct caller *c;

	if (who.n == 0 || who.n > PEOPLE_NAME_MAX || app->is_anonymous ||
	    !hash_who(set, app, who, &d))
		return app;
	n = table_find(
	    &set->people, slice_of((const char *)d.b, sizeof app->person));
	c = n ? TABLE_OF(n, struct caller, node) : make(set, app, &d);
	if (c == NULL)
		return app;
	(void)caller_hold(c);
	caller_drop(set, app);
	return c;
}

/* Each person's part of the app's weight, at least the smallest there is. */
static void
divide(struct caller *app)
{
	uint32_t whole = app->line.weight;

	LIST_EACH_SAFE (it, &app->people) {
		struct queue_caller *line =
		    &LIST_OF(it, struct caller, of_app)->line;
		uint32_t part = whole / app->n_people;

		queue_caller_set(
		    line, line->at_once, line->most, part > 0 ? part : 1);
	}
}

void
people_come(struct caller *c)
{
	list_add(&c->app->people, &c->of_app);
	c->app->n_people++;
	divide(c->app);
}

void
people_go(struct caller_set *set, struct caller *c)
{
	list_del(&c->of_app);
	if (--c->app->n_people > 0)
		divide(c->app);
	list_add(&set->idle_people, &c->idle);
}

void
people_reload(struct caller_set *set)
{
	struct table_node *n = table_next(&set->people, NULL), *next;

	for (; n != NULL; n = next) {
		struct caller *c = TABLE_OF(n, struct caller, node);

		next = table_next(&set->people, n);
		if (!c->app->is_listed) {
			if (c->refs == 0)
				forget(set, c);
			continue;
		}
		caller_apply(c, set->conf, c->app->row);
		if (c->app->n_people > 0)
			divide(c->app);
	}
}

void
people_free(struct caller_set *set)
{
	struct table_node *n;

	while ((n = table_next(&set->people, NULL)) != NULL)
		forget(set, TABLE_OF(n, struct caller, node));
	table_fini(&set->people);
}
