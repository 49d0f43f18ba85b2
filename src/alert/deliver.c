#include "alert/deliver.h"
#include "conf/words.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/spawn.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	VARIABLES_MAX = 4096, /* of the environment */
	LOOK_MS = 20,
	FIELD_MAX = 4400,
};

/* --- webhooks --- */

struct api {
	CURL *(*init)(void);
	CURLcode (*setopt)(CURL *, CURLoption, ...);
	CURLcode (*perform)(CURL *);
	CURLcode (*getinfo)(CURL *, CURLINFO, ...);
	void (*cleanup)(CURL *);
	const char *(*error)(CURLcode);
	struct curl_slist *(*add)(struct curl_slist *, const char *);
	void (*free_list)(struct curl_slist *);
	CURLcode (*begin)(long);
};

/* POSIX has function pointers come out of dlsym as objects'. */
static bool
load(void *lib, const char *name, void *to)
{
	void *p = dlsym(lib, name);

	memcpy(to, &p, sizeof p);
	return p != NULL;
}

static bool
load_api(struct api *a)
{
	static const char *const names[] = {
	    "libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};
	void *lib = NULL;

	for (size_t i = 0; lib == NULL && i < sizeof names / sizeof *names; i++)
		lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return lib != NULL && load(lib, "curl_easy_init", &a->init) &&
	    load(lib, "curl_easy_setopt", &a->setopt) &&
	    load(lib, "curl_easy_perform", &a->perform) &&
	    load(lib, "curl_easy_getinfo", &a->getinfo) &&
	    load(lib, "curl_easy_cleanup", &a->cleanup) &&
	    load(lib, "curl_easy_strerror", &a->error) &&
	    load(lib, "curl_slist_append", &a->add) &&
	    load(lib, "curl_slist_free_all", &a->free_list) &&
	    load(lib, "curl_global_init", &a->begin) &&
	    a->begin(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* Several threads deliver. */
static const struct api *
get_api(void)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct api api;
	static bool is_loaded;

	(void)pthread_mutex_lock(&mutex);
	if (!is_loaded)
		is_loaded = load_api(&api);
	(void)pthread_mutex_unlock(&mutex);
	return is_loaded ? &api : NULL;
}

static size_t
ignore(char *p, size_t size, size_t n, void *ctx)
{
	return size * n;
}

static struct curl_slist *
make_fields(const struct api *a, struct slice fields)
{
	struct curl_slist *list = NULL, *more;
	char field[FIELD_MAX];

	while (fields.n > 0) {
		struct slice line = slice_cut(&fields, '\n');

		if (line.n == 0 || line.n >= sizeof field)
			continue;
		memcpy(field, line.p, line.n);
		field[line.n] = '\0';
		if ((more = a->add(list, field)) != NULL)
			list = more;
	}
	return list;
}

/* What may be well the next time. */
static enum deliver_result
judge_status(long status, char *why, size_t cap)
{
	if (status >= 200 && status < 300)
		return DELIVERED;
	(void)snprintf(why, cap, "it answered with status %ld", status);
	return status >= 500 || status == 408 || status == 429 ? DELIVER_LATER
							       : DELIVER_NEVER;
}

/* Authorities of one's own; libcurl itself does not look there. */
static void
trust(const struct api *a, CURL *c)
{
	const char *file = getenv("SSL_CERT_FILE");
	const char *folder = getenv("SSL_CERT_DIR");

	if (file != NULL && file[0] != '\0')
		(void)a->setopt(c, CURLOPT_CAINFO, file);
	if (folder != NULL && folder[0] != '\0')
		(void)a->setopt(c, CURLOPT_CAPATH, folder);
}

enum deliver_result
deliver_post(const char *url, struct slice fields, struct slice body,
    int timeout_ms, char *why, size_t cap)
{
	const struct api *a = get_api();
	struct curl_slist *list;
	CURL *c = a != NULL ? a->init() : NULL;
	CURLcode code;
	long status = 0;

	if (c == NULL) {
		(void)snprintf(why, cap,
		    "libcurl cannot be loaded (Debian: install libcurl4)");
		return DELIVER_LATER;
	}
	list = make_fields(a, fields);
	(void)a->setopt(c, CURLOPT_URL, url);
	(void)a->setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)a->setopt(c, CURLOPT_POST, 1L);
	(void)a->setopt(c, CURLOPT_POSTFIELDS, body.p);
	(void)a->setopt(c, CURLOPT_POSTFIELDSIZE, (long)body.n);
	(void)a->setopt(c, CURLOPT_HTTPHEADER, list);
	(void)a->setopt(c, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
	(void)a->setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	(void)a->setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)a->setopt(c, CURLOPT_WRITEFUNCTION, ignore);
	trust(a, c);
	code = a->perform(c);
	(void)a->getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	a->cleanup(c);
	a->free_list(list);
	if (code == CURLE_OK)
		return judge_status(status, why, cap);
	(void)snprintf(why, cap, "%s", a->error(code));
	return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL
	    ? DELIVER_NEVER
	    : DELIVER_LATER;
}

/* --- commands --- */

/* Pointers to the texts of ${s}, to ${out} with room for ${cap} and NULL. */
static size_t
point(struct slice s, char **out, size_t cap)
{
	size_t n = 0;

	while (s.n > 0 && n < cap)
		out[n++] = (char *)(uintptr_t)slice_cut(&s, '\0').p;
	out[n] = NULL;
	return n;
}

/* What a service manager tells weir, and weir's own: for nobody else. */
static bool
is_own(struct slice pair)
{
	static const struct slice begins[] = {SLICE("NOTIFY_SOCKET="),
	    SLICE("WATCHDOG_"), SLICE("LISTEN_PID="), SLICE("LISTEN_FD"),
	    SLICE("CREDENTIALS_DIRECTORY="), SLICE("WEIR_")};

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
		if (slice_starts(pair, begins[i]))
			return true;
	return false;
}

/* Wait for ${pid}; false: it had to be killed. */
static bool
wait_for(pid_t pid, int timeout_ms, int *status)
{
	int64_t end_us = os_now_us() + (int64_t)timeout_ms * 1000;
	bool in_time = true;
	pid_t r;

	*status = 0;
	while ((r = waitpid(pid, status, WNOHANG)) == 0 && in_time) {
		(void)poll(NULL, 0, LOOK_MS);
		in_time = os_now_us() < end_us;
	}
	/* What it left behind goes with it; others may have collected it. */
	(void)kill(-pid, SIGKILL);
	if (r == 0)
		(void)waitpid(pid, status, 0);
	return r != 0;
}

static enum deliver_result
judge_end(bool in_time, int status, int error, char *why, size_t cap)
{
	if (error != 0) {
		(void)snprintf(
		    why, cap, "it cannot be started: %s", strerror(error));
		return DELIVER_NEVER;
	}
	if (!in_time) {
		(void)snprintf(why, cap, "it took too long and was killed");
		return DELIVER_LATER;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return DELIVERED;
	if (WIFEXITED(status))
		(void)snprintf(
		    why, cap, "it ended with status %d", WEXITSTATUS(status));
	else
		(void)snprintf(
		    why, cap, "signal %d has ended it", WTERMSIG(status));
	return DELIVER_LATER;
}

enum deliver_result
deliver_run(struct slice words, struct slice variables, int timeout_ms,
    char *why, size_t cap)
{
	char *argv[CONF_WORDS_MAX + 1];
	char **env = calloc(VARIABLES_MAX + 1, sizeof *env);
	struct os_spawn s = {
	    .argv = argv, .env = env, .ends_with_parent = false};
	size_t n = 0;
	int why_fd, status, error;
	bool in_time;
	pid_t pid;

	(void)snprintf(why, cap, "no process can be made");
	s.out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (env == NULL || s.out_fd < 0)
		goto undo_fd;
	(void)point(words, argv, CONF_WORDS_MAX);
	n = point(variables, env, VARIABLES_MAX);
	for (char *const *at = os_environ(); *at != NULL && n < VARIABLES_MAX;
	     at++)
		if (!is_own(slice_str(*at)))
			env[n++] = *at;
	env[n] = NULL;
	if (os_spawn(&s, &pid, &why_fd) != OK)
		goto undo_fd;
	in_time = wait_for(pid, timeout_ms, &status);
	error = os_spawn_error(why_fd);
	os_fd_close(&why_fd);
	os_fd_close(&s.out_fd);
	free(env);
	return judge_end(in_time, status, error, why, cap);
undo_fd:
	os_fd_close(&s.out_fd);
	free(env);
	return DELIVER_LATER;
}
