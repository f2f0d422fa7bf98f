/* SPDX-License-Identifier: Apache-2.0 */
/* nft_msg.h - the messages of nf_tables; for nft.c and nft_check.c only
 *
 * Each returns a message to be freed or handed to netlink.h, NULL when memory is gone.
 */
#ifndef NL_NFT_MSG_H
#define NL_NFT_MSG_H

#include <netlink/msg.h>
#include <stddef.h>
#include <stdint.h>

#include "nl/nft.h"

#define NFT_TEXT_MAX 256

/* Begin or end of a transaction: NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END. */
struct nl_msg *nft_msg_frame(int type);
/* A message of that NFT_MSG_* type that says no more than which table is meant. */
struct nl_msg *nft_msg_about(int type, int flags, uint8_t family, const char *table);
struct nl_msg *nft_msg_table(const struct nft_table *t);
struct nl_msg *nft_msg_chain(const struct nft_table *t, const struct nft_chain *c);
struct nl_msg *nft_msg_rule(const struct nft_table *t, const struct nft_chain *c, const struct nft_rule *r);

/* As nft(8) writes it: iifname "veth0" ct state new meta mark set meta mark | 0x00000001 */
const char *nft_rule_text(const struct nft_rule *r, char out[NFT_TEXT_MAX]);
/* "ip", "ip6" */
const char *nft_family_text(uint8_t family);

#endif
