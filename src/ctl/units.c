#include "ctl/units.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { OLLAMA_PORT = 11434 };

/* --- systemd --- */

static bool
has_runs(const struct conf *c)
{
	for (size_t i = 0; i < c->n_engines; i++)
		if (c->engines[i].run.n > 0)
			return true;
	return false;
}

/* A word of a command, in systemd's quotes: % and $ mean themselves. */
static enum err
add_word(const char *s, struct buf *out)
{
	enum err e = buf_add_char(out, '"');

	for (; *s != 0 && e == OK; s++) {
		if (strchr("%$", *s) != NULL)
			e = buf_add_char(out, *s);
		else if (strchr("\"\\", *s) != NULL)
			e = buf_add_char(out, '\\');
		if (e == OK)
			e = buf_add_char(out, *s);
	}
	return e == OK ? buf_add_char(out, '"') : e;
}

static enum err
add_command(const struct units_of *u, const char *key, const char *word,
    struct buf *out)
{
	enum err e = buf_printf(out, "%s=", key);

	if (e == OK)
		e = add_word(u->program, out);
	if (e == OK)
		e = buf_printf(out, " %s", word);
	if (e == OK && u->config != NULL &&
	    (e = buf_add_str(out, " -c ")) == OK)
		e = add_word(u->config, out);
	return e == OK ? buf_add_char(out, '\n') : e;
}

static const char life[] =
    "Restart=on-failure\n"
    "RestartSec=2\n"
    "# The end of one engine, for want of memory, is not the end of all.\n"
    "OOMPolicy=continue\n"
    "# Only weir is told to stop; it ends its engines itself.\n"
    "KillMode=mixed\n"
    "TimeoutStopSec=60\n"
    "TimeoutStartSec=90\n"
    "WatchdogSec=30\n"
    "LimitNOFILE=65536\n";

static const char machine[] =
    "User=" UNITS_USER "\n"
    "Group=" UNITS_USER "\n"
    "# So weir finds its folders where its commands, run by root, look.\n"
    "Environment=XDG_STATE_HOME=/var/lib XDG_RUNTIME_DIR=/run "
    "HOME=/var/lib/weir\n"
    "StateDirectory=weir\n"
    "StateDirectoryMode=0750\n"
    "RuntimeDirectory=weir\n"
    "# Re-executed or restarted, its socket for commands stays.\n"
    "RuntimeDirectoryPreserve=restart\n"
    "LogsDirectory=weir\n"
    "AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
    "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
    "UMask=0027\n";

/*
 * Not PrivateDevices, not ProtectClock: the GPU would be hidden.  Not ProtectProc: callers are
 * known by their process, and runners by their command lines.
 */
static const char fence[] =
    "NoNewPrivileges=yes\n"
    "ProtectHome=read-only\n"
    "PrivateTmp=yes\n"
    "ProtectHostname=yes\n"
    "ProtectKernelTunables=yes\n"
    "ProtectKernelModules=yes\n"
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n"
    "RestrictNamespaces=yes\n"
    "RestrictRealtime=yes\n"
    "RestrictSUIDSGID=yes\n"
    "LockPersonality=yes\n"
    "SystemCallArchitectures=native\n";

/* What weir alone can do without, and engines cannot. */
static const char close_fence[] = "ProtectSystem=strict\n"
				  "ProtectControlGroups=yes\n"
				  "MemoryDenyWriteExecute=yes\n"
				  "SystemCallFilter=@system-service\n"
				  "SystemCallErrorNumber=EPERM\n";

static const char engines_fence[] =
    "# weir runs engines: the GPU is seen, each has a control group of its\n"
    "# own, and Ollama's models may lie where its installer puts them.\n"
    "DevicePolicy=auto\n"
    "ProtectSystem=full\n"
    "ReadWritePaths=-/usr/share/ollama\n"
    "Delegate=yes\n"
    "LimitMEMLOCK=infinity\n";

