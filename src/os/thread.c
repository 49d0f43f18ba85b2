/*
 * A worker is woken by a byte in a pair of sockets; its end is seen by the
 * end of that pair: both can be waited for with a bound.
 */
#include "os/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ABANDON_MS = 200 }; /* for a last try to end in good order */

enum err
os_thread_start(
    pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	sigset_t all, old;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(out, attr, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = r;
	return r == 0 ? OK : ERR_IO;
}

enum err
os_worker_start(struct os_worker *w, void *(*run)(void *), void *arg)
{
	int error;

	memset(w, 0, sizeof *w);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, w->wake) != 0)
		return ERR_IO;
	(void)fcntl(w->wake[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(w->wake[1], F_SETFD, FD_CLOEXEC);
	if (os_thread_start(&w->thread, NULL, run, arg) == OK)
		return OK;
	error = errno;
	(void)close(w->wake[0]);
	(void)close(w->wake[1]);
	errno = error;
	return ERR_IO;
}

void
os_worker_wake(struct os_worker *w)
{
	ssize_t r = send(w->wake[1], "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)r; /* full: it is being woken already */
}

void
os_worker_poke(struct os_worker *w)
{
	if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, false))
		os_worker_wake(w);
}

/* Has it ended, within ${ms}? */
static bool
wait_for_end(struct os_worker *w, int ms)
{
	struct pollfd p = {.fd = w->wake[1], .events = POLLIN};

	os_worker_wake(w);
	return poll(&p, 1, ms) == 1;
}

bool
os_worker_end(struct os_worker *w, int64_t wait_us)
{
	atomic_store(&w->closing, true);
	if (!wait_for_end(w, (int)(wait_us / 1000))) {
		atomic_store(&w->abandon, true);
		if (!wait_for_end(w, ABANDON_MS)) {
			(void)pthread_detach(w->thread);
			return false;
		}
	}
	(void)pthread_join(w->thread, NULL);
	(void)close(w->wake[1]);
	return true;
}

void
os_worker_rest(struct os_worker *w, int64_t us, int fd)
{
	struct pollfd p[2] = {
	    {.fd = w->wake[0], .events = POLLIN},
	    {.fd = fd, .events = POLLOUT},
	};
	char bytes[64];
	ssize_t r;

	(void)poll(p, 2, us < 0 ? -1 : (int)((us + 999) / 1000));
	if (p[0].revents) {
		r = read(w->wake[0], bytes, sizeof bytes);
		(void)r;
	}
}

/*
 * The flag is up before the work is looked at, and work is there before its
 * giver looks at the flag: one sees the other.
 */
void
os_worker_sleep(
    struct os_worker *w, int64_t us, bool (*has_work)(void *), void *arg)
{
	atomic_store(&w->asleep, true);
	if (!has_work(arg) && !atomic_load(&w->closing))
		os_worker_rest(w, us, -1);
	atomic_store(&w->asleep, false);
}

void
os_worker_over(struct os_worker *w)
{
	(void)close(w->wake[0]);
}
