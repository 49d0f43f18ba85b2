/*
 * field: what the members of a request mean, one by one.
 *
 * Internal to the room: inspect.c walks and asks this.  The table is
 * facts/fields.def.
 */
#pragma once
#include "dialect/inspect.h"

enum role {
	ROLE_MODEL,
	ROLE_SWITCH,
	ROLE_NUMBER,
	ROLE_SPAN,
	ROLE_TEXT,
	ROLE_WALK,
	ROLE_TOOL_TYPE,
	ROLE_IMAGE
};

/* JSON types, as bits. */
enum field_type_bit {
	NUL = 1,
	BOOL = 2,
	NUM = 4,
	STR = 8,
	ARR = 16,
	OBJ = 32,
	ANY = 63
};

/* One row of facts/fields.def. */
struct field_fact {
	struct slice key;
	uint8_t place;
	uint8_t types;
	uint8_t role;
	uint8_t inside;
	uint16_t shapes;
};

/* The row of ${f}, which is below FIELD_COUNT. */
const struct field_fact *field_get(enum field f);

/* The field of ${place} whose key is exactly ${key}, or FIELD_NONE. */
enum field field_find(uint8_t place, unsigned shape_bit, struct slice key);

/* The bit of the type that ${kind}, an event for a value, has. */
unsigned field_type(enum json_kind kind);

/* Make ${in}->why; false, so that it can be returned.  ${reason} is static. */
bool field_refuse(
    struct inspect *in, enum err e, struct slice what, const char *reason);

/* Refuse field ${f} because its value is of none of its types. */
bool field_refuse_type(struct inspect *in, enum field f);

/* Count ${text}, a part of the body, and keep it if texts are wanted. */
void field_add_text(struct inspect *in, struct slice text);

/*
 * The value of field ${f} is complete: ${raw} is its JSON, of a string with
 * the quotes.  ${is_walked}: its inside has been looked at.  False if the
 * request is to be refused; ${in}->why is then made.
 */
bool field_take(struct inspect *in, enum field f, enum json_kind kind,
    struct slice raw, bool is_walked);
