/*
 * head: a parsed request or response head, as offsets into its own bytes.
 *
 *   base                                                     base+n
 *   |POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n|
 *         target             fields[0]  fields[1]
 *
 * The bytes are the owner's; the head only points into them.  Values have no
 * white space at their ends, names keep the sender's case.
 */
#pragma once
#include "base/slice.h"

enum { HTTP_FIELDS_MAX = 128 };

enum http_method {
	HTTP_METHOD_OTHER, /* a method of no route of ours; its bytes are kept */
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_PATCH
};

/* Where a field's name and value stand, from base on. */
struct http_field {
	uint32_t name_at, name_n;
	uint32_t value_at, value_n;
};

struct http_head {
	const char *base; /* first byte of the request or status line */
	size_t n;	  /* bytes of the head, its blank line included */

	enum http_method method; /* request */
	uint32_t method_n;	 /* request: its length; it stands at base */
	uint32_t target_at;	 /* request */
	uint32_t target_n;
	int status; /* response: 200..599 */
	int minor;  /* HTTP/1.minor: 0 or 1 */

	/*
	 * Framing of the body, judged.  Both say nothing for a response that
	 * has no body by its status or its request's method.
	 */
	int64_t content_length; /* -1: no such field */
	bool chunked;

	bool keep_alive;      /* may the connection carry another message? */
	bool expect_continue; /* request: waits for 100 before its body */

	unsigned n_fields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/* The owner copied the ${h}->n bytes to ${base}; the head follows. */
void http_head_move(struct http_head *h, const char *base);

/* The request's target as sent; valid as long as the head's bytes. */
struct slice http_head_target(const struct http_head *h);

/* The request's method as sent. */
struct slice http_head_method(const struct http_head *h);

/* Name and value of field ${i}, which is below n_fields. */
struct slice http_head_name(const struct http_head *h, unsigned i);
struct slice http_head_value(const struct http_head *h, unsigned i);

/*
 * Value of the first field called ${lower_name}, which is written in lower
 * case; names in the head may have any case.  p is NULL if there is none, and
 * never NULL for a field with an empty value.
 */
struct slice http_head_find(const struct http_head *h, const char *lower_name);

/* How many fields are called ${lower_name}? */
unsigned http_head_count(const struct http_head *h, const char *lower_name);

/*
 * Is ${lower_token} an element of the comma-separated ${list}?  Compared
 * without case; parameters behind an element (`a;q=1`) make it another one.
 */
bool http_list_has(struct slice list, const char *lower_token);

/* The same in the list that the fields called ${lower_name} make together. */
bool http_head_has_token(
    const struct http_head *h, const char *lower_name, const char *lower_token);

/* "GET" and so on, for all but HTTP_METHOD_OTHER, which is "". */
const char *http_method_name(enum http_method m);

/* The method spelled exactly ${name}, else HTTP_METHOD_OTHER. */
enum http_method http_method_find(struct slice name);
