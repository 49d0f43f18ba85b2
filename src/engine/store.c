#include "engine/store.h"
#include "model/name.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { DEPTH = 4 /* HOST/NAMESPACE/MODEL/TAG */, LOOKED_MAX = 1000 };

const char *const *
store_usual(void)
{
	static const char *const roots[] = {
	    "/usr/share/ollama/.ollama/models",
	    "/var/lib/ollama/.ollama/models",
	    "/var/lib/ollama/models",
	    "/var/lib/ollama",
	    NULL,
	};

	return roots;
}

/* Is there a file ${depth} folders below ${path}? */
static bool
has_file(const char *path, unsigned depth, unsigned *looked)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool found = false;
	char below[4400];
	int n;

	if (d == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL && ++*looked < LOOKED_MAX) {
		if (e->d_name[0] == '.')
			continue;
		if (depth == 1) {
			found = true;
			break;
		}
		n = snprintf(below, sizeof below, "%s/%s", path, e->d_name);
		found = n > 0 && (size_t)n < sizeof below &&
		    has_file(below, depth - 1, looked);
	}
	(void)closedir(d);
	return found;
}

enum store_is
store_look(const char *root)
{
	char path[4300];
	unsigned looked = 0;

	(void)snprintf(path, sizeof path, "%s/manifests", root);
	if (faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) != 0)
		return errno == EACCES ? STORE_HIDDEN : STORE_ABSENT;
	return has_file(path, DEPTH, &looked) ? STORE_FULL : STORE_ABSENT;
}

enum store_is
store_choose(const char *own, const char *const *others, char *out, size_t cap)
{
	const char *found = NULL;
	enum store_is is = store_look(own);

	if (is == STORE_ABSENT)
		for (; found == NULL && *others != NULL; others++)
			if ((is = store_look(*others)) != STORE_ABSENT)
				found = *others;
	(void)snprintf(out, cap, "%s", found != NULL ? found : own);
	return is;
}

/* All files ${depth} folders below ${path}, named by what is behind ${skip}. */
static void
walk(const char *path, size_t skip, unsigned depth, unsigned *looked,
    void (*see)(void *ctx, struct slice name), void *ctx)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char below[4400];
	struct name name;
	int n;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL && ++*looked < LOOKED_MAX) {
		if (e->d_name[0] == '.')
			continue;
		n = snprintf(below, sizeof below, "%s%c%s", path,
		    depth == 1 ? ':' : '/', e->d_name);
		if (n < 0 || (size_t)n >= sizeof below)
			continue;
		if (depth > 1)
			walk(below, skip, depth - 1, looked, see, ctx);
		else if (name_parse(slice_str(below + skip), &name) == OK)
			see(ctx, name_short(&name));
	}
	(void)closedir(d);
}

void
store_each(
    const char *root, void (*see)(void *ctx, struct slice name), void *ctx)
{
	char path[4300];
	unsigned looked = 0;
	int n = snprintf(path, sizeof path, "%s/manifests", root);

	if (n > 0 && (size_t)n < sizeof path)
		walk(path, (size_t)n + 1, DEPTH, &looked, see, ctx);
}
