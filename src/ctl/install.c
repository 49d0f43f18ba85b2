#include "ctl/install.h"
#include "ctl/check.h"
#include "ctl/install_files.h"
#include "os/proc.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 64 * 1024 };

/* Groups that may use a GPU, of those that this machine has. */
static void
find_groups(char *out, size_t cap)
{
	static const char *const names[] = {"video", "render"};

	out[0] = 0;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(out);

		if (getgrnam(names[i]) != NULL)
			(void)snprintf(
			    out + n, cap - n, "%s%s", n ? " " : "", names[i]);
	}
}

/* ${path} from the root on, whatever folder this is. */
static void
make_absolute(const char *path, char out[INSTALL_PATH_MAX])
{
	char *real = realpath(path, NULL);

	(void)snprintf(out, INSTALL_PATH_MAX, "%s", real ? real : path);
	free(real);
}

/* The texts of all that is to be written; each in its turn. */
static bool
write_one(
    const struct install *in, enum install_file f, const struct units_of *u)
{
	struct buf text;
	enum err e = ERR_INTERNAL;
	bool ok;

	buf_init(&text, TEXT_MAX);
	switch (f) {
	case INSTALL_SERVICE:
		e = units_service(u, &text);
		break;
	case INSTALL_SOCKET:
		e = units_socket(u, &text);
		break;
	case INSTALL_SYSUSERS:
		e = units_user(&text);
		break;
	case INSTALL_PLIST:
		e = units_launchd(u, &text);
		break;
	case INSTALL_RULE:
		e = units_rule(u, &text);
		break;
	case INSTALL_DROPIN:
	case INSTALL_CONFIG:
	case INSTALL_FILES:
		break;
	}
	ok = e == OK && install_write(in, f, buf_slice(&text));
	buf_fini(&text);
	return ok;
}

/* All that is weir's own. */
static bool
remove_units(const struct install *in)
{
	bool had = false;

	for (unsigned f = 0; f < INSTALL_DROPIN; f++)
		had = install_remove(in, (enum install_file)f) || had;
	return had;
}

/*
 * Only root may have systemd restart a unit, and whom polkit lets.  Without it
 * a rule would lie about.
 */
static bool
write_rule(const struct install *in, const struct units_of *u)
{
	static const char service[] = "/usr/share/dbus-1/system-services/"
				      "org.freedesktop.PolicyKit1.service";
	const char *root = in->args->root != NULL ? in->args->root : "";
	char path[INSTALL_PATH_MAX];

	if (in->is_user || !units_has_unit(u->conf))
		return true;
	(void)snprintf(path, sizeof path, "%s%s", root, service);
	if (in->is_dry || access(path, F_OK) == 0)
		return write_one(in, INSTALL_RULE, u);
	(void)printf("polkit is not here: weir cannot have systemd restart an "
		     "engine that hangs.  Install it (Debian: apt-get install "
		     "polkitd), then run this again.\n");
	return true;
}

static bool
write_units(const struct install *in, const struct units_of *u)
{
	if (in->is_launchd)
		return write_one(in, INSTALL_PLIST, u);
	return write_one(in, INSTALL_SERVICE, u) &&
	    (!u->has_socket || write_one(in, INSTALL_SOCKET, u)) &&
	    write_rule(in, u);
}

/* The system user, by systemd's own tool where that is. */
static bool
make_user(const struct install *in)
{
	if (in->is_user || in->is_launchd || in->is_dry ||
	    in->args->no_start != NULL || in->args->root != NULL ||
	    getpwnam(UNITS_USER) != NULL)
		return true;
	if (system("systemd-sysusers weir.conf") == 0)
		return true;
	(void)fprintf(stderr,
	    "weir install: make the user " UNITS_USER
	    " by hand: useradd --system " UNITS_USER ", then run this again\n");
	return false;
}

/* Can weir's user do ${mode} (access(2)) with ${path}? */
static bool
may(const char *path, int mode)
{
	const struct passwd *p = getpwnam(UNITS_USER);
	int status = 0;
	pid_t pid;

	if (p == NULL || (pid = fork()) < 0)
		return true; /* it will be seen */
	if (pid == 0)
		_exit(setgroups(0, NULL) == 0 && setgid(p->pw_gid) == 0 &&
			    setuid(p->pw_uid) == 0 && access(path, mode) != 0
			? 1
			: 0);
	(void)waitpid(pid, &status, 0);
	return !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}

/* Built in a home that others cannot look into, weir could not be started. */
static bool
check_paths(const struct install *in, const struct units_of *u)
{
	if (in->is_user || in->is_launchd || in->is_dry ||
	    in->args->no_start != NULL || in->args->root != NULL)
		return true;
	if (!may(u->program, X_OK)) {
		(void)fprintf(stderr,
		    "weir install: the user " UNITS_USER " cannot run %s: "
		    "install -m 755 %s /usr/local/bin/weir, then "
		    "/usr/local/bin/weir install\n",
		    u->program, u->program);
		return false;
	}
	if (u->config == NULL || may(u->config, R_OK))
		return true;
	(void)fprintf(stderr,
	    "weir install: the user " UNITS_USER " cannot read %s: have it in "
	    "/etc/weir, chgrp " UNITS_USER " it and chmod 640 it\n",
	    u->config);
	return false;
}

