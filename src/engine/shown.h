/*
 * shown: a model's vocabulary out of what Ollama shows of it, where its file
 * cannot be read: POST /api/show with "verbose": true.
 *
 *   {"model_info":{"general.architecture":"llama",
 *                  "tokenizer.ggml.tokens":["<unk>", ...], ...},
 *    "tensors":[{"name":"token_embd.weight","shape":[2048,128256]}, ...]}
 *
 * The answer has tens of megabytes; so this is a job for a helper thread.
 */
#pragma once
#include "token/vocab.h"

/*
 * Build the vocabulary that ${text}, the whole answer, tells, with what Ollama
 * changes at load (token/rewrite.h).  Errors as vocab_new; ERR_NOT_FOUND: it
 * holds no tokens (not verbose, or no GGUF model); ERR_SYNTAX: no such answer.
 */
MUST_CHECK enum err shown_vocab(struct slice text, struct vocab **out);
