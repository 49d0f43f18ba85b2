/*
 * The environment of another user's process is hidden; what its unit says is
 * not.  The files are read, since the manager would have to be waited for.
 */
#include "os/unit.h"
#include "os/file.h"
#include "os/peer.h"
#include "os/proc.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 256 * 1024, DROPINS_MAX = 64, NAME_ROOM = 256 };

/* What stands first hides what has its name in those behind. */
static const char *const folders[] = {
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
};

enum { FOLDERS = sizeof folders / sizeof folders[0] };

enum err
os_unit_of(pid_t pid, char *out, size_t cap)
{
	static const struct slice users = SLICE("/user.slice/"),
				  end = SLICE(".service");
	char group[4096];
	struct slice s, name;

	if (os_peer_group(pid, group, sizeof group) != OK)
		return ERR_NOT_FOUND;
	s = slice_str(group);
	if (slice_starts(s, users))
		return ERR_NOT_FOUND;
	/* A unit may have groups of its own below. */
	while (s.n > 0) {
		name = slice_cut(&s, '/');
		if (name.n <= end.n ||
		    !slice_eq(slice_from(name, name.n - end.n), end))
			continue;
		if (name.n >= cap)
			return ERR_FULL;
		memcpy(out, name.p, name.n);
		out[name.n] = 0;
		return OK;
	}
	return ERR_NOT_FOUND;
}

/* --- one file --- */

/* Take away what was said before, from ${begin} on, of the last word's name. */
static void
drop_older(struct buf *out, size_t begin, size_t word)
{
	struct slice last = slice_of(out->p + word, out->n - word);
	size_t name = slice_find(last, '=') + 1;

	for (size_t at = begin; at < word;) {
		size_t n = strlen(out->p + at) + 1;

		if (name <= last.n && n > name &&
		    memcmp(out->p + at, last.p, name) == 0) {
			memmove(out->p + at, out->p + at + n, out->n - at - n);
			out->n -= n;
			return;
		}
		at += n;
	}
}

/* One word in systemd's quotes, off ${value}, with a NUL behind it. */
static enum err
add_word(struct slice *value, struct buf *out)
{
	enum err e = OK;
	char quote = 0;
	size_t i = 0;

	for (; i < value->n && e == OK; i++) {
		char c = value->p[i];

		if (quote == 0 && (c == ' ' || c == '\t'))
			break;
		if (quote == 0 && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (quote != 0 && c == quote) {
			quote = 0;
			continue;
		}
		if (c == '\\' && i + 1 < value->n)
			c = value->p[++i];
		e = buf_add_char(out, c);
	}
	*value = slice_trim(slice_from(*value, i));
	return e == OK ? buf_add_char(out, 0) : e;
}

/* Take what one unit file or drop-in says. */
static enum err
take_file(struct slice text, struct buf *out, size_t begin)
{
	bool is_service = false;
	enum err e = OK;

	while (text.n > 0 && e == OK) {
		struct slice value = slice_trim(slice_cut(&text, '\n')), key;

		if (value.n > 0 && value.p[0] == '[')
			is_service = slice_is(value, "[Service]");
		key = slice_trim(slice_cut(&value, '='));
		if (!is_service || !slice_is(key, "Environment"))
			continue;
		value = slice_trim(value);
		if (value.n == 0)
			out->n = begin; /* all of it is taken back */
		while (value.n > 0 && e == OK) {
			size_t word = out->n;

			e = add_word(&value, out);
			if (e == OK)
				drop_older(out, begin, word);
		}
	}
	return e;
}

static enum err
read_file(const char *path, struct buf *out, size_t begin)
{
	struct buf text;
	enum err e;

	buf_init(&text, FILE_MAX);
	e = file_read(path, &text, NULL);
	if (e == OK)
		e = take_file(buf_slice(&text), out, begin);
	else if (e != ERR_NOMEM)
		e = ERR_NOT_FOUND;
	buf_fini(&text);
	return e;
}

/* --- drop-ins --- */

struct dropins {
	char name[DROPINS_MAX][NAME_ROOM];
	unsigned folder[DROPINS_MAX];
	unsigned n;
};

static void
add_dropin(struct dropins *d, const char *name, unsigned folder)
{
	struct slice s = slice_str(name);
	unsigned at = d->n;

	if (s.n <= 5 || s.n >= NAME_ROOM || d->n == DROPINS_MAX ||
	    !slice_is(slice_from(s, s.n - 5), ".conf"))
		return;
	for (unsigned i = 0; i < d->n; i++)
		if (strcmp(d->name[i], name) == 0)
			return;
	/* In order of their names, whatever folder they are in. */
	for (; at > 0 && strcmp(d->name[at - 1], name) > 0; at--) {
		memcpy(d->name[at], d->name[at - 1], NAME_ROOM);
		d->folder[at] = d->folder[at - 1];
	}
	memcpy(d->name[at], name, s.n + 1);
	d->folder[at] = folder;
	d->n++;
}

static enum err
read_dropins(const char *root, const char *unit, struct buf *out, size_t begin)
{
	struct dropins *d = calloc(1, sizeof *d);
	char path[4096];
	enum err e = d != NULL ? OK : ERR_NOMEM;

	for (unsigned i = 0; i < FOLDERS && d != NULL; i++) {
		struct dirent *entry;
		DIR *dir;

		(void)snprintf(
		    path, sizeof path, "%s%s/%s.d", root, folders[i], unit);
		if ((dir = opendir(path)) == NULL)
			continue;
		while ((entry = readdir(dir)) != NULL)
			add_dropin(d, entry->d_name, i);
		(void)closedir(dir);
	}
	for (unsigned i = 0; d != NULL && i < d->n && e == OK; i++) {
		(void)snprintf(path, sizeof path, "%s%s/%s.d/%s", root,
		    folders[d->folder[i]], unit, d->name[i]);
		e = read_file(path, out, begin);
		if (e == ERR_NOT_FOUND)
			e = OK;
	}
	free(d);
	return e;
}

enum err
os_unit_environ(const char *root, const char *unit, struct buf *out)
{
	enum err e = ERR_NOT_FOUND;
	size_t begin = out->n;
	char path[4096];

	for (unsigned i = 0; i < FOLDERS && e == ERR_NOT_FOUND; i++) {
		(void)snprintf(
		    path, sizeof path, "%s%s/%s", root, folders[i], unit);
		e = read_file(path, out, begin);
	}
	return e == OK ? read_dropins(root, unit, out, begin) : e;
}

enum err
os_unit_environ_of(pid_t pid, struct buf *out)
{
	char unit[NAME_ROOM];
	size_t begin = out->n;
	enum err e = os_proc_environ(pid, out);

	if (e != ERR_IO)
		return e;
	out->n = begin;
	if (os_unit_of(pid, unit, sizeof unit) != OK)
		return ERR_NOT_FOUND;
	return os_unit_environ("", unit, out);
}
