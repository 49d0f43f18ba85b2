/*
 * Does an engine answer?  This is the command line program, which serves
 * nobody meanwhile, so it may simply wait; the daemon's own health checks are
 * in engine/.
 */
#include "ctl/check.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	PROBE_MS = 2000,
	ANSWER_BYTES_MAX = 64 * 1024,
	KEY_BYTES_MAX = 4096,
	LABEL_MAX = 48,
};

/* One engine being asked. */
struct probe {
	const struct conf_url *url;
	int64_t until_ms;
	struct buf answer;
	int status;		/* of the last answer; 0: none */
	int error;		/* errno, where there was no answer */
	const char *name_error; /* its host cannot be looked up */
	char key[KEY_BYTES_MAX];
	char label[LABEL_MAX]; /* "ollama 0.5.1" */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait until ${fd} can be read or written; false: time is up. */
static bool
wait_for(struct probe *p, int fd, short events)
{
	struct pollfd f = {.fd = fd, .events = events};
	int64_t left = p->until_ms - now_ms();

	if (left > 0 && poll(&f, 1, (int)left) > 0)
		return true;
	p->error = ETIMEDOUT;
	return false;
}

static int
connect_one(struct probe *p, int family, const void *addr, socklen_t n)
{
	socklen_t size = sizeof p->error;
	int fd = socket(family, SOCK_STREAM, 0);

	p->error = 0;
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    (connect(fd, addr, n) < 0 && errno != EINPROGRESS)) {
		p->error = errno;
		goto failed;
	}
	if (wait_for(p, fd, POLLOUT) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &p->error, &size) == 0 &&
	    p->error == 0)
		return fd;
failed:
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int
connect_unix(struct probe *p)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", p->url->path.p);
	return connect_one(p, AF_UNIX, &sun, sizeof sun);
}

static int
connect_name(struct probe *p)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	char port[8];
	int rc, fd = -1;

	(void)snprintf(port, sizeof port, "%u", p->url->port);
	rc = getaddrinfo(p->url->host.p, port, &hints, &list);
	p->name_error = rc == 0 ? NULL : gai_strerror(rc);
	if (rc != 0)
		return -1;
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = connect_one(p, a->ai_family, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	return fd;
}

