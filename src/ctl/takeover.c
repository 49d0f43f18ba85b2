/*
 * weir in Ollama's place: a drop-in moves Ollama to a port of loopback that
 * nobody knows, and weir listens where it did.  Whatever goes wrong on the
 * way, callers find an Ollama there at the end.
 */
#include "ctl/check.h"
#include "ctl/install_files.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/proc.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TEXT_MAX = 64 * 1024,
	FIRST_PORT = 11436,
	PORTS = 100,
	PATIENCE_US = 60 * 1000 * 1000,
	ANSWER_MS = 5000,
	LOOK_US = 200 * 1000,
};

/* --- where it is --- */

/* The value of ${name} in the words of ${env}, ended by ${end} each. */
static bool
find_word(struct slice env, char end, const char *name, char *out, size_t cap)
{
	bool found = false;

	while (env.n > 0) {
		struct slice word = slice_trim(slice_cut(&env, end)), value;

		if (word.n > 1 && strchr("\"'", word.p[0]) != NULL)
			word = slice_of(word.p + 1, word.n - 2);
		value = word;
		if (!slice_is(slice_cut(&value, '='), name))
			continue;
		(void)snprintf(out, cap, "%.*s", SLICE_ARG(value));
		found = true;
	}
	return found;
}

/* A property of Ollama's unit in ${out}, which is emptied before. */
static bool
ask_unit(const struct install *in, const char *property, struct buf *out)
{
	const char *const words[] = {
	    "show", "--value", "-p", property, in->unit, NULL};

	buf_clear(out);
	return install_tell(in, words, out);
}

/*
 * Of the running process, whatever set it; else what the unit says.  Words of
 * a unit with spaces inside are in quotes: cut at spaces they are no names.
 */
static void
ask_environment(
    const struct install *in, struct takeover *t, char *host, size_t host_cap)
{
	struct buf text;
	uint64_t pid;
	bool has_process;

	buf_init(&text, TEXT_MAX);
	has_process = ask_unit(in, "MainPID", &text) &&
	    slice_u64(slice_trim(buf_slice(&text)), INT32_MAX, &pid) && pid > 0;
	buf_clear(&text);
	if (has_process && os_proc_environ((pid_t)pid, &text) == OK) {
		(void)find_word(
		    buf_slice(&text), 0, "OLLAMA_HOST", host, host_cap);
		(void)find_word(buf_slice(&text), 0, "OLLAMA_ORIGINS",
		    t->origins, sizeof t->origins);
	} else if (ask_unit(in, "Environment", &text)) {
		(void)find_word(
		    buf_slice(&text), ' ', "OLLAMA_HOST", host, host_cap);
		(void)find_word(buf_slice(&text), ' ', "OLLAMA_ORIGINS",
		    t->origins, sizeof t->origins);
	}
	buf_fini(&text);
}

static int
open_loopback(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
		os_fd_close(&fd);
	return fd;
}

static uint16_t
find_port(void)
{
	for (uint16_t p = FIRST_PORT; p < FIRST_PORT + PORTS; p++) {
		int fd = open_loopback(p);

		if (fd < 0)
			continue;
		os_fd_close(&fd);
		return p;
	}
	return 0;
}

/* --- the plan --- */

static bool
listens_at(const struct conf *c, const struct units_place *at)
{
	unsigned char addr[16];
	bool is_v4 = inet_pton(AF_INET, at->host, addr) == 1;

	if (!is_v4 && inet_pton(AF_INET6, at->host, addr) != 1)
		return false;
	for (size_t i = 0; i < c->listen.n; i++) {
		const struct conf_listen *l = &c->listen.v[i];

		if (l->family == (is_v4 ? CONF_IPV4 : CONF_IPV6) &&
		    l->port == at->port &&
		    memcmp(l->addr, addr, is_v4 ? 4 : 16) == 0)
			return true;
	}
	return false;
}

/* The port of loopback where the configuration expects Ollama; 0. */
static uint16_t
expected_port(const struct conf *c, const struct units_place *at)
{
	for (size_t i = 0; i < c->n_engines; i++) {
		const struct conf_url *u = &c->engines[i].url;

		if (slice_is(u->host, "127.0.0.1") && u->port != at->port)
			return (uint16_t)u->port;
	}
	return 0;
}

