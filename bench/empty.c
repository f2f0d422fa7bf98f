/* SPDX-License-Identifier: Apache-2.0 */
/* empty.c - the floor of any process: a static program that does nothing */
int main(void)
{
	return 0;
}
