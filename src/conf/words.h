/*
 * words: a command line of the configuration as words, as a shell would cut
 * it, but with nothing replaced: no variables, no globs, no ~.
 *
 *   ollama serve            ->  ollama | serve
 *   run --name "my model"   ->  run | --name | my model
 *   a 'b  c' d\ e           ->  a | b  c | d e
 */
#pragma once
#include "base/buf.h"

enum { CONF_WORDS_MAX = 256 };

/*
 * Append the words of ${text} to ${out}, a NUL behind each, and how many to
 * ${n}.  ERR_SYNTAX: a quote is not closed, or there is no word; ERR_RANGE:
 * more than CONF_WORDS_MAX; ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err conf_words(struct slice text, struct buf *out, size_t *n);
