#include "http/date.h"

static void
put2(char *out, unsigned v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
}

enum { DAY_S = 86400 };

/*
 * Day, month (1..12) and year of the ${days}-th day since 1970-01-01, in the
 * Gregorian calendar.  Source: Howard Hinnant, "chrono-compatible low-level
 * date algorithms", civil_from_days: years begin in March, eras of 400 years.
 */
static void
civil(int64_t days, unsigned *day, unsigned *month, unsigned *year)
{
	int64_t z = days + 719468; /* since 0000-03-01 */
	int64_t era = z / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (unsigned)(yoe + era * 400) + (*month <= 2 ? 1 : 0);
}

void
http_date(char out[HTTP_DATE_BYTES], int64_t unix_s)
{
	static const char names[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	/* 0000-03-01, where civil() begins, and the last second of 9999 */
	const int64_t first = -719468LL * DAY_S, last = 253402300799LL;
	unsigned day, month, year, s;
	int64_t days;

	unix_s = unix_s < first ? first : unix_s > last ? last : unix_s;
	days = unix_s / DAY_S - (unix_s % DAY_S < 0);
	s = (unsigned)(unix_s - days * DAY_S);
	civil(days, &day, &month, &year);

	memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_BYTES);
	/* 1970-01-01 was a Thursday; days + 719468 is not negative. */
	memcpy(out, names + 3 * ((days + 719468 + 3) % 7), 3);
	put2(out + 5, day);
	memcpy(out + 8, months + 3 * (month - 1), 3);
	put2(out + 12, year / 100);
	put2(out + 14, year % 100);
	put2(out + 17, s / 3600);
	put2(out + 20, s / 60 % 60);
	put2(out + 23, s % 60);
}

struct slice
http_date_get(struct http_date_cache *c, int64_t unix_s)
{
	if (!c->is_set || c->unix_s != unix_s) {
		http_date(c->text, unix_s);
		c->unix_s = unix_s;
		c->is_set = true;
	}
	return slice_of(c->text, HTTP_DATE_BYTES);
}
