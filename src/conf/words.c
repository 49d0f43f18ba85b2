#include "conf/words.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from *${at} on; false: a quote stays open. */
static bool
add_word(struct slice text, size_t *at, struct buf *out, enum err *e)
{
	char quote = 0;
	size_t i = *at;

	for (; i < text.n && (quote != 0 || !is_blank(text.p[i])); i++) {
		char c = text.p[i];

		if (c == quote) {
			quote = 0;
			continue;
		}
		if (quote == 0 && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (c == '\\' && quote != '\'' && i + 1 < text.n &&
		    (quote == 0 || text.p[i + 1] == '"' ||
			text.p[i + 1] == '\\'))
			c = text.p[++i];
		if (*e == OK)
			*e = buf_add_char(out, c);
	}
	*at = i;
	if (*e == OK)
		*e = buf_add_char(out, '\0');
	return quote == 0;
}

enum err
conf_words(struct slice text, struct buf *out, size_t *n)
{
	enum err e = OK;
	size_t at = 0;

	*n = 0;
	for (;;) {
		while (at < text.n && is_blank(text.p[at]))
			at++;
		if (at == text.n)
			return *n > 0 ? OK : ERR_SYNTAX;
		if (++*n > CONF_WORDS_MAX)
			return ERR_RANGE;
		if (!add_word(text, &at, out, &e))
			return ERR_SYNTAX;
		if (e != OK)
			return e;
	}
}
