#include "os/random.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

enum { GETENTROPY_MOST = 256 }; /* POSIX allows no more in one call */

void
random_must_fill(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		size_t part = n < GETENTROPY_MOST ? n : GETENTROPY_MOST;

		if (getentropy(at, part) != 0) {
			perror("weir: no random bytes");
			abort();
		}
		at += part;
		n -= part;
	}
}
