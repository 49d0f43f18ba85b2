#include "engine/moment.h"
#include <stdio.h>

enum { TEXT_MAX = 40, DAY_S = 86400 };

#define TEN_YEARS_US (INT64_C(3653) * DAY_S * 1000000)

/*
 * Days since 1970 of a date of the Gregorian calendar.  Source: Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
static int64_t
days_of(int64_t y, int m, int d)
{
	int64_t era, year_of_era, day_of_year;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	year_of_era = y - era * 400;
	day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year - 719468;
}

/* "Z", "+02:00" or "-07:00" in seconds; false if it is none. */
static bool
read_zone(const char *at, int *s)
{
	int h, m;
	char sign;

	if (*at == 'Z' || *at == 'z') {
		*s = 0;
		return true;
	}
	if (sscanf(at, "%c%2d:%2d", &sign, &h, &m) != 3 ||
	    (sign != '+' && sign != '-') || h < 0 || m < 0)
		return false;
	*s = (h * 60 + m) * 60 * (sign == '-' ? -1 : 1);
	return true;
}

int64_t
moment_left_us(struct slice text, int64_t wall_us)
{
	char copy[TEXT_MAX + 1];
	int y, mo, d, h, mi, s, zone, n = 0;
	int64_t at_us;
	const char *p;

	if (text.n == 0 || text.n > TEXT_MAX)
		return 0;
	memcpy(copy, text.p, text.n);
	copy[text.n] = 0;
	if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s,
		&n) != 6 ||
	    n == 0 || mo < 1 || mo > 12 || d < 1 || d > 31)
		return 0;
	p = copy + n;
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!read_zone(p, &zone))
		return 0;
	at_us = (days_of(y, mo, d) * DAY_S + h * 3600 + mi * 60 + s - zone) *
	    1000000;
	if (at_us <= wall_us)
		return 0;
	return at_us - wall_us > TEN_YEARS_US ? INT64_MAX : at_us - wall_us;
}
