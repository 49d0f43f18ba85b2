#include "token/words.h"
#include <stdlib.h>

enum err
words_init(struct words *w, size_t n, struct hash_key key)
{
	size_t places = 64;

	while (places < n)
		places *= 2;
	/* A pair lies in one line of the processor's cache. */
	w->places = aligned_alloc(64, places * sizeof *w->places);
	if (w->places == NULL)
		return ERR_NOMEM;
	w->mask = places / 2 - 1;
	w->k0 = key.k0;
	w->k1 = key.k1 | 1;
	words_clear(w);
	return OK;
}

void
words_fini(struct words *w)
{
	free(w->places);
	w->places = NULL;
}

void
words_clear(struct words *w)
{
	memset(w->places, 0, (w->mask + 1) * 2 * sizeof *w->places);
}
