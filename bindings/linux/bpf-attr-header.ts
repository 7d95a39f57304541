/**
 * Prints native/linux/bpf_attr.gen.h: the table of bpf(2) as assertions against the machine's own <linux/bpf.h>. Fields that are newer than
 * that header are left out by its version. Rewrite the file with `SKEP_WRITE_GEN=1 npx vitest run test/linux`.
 */
import { type AttrField, type AttrLayout, BPF_COMMANDS, FIELD_SIZE, LAYOUTS } from './bpf-attr.ts';

export function printBpfAttrHeader(): string {
  const checks = new Map<string, string[]>();
  const add = (since: string | undefined, line: string): void => {
    const lines = checks.get(since ?? '') ?? [];
    lines.push(line);
    checks.set(since ?? '', lines);
  };
  for (const command of BPF_COMMANDS) {
    const since = 'since' in command ? command.since : undefined;
    add(since, `static_assert(BPF_${command.name} == ${command.number});`);
  }
  for (const layout of Object.values<AttrLayout>(LAYOUTS)) {
    for (const field of layout.fields) add(field.since ?? layout.since, fieldCheck(layout, field));
  }
  const versions = [...checks.keys()].sort((a, b) => versionNumber(a) - versionNumber(b));
  const body = versions.map((since) => {
    const lines = checks.get(since)!.join('\n');
    if (since === '') return lines;
    const [major, minor] = since.split('.');
    return `#if LINUX_VERSION_CODE >= KERNEL_VERSION(${major}, ${minor}, 0)\n${lines}\n#endif`;
  });
  return `// Printed by bindings/linux/bpf-attr-header.ts from bpf-attr.ts; do not edit.
#pragma once
#include <linux/bpf.h>
#include <linux/version.h>

#include <cstddef>

${body.join('\n\n')}
`;
}

function versionNumber(since: string): number {
  const [major = 0, minor = 0] = since.split('.').map(Number);
  return major * 1000 + minor;
}

function fieldCheck(layout: AttrLayout, field: AttrField): string {
  const member = `${layout.member ? `${layout.member}.` : ''}${field.c ?? field.name}`;
  const size = `sizeof(bpf_attr{}.${member}) == ${FIELD_SIZE[field.kind]}`;
  return `static_assert(offsetof(bpf_attr, ${member}) == ${field.at} && ${size});`;
}
