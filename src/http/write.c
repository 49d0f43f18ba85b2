#include "http/write.h"
#include <assert.h>
#include "http/ctype.h"

/* Append the ${n} parts; all or nothing. */
static enum err
add_parts(struct buf *b, const struct slice *parts, size_t n)
{
	size_t total = 0;
	enum err e;

	for (size_t i = 0; i < n; i++)
		total += parts[i].n;
	if ((e = buf_reserve(b, total)) != OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n)
			memcpy(b->p + b->n, parts[i].p, parts[i].n);
		b->n += parts[i].n;
	}
	return OK;
}

enum err
http_write_request(struct buf *b, struct slice method, struct slice target)
{
	const struct slice parts[] = {
	    method, SLICE(" "), target, SLICE(" HTTP/1.1\r\n")};

	if (method.n == 0 || !http_are(HTTP_TOKEN, method) || target.n == 0 ||
	    !http_are(HTTP_TARGET, target))
		return ERR_SYNTAX;
	return add_parts(b, parts, 4);
}

enum err
http_write_status(struct buf *b, int status)
{
	char digits[20];
	const struct slice parts[] = {SLICE("HTTP/1.1 "), slice_of(digits, 3),
	    SLICE(" "), slice_str(http_reason(status)), SLICE("\r\n")};

	assert(status >= 100 && status <= 599);
	(void)fmt_u64(digits, (uint64_t)status);
	return add_parts(b, parts, 5);
}

enum err
http_write_field(struct buf *b, struct slice name, struct slice value)
{
	const struct slice parts[] = {name, SLICE(": "), value, SLICE("\r\n")};

	if (name.n == 0 || !http_are(HTTP_TOKEN, name) ||
	    http_ctl_find(value) != value.n)
		return ERR_SYNTAX;
	return add_parts(b, parts, 4);
}

enum err
http_write_field_u64(struct buf *b, const char *name, uint64_t value)
{
	char digits[20];
	size_t n = fmt_u64(digits, value);

	return http_write_field(b, slice_str(name), slice_of(digits, n));
}

enum err
http_write_end(struct buf *b)
{
	static const struct slice crlf = SLICE("\r\n");

	return buf_add(b, crlf);
}

enum err
http_write_chunk(struct buf *b, struct slice data)
{
	char head[HTTP_CHUNK_HEAD_MAX];
	struct slice parts[] = {{head, 0}, data, SLICE("\r\n")};

	if (data.n == 0)
		return OK;
	parts[0].n = http_chunk_head(head, data.n);
	return add_parts(b, parts, 3);
}

size_t
http_chunk_head(char out[HTTP_CHUNK_HEAD_MAX], size_t n)
{
	char digits[16];
	size_t at = sizeof digits, len;

	assert(n > 0);
	do {
		digits[--at] = "0123456789abcdef"[n & 15];
		n >>= 4;
	} while (n);
	len = sizeof digits - at;
	memcpy(out, digits + at, len);
	out[len] = '\r';
	out[len + 1] = '\n';
	return len + 2;
}

struct slice
http_chunk_last(void)
{
	return (struct slice)SLICE("0\r\n\r\n");
}

/* RFC 9110 15 and RFC 6585; 499 is nginx's. */
static const char *const reasons[600] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [305] = "Use Proxy",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [499] = "Client Closed Request",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [511] = "Network Authentication Required",
};

const char *
http_reason(int status)
{
	const char *r = status >= 0 && status < 600 ? reasons[status] : NULL;

	return r ? r : "Unknown";
}
