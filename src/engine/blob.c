/*
 * Nothing in a manifest becomes part of a path before it is known to be a
 * digest, and names are compared with what is in the folder, never joined.
 */
#include "engine/blob.h"
#include "json/reader.h"
#include "json/value.h"
#include "model/name.h"
#include "os/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

enum { MANIFEST_MAX = 1 << 20, ENTRIES_MAX = 100000, HEX = 64 };

static const struct slice layer_type =
    SLICE("application/vnd.ollama.image.model");
static const struct slice sha256 = SLICE("sha256:");

static bool
is_digest(struct slice s)
{
	if (!slice_starts(s, sha256) || s.n != sha256.n + HEX)
		return false;
	for (size_t i = sha256.n; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

/* One layer, its brace read: its digest if it is the model's.  False: bad. */
static bool
read_layer(struct json_reader *r, struct slice *out)
{
	struct slice digest = {0};
	bool is_model = false;
	enum json_kind kind;

	while ((kind = json_next(r)) == JSON_KEY) {
		struct slice key = json_span(r);

		kind = json_skip(r);
		if (kind == JSON_BAD)
			return false;
		if (kind == JSON_STRING) {
			struct slice value =
			    slice_of(json_span(r).p + 1, json_span(r).n - 2);

			if (slice_is(key, "mediaType"))
				is_model = slice_eq(value, layer_type);
			else if (slice_is(key, "digest"))
				digest = value;
		}
	}
	if (is_model && is_digest(digest) && out->n == 0)
		*out = digest;
	return kind == JSON_OBJECT_END;
}

struct slice
blob_digest(struct slice text)
{
	static const struct slice none = {0};
	struct slice found = {0};
	struct json_reader r;
	enum json_kind kind;

	json_reader_init(&r, text, 16);
	if (json_next(&r) != JSON_OBJECT)
		return none;
	while ((kind = json_next(&r)) == JSON_KEY) {
		if (!slice_is(json_span(&r), "layers")) {
			if (json_skip(&r) == JSON_BAD)
				return none;
			continue;
		}
		if (json_next(&r) != JSON_ARRAY)
			return none;
		while ((kind = json_next(&r)) == JSON_OBJECT)
			if (!read_layer(&r, &found))
				return none;
		if (kind != JSON_ARRAY_END)
			return none;
	}
	return kind == JSON_OBJECT_END && json_next(&r) == JSON_END ? found
								    : none;
}

/* Go from ${path} on to the entry ${part}, whatever its case. */
static enum err
descend(char *path, size_t cap, struct slice part)
{
	DIR *d = opendir(path);
	struct dirent *e;
	unsigned looked = 0;
	enum err err = ERR_NOT_FOUND;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND
							   : ERR_IO;
	while (err == ERR_NOT_FOUND && (e = readdir(d)) != NULL &&
	    ++looked < ENTRIES_MAX) {
		size_t n = strlen(path);
		struct slice name = slice_str(e->d_name);

		if (e->d_name[0] == '.' || !slice_eq_nocase(name, part))
			continue;
		if (n + 1 + name.n >= cap) {
			err = ERR_FULL;
			break;
		}
		path[n] = '/';
		memcpy(path + n + 1, name.p, name.n + 1);
		err = OK;
	}
	(void)closedir(d);
	return err;
}

/* The path of the manifest of ${name}. */
static enum err
find_manifest(const char *root, const struct name *name, char *out, size_t cap)
{
	struct slice rest = name_full(name);
	int n = snprintf(out, cap, "%s/manifests", root);
	enum err e = OK;

	if (n < 0 || (size_t)n >= cap)
		return ERR_FULL;
	for (int i = 0; i < 3 && e == OK; i++)
		e = descend(out, cap, slice_cut(&rest, i < 2 ? '/' : ':'));
	return e == OK ? descend(out, cap, rest) : e;
}

enum err
blob_find(const char *root, struct slice model, char *out, size_t cap)
{
	struct name name;
	struct buf text;
	struct slice digest;
	enum err e = name_parse(model, &name);
	int n;

	if (e != OK)
		return e;
	if (name.opaque)
		return ERR_NOT_FOUND;
	if ((e = find_manifest(root, &name, out, cap)) != OK)
		return e;
	buf_init(&text, MANIFEST_MAX);
	e = file_read(out, &text, NULL);
	if (e == OK) {
		digest = blob_digest(buf_slice(&text));
		if (digest.n == 0) {
			e = ERR_SYNTAX;
		} else {
			n = snprintf(out, cap, "%s/blobs/sha256-%.*s", root,
			    HEX, digest.p + sha256.n);
			e = n < 0 || (size_t)n >= cap ? ERR_FULL : OK;
		}
	}
	buf_fini(&text);
	return e;
}
