/*
 * ucat: the classes of characters that tokenizers ask for.
 *
 * The table is that of Unicode 15.1, which llama.cpp has; White_Space is the
 * Unicode property, not the regex one.  Made by tool/unicode/make-ucat.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum {
	UCAT_LETTER = 1,       /* L* */
	UCAT_NUMBER = 2,       /* N* */
	UCAT_SPACE = 4,	       /* White_Space */
	UCAT_MARK = 8,	       /* M* */
	UCAT_PUNCTUATION = 16, /* P* */
	UCAT_SYMBOL = 32,      /* S* */
	UCAT_CONTROL = 64      /* C* but Cn */
};

enum { UCAT_CHARS = 0x110000 };

/* Fill the table; before anything else, any number of times, any thread. */
void ucat_init(void);

/* The table: a byte of UCAT_* bits for each of UCAT_CHARS characters. */
const uint8_t *ucat_table(void);
