/* A small HTTP client that may wait: the command line serves nobody. */
#include "ctl/count_ask.h"
#include "ctl/check.h"
#include "ctl/doc.h"
#include "json/write.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	PATIENCE_S = 60,
	BODY_BYTES_MAX = 1 << 30,
	ANSWER_BYTES_MAX = 1 << 20,
	HEAD_BYTES_MAX = 8192,
};

union where {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

/* Where ${l} is reached from here. */
static socklen_t
address(const struct conf_listen *l, union where *to)
{
	memset(to, 0, sizeof *to);
	switch (l->family) {
	case CONF_UNIX:
		to->un.sun_family = AF_UNIX;
		(void)snprintf(to->un.sun_path, sizeof to->un.sun_path, "%.*s",
		    SLICE_ARG(l->path));
		return sizeof to->un;
	case CONF_IPV6:
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(l->port);
		memcpy(&to->v6.sin6_addr, l->addr, 16);
		if (memcmp(&to->v6.sin6_addr, &in6addr_any, 16) == 0)
			to->v6.sin6_addr = in6addr_loopback;
		return sizeof to->v6;
	default:
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(l->port);
		memcpy(&to->v4.sin_addr, l->addr, 4);
		if (to->v4.sin_addr.s_addr == htonl(INADDR_ANY))
			to->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof to->v4;
	}
}

static int
dial(const struct conf_listen *l)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	union where to;
	socklen_t n = address(l, &to);
	int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, &to.any, n) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static bool
send_all(int fd, struct slice s)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return false;
		s = slice_from(s, n > 0 ? (size_t)n : 0);
	}
	return true;
}

static bool
receive_all(int fd, struct buf *answer)
{
	char part[4096];

	for (;;) {
		ssize_t n = recv(fd, part, sizeof part, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		if (buf_add(answer, slice_of(part, (size_t)n)) != OK)
			return false;
	}
}

static enum err
write_body(struct buf *b, const char *model, struct slice text)
{
	struct json_writer w;

	json_writer_init(&w, b);
	json_object_begin(&w, NULL);
	json_str(&w, "model", slice_str(model));
	json_str(&w, "content", text);
	json_object_end(&w);
	return w.err;
}

static enum err
write_head(struct buf *b, size_t n)
{
	const char *key = getenv("WEIR_KEY");
	enum err e = buf_printf(b,
	    "POST /weir/count HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n",
	    n);

	if (e == OK && key != NULL && strpbrk(key, "\r\n") == NULL)
		e = buf_printf(b, "Authorization: Bearer %s\r\n", key);
	return e == OK ? buf_add_str(b, "\r\n") : e;
}

/* The body of a whole answer; empty: it is none. */
static struct slice
body_of(struct slice answer)
{
	const char *at = memmem(answer.p, answer.n, "\r\n\r\n", 4);

	if (at == NULL || !slice_starts(answer, slice_str("HTTP/1.")))
		return (struct slice){0};
	return slice_from(answer, (size_t)(at - answer.p) + 4);
}

static bool
read_answer(struct slice answer, int64_t *tok, struct buf *why)
{
	struct slice body = body_of(answer);

	if (body.n > 0 && doc_has(body, "total")) {
		*tok = doc_int(body, "total");
		return true;
	}
	if (body.n == 0 ||
	    doc_add_text(doc_get(body, "error"), "message", why) != OK ||
	    why->n == 0)
		(void)!buf_add_str(why, "its answer is not understood");
	return false;
}

static void
explain(const struct conf_listen *l, struct buf *why)
{
	(void)!buf_printf(why, "%.*s: %s; is a weir running?",
	    SLICE_ARG(l->text), strerror(errno));
}

static bool
exchange(const struct conf_listen *l, struct buf *head, struct buf *body,
    int64_t *tok, struct buf *why)
{
	struct buf answer;
	bool is_ok = false;
	int fd = dial(l);

	if (fd < 0) {
		explain(l, why);
		return false;
	}
	buf_init(&answer, ANSWER_BYTES_MAX);
	/* What is refused early is not read to its end. */
	(void)!send_all(fd, buf_slice(head));
	(void)!send_all(fd, buf_slice(body));
	if (receive_all(fd, &answer) || answer.n > 0)
		is_ok = read_answer(buf_slice(&answer), tok, why);
	else
		explain(l, why);
	buf_fini(&answer);
	(void)close(fd);
	return is_ok;
}

bool
count_ask(const struct ctl_args *args, struct slice text, int64_t *tok,
    struct buf *why)
{
	struct conf *conf;
	struct buf head, body;
	bool is_ok = false;

	if (ctl_load(args, &conf) != OK) {
		(void)!buf_add_str(why, "its configuration has mistakes");
		goto undo_why;
	}
	buf_init(&head, HEAD_BYTES_MAX);
	buf_init(&body, BODY_BYTES_MAX);
	if (write_body(&body, args->model, text) != OK ||
	    write_head(&head, body.n) != OK)
		(void)!buf_add_str(why, "the text is too long");
	else
		is_ok = exchange(&conf->listen.v[0], &head, &body, tok, why);
	buf_fini(&body);
	buf_fini(&head);
	conf_drop(conf);
undo_why:
	(void)!buf_add_char(why, 0);
	return is_ok;
}
