/*
 * blob: the file of a model in Ollama's store on this machine.
 *
 *   ROOT/manifests/HOST/NAMESPACE/MODEL/TAG  {"layers":[{"mediaType":
 *   "application/vnd.ollama.image.model","digest":"sha256:..."}]}
 *   ROOT/blobs/sha256-...                    (reference: ollama/ollama,
 *                                             package manifest)
 */
#pragma once
#include "base/buf.h"

/*
 * Put the path of the GGUF file of ${model}, as callers write it, in the store
 * ${root} to ${out}, NUL-terminated.  The case of names does not count, as for
 * Ollama.  Blocking: some folders and one small file are read.
 * ERR_NOT_FOUND: no such model there, or nothing that is a GGUF file; ERR_IO
 * (errno is set): we may not look; ERR_SYNTAX: its manifest is damaged or just
 * being written; ERR_MODEL_NAME, ERR_MODEL_MISSING as name_parse; ERR_FULL: the
 * path is longer than ${cap}.
 */
MUST_CHECK enum err blob_find(
    const char *root, struct slice model, char *out, size_t cap);

/*
 * The digest, "sha256:" and 64 hex digits, of the model's layer in the manifest
 * ${text}; a part of it.  Empty: there is none.
 */
struct slice blob_digest(struct slice text);