static bool
send_all(struct probe *p, int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n;

		if (!wait_for(p, fd, POLLOUT))
			return false;
		n = send(fd, s.p, s.n, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			p->error = errno;
			return false;
		}
		s = slice_from(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* Read until the engine hangs up, there is enough, or time is up. */
static void
read_answer(struct probe *p, int fd)
{
	char part[4096];

	while (p->answer.n + sizeof part <= p->answer.max &&
	    wait_for(p, fd, POLLIN)) {
		ssize_t n = recv(fd, part, sizeof part, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			p->error = errno;
		if (n <= 0 ||
		    buf_add(&p->answer, slice_of(part, (size_t)n)) != OK)
			return;
	}
}

/* The status out of `HTTP/1.1 200 OK`; 0: this is not HTTP. */
static int
status_of(struct slice answer)
{
	struct slice code = slice_to(slice_from(answer, 9), 3);
	uint64_t v;

	if (!slice_starts(answer, (struct slice)SLICE("HTTP/1.")) ||
	    !slice_u64(code, 999, &v))
		return 0;
	return (int)v;
}

/* GET ${path}; false: there was no answer. */
static bool
get(struct probe *p, const char *path)
{
	int fd = p->url->path.n > 0 ? connect_unix(p) : connect_name(p);
	struct buf request;

	p->status = 0;
	buf_clear(&p->answer);
	if (fd < 0)
		return false;
	buf_init(&request, 8192);
	if (buf_printf(&request,
		"GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n%s%s%s"
		"Connection: close\r\n\r\n",
		path, p->url->authority.p,
		p->key[0] ? "Authorization: Bearer " : "", p->key,
		p->key[0] ? "\r\n" : "") == OK &&
	    send_all(p, fd, buf_slice(&request)))
		read_answer(p, fd);
	buf_fini(&request);
	(void)close(fd);
	p->status = status_of(buf_slice(&p->answer));
	return p->status != 0;
}

/* Where ${what} ends in ${s}; empty if it is not there. */
static struct slice
behind(struct slice s, const char *what)
{
	size_t n = strlen(what);

	for (; s.n >= n; s = slice_from(s, 1))
		if (slice_is(slice_to(s, n), what))
			return slice_from(s, n);
	return slice_of("", 0);
}

/* The version in Ollama's answer, as far as it looks like one. */
static void
set_ollama(struct probe *p)
{
	struct slice s = behind(buf_slice(&p->answer), "\"version\"");
	char version[32];
	size_t n = 0;

	while (s.n > 0 && strchr(": \"", s.p[0]) != NULL)
		s = slice_from(s, 1);
	while (n < s.n && n + 1 < sizeof version &&
	    strchr("0123456789abcdefghijklmnopqrstuvwxyz.-+", s.p[n]) &&
	    s.p[n] != '\0') {
		version[n] = s.p[n];
		n++;
	}
	version[n] = '\0';
	(void)snprintf(
	    p->label, sizeof p->label, "ollama%s%s", n ? " " : "", version);
}

/* Ask what each kind of engine answers, until one does. */
static bool
identify(struct probe *p)
{
	static const char *const paths[] = {
	    "/api/version", "/health", "/v1/models"};

	p->until_ms = now_ms() + PROBE_MS;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct slice answer;
		bool is_llama;

		if (!get(p, paths[i]))
			return false;
		answer = buf_slice(&p->answer);
		is_llama = behind(answer, "Server: llama.cpp").n > 0;
		if (i == 0 && p->status == 200 &&
		    behind(answer, "\"version\"").n > 0)
			set_ollama(p);
		else if (i > 0 && (p->status == 200 || p->status == 503))
			(void)snprintf(p->label, sizeof p->label, "%s%s",
			    is_llama ? "llama-server" : "openai",
			    p->status == 503 ? ", still loading" : "");
		if (p->label[0] || p->status == 401)
			return true;
	}
	return true;
}

static enum err
print_result(const struct probe *p, bool has_answered, struct buf *out)
{
	if (!has_answered && p->name_error)
		return buf_printf(
		    out, "its host cannot be found: %s\n", p->name_error);
	if (!has_answered && p->error == 0)
		return buf_add_str(out, "it does not speak HTTP\n");
	if (!has_answered)
		return buf_printf(
		    out, "it does not answer: %s\n", strerror(p->error));
	if (p->status == 401)
		return buf_add_str(
		    out, "it answers, but wants another key in key_file\n");
	if (p->label[0])
		return buf_printf(out, "it answers: %s\n", p->label);
	return buf_printf(
	    out, "it answers, but not as an engine (status %d)\n", p->status);
}

/* The first line of the file, without what could break a header. */
static bool
read_key(struct probe *p, const char *path)
{
	FILE *f = fopen(path, "re");
	bool is_ok = false;

	if (f == NULL)
		return false;
	if (fgets(p->key, sizeof p->key, f) != NULL) {
		p->key[strcspn(p->key, "\r\n")] = '\0';
		is_ok = true;
	}
	(void)fclose(f);
	return is_ok;
}

static enum err
probe_engine(const struct conf_engine *engine, struct buf *out)
{
	struct probe p = {.url = &engine->url};
	bool has_answered;
	enum err e;

	if (engine->url.text.n == 0)
		return buf_printf(out,
		    "# engine %s: weir runs it, on a port that is chosen at "
		    "the start\n",
		    engine->name.p);
	e = buf_printf(
	    out, "# engine %s, %s: ", engine->name.p, engine->url.text.p);
	if (e != OK)
		return e;
	if (engine->key_file.n > 0 && !read_key(&p, engine->key_file.p))
		return buf_printf(
		    out, "its key_file cannot be read: %s\n", strerror(errno));
	buf_init(&p.answer, ANSWER_BYTES_MAX);
	has_answered = identify(&p);
	e = print_result(&p, has_answered, out);
	buf_fini(&p.answer);
	return e;
}

/* Where engines listen when nobody says otherwise. */
static enum err
probe_usual(struct buf *out)
{
	static const uint16_t ports[] = {11434, 8080, 9931, 1234, 8000};
	bool has_any = false;
	enum err e = OK;

	for (size_t i = 0; e == OK && i < sizeof ports / sizeof *ports; i++) {
		struct conf_url url = {
		    .host = SLICE("127.0.0.1"), .port = ports[i]};
		struct probe p = {.url = &url};

		url.path = (struct slice)SLICE("");
		url.authority = (struct slice)SLICE("localhost");
		buf_init(&p.answer, ANSWER_BYTES_MAX);
		if (identify(&p) && p.label[0]) {
			has_any = true;
			e = buf_printf(out,
			    "# found http://127.0.0.1:%u, it answers: %s\n",
			    url.port, p.label);
		}
		buf_fini(&p.answer);
	}
	if (e == OK && !has_any)
		e = buf_add_str(out,
		    "# no engine answers on 127.0.0.1, ports 11434, 8080, "
		    "9931, 1234, 8000\n");
	return e;
}

/* The body of ${answer}, behind which a NUL stands; of chunks, all together. */
static enum err
add_body(struct slice answer, struct buf *out)
{
	struct slice body = behind(answer, "\r\n\r\n");
	struct slice head = slice_to(answer, answer.n - body.n);
	enum err e = OK;

	if (behind(head, "chunked\r\n").n == 0)
		return buf_add(out, body);
	while (e == OK && body.n > 0) {
		size_t n = strtoul(slice_cut(&body, '\n').p, NULL, 16);

		if (n == 0)
			break;
		e = buf_add(out, slice_to(body, n));
		body = slice_from(body, n + 2 < body.n ? n + 2 : body.n);
	}
	return e;
}

enum err
ctl_probe_get(const struct conf_engine *e, const char *path, struct buf *out)
{
	struct probe p = {.url = &e->url};
	enum err err = ERR_IO;

	buf_clear(out);
	if (e->key_file.n > 0 && !read_key(&p, e->key_file.p))
		return ERR_IO;
	buf_init(&p.answer, ANSWER_BYTES_MAX);
	p.until_ms = now_ms() + PROBE_MS;
	if (get(&p, path) && p.status == 200 &&
	    (err = buf_add_char(&p.answer, '\0')) == OK)
		err = add_body(
		    slice_to(buf_slice(&p.answer), p.answer.n - 1), out);
	buf_fini(&p.answer);
	return err;
}

enum err
ctl_probe_engines(const struct conf *c, struct buf *out)
{
	enum err e = OK;

	if (c->n_engines == 0)
		return probe_usual(out);
	for (size_t i = 0; e == OK && i < c->n_engines; i++)
		e = probe_engine(&c->engines[i], out);
	return e;
}
