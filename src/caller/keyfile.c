/*
 * See caller/keyfile.h.  The file is edited as text, line by line, and not
 * written anew from the rows: what people wrote into it stays.
 */
#include "caller/keyfile.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum { MODE = 0600, ID_LEAST = 4, WARNINGS_MAX = 64 << 10 };

static const struct slice head =
    SLICE("# Keys of weir's callers; use `weir key`.\n"
	  "# name  SHA-256 of the key  made  revoked (unix time, or -)\n");

void
keyfile_init(struct keyfile *k)
{
	*k = (struct keyfile){0};
	buf_init(&k->text, KEYFILE_BYTES_MAX);
	buf_init(&k->warnings, WARNINGS_MAX);
}

void
keyfile_fini(struct keyfile *k)
{
	free(k->rows);
	buf_fini(&k->text);
	buf_fini(&k->warnings);
	keyfile_init(k);
}

bool
keyfile_is_name(struct slice name)
{
	if (name.n < 1 || name.n > KEYFILE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' ||
			c == '-'))
			return false;
	}
	return true;
}

/* The next word of ${line}; empty at its end. */
static struct slice
word(struct slice *line)
{
	size_t n = 0;

	while (line->n > 0 && (line->p[0] == ' ' || line->p[0] == '\t'))
		*line = slice_from(*line, 1);
	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
		n++;
	struct slice w = slice_to(*line, n);
	*line = slice_from(*line, n);
	return w;
}

/* Unix time, or 0 for - and for nothing at all. */
static bool
read_time(struct slice w, int64_t *out)
{
	uint64_t v = 0;

	if (w.n > 0 && !slice_is(w, "-") &&
	    (!slice_u64(w, INT64_MAX, &v) || v == 0))
		return false;
	*out = (int64_t)v;
	return true;
}

/* Is there a key on ${line}?  ${wrong} says why not, NULL: nothing meant. */
static bool
read_row(struct slice line, struct keyfile_row *row, const char **wrong)
{
	struct slice name, digest, made, revoked;

	*wrong = NULL;
	line = slice_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return false;
	name = word(&line);
	digest = word(&line);
	made = word(&line);
	revoked = word(&line);
	row->name = name;
	if (!keyfile_is_name(name))
		*wrong = "does not begin with a caller's name";
	else if (slice_is(name, "anonymous"))
		*wrong = "gives a key to anonymous, who has none";
	else if (!key_digest_read(digest, &row->digest))
		*wrong = "has no SHA-256 of 64 hexadecimal digits";
	else if (!read_time(made, &row->made_s) ||
	    !read_time(revoked, &row->revoked_s))
		*wrong = "has a time that is neither unix time nor -";
	else if (word(&line).n > 0)
		*wrong = "has more than four words";
	return *wrong == NULL;
}

static enum err
add_row(struct keyfile *k, struct keyfile_row row)
{
	/* Grow by doubling: a full array has a power of two of rows. */
	if ((k->n & (k->n - 1)) == 0) {
		size_t cap = k->n ? 2 * k->n : 1;
		void *p = realloc(k->rows, cap * sizeof *k->rows);

		if (p == NULL)
			return ERR_NOMEM;
		k->rows = p;
	}
	k->rows[k->n++] = row;
	return OK;
}

/* More warnings than there is room for say nothing new. */
static enum err
warned(enum err e)
{
	return e == ERR_FULL ? OK : e;
}

static enum err
read_rows(struct keyfile *k)
{
	struct slice rest = buf_slice(&k->text);

	for (size_t line = 1; rest.n > 0; line++) {
		struct keyfile_row row = {.line = line};
		const char *wrong;
		enum err e = OK;

		if (read_row(slice_cut(&rest, '\n'), &row, &wrong))
			e = add_row(k, row);
		else if (wrong != NULL)
			e = warned(buf_printf(&k->warnings,
			    "keys:%zu: the line %s; it counts for nothing\n",
			    line, wrong));
		if (e != OK)
			return e;
	}
	return OK;
}

enum err
keyfile_parse(struct keyfile *k, struct slice text)
{
	enum err e = buf_add(&k->text, text);

	return e == OK ? read_rows(k) : e;
}

enum err
keyfile_load(struct keyfile *k, const char *path)
{
	enum err e = file_read(path, &k->text, &k->stamp);

	if (e == ERR_NOT_FOUND)
		return OK;
	if (e != OK)
		return e;
	if ((k->stamp.mode & 077) != 0 &&
	    (e = warned(buf_printf(&k->warnings,
		 "keys: others than its owner may read or write the file "
		 "(mode %03o); chmod 600 it\n",
		 (unsigned)k->stamp.mode))) != OK)
		return e;
	return read_rows(k);
}

/* Lock the folder of ${path}; -1 and errno. */
static int
lock(const char *path)
{
	char dir[PATH_MAX];
	struct slice s = slice_str(path);
	size_t slash = slice_rfind(s, '/');

	if (slash == s.n)
		return file_lock_dir(".");
	if (slash >= sizeof dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, slash);
	dir[slash] = '\0';
	return file_lock_dir(slash == 0 ? "/" : dir);
}

