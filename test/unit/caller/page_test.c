/* Which pages may call, and under which names (Ollama's defaults and ours). */
#include "caller/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct slice mine[] = {
    SLICE("https://app.example"), SLICE("https://*.team.example")};
static const struct conf_texts origins = {mine, 2};

static const struct {
	const char *origin;
	bool is_allowed;
} pages[] = {
    {"http://localhost", true},
    {"https://localhost", true},
    {"http://localhost:3000", true},
    {"http://127.0.0.1:8080", true},
    {"http://0.0.0.0:1", true},
    {"app://obsidian.md", true},
    {"file://", true},
    {"tauri://localhost", true},
    {"vscode-webview://1tgm4", true},
    {"vscode-file://vscode-app", true},
    {"https://app.example", true},
    {"https://a.team.example", true},
    {"", false},
    {"null", false},
    {"http://app.example", false},
    {"https://app.example:8443", false},
    {"https://app.example.evil.example", false},
    {"https://evil.example", false},
    {"https://team.example", false},
    {"http://localhost.evil.example", false},
    {"http://localhost:3000.evil.example", false},
    {"http://localhost:", false},
    {"http://localhost:99999", false},
    {"http://localhost:80:80", false},
    {"http://localhost@evil.example", false},
    {"http://127.0.0.1.evil.example", false},
    {"http://127.0.0.2", false},
    {"http://evil.example/http://localhost", false},
    {"ftp://localhost", false},
    {"localhost", false},
    {"xapp://a", false},
    {"chrome-extension://abc", false},
};

static void
test_origins(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (page_origin_is_allowed(slice_str(pages[i].origin),
			&origins) != pages[i].is_allowed)
			fail_msg("%s", pages[i].origin);
}

static void
test_a_page_of_its_own_host(void **state)
{
	static const struct {
		const char *origin, *host;
		bool is;
	} cases[] = {
	    {"http://gpubox:11435", "gpubox:11435", true},
	    {"https://weir.example", "weir.example", true},
	    {"https://Weir.example", "weir.EXAMPLE", true},
	    {"http://gpubox:11435", "gpubox:11434", false},
	    {"http://gpubox", "gpubox:80", false},
	    {"http://evil.example", "gpubox", false},
	    {"gpubox", "gpubox", false},
	    {"http://", "", false},
	    {"null", "null", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (page_is_of(slice_str(cases[i].origin),
			slice_str(cases[i].host)) != cases[i].is)
			fail_msg("%s at %s", cases[i].origin, cases[i].host);
}

static const struct slice ours[] = {SLICE("box.lan"), SLICE("weir.Example")};
static const struct conf_texts hosts = {ours, 2};

/* near: to a peer on loopback; far: to any other. */
static const struct {
	const char *host;
	bool near, far;
} names[] = {
    {"", true, true},
    {"localhost", true, true},
    {"LocalHost:11435", true, true},
    {"localhost.", true, true},
    {"app.localhost:1", true, true},
    {"127.0.0.1", true, true},
    {"10.1.2.3:11435", true, true},
    {"[::1]:11435", true, true},
    {"[2001:db8::1]", true, true},
    {"gpubox.local", true, true},
    {"ollama.internal:80", true, true},
    {"host.docker.internal", true, true},
    {"weir.default.svc.cluster.local", true, true},
    {"box.lan", true, true},
    {"BOX.LAN:11435", true, true},
    {"weir.example", true, true},
    {"MyHost", true, true},
    {"myhost:11435", true, true},
    {"weir", false, true},
    {"ollama:11434", false, true},
    {"evil.example", false, false},
    {"evil.example:11435", false, false},
    {"localhost.evil.example", false, false},
    {"myhost.evil.example", false, false},
    {"box.lan.evil.example", false, false},
    {"evilbox.lan", false, false},
    {"notlocal", false, true},
    {".local", false, false},
    {"evil.example:80:80", false, false},
    {"evil.example:x", false, false},
    {"localhost:x", false, false},
    {"127.0.0.1.evil.example", false, false},
    {"localhost@evil.example", false, false},
    {"evil.example.", false, false},
    {"evil.locally", false, false},
    {"[evil.example]", false, false},
};

static void
test_hosts(void **state)
{
	struct page_names known = {slice_str("myhost"), &hosts, false};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct slice host = slice_str(names[i].host);

		known.is_far = false;
		if (page_host_is_ours(host, &known) != names[i].near)
			fail_msg("%s from here", names[i].host);
		known.is_far = true;
		if (page_host_is_ours(host, &known) != names[i].far)
			fail_msg("%s from afar", names[i].host);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_origins),
	    cmocka_unit_test(test_a_page_of_its_own_host),
	    cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
