/** A program that asks a name server over UDP and connects to what it answers; another that connects to an address that nobody asked for. */
import { utf8Encode } from '../../base/bytes.ts';
import { AF, SOCK } from '../sockaddr.ts';
import { defineWorkload, type ScriptTask } from './workload.ts';

const SERVER = '127.0.0.53';

export const names = defineWorkload('names', 'a program that looks a name up and connects', (world) => {
  const curl = world.spawn({ comm: 'curl', uid: 1000, gid: 1000 });
  lookUp(curl, 'www.example.org', [10, 0, 0, 80]);
  const web = curl.socket();
  curl.connect(web, '10.0.0.80', 443);
  curl.close(web);
  world.advance(400_000_000n);
  const again = curl.socket();
  curl.connect(again, '10.0.0.80', 443);
  curl.close(again);
  const other = world.spawn({ comm: 'other' });
  const direct = other.socket();
  other.connect(direct, '192.0.2.7', 22);
  other.close(direct);
});

/** getaddrinfo(3) of the C library: a connected datagram socket, one question, one answer. */
function lookUp(task: ScriptTask, name: string, address: readonly number[]): void {
  const fd = task.socket(AF.INET, SOCK.DGRAM);
  task.connect(fd, SERVER, 53);
  task.write(fd, question(name, 0x0100));
  // The answer repeats the question; its name points back to it.
  const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address];
  task.receive(fd, 2048, Uint8Array.from([...question(name, 0x8180, 1), ...answer]));
  task.close(fd);
}

/** Header and question section of RFC 1035. */
function question(name: string, flags: number, answers = 0): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...utf8Encode(label)]);
  const header = [0x12, 0x34, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0];
  return Uint8Array.from([...header, ...labels, 0, 0, 1, 0, 1]);
}
