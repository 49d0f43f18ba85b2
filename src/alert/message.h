/*
 * message: an alert in the words of whoever gets it.
 *
 * Shapes: json (weir's own); slack, {"text": ...}, which Mattermost and
 * Discord's /slack take too (https://api.slack.com/messaging/webhooks); ntfy,
 * a body with Title, Priority and Tags (https://docs.ntfy.sh/publish/);
 * alertmanager, POST /api/v2/alerts
 * (https://prometheus.io/docs/alerting/latest/clients/).
 */
#pragma once
#include "alert/board.h"
#include "base/buf.h"
#include "conf/type.h"

struct alert_message {
	const char *code; /* of facts/alerts.def */
	enum level level;
	const char *state; /* "firing", "reminder", "resolved", "test" */
	bool is_over;	   /* resolved */
	struct slice subject, text;
	struct slice host; /* this machine's name */
	int64_t since_s;   /* wall clock */
	int64_t now_s;
	int64_t remind_us; /* until the next word; INT64_MAX: none comes */
};

enum { ALERT_BODY_MAX = 16 * 1024, ALERT_FIELDS_MAX = 1024 };

/* Append the body that is posted.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err alert_body(
    enum conf_shape shape, const struct alert_message *m, struct buf *out);

/*
 * Append the fields of the request's head, "Name: value" each with a newline
 * behind.  ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err alert_fields(
    enum conf_shape shape, const struct alert_message *m, struct buf *out);

/*
 * Append "NAME=value" with a NUL behind each, for a command: WEIR_ALERT,
 * WEIR_ALERT_STATE, _LEVEL, _SUBJECT, _TEXT, _HOST, _JSON.
 */
MUST_CHECK enum err alert_variables(
    const struct alert_message *m, struct buf *out);
