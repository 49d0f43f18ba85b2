/*
 * pre: the pre-tokenizers, by name; inside of this room.
 *
 * Most are one scan (pre.c).  Some are sequences of regular expressions, each
 * applied to the pieces that the one before it left (pre_sequence.c).
 */
#pragma once
#include "token/bpe.h"

/* The rows of pre_sequence.c. */
const struct pre *pre_sequences(size_t *n);

/* The end of the word at ${p}, as GPT-2's regular expression finds it. */
const unsigned char *pre_gpt2_word(
    const uint8_t *classes, const unsigned char *p, const unsigned char *end);
