/**
 * The guest's kernel as an oracle of the verifier: one boot, questions and answers over a virtio port, in the protocol of
 * test/verifier/oracle/oracle.c, which runs in the guest, linked statically. Nothing else is there, so that it is up in seconds.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Btf } from '../../core/btf/btf.ts';
import { readBtf } from '../../core/btf/read.ts';
import { type Answer, buildOracle, converse, type Question } from '../verifier/kernel-oracle.ts';
import { KERNEL_LINE, machineArguments, makeImage, withScript } from './machine.ts';

/** Longest the guest may take from its start to the oracle's first word. */
const BOOT_LIMIT_MS = 120_000;
const MEMORY_MB = 512;

const script = (unprivileged: boolean) => `
echo 0 > /proc/sys/kernel/unprivileged_bpf_disabled
exec 3<>$(echo /dev/vport*p1)
base64 -w 0 /sys/kernel/btf/vmlinux >&3
echo >&3
/oracle ${unprivileged ? '-u' : ''} <&3 >&3
`;

export interface GuestOracle {
  /** Of the kernel that answers: '6.1'. */
  readonly kernel: string;
  readonly types: Btf;
  ask(questions: readonly Question[]): Promise<Answer[]>;
  close(): Promise<void>;
}

/** Boot a guest that answers. `unprivileged`: as a user without capabilities, which the guest's sysctl lets load programs. */
export async function startGuestOracle({ unprivileged = false } = {}): Promise<GuestOracle> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-oracle-guest-'));
  const image = makeImage({
    skep: false,
    files: { [buildOracle('static')]: '/oracle' },
    modules: ['drivers/char/virtio_console.ko'],
  });
  const clean = () => {
    image.remove();
    rmSync(folder, { recursive: true, force: true });
  };
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...machineArguments(image, withScript(image, script(unprivileged), folder), MEMORY_MB),
      ...['-serial', `file:${join(folder, 'console')}`, '-chardev', 'stdio,id=port,signal=off'],
      ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=port,nr=1'],
      ...['-append', KERNEL_LINE],
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let errors = '';
  child.stderr.on('data', (bytes) => (errors = (errors + bytes).slice(-2000)));
  child.stdout.setEncoding('utf8');
  // The first line are the types of the guest's kernel, and says that the oracle is about to listen.
  const types = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), BOOT_LIMIT_MS);
    const parts: string[] = [];
    const listen = (chunk: string) => {
      parts.push(chunk);
      if (!chunk.includes('\n')) return;
      clearTimeout(timer);
      child.stdout.off('data', listen);
      resolve(parts.join(''));
    };
    child.stdout.on('data', listen);
    child.once('error', () => resolve(undefined));
    void ended.then(() => resolve(undefined));
  });
  if (types === undefined) {
    child.kill('SIGKILL');
    const said = readFileSync(join(folder, 'console'), 'latin1').slice(-2000);
    clean();
    throw new Error(`the guest's oracle does not answer: ${errors}${said}`);
  }
  return {
    kernel: /^\d+\.\d+/.exec(image.kernel.release)![0],
    types: readBtf(Buffer.from(types, 'base64')),
    ask: (questions) => converse(child.stdin, child.stdout, questions),
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      clean();
    },
  };
}
