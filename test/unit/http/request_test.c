/*
 * What callers may send and what is refused.  Expectations come from RFC 9112
 * (message syntax), RFC 9110 (semantics) and, where these leave a choice, from
 * the list in http/parser.h: whatever two readers could read differently is
 * refused.  Every case runs whole, cut in two at every byte, and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "test/unit/http/check.h"

struct http_case {
	const char *name;
	struct slice raw;
	const char *brief; /* see trace.h; a last `*` matches any reason */
};

#define HOST "Host: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
#define GET1 "GET / HTTP/1.1\r\n" HOST
#define POST1 "POST / HTTP/1.1\r\n" HOST

/* --- request line: RFC 9112 3 --- */
static const struct http_case lines[] = {
    {"plain GET", SLICE(GET1 "\r\n"), "GET / <>"},
    {"HTTP/1.0 without Host", SLICE("GET / HTTP/1.0\r\n\r\n"), "GET / <>"},
    {"one empty line before it (2.2)", SLICE("\r\n" GET1 "\r\n"), "GET / <>"},
    {"two empty lines", SLICE("\r\n\r\n" GET1 "\r\n"),
	"!400 an empty line in place of the first"},
    {"bare LF before it", SLICE("\n" GET1 "\r\n"), "!400 a line feed*"},
    {"query", SLICE("GET /v1/models?a=b&c=%20 HTTP/1.1\r\n" HOST "\r\n"),
	"GET /v1/models?a=b&c=%20 <>"},
    {"absolute form", SLICE("GET http://a/x HTTP/1.1\r\n" HOST "\r\n"),
	"GET http://a/x <>"},
    {"absolute form in capitals",
	SLICE("GET HTTP://a/x HTTP/1.1\r\n" HOST "\r\n"), "GET HTTP://a/x <>"},
    {"asterisk form", SLICE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
	"OPTIONS * <>"},
    {"asterisk for GET", SLICE("GET * HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"authority form", SLICE("GET a:80 HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"CONNECT", SLICE("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"),
	"!400 CONNECT is not offered"},
    {"every method of ours",
	SLICE("HEAD / HTTP/1.1\r\n" HOST "\r\nPUT / HTTP/1.1\r\n" HOST
	      "\r\nDELETE / HTTP/1.1\r\n" HOST "\r\nPATCH / HTTP/1.1\r\n" HOST
	      "\r\n"),
	"HEAD / <> PUT / <> DELETE / <> PATCH / <>"},
    {"known method of no route", SLICE("PROPFIND / HTTP/1.1\r\n" HOST "\r\n"),
	"PROPFIND / <>"},
    {"unknown method", SLICE("FOO / HTTP/1.1\r\n" HOST "\r\n"), "!400 *"},
    {"method in small letters", SLICE("get / HTTP/1.1\r\n" HOST "\r\n"),
	"!400 *"},
    {"no method", SLICE(" / HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the method is malformed"},
    {"method with a colon", SLICE("GE:T / HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the method is malformed"},
    {"endless method", SLICE("GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG"),
	"!400 the method is too long"},
    {"HTTP/1.2", SLICE("GET / HTTP/1.2\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"HTTP/2.0", SLICE("GET / HTTP/2.0\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"HTTP/1.10", SLICE("GET / HTTP/1.10\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"HTTP/01.1", SLICE("GET / HTTP/01.1\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"HTTP/1,1", SLICE("GET / HTTP/1,1\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"http/1.1", SLICE("GET / http/1.1\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"ICY/1.1", SLICE("GET / ICY/1.1\r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"HTTP/2 preface", SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	"!400 only HTTP*"},
    {"HTTP/0.9", SLICE("GET /\r\n"), "!400 the request line has no version"},
    {"HTTP/0.9 with fields",
	SLICE("GET /x\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
	"!400 the request line has no version"},
    {"HTTP/0.9 ended by LF",
	SLICE("GET /x\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
	"!400 a line feed*"},
    {"empty version", SLICE("GET / \r\n" HOST "\r\n"), "!400 only HTTP*"},
    {"two spaces before the target", SLICE("GET  / HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request line has more than one space"},
    {"two spaces before the version", SLICE("GET /  HTTP/1.1\r\n" HOST "\r\n"),
	"!400 only HTTP*"},
    {"space behind the version", SLICE("GET / HTTP/1.1 \r\n" HOST "\r\n"),
	"!400 only HTTP*"},
    {"space in the target", SLICE("GET /a b HTTP/1.1\r\n" HOST "\r\n"),
	"!400 only HTTP*"},
    {"TAB in the target", SLICE("GET /\ta HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"TAB in place of a space", SLICE("GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
	"!400 *"},
    {"NUL in the target", SLICE("GET /\0a HTTP/1.1\r\n" HOST "\r\n"),
	"!400 a control byte in the head"},
    {"DEL in the target", SLICE("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
	"!400 a control byte in the head"},
    {"UTF-8 in the target", SLICE("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"fragment in the target", SLICE("GET /#a HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"backslash in the target", SLICE("GET /\\a HTTP/1.1\r\n" HOST "\r\n"),
	"!400 the request target is malformed"},
    {"path tricks go on to the router",
	SLICE("GET //a/../%2e;x HTTP/1.1\r\n" HOST "\r\n"),
	"GET //a/../%2e;x <>"},
    {"bare CR in the line", SLICE("GET / HTTP/1.1\rX\r\n" HOST "\r\n"),
	"!400 a carriage return without a line feed"},
    {"TLS on a plain port", SLICE("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"),
	"!400 a control byte in the head"},
    {"half a line", SLICE("GET / HT"), ""},
    {"nothing", SLICE(""), ""},
};

/* --- fields: RFC 9112 5 --- */
static const struct http_case fields[] = {
    {"empty value", SLICE(GET1 "X:\r\n\r\n"), "GET / <>"},
    {"value of blanks", SLICE(GET1 "X: \t \r\n\r\n"), "GET / <>"},
    {"no blank behind the colon", SLICE(GET1 "X:y\r\n\r\n"), "GET / <>"},
    {"colons in the value", SLICE(GET1 "X: a:b::\r\n\r\n"), "GET / <>"},
    {"obs-text in the value", SLICE(GET1 "X: \xc3\xa9\xff\r\n\r\n"),
	"GET / <>"},
    {"TAB in the value", SLICE(GET1 "X: a\tb\r\n\r\n"), "GET / <>"},
    {"every tchar in the name", SLICE(GET1 "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n"),
	"GET / <>"},
    {"folded value (5.2)", SLICE(GET1 "X: a\r\n b\r\n\r\n"),
	"!400 a folded line"},
    {"folded with TAB", SLICE(GET1 "X: a\r\n\tb\r\n\r\n"),
	"!400 a folded line"},
    {"folded behind the colon",
	SLICE(POST1 "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
	"!400 a folded line"},
    {"folded with a colon in it", SLICE(GET1 "X: a\r\n Y: b\r\n\r\n"),
	"!400 a folded line"},
    {"blank before the first field",
	SLICE("GET / HTTP/1.1\r\n X: b\r\n" HOST "\r\n"), "!400 a folded line"},
    {"line of one blank", SLICE(GET1 " \r\n\r\n"), "!400 a folded line"},
    {"blank before the colon (5.1)",
	SLICE(POST1 "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
	"!400 white space before a colon"},
    {"TAB before the colon",
	SLICE(POST1 "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
	"!400 white space before a colon"},
    {"empty name", SLICE(GET1 ": b\r\n\r\n"), "!400 an empty field name"},
    {"no colon", SLICE(GET1 "X\r\n\r\n"), "!400 a field without a colon"},
    {"blank in the name", SLICE(GET1 "X Y: b\r\n\r\n"),
	"!400 white space before a colon"},
    {"slash in the name", SLICE(GET1 "X/Y: b\r\n\r\n"),
	"!400 a malformed field name"},
    {"UTF-8 in the name", SLICE(GET1 "X\xc3\xa9: b\r\n\r\n"),
	"!400 a malformed field name"},
    {"NUL in the name", SLICE(GET1 "X\0Y: b\r\n\r\n"),
	"!400 a control byte in the head"},
    {"NUL in the value", SLICE(GET1 "X: a\0b\r\n\r\n"),
	"!400 a control byte in the head"},
    {"SOH in the value",
	SLICE(GET1 "X: a\x01"
		   "b\r\n\r\n"),
	"!400 a control byte in the head"},
    {"ESC in the value", SLICE(GET1 "X: \x1b[2J\r\n\r\n"),
	"!400 a control byte in the head"},
    {"DEL in the value", SLICE(GET1 "X: abcdefghijkl\x7f\r\n\r\n"),
	"!400 a control byte in the head"},
    {"bare LF everywhere", SLICE("GET / HTTP/1.1\nHost: a\n\n"),
	"!400 a line feed without a carriage return"},
    {"bare LF behind one field",
	SLICE("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
	"!400 a line feed without a carriage return"},
    {"bare LF as the blank line", SLICE(GET1 "\n"),
	"!400 a line feed without a carriage return"},
    {"bare CR hides a field (CVE-2023-30589)",
	SLICE(
	    POST1 "X: \rTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\n\r\n"),
	"!400 a carriage return without a line feed"},
    {"bare CR and a letter",
	SLICE(POST1 "X-Abc: \rxTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n"),
	"!400 a carriage return without a line feed"},
    {"bare CR in a value", SLICE(GET1 "X: a\rY: b\r\n\r\n"),
	"!400 a carriage return without a line feed"},
    {"bare CR before a name", SLICE(GET1 "\rX: b\r\n\r\n"),
	"!400 a carriage return without a line feed"},
    {"CR CR LF", SLICE(GET1 "X: a\r\r\n\r\n"),
	"!400 a carriage return without a line feed"},
};

/* --- Host, Expect, Connection, Upgrade: RFC 9110 7.2, 10.1.1, 7.6.1 --- */
static const struct http_case meanings[] = {
    {"no Host in 1.1", SLICE("GET / HTTP/1.1\r\n\r\n"), "!400 no Host"},
    {"two Hosts", SLICE(GET1 "Host: b\r\n\r\n"), "!400 more than one Host"},
    {"two equal Hosts", SLICE(GET1 HOST "\r\n"), "!400 more than one Host"},
    {"two Hosts in 1.0", SLICE("GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
	"!400 more than one Host"},
    {"empty Host", SLICE("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / <>"},
    {"Host with a port", SLICE("GET / HTTP/1.1\r\nHOST: a.b:1\r\n\r\n"),
	"GET / <>"},
    {"IPv6 Host", SLICE("GET / HTTP/1.1\r\nhost: [::1]:11434\r\n\r\n"),
	"GET / <>"},
    {"list of Hosts", SLICE("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
	"!400 Host is malformed"},
    {"Host with a path", SLICE("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	"!400 Host is malformed"},
    {"Host with a user", SLICE("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
	"!400 Host is malformed"},
    {"Host with a blank", SLICE("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
	"!400 Host is malformed"},
    {"Expect: 100-continue",
	SLICE(POST1 "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\na"),
	"POST / <a>"},
    {"Expect of something else", SLICE(POST1 "Expect: 200-ok\r\n\r\n"),
	"!417 Expect is not 100-continue"},
    {"Expect twice, one unknown",
	SLICE(POST1 "Expect: 100-continue\r\nExpect: x\r\n\r\n"),
	"!417 Expect is not 100-continue"},
    {"Expect in 1.0 is ignored", SLICE("POST / HTTP/1.0\r\nExpect: x\r\n\r\n"),
	"POST / <>"},
    {"Connection: close is the owner's matter",
	SLICE("GET /1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
	      "GET /2 HTTP/1.1\r\n" HOST "\r\n"),
	"GET /1 <> GET /2 <>"},
    {"Upgrade to h2c is ignored",
	SLICE(
	    POST1 "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
		  "HTTP2-Settings: AAMAAABk\r\nContent-Length: 2\r\n\r\nab" GET1
		  "\r\n"),
	"POST / <ab> GET / <>"},
    {"Upgrade to websocket is ignored",
	SLICE(GET1 "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" GET1
		   "\r\n"),
	"GET / <> GET / <>"},
};

/* --- framing: RFC 9112 6 --- */
static const struct http_case framing[] = {
    {"sized body", SLICE(POST1 "Content-Length: 3\r\n\r\nabc"), "POST / <abc>"},
    {"leading zeros", SLICE(POST1 "Content-Length: 003\r\n\r\nabc"),
	"POST / <abc>"},
    {"empty body", SLICE(POST1 "Content-Length: 0\r\n\r\n"), "POST / <>"},
    {"no length is no body", SLICE(POST1 "\r\n"), "POST / <>"},
    {"half a body", SLICE(POST1 "Content-Length: 3\r\n\r\nab"), "POST / <ab"},
    {"GET with a body, then another",
	SLICE(
	    GET1 "Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n" HOST "\r\n"),
	"GET / <abc> GET /2 <>"},
    {"three pipelined",
	SLICE("GET /1 HTTP/1.1\r\n" HOST "\r\n" CHUNKED
	      "1\r\nx\r\n0\r\n\r\nGET /3 HTTP/1.1\r\n" HOST "\r\n"),
	"GET /1 <> POST / <x> GET /3 <>"},
    {"second one is bad", SLICE(GET1 "\r\n" GET1 HOST "\r\n"),
	"GET / <> !400 more than one Host"},
    {"CRLF behind a body (old clients)",
	SLICE(POST1 "Content-Length: 1\r\n\r\na\r\n" GET1 "\r\n"),
	"POST / <a> GET / <>"},
    {"length and chunked",
	SLICE(POST1 "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "0\r\n\r\nX"),
	"!400 Content-Length with Transfer-Encoding"},
    {"chunked and length",
	SLICE(POST1 "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n"
		    "0\r\n\r\nX"),
	"!400 Content-Length with Transfer-Encoding"},
    {"two lengths",
	SLICE(POST1 "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
	"!400 more than one Content-Length"},
    {"two equal lengths",
	SLICE(POST1 "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc"),
	"!400 more than one Content-Length"},
    {"list of lengths", SLICE(POST1 "Content-Length: 3, 3\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length +3", SLICE(POST1 "Content-Length: +3\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length -1", SLICE(POST1 "Content-Length: -1\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 0x3", SLICE(POST1 "Content-Length: 0x3\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 3 4", SLICE(POST1 "Content-Length: 3 4\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 3.0", SLICE(POST1 "Content-Length: 3.0\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"empty length", SLICE(POST1 "Content-Length: \r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 2^64 + 3",
	SLICE(POST1 "Content-Length: 18446744073709551619\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 2^63",
	SLICE(POST1 "Content-Length: 9223372036854775808\r\n\r\nabc"),
	"!400 Content-Length is not a number"},
    {"length 2^63 - 1",
	SLICE(POST1 "Content-Length: 9223372036854775807\r\n\r\nabc"),
	"POST / <abc"},
    {"coding xchunked",
	SLICE(POST1 "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding chunked, identity",
	SLICE(POST1 "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding gzip, chunked",
	SLICE(POST1 "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding identity", SLICE(POST1 "Transfer-Encoding: identity\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"empty coding", SLICE(POST1 "Transfer-Encoding:\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"quoted coding",
	SLICE(POST1 "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding chunked;a=b",
	SLICE(POST1 "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding twice",
	SLICE(POST1 "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"coding twice, the second identity",
	SLICE(POST1 "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
		    "identity\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding is not exactly chunked"},
    {"VT before chunked",
	SLICE(POST1 "Transfer-Encoding: \x0b"
		    "chunked\r\n\r\n0\r\n\r\n"),
	"!400 a control byte in the head"},
    {"chunked in capitals",
	SLICE(POST1 "TRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n"),
	"POST / <a>"},
    {"chunked in 1.0",
	SLICE("POST / HTTP/1.0\r\n" HOST
	      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	"!400 Transfer-Encoding in HTTP/1.0"},
};

/* --- chunks: RFC 9112 7.1 --- */
static const struct http_case chunks[] = {
    {"two chunks", SLICE(CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
	"POST / <abcde>"},
    {"no data", SLICE(CHUNKED "0\r\n\r\n"), "POST / <>"},
    {"sizes in hexadecimal",
	SLICE(CHUNKED "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"),
	"POST / <01234567890123456789a>"},
    {"zeros before sizes", SLICE(CHUNKED "0003\r\nabc\r\n000\r\n\r\n"),
	"POST / <abc>"},
    {"data that looks like chunks",
	SLICE(CHUNKED "5\r\n0\r\n\r\n\r\n0\r\n\r\n"), "POST / <0\r\n\r\n>"},
    {"incomplete size", SLICE(CHUNKED "3"), "POST / <"},
    {"incomplete data", SLICE(CHUNKED "3\r\nab"), "POST / <ab"},
    {"incomplete end", SLICE(CHUNKED "3\r\nabc\r\n0\r\n"), "POST / <abc"},
    {"extensions are dropped", SLICE(CHUNKED "3;a=b\r\nabc\r\n0;x\r\n\r\n"),
	"POST / <abc>"},
    {"trailers are dropped",
	SLICE(CHUNKED "1\r\na\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n" GET1
		      "\r\n"),
	"POST / <a> GET / <>"},
    {"extension ended by LF", SLICE(CHUNKED "3;a\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"CR in an extension", SLICE(CHUNKED "3;a\rX\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"CRLF in a quoted extension",
	SLICE(CHUNKED "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n"), "POST / < !400 *"},
    {"NUL in an extension", SLICE(CHUNKED "3;a\0\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"size ended by LF", SLICE(CHUNKED "3\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"no CRLF behind data", SLICE(CHUNKED "3\r\nabcX0\r\n\r\n"),
	"POST / <abc !400 *"},
    {"LF behind data", SLICE(CHUNKED "3\r\nabc\n0\r\n\r\n"),
	"POST / <abc !400 *"},
    {"more data than its size", SLICE(CHUNKED "2\r\nabc\r\n0\r\n\r\n"),
	"POST / <ab !400 *"},
    {"size 0x3", SLICE(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), "POST / < !400 *"},
    {"size -3", SLICE(CHUNKED "-3\r\nabc\r\n0\r\n\r\n"), "POST / < !400 *"},
    {"size +3", SLICE(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), "POST / < !400 *"},
    {"size behind a blank", SLICE(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"blank behind the size", SLICE(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"no size", SLICE(CHUNKED "\r\nabc\r\n0\r\n\r\n"), "POST / < !400 *"},
    {"no size but an extension", SLICE(CHUNKED ";a\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"size 2^68 + 3", SLICE(CHUNKED "100000000000000003\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"size 2^64", SLICE(CHUNKED "10000000000000000\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"letter in the size", SLICE(CHUNKED "3g\r\nabc\r\n0\r\n\r\n"),
	"POST / < !400 *"},
    {"bare CR at the end", SLICE(CHUNKED "0\r\n\rX"),
	"POST / < !400 a malformed trailer"},
    {"bare LF at the end", SLICE(CHUNKED "0\r\n\n"),
	"POST / < !400 a malformed trailer"},
    {"folded trailer", SLICE(CHUNKED "0\r\nA: b\r\n c\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
    {"bare CR in a trailer", SLICE(CHUNKED "0\r\nA: b\rcd: e\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
    {"trailer without a name", SLICE(CHUNKED "0\r\n: b\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
    {"trailer without a colon", SLICE(CHUNKED "0\r\nab\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
    {"blank before a trailer's colon", SLICE(CHUNKED "0\r\nA : b\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
    {"NUL in a trailer", SLICE(CHUNKED "0\r\nA: \0\r\n\r\n"),
	"POST / < !400 a malformed trailer"},
};

static void
run_all(const struct http_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct trace_in in = {.side = HTTP_SIDE_REQUEST,
		    .bytes = cases[i].raw,
		    .limits = http_limits_default()};

		check_cuts(cases[i].name, cases[i].brief, &in);
	}
}

#define RUN_ALL(cases) run_all(cases, sizeof(cases) / sizeof((cases)[0]))

static void
test_request_lines(void **state)
{
	(void)state;
	RUN_ALL(lines);
}

static void
test_fields(void **state)
{
	(void)state;
	RUN_ALL(fields);
}

static void
test_meanings(void **state)
{
	(void)state;
	RUN_ALL(meanings);
}

static void
test_framing(void **state)
{
	(void)state;
	RUN_ALL(framing);
}

static void
test_chunks(void **state)
{
	(void)state;
	RUN_ALL(chunks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_lines),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_meanings),
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
