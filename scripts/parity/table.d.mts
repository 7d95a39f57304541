/** Types of table.mjs, for the test that checks it. */
export interface Feature {
  readonly id: string;
  readonly area: string;
  readonly what: string;
}
export interface Status {
  readonly rows: readonly (Feature & { readonly model: string; readonly live: string })[];
  readonly unknown: readonly string[];
  readonly differences: readonly string[];
  readonly summary: string;
}
export const BEGIN: string;
export const END: string;
export function features(): Feature[];
export function reasons(): { readonly id: string; readonly where: string; readonly why: string }[];
export function tagsOf(name: string): string[];
export function taggedFiles(root: string): string[];
export function readTable(page: string): Map<string, { readonly model: string; readonly live: string }>;
export function statusOf(
  report: unknown,
  root: string,
  before: ReadonlyMap<string, { readonly model: string; readonly live: string }>,
): Status;
export function table(status: Status): string;
