/*
 * store: where Ollama's models are on this machine.
 *
 *   ROOT/manifests/HOST/NAMESPACE/MODEL/TAG      (reference: ollama/ollama,
 *   ROOT/blobs/sha256-...                         package manifest)
 *
 * An Ollama of a service user and one that is started by hand have a store
 * each; beside a full one an empty one looks like a loss of all models.
 */
#pragma once
#include "base/buf.h"

enum store_is {
	STORE_ABSENT, /* no such folder, or no model in it */
	STORE_FULL,   /* it has models, and we may read them */
	STORE_HIDDEN, /* it is there, but not for us to look into */
};

/* What is in the store at ${root}? */
enum store_is store_look(const char *root);

/* Folders where services keep their store, ended by NULL. */
const char *const *store_usual(void);

/*
 * Which store is to be used by an Ollama whose own would be ${own}: that one,
 * unless it is empty and one of ${others} is not; its path goes to ${out},
 * NUL-terminated.  STORE_HIDDEN: one of the others may be full, but cannot be
 * read; that one is told.
 */
enum store_is store_choose(
    const char *own, const char *const *others, char *out, size_t cap);

/*
 * Call ${see} for each model in the store at ${root}, with its name as callers
 * write it (host, namespace and tag left out where they are the usual ones);
 * at most a thousand entries are looked at.  Blocking.
 */
void store_each(
    const char *root, void (*see)(void *ctx, struct slice name), void *ctx);
