/* SPDX-License-Identifier: Apache-2.0 */
/* selector.c - metav1.LabelSelector: what it matches, and whether it is one */
#include <string.h>

#include "api/check.h"
#include "base/own.h"

enum operator{ OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST };

static const char *const operators[] = {
	[OP_IN] = "In",
	[OP_NOT_IN] = "NotIn",
	[OP_EXISTS] = "Exists",
	[OP_DOES_NOT_EXIST] = "DoesNotExist",
};

/* -1 for a word that is none. */
static int find_operator(const char *word)
{
	for (size_t i = 0; word && i < ARRAY_LEN(operators); i++) {
		if (strcmp(word, operators[i]) == 0)
			return (int)i;
	}
	return -1;
}

static bool requirement_holds(const struct api_requirement *q, const struct json_map *labels)
{
	const char *value = labels && q->key ? json_map_get(labels, q->key) : NULL;

	switch (find_operator(q->operator)) {
	case OP_IN:
		return value && json_strv_has(&q->values, value);
	case OP_NOT_IN: /* a missing label is in no list */
		return !value || !json_strv_has(&q->values, value);
	case OP_EXISTS:
		return value;
	case OP_DOES_NOT_EXIST:
		return !value;
	default:
		return false;
	}
}

bool api_selector_matches(const struct api_selector *s, const struct json_map *labels)
{
	if (!s)
		return false;
	for (size_t i = 0; i < s->match_labels.n; i++) {
		const struct json_map_entry *want = &s->match_labels.v[i];
		const char *value = labels ? json_map_get(labels, want->key) : NULL;

		if (!value || strcmp(value, want->value) != 0)
			return false;
	}
	for (size_t i = 0; i < s->match_expressions.n; i++) {
		if (!requirement_holds(&s->match_expressions.v[i], labels))
			return false;
	}
	return true;
}

static int check_requirement(const struct api_requirement *q, size_t value_max, struct err *e)
{
	int op = find_operator(q->operator);
	bool wants_values = op == OP_IN || op == OP_NOT_IN;

	if (!q->key)
		return check_failed(e, "key: missing: want a label");
	if (check_label_key(q->key, e) < 0)
		return err_wrap(e, "key");
	if (op < 0)
		return check_failed(e, "operator: \"%s\": want In, NotIn, Exists or DoesNotExist",
				    q->operator ? q->operator: "");
	if (wants_values && !q->values.n)
		return check_failed(e, "values: empty: %s wants at least one", operators[op]);
	if (!wants_values && q->values.n)
		return check_failed(e, "values: %s takes none: leave them out", operators[op]);
	for (size_t i = 0; i < q->values.n; i++) {
		if (check_label_value(q->values.v[i], value_max, e) < 0)
			return err_wrap(e, "values[%zu]", i);
	}
	return 0;
}

int check_selector(const struct api_selector *s, size_t value_max, struct err *e)
{
	for (size_t i = 0; i < s->match_labels.n; i++) {
		const struct json_map_entry *m = &s->match_labels.v[i];

		if (check_label_key(m->key, e) < 0)
			return err_wrap(e, "matchLabels");
		if (check_label_value(m->value, value_max, e) < 0)
			return err_wrap(e, "matchLabels[%s]", m->key);
	}
	for (size_t i = 0; i < s->match_expressions.n; i++) {
		if (check_requirement(&s->match_expressions.v[i], value_max, e) < 0)
			return err_wrap(e, "matchExpressions[%zu]", i);
	}
	return 0;
}
