/** What the running kernel was built with, where it says so: /proc/config.gz (CONFIG_IKCONFIG_PROC) or /boot/config-RELEASE. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { textOf } from './machine.ts';

let text: string | undefined;

function configText(): string {
  if (text === undefined) {
    try {
      text = gunzipSync(readFileSync('/proc/config.gz')).toString('latin1');
    } catch {
      text = textOf(`/boot/config-${release()}`) ?? '';
    }
  }
  return text;
}

/** 'y', 'm', a value, 'n' for what is not set; undefined where the kernel does not tell. */
export function kernelConfig(name: string): string | undefined {
  const config = configText();
  if (config === '') return undefined;
  return new RegExp(`^${name}=(.*)$`, 'm').exec(config)?.[1] ?? 'n';
}
