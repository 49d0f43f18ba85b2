#include "world.h"
#include "ipc/control.h"
#include "keeper/keeper.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

void
world_init(struct world *w)
{
	*w = (struct world){.dir = "/tmp/weir-keeper-XXXXXX", .said = -1};
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->config, sizeof w->config, "%s/weir.yaml", w->dir);
	(void)snprintf(w->control, sizeof w->control, "%s/ctl", w->dir);
	(void)snprintf(w->unix_path, sizeof w->unix_path, "%s/sock", w->dir);
}

void
world_fini(struct world *w)
{
	if (w->keeper != 0) {
		(void)kill(w->keeper, SIGKILL);
		(void)waitpid(w->keeper, NULL, 0);
	}
	if (w->said >= 0)
		(void)close(w->said);
	(void)unlink(w->config);
	(void)unlink(w->control);
	(void)unlink(w->unix_path);
	(void)rmdir(w->dir);
}

void
world_write(struct world *w, const char *first, const char *rest)
{
	FILE *f = fopen(w->config, "w");

	assert_non_null(f);
	assert_true(
	    fprintf(f, "# %s\n%s\ncontrol: %s\n", first, rest, w->control) > 0);
	assert_int_equal(fclose(f), 0);
}

static bool
exists(const char *path)
{
	return access(path, F_OK) == 0;
}

void
world_start(struct world *w, bool one_process, int64_t grace_us)
{
	struct keeper_opts opts = {.config = w->config,
	    .one_process = one_process,
	    .env = {.exists = exists},
	    .grace_us = grace_us};
	int ends[2];

	w->n = 0;
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	w->keeper = fork();
	assert_true(w->keeper >= 0);
	if (w->keeper == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		_exit(keeper_main(&opts));
	}
	(void)close(ends[1]);
	if (w->said >= 0)
		(void)close(w->said);
	w->said = ends[0];
}

void
world_hear(struct world *w, const char *words)
{
	struct pollfd p = {.fd = w->said, .events = POLLIN};
	const char *at;
	ssize_t r = 1;

	while ((at = strstr(w->text, words)) == NULL) {
		assert_true(w->n < sizeof w->text - 1);
		if (poll(&p, 1, PATIENCE_MS) == 1)
			r = read(
			    w->said, w->text + w->n, sizeof w->text - 1 - w->n);
		else
			r = 0;
		if (r <= 0)
			fail_msg("never heard \"%s\" but: %s", words, w->text);
		w->n += (size_t)r;
		w->text[w->n] = 0;
	}
	/* Heard: what follows is new. */
	at += strlen(words);
	w->n -= (size_t)(at - w->text);
	memmove(w->text, at, w->n + 1);
}

void
world_hear_port(struct world *w)
{
	world_hear(w, "serves on http://127.0.0.1:");
	/* The line comes in one write. */
	w->port = (uint16_t)atoi(w->text);
	assert_true(w->port > 0);
}

int
world_end(struct world *w)
{
	int status;

	assert_int_equal(waitpid(w->keeper, &status, 0), w->keeper);
	w->keeper = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
read_greeting(int fd, struct greeting *g)
{
	char line[512];
	size_t n = 0;
	ssize_t r;

	while ((r = read(fd, line + n, sizeof line - 1 - n)) > 0)
		n += (size_t)r;
	(void)close(fd);
	line[n] = 0;
	*g = (struct greeting){0};
	(void)sscanf(line, "%ld %ld %ld %ld %ld %255[^\n]", &g->generation,
	    &g->pid, &g->count, &g->reopened, &g->drained, g->text);
}

bool
world_greet(uint16_t port, struct greeting *g)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
		/* A socket that closes just now resets who was in its line. */
		assert_true(errno == ECONNREFUSED || errno == ECONNRESET);
		(void)close(fd);
		return false;
	}
	read_greeting(fd, g);
	return true;
}

bool
world_greet_unix(struct world *w, struct greeting *g)
{
	int fd;

	if (unix_socket_connect(w->unix_path, &fd) != OK)
		return false;
	read_greeting(fd, g);
	return true;
}

bool
world_control(struct world *w, const char *command, char *out, size_t cap)
{
	struct buf text;
	bool ok;

	buf_init(&text, cap);
	assert_int_equal(
	    control_call(w->control, command, PATIENCE_MS * 1000, &ok, &text),
	    OK);
	(void)snprintf(out, cap, "%.*s", SLICE_ARG(buf_slice(&text)));
	buf_fini(&text);
	return ok;
}

/* Ended, whether or not somebody has collected its status yet. */
static bool
is_gone(pid_t pid)
{
	char path[64], stat[512];
	const char *behind;
	size_t n = 0;
	FILE *f;

	if (kill(pid, 0) != 0)
		return true;
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if ((f = fopen(path, "r")) != NULL) {
		n = fread(stat, 1, sizeof stat - 1, f);
		(void)fclose(f);
	}
	stat[n] = 0;
	/* "PID (NAME) STATE ...", and the name may hold anything. */
	behind = strrchr(stat, ')');
	return behind && strncmp(behind, ") Z", 3) == 0;
}

void
world_wait_gone(pid_t pid)
{
	for (int i = 0; i < PATIENCE_MS / 5 && !is_gone(pid); i++)
		(void)poll(NULL, 0, 5);
	assert_true(is_gone(pid));
}
