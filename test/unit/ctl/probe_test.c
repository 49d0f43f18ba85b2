/* Does an engine answer, and as what?  Against sockets of this test. */
#include "ctl/check.h"
#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* A server that answers by path; NULL: hangs up without a word. */
struct script {
	const char *version, *health, *models;
	const char *key; /* not NULL: what else gets 401 */
	int fd;
	unsigned port;
};

#define HTTP_OK(body) "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" body
#define HTTP_404 "HTTP/1.1 404 Not Found\r\n\r\n"

static const char *
answer_to(const struct script *s, const char *request)
{
	if (s->key != NULL && strstr(request, s->key) == NULL)
		return "HTTP/1.1 401 Unauthorized\r\n\r\n";
	if (strncmp(request, "GET /api/version HTTP/1.1\r\n", 27) == 0)
		return s->version;
	if (strncmp(request, "GET /health HTTP/1.1\r\n", 22) == 0)
		return s->health;
	if (strncmp(request, "GET /v1/models HTTP/1.1\r\n", 25) == 0)
		return s->models;
	return NULL;
}

/* Until the listening socket is shut down. */
static void *
serve(void *arg)
{
	const struct script *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		char request[4096];
		size_t n = 0;
		const char *answer;

		while (n + 1 < sizeof request) {
			ssize_t r =
			    read(fd, request + n, sizeof request - n - 1);

			if (r <= 0)
				break;
			n += (size_t)r;
			request[n] = '\0';
			if (strstr(request, "\r\n\r\n"))
				break;
		}
		request[n] = '\0';
		answer = answer_to(s, request);
		if (answer != NULL)
			(void)!write(fd, answer, strlen(answer));
		(void)close(fd);
	}
	return NULL;
}

static void
listen_on_any_port(struct script *s)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t n = sizeof sin;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (void *)&sin, sizeof sin), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (void *)&sin, &n), 0);
	s->port = ntohs(sin.sin_port);
}

/* What check says of an engine at ${port}, behind its name and url. */
static void
probe(unsigned port, const char *more, char *said, size_t size)
{
	static struct conf_problems problems;
	char yaml[512], prefix[128];
	struct conf *c;
	struct buf out;

	(void)snprintf(yaml, sizeof yaml,
	    "engines: [{name: e, url: 'http://127.0.0.1:%u'%s}]\n", port, more);
	assert_int_equal(conf_parse(slice_str(yaml), "f", &c, &problems), OK);
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_probe_engines(c, &out), OK);
	(void)snprintf(
	    prefix, sizeof prefix, "# engine e, http://127.0.0.1:%u: ", port);
	assert_true(slice_starts(buf_slice(&out), slice_str(prefix)));
	(void)snprintf(said, size, "%.*s",
	    SLICE_ARG(slice_from(buf_slice(&out), strlen(prefix))));
	buf_fini(&out);
	conf_drop(c);
}

struct probe_case {
	struct script script;
	const char *said;
};

static const struct probe_case cases[] = {
    {{.version = HTTP_OK("{\"version\":\"0.5.1-rc2\"}")},
	"it answers: ollama 0.5.1-rc2\n"},
    {{.version = HTTP_OK("{\"version\": \"\x1b[31m9\"}")},
	"it answers: ollama\n"},
    {{.version = HTTP_404,
	 .health = "HTTP/1.1 200 OK\r\nServer: llama.cpp\r\n\r\n"
		   "{\"status\":\"ok\"}"},
	"it answers: llama-server\n"},
    {{.version = HTTP_404,
	 .health = "HTTP/1.1 503 Service Unavailable\r\n"
		   "Server: llama.cpp\r\n\r\n"},
	"it answers: llama-server, still loading\n"},
    {{.version = HTTP_404, .health = HTTP_OK("")}, "it answers: openai\n"},
    {{.version = HTTP_404,
	 .health = HTTP_404,
	 .models = HTTP_OK("{\"data\":[]}")},
	"it answers: openai\n"},
    {{.version = HTTP_404, .health = HTTP_404, .models = HTTP_404},
	"it answers, but not as an engine (status 404)\n"},
    {{.key = "Authorization: Bearer right\r\n"},
	"it answers, but wants another key in key_file\n"},
    {{.version = "220 mail.example ESMTP\r\n"}, "it does not speak HTTP\n"},
    {{.version = NULL}, "it does not speak HTTP\n"},
};

static void
answers_are_told_apart(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct script s = cases[i].script;
		pthread_t thread;
		char said[256];

		listen_on_any_port(&s);
		assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
		probe(s.port, "", said, sizeof said);
		(void)shutdown(s.fd, SHUT_RDWR);
		(void)pthread_join(thread, NULL);
		(void)close(s.fd);
		assert_string_equal(said, cases[i].said);
	}
}

static void
keys_are_sent(void **state)
{
	struct script s = {.version = HTTP_OK("{\"version\":\"1\"}"),
	    .key = "\r\nAuthorization: Bearer right\r\n"};
	char path[] = "/tmp/weir-key-XXXXXX", more[128], said[256];
	int fd = mkstemp(path);
	pthread_t thread;

	assert_int_equal(write(fd, "right\nnot this\n", 15), 15);
	(void)close(fd);
	(void)snprintf(more, sizeof more, ", key_file: %s", path);
	listen_on_any_port(&s);
	assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
	probe(s.port, more, said, sizeof said);
	(void)shutdown(s.fd, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	(void)close(s.fd);
	assert_string_equal(said, "it answers: ollama 1\n");

	(void)unlink(path);
	probe(s.port, more, said, sizeof said);
	assert_string_equal(
	    said, "its key_file cannot be read: No such file or directory\n");
}

static void
absence_is_told(void **state)
{
	struct script s = {.version = NULL};
	char said[256];

	listen_on_any_port(&s); /* and free the port again */
	(void)close(s.fd);
	probe(s.port, "", said, sizeof said);
	assert_string_equal(said, "it does not answer: Connection refused\n");
}

/* Who accepts and says nothing costs 2 s, not more. */
static void
silence_is_bounded(void **state)
{
	struct script s = {.version = NULL};
	struct timespec from, to;
	char said[256];

	listen_on_any_port(&s);
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	probe(s.port, "", said, sizeof said);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	(void)close(s.fd);
	assert_string_equal(said, "it does not answer: Connection timed out\n");
	assert_in_range(to.tv_sec - from.tv_sec, 1, 10);
}

/* One that weir runs has no place before it runs. */
static void
test_run_without_url(void **state)
{
	static struct conf_problems problems;
	struct conf *c;
	struct buf out;

	(void)state;
	assert_int_equal(
	    conf_parse(slice_str("engines: [{name: e, run: a b}]\n"), "f", &c,
		&problems),
	    OK);
	buf_init(&out, 1 << 16);
	assert_int_equal(ctl_probe_engines(c, &out), OK);
	assert_true(slice_is(buf_slice(&out),
	    "# engine e: weir runs it, on a port that is chosen at the "
	    "start\n"));
	buf_fini(&out);
	conf_drop(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_run_without_url),
	    cmocka_unit_test(answers_are_told_apart),
	    cmocka_unit_test(keys_are_sent),
	    cmocka_unit_test(absence_is_told),
	    cmocka_unit_test(silence_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