static enum err
add_fence(const struct units_of *u, struct buf *out)
{
	bool runs = has_runs(u->conf);
	enum err e;

	if (u->is_user)
		return buf_add_str(out, "NoNewPrivileges=yes\n");
	e = buf_add_str(out, machine);
	if (e == OK && u->groups[0] != 0)
		e = buf_printf(out, "SupplementaryGroups=%s\n", u->groups);
	if (e == OK)
		e = buf_add_str(out, fence);
	return e == OK ? buf_add_str(out, runs ? engines_fence : close_fence)
		       : e;
}

bool
units_has_unit(const struct conf *c)
{
	for (size_t i = 0; i < c->n_engines; i++)
		if (c->engines[i].unit.n > 0)
			return true;
	return false;
}

/* Whole names of their units, with ${before} and ${behind} about each. */
static enum err
add_units(const struct conf *c, const char *before, const char *behind,
    struct buf *out)
{
	enum err e = OK;

	for (size_t i = 0; i < c->n_engines && e == OK; i++) {
		struct slice unit = c->engines[i].unit;
		bool is_whole = slice_find(unit, '.') < unit.n;

		if (unit.n > 0)
			e = buf_printf(out, "%s%.*s%s%s", before,
			    SLICE_ARG(unit), is_whole ? "" : ".service",
			    behind);
	}
	return e;
}

enum err
units_service(const struct units_of *u, struct buf *out)
{
	enum err e = buf_printf(out,
	    "# " UNITS_MARK " (weir %s); `weir uninstall` takes it away.\n"
	    "# To change it: systemctl edit weir\n"
	    "[Unit]\n"
	    "Description=weir, between callers and local LLM engines\n"
	    "Documentation=man:weir(1)\n"
	    "Wants=network-online.target\n"
	    "After=network-online.target ollama.service\n",
	    WEIR_VERSION);

	if (e == OK)
		e = add_units(u->conf, "After=", "\n", out);
	if (e == OK)
		e = buf_printf(out,
		    "%s"
		    "# It is tried for ever: those who depend on it cannot.\n"
		    "StartLimitIntervalSec=0\n"
		    "\n[Service]\n"
		    "# READY when callers are heard; with `ready: models` when "
		    "the\n"
		    "# preloaded models answer: then more time is asked for.\n"
		    "Type=notify\n"
		    "NotifyAccess=main\n",
		    u->has_socket ? "Requires=weir.socket\nAfter=weir.socket\n"
				  : "");

	if (e == OK)
		e = add_command(u, "ExecStart", "serve", out);
	if (e == OK)
		e = add_command(u, "ExecReload", "reload", out);
	if (e == OK)
		e = buf_add_str(out, life);
	if (e == OK)
		e = add_fence(u, out);
	if (e == OK)
		e = buf_printf(out, "\n[Install]\n%sWantedBy=%s\n",
		    u->has_socket ? "Also=weir.socket\n" : "",
		    u->is_user ? "default.target" : "multi-user.target");
	return e;
}

enum err
units_socket(const struct units_of *u, struct buf *out)
{
	const struct conf_listens *l = &u->conf->listen;
	enum err e = buf_printf(out,
	    "# " UNITS_MARK " (weir %s); `weir uninstall` takes it away.\n"
	    "[Unit]\n"
	    "Description=Sockets of weir: nobody is refused while it starts\n"
	    "\n[Socket]\n",
	    WEIR_VERSION);

	for (size_t i = 0; i < l->n && e == OK; i++)
		e = l->v[i].family == CONF_UNIX
		    ? buf_printf(out, "ListenStream=%s\n", l->v[i].path.p)
		    : buf_printf(
			  out, "ListenStream=%.*s\n", SLICE_ARG(l->v[i].text));
	if (e == OK)
		e = buf_printf(out,
		    "BindIPv6Only=ipv6-only\n"
		    "Backlog=4096\n"
		    "SocketMode=0660\n"
		    "%s"
		    "\n[Install]\n"
		    "WantedBy=sockets.target\n",
		    u->is_user ? "" : "SocketGroup=" UNITS_USER "\n");
	return e;
}