/* Add one line to ${text}, which may lack the end of its last one. */
static enum err
append_row(struct buf *text, struct slice name, const struct key_digest *digest,
    int64_t now_s)
{
	char hex[2 * KEY_DIGEST_BYTES];
	enum err e = OK;

	if (text->n == 0)
		e = buf_add(text, head);
	else if (text->p[text->n - 1] != '\n')
		e = buf_add_char(text, '\n');
	key_digest_write(digest, hex);
	return e != OK ? e
		       : buf_printf(text, "%.*s %.*s %lld -\n", SLICE_ARG(name),
			     (int)sizeof hex, hex, (long long)now_s);
}

enum err
keyfile_add(const char *path, struct slice name, int64_t now_s,
    char key[KEY_TEXT_BYTES])
{
	struct key_hasher *h = key_hasher_new();
	struct key_digest digest;
	struct buf text;
	enum err e;
	int fd = lock(path);

	buf_init(&text, KEYFILE_BYTES_MAX);
	if (fd < 0) {
		e = ERR_IO;
		goto undo_hasher;
	}
	e = file_read(path, &text, NULL);
	if (e != OK && e != ERR_NOT_FOUND)
		goto undo_lock;
	key_make(key);
	digest = key_hash(h, slice_of(key, KEY_TEXT_BYTES));
	e = append_row(&text, name, &digest, now_s);
	if (e == OK)
		e = file_replace(path, buf_slice(&text), MODE);
undo_lock:
	file_unlock(fd);
undo_hasher:
	buf_fini(&text);
	key_hasher_free(h);
	return e;
}

static bool
is_id(struct slice who)
{
	if (who.n < ID_LEAST || who.n > 2 * KEY_DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < who.n; i++)
		if (strchr("0123456789abcdefABCDEF", who.p[i]) == NULL ||
		    who.p[i] == '\0')
			return false;
	return true;
}

static bool
begins_with(const struct key_digest *d, struct slice id)
{
	char hex[2 * KEY_DIGEST_BYTES];

	key_digest_write(d, hex);
	return slice_eq_nocase(slice_to(slice_of(hex, sizeof hex), id.n), id);
}

/* Mark the rows of ${k} that ${who} means as revoked now. */
static enum err
choose(struct keyfile *k, struct slice who, int64_t now_s, size_t *n)
{
	struct keyfile_row *by_id = NULL;
	size_t ids = 0;

	*n = 0;
	for (size_t i = 0; i < k->n; i++) {
		struct keyfile_row *r = &k->rows[i];

		if (r->revoked_s != 0)
			continue;
		if (slice_eq(r->name, who)) {
			r->revoked_s = now_s;
			(*n)++;
		} else if (is_id(who) && begins_with(&r->digest, who)) {
			by_id = r;
			ids++;
		}
	}
	if (*n == 0 && ids == 1) {
		by_id->revoked_s = now_s;
		*n = 1;
	}
	return *n > 0 ? OK : ids > 1 ? ERR_EXISTS : ERR_NOT_FOUND;
}

/* Write ${k}'s text into ${out}, with the lines of rows revoked now renewed. */
static enum err
rewrite(const struct keyfile *k, int64_t now_s, struct buf *out)
{
	struct slice rest = buf_slice(&k->text);
	size_t row = 0;
	enum err e = OK;

	for (size_t line = 1; rest.n > 0 && e == OK; line++) {
		struct slice old = slice_cut(&rest, '\n');
		const struct keyfile_row *r =
		    row < k->n && k->rows[row].line == line ? &k->rows[row++]
							    : NULL;
		char hex[2 * KEY_DIGEST_BYTES], made[24] = "-";

		if (r == NULL || r->revoked_s != now_s) {
			/* Not printf: a bad line may hold a NUL. */
			if ((e = buf_add(out, old)) == OK)
				e = buf_add_char(out, '\n');
			continue;
		}
		key_digest_write(&r->digest, hex);
		if (r->made_s != 0)
			made[fmt_u64(made, (uint64_t)r->made_s)] = '\0';
		e = buf_printf(out, "%.*s %.*s %s %lld\n", SLICE_ARG(r->name),
		    (int)sizeof hex, hex, made, (long long)now_s);
	}
	return e;
}

enum err
keyfile_revoke(const char *path, struct slice who, int64_t now_s, size_t *n)
{
	struct keyfile k;
	struct buf text;
	enum err e;
	int fd = lock(path);

	*n = 0;
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	keyfile_init(&k);
	buf_init(&text, KEYFILE_BYTES_MAX);
	if ((e = keyfile_load(&k, path)) == OK &&
	    (e = choose(&k, who, now_s, n)) == OK &&
	    (e = rewrite(&k, now_s, &text)) == OK)
		e = file_replace(path, buf_slice(&text), MODE);
	buf_fini(&text);
	keyfile_fini(&k);
	file_unlock(fd);
	return e;
}

bool
keyfile_changed(struct keyfile_watch *w)
{
	struct file_stamp now = file_stamp(w->path);

	if (file_stamp_eq(&now, &w->stamp))
		return false;
	w->stamp = now;
	return true;
}
