/** Answers of name servers: which addresses a message says a name has (RFC 1035 section 4, RFC 3596 for AAAA). */
import { ipv4Text, ipv6Text } from '../../core/base/inet.ts';

export interface DnsAnswer {
  /** The name that was asked for, without the dot at its end. */
  readonly name: string;
  /** Addresses in the text form of inet_ntop(3). */
  readonly addresses: readonly string[];
}

const HEADER = 12;
const RESPONSE = 0x8000;
const TYPE_A = 1;
const TYPE_AAAA = 28;
/** Compression pointers that one name may follow: more is a loop. */
const JUMPS_MOST = 16;

/** What a message answers; undefined for questions, for messages of several questions, and for bytes that are none. */
export function readAnswer(packet: Uint8Array): DnsAnswer | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  try {
    if ((view.getUint16(2) & RESPONSE) === 0 || view.getUint16(4) !== 1) return undefined;
    const question = nameAt(packet, HEADER);
    let at = question.end + 4;
    const addresses: string[] = [];
    for (let left = view.getUint16(6); left > 0; left--) {
      at = nameAt(packet, at).end;
      const type = view.getUint16(at);
      const length = view.getUint16(at + 8);
      const data = packet.subarray(at + 10, at + 10 + length);
      if (type === TYPE_A && length === 4) addresses.push(ipv4Text(data));
      if (type === TYPE_AAAA && length === 16) addresses.push(ipv6Text(data));
      at += 10 + length;
    }
    return { name: question.name, addresses };
  } catch (error) {
    // Cut off, or no DNS at all.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function nameAt(packet: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end: number | undefined;
  for (let jumps = 0; ; ) {
    const length = packet[at];
    if (length === undefined) throw new RangeError('a name that does not end');
    if (length === 0) return { name: labels.join('.'), end: end ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const low = packet[at + 1];
      if (low === undefined || ++jumps > JUMPS_MOST) throw new RangeError('a name that points nowhere');
      end ??= at + 2;
      at = ((length & 0x3f) << 8) | low;
      continue;
    }
    labels.push(String.fromCharCode(...packet.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}
