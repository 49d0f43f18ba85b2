#include "log/stamp.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static void
set_second(struct stamp *s, int64_t second)
{
	char text[80]; /* as long as any struct tm could be, for the compiler */
	time_t t = (time_t)second;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	memcpy(s->text, text, sizeof s->text);
	s->second = second;
}

void
stamp_put(struct stamp *s, int64_t wall_us, char *out)
{
	int64_t second = wall_us / 1000000;
	int ms = (int)(wall_us % 1000000 / 1000);

	if (second != s->second || s->text[0] == 0)
		set_second(s, second);
	memcpy(out, s->text, sizeof s->text);
	out[20] = (char)('0' + ms / 100);
	out[21] = (char)('0' + ms / 10 % 10);
	out[22] = (char)('0' + ms % 10);
	out[23] = 'Z';
}
