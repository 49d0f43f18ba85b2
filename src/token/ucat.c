/*
 * The table is kept in the program as runs and laid out flat once: one load
 * for each character, and only pages with characters in use take memory.
 */
#include "token/ucat.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>

/* Runs, one after another: a letter for the class, a length to base 32. */
static const char runs[] =
#include "token/ucat_runs.h"
    ;

static uint8_t table[UCAT_CHARS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint8_t
class_of(char letter)
{
	switch (letter) {
	case 'L':
		return UCAT_LETTER;
	case 'N':
		return UCAT_NUMBER;
	case 'W':
		return UCAT_SPACE;
	case 'X': /* a control character that is white space */
		return UCAT_SPACE | UCAT_CONTROL;
	case 'M':
		return UCAT_MARK;
	case 'P':
		return UCAT_PUNCTUATION;
	case 'S':
		return UCAT_SYMBOL;
	case 'C':
		return UCAT_CONTROL;
	default:
		return 0;
	}
}

static void
fill(void)
{
	size_t at = 0;

	for (const char *p = runs; *p != '\0';) {
		uint8_t class = class_of(*p++);
		size_t n = 0;

		for (; *p >= 'a' || (*p >= '0' && *p <= '9'); p++)
			n = n * 32 +
			    (size_t)(*p >= 'a' ? *p - 'a' + 10 : *p - '0');
		assert(n <= sizeof table - at);
		if (class != 0)
			memset(table + at, class, n);
		at += n;
	}
	assert(at == sizeof table);
}

void
ucat_init(void)
{
	(void)pthread_once(&once, fill);
}

const uint8_t *
ucat_table(void)
{
	return table;
}