enum err
units_rule(const struct units_of *u, struct buf *out)
{
	enum err e = buf_add_str(out,
	    "// " UNITS_MARK "; `weir uninstall` takes it away.\n"
	    "// weir may have systemd restart its engines when they hang, and\n"
	    "// nothing else.\n"
	    "polkit.addRule(function(action, subject) {\n"
	    "\tvar units = [");

	if (e == OK)
		e = add_units(u->conf, "\"", "\", ", out);
	return e != OK
	    ? e
	    : buf_add_str(out,
		  "\"\"];\n"
		  "\tif (action.id == "
		  "\"org.freedesktop.systemd1.manage-units\" &&\n"
		  "\t    subject.user == \"" UNITS_USER "\" &&\n"
		  "\t    action.lookup(\"verb\") == \"restart\" &&\n"
		  "\t    units.indexOf(action.lookup(\"unit\")) >= 0)\n"
		  "\t\treturn polkit.Result.YES;\n"
		  "});\n");
}

enum err
units_user(struct buf *out)
{
	return buf_add_str(out,
	    "# " UNITS_MARK "; `weir uninstall` takes it away.\n"
	    "u " UNITS_USER " - \"weir\" /var/lib/weir\n");
}

/* --- launchd --- */

static enum err
add_xml(const char *s, struct buf *out)
{
	enum err e = OK;

	for (; *s != 0 && e == OK; s++)
		e = *s == '&'	? buf_add_str(out, "&amp;")
		    : *s == '<' ? buf_add_str(out, "&lt;")
				: buf_add_char(out, *s);
	return e;
}

static enum err
add_string(const char *s, struct buf *out)
{
	enum err e = buf_add_str(out, "\t\t<string>");

	if (e == OK)
		e = add_xml(s, out);
	return e == OK ? buf_add_str(out, "</string>\n") : e;
}

enum err
units_launchd(const struct units_of *u, struct buf *out)
{
	enum err e = buf_printf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<!-- " UNITS_MARK " (weir %s) -->\n"
	    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
	    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
	    "<plist version=\"1.0\">\n<dict>\n"
	    "\t<key>Label</key>\n\t<string>org.weir.weir</string>\n"
	    "\t<key>ProgramArguments</key>\n\t<array>\n",
	    WEIR_VERSION);

	if (e == OK)
		e = add_string(u->program, out);
	if (e == OK)
		e = add_string("serve", out);
	if (e == OK && u->config != NULL && (e = add_string("-c", out)) == OK)
		e = add_string(u->config, out);
	if (e == OK)
		e = buf_printf(out,
		    "\t</array>\n"
		    "\t<key>RunAtLoad</key>\n\t<true/>\n"
		    "\t<key>KeepAlive</key>\n\t<dict>\n"
		    "\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n"
		    "\t<key>ThrottleInterval</key>\n\t<integer>2</integer>\n"
		    "\t<key>ExitTimeOut</key>\n\t<integer>60</integer>\n"
		    "\t<key>ProcessType</key>\n\t<string>Interactive</string>\n"
		    "\t<key>SoftResourceLimits</key>\n\t<dict>\n"
		    "\t\t<key>NumberOfFiles</key>\n"
		    "\t\t<integer>65536</integer>\n\t</dict>\n"
		    "%s"
		    "</dict>\n</plist>\n",
		    u->is_user ? ""
			       : "\t<key>StandardErrorPath</key>\n"
				 "\t<string>/var/log/weir.err</string>\n");
	return e;
}

/* --- Ollama --- */

static bool
parse_port(struct slice s, uint16_t *out)
{
	uint64_t n;

	if (s.n == 0)
		return true;
	if (!slice_u64(s, UINT16_MAX, &n) || n == 0)
		return false;
	*out = (uint16_t)n;
	return true;
}