static bool
start_it(const struct install *in)
{
	char path[INSTALL_PATH_MAX];

	if (in->is_launchd) {
		install_path(in, INSTALL_PLIST, path);
		return INSTALL_TELL(in, "load", "-w", path);
	}
	return INSTALL_TELL(in, "daemon-reload") &&
	    INSTALL_TELL(in, "enable", "weir.service") &&
	    INSTALL_TELL(in, "restart", "weir.service");
}

/* Who calls Ollama where it has always been goes past weir. */
static void
warn_of_the_way_past(const struct install *in, const struct conf *conf)
{
	bool is_there = false;

	for (size_t i = 0; i < conf->listen.n; i++)
		is_there = is_there || conf->listen.v[i].port == 11434;
	if (!is_there && !in->is_dry)
		(void)printf("Callers must be told to use weir: who calls the "
			     "engine itself goes past it.  `weir install "
			     "--take-over` puts weir in Ollama's place.\n");
}

static struct conf *
load(struct ctl_args *args, char config[INSTALL_PATH_MAX])
{
	struct conf_env env = ctl_env();
	const char *path = conf_find(&env, args->config);
	struct conf *conf;

	config[0] = 0;
	if (path != NULL)
		make_absolute(path, config);
	return ctl_load(args, &conf) == OK ? conf : NULL;
}

static bool
find_program(const struct ctl_args *args, char out[INSTALL_PATH_MAX])
{
	if (os_proc_called(args->program, out, INSTALL_PATH_MAX) == OK)
		return true;
	(void)fputs("weir install: where is this program?  Call it by its "
		    "path\n",
	    stderr);
	return false;
}

int
ctl_install(const struct ctl_args *given)
{
	char program[INSTALL_PATH_MAX], config[INSTALL_PATH_MAX];
	char own[INSTALL_PATH_MAX], groups[64];
	struct ctl_args args = *given;
	struct units_of u;
	struct takeover t;
	struct install in;
	struct conf *conf;
	bool ok = false;

	install_init(&in, &args);
	if (args.take_over != NULL && !takeover_plan(&in, &t))
		return 1;
	if (args.take_over != NULL && !in.is_dry) {
		install_path(&in, INSTALL_CONFIG, own);
		if (!t.has_config)
			args.config = own;
	}
	if (!find_program(&args, program) ||
	    (conf = load(&args, config)) == NULL)
		goto undo;
	if (in.args->root != NULL && args.config != NULL &&
	    strncmp(config, args.root, strlen(args.root)) == 0)
		memmove(config, config + strlen(args.root),
		    strlen(config + strlen(args.root)) + 1);
	find_groups(groups, sizeof groups);
	u = (struct units_of){.program = program,
	    .config = config[0] ? config : NULL,
	    .conf = conf,
	    .is_user = in.is_user,
	    .has_socket = args.socket != NULL,
	    .groups = groups};
	ok = (in.is_user || in.is_launchd ||
		 write_one(&in, INSTALL_SYSUSERS, &u)) &&
	    make_user(&in) && check_paths(&in, &u) && write_units(&in, &u);
	if (!ok && !install_has(&in, INSTALL_SERVICE))
		(void)install_remove(&in, INSTALL_SYSUSERS);
	if (ok && args.take_over != NULL)
		ok = takeover_do(&in, &t);
	else if (ok && (ok = start_it(&in)))
		warn_of_the_way_past(&in, conf);
	conf_drop(conf);
undo:
	if (!ok && args.take_over != NULL && !in.is_dry)
		(void)install_remove(&in, INSTALL_CONFIG);
	return ok ? 0 : 1;
}

int
ctl_uninstall(const struct ctl_args *args)
{
	struct install in;
	char path[INSTALL_PATH_MAX], unit[256];
	bool had;

	install_init(&in, args);
	if (in.is_launchd && install_has(&in, INSTALL_PLIST)) {
		install_path(&in, INSTALL_PLIST, path);
		(void)INSTALL_TELL(&in, "unload", "-w", path);
	}
	if (!in.is_launchd && install_has(&in, INSTALL_SOCKET))
		(void)INSTALL_TELL(&in, "disable", "--now", "weir.socket");
	if (!in.is_launchd && install_has(&in, INSTALL_SERVICE))
		(void)INSTALL_TELL(&in, "disable", "--now", "weir.service");
	had = remove_units(&in);
	if (args->unit == NULL && takeover_find(&in, unit, sizeof unit))
		in.unit = unit;
	if (install_has(&in, INSTALL_DROPIN)) {
		had = true;
		takeover_undo(&in);
	} else if (had && !in.is_launchd) {
		(void)INSTALL_TELL(&in, "daemon-reload");
	}
	if (install_has(&in, INSTALL_CONFIG))
		had = install_remove(&in, INSTALL_CONFIG) || had;
	if (!had)
		(void)puts("Nothing that weir install wrote is here.");
	return 0;
}
