/*
 * msg: one HTTP/1.1 message read as it comes.
 *
 *   HEAD -> SIZED | SIZE -> DATA -> DATA_END -> SIZE ... -> TRAILER | EOF
 *                                                   all -> DONE or BAD
 *
 * The head is collected, the body is handed on span by span.  Strict enough to
 * notice a proxy that frames wrongly; it believes nothing about names beyond
 * Content-Length, Transfer-Encoding and Connection.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_HEAD_MAX 4096

enum msg_state {
	MSG_HEAD,     /* in the head */
	MSG_SIZED,    /* in a body of known length */
	MSG_SIZE,     /* in a chunk's size line */
	MSG_DATA,     /* in a chunk */
	MSG_DATA_END, /* in the CRLF behind a chunk */
	MSG_TRAILER,  /* behind the last chunk */
	MSG_EOF,      /* in a body that the close ends */
	MSG_DONE,     /* complete */
	MSG_BAD,      /* not HTTP, or too long a head */
};

struct msg {
	enum msg_state state;
	bool is_response;
	bool keep_alive;
	int status;    /* of a response */
	uint64_t left; /* bytes to come of the body or of the chunk */
	int digits;    /* of the chunk size being read */
	bool cr;       /* the last byte of a line was CR */
	size_t head_n;
	char head[MSG_HEAD_MAX + 1]; /* NUL-terminated once complete */
};

/* Called with each span of the body; the bytes are borrowed. */
typedef void msg_body_fn(void *arg, const char *p, size_t n);

/* Begin a message; a response to GET or POST if ${is_response}. */
void msg_init(struct msg *m, bool is_response);

/*
 * Take up to ${n} bytes at ${p}.  Returns how many belong to this message:
 * fewer than ${n} only when it is DONE or BAD.  Spans of the body go to
 * ${body}(${arg}).
 */
size_t msg_feed(
    struct msg *m, const char *p, size_t n, msg_body_fn *body, void *arg);

/*
 * The other side closed.  True if that is a proper end (a body that the close
 * ends, which is DONE now); false if the message is cut.
 */
bool msg_end(struct msg *m);