/* As envconfig.Host() of Ollama: a scheme sets the port, a path is cut. */
bool
units_ollama_place(const char *text, struct units_place *out)
{
	struct slice s = slice_trim(slice_str(text != NULL ? text : ""));
	struct slice scheme = s, host;
	unsigned char addr[16];
	size_t at;

	while (s.n > 1 && strchr("\"'", s.p[0]) && s.p[0] == s.p[s.n - 1])
		s = slice_trim(slice_of(s.p + 1, s.n - 2));
	*out = (struct units_place){.port = OLLAMA_PORT};
	for (at = 0; at + 3 <= s.n; at++)
		if (memcmp(s.p + at, "://", 3) == 0)
			break;
	if (at + 3 <= s.n) {
		scheme = slice_to(s, at);
		if (!slice_is(scheme, "http"))
			return false;
		out->port = 80;
		s = slice_from(s, at + 3);
	}
	s = slice_cut(&s, '/');
	if (s.n > 0 && s.p[0] == '[') {
		s = slice_from(s, 1);
		host = slice_cut(&s, ']');
		if (s.n > 0 && s.p[0] != ':')
			return false;
		s = s.n > 0 ? slice_from(s, 1) : s;
	} else if (slice_find(s, ':') != slice_rfind(s, ':')) {
		host = s; /* IPv6 without brackets has no port */
		s = slice_of("", 0);
	} else {
		host = slice_cut(&s, ':');
	}
	if (slice_is(host, "localhost") || host.n == 0)
		host = slice_str("127.0.0.1");
	if (host.n >= sizeof out->host || !parse_port(s, &out->port))
		return false;
	memcpy(out->host, host.p, host.n);
	out->host[host.n] = 0;
	return inet_pton(AF_INET, out->host, addr) == 1 ||
	    inet_pton(AF_INET6, out->host, addr) == 1;
}

enum err
units_move(uint16_t port, struct buf *out)
{
	return buf_printf(out,
	    "# " UNITS_MARK
	    " --take-over: weir listens where this Ollama did;\n"
	    "# `weir uninstall` puts it back.\n"
	    "[Service]\n"
	    "Environment=\"OLLAMA_HOST=127.0.0.1:%u\"\n",
	    port);
}

/* A text in YAML's double quotes. */
static enum err
add_quoted(struct slice s, struct buf *out)
{
	enum err e = buf_add_char(out, '"');

	for (size_t i = 0; i < s.n && e == OK; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			e = buf_add_char(out, '\\');
		if (e == OK)
			e = buf_add_char(out, s.p[i]);
	}
	return e == OK ? buf_add_char(out, '"') : e;
}

static enum err
add_origins(struct slice all, struct buf *out)
{
	enum err e = buf_add_str(out, "origins: [");
	bool is_first = true;

	while (all.n > 0 && e == OK) {
		struct slice one = slice_trim(slice_cut(&all, ','));

		if (one.n == 0)
			continue;
		if (!is_first)
			e = buf_add_str(out, ", ");
		if (e == OK)
			e = add_quoted(one, out);
		is_first = false;
	}
	return e == OK ? buf_add_str(out, "]\n") : e;
}

enum err
units_config(const struct units_place *at, uint16_t port, const char *unit,
    const char *origins, struct buf *out)
{
	bool is_v6 = strchr(at->host, ':') != NULL;
	enum err e = buf_printf(out,
	    "# " UNITS_MARK " --take-over; `weir uninstall` takes it away.\n"
	    "# weir listens where Ollama did, and Ollama where nobody looks.\n"
	    "listen: \"%s%s%s:%u\"\n",
	    is_v6 ? "[" : "", at->host, is_v6 ? "]" : "", at->port);

	if (e == OK && origins[0] != 0)
		e = add_origins(slice_str(origins), out);
	if (e == OK)
		e = buf_printf(out,
		    "engines:\n"
		    "  - name: ollama\n"
		    "    url: http://127.0.0.1:%u\n"
		    "    kind: ollama\n"
		    "    unit: %s\n",
		    port, unit);
	return e;
}
