/* A folder for one test, and waiting for the writer. */
#pragma once
#include "ledger/ledger.h"
#include "ledger/read.h"

/* Make a folder; its name, for path() and folder_remove(). */
const char *folder_make(void);
void folder_remove(void);

/* FOLDER/${name}, in one of four buffers. */
const char *folder_path(const char *name);

/* How many of its files begin with ${prefix}; the name of one in ${one}. */
int folder_count(const char *prefix, char one[256]);

/* Wait, 10 s at most, until all that was noted is in the file. */
void wait_flushed(struct ledger *l);

/* Wait for the next news; fail if it is not ${kind}. */
struct ledger_news wait_news(struct ledger *l, enum ledger_news_kind kind);

/* Requests and tokens of ${caller} (NULL: of all) in the file at ${path}. */
struct used {
	int64_t requests, input, output, cached, errors;
};
struct used read_used(const char *path, const char *caller);
