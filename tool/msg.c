/* See msg.h. */
#include "tool/msg.h"

#include <string.h>
#include <strings.h>

void
msg_init(struct msg *m, bool is_response)
{
	m->state = MSG_HEAD;
	m->is_response = is_response;
	m->keep_alive = true;
	m->status = 0;
	m->left = 0;
	m->cr = false;
	m->digits = 0;
	m->head_n = 0;
}

static bool
parse_length(const char *v, uint64_t *out)
{
	uint64_t n = 0;

	while (*v == ' ')
		v++;
	if (*v < '0' || *v > '9')
		return false;
	for (; *v >= '0' && *v <= '9'; v++) {
		if (n > UINT64_MAX / 10 - 9)
			return false;
		n = n * 10 + (uint64_t)(*v - '0');
	}
	*out = n;
	return *v == '\r' || *v == ' ';
}

/* Look at one field line (NUL-terminated head); false if it is unfit. */
static bool
read_field(struct msg *m, const char *line, bool *sized, bool *chunked)
{
	if (strncasecmp(line, "content-length:", 15) == 0) {
		if (*sized)
			return false;
		*sized = true;
		return parse_length(line + 15, &m->left);
	}
	if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0)
		*chunked = true;
	else if (strncasecmp(line, "connection: close", 17) == 0)
		m->keep_alive = false;
	return true;
}

/* The head is complete: find out how the body is framed. */
static enum msg_state
read_head(struct msg *m)
{
	bool sized = false, chunked = false;
	const char *p = m->head;

	if (m->is_response) {
		if (strncmp(p, "HTTP/1.1 ", 9) != 0)
			return MSG_BAD;
		for (int i = 9; i < 12; i++) {
			if (p[i] < '0' || p[i] > '9')
				return MSG_BAD;
			m->status = m->status * 10 + (p[i] - '0');
		}
	}
	while ((p = strstr(p, "\r\n")) && p[2] != '\r') {
		p += 2;
		if (!read_field(m, p, &sized, &chunked))
			return MSG_BAD;
	}
	if (chunked)
		return sized ? MSG_BAD : MSG_SIZE;
	if (sized)
		return m->left ? MSG_SIZED : MSG_DONE;
	if (m->is_response && m->status != 204 && m->status != 304) {
		m->keep_alive = false;
		return MSG_EOF;
	}
	return MSG_DONE;
}

/* Collect the head; returns the bytes of ${p} that belong to it. */
static size_t
feed_head(struct msg *m, const char *p, size_t n)
{
	size_t room = MSG_HEAD_MAX - m->head_n;
	size_t take = n < room ? n : room;
	size_t from = m->head_n < 3 ? 0 : m->head_n - 3;
	const char *end;

	memcpy(m->head + m->head_n, p, take);
	end = memmem(m->head + from, m->head_n + take - from, "\r\n\r\n", 4);
	if (!end) {
		m->head_n += take;
		if (m->head_n == MSG_HEAD_MAX)
			m->state = MSG_BAD;
		return take;
	}
	take = (size_t)(end + 4 - m->head) - m->head_n;
	m->head_n += take;
	m->head[m->head_n] = '\0';
	m->state = read_head(m);
	return take;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte of a chunk's size line. */
static enum msg_state
step_size(struct msg *m, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0 && !m->cr && m->digits++ < 15) {
		m->left = m->left * 16 + (uint64_t)digit;
		return MSG_SIZE;
	}
	if (c == '\r' && !m->cr && m->digits > 0) {
		m->cr = true;
		return MSG_SIZE;
	}
	if (c != '\n' || !m->cr)
		return MSG_BAD;
	m->cr = false;
	m->digits = 0;
	return m->left ? MSG_DATA : MSG_TRAILER;
}

/* One byte of a CRLF, behind which comes ${next}. */
static enum msg_state
step_crlf(struct msg *m, char c, enum msg_state next)
{
	if (c == '\r' && !m->cr) {
		m->cr = true;
		return m->state;
	}
	if (c != '\n' || !m->cr)
		return MSG_BAD;
	m->cr = false;
	return next;
}

static enum msg_state
step(struct msg *m, char c)
{
	if (m->state == MSG_SIZE)
		return step_size(m, c);
	/* No tool and no engine here sends trailer fields. */
	return step_crlf(m, c, m->state == MSG_DATA_END ? MSG_SIZE : MSG_DONE);
}

/* Hand on a span of the body; returns its length. */
static size_t
feed_data(struct msg *m, const char *p, size_t n, msg_body_fn *body, void *arg)
{
	size_t take = m->left < n ? (size_t)m->left : n;

	body(arg, p, take);
	m->left -= take;
	if (m->left == 0)
		m->state = m->state == MSG_DATA ? MSG_DATA_END : MSG_DONE;
	return take;
}

size_t
msg_feed(struct msg *m, const char *p, size_t n, msg_body_fn *body, void *arg)
{
	size_t used = 0;

	while (used < n && m->state != MSG_DONE && m->state != MSG_BAD) {
		switch (m->state) {
		case MSG_HEAD:
			used += feed_head(m, p + used, n - used);
			break;
		case MSG_SIZED:
		case MSG_DATA:
			used += feed_data(m, p + used, n - used, body, arg);
			break;
		case MSG_EOF:
			body(arg, p + used, n - used);
			used = n;
			break;
		default:
			m->state = step(m, p[used++]);
			break;
		}
	}
	return used;
}

bool
msg_end(struct msg *m)
{
	if (m->state != MSG_EOF)
		return false;
	m->state = MSG_DONE;
	return true;
}
