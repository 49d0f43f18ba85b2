/* Listening sockets that other machines reach, by /proc/net. */
#include "os/sock.h"
#include <stdio.h>
#include <stdlib.h>

/* A line of /proc/net/tcp: "0: 0100007F:2CAA 00000000:0000 0A ...". */
static bool
is_public(const char *line, uint16_t port)
{
	char address[40];
	unsigned at, state;

	if (sscanf(line, " %*d: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &at,
		&state) != 3 ||
	    at != port || state != 0x0a)
		return false;
	/* 127.0.0.0/8 and ::1, words in the machine's order. */
	if (strlen(address) == 8)
		return strcmp(address + 6, "7F") != 0;
	return strcmp(address, "00000000000000000000000001000000") != 0 &&
	    strncmp(address, "0000000000000000FFFF0000", 24) != 0;
}

bool
os_sock_port_is_public(const char *root, uint16_t port)
{
	static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
	char path[300], line[256];
	bool found = false;

	for (size_t i = 0; i < 2 && !found; i++) {
		FILE *f;

		(void)snprintf(path, sizeof path, "%s%s", root, tables[i]);
		if ((f = fopen(path, "re")) == NULL)
			continue;
		while (!found && fgets(line, sizeof line, f) != NULL)
			found = is_public(line, port);
		(void)fclose(f);
	}
	return found;
}