/* There is a configuration: it must say the same. */
static bool
use_config(const struct install *in, struct takeover *t)
{
	struct conf *conf;
	bool ok;

	if (ctl_load(in->args, &conf) != OK)
		return false;
	t->has_config = true;
	t->port = expected_port(conf, &t->at);
	ok = listens_at(conf, &t->at) && t->port != 0;
	if (!ok)
		(void)fprintf(stderr,
		    "weir install: the configuration must put weir where "
		    "Ollama is, and Ollama elsewhere:\n"
		    "listen: \"%s:%u\"\n"
		    "engines: [{name: ollama, url: http://127.0.0.1:%u, unit: "
		    "%s}]\n",
		    t->at.host, t->at.port, FIRST_PORT, in->unit);
	conf_drop(conf);
	return ok;
}

static bool
write_config(const struct install *in, const struct takeover *t)
{
	struct buf text;
	bool ok;

	buf_init(&text, TEXT_MAX);
	ok = units_config(&t->at, t->port, in->unit, t->origins, &text) == OK &&
	    install_write(in, INSTALL_CONFIG, buf_slice(&text));
	buf_fini(&text);
	return ok;
}

static bool
has_config(const struct install *in)
{
	char path[INSTALL_PATH_MAX];

	if (in->args->config != NULL)
		return true;
	install_path(in, INSTALL_CONFIG, path);
	return access(path, F_OK) == 0 && !install_has(in, INSTALL_CONFIG);
}

bool
takeover_plan(const struct install *in, struct takeover *t)
{
	char host[256] = "";
	struct buf text;
	bool ok;

	*t = (struct takeover){.port = 0};
	if (in->is_launchd || in->is_user) {
		(void)fputs("weir install: --take-over is for Ollama as a unit "
			    "of systemd, and wants root\n",
		    stderr);
		return false;
	}
	buf_init(&text, TEXT_MAX);
	ok = ask_unit(in, "LoadState", &text) &&
	    slice_is(slice_trim(buf_slice(&text)), "loaded");
	buf_fini(&text);
	if (!ok || install_has(in, INSTALL_DROPIN)) {
		(void)fprintf(stderr, "weir install: %s %s\n", in->unit,
		    ok ? "has been moved already; `weir uninstall` first"
		       : "is no unit here; name it with --unit");
		return false;
	}
	ask_environment(in, t, host, sizeof host);
	if (!units_ollama_place(host, &t->at)) {
		(void)fprintf(stderr,
		    "weir install: weir cannot listen at OLLAMA_HOST=%s\n",
		    host);
		return false;
	}
	if (has_config(in))
		return use_config(in, t);
	t->port = find_port();
	return t->port != 0 && write_config(in, t);
}

/* --- the move --- */

/* The status that a GET of ${path} at ${at} gets; 0: none. */
static int
ask(const struct units_place *at, const char *path)
{
	struct sockaddr_in6 v6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(at->port)};
	struct sockaddr_in v4 = {
	    .sin_family = AF_INET, .sin_port = htons(at->port)};
	bool is_v4 = inet_pton(AF_INET, at->host, &v4.sin_addr) == 1;
	char text[256], got[64] = "";
	struct pollfd p = {.events = POLLIN};
	int n, status = 0;

	if (is_v4 && v4.sin_addr.s_addr == 0)
		v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!is_v4 &&
	    (inet_pton(AF_INET6, at->host, &v6.sin6_addr) != 1 ||
		IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)))
		v6.sin6_addr = in6addr_loopback;
	if ((p.fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0)) < 0)
		return 0;
	n = snprintf(text, sizeof text,
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	    path);
	if (connect(p.fd,
		is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		is_v4 ? sizeof v4 : sizeof v6) == 0 &&
	    send(p.fd, text, (size_t)n, MSG_NOSIGNAL) == n &&
	    poll(&p, 1, ANSWER_MS) == 1 && read(p.fd, got, sizeof got - 1) > 12)
		status = atoi(got + 8);
	(void)close(p.fd);
	return status;
}

static volatile sig_atomic_t is_interrupted;

static void
on_signal(int number)
{
	(void)number;
	is_interrupted = 1;
}

static bool
is_moved(const struct takeover *t)
{
	struct units_place there = {.host = "127.0.0.1", .port = t->port};

	return ask(&there, "/api/tags") == 200;
}

/* Whom weir does not know it may refuse: then the engine itself is asked. */
static bool
is_well(const struct takeover *t)
{
	int status;

	if (ask(&t->at, "/healthz") != 200)
		return false;
	status = ask(&t->at, "/api/tags");
	return status == 200 ||
	    (t->has_config && (status == 401 || status == 403) && is_moved(t));
}

/* Until weir itself, and the engine through it, answer. */
static bool
wait_for_answer(const struct takeover *t)
{
	int64_t end_us = os_now_us() + PATIENCE_US;

	while (os_now_us() < end_us && !is_interrupted) {
		if (is_well(t))
			return true;
		(void)usleep(LOOK_US);
	}
	return false;
}

