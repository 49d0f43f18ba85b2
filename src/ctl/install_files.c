#include "ctl/install_files.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/service.h"
#include "os/spawn.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024, WORDS_MAX = 16, PATIENCE_MS = 100 * 1000 };

void
install_init(struct install *in, const struct ctl_args *args)
{
	const char *home = getenv("HOME");

	*in = (struct install){.args = args,
	    .is_user = geteuid() != 0 && args->root == NULL,
	    .is_launchd = args->launchd != NULL || os_service_is_launchd(),
	    .is_dry = args->dry_run != NULL,
	    .unit = args->unit != NULL ? args->unit : "ollama.service"};
	(void)snprintf(in->home, sizeof in->home, "%s", home ? home : "");
}

static const char *
name_of(const struct install *in, enum install_file f)
{
	switch (f) {
	case INSTALL_SERVICE:
		return in->is_user ? "/.config/systemd/user/weir.service"
				   : "/etc/systemd/system/weir.service";
	case INSTALL_SOCKET:
		return in->is_user ? "/.config/systemd/user/weir.socket"
				   : "/etc/systemd/system/weir.socket";
	case INSTALL_SYSUSERS:
		return "/etc/sysusers.d/weir.conf";
	case INSTALL_PLIST:
		return in->is_user ? "/Library/LaunchAgents/org.weir.weir.plist"
				   : "/Library/LaunchDaemons/"
				     "org.weir.weir.plist";
	case INSTALL_RULE:
		return "/etc/polkit-1/rules.d/49-weir.rules";
	case INSTALL_CONFIG:
		return "/etc/weir/weir.yaml";
	case INSTALL_DROPIN:
	case INSTALL_FILES:
		break;
	}
	return NULL;
}

void
install_path(
    const struct install *in, enum install_file f, char out[INSTALL_PATH_MAX])
{
	const char *root = in->args->root != NULL ? in->args->root : "";
	const char *name = name_of(in, f);

	if (name == NULL)
		/* Behind whatever people have called theirs. */
		(void)snprintf(out, INSTALL_PATH_MAX,
		    "%s/etc/systemd/system/%s.d/zz-weir.conf", root, in->unit);
	else
		(void)snprintf(out, INSTALL_PATH_MAX, "%s%s",
		    in->is_user ? in->home : root, name);
}

static bool
is_ours(const char *path)
{
	struct buf text;
	struct slice s;
	bool ok;

	buf_init(&text, TEXT_MAX);
	ok = file_read(path, &text, NULL) == OK;
	s = buf_slice(&text);
	ok = ok && memmem(s.p, s.n, UNITS_MARK, strlen(UNITS_MARK)) != NULL;
	buf_fini(&text);
	return ok;
}

bool
install_has(const struct install *in, enum install_file f)
{
	char path[INSTALL_PATH_MAX];

	install_path(in, f, path);
	return is_ours(path);
}

bool
install_write(const struct install *in, enum install_file f, struct slice text)
{
	char path[INSTALL_PATH_MAX], folder[INSTALL_PATH_MAX];
	struct slice dir;

	install_path(in, f, path);
	if (in->is_dry) {
		(void)printf("# --- %s\n%.*s\n", path, SLICE_ARG(text));
		return true;
	}
	if (access(path, F_OK) == 0 && !is_ours(path)) {
		(void)fprintf(stderr,
		    "weir install: %s is there and was not written by weir "
		    "install; move it away\n",
		    path);
		return false;
	}
	dir = slice_to(slice_str(path), slice_rfind(slice_str(path), '/'));
	(void)snprintf(folder, sizeof folder, "%.*s", SLICE_ARG(dir));
	if (file_make_dir(folder, 0755) != OK ||
	    file_replace(path, text, 0644) != OK) {
		(void)fprintf(stderr, "weir install: cannot write %s: %s\n",
		    path, strerror(errno));
		return false;
	}
	(void)printf("wrote %s\n", path);
	return true;
}

/* Of the folders only those are ours that nobody else uses. */
static void
drop_folder(enum install_file f, const char *path)
{
	char folder[INSTALL_PATH_MAX];
	struct slice s = slice_str(path);

	if (f != INSTALL_DROPIN && f != INSTALL_CONFIG && f != INSTALL_SYSUSERS)
		return;
	(void)snprintf(folder, sizeof folder, "%.*s",
	    SLICE_ARG(slice_to(s, slice_rfind(s, '/'))));
	(void)rmdir(folder);
}

bool
install_remove(const struct install *in, enum install_file f)
{
	char path[INSTALL_PATH_MAX];

	install_path(in, f, path);
	if (!is_ours(path))
		return false;
	if (!in->is_dry && unlink(path) != 0) {
		(void)fprintf(stderr, "weir: cannot take away %s: %s\n", path,
		    strerror(errno));
		return false;
	}
	if (!in->is_dry)
		drop_folder(f, path);
	(void)printf(
	    "%s %s\n", in->is_dry ? "would take away" : "took away", path);
	return true;
}

/* --- the service manager --- */

/* All that ${fd} says, until it ends or patience does; whether it ended. */
static bool
hear(int fd, struct buf *out)
{
	struct pollfd p = {fd, POLLIN, 0};
	char part[4096];

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, PATIENCE_MS) != 1)
			return false;
		n = read(fd, part, sizeof part);
		if (n == 0)
			return true;
		if (n > 0)
			(void)!buf_add(out, slice_of(part, (size_t)n));
		else if (errno != EINTR && errno != EAGAIN)
			return false;
	}
}

static bool
run(char *const *argv, struct buf *out)
{
	struct os_spawn s = {.argv = argv, .env = os_environ()};
	int ends[2], status = 1, why_fd;
	bool ok;
	pid_t pid;

	if (os_fd_pipe(ends) != OK)
		return false;
	os_fd_nonblock(ends[1], false);
	s.out_fd = ends[1];
	ok = os_spawn(&s, &pid, &why_fd) == OK;
	os_fd_close(&ends[1]);
	if (ok) {
		if (!hear(ends[0], out))
			os_kill_group(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
		os_fd_close(&why_fd);
	}
	os_fd_close(&ends[0]);
	return ok;
}

bool
install_tell(
    const struct install *in, const char *const *words, struct buf *out)
{
	static char systemctl[] = "systemctl", launchctl[] = "launchctl";
	static char user[] = "--user";
	char *argv[WORDS_MAX], line[1024];
	struct buf said;
	size_t n = 0, at = 0;
	bool ok;

	argv[n++] = in->is_launchd ? launchctl : systemctl;
	if (in->is_user && !in->is_launchd)
		argv[n++] = user;
	for (size_t i = 0; words[i] != NULL && n < WORDS_MAX - 1; i++)
		argv[n++] = (char *)(uintptr_t)words[i];
	argv[n] = NULL;
	for (size_t i = 0; i < n && at < sizeof line; i++)
		at += (size_t)snprintf(
		    line + at, sizeof line - at, "%s%s", i ? " " : "", argv[i]);
	if (out == NULL && (in->is_dry || in->args->no_start != NULL)) {
		(void)printf("# %s\n", line);
		return true;
	}
	buf_init(&said, TEXT_MAX);
	ok = run(argv, out != NULL ? out : &said);
	if (!ok && out == NULL)
		(void)fprintf(stderr, "weir: `%s` failed\n%.*s", line,
		    SLICE_ARG(buf_slice(&said)));
	buf_fini(&said);
	return ok;
}
