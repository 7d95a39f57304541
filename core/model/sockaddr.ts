/**
 * Socket addresses as bytes: sockaddr_in and sockaddr_in6 (include/uapi/linux/in.h, in6.h), taken apart and put together.
 * Families, socket types and TCP states that the model names stand here.
 */

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10 } as const;
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3 } as const;
/** Low bits of a socket type; above them are SOCK_NONBLOCK and SOCK_CLOEXEC. */
export const SOCK_TYPE_MASK = 15;
export const IPPROTO = { TCP: 6, UDP: 17 } as const;

/** enum in include/net/tcp_states.h. */
export const TCP = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
} as const;

/** sizeof(struct sockaddr_storage): the most that connect and friends take. */
export const SOCKADDR_MOST = 128;
export const SOCKADDR_IN_SIZE = 16;
/** SIN6_LEN_RFC2133: sockaddr_in6 without its scope id. */
export const SOCKADDR_IN6_LEAST = 24;

export interface InetAddress {
  readonly family: number;
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  /** Host order. */
  readonly port: number;
}

/** sa_family of sockaddr bytes, undefined when there are fewer than two. */
export function familyOf(bytes: Uint8Array): number | undefined {
  return bytes.length < 2 ? undefined : bytes[0]! | (bytes[1]! << 8);
}

/** Address and port of a sockaddr_in or sockaddr_in6; undefined for other families and for too few bytes. */
export function parseSockaddr(bytes: Uint8Array | undefined): InetAddress | undefined {
  if (!bytes) return undefined;
  const family = familyOf(bytes);
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === AF.INET && bytes.length >= 8) return { family, address: bytes.slice(4, 8), port };
  if (family === AF.INET6 && bytes.length >= SOCKADDR_IN6_LEAST) return { family, address: bytes.slice(8, 24), port };
  return undefined;
}

/** sockaddr bytes of an address: 16 for IPv4, 28 for IPv6. */
export function makeSockaddr(address: Uint8Array, port: number): Uint8Array {
  const v4 = address.length === 4;
  const bytes = new Uint8Array(v4 ? SOCKADDR_IN_SIZE : 28);
  bytes[0] = v4 ? AF.INET : AF.INET6;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(address, v4 ? 4 : 8);
  return bytes;
}

export function isZero(address: Uint8Array): boolean {
  return address.every((b) => b === 0);
}

/** Is this ::ffff:a.b.c.d? */
export function isMapped(address: Uint8Array): boolean {
  return (
    address.length === 16 &&
    address[10] === 0xff &&
    address[11] === 0xff &&
    address.subarray(0, 10).every((b) => b === 0)
  );
}

/** The 16-byte form of an IPv4 address. */
export function mapped(v4: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  out[10] = out[11] = 0xff;
  out.set(v4, 12);
  return out;
}

/** An address in text form to bytes: dotted IPv4, or IPv6 with `::` and an IPv4 tail. Throws RangeError. */
export function parseAddress(text: string): Uint8Array {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4) {
    const parts = v4.slice(1).map(Number);
    if (parts.some((p) => p > 255)) throw new RangeError(`${text} is no IPv4 address`);
    return Uint8Array.from(parts);
  }
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const last = tail ? parseAddress(tail[2]!) : undefined;
  const body = tail
    ? `${tail[1]}${((last![0]! << 8) | last![1]!).toString(16)}:${((last![2]! << 8) | last![3]!).toString(16)}`
    : text;
  const halves = body.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const head = groups(halves[0]);
  const rest = groups(halves[1]);
  const fill = halves.length === 2 ? 8 - head.length - rest.length : 0;
  const all = [...head, ...new Array<string>(Math.max(fill, 0)).fill('0'), ...rest];
  if (
    halves.length > 2 ||
    all.length !== 8 ||
    (halves.length === 2 && fill < 1) ||
    all.some((g) => !/^[0-9a-fA-F]{1,4}$/.test(g))
  ) {
    throw new RangeError(`${text} is no IP address`);
  }
  const out = new Uint8Array(16);
  all.forEach((g, i) => {
    const n = Number.parseInt(g, 16);
    out[2 * i] = n >> 8;
    out[2 * i + 1] = n & 255;
  });
  return out;
}
