/**
 * Every message with which core/verifier refuses, read out of its source: the literals of `fail(category, message)`, `refuse(...)` and
 * `new Refusal(...)`. What is put in stands for any text.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface RefusalMessage {
  readonly file: string;
  readonly line: number;
  /** The literal, with `…` for what is put in. */
  readonly text: string;
  readonly pattern: RegExp;
}

const FOLDER = new URL('../../core/verifier/', import.meta.url);
const CALL = /\b(?:fail|refuse|Refusal)\(/g;

/** Offset of the quote that ends the literal which begins at `at`; `holes` gets the `${...}` of a template. */
function endOfLiteral(text: string, at: number, parts: string[]): number {
  const quote = text[at]!;
  let part = '';
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') part += text[++i];
    else if (text[i] === quote) {
      parts.push(part);
      return i;
    } else if (quote === '`' && text.startsWith('${', i)) {
      parts.push(part);
      part = '';
      let depth = 0;
      for (; i < text.length; i++) {
        if ('`\'"'.includes(text[i]!)) i = endOfLiteral(text, i, []);
        else if (text[i] === '{') depth++;
        else if (text[i] === '}' && --depth === 0) break;
      }
    } else part += text[i];
  }
  return text.length;
}

/** The literals of a call's arguments after the first: only those that are the message, or one of two. */
function messagesOf(text: string, open: number): string[][] {
  const out: string[][] = [];
  let depth = 0;
  let argument = 0;
  for (let i = open; i < text.length; i++) {
    const ch = text[i]!;
    if ('`\'"'.includes(ch)) {
      const parts: string[] = [];
      const compared = /[=!]==\s*$/.test(text.slice(open, i));
      i = endOfLiteral(text, i, parts);
      const looked = /^.\s+in\s/.test(text.slice(i, i + 5));
      if (argument === 1 && depth === 1 && !compared && !looked) out.push(parts);
    } else if ('([{'.includes(ch)) depth++;
    else if (')]}'.includes(ch)) {
      if (--depth === 0) break;
    } else if (ch === ',' && depth === 1) argument++;
  }
  return out;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export function refusalMessages(): RefusalMessage[] {
  const found = new Map<string, RefusalMessage>();
  for (const file of readdirSync(FOLDER).sort()) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(new URL(file, FOLDER), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (c) =>
      c.replace(/[^\n]/g, ' '),
    );
    for (const m of text.matchAll(CALL)) {
      for (const parts of messagesOf(text, m.index + m[0].length - 1)) {
        const shown = parts.join('…');
        if (found.has(shown)) continue;
        const line = text.slice(0, m.index).split('\n').length;
        found.set(shown, { file, line, text: shown, pattern: new RegExp(`^${parts.map(escaped).join('.*')}$`, 's') });
      }
    }
  }
  return [...found.values()];
}

/** What cases and mistakes are refused with: last lines. */
export function shownMessages(
  cases: readonly { readonly says: string; readonly reason?: string | undefined }[],
  mistakes: readonly { readonly says: string }[],
) {
  const ofMistake = (says: string) => [...says.matchAll(/^ {2}verifier: (.*?) \(insn \d+\)$/gm)].map((m) => m[1]!);
  return [...cases.flatMap((c) => [c.says, c.reason ?? '']), ...mistakes.flatMap((m) => ofMistake(m.says))];
}

/** The messages that no case and no mistake shows. */
export function withoutCase(shown: readonly string[]): RefusalMessage[] {
  return refusalMessages().filter((m) => !shown.some((text) => m.pattern.test(text)));
}
