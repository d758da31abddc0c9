import { BlockList, isIP } from 'node:net';

/**
 * Addresses that no registry lives at and where a request would do harm (DESIGN.md §4.13): this machine, this link, the
 * cloud's metadata services. Private ranges are not among them: registries inside a cluster live there.
 */
const FORBIDDEN = new BlockList();

const FORBIDDEN_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
  // Metadata services outside of 169.254.0.0/16: Alibaba Cloud and Oracle Cloud.
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
];

const FORBIDDEN_IPV6: readonly (readonly [string, number])[] = [
  // Unspecified, loopback, and the deprecated IPv4-compatible addresses.
  ['::', 96],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
];

for (const [network, prefix] of FORBIDDEN_IPV4) {
  FORBIDDEN.addSubnet(network, prefix, 'ipv4');
  // What the kernel or a translator turns back into IPv4: mapped, NAT64 and 6to4 addresses.
  const hex = network
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('');
  const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
  FORBIDDEN.addSubnet(`::ffff:${groups}`, 96 + prefix, 'ipv6');
  FORBIDDEN.addSubnet(`64:ff9b::${groups}`, 96 + prefix, 'ipv6');
  FORBIDDEN.addSubnet(`2002:${groups}::`, 16 + prefix, 'ipv6');
}
for (const [network, prefix] of FORBIDDEN_IPV6) FORBIDDEN.addSubnet(network, prefix, 'ipv6');

/** Whether an IP address is one that only the configuration may send requests to. Text that is no address is forbidden. */
export function isForbiddenAddress(address: string): boolean {
  const zone = address.indexOf('%');
  const bare = zone < 0 ? address : address.slice(0, zone);
  const family = isIP(bare);
  if (family === 0) return true;
  return FORBIDDEN.check(bare, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether the host of a URL is forbidden as it stands, without asking DNS: a forbidden literal address or `localhost`.
 * @param hostname as `URL.hostname` gives it, so that every spelling of an IPv4 address is already the dotted one
 */
export function isForbiddenHostname(hostname: string): boolean {
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const literal = name.startsWith('[') ? name.slice(1, -1) : name;
  return isIP(literal) !== 0 && isForbiddenAddress(literal);
}
