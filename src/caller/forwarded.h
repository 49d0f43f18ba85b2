/*
 * forwarded: where a request comes from that a reverse proxy passed on.
 *
 *   X-Forwarded-For: 203.0.113.7, 10.0.0.2     socket: 10.0.0.1
 *                    '- the caller  '-- trusted proxies --'
 *
 * Each proxy appends the address that it was called from, so only what stands
 * behind the last address that is no trusted proxy's is true; whatever stands
 * before it the caller may have made up.
 *
 * Sources: RFC 7239 (Forwarded); X-Forwarded-For has no standard, its entries
 * are addresses with or without a port.
 */
#pragma once
#include "caller/address.h"
#include "http/head.h"

/*
 * The address that ${head}'s fields give for a request that came from ${peer}:
 * the rightmost one that is not in ${trusted}; of a chain of nothing but
 * trusted ones the first.  It is ${peer} itself if that is not trusted, if
 * there is no such field, if that address is malformed, hidden, or of a
 * machine's own loopback while the peer is on another, or if the two fields
 * tell different addresses: a proxy writes one of them, the caller the other.
 */
struct address forwarded_address(const struct http_head *head,
    const struct address *peer, const struct conf_nets *trusted);
