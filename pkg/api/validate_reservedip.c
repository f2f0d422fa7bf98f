/* SPDX-License-Identifier: Apache-2.0 */
/* validate_reservedip.c - the rules of SpiderReservedIP */
#include "api/check.h"

int validate_reservedip(const struct api_reservedip *res, const struct api_reservedip *old,
			const struct api_world *w, struct err *e)
{
	uint8_t ver = 0;
	int r = 0;

	if (old)
		r = check_version_kept(&old->spec.ip_version, &res->spec.ip_version, e);
	if (r == 0 && !res->spec.ip_version.set) /* then the reason is an item that cannot be read */
		r = check_list("ips", &res->spec.ips, 0, NULL, e);
	if (r == 0)
		r = check_version(&res->spec.ip_version, w, &ver, e);
	if (r == 0)
		r = check_list("ips", &res->spec.ips, ver, NULL, e);
	return r;
}
