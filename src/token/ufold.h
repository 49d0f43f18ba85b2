/*
 * ufold: what WordPiece's normaliser makes of characters.
 *
 * The tables are those of Unicode 15.1, which llama.cpp has.  Made by
 * tool/unicode/make-ufold.
 */
#pragma once
#include <stdint.h>

/* Unpack the tables; before anything else, any number of times, any thread. */
void ufold_init(void);

/* The first character of the canonical decomposition of ${c} (NFD). */
uint32_t ufold_first(uint32_t c);

/* ${c} in lower case; of several characters the first. */
uint32_t ufold_lower(uint32_t c);