/* Of the two, who is it? */
static void
say_why(const struct install *in, const struct takeover *t)
{
	if (is_interrupted)
		(void)fputs("weir install: interrupted\n", stderr);
	else if (!is_moved(t))
		(void)fprintf(stderr,
		    "weir install: Ollama did not come up at 127.0.0.1:%u; "
		    "see: journalctl -u %s -n 20\n",
		    t->port, in->unit);
	else if (ask(&t->at, "/healthz") != 200)
		(void)fprintf(stderr,
		    "weir install: weir did not come up at %s:%u; see: "
		    "journalctl -u weir -n 20\n",
		    t->at.host, t->at.port);
	else
		(void)fputs("weir install: weir gets no answer from Ollama; "
			    "see: journalctl -u weir -n 20\n",
		    stderr);
}

static bool
move(const struct install *in, const struct takeover *t)
{
	struct buf text;
	bool ok;

	buf_init(&text, TEXT_MAX);
	ok = units_move(t->port, &text) == OK &&
	    install_write(in, INSTALL_DROPIN, buf_slice(&text)) &&
	    INSTALL_TELL(in, "daemon-reload") &&
	    INSTALL_TELL(in, "restart", in->unit) &&
	    INSTALL_TELL(in, "enable", "weir.service") &&
	    INSTALL_TELL(in, "restart", "weir.service");
	buf_fini(&text);
	return ok;
}

static void
roll_back(const struct install *in, const struct takeover *t)
{
	say_why(in, t);
	(void)fputs("weir install: no answer through weir: Ollama is put back "
		    "where it was\n",
	    stderr);
	/* A socket that stays would keep Ollama's port. */
	if (install_has(in, INSTALL_SOCKET))
		(void)INSTALL_TELL(in, "disable", "--now", "weir.socket");
	(void)INSTALL_TELL(in, "disable", "--now", "weir.service");
	for (unsigned f = 0; f < INSTALL_DROPIN; f++)
		(void)install_remove(in, (enum install_file)f);
	takeover_undo(in);
	(void)install_remove(in, INSTALL_CONFIG);
	is_interrupted = 0;
	for (int64_t end_us = os_now_us() + PATIENCE_US;
	     os_now_us() < end_us && ask(&t->at, "/api/tags") != 200;)
		(void)usleep(LOOK_US);
	if (ask(&t->at, "/api/tags") != 200)
		(void)fprintf(stderr,
		    "weir install: Ollama does not answer at %s:%u; look at "
		    "`systemctl status %s`\n",
		    t->at.host, t->at.port, in->unit);
}

bool
takeover_do(const struct install *in, const struct takeover *t)
{
	struct sigaction a = {.sa_handler = on_signal};
	bool ok;

	(void)sigaction(SIGINT, &a, NULL);
	(void)sigaction(SIGTERM, &a, NULL);
	(void)sigaction(SIGHUP, &a, NULL);
	ok = move(in, t);
	if (in->is_dry || in->args->no_start != NULL)
		return ok;
	if (ok && wait_for_answer(t)) {
		(void)printf("weir answers at %s:%u, in front of the Ollama "
			     "that is at 127.0.0.1:%u now.\n",
		    t->at.host, t->at.port, t->port);
		return true;
	}
	roll_back(in, t);
	return false;
}

void
takeover_undo(const struct install *in)
{
	if (!install_remove(in, INSTALL_DROPIN))
		return;
	(void)INSTALL_TELL(in, "daemon-reload");
	/* It may have been started too often, where it could not be. */
	(void)INSTALL_TELL(in, "reset-failed", in->unit);
	(void)INSTALL_TELL(in, "restart", in->unit);
}

bool
takeover_find(const struct install *in, char *unit, size_t cap)
{
	static const struct slice end = SLICE(".d");
	struct install it = *in;
	char path[INSTALL_PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	(void)snprintf(path, sizeof path, "%s/etc/systemd/system",
	    in->args->root != NULL ? in->args->root : "");
	if ((d = opendir(path)) == NULL)
		return false;
	while (!found && (e = readdir(d)) != NULL) {
		struct slice name = slice_str(e->d_name);

		if (name.n <= end.n ||
		    !slice_eq(slice_from(name, name.n - end.n), end))
			continue;
		(void)snprintf(
		    unit, cap, "%.*s", SLICE_ARG(slice_to(name, name.n - 2)));
		it.unit = unit;
		found = install_has(&it, INSTALL_DROPIN);
	}
	(void)closedir(d);
	return found;
}
